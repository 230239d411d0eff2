//! What changed at a system since it was read, and a world that takes it in.
//!
//! A world that is kept is the one that a whole read would make now: tables hold what is current and no more, and numbers of rows mean nothing beyond one plan.
//! Must never: make an evidence stronger than the whole read's before it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::civil::Date;

use super::World;
use super::canonical;
use super::dirty::{Changed, Dirty};
use super::evidence::SourceEvidence;
use super::hash::Keyed;
use super::objects::Objects;
use super::recall::{PackedMemory, Recall, pack};
use super::remembered;
use super::target::TargetSide;
use crate::model::{Columns, Evidence, Memory, ObjectKind, Page};
use crate::policy::Policy;

/// What changed in one stream of rows.
#[derive(Clone, Debug)]
pub struct Delta {
    /// rows that are new or other than they were, in the columns of the stream; of an entitlement all rows that its account has of it
    pub changed: Page,
    /// of what is gone: the system's own ids
    pub gone: Vec<Arc<str>>,
    /// of memberships and entitlements that are gone: their rows, of which the columns before the parameters count
    pub ended: Page,
    /// how complete all rows are with it; none: what the whole read before was. A whole read that proves no absence is not one of these
    pub evidence: Option<Evidence>,
}

impl Delta {
    /// Nothing yet, in these columns.
    pub fn new(columns: Arc<Columns>) -> Self {
        Self { changed: Page::new(columns.clone()), gone: Vec::new(), ended: Page::new(columns), evidence: None }
    }

    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.gone.is_empty() && self.ended.is_empty()
    }
}

impl World {
    /// What changed at the source at this position of the policy.
    pub fn change_source(&mut self, policy: &Policy, source: usize, delta: &Delta) -> Dirty {
        let Some(side) = self.sources.get_mut(source) else { return Dirty::default() };
        let Changed { known_by, before } = side.change(delta);
        self.weigh_source(policy, source);
        let records = known_by.into_iter().map(|key| (source, key)).collect();
        Dirty { records, records_before: vec![(source, before)], ..Dirty::default() }
    }

    /// A source is another than it was: what may follow from it is weighed again.
    pub(super) fn weigh_source(&mut self, policy: &Policy, source: usize) {
        if let (Some(rules), Some(side), Some(trust)) = (policy.sources.get(source), self.sources.get(source), self.trust.get_mut(source)) {
            *trust = SourceEvidence::of(rules, side, &self.memory);
        }
        self.weigh(policy);
    }

    /// What changed in one stream of the target at this position of the policy.
    pub fn change_target(&mut self, policy: &Policy, target: usize, kind: ObjectKind, delta: &Delta) -> Dirty {
        let Some(side) = self.targets.get_mut(target) else { return Dirty::default() };
        let TargetChanged { accounts: Changed { known_by, before }, everybody } = side.change(kind, delta);
        if let Some(evidence) = &delta.evidence {
            side.finish(kind, evidence.clone());
        }
        self.weigh(policy);
        let accounts = known_by.into_iter().map(|id| (target, id)).collect();
        Dirty { accounts, accounts_before: vec![(target, before)], everybody, ..Dirty::default() }
    }

    /// A day has passed: records that are valid from or until a day may count now, or no longer.
    pub fn turn(&mut self, policy: &Policy, today: Date) {
        for ((rules, side), trust) in policy.sources.iter().zip(&mut self.sources).zip(&mut self.trust) {
            side.turn(today);
            *trust = SourceEvidence::of(rules, side, &self.memory);
        }
        self.weigh(policy);
    }

    /// All that the state remembers now.
    pub(super) fn recollect_all(&mut self, policy: &Policy, mut memory: Memory) -> Dirty {
        rename(policy, &mut memory);
        let packed = pack(policy, &mut memory);
        let (links, written) = (self.recall.links.differing(&packed.0), self.recall.written.differing(&packed.1));
        let dirty = remembered::differ(policy, &self.memory, &memory, (&links, &written));
        self.keep(policy, memory, packed);
        dirty
    }

    /// The same where nothing was remembered before.
    pub(super) fn recall_all(&mut self, policy: &Policy, mut memory: Memory) {
        rename(policy, &mut memory);
        let packed = pack(policy, &mut memory);
        self.keep(policy, memory, packed);
    }

    fn keep(&mut self, policy: &Policy, memory: Memory, packed: PackedMemory) {
        self.recall = Recall::of(Keyed::of(&policy.workspace), policy, packed, &memory);
        self.memory = memory;
        self.weigh_sources(policy);
    }

