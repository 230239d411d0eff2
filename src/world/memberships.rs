//! Who belongs to which group of one Target: pairs of rows, sorted.
//!
//! Must never: drop a membership whose group or member was not read; it may still be looked up.

use std::collections::BTreeMap;

use super::canonical;
use super::hash::Keyed;
use super::objects::Objects;
use crate::model::{Cell, Evidence, Page};

/// The memberships of one Target.
#[derive(Clone, Debug)]
pub(crate) struct Memberships {
    raw: Vec<RawPair>,
    pairs: Vec<(u32, Member)>,
    pub(crate) evidence: Evidence,
}

/// A member by the row of its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Member {
    /// a row of the accounts
    Account(u32),
    /// a row of the groups
    Group(u32),
}

/// Hashes of the ids, before the rows are known; afterwards those that lead to none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct RawPair {
    group: u64,
    member: u64,
    kind: MemberKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum MemberKind {
    Account,
    Group,
    Unsaid,
}

impl Default for Memberships {
    fn default() -> Self {
        Self { raw: Vec::new(), pairs: Vec::new(), evidence: Evidence::Unreadable { reason: "it was not read".into() } }
    }
}

impl Memberships {
    /// Takes a page: group, member, kind.
    pub(crate) fn add(&mut self, keyed: Keyed, page: &Page) {
        for row in page.rows() {
            let mut cells = row.cells();
            let mut next = || cells.next().unwrap_or(Cell::Missing);
            let (group, member, kind) = (next(), next(), next());
            let kind = match kind.as_text() {
                Some("account") => MemberKind::Account,
                Some("group") => MemberKind::Group,
                _ => MemberKind::Unsaid,
            };
            self.raw.push(RawPair { group: keyed.text(&canonical::text(group)), member: keyed.text(&canonical::text(member)), kind });
        }
    }

    /// Finds the rows of the pairs that can be found now.
    pub(crate) fn resolve(&mut self, accounts: &Objects, groups: &Objects) {
        let resolved = &mut self.pairs;
        self.raw.retain(|pair| match pair.rows(&[accounts], &[groups]) {
            Some(rows) => {
                resolved.push(rows);
                false
            }
            None => true,
        });
        self.raw.shrink_to_fit();
        self.pairs.sort_unstable();
        self.pairs.dedup();
        self.pairs.shrink_to_fit();
    }

    /// Pairs that lead to rows only with the objects that were looked up; these count after the others.
    pub(crate) fn resolve_with(&self, accounts: [&Objects; 2], groups: [&Objects; 2]) -> Vec<(u32, Member)> {
        let mut pairs: Vec<_> = self.raw.iter().filter_map(|pair| pair.rows(&accounts, &groups)).collect();
        pairs.sort_unstable();
        pairs.dedup();
        pairs
    }

    /// How many members of each group lead to no row.
    pub(crate) fn strangers(&self, accounts: [&Objects; 2], groups: [&Objects; 2]) -> BTreeMap<u32, u64> {
        let mut found = BTreeMap::new();
        for pair in self.raw.iter().filter(|pair| pair.rows(&accounts, &groups).is_none()) {
            if let Some(group) = find(&groups, pair.group) {
                *found.entry(group).or_default() += 1;
            }
        }
        found
    }

    /// All pairs, by group.
    pub(crate) fn pairs(&self) -> &[(u32, Member)] {
        &self.pairs
    }

    /// How many distinct memberships came.
    pub(crate) fn count(&self) -> u64 {
        (self.pairs.len() + self.raw.len()) as u64
    }
}

impl RawPair {
    fn rows(&self, accounts: &[&Objects], groups: &[&Objects]) -> Option<(u32, Member)> {
        let group = find(groups, self.group)?;
        let account = || find(accounts, self.member).map(Member::Account);
        let nested = || find(groups, self.member).map(Member::Group);
        let member = match self.kind {
            MemberKind::Account => account(),
            MemberKind::Group => nested(),
            MemberKind::Unsaid => account().or_else(nested),
        };
        Some((group, member?))
    }
}

/// The row in the streams put one after the other.
pub(super) fn find(streams: &[&Objects], hash: u64) -> Option<u32> {
    let mut before = 0;
    for stream in streams {
        if let Some(row) = stream.find_id_hash(hash) {
            return Some(before + row);
        }
        before += stream.len();
    }
    None
}
