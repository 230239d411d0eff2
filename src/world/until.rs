//! What differs between two whole reads of a system: whoever keeps a world takes that in, and knows who is another than before.
//!
//! Must never: tell of a row what only its number or its hash says. Where rows can't be told apart, there is no answer, and the whole read counts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::civil::Date;

use super::World;
use super::delta::Delta;
use super::dirty::Dirty;
use super::objects::Objects;
use super::source::{RecordState, SourceSide};
use super::target::TargetSide;
use crate::model::{Capabilities, Cell, Evidence, Memory, ObjectKind, Page, Row, SystemRole};
use crate::policy::Policy;

impl World {
    /// Whether what is kept is what a read for this policy would bring: the same systems, columns and conditions.
    pub fn fits(&self, policy: &Policy) -> bool {
        let sources = self.sources.iter().enumerate().all(|(at, side)| at < policy.sources.len() && side.fits(policy, at));
        let targets = self.targets.iter().enumerate().all(|(at, side)| at < policy.targets.len() && side.fits(policy, at));
        sources && targets && (self.sources.len(), self.targets.len()) == (policy.sources.len(), policy.targets.len())
    }

    /// Takes in what a whole read found, as what changed since; a system in which rows can't be told apart is taken as it was read.
    pub fn follow(&mut self, policy: &Policy, read: Self) -> Dirty {
        let mut dirty = Dirty::default();
        let memory = read.whole_memory();
        for (at, side) in read.sources.into_iter().enumerate() {
            dirty.add(self.follow_source(policy, at, side));
        }
        for (at, side) in read.targets.into_iter().enumerate() {
            dirty.add(self.follow_target(policy, at, side));
        }
        dirty.add(self.recollect_all(policy, memory));
        dirty
    }

    /// Takes in what a whole read of the source at this position found.
    pub fn follow_source(&mut self, policy: &Policy, at: usize, side: SourceSide) -> Dirty {
        let Some(known) = self.sources.get_mut(at) else { return Dirty::default() };
        if let Some(delta) = known.until(&side) {
            // Who is gone is told by key here, and what the records are called now by the read alone.
            known.call_as(None);
            let dirty = self.change_source(policy, at, &delta);
            self.sources.iter_mut().skip(at).take(1).for_each(|known| known.call_as(Some(&side)));
            return dirty;
        }
        *known = side;
        self.weigh_source(policy, at);
        Dirty::everybody(ANEW)
    }

    /// Takes in what a whole read of the target at this position found.
    pub fn follow_target(&mut self, policy: &Policy, at: usize, side: TargetSide) -> Dirty {
        let Some(known) = self.targets.get(at) else { return Dirty::default() };
        let Some(deltas) = known.until(&side) else {
            self.renew(at, side);
            self.weigh(policy);
            return Dirty::everybody(ANEW);
        };
        let mut dirty = Dirty::default();
        deltas.iter().for_each(|(kind, delta)| dirty.add(self.change_target(policy, at, *kind, delta)));
        dirty
    }

    /// The same under other manifests. A system keeps what was read of it where these would have it read alike; the others, and those that `again` names, are
    /// not read yet: they are named, too.
    pub fn under(
        mut self,
        before: &Policy,
        now: &Policy,
        today: Date,
        again: impl Fn(&str) -> bool,
    ) -> (Self, Vec<(SystemRole, Arc<str>)>) {
        let names = before.sources.iter().map(|source| source.name.clone());
        let mut sources: BTreeMap<_, _> = names.zip(std::mem::take(&mut self.sources)).collect();
        let names = before.targets.iter().map(|target| target.name.clone());
        let mut targets: BTreeMap<_, _> = names.zip(std::mem::take(&mut self.targets)).collect();
        let mut fresh = Self::unread(now, today);
        let mut unread = Vec::new();
        for (at, rules) in now.sources.iter().enumerate() {
            match sources.remove(&rules.name).filter(|side| !again(&rules.name) && side.fits(now, at)) {
                Some(side) => fresh.sources[at] = side,
                None => unread.push((SystemRole::Source, rules.name.clone())),
            }
        }
        for (at, rules) in now.targets.iter().enumerate() {
            match targets.remove(&rules.name).filter(|side| !again(&rules.name) && side.fits(now, at)) {
                Some(side) => fresh.targets[at] = side,
                None => unread.push((SystemRole::Target, rules.name.clone())),
            }
        }
        fresh.recall_all(now, self.whole_memory());
        (fresh, unread)
    }

