//! `removals` of the Workspace: what manifests may lose at once, where headcount runs all the time.
//!
//! Must never: let anything through that it does not name.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Lets a revision through in which something vanished that is otherwise held: Sources and Targets by name, Users and Groups by number. The refusal prints it ready
/// to paste.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Removals {
    /// Sources and Targets that may go: `Source/old-hr`, `Target/chat`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// So many User documents may go at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub users: Option<u64>,
    /// So many Group documents may go at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<u64>,
    /// Why, for the reviewer.
    pub reason: String,
    /// Last day on which it counts (ISO date).
    pub expires: String,
}

impl Removals {
    /// A name of `names`, taken apart: the kind, which is `Source` or `Target`, and the name.
    pub fn kind_and_name(written: &str) -> Option<(&str, &str)> {
        written.split_once('/').filter(|(kind, name)| ["Source", "Target"].contains(kind) && !name.is_empty())
    }
}
