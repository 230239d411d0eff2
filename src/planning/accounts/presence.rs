//! What becomes of an identity's account at one target.
//!
//! Must never: be guessed: what is not known is [`Presence::Unclear`].

use std::collections::BTreeSet;

use crate::planning::basis::Basis;
use crate::planning::people::identity::Absence;
use crate::planning::targets::claims::Matched;

/// What becomes of an identity's account at one target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::planning) enum Presence {
    /// it has none that is ours, and gets none
    #[default]
    Absent,
    /// it has one, and keeps it or gets it by adoption
    Stays,
    /// it is made in this plan
    Made,
    /// it has one of ours that goes
    Leaves,
    /// that can't be said: whatever is observed stays
    Unclear,
}

/// What is known of the accounts of one target: what becomes of identities' ones, and those of ours that go since their identity is gone.
#[derive(Clone, Copy)]
pub(in crate::planning) struct Known<'k> {
    pub(in crate::planning) presence: &'k [Presence],
    pub(in crate::planning) gone: &'k BTreeSet<u32>,
}

/// Whether it can't be said what becomes of an account, though it is somebody's, or may be.
pub(in crate::planning) fn is_open((basis, matched): (&Basis<'_>, &Matched), target: usize, row: u32, known: Known<'_>) -> bool {
    let claims = &matched.claims[target];
    match claims.holder(row) {
        Some(identity) => known.presence.get(identity as usize) == Some(&Presence::Unclear),
        None => {
            let remembered = || basis.former_key(target, row).is_some_and(|key| basis.people.absence(&key) != Absence::Nowhere);
            claims.contested(row) || (!known.gone.contains(&row) && remembered())
        }
    }
}
