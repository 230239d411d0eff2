//! The memory with indexes: links by our key and by the target's id, and our own deactivations.
//!
//! Must never: take a link for more than it is. The object it names may be gone.

use std::collections::BTreeSet;
use std::hash::Hasher as _;

use jiff::Timestamp;

use super::canonical;
use super::hash::Keyed;
use super::index::Index;
use super::links::{LinkRow, LinkStanding, Links};
use super::target::kind_of;
use super::written::WrittenPrints;
use crate::expr::Input;
use crate::model::{Deactivation, Key, LastWrite, Memory, ObjectKind, RecordLink, Value};
use crate::policy::Policy;

/// What of a memory is packed, and is not in it any more.
pub(super) type PackedMemory = (Links, WrittenPrints);

/// Takes it out and packs it.
pub(super) fn pack(policy: &Policy, memory: &mut Memory) -> PackedMemory {
    (Links::of(policy, std::mem::take(&mut memory.links)), WrittenPrints::of(policy, std::mem::take(&mut memory.written)))
}

/// Indexes over [`Memory`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Recall {
    pub(super) keyed: Option<Keyed>,
    pub(crate) links: Links,
    pub(super) formers: Index,
    pub(crate) written: WrittenPrints,
    pub(super) deactivations: Index,
    /// whose record is whose, by the keys of both
    pub(super) records: Index,
    /// names of people who left
    pub(super) departed: Index,
}

impl Recall {
    /// Builds the indexes. What was made at another system, or is said not to be ours, proves nothing.
    pub(crate) fn of(keyed: Keyed, policy: &Policy, (links, written): PackedMemory, memory: &Memory) -> Self {
        let mut recall = Self { keyed: Some(keyed), links, written, ..Self::default() };
        recall.links.judge(policy);
        let elsewhere: BTreeSet<_> = recall.links.void().map(|(_, link)| (link.target.clone(), link.id.to_owned())).collect();
        for (at, former) in memory.formers.iter().enumerate() {
            recall.formers.insert(hash(keyed, &former.target, former.kind, &former.key), at as u32);
        }
        let away = |known: &Deactivation| {
            !elsewhere.is_empty()
                && elsewhere.contains(&(known.target.clone(), known.id.to_string()))
                && recall.key_of(&known.target, known.kind, &known.id).is_none()
        };
        let here: Vec<usize> = (0..memory.deactivations.len()).filter(|at| !away(&memory.deactivations[*at])).collect();
        for at in here {
            let known = &memory.deactivations[at];
            recall.deactivations.insert(hash(keyed, &known.target, known.kind, &known.id), at as u32);
        }
        for (at, link) in memory.records.iter().enumerate() {
            let record = keyed.text(&Key::record(&link.source, &link.record).text());
            recall.records.insert(record, at as u32);
            let identity = keyed.text(&link.identity);
            if identity != record {
                recall.records.insert(identity, at as u32);
            }
        }
        for (at, known) in memory.departed.iter().enumerate() {
            let value = canonical::bytes(kind_of(&known.attribute), Input::Value(&Value::text(&*known.value)));
            recall.departed.insert(place(keyed, &known.target, &known.attribute, &value), at as u32);
        }
        let Self { formers, deactivations, records, departed, .. } = &mut recall;
        [formers, deactivations, records, departed].into_iter().for_each(Index::settle);
        recall
    }

    /// How many links of accounts of a target there are, and how many of them count.
    pub(crate) fn account_links(&self, target: &str) -> (u64, u64) {
        self.links.count(target, ObjectKind::Account)
    }

