//! One target as it was read, and behind it what was looked up. Rows that were looked up count on after the others.
//!
//! Must never: take a question that nobody answered for a no.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::{Cell, Columns, ELSEWHERE, Evidence, ObjectKind, REMOVABLE, WRITABLE, dn};
use crate::planning::question::Answer;
use crate::planning::question::Lookup;
use crate::planning::question::LookupBy;
use crate::world::{Carries, Grant, MemberRow, Objects, Stranger, TargetSide, canonical};

/// One target.
pub(in crate::planning) struct Observed<'w> {
    pub(in crate::planning) side: &'w TargetSide,
    looked_up: TargetSide,
    late: Vec<(u32, MemberRow)>,
    late_grants: Vec<Grant>,
    answered: BTreeSet<(ObjectKind, LookupBy)>,
    /// questions that could not be answered, and why
    refused: BTreeMap<(ObjectKind, LookupBy), String>,
    groups_named: BTreeSet<Arc<str>>,
    accounts_evidence: Evidence,
    groups_evidence: Evidence,
}

/// The accounts or the groups of one target.
#[derive(Clone, Copy)]
pub(in crate::planning) struct ObjectView<'o> {
    read: &'o Objects,
    looked_up: &'o Objects,
    kind: ObjectKind,
    answered: &'o BTreeSet<(ObjectKind, LookupBy)>,
    refused: &'o BTreeMap<(ObjectKind, LookupBy), String>,
    evidence: &'o Evidence,
}

impl<'w> Observed<'w> {
    /// With the answers about the target at this position.
    pub(in crate::planning) fn new(side: &'w TargetSide, target: usize, answers: &[(Lookup, Answer)]) -> Self {
        let mut looked_up = side.empty();
        let mut answered = BTreeSet::new();
        let mut refused = BTreeMap::new();
        let mut groups_named = BTreeSet::new();
        for (lookup, answer) in answers.iter().filter(|(lookup, _)| lookup.target == target) {
            let page = match answer {
                Answer::Objects(page) => page,
                Answer::Unknown(why) => {
                    refused.insert((lookup.kind, lookup.by.clone()), why.clone());
                    continue;
                }
            };
            looked_up.add(lookup.kind, page);
            if lookup.kind == ObjectKind::Membership {
                groups_named.extend(page.rows().map(|row| Arc::from(canonical::text(row.cell(0)).as_ref())));
            }
            answered.insert((lookup.kind, lookup.by.clone()));
        }
        looked_up.settle();
        let late = late(side, &looked_up, !groups_named.is_empty());
        let late_grants = match looked_up.accounts.len() {
            0 => Vec::new(),
            _ => side.entitlements.resolve_with([&side.accounts, &looked_up.accounts]),
        };
        let of = |kind, read, found| unlisted(kind, read, found, &answered);
        let accounts_evidence = of(ObjectKind::Account, &side.accounts, &looked_up.accounts);
        let groups_evidence = of(ObjectKind::Group, &side.groups, &looked_up.groups);
        Self { side, looked_up, late, late_grants, answered, refused, groups_named, accounts_evidence, groups_evidence }
    }

    /// Whether a question was answered.
    pub(in crate::planning) fn answered(&self, kind: ObjectKind, by: &LookupBy) -> bool {
        self.answered.contains(&(kind, by.clone()))
    }

    /// Why a question could not be answered, where somebody said so.
    pub(in crate::planning) fn refused(&self, kind: ObjectKind, by: &LookupBy) -> Option<&str> {
        self.refused.get(&(kind, by.clone())).map(String::as_str)
    }

    /// The groups that the memberships of single accounts name, by id.
    pub(in crate::planning) fn groups_named(&self) -> impl Iterator<Item = &Arc<str>> {
        self.groups_named.iter()
    }

    /// The names of the entitlements that some accounts have, read or looked up.
    pub(in crate::planning) fn entitlements_of(&self, accounts: &BTreeSet<u32>) -> BTreeSet<(u32, &Arc<str>)> {
        let mut found = BTreeSet::new();
        let late = self.looked_up.entitlements.resolve_with([&self.side.accounts, &self.looked_up.accounts]);
        let read: Vec<Grant> = self.grants().collect();
        for (side, grants) in [(self.side, read), (&self.looked_up, late)] {
            let names: BTreeMap<u32, &Arc<str>> = side.entitlements.names().map(|(name, number)| (number, name)).collect();
            let theirs = grants.into_iter().filter(|grant| accounts.contains(&grant.account));
            found.extend(theirs.filter_map(|grant| Some((grant.account, *names.get(&grant.name)?))));
        }
        found
    }