    /// Of systems that nobody has read yet.
    pub fn unread(policy: &Policy, today: Date) -> Self {
        let evidence = || Evidence::Unreadable { reason: NOT_YET.into() };
        let source = |at| {
            let mut side = SourceSide::new(policy, at, today);
            side.finish(evidence());
            side
        };
        let target = |at| {
            let mut side = TargetSide::new(policy, at, Capabilities::default());
            for kind in [ObjectKind::Account, ObjectKind::Group, ObjectKind::Membership, ObjectKind::Entitlement] {
                side.finish(kind, evidence());
            }
            side
        };
        let sources = (0..policy.sources.len()).map(source).collect();
        Self::assemble(policy, sources, (0..policy.targets.len()).map(target).collect(), Memory::default())
    }
}

/// Why nobody can say what changed.
const ANEW: &str = "a system was read anew, and its rows can't be told apart";
/// What is said of a system until its first read is over.
const NOT_YET: &str = "it was not read yet";

impl SourceSide {
    fn fits(&self, policy: &Policy, at: usize) -> bool {
        self.is_read_like(&Self::new(policy, at, Date::MIN))
    }

    fn until(&self, now: &Self) -> Option<Delta> {
        let apart = |side: &Self| side.keyless().count == 0 && (0..side.len()).all(|record| side.state(record) != RecordState::Ambiguous);
        if !self.is_read_like(now) || !apart(self) || !apart(now) {
            return None;
        }
        let mut delta = Delta { evidence: Some(now.evidence().clone()), ..Delta::new(self.columns()) };
        for record in 0..now.len() {
            if self.find(now.key(record)).is_none_or(|known| self.row(known) != now.row(record)) {
                copy(now.row(record), &mut delta.changed);
            }
        }
        delta.gone = (0..self.len()).map(|record| self.key(record)).filter(|key| now.find(key).is_none()).map(Arc::from).collect();
        Some(delta)
    }
}

impl TargetSide {
    fn fits(&self, policy: &Policy, at: usize) -> bool {
        let new = Self::new(policy, at, self.capabilities.clone());
        let same = |kind| self.columns(kind) == new.columns(kind);
        self.accounts.is_read_like(&new.accounts)
            && same(ObjectKind::Group)
            && same(ObjectKind::Membership)
            && same(ObjectKind::Entitlement)
    }

    fn until(&self, now: &Self) -> Option<Vec<(ObjectKind, Delta)>> {
        let same = self.capabilities == now.capabilities && self.accounts.is_read_like(&now.accounts);
        if !same || self.memberships.has_strangers() || now.memberships.has_strangers() {
            return None;
        }
        let mut all =
            vec![(ObjectKind::Account, until(&self.accounts, &now.accounts)?), (ObjectKind::Group, until(&self.groups, &now.groups)?)];
        all.extend(self.columns(ObjectKind::Membership).map(|columns| {
            let (before, after) = (self.pairs(), now.pairs());
            let mut delta = Delta { evidence: Some(now.memberships.evidence.clone()), ..Delta::new(columns) };
            after.difference(&before).for_each(|pair| pair.write(&mut delta.changed));
            before.difference(&after).for_each(|pair| pair.write(&mut delta.ended));
            (ObjectKind::Membership, delta)
        }));
        // Entitlements have no name of their own by which one of two could be told from the other.
        if self.entitlements.count() + now.entitlements.count() > 0 {
            return None;
        }
        all.extend(
            self.columns(ObjectKind::Entitlement).map(|columns| {
                (ObjectKind::Entitlement, Delta { evidence: Some(now.entitlements.evidence.clone()), ..Delta::new(columns) })
            }),
        );
        Some(all)
    }