    /// Names of people who left that may be this one, by their positions.
    pub(crate) fn departed_at(&self, target: &str, attribute: &str, value: &[u8]) -> impl Iterator<Item = u32> + '_ {
        let hash = self.keyed.map(|keyed| place(keyed, target, attribute, value));
        hash.into_iter().flat_map(|hash| self.departed.candidates(hash))
    }

    /// The links of records that a key is in.
    pub(crate) fn records_of<'m>(&'m self, memory: &'m Memory, key: &'m str) -> impl Iterator<Item = (u32, &'m RecordLink)> {
        let candidates = self.keyed.into_iter().flat_map(move |keyed| self.records.candidates(keyed.text(key)));
        let is_in = move |link: &RecordLink| link.identity.as_ref() == key || *Key::record(&link.source, &link.record).text() == *key;
        candidates.filter_map(move |at| Some((at, memory.records.get(at as usize).filter(|link| is_in(link))?)))
    }

    /// Where what an index has under a target's key or id may stand.
    pub(super) fn places(&self, of: Remembered, target: &str, kind: ObjectKind, text: &str) -> impl Iterator<Item = u32> + '_ {
        let index = match of {
            Remembered::Formers => &self.formers,
            Remembered::Deactivations => &self.deactivations,
        };
        let hash = self.keyed.map(|keyed| hash(keyed, target, kind, text));
        hash.into_iter().flat_map(|hash| index.candidates(hash))
    }

    /// The links of a target that were made at another system than the one that it speaks to now.
    pub(crate) fn stranded_at<'r>(&'r self, target: &'r str, kind: ObjectKind) -> impl Iterator<Item = LinkRow<'r>> {
        let links = self.links.void().map(|(_, link)| link).filter(|link| link.standing == LinkStanding::Stranded);
        links.filter(move |link| link.kind == kind && **link.target == *target)
    }

    /// The links of a target that count.
    pub(crate) fn counting<'r>(&'r self, target: &'r str, kind: ObjectKind) -> impl Iterator<Item = LinkRow<'r>> {
        let links = self.links.of_kind(kind).filter(|link| link.standing == LinkStanding::Counts);
        links.filter(move |link| **link.target == *target)
    }

    /// The links that lead from a key, of the system that the target speaks to now.
    pub(crate) fn links_of<'r>(&'r self, target: &str, kind: ObjectKind, key: &str) -> Vec<LinkRow<'r>> {
        let links = self.links.of_key(key).map(|(_, link)| link);
        links.filter(|link| link.standing == LinkStanding::Counts && link.kind == kind && **link.target == *target).collect()
    }

    /// The ids that links give for a key, sorted.
    pub(crate) fn ids_of<'r>(&'r self, target: &str, kind: ObjectKind, key: &str) -> Vec<&'r str> {
        let mut ids: Vec<&str> = self.links_of(target, kind, key).into_iter().map(|link| link.id).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// The ids of objects that had a key before they got another one, sorted.
    pub(crate) fn formerly<'m>(&self, memory: &'m Memory, target: &str, kind: ObjectKind, key: &str) -> Vec<&'m str> {
        if memory.formers.is_empty() {
            return Vec::new();
        }
        let candidates = self.keyed.into_iter().flat_map(|keyed| self.formers.candidates(hash(keyed, target, kind, key)));
        let formers = candidates.filter_map(|at| memory.formers.get(at as usize));
        let right = formers.filter(|former| former.kind == kind && former.target.as_ref() == target && former.key.as_ref() == key);
        let mut ids: Vec<&str> = right.map(|former| former.id.as_ref()).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// The key that a link gives for an id.
    pub(crate) fn key_of<'r>(&'r self, target: &str, kind: ObjectKind, id: &str) -> Option<&'r str> {
        self.link_of(target, kind, id).map(|link| link.key)
    }

    /// The link of an id. The state keeps one; of several the newest counts.
    pub(crate) fn link_of<'r>(&'r self, target: &str, kind: ObjectKind, id: &str) -> Option<LinkRow<'r>> {
        let links = self.links.of_id(target, kind, id).map(|(_, link)| link);
        links.filter(|link| link.standing == LinkStanding::Counts).max_by_key(|link| (link.at, link.key))
    }

    /// What headcount wrote to an object last.
    pub(crate) fn written(&self, target: &str, kind: ObjectKind, id: &str) -> Option<LastWrite> {
        self.written.find(target, kind, id)
    }

    /// When headcount deactivated an account.
    pub(crate) fn deactivated(&self, memory: &Memory, target: &str, id: &str) -> Option<Timestamp> {
        let candidates =
            self.keyed.into_iter().flat_map(|keyed| self.deactivations.candidates(hash(keyed, target, ObjectKind::Account, id)));
        let known = candidates.filter_map(|at| memory.deactivations.get(at as usize));
        known
            .filter(|known| known.kind == ObjectKind::Account && known.target.as_ref() == target && known.id.as_ref() == id)
            .map(|known| known.at)
            .max()
    }
}

/// What there are indexes of.
#[derive(Clone, Copy)]
pub(super) enum Remembered {
    Formers,
    Deactivations,
}

pub(super) fn place(keyed: Keyed, target: &str, attribute: &str, value: &[u8]) -> u64 {
    let mut hasher = keyed.start();
    for part in [target.as_bytes(), attribute.as_bytes(), value] {
        hasher.write_u32(part.len() as u32);
        hasher.write(part);
    }
    hasher.finish()
}

pub(super) fn hash(keyed: Keyed, target: &str, kind: ObjectKind, text: &str) -> u64 {
    let mut hasher = keyed.start();
    hasher.write_u32(target.len() as u32);
    hasher.write(target.as_bytes());
    hasher.write_u8(kind as u8);
    hasher.write(text.as_bytes());
    hasher.finish()
}