    /// Its accounts.
    pub(in crate::planning) fn accounts(&self) -> ObjectView<'_> {
        ObjectView {
            read: &self.side.accounts,
            looked_up: &self.looked_up.accounts,
            kind: ObjectKind::Account,
            answered: &self.answered,
            refused: &self.refused,
            evidence: &self.accounts_evidence,
        }
    }

    /// Its groups.
    pub(in crate::planning) fn groups(&self) -> ObjectView<'_> {
        ObjectView {
            read: &self.side.groups,
            looked_up: &self.looked_up.groups,
            kind: ObjectKind::Group,
            answered: &self.answered,
            refused: &self.refused,
            evidence: &self.groups_evidence,
        }
    }

    /// The members of a group, sorted.
    pub(in crate::planning) fn members(&self, group: u32) -> Vec<MemberRow> {
        let mut members = self.side.memberships.members(group).to_vec();
        if !self.late.is_empty() {
            members.extend(self.late.iter().filter(|(known, _)| *known == group).map(|(_, member)| *member));
            members.sort_unstable();
            members.dedup();
        }
        members
    }

    /// Members of groups which are neither an account nor a group that was read or looked up.
    pub(in crate::planning) fn strangers(&self) -> Vec<Stranger> {
        let (accounts, groups) = ([&self.side.accounts, &self.looked_up.accounts], [&self.side.groups, &self.looked_up.groups]);
        let mut strangers = self.side.memberships.strangers(accounts, groups);
        let view = self.accounts();
        let known: BTreeSet<String> = view.late().filter_map(|row| view.elsewhere(row)).map(|place| dn::normal(&place)).collect();
        if !known.is_empty() {
            strangers.retain(|stranger| stranger.name.as_ref().is_none_or(|name| !known.contains(&dn::normal(name))));
        }
        strangers
    }

    /// The entitlements of accounts that were neither read nor looked up, by a hash of their ids.
    pub(in crate::planning) fn grants_of_strangers(&self) -> Vec<(u64, &Arc<str>)> {
        self.side.entitlements.strangers([&self.side.accounts, &self.looked_up.accounts])
    }

    /// Every group's members at once.
    pub(in crate::planning) fn pairs(&self) -> impl Iterator<Item = (u32, MemberRow)> + '_ {
        self.side.memberships.pairs().chain(self.late.iter().copied())
    }

    /// The entitlements of an account, by name.
    pub(in crate::planning) fn grants_of(&self, account: u32) -> &[Grant] {
        let all = if account < self.side.accounts.len() { self.side.entitlements.grants() } else { &self.late_grants };
        let start = all.partition_point(|grant| grant.account < account);
        let rest = all.get(start..).unwrap_or_default();
        &rest[..rest.partition_point(|grant| grant.account == account)]
    }

    /// All entitlements, by account.
    pub(in crate::planning) fn grants(&self) -> impl Iterator<Item = Grant> + '_ {
        self.side.entitlements.grants().iter().chain(&self.late_grants).copied()
    }

    /// How well memberships were read.
    pub(in crate::planning) fn memberships_evidence(&self) -> &Evidence {
        &self.side.memberships.evidence
    }
}

impl<'o> ObjectView<'o> {
    /// How many.
    pub(in crate::planning) fn len(self) -> u32 {
        self.read.len() + self.looked_up.len()
    }

