//! Who belongs to which group of one Target: of each group the rows of its members, sorted.
//!
//! Must never: drop a membership whose group or member was not read; it may still be looked up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::canonical;
use super::delta::Moves;
use super::hash::Keyed;
use super::objects::Objects;
use crate::model::{Cell, Evidence, Page};

/// The memberships of one Target.
#[derive(Clone, Debug)]
pub(crate) struct Memberships {
    raw: Vec<RawPair>,
    /// by the group's row
    members: Vec<Vec<MemberRow>>,
    /// what members are called of which the system itself says that they are nobody
    names: BTreeMap<u64, Arc<str>>,
    pub(crate) evidence: Evidence,
}

/// A member by the row of its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum MemberRow {
    /// a row of the accounts
    Account(u32),
    /// a row of the groups
    Group(u32),
}

/// A member that leads to no row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stranger {
    /// the row of the group
    pub(crate) group: u32,
    /// of what the group lists it by
    pub(crate) hash: u64,
    /// that itself, where the system says that it is nobody
    pub(crate) name: Option<Arc<str>>,
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

/// The kind of a member that is neither an account nor a group, as far as the system itself can say.
const NOBODY: &str = "nobody";
/// So many memberships come and go one by one; of more all are put in order.
const FEW: usize = 64;

impl Default for Memberships {
    fn default() -> Self {
        Self {
            raw: Vec::new(),
            members: Vec::new(),
            names: BTreeMap::new(),
            evidence: Evidence::Unreadable { reason: "it was not read".into() },
        }
    }
}

impl Memberships {
    /// Takes a page: group, member, kind.
    pub(crate) fn add(&mut self, keyed: Keyed, page: &Page) {
        for row in page.rows().filter(|row| row.cells().nth(2).and_then(|kind| kind.as_text()) == Some(NOBODY)) {
            let name = canonical::text(row.cell(1));
            self.names.insert(keyed.text(&name), Arc::from(name.as_ref()));
        }
        self.raw.extend(raw(keyed, page));
    }

    /// These memberships are over.
    pub(super) fn end(&mut self, keyed: Keyed, page: &Page, accounts: &Objects, groups: &Objects) {
        let ended: BTreeSet<RawPair> = raw(keyed, page).collect();
        let rows: BTreeSet<(u32, MemberRow)> = ended.iter().filter_map(|pair| pair.rows(&[accounts], &[groups])).collect();
        self.raw.retain(|pair| !ended.iter().any(|ended| pair.ends_with(ended)));
        if rows.len() > FEW {
            let of_group = (0..).zip(&mut self.members);
            return of_group.for_each(|(group, members)| members.retain(|member| !rows.contains(&(group, *member))));
        }
        for (group, member) in rows {
            let members = self.of(group);
            if let Ok(at) = members.binary_search(&member) {
                members.remove(at);
            }
        }
    }

    /// Some accounts go, and others move; a membership of one that goes leads to no row any more.
    pub(super) fn move_accounts(&mut self, moves: &Moves, keyed: Keyed, accounts: &Objects, groups: &Objects) {
        let member = |member| match member {
            MemberRow::Account(row) => moves.to(row).map(MemberRow::Account),
            MemberRow::Group(_) => Some(member),
        };
        self.renumber(moves, (Some, member), keyed, accounts, groups);
    }

    /// Some groups go, and others move.
    pub(super) fn move_groups(&mut self, moves: &Moves, keyed: Keyed, accounts: &Objects, groups: &Objects) {
        let member = |member| match member {
            MemberRow::Account(_) => Some(member),
            MemberRow::Group(row) => moves.to(row).map(MemberRow::Group),
        };
        self.renumber(moves, (|group| moves.to(group), member), keyed, accounts, groups);
    }

    fn renumber(
        &mut self,
        moves: &Moves,
        (group_to, member_to): (impl Fn(u32) -> Option<u32>, impl Fn(MemberRow) -> Option<MemberRow>),
        keyed: Keyed,
        accounts: &Objects,
        groups: &Objects,
    ) {
        if moves.is_empty() {
            return;
        }
        let hashed = |objects: &Objects, row| keyed.text(&objects.id(row));
        for (group, mut members) in (0..).zip(std::mem::take(&mut self.members)) {
            let to = group_to(group);
            members.retain_mut(|member| {
                if let (Some(_), Some(moved)) = (to, member_to(*member)) {
                    *member = moved;
                    return true;
                }
                let (member, kind) = match *member {
                    MemberRow::Account(row) => (hashed(accounts, row), MemberKind::Account),
                    MemberRow::Group(row) => (hashed(groups, row), MemberKind::Group),
                };
                self.raw.push(RawPair { group: hashed(groups, group), member, kind });
                false
            });
            members.sort_unstable();
            to.into_iter().for_each(|to| *self.of(to) = std::mem::take(&mut members));
        }
    }

