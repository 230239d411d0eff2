//! Lookup tables: a cost centre's department, a country's region.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::Value;

/// One table: what each key stands for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// its name in the Workspace
    pub name: Arc<str>,
    /// key to value; none for a key that stands for an explicit null
    pub entries: HashMap<Box<str>, Option<Value>>,
}

/// The tables of a workspace, by name.
pub type Tables = BTreeMap<Arc<str>, Arc<Table>>;

impl Table {
    /// What a key stands for: nothing where the table does not have it, no value where it says null. Blanks around a key don't count.
    pub fn get(&self, key: &str) -> Option<Option<&Value>> {
        self.entries.get(key.trim()).map(Option::as_ref)
    }
}
