//! What may be remembered otherwise than before, taken into a memory that is kept: rows go and come, and whoever is meant by them is another than before.
//!
//! Must never: come to anything else than the whole memory would, but for the order of its rows, which means nothing.

use std::collections::BTreeSet;

use super::World;
use super::dirty::Dirty;
use super::hash::Keyed;
use super::links::LinkAt;
use super::recall::{Recall, Remembered};
use super::remembered;
use crate::model::{Baseline, Key, Memory, ObjectKind, Recollection, TouchedMemory, grant_key};
use crate::policy::Policy;

impl World {
    /// What the state remembers now: all of it, or what may be otherwise.
    pub fn recollect(&mut self, policy: &Policy, recollection: Recollection) -> Dirty {
        match &recollection.of {
            Some(touched) => self.recollect_some(policy, touched, recollection.memory),
            None => self.recollect_all(policy, recollection.memory),
        }
    }

    fn recollect_some(&mut self, policy: &Policy, touched: &TouchedMemory, now: Memory) -> Dirty {
        let sound = self.recall.links.void().next().is_none();
        let before = self.take_out(policy, touched);
        let dirty = remembered::differ(policy, &before, &now, (&[], &[]));
        let weighed = (before.known, undated(&before.baselines)) == (now.known, undated(&now.baselines));
        self.put_in(policy, now);
        if !sound || self.recall.links.void().next().is_some() {
            // What links that prove nothing mean for others hangs on all of them.
            let packed = (std::mem::take(&mut self.recall.links), std::mem::take(&mut self.recall.written));
            self.recall = Recall::of(Keyed::of(&policy.workspace), policy, packed, &self.memory);
        }
        self.recall.tidy();
        if !weighed {
            self.weigh_sources(policy);
        }
        dirty
    }

    /// All that is remembered of these, and whatever is about neither objects nor people.
    fn take_out(&mut self, policy: &Policy, touched: &TouchedMemory) -> Memory {
        let places = self.places(touched);
        let Self { memory, recall, .. } = self;
        let object =
            |target: &std::sync::Arc<str>, kind, id: &std::sync::Arc<str>| touched.objects.contains(&(target.clone(), kind, id.clone()));
        let (repeats, others) = memory.repeats.drain(..).partition(|one| object(&one.target, one.kind, &one.id));
        memory.repeats = others;
        Memory {
            known: memory.known,
            links: recall.links.take(policy, &places.links),
            formers: recall.drop_formers(&mut memory.formers, places.formers),
            records: recall.drop_records(&mut memory.records, places.records),
            deactivations: recall.drop_deactivations(&mut memory.deactivations, places.deactivations),
            written: touched.objects.iter().filter_map(|(target, kind, id)| recall.written.take(target, *kind, id)).collect(),
            departed: recall.drop_departed(&mut memory.departed, places.departed),
            repeats,
            resting: std::mem::take(&mut memory.resting),
            unheard: std::mem::take(&mut memory.unheard),
            baselines: std::mem::take(&mut memory.baselines),
            windows: std::mem::take(&mut memory.windows),
            revocations: std::mem::take(&mut memory.revocations),
            cut_off: std::mem::take(&mut memory.cut_off),
            told: std::mem::take(&mut memory.told),
        }
    }

    fn places(&self, touched: &TouchedMemory) -> Places {
        let (recall, memory) = (&self.recall, &self.memory);
        let mut places = Places::default();
        for (target, kind, id) in &touched.objects {
            let wanted = (target, *kind, id);
            places.links.extend(recall.links.of_id(target, *kind, id).map(|(at, _)| at));
            let deactivations = recall.places(Remembered::Deactivations, target, *kind, id);
            let is_it = |at: &u32| memory.deactivations.get(*at as usize).is_some_and(|one| (&one.target, one.kind, &one.id) == wanted);
            places.deactivations.extend(deactivations.filter(is_it));
        }
        for (target, kind, key) in &touched.names {
            let links = recall.links.of_key(key).filter(|(_, link)| (link.target, link.kind) == (target, *kind));
            places.links.extend(links.map(|(at, _)| at));
        }
        // Deactivations that were made where links lead that prove nothing stand in no index.
        if recall.links.void().next().is_some() {
            places
                .deactivations
                .extend(at(&memory.deactivations, |one| touched.objects.contains(&(one.target.clone(), one.kind, one.id.clone()))));
        }
        for (target, key) in &touched.granted {
            let first = grant_key(key, "");
            let given = recall.links.of_keys_from(&first).filter(|(_, link)| (link.kind, link.target) == (ObjectKind::Entitlement, target));
            places.links.extend(given.map(|(at, _)| at));
        }
        let formers = at(&memory.formers, |one| touched.objects.contains(&(one.target.clone(), one.kind, one.id.clone())));
        places.formers.extend(formers);
        for (source, record) in &touched.records {
            let key = Key::record(source, record).text();
            let found = recall.records_of(memory, &key).filter(|(_, link)| link.source == *source && link.record == *record);
            places.records.extend(found.map(|(at, _)| at));
        }
        for (source, identity) in &touched.identities {
            let found = recall.records_of(memory, identity).filter(|(_, link)| link.source == *source && link.identity == *identity);
            places.records.extend(found.map(|(at, _)| at));
        }
        if !touched.departed.is_empty() || !touched.returned.is_empty() {
            places.departed.extend(at(&memory.departed, |one| {
                let (target, key) = (one.target.clone(), one.key.clone());
                touched.returned.contains(&(target.clone(), key.clone()))
                    || touched.departed.contains(&(target, one.attribute.clone(), one.value.clone(), key))
            }));
        }
        places
    }

    fn put_in(&mut self, policy: &Policy, now: Memory) {
        let Memory {
            known,
            links,
            formers,
            records,
            deactivations,
            resting,
            unheard,
            written,
            repeats,
            departed,
            baselines,
            windows,
            revocations,
            cut_off,
            told,
        } = now;
        let Self { memory, recall, .. } = self;
        links.into_iter().for_each(|link| recall.links.put(policy, link));
        formers.into_iter().for_each(|one| recall.put_former(&mut memory.formers, one));
        records.into_iter().for_each(|one| recall.put_record(&mut memory.records, one));
        deactivations.into_iter().for_each(|one| recall.put_deactivation(&mut memory.deactivations, one));
        written.into_iter().for_each(|one| recall.written.put(policy, &one));
        departed.into_iter().for_each(|one| recall.put_departed(&mut memory.departed, one));
        memory.repeats.extend(repeats);
        (memory.known, memory.resting, memory.unheard, memory.baselines) = (known, resting, unheard, baselines);
        (memory.windows, memory.revocations, memory.cut_off, memory.told) = (windows, revocations, cut_off, told);
    }
}

/// Positions in the memory.
#[derive(Default)]
struct Places {
    links: BTreeSet<LinkAt>,
    formers: BTreeSet<u32>,
    records: BTreeSet<u32>,
    deactivations: BTreeSet<u32>,
    departed: BTreeSet<u32>,
}

fn at<'m, T>(all: &'m [T], is_it: impl Fn(&T) -> bool + 'm) -> impl Iterator<Item = u32> + 'm {
    all.iter().enumerate().filter(move |(_, one)| is_it(one)).map(|(at, _)| at as u32)
}

/// When a read was complete decides nothing.
fn undated(all: &[Baseline]) -> Vec<Baseline> {
    all.iter().map(|one| Baseline { at: jiff::Timestamp::UNIX_EPOCH, ..one.clone() }).collect()
}