    fn pairs(&self) -> BTreeSet<Pair> {
        let pair = |(group, member): (u32, super::MemberRow)| match member {
            super::MemberRow::Account(row) => Pair(self.groups.id(group).into(), self.accounts.id(row).into(), "account"),
            super::MemberRow::Group(row) => Pair(self.groups.id(group).into(), self.groups.id(row).into(), "group"),
        };
        self.memberships.pairs().map(pair).collect()
    }
}

/// A membership by the ids of both, and what the member is.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Pair(Box<str>, Box<str>, &'static str);

impl Pair {
    fn write(&self, page: &mut Page) {
        page.row(|row| [&self.0, &self.1, self.2].into_iter().for_each(|text| row.text(text)));
    }
}

fn until(known: &Objects, now: &Objects) -> Option<Delta> {
    let apart = |objects: &Objects| (0..objects.len()).all(|row| !objects.doubtful(row));
    if !apart(known) || !apart(now) {
        return None;
    }
    let mut delta = Delta { evidence: Some(now.evidence.clone()), ..Delta::new(known.columns().clone()) };
    for row in 0..now.len() {
        if known.find_id(&now.id(row)).is_none_or(|before| known.row(before) != now.row(row)) {
            copy(now.row(row), &mut delta.changed);
        }
    }
    let ids = (0..known.len()).map(|row| known.id(row));
    delta.gone = ids.filter(|id| now.find_id(id).is_none()).map(Arc::from).collect();
    Some(delta)
}

