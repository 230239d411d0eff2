//! A part of a world: some people with everything that is known of them. What is known of systems as a whole is that of the whole.
//!
//! Must never: be taken for the whole. Whoever plans it knows what stands beyond it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::hash::Keyed;
use super::links::{LinkAt, LinkRow};
use super::recall::{Recall, Remembered, pack};
use super::{TargetSide, World};
use crate::model::{LastWrite, Memory, ObjectKind};
use crate::policy::Policy;

/// What is taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Picks {
    /// by source: rows of records
    pub(crate) records: Vec<BTreeSet<u32>>,
    /// by target: rows of accounts
    pub(crate) accounts: Vec<BTreeSet<u32>>,
    /// ids of accounts of which everything counts that is remembered, whether or not they are there, by the target's position
    pub(crate) ids: BTreeSet<(usize, Arc<str>)>,
    /// keys of which everything counts that is remembered, whether or not there is a record
    pub(crate) keys: BTreeSet<Arc<str>>,
    /// keys of groups of which that is so
    pub(crate) groups: BTreeSet<Arc<str>>,
    /// names of people who left, by their positions in the memory
    pub(crate) departed: BTreeSet<u32>,
}

impl World {
    /// A part of it, with all groups.
    pub(crate) fn excerpt(&self, policy: &Policy, picks: &Picks) -> Self {
        let nobody = BTreeSet::new();
        let of = |all: &'_ [BTreeSet<u32>], at: usize| all.get(at).unwrap_or(&nobody).clone();
        let mut memory = self.memory_of(policy, picks);
        let packed = pack(policy, &mut memory);
        Self {
            sources: self.sources.iter().enumerate().map(|(at, side)| side.excerpt(&of(&picks.records, at))).collect(),
            targets: self.targets.iter().enumerate().map(|(at, side)| side.excerpt(&of(&picks.accounts, at))).collect(),
            recall: Recall::of(Keyed::of(&policy.workspace), policy, packed, &memory),
            memory,
            trust: self.trust.clone(),
            evidence: self.evidence.clone(),
        }
    }

    /// What is remembered of those who are taken, and of all groups. Rolling windows are the whole's.
    fn memory_of(&self, policy: &Policy, picks: &Picks) -> Memory {
        let mut part = Part { world: self, picks, places: Places::default(), written: BTreeMap::new(), ids: BTreeMap::new() };
        for (at, (rules, side)) in policy.targets.iter().zip(&self.targets).enumerate() {
            part.target(&rules.name, side, at);
        }
        part.memory()
    }
}

/// What is remembered of a part, while it is gathered.
struct Part<'w> {
    world: &'w World,
    picks: &'w Picks,
    places: Places,
    /// what was written to the objects
    written: BTreeMap<(String, ObjectKind, String), LastWrite>,
    /// by target: ids of the accounts
    ids: BTreeMap<&'w str, BTreeSet<String>>,
}

/// Positions in the memory.
#[derive(Default)]
struct Places {
    links: BTreeSet<LinkAt>,
    formers: BTreeSet<u32>,
    deactivations: BTreeSet<u32>,
}

impl<'w> Part<'w> {
    fn target(&mut self, name: &'w str, side: &TargetSide, at: usize) {
        for key in &self.picks.keys {
            self.by_key(name, ObjectKind::Account, key);
        }
        for key in &self.picks.groups {
            self.by_key(name, ObjectKind::Group, key);
        }
        for (_, id) in self.picks.ids.iter().filter(|(target, _)| *target == at) {
            self.by_id(name, ObjectKind::Account, id);
            self.by_id(name, ObjectKind::Entitlement, id);
            self.ids.entry(name).or_default().insert(id.to_string());
        }
        for row in 0..side.groups.len() {
            self.by_id(name, ObjectKind::Group, &side.groups.id(row));
        }
    }

    fn by_key(&mut self, target: &str, kind: ObjectKind, key: &str) {
        let (recall, memory) = (&self.world.recall, &self.world.memory);
        let links = recall.links.of_key(key).filter(|(_, link)| (link.kind, &**link.target) == (kind, target));
        self.places.links.extend(links.map(|(at, _)| at));
        let formers = recall.places(Remembered::Formers, target, kind, key);
        let is_it = |at: &u32| {
            memory.formers.get(*at as usize).is_some_and(|one| (one.target.as_ref(), one.kind, one.key.as_ref()) == (target, kind, key))
        };
        self.places.formers.extend(formers.filter(is_it));
    }

    fn by_id(&mut self, target: &str, kind: ObjectKind, id: &str) {
        let (recall, memory) = (&self.world.recall, &self.world.memory);
        let wanted = (target, kind, id);
        self.places.links.extend(recall.links.of_id(target, kind, id).map(|(at, _)| at));
        self.written.extend(recall.written.find(target, kind, id).map(|one| ((target.to_owned(), kind, id.to_owned()), one)));
        let deactivations = recall.places(Remembered::Deactivations, target, kind, id);
        let is_it =
            |at: &u32| memory.deactivations.get(*at as usize).is_some_and(|one| (one.target.as_ref(), one.kind, one.id.as_ref()) == wanted);
        self.places.deactivations.extend(deactivations.filter(is_it));
    }

    fn has_id(&self, target: &str, kind: ObjectKind, id: &str) -> bool {
        kind == ObjectKind::Group || self.ids.get(target).is_some_and(|ids| ids.contains(id))
    }

    fn memory(mut self) -> Memory {
        let (memory, keys) = (&self.world.memory, &self.picks.keys);
        let written = std::mem::take(&mut self.written).into_values().collect();
        let links = &self.world.recall.links;
        let void = links.void().filter(|(_, link)| keys.contains(link.key) || self.has_id(link.target, link.kind, link.id));
        let void: Vec<LinkAt> = void.map(|(at, _)| at).collect();
        self.places.links.extend(void);
        let formers = memory.formers.iter().enumerate().filter(|(_, one)| self.has_id(&one.target, one.kind, &one.id));
        let formers: Vec<u32> = formers.map(|(at, _)| at as u32).collect();
        self.places.formers.extend(formers);
        let records: BTreeSet<u32> = keys.iter().flat_map(|key| self.world.recall.records_of(memory, key).map(|(at, _)| at)).collect();
        Memory {
            known: memory.known,
            links: links.of_places(&self.places.links).map(LinkRow::to_link).collect(),
            formers: at(&memory.formers, &self.places.formers),
            records: at(&memory.records, &records),
            deactivations: at(&memory.deactivations, &self.places.deactivations),
            resting: memory.resting.iter().filter(|one| keys.contains(&one.key)).cloned().collect(),
            unheard: memory.unheard.clone(),
            written,
            repeats: memory.repeats.iter().filter(|one| self.has_id(&one.target, one.kind, &one.id)).cloned().collect(),
            departed: at(&memory.departed, &self.picks.departed),
            baselines: Vec::new(),
            windows: Vec::new(),
            revocations: memory.revocations.clone(),
            cut_off: memory
                .cut_off
                .iter()
                .filter(|one| keys.contains(&one.key) || self.has_id(&one.target, one.kind, &one.id))
                .cloned()
                .collect(),
            told: BTreeSet::new(),
        }
    }
}

/// Those at these positions, in order.
fn at<T: Clone>(all: &[T], places: &BTreeSet<u32>) -> Vec<T> {
    places.iter().filter_map(|at| all.get(*at as usize).cloned()).collect()
}