    /// What may follow from the sources is weighed again.
    pub(super) fn weigh_sources(&mut self, policy: &Policy) {
        let sources = policy.sources.iter().zip(&self.sources);
        self.trust = sources.map(|(rules, side)| SourceEvidence::of(rules, side, &self.memory)).collect();
        self.weigh(policy);
    }

    pub(super) fn weigh(&mut self, policy: &Policy) {
        self.evidence = super::system_evidence(policy, &self.sources, &self.trust, &self.targets);
    }
}

/// Sources that have other names now.
fn rename(policy: &Policy, memory: &mut Memory) {
    for source in &policy.sources {
        source.previous_names.iter().for_each(|previous| memory.rename_source(previous, &source.name));
    }
}

impl TargetSide {
    pub(super) fn change(&mut self, kind: ObjectKind, delta: &Delta) -> TargetChanged {
        let Self { accounts, groups, memberships, entitlements, .. } = self;
        let mut told = TargetChanged { accounts: Changed::new(accounts.columns().clone()), everybody: None };
        match kind {
            ObjectKind::Account => {
                let moves = accounts.going(&delta.gone);
                memberships.move_accounts(&moves, self.keyed, accounts, groups);
                entitlements.move_accounts(&moves, self.keyed, accounts);
                told.accounts = accounts.change(&delta.changed, &moves);
            }
            ObjectKind::Group => {
                let moves = groups.going(&delta.gone);
                memberships.move_groups(&moves, self.keyed, accounts, groups);
                let groups = groups.change(&delta.changed, &moves);
                told.everybody = (!groups.known_by.is_empty()).then_some("groups changed");
            }
            ObjectKind::Membership => {
                told.members(&delta.changed, accounts, groups);
                told.members(&delta.ended, accounts, groups);
                memberships.end(self.keyed, &delta.ended, accounts, groups);
                memberships.add(self.keyed, &delta.changed);
            }
            ObjectKind::Entitlement => {
                let rows = delta.changed.rows().chain(delta.ended.rows());
                rows.for_each(|row| told.accounts.was(&canonical::text(row.cell(0)), None));
                entitlements.end(self.keyed, &delta.ended, accounts);
                entitlements.end(self.keyed, &delta.changed, accounts);
                entitlements.add(self.keyed, &delta.changed);
            }
        }
        memberships.resolve(accounts, groups);
        entitlements.resolve(accounts);
        told
    }
}

/// What changed at a target.
#[derive(Debug)]
pub(super) struct TargetChanged {
    accounts: Changed,
    everybody: Option<&'static str>,
}

impl TargetChanged {
    /// Members that came or went. What is no account that is known, in a group that is, may be anything.
    fn members(&mut self, page: &Page, accounts: &Objects, groups: &Objects) {
        for row in page.rows() {
            let (group, member) = (canonical::text(row.cell(0)), canonical::text(row.cell(1)));
            let nested = row.cell(2).as_text() == Some("group") || groups.find_id(&member).is_some();
            if nested || groups.find_id(&group).is_none() || accounts.find_id(&member).is_none() {
                self.everybody = Some("groups in groups, or members that were not read, changed");
            }
            self.accounts.was(&member, None);
        }
    }
}

/// What becomes of rows when some go: the last ones move into the holes, so that none is missing in between.
#[derive(Debug)]
pub(super) struct Moves {
    gone: BTreeSet<u32>,
    moved: BTreeMap<u32, u32>,
}

impl Moves {
    /// Of so many rows these go.
    pub(super) fn of(len: u32, gone: BTreeSet<u32>) -> Self {
        let left = len - gone.len() as u32;
        let holes = gone.range(..left).copied();
        let moved = (left..len).filter(|row| !gone.contains(row)).zip(holes).collect();
        Self { gone, moved }
    }

    /// Whether all stay where they are.
    pub(super) fn is_empty(&self) -> bool {
        self.gone.is_empty()
    }

    /// The rows that go.
    pub(super) fn gone(&self) -> impl Iterator<Item = u32> + '_ {
        self.gone.iter().copied()
    }

    /// From where to where.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        self.moved.iter().map(|(from, to)| (*from, *to))
    }

    /// Where a row is then; nothing for one that goes.
    pub(super) fn to(&self, row: u32) -> Option<u32> {
        if self.gone.contains(&row) { None } else { Some(self.moved.get(&row).copied().unwrap_or(row)) }
    }
}