fn copy(row: Row<'_>, into: &mut Page) {
    into.row(|out| row.cells().for_each(|cell: Cell<'_>| out.cell(cell)));
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::connector::registry::Facts;
    use crate::manifest::{ManifestInput, load};
    use crate::policy::compile;

    const MANIFESTS: &str = "
apiVersion: headcount.dev/v1alpha1
kind: Workspace
metadata: {name: acme}
spec: {id: acme}
---
apiVersion: headcount.dev/v1alpha1
kind: Source
metadata: {name: hr}
spec: {connection: {inbox: {}}, key: record.externalId, mapping: {rules: [{attribute: userName, value: record.userName}]}}
";

    /// What a system calls its records is known by the last whole read, and what changes since is of these.
    #[test]
    fn a_change_of_another_record_with_a_known_key_is_no_change() {
        let (loaded, problems) = load(&[ManifestInput::stdin(MANIFESTS.as_bytes().to_vec())]);
        assert!(problems.is_empty(), "{problems:?}");
        let (policy, _) = compile(&loaded, &Facts).unwrap();
        let day = date(2026, 11, 30);
        let columns = SourceSide::new(&policy, 0, day).columns_with(Some("id"));
        let rows = |records: &[[&str; 3]]| {
            let mut page = Page::new(columns.clone());
            let at = |path: &str| ["externalId", "userName", "id"].iter().position(|known| *known == path);
            for record in records {
                page.row(|row| {
                    columns.paths().iter().for_each(|path| match at(path) {
                        Some(at) => row.text(record[at]),
                        None => row.missing(),
                    });
                });
            }
            page
        };
        let read = |records: &[[&str; 3]]| {
            let mut side = SourceSide::new(&policy, 0, day);
            side.add(&rows(records));
            side.finish(Evidence::Delta);
            side
        };
        let mut world = World::unread(&policy, day);
        world.follow_source(&policy, 0, read(&[["1", "ada", "a"], ["2", "luis", "b"], ["3", "mina", "c"]]));
        let delta = |records: &[[&str; 3]], gone: &[&str]| Delta {
            changed: rows(records),
            gone: gone.iter().map(|id| Arc::from(*id)).collect(),
            ..Delta::new(columns.clone())
        };
        let confuses = |world: &World, records| world.sources[0].confuses(&delta(records, &[]));
        assert!(!confuses(&world, &[["2", "luisa", "b"], ["4", "noor", "d"]]), "the same one, and a new one");
        assert!(confuses(&world, &[["2", "eve", "x"]]), "another one with luis's key");
        assert!(confuses(&world, &[["9", "luis", "b"]]), "luis under another key");
        // Who is gone is told by the system's id, and the last record moves into the hole.
        world.change_source(&policy, 0, &delta(&[["4", "noor", "d"]], &["a"]));
        assert!(!confuses(&world, &[["3", "mina", "c"], ["4", "noor", "d"], ["1", "ada", "a"]]));
        assert!(confuses(&world, &[["3", "mina", "d"]]));
        // Another whole read: one key is another record's, with nothing else in it.
        world.follow_source(&policy, 0, read(&[["3", "mina", "c"], ["2", "luis", "b2"], ["4", "noor", "d"]]));
        assert!(!confuses(&world, &[["2", "luis", "b2"], ["3", "minna", "c"]]));
        assert!(confuses(&world, &[["2", "luis", "b"]]));
    }

    /// An inbox proves no absence by a whole read either. Whatever was known before, that is what is known now, and what changes next stands beside it.
    #[test]
    fn a_whole_read_is_what_it_says_also_where_that_is_no_more_than_changes_say() {
        let (loaded, problems) = load(&[ManifestInput::stdin(MANIFESTS.as_bytes().to_vec())]);
        assert!(problems.is_empty(), "{problems:?}");
        let (policy, _) = compile(&loaded, &Facts).unwrap();
        let day = date(2026, 11, 30);
        let read = |names: &[&str], evidence: Evidence| {
            let mut side = SourceSide::new(&policy, 0, day);
            side.add(&page(&side, names));
            side.finish(evidence);
            side
        };
        let silent = || Evidence::Partial { reason: "nothing was ever pushed to it".into() };
        for first in [None, Some(silent()), Some(Evidence::Unreadable { reason: "away".into() }), Some(Evidence::Delta)] {
            let mut world = World::unread(&policy, day);
            first.into_iter().for_each(|evidence| drop(world.follow_source(&policy, 0, read(&[], evidence))));
            world.follow_source(&policy, 0, read(&["ada"], Evidence::Delta));
            let delta = Delta { changed: page(&world.sources[0], &["luis"]), ..Delta::new(world.sources[0].columns()) };
            world.change_source(&policy, 0, &delta);
            let known = world.evidence.iter().map(|row| (row.evidence.clone(), row.count)).collect::<Vec<_>>();
            assert_eq!(known, [(Evidence::Delta, 2)]);
            world.follow_source(&policy, 0, read(&["ada"], silent()));
            assert_eq!(world.evidence[0].evidence, silent());
        }
    }

    /// Which of two records with one key is gone, nobody says: neither is, until the next whole read.
    #[test]
    fn of_two_records_with_one_key_neither_goes_by_a_change() {
        let (loaded, problems) = load(&[ManifestInput::stdin(MANIFESTS.as_bytes().to_vec())]);
        assert!(problems.is_empty(), "{problems:?}");
        let (policy, _) = compile(&loaded, &Facts).unwrap();
        let day = date(2026, 11, 30);
        let mut side = SourceSide::new(&policy, 0, day);
        let columns = side.columns();
        let mut page = Page::new(columns.clone());
        for record in [["1", "ada"], ["1", "eve"], ["2", "luis"]] {
            page.row(|row| columns.paths().iter().for_each(|path| row.text(record[usize::from(path.as_ref() == "userName")])));
        }
        side.add(&page);
        side.finish(Evidence::Delta);
        let mut world = World::unread(&policy, day);
        world.follow_source(&policy, 0, side);
        let gone = ["1", "2"].into_iter().map(Arc::from).collect();
        world.change_source(&policy, 0, &Delta { gone, ..Delta::new(columns.clone()) });
        let state = |key| world.sources[0].find(key).map(|record| world.sources[0].state(record));
        assert_eq!((state("1"), state("2")), (Some(RecordState::Ambiguous), None));
    }

    fn page(side: &SourceSide, names: &[&str]) -> Page {
        let mut page = Page::new(side.columns());
        names.iter().for_each(|name| page.row(|row| (0..side.columns().paths().len()).for_each(|_| row.text(name))));
        page
    }
}
