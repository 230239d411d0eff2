//! The rounds: what Users declare, what is remembered, and key after key, each for everybody before the next.
//!
//! Must never: let what a weaker key says undo what a stronger one said, or let the order of rows decide.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Correlated;
use super::hits::{self, Came, Entry};
use crate::model::{Key, RecordLink};
use crate::planning::people::identity::{Identities, IdentityOrigin};
use crate::planning::people::matched_records::{AMBIGUOUS, How, MatchDoubt, MatchedRecords, NONE, Owner, UNKNOWN, What};
use crate::planning::people::person::Person;
use crate::planning::schema::layout::{KeyLayout, Layout};
use crate::world::{Keyed, RecordState};

/// Holds the records of a source against the identities that are known so far.
pub(in crate::planning) fn correlate(identities: &Identities<'_>, layout: &Layout<'_>, source: usize) -> Correlated {
    let rules = &identities.policy.sources[source];
    let known = identities.len() as usize;
    let complete = (rules.establishes && rules.correlate.is_empty()) || identities.world.trust[source].evidence.proves_absence();
    let matching = MatchedRecords {
        source,
        records: vec![NONE; known],
        how: vec![0; known],
        complete,
        doubts: Vec::new(),
        missing: Vec::new(),
        broken: BTreeMap::new(),
    };
    let owners = vec![Owner::Nobody; identities.world.sources[source].len() as usize];
    let correlated = Correlated { matching, owners, former: BTreeMap::new() };
    let mut rounds = Rounds { identities, layout, source, done: correlated, settled: BTreeSet::new() };
    rounds.declared();
    rounds.doubled();
    let keys = &layout.sources[source].keys;
    let firm = keys.iter().position(|key| !key.immutable).unwrap_or(keys.len());
    for (at, key) in keys.iter().enumerate() {
        if at == firm {
            rounds.remembered();
        }
        rounds.key(at, key);
    }
    if firm == keys.len() {
        rounds.remembered();
    }
    rounds.close();
    rounds.done
}

struct Rounds<'i, 'w, 'l> {
    identities: &'i Identities<'w>,
    layout: &'i Layout<'l>,
    source: usize,
    done: Correlated,
    /// identities for whom a User has settled it
    settled: BTreeSet<u32>,
}