    /// Finds the rows of the pairs that can be found now.
    pub(crate) fn resolve(&mut self, accounts: &Objects, groups: &Objects) {
        if self.raw.is_empty() {
            return;
        }
        let mut resolved = Vec::new();
        self.raw.retain(|pair| match pair.rows(&[accounts], &[groups]) {
            Some(rows) => {
                resolved.push(rows);
                false
            }
            None => true,
        });
        self.raw.sort_unstable();
        self.raw.dedup();
        self.raw.shrink_to_fit();
        if resolved.len() <= FEW {
            // A few find their places among the others.
            for (group, member) in resolved {
                let members = self.of(group);
                if let Err(at) = members.binary_search(&member) {
                    members.insert(at, member);
                }
            }
            return;
        }
        resolved.into_iter().for_each(|(group, member)| self.of(group).push(member));
        for members in &mut self.members {
            members.sort_unstable();
            members.dedup();
            members.shrink_to_fit();
        }
    }

    fn of(&mut self, group: u32) -> &mut Vec<MemberRow> {
        let at = group as usize;
        if self.members.len() <= at {
            self.members.resize_with(at + 1, Vec::new);
        }
        &mut self.members[at]
    }

    /// Pairs that lead to rows only with the objects that were looked up; these count after the others.
    pub(crate) fn resolve_with(&self, accounts: [&Objects; 2], groups: [&Objects; 2]) -> Vec<(u32, MemberRow)> {
        let mut pairs: Vec<_> = self.raw.iter().filter_map(|pair| pair.rows(&accounts, &groups)).collect();
        pairs.sort_unstable();
        pairs.dedup();
        pairs
    }

    /// Members that lead to no row, of the groups that are known, sorted.
    pub(crate) fn strangers(&self, accounts: [&Objects; 2], groups: [&Objects; 2]) -> Vec<Stranger> {
        let unknown = self.raw.iter().filter(|pair| pair.rows(&accounts, &groups).is_none());
        let mut found: Vec<Stranger> = unknown
            .filter_map(|pair| {
                let (group, hash) = (find(&groups, pair.group)?, pair.member);
                Some(Stranger { group, hash, name: self.names.get(&hash).cloned() })
            })
            .collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Those of these accounts, and all groups in groups, by the rows of an excerpt.
    pub(super) fn excerpt(&self, accounts: &BTreeSet<u32>, groups: u32) -> Self {
        let of_group = |group: u32| {
            let members = self.members(group);
            // The accounts of a group come first, then the groups in it.
            let nested = members.partition_point(|member| matches!(member, MemberRow::Account(_)));
            let (people, nested) = members.split_at(nested);
            let here = accounts.iter().enumerate().filter(|(_, row)| people.binary_search(&MemberRow::Account(**row)).is_ok());
            here.map(|(row, _)| MemberRow::Account(row as u32)).chain(nested.iter().copied()).collect()
        };
        let members = (0..groups).map(of_group).collect();
        Self { raw: self.raw.clone(), members, names: self.names.clone(), evidence: self.evidence.clone() }
    }

    /// The members of a group, sorted.
    pub(crate) fn members(&self, group: u32) -> &[MemberRow] {
        self.members.get(group as usize).map_or(&[], Vec::as_slice)
    }

    /// All pairs, by group.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (u32, MemberRow)> + '_ {
        (0..).zip(&self.members).flat_map(|(group, members)| members.iter().map(move |member| (group, *member)))
    }

    /// Whether some lead to no row.
    pub(super) fn has_strangers(&self) -> bool {
        !self.raw.is_empty()
    }

    /// How many distinct memberships came.
    pub(crate) fn count(&self) -> u64 {
        (self.members.iter().map(Vec::len).sum::<usize>() + self.raw.len()) as u64
    }
}

fn raw(keyed: Keyed, page: &Page) -> impl Iterator<Item = RawPair> + '_ {
    page.rows().map(move |row| {
        let mut cells = row.cells();
        let mut next = || cells.next().unwrap_or(Cell::Missing);
        let (group, member, kind) = (next(), next(), next());
        let kind = match kind.as_text() {
            Some("account") => MemberKind::Account,
            Some("group") => MemberKind::Group,
            _ => MemberKind::Unsaid,
        };
        RawPair { group: keyed.text(&canonical::text(group)), member: keyed.text(&canonical::text(member)), kind }
    })
}

impl RawPair {
    /// Whether this is the membership that another one names, as far as either says what the member is.
    fn ends_with(&self, ended: &Self) -> bool {
        let unsaid = [self.kind, ended.kind].contains(&MemberKind::Unsaid);
        (self.group, self.member) == (ended.group, ended.member) && (unsaid || self.kind == ended.kind)
    }

    fn rows(&self, accounts: &[&Objects], groups: &[&Objects]) -> Option<(u32, MemberRow)> {
        let group = find(groups, self.group)?;
        let account = || find(accounts, self.member).map(MemberRow::Account);
        let nested = || find(groups, self.member).map(MemberRow::Group);
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
