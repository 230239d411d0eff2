//! Keys that accounts have now and whose identities had another one before: a rename that was taken back.
//!
//! Must never: give an object to somebody who had its key once while whoever has it now is there, or may be.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::ObjectKind;
use crate::planning::basis::Basis;
use crate::planning::people::identity::Absence;

/// The keys that accounts of an identity have now, where they had its key before and nobody has the new one: a rename that was taken back.
pub(in crate::planning) fn later_keys(basis: &Basis<'_>, target: usize, key: &str) -> Vec<Arc<str>> {
    let (world, name) = (basis.world, &basis.policy.targets[target].name);
    if world.memory.formers.is_empty() || !world.recall.ids_of(name, ObjectKind::Account, key).is_empty() {
        return Vec::new();
    }
    let ids = world.recall.formerly(&world.memory, name, ObjectKind::Account, key);
    let now = ids.into_iter().filter_map(|id| world.recall.key_of(name, ObjectKind::Account, id));
    let nobodys = |key: &&str| basis.people.find(key).is_none() && !matches!(basis.people.absence(key), Absence::Unproven(_));
    let keys: BTreeSet<Arc<str>> = now.filter(nobodys).map(Arc::from).collect();
    keys.into_iter().collect()
}