impl Rounds<'_, '_, '_> {
    /// Records that Users name. A User of an identity that this very source establishes names its own record too.
    fn declared(&mut self) {
        let (identities, source) = (self.identities, self.source);
        let side = &identities.world.sources[source];
        let establishes = identities.policy.sources[source].establishes;
        for (user_at, user) in identities.policy.users.iter().enumerate().filter(|(_, user)| !user.records.is_empty()) {
            let anchor = identities.anchor(user);
            let own = self.own_record(&user.key).filter(|_| establishes);
            let mut named: Vec<u32> = own.into_iter().collect();
            for (at, record) in user.records.iter().enumerate().filter(|(_, record)| record.source == source) {
                match side.find(&record.key) {
                    Some(found) => named.push(found),
                    None => self.is_missing(anchor, (user_at, at)),
                }
            }
            for record in named {
                match anchor {
                    Some(identity) => self.declare(identity, record, How::Declared),
                    None => self.done.owners[record as usize] = Owner::Itself,
                }
            }
        }
        for (number, record) in identities.kept_in(source) {
            self.declare(number, record, How::Remembered);
        }
    }

    /// Where two rows have one key, whoever they belong to may seem to have none; where records are remembered, that is known.
    fn doubled(&mut self) {
        let side = &self.identities.world.sources[self.source];
        let any = (0..side.len()).any(|record| side.state(record) == RecordState::Ambiguous);
        self.done.matching.complete &= !any || self.identities.world.memory.known;
    }

    fn own_record(&self, key: &str) -> Option<u32> {
        let record = Key::within(key, &self.identities.policy.sources[self.source].name)?;
        self.identities.world.sources[self.source].find(record)
    }

    fn declare(&mut self, identity: u32, record: u32, how: How) {
        if self.done.owners[record as usize] == Owner::Nobody && self.settled.insert(identity) {
            self.claim(identity, record, how);
        }
    }

    fn is_missing(&mut self, anchor: Option<u32>, which: (usize, usize)) {
        let complete = self.identities.world.trust[self.source].evidence.proves_absence();
        if complete {
            self.done.matching.missing.push(which);
        }
        let Some(identity) = anchor else { return };
        self.settled.insert(identity);
        self.done.matching.records[identity as usize] = if complete { NONE } else { UNKNOWN };
    }

    fn claim(&mut self, identity: u32, record: u32, how: How) {
        self.done.matching.records[identity as usize] = record;
        self.done.matching.how[identity as usize] = how.byte();
        self.done.owners[record as usize] = Owner::Identity(identity);
    }

    fn has(&self, identity: u32) -> u32 {
        self.done.matching.records[identity as usize]
    }

    /// What is remembered stands where nothing firmer says otherwise; where something does, that is told.
    fn remembered(&mut self) {
        let identities = self.identities;
        let name = &identities.policy.sources[self.source].name;
        let of_this = |key: &str| Key::within(key, name).is_some();
        let elsewhere = identities.world.memory.records.iter().filter(|link| link.source != *name && of_this(&link.identity));
        let carried: BTreeSet<&RecordLink> = elsewhere.collect();
        for link in identities.world.memory.records.iter().filter(|link| link.source == *name) {
            let Some(record) = identities.world.sources[self.source].find(&link.record) else { continue };
            if Key::within(&link.identity, name) == Some(link.record.as_ref()) {
                self.is_itself(record, &link.identity, &carried);
                continue;
            }
            let owner = self.done.owners[record as usize];
            match (owner, identities.find(&link.identity)) {
                (Owner::Nobody, Some(identity)) if self.settled.contains(&identity) => {}
                (Owner::Nobody, Some(identity)) => match self.has(identity) {
                    NONE | UNKNOWN => self.claim(identity, record, How::Remembered),
                    _ => {}
                },
                (Owner::Identity(now), Some(before)) if now != before => {
                    let how = How::of(self.done.matching.how[now as usize]);
                    let doubt = MatchDoubt { what: What::Handed { how }, identities: vec![before, now], records: vec![record], more: 0 };
                    self.done.matching.doubts.push(doubt);
                }
                (Owner::Nobody | Owner::Identity(_), None) => {
                    self.done.former.insert(record, link.identity.clone());
                }
                _ => {}
            }
        }
    }

    /// Somebody of their own is not joined with another by a key that people change; by a firmer one they are, and that is told until it is remembered.
    fn is_itself(&mut self, record: u32, key: &Arc<str>, carried: &BTreeSet<&RecordLink>) {
        self.done.former.insert(record, key.clone());
        let identities = self.identities;
        let is_known = |number: u32| match identities.origin(number) {
            IdentityOrigin::Record(source, own) => {
                let name = identities.policy.sources[source].name.clone();
                let own = Arc::from(identities.world.sources[source].key(own));
                carried.contains(&RecordLink { source: name, record: own, identity: key.clone() })
            }
            IdentityOrigin::User(_) => false,
        };
        if let Owner::Identity(now) = self.done.owners[record as usize]
            && identities.kept_key(now) != Some(key)
            && !is_known(now)
        {
            let how = How::of(self.done.matching.how[now as usize]);
            let doubt = MatchDoubt { what: What::Joined { how }, identities: vec![now], records: vec![record], more: 0 };
            self.done.matching.doubts.push(doubt);
        }
    }

    /// One key, for everybody.
    fn key(&mut self, at: usize, key: &KeyLayout) {
        let right = self.records_by(key);
        if right.is_empty() {
            return;
        }
        let left = self.people_by(key);
        let hits = hits::join(self.identities, self.source, at, left, right);
        let mut doubts = hits.crowds;
        let (mut people, mut records) = (hits.crowded, hits.contested);
        for pairs in hits.pairs.chunk_by(|one, other| one.0 == other.0) {
            let Some((identity, first)) = pairs.first().copied() else { continue };
            let mut all: Vec<u32> = pairs.iter().map(|(_, record)| *record).collect();
            let what = match self.has(identity) {
                before @ 0..UNKNOWN => {
                    all.push(before);
                    What::Differs { key: at, before: How::of(self.done.matching.how[identity as usize]) }
                }
                _ if all.len() > 1 => What::Shared { key: at },
                _ => match self.done.former.get(&first).filter(|_| !key.immutable) {
                    Some(former) => What::Former { key: at, identity: former.clone() },
                    None => continue,
                },
            };
            let contests = !matches!(what, What::Former { .. });
            doubts.push(hits::doubt(self.identities, self.source, what, &[identity], &all));
            people.insert(identity);
            records.extend(all.into_iter().filter(|_| contests));
        }
        let mut by_record: Vec<(u32, u32)> = hits.pairs.iter().map(|(identity, record)| (*record, *identity)).collect();
        by_record.sort_unstable();
        for pairs in by_record.chunk_by(|one, other| one.0 == other.0).filter(|pairs| pairs.len() > 1) {
            let all: Vec<u32> = pairs.iter().map(|(_, identity)| *identity).collect();
            let record = pairs.first().map_or(NONE, |(record, _)| *record);
            doubts.push(hits::doubt(self.identities, self.source, What::Shared { key: at }, &all, &[record]));
            people.extend(all);
            records.insert(record);
        }
        for (identity, record) in hits.pairs {
            match (people.contains(&identity), records.contains(&record)) {
                (false, false) => self.claim(identity, record, How::Key(at)),
                // Whoever else wants the record is in doubt by another value: nobody gets it.
                (false, true) => {
                    doubts.push(hits::doubt(self.identities, self.source, What::Shared { key: at }, &[identity], &[record]));
                    people.insert(identity);
                }
                (true, _) => {}
            }
        }
        self.done.matching.doubts.extend(doubts);
        for identity in people {
            self.done.matching.records[identity as usize] = AMBIGUOUS;
        }
        for record in records {
            self.done.owners[record as usize] = Owner::Contested;
        }
    }

    /// The values of the records that are nobody's yet.
    fn records_by(&mut self, key: &KeyLayout) -> Vec<Entry> {
        let identities = self.identities;
        let side = &identities.world.sources[self.source];
        let keyed = Keyed::of(&identities.policy.workspace);
        let (mut person, mut buffer, mut all) = (Person::default(), Vec::new(), Vec::new());
        for record in 0..side.len() {
            // Of two rows with one key neither says whose they are.
            let says = matches!(side.state(record), RecordState::Counts | RecordState::ScopeFailed);
            if self.done.owners[record as usize] != Owner::Nobody || !says {
                continue;
            }
            identities.key_of_record(self.layout, self.source, record, key.value.positions(), &mut person);
            let words = match hits::values(key, keyed, &person, &mut buffer, |value| all.push((value, record))) {
                Came::Known => None,
                Came::Failed(words) => Some(Arc::from(words)),
                Came::Unknown => Some(person.failures.first().map_or_else(|| key.text.clone(), |failure| failure.words.clone())),
            };
            if let Some(words) = words {
                self.done.matching.broken.insert(record, words);
                // Where records are remembered, whoever it was keeps it; only then does it say nothing about the others.
                self.done.matching.complete &= identities.world.memory.known;
            }
        }
        all
    }

    /// The values of the identities that are not in doubt.
    fn people_by(&mut self, key: &KeyLayout) -> Vec<Entry> {
        let identities = self.identities;
        let keyed = Keyed::of(&identities.policy.workspace);
        let (mut person, mut buffer, mut all) = (Person::default(), Vec::new(), Vec::new());
        for identity in 0..identities.len() {
            if self.has(identity) == AMBIGUOUS || self.settled.contains(&identity) || identities.is_retired(identity) {
                continue;
            }
            let known = identities.key_of_identity(self.layout, identity, key.value.positions(), &mut person);
            let came =
                if known { hits::values(key, keyed, &person, &mut buffer, |value| all.push((value, identity))) } else { Came::Unknown };
            if came != Came::Known && self.has(identity) == NONE {
                self.done.matching.records[identity as usize] = UNKNOWN;
            }
        }
        all
    }

    /// A record that was found may be no use.
    fn close(&mut self) {
        let side = &self.identities.world.sources[self.source];
        for identity in 0..self.done.matching.records.len() as u32 {
            let record = self.has(identity);
            if record >= UNKNOWN {
                continue;
            }
            match side.state(record) {
                RecordState::Counts => {}
                RecordState::OutOfScope => self.done.matching.records[identity as usize] = NONE,
                RecordState::Ambiguous | RecordState::ScopeFailed => {
                    self.done.matching.records[identity as usize] = AMBIGUOUS;
                    let doubt = MatchDoubt { what: What::Unusable, identities: vec![identity], records: vec![record], more: 0 };
                    self.done.matching.doubts.push(doubt);
                }
            }
        }
    }
}
