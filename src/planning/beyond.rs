//! What stands beyond the people who are planned, where those are not everybody: how many others there are of whatever is counted over all.
//!
//! Must never: stand for anybody of whom something is decided; whoever may be another than before is planned.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::civil::Date;

/// What stands beyond. Of a plan of everybody, nothing.
#[derive(Clone, Debug, Default)]
pub(in crate::planning) struct Beyond {
    /// last days that nearly everybody of a source has, where they are known already
    pub(in crate::planning) shared_ends: Option<Vec<Date>>,
    /// by target
    pub(in crate::planning) targets: Vec<Others>,
    /// by the Groups' positions in the policy: how many their rules cover
    pub(in crate::planning) covered: Vec<u64>,
    /// by the Entitlements' positions: how many their rules cover
    pub(in crate::planning) entitled: Vec<u64>,
    /// keys to which somebody who is planned refers as before: their accounts are those that are observed there
    pub(in crate::planning) referred: BTreeSet<Arc<str>>,
}

/// The others at one target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::planning) struct Others {
    /// people whose account stays or is made
    pub(in crate::planning) staying: u64,
    /// links of accounts, all of them and those that count
    pub(in crate::planning) links: u64,
    pub(in crate::planning) counting: u64,
    /// accounts: what they are
    pub(in crate::planning) accounts: Totals,
}

/// How many accounts are what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::planning) struct Totals {
    /// active, and headcount may remove them
    pub(in crate::planning) removable: u64,
    /// a mark or a link says that they are ours
    pub(in crate::planning) ours: u64,
    /// in a group that headcount may take them out of
    pub(in crate::planning) members: u64,
    /// with an entitlement that headcount may take
    pub(in crate::planning) entitled: u64,
    /// nobody's
    pub(in crate::planning) nobodys: u64,
    /// active, and somebody's whom headcount knows, whoever made it
    pub(in crate::planning) held: u64,
}

/// What one account is, a bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::planning) struct Traits(u8);

impl Traits {
    pub(in crate::planning) const REMOVABLE: Self = Self(1);
    pub(in crate::planning) const OURS: Self = Self(2);
    pub(in crate::planning) const MEMBER: Self = Self(4);
    pub(in crate::planning) const ENTITLED: Self = Self(8);
    pub(in crate::planning) const NOBODYS: Self = Self(16);
    pub(in crate::planning) const HELD: Self = Self(32);

    /// It is this too.
    pub(in crate::planning) fn put(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Whether it is this.
    pub(in crate::planning) fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

impl Totals {
    /// Of these accounts.
    pub(in crate::planning) fn of(accounts: impl Iterator<Item = Traits>) -> Self {
        accounts.fold(Self::default(), |mut sum, account| {
            sum.count(account, 1);
            sum
        })
    }

    /// One more, or one fewer.
    pub(in crate::planning) fn count(&mut self, account: Traits, by: i64) {
        let Self { removable, ours, members, entitled, nobodys, held } = self;
        let all = [
            (Traits::REMOVABLE, removable),
            (Traits::OURS, ours),
            (Traits::MEMBER, members),
            (Traits::ENTITLED, entitled),
            (Traits::NOBODYS, nobodys),
            (Traits::HELD, held),
        ];
        all.into_iter().filter(|(kind, _)| account.has(*kind)).for_each(|(_, sum)| *sum = sum.saturating_add_signed(by));
    }
}

impl Beyond {
    /// The others at a target.
    pub(in crate::planning) fn at(&self, target: usize) -> Others {
        self.targets.get(target).copied().unwrap_or_default()
    }

    /// Whether the rule of a Group covers any other.
    pub(in crate::planning) fn covers(&self, group: usize) -> bool {
        self.covered.get(group).is_some_and(|others| *others > 0)
    }

    /// Whether the rule of an Entitlement covers any other.
    pub(in crate::planning) fn entitles(&self, entitlement: usize) -> bool {
        self.entitled.get(entitlement).is_some_and(|others| *others > 0)
    }
}
