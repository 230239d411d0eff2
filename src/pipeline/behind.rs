//! The manifest lines behind the changes of a plan, worked out when the first one is shown.
//!
//! Must never: cost anything where nothing changes.

use std::cell::OnceCell;
use std::sync::Arc;

use super::Snapshot;
use crate::diagnostic::Place;
use crate::model::{Change, MemberChange, ObjectRef};
use crate::planning::explain::{Origins, Provenance};
use crate::render::Lines;
use crate::review::{Explain, PersonCard};

/// Where the changes that were planned over a snapshot come from.
pub struct ChangeOrigins<'a> {
    snapshot: &'a Snapshot,
    provenance: OnceCell<Provenance<'a>>,
}

impl<'a> ChangeOrigins<'a> {
    /// Nothing is worked out yet.
    pub fn of(snapshot: &'a Snapshot) -> Self {
        Self { snapshot, provenance: OnceCell::new() }
    }

    /// The answers to any further question.
    pub fn provenance(&self) -> &Provenance<'a> {
        let Snapshot { policy, world, moment, .. } = self.snapshot;
        self.provenance.get_or_init(|| Provenance::new(policy, world, *moment))
    }
}

impl Lines for ChangeOrigins<'_> {
    fn of(&self, change: &Change) -> Option<Place> {
        self.provenance().line(change)
    }

    fn of_member(&self, change: &Change, member: &MemberChange) -> Option<Place> {
        self.provenance().member_line(change, member)
    }

    fn of_attribute(&self, change: &Change, attribute: &Arc<str>) -> Option<Place> {
        self.provenance().attribute_line(change, attribute)
    }

    fn name(&self, key: &str) -> Option<String> {
        self.provenance().name(key)
    }

    fn displayed(&self, key: &str) -> Option<String> {
        self.provenance().displayed(key)
    }
}

impl Explain for ChangeOrigins<'_> {
    fn origins(&self, change: &Change) -> Origins {
        self.provenance().origins(change)
    }

    fn size(&self, target: &str, group: &ObjectRef) -> Option<u64> {
        self.provenance().size(target, group)
    }

    fn person(&self, key: &str) -> Option<PersonCard> {
        self.provenance().person(key)
    }
}
