//! What headcount remembers to have done to an account: deactivated it, made it without access, cut somebody off.
//!
//! Must never: take what others did for its own.

use std::sync::Arc;

use jiff::Timestamp;

use crate::model::{Key, ObjectKind};
use crate::planning::basis::Basis;

/// Whether a revocation of this identity, or of the account by itself, deactivated the account: when it ends, the identity finds it again, whoever made it.
pub(in crate::planning) fn was_cut_off(basis: &Basis<'_>, target: usize, row: u32, key: &str) -> bool {
    let known = &basis.world.memory.cut_off;
    if known.is_empty() {
        return false;
    }
    let (name, id) = (&basis.policy.targets[target].name, basis.observed[target].accounts().id(row));
    let by_itself = Key::account(name, &id).text();
    let theirs = |known: &Arc<str>| known.as_ref() == key || *known == by_itself;
    known.iter().any(|known| known.kind == ObjectKind::Account && known.target == *name && known.id.as_ref() == id && theirs(&known.key))
}

/// When headcount deactivated an account, or made it without access.
pub(in crate::planning) fn our_deactivation(basis: &Basis<'_>, target: usize, row: u32) -> Option<Timestamp> {
    let accounts = basis.observed[target].accounts();
    let known = our_deactivation_of(basis, target, &accounts.id(row));
    known.or_else(|| rested(basis, target, &accounts.marked_key(row)?))
}

/// When headcount was about to make an identity's account without access, where no answer came: its id is not known.
pub(in crate::planning) fn rested(basis: &Basis<'_>, target: usize, key: &str) -> Option<Timestamp> {
    let name = &basis.policy.targets[target].name;
    basis.world.memory.resting.iter().find(|known| known.target == *name && known.key.as_ref() == key).map(|known| known.at)
}

/// The same of an account that may not have been read.
pub(in crate::planning) fn our_deactivation_of(basis: &Basis<'_>, target: usize, id: &str) -> Option<Timestamp> {
    basis.world.recall.deactivated(&basis.world.memory, &basis.policy.targets[target].name, id)
}
