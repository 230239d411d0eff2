//! What is remembered since somebody last asked: all of it, or what may be otherwise.
//!
//! Must never: leave out a row that what was committed meanwhile may have made, changed or taken away.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::change::ObjectKind;
use super::memory::Memory;

/// What is remembered, as of one write of the state.
#[derive(Clone, Debug)]
pub struct Recollection {
    /// how often the state had been written to
    pub generation: u64,
    /// all that is remembered; or, of what there is for each object and person, what these touched
    pub memory: Memory,
    /// of what alone the memory tells; none: of everything
    pub of: Option<TouchedMemory>,
}

/// Target, attribute, value and key.
pub type DepartedRow = (Arc<str>, Arc<str>, Arc<str>, Arc<str>);

/// Of which objects and people something else may be remembered. Whatever is neither about one object nor one person may always be otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TouchedMemory {
    /// by target, kind and id: links, former keys, deactivations, what was written
    pub objects: BTreeSet<(Arc<str>, ObjectKind, Arc<str>)>,
    /// by target, kind and our key: links
    pub names: BTreeSet<(Arc<str>, ObjectKind, Arc<str>)>,
    /// accounts by target and our key: what was given to them
    pub granted: BTreeSet<(Arc<str>, Arc<str>)>,
    /// by source and record: whose it is
    pub records: BTreeSet<(Arc<str>, Arc<str>)>,
    /// by source and identity: which record it has
    pub identities: BTreeSet<(Arc<str>, Arc<str>)>,
    /// names of people who left
    pub departed: BTreeSet<DepartedRow>,
    /// by target and key: all names that they had
    pub returned: BTreeSet<(Arc<str>, Arc<str>)>,
}

impl TouchedMemory {
    /// With what was touched besides.
    pub fn add(&mut self, other: &Self) {
        self.objects.extend(other.objects.iter().cloned());
        self.names.extend(other.names.iter().cloned());
        self.granted.extend(other.granted.iter().cloned());
        self.records.extend(other.records.iter().cloned());
        self.identities.extend(other.identities.iter().cloned());
        self.departed.extend(other.departed.iter().cloned());
        self.returned.extend(other.returned.iter().cloned());
    }

    /// How much it names.
    pub fn len(&self) -> usize {
        let people = self.granted.len() + self.records.len() + self.identities.len() + self.departed.len() + self.returned.len();
        self.objects.len() + self.names.len() + people
    }

    /// Whether it names nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