    /// How well they were read.
    pub(in crate::planning) fn evidence(self) -> &'o Evidence {
        self.evidence
    }

    /// Whether an object that was asked for by its id has access, though the list did not show it.
    pub(in crate::planning) fn hides_active(self) -> bool {
        let mut late = self.late().map(|row| (row, row - self.read.len()));
        late.any(|(row, at)| self.looked_up.active(at) && !self.is_elsewhere(row) && self.read.find_id(&self.looked_up.id(at)).is_none())
    }

    /// Whether nothing usable came.
    pub(in crate::planning) fn unreadable(self) -> bool {
        matches!(self.read.evidence, Evidence::Unreadable { .. })
    }

    /// Whether a question was answered.
    pub(in crate::planning) fn answered(self, by: &LookupBy) -> bool {
        self.answered.contains(&(self.kind, by.clone()))
    }

    /// Why a question could not be answered, where somebody said so.
    pub(in crate::planning) fn refused(self, by: &LookupBy) -> Option<&'o str> {
        self.refused.get(&(self.kind, by.clone())).map(String::as_str)
    }

    /// The rows that were looked up.
    pub(in crate::planning) fn late(self) -> std::ops::Range<u32> {
        self.read.len()..self.len()
    }

    /// Where an account stands that lists don't show: a place where the target is not to look.
    pub(in crate::planning) fn elsewhere(self, row: u32) -> Option<Cow<'o, str>> {
        if row < self.read.len() {
            return None;
        }
        elsewhere(self.looked_up, row - self.read.len())
    }

    /// Whether it stands there.
    pub(in crate::planning) fn is_elsewhere(self, row: u32) -> bool {
        self.elsewhere(row).is_some()
    }

    /// The columns of a row.
    pub(in crate::planning) fn columns(self) -> &'o Columns {
        self.read.columns()
    }

    /// The object with an id.
    pub(in crate::planning) fn find_id(self, id: &str) -> Option<u32> {
        self.read.find_id(id).or_else(|| Some(self.read.len() + self.looked_up.find_id(id)?))
    }

    /// The objects whose attribute has a value.
    pub(in crate::planning) fn find_by(self, attribute: &str, key: &[u8]) -> Vec<u32> {
        let mut rows = Vec::new();
        self.each_by(attribute, key, |row| rows.push(row));
        rows.sort_unstable();
        rows.dedup();
        rows
    }

    /// Calls for each of them, in no order and maybe twice.
    pub(in crate::planning) fn each_by(self, attribute: &str, key: &[u8], mut found: impl FnMut(u32)) {
        self.read.each_by(attribute, key, &mut found);
        if self.looked_up.len() == 0 {
            return;
        }
        self.looked_up.each_by(attribute, key, |row| {
            if self.read.find_id(&self.looked_up.id(row)).is_none() {
                found(self.read.len() + row);
            }
        });
    }

    /// Calls for each of them of several values at once, with the position of the value, in no order and maybe twice.
    pub(in crate::planning) fn each_by_all(self, attribute: &str, keys: &[&[u8]], mut found: impl FnMut(usize, u32)) {
        if self.looked_up.len() > 0 {
            return keys.iter().enumerate().for_each(|(at, key)| self.each_by(attribute, key, |row| found(at, row)));
        }
        self.read.each_by_all(attribute, keys, found);
    }

    /// The rows whose user name is one with this to the target, though its accents are others.
    pub(in crate::planning) fn called_alike(self, name: &str) -> Vec<u32> {
        let mut rows = self.read.called_alike(name);
        let late = self.looked_up.called_alike(name).into_iter();
        rows.extend(late.filter(|row| self.read.find_id(&self.looked_up.id(*row)).is_none()).map(|row| self.read.len() + row));
        rows
    }

    /// The target's id of a row.
    pub(in crate::planning) fn id(self, row: u32) -> Cow<'o, str> {
        let (stream, row) = self.at(row);
        stream.id(row)
    }

    /// One cell of a row.
    pub(in crate::planning) fn cell(self, row: u32, column: usize) -> Cell<'o> {
        let (stream, row) = self.at(row);
        stream.cell(row, column)
    }

    /// One cell by its attribute.
    pub(in crate::planning) fn cell_of(self, row: u32, attribute: &str) -> Cell<'o> {
        let (stream, row) = self.at(row);
        stream.cell_of(row, attribute)
    }

    /// The cells of a row, in the place of what a buffer held.
    pub(in crate::planning) fn put_cells(self, row: u32, out: &mut Vec<Cell<'o>>) {
        let (stream, row) = self.at(row);
        stream.row(row).put_cells(out);
    }

    /// All cells of a row.
    pub(in crate::planning) fn cells(self, row: u32) -> Vec<Cell<'o>> {
        let (stream, row) = self.at(row);
        stream.row(row).cells().collect()
    }

    /// Whether it has access.
    pub(in crate::planning) fn active(self, row: u32) -> bool {
        let (stream, row) = self.at(row);
        stream.active(row)
    }

    /// Those of which the target says that they can't be changed there.
    pub(in crate::planning) fn foreign(self) -> Vec<u32> {
        self.not(WRITABLE)
    }

    /// Those of which the target says that they can't be removed there.
    pub(in crate::planning) fn stuck(self) -> Vec<u32> {
        self.not(REMOVABLE)
    }

    fn not(self, column: &str) -> Vec<u32> {
        let Some(column) = self.columns().position(column) else { return Vec::new() };
        (0..self.len()).filter(|row| canonical::truth(self.cell(*row, column)) == Some(false)).collect()
    }

    /// Whose marker it carries.
    pub(in crate::planning) fn carries(self, row: u32) -> Carries {
        let (stream, row) = self.at(row);
        stream.carries(row)
    }

    /// Whether its marker is the one of a key.
    pub(in crate::planning) fn is_marked(self, row: u32, key: &str) -> bool {
        let (stream, row) = self.at(row);
        stream.is_marked(row, key)
    }

    /// Our key in its marker.
    pub(in crate::planning) fn marked_key(self, row: u32) -> Option<Cow<'o, str>> {
        let (stream, row) = self.at(row);
        stream.marked_key(row)
    }

    /// Whether it changed while it was read.
    pub(in crate::planning) fn doubtful(self, row: u32) -> bool {
        let (stream, row) = self.at(row);
        stream.doubtful(row)
    }

    fn at(self, row: u32) -> (&'o Objects, u32) {
        match row.checked_sub(self.read.len()) {
            None => (self.read, row),
            Some(row) => (self.looked_up, row),
        }
    }
}

