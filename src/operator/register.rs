//! Which objects, in which version of their specs, a revision was made of; and what is wrong with objects of the newest one. Who writes the status asks here.
//!
//! Must never: grow with the number of revisions.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::objects::ObjectName;

/// So many revisions are known.
const KNOWN: usize = 4;

/// The register of a namespace. A copy is the same.
#[derive(Clone, Debug, Default)]
pub struct Register(Arc<Mutex<Entries>>);

#[derive(Debug, Default)]
struct Entries {
    revisions: Vec<(Arc<str>, Arc<Generations>)>,
    problems: Problems,
}

/// By object the version of its spec.
pub(super) type Generations = BTreeMap<ObjectName, i64>;

/// What is wrong with the newest objects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Problems {
    /// by the object's kind and name: in which version of its spec, and what
    pub objects: BTreeMap<(String, String), String>,
    /// what is wrong with none of them in particular
    pub besides: Option<String>,
}

impl Register {
    pub(super) fn note(&self, revision: &Arc<str>, generations: Generations) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.revisions.retain(|(known, _)| known != revision);
        entries.revisions.push((revision.clone(), Arc::new(generations)));
        let over = entries.revisions.len().saturating_sub(KNOWN);
        entries.revisions.drain(..over);
    }

    pub(super) fn of(&self, revision: &str) -> Option<Arc<Generations>> {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.revisions.iter().find(|(known, _)| known.as_ref() == revision).map(|(_, generations)| generations.clone())
    }

    pub(super) fn problems(&self) -> Problems {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).problems.clone()
    }

    pub(super) fn refuse(&self, problems: Problems) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).problems = problems;
    }
}
