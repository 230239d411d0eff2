//! Which objects, in which version of their specs, a revision was made of; and what is wrong with objects of the newest one. Who writes the status asks here.
//!
//! Must never: grow with the number of revisions.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::objects::ObjectName;

/// So many revisions are known, and so many that were in force besides: many that can't be used may come after one that is.
const KNOWN: usize = 4;

/// The register of a namespace. A copy is the same.
#[derive(Clone, Debug, Default)]
pub struct Register(Arc<Mutex<Entries>>);

#[derive(Debug, Default)]
struct Entries {
    revisions: Vec<(Arc<str>, Arc<Generations>)>,
    in_force: Vec<(Arc<str>, Arc<Generations>)>,
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
        put(&mut self.entries().revisions, (revision.clone(), Arc::new(generations)));
    }

    /// This one is in force from now on.
    pub(super) fn keep(&self, revision: &str) {
        let mut entries = self.entries();
        let kept = entries.revisions.iter().find(|(known, _)| known.as_ref() == revision).cloned();
        kept.into_iter().for_each(|kept| put(&mut entries.in_force, kept));
    }

    pub(super) fn of(&self, revision: &str) -> Option<Arc<Generations>> {
        let entries = self.entries();
        entries
            .in_force
            .iter()
            .chain(&entries.revisions)
            .find(|(known, _)| known.as_ref() == revision)
            .map(|(_, generations)| generations.clone())
    }

    pub(super) fn problems(&self) -> Problems {
        self.entries().problems.clone()
    }

    pub(super) fn refuse(&self, problems: Problems) {
        self.entries().problems = problems;
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The newest at the end.
fn put(all: &mut Vec<(Arc<str>, Arc<Generations>)>, one: (Arc<str>, Arc<Generations>)) {
    all.retain(|(known, _)| *known != one.0);
    all.push(one);
    let over = all.len().saturating_sub(KNOWN);
    all.drain(..over);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_force_is_known_however_many_come_after_it_that_can_t_be_used() {
        let register = Register::default();
        register.note(&"good".into(), Generations::from([(("Group", "ops".into()), 3)]));
        register.keep("good");
        (0..20).for_each(|number| register.note(&format!("bad-{number}").into(), Generations::new()));
        assert_eq!(register.of("good").unwrap().values().copied().collect::<Vec<_>>(), [3]);
        assert!(register.of("bad-1").is_none() && register.of("bad-19").is_some());
    }
}