fn elsewhere(objects: &Objects, row: u32) -> Option<Cow<'_, str>> {
    objects.columns().position(ELSEWHERE)?;
    Some(canonical::text(objects.cell_of(row, ELSEWHERE))).filter(|place| !place.is_empty())
}

/// A list that lacks what is there by its id was not complete, whatever it said, unless that stands where lists don't look.
fn unlisted(kind: ObjectKind, read: &Objects, found: &Objects, answered: &BTreeSet<(ObjectKind, LookupBy)>) -> Evidence {
    let by_id = |id: &str| answered.contains(&(kind, LookupBy::Id(Arc::from(id))));
    let hidden: Vec<String> = (0..found.len())
        .filter(|row| elsewhere(found, *row).is_none())
        .map(|row| found.id(row).into_owned())
        .filter(|id| read.find_id(id).is_none() && by_id(id))
        .collect();
    let Some(first) = hidden.iter().min().filter(|_| read.evidence.proves_absence()) else { return read.evidence.clone() };
    let what = if kind == ObjectKind::Group { "groups" } else { "accounts" };
    let few = if hidden.len() == 1 { format!("one of its {what}") } else { format!("{} of its {what}", hidden.len()) };
    Evidence::Partial { reason: format!("its list lacks {few}, there by id ({first})") }
}

/// Memberships that only looked-up objects or memberships complete, sorted, without those that were read.
fn late(side: &TargetSide, looked_up: &TargetSide, members: bool) -> Vec<(u32, MemberRow)> {
    if !members && looked_up.accounts.len() + looked_up.groups.len() == 0 {
        return Vec::new();
    }
    let (accounts, groups) = ([&side.accounts, &looked_up.accounts], [&side.groups, &looked_up.groups]);
    let mut late = side.memberships.resolve_with(accounts, groups);
    late.extend(looked_up.memberships.resolve_with(accounts, groups));
    late.sort_unstable();
    late.dedup();
    late.retain(|(group, member)| side.memberships.members(*group).binary_search(member).is_err());
    late
}

/// All targets.
pub(in crate::planning) fn observe<'w>(targets: &'w [TargetSide], answers: &[(Lookup, Answer)]) -> Vec<Observed<'w>> {
    let answers = newest(answers);
    targets.iter().enumerate().map(|(at, side)| Observed::new(side, at, &answers)).collect()
}

/// One answer for each question, sorted: the order of answers does not matter.
fn newest(answers: &[(Lookup, Answer)]) -> Vec<(Lookup, Answer)> {
    let sorted: BTreeMap<_, _> = answers.iter().map(|(lookup, answer)| (lookup.clone(), answer.clone())).collect();
    sorted.into_iter().collect()
}
