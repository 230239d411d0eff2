//! Who has which account at one target.
//!
//! Must never: give one account to two identities.

use crate::model::Key;
use crate::planning::basis::Basis;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What an identity has at one target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::planning) enum Claim {
    /// nothing
    None,
    /// an account that a link or its marker proves to be its own
    Owned(u32),
    /// an account that an attribute found
    Found(u32),
    /// it can't be told; a finding says why
    Blocked,
    /// its account vanished, and nobody has looked it up by its id
    Vanished,
}

/// Who has which account at one target.
pub(in crate::planning) struct Claims {
    pub(super) by_identity: Vec<Claim>,
    pub(super) by_row: Vec<u32>,
    /// of accounts that nobody gets, since whose they are can't be told: who wants them
    pub(super) contenders: BTreeMap<u32, BTreeSet<u32>>,
    /// accounts without access that headcount took it from, and that look like somebody's whom it serves
    pub(super) set_aside: BTreeSet<u32>,
    /// accounts with somebody's mark to which somebody else's link leads
    pub(super) disputed: BTreeSet<u32>,
    /// so much does not fit that another system seems to stand behind the target
    pub(in crate::planning) another_system: bool,
    /// somebody has no account, and not all is known by which it would be found: any that nobody has may be theirs
    pub(in crate::planning) open: bool,
}

pub(super) const NOBODY: u32 = u32::MAX;

pub(super) const CONTESTED: u32 = u32::MAX - 1;

impl Claims {
    /// What an identity has.
    pub(in crate::planning) fn of(&self, identity: u32) -> Claim {
        self.by_identity.get(identity as usize).copied().unwrap_or(Claim::None)
    }

    /// Who has an account.
    pub(in crate::planning) fn holder(&self, row: u32) -> Option<u32> {
        self.by_row.get(row as usize).copied().filter(|identity| *identity < CONTESTED)
    }

    /// Whether several want an account, or whose it is can't be told.
    pub(in crate::planning) fn contested(&self, row: u32) -> bool {
        self.by_row.get(row as usize) == Some(&CONTESTED)
    }

    /// Whether somebody else wants an account, too, or whose it is can't be told.
    pub(in crate::planning) fn is_wanted_by_others(&self, row: u32, identity: u32) -> bool {
        let wants = |others: &BTreeSet<u32>| others.iter().any(|other| *other != identity);
        self.holder(row).is_some_and(|holder| holder != identity) || (self.contested(row) && self.contenders.get(&row).is_none_or(wants))
    }

    /// Whether nobody can be missing among those who want accounts, so that one who alone wants one is the only one.
    pub(in crate::planning) fn are_all(&self, basis: &Basis<'_>) -> bool {
        basis.has_read_everybody() && (!self.open || basis.has_read_all())
    }

    /// Nobody gets an account that these want.
    pub(super) fn contest(&mut self, row: u32, identities: impl IntoIterator<Item = u32>) {
        self.by_row[row as usize] = CONTESTED;
        self.contenders.entry(row).or_default().extend(identities);
    }

    /// Whether an account that nobody has may still be somebody's: no authoritative target may take it for an account that nobody declares.
    pub(in crate::planning) fn is_set_aside(&self, row: u32) -> bool {
        self.set_aside.contains(&row)
    }

    /// Whether an account whose mark's owner is not there may be somebody else's who is: their link leads to it. It does not go with the owner of the mark.
    pub(in crate::planning) fn is_disputed(&self, row: u32) -> bool {
        self.disputed.contains(&row)
    }

    /// Whoever is cut off has all the accounts that are theirs; the first stands for them.
    pub(in crate::planning) fn give(&mut self, row: u32, identity: Option<u32>) {
        let Some(identity) = identity else { return };
        if let Some(holder) = self.by_row.get_mut(row as usize) {
            *holder = identity;
        }
        if let Some(claim) = self.by_identity.get_mut(identity as usize).filter(|claim| !matches!(claim, Claim::Owned(_))) {
            *claim = Claim::Owned(row);
        }
    }

    /// Somebody else may have as good a claim to an account as its holder: nobody gets it.
    pub(in crate::planning) fn dispute(&mut self, row: u32, holder: u32) {
        self.by_row[row as usize] = CONTESTED;
        self.contenders.remove(&row);
        self.by_identity[holder as usize] = Claim::Blocked;
    }

    /// The account that an identity has, proved or found.
    pub(in crate::planning) fn row(&self, identity: u32) -> Option<u32> {
        self.of(identity).row()
    }
}

impl Claim {
    /// The account, proved or found.
    pub(in crate::planning) fn row(self) -> Option<u32> {
        match self {
            Self::Owned(row) | Self::Found(row) => Some(row),
            Self::None | Self::Blocked | Self::Vanished => None,
        }
    }
}

/// By target.
pub(in crate::planning) struct Matched {
    /// who has which account
    pub(in crate::planning) claims: Vec<Claims>,
    /// accounts that are cut off, and whose they are
    pub(in crate::planning) cut: Vec<BTreeMap<u32, Arc<str>>>,
}

impl Matched {
    /// The key by which changes name an account: its holder's, else of its mark or link, else its id.
    pub(in crate::planning) fn account_key(&self, basis: &Basis<'_>, target: usize, row: u32) -> Arc<str> {
        match self.claims[target].holder(row) {
            Some(identity) => basis.people.key(identity),
            None => {
                let id = || Key::unclaimed(&basis.observed[target].accounts().id(row)).text();
                basis.former_key(target, row).unwrap_or_else(id)
            }
        }
    }
}
