//! Where somebody still is, and where that can't be told: before they are forgotten.
//!
//! Must never: take a system that was not read to its end for one that has nobody.

use std::sync::Arc;

use super::World;
use crate::model::{Evidence, Key, ObjectKind};
use crate::policy::Policy;

/// Where somebody is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Whereabouts {
    /// Sources, Users and Targets that have them, in words
    pub there: Vec<String>,
    /// those that may have them
    pub unread: Vec<String>,
}

impl World {
    /// Of whoever has these keys. An account is theirs by what is remembered, or by its mark.
    pub fn whereabouts(&self, policy: &Policy, keys: &[Arc<str>]) -> Whereabouts {
        let mut found = Whereabouts::default();
        for user in policy.users.iter().filter(|user| !user.exclude && keys.contains(&user.key)) {
            found.there.push(format!("the manifest of {}", user.key));
        }
        for (rules, side) in policy.sources.iter().zip(&self.sources) {
            let here = |key: &Arc<str>| Key::within(key, &rules.name).is_some_and(|record| side.find(record).is_some());
            if keys.iter().any(here) {
                found.there.push(format!("Source {}", rules.name));
            }
        }
        for (rules, side) in policy.targets.iter().zip(&self.targets) {
            let accounts = &side.accounts;
            let linked = |key: &Arc<str>| {
                let ids = self.recall.ids_of(&rules.name, ObjectKind::Account, key);
                ids.into_iter().any(|id| accounts.find_id(id).is_some())
            };
            if keys.iter().any(|key| linked(key) || !accounts.marked(key).is_empty()) {
                found.there.push(format!("Target {}", rules.name));
            }
        }
        for row in self.evidence.iter().filter(|row| row.kind == ObjectKind::Account) {
            if row.evidence != Evidence::Complete {
                found.unread.push(format!("{} was not read to its end", row.system));
            }
        }
        found
    }
}
