//! Who belongs to which group of one Target: pairs of rows, sorted.
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
    pairs: Vec<(u32, MemberRow)>,
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
            pairs: Vec::new(),
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
            return self.pairs.retain(|pair| !rows.contains(pair));
        }
        for pair in rows {
            if let Ok(at) = self.pairs.binary_search(&pair) {
                self.pairs.remove(at);
            }
        }
    }

    /// Some accounts go, and others move; a membership of one that goes leads to no row any more.
    pub(super) fn move_accounts(&mut self, moves: &Moves, keyed: Keyed, accounts: &Objects, groups: &Objects) {
        let to = |(group, member): (u32, MemberRow)| match member {
            MemberRow::Account(row) => Some((group, MemberRow::Account(moves.to(row)?))),
            MemberRow::Group(_) => Some((group, member)),
        };
        self.renumber(moves, to, keyed, accounts, groups);
    }

    /// Some groups go, and others move.
    pub(super) fn move_groups(&mut self, moves: &Moves, keyed: Keyed, accounts: &Objects, groups: &Objects) {
        let to = |(group, member): (u32, MemberRow)| match member {
            MemberRow::Account(_) => Some((moves.to(group)?, member)),
            MemberRow::Group(row) => Some((moves.to(group)?, MemberRow::Group(moves.to(row)?))),
        };
        self.renumber(moves, to, keyed, accounts, groups);
    }

    fn renumber(
        &mut self,
        moves: &Moves,
        to: impl Fn((u32, MemberRow)) -> Option<(u32, MemberRow)>,
        keyed: Keyed,
        accounts: &Objects,
        groups: &Objects,
    ) {
        if moves.is_empty() {
            return;
        }
        let raw = &mut self.raw;
        let hashed = |objects: &Objects, row| keyed.text(&objects.id(row));
        self.pairs.retain_mut(|pair| {
            if let Some(moved) = to(*pair) {
                *pair = moved;
                return true;
            }
            let (member, kind) = match pair.1 {
                MemberRow::Account(row) => (hashed(accounts, row), MemberKind::Account),
                MemberRow::Group(row) => (hashed(groups, row), MemberKind::Group),
            };
            raw.push(RawPair { group: hashed(groups, pair.0), member, kind });
            false
        });
        self.pairs.sort_unstable();
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
        if resolved.len() <= FEW && !self.pairs.is_empty() {
            // A few find their places among the others.
            for pair in resolved {
                if let Err(at) = self.pairs.binary_search(&pair) {
                    self.pairs.insert(at, pair);
                }
            }
            return;
        }
        self.pairs.append(&mut resolved);
        self.pairs.sort_unstable();
        self.pairs.dedup();
        self.pairs.shrink_to_fit();
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
        let mut pairs = Vec::new();
        let mut at = 0;
        for group in 0..groups {
            let of = |from: usize| self.pairs.get(from..).unwrap_or_default();
            at += of(at).partition_point(|(known, _)| *known < group);
            let end = at + of(at).partition_point(|(known, _)| *known == group);
            let members = &self.pairs[at..end];
            // The accounts of a group come first, then the groups in it.
            let nested = members.partition_point(|(_, member)| matches!(member, MemberRow::Account(_)));
            let here = accounts.iter().enumerate();
            let here = here.filter(|(_, row)| members[..nested].binary_search(&(group, MemberRow::Account(**row))).is_ok());
            pairs.extend(here.map(|(row, _)| (group, MemberRow::Account(row as u32))));
            pairs.extend(&members[nested..]);
            at = end;
        }
        Self { raw: self.raw.clone(), pairs, names: self.names.clone(), evidence: self.evidence.clone() }
    }

    /// All pairs, by group.
    pub(crate) fn pairs(&self) -> &[(u32, MemberRow)] {
        &self.pairs
    }

    /// Whether some lead to no row.
    pub(super) fn has_strangers(&self) -> bool {
        !self.raw.is_empty()
    }

    /// How many distinct memberships came.
    pub(crate) fn count(&self) -> u64 {
        (self.pairs.len() + self.raw.len()) as u64
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
