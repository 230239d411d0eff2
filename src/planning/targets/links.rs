//! What the state remembers: the links that lead from an identity's keys to accounts.
//!
//! Must never: take a link for a proof.

use std::sync::Arc;

use crate::model::ObjectKind;
use crate::planning::basis::Basis;
use crate::world::LinkRow;

/// The links that lead from an identity's keys.
pub(in crate::planning) fn of<'w>(basis: &Basis<'w>, target: usize, key: &str, others: &[Arc<str>]) -> Vec<LinkRow<'w>> {
    let (world, name) = (basis.world, &basis.policy.targets[target].name);
    let of = |key: &str| world.recall.links_of(name, ObjectKind::Account, key);
    let mut links = of(key);
    for other in others {
        links.extend(of(other));
    }
    links
}
