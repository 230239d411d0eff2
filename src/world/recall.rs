//! The memory with indexes: links by our key and by the target's id, and our own deactivations.
//!
//! Must never: take a link for more than it is. The object it names may be gone.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hasher as _;
use std::sync::Arc;

use jiff::Timestamp;

use super::canonical;
use super::hash::Keyed;
use super::index::Index;
use super::target::kind_of;
use crate::expr::Input;
use crate::model::{Deactivation, Key, LastWrite, Link, Memory, ObjectKind, RecordLink, UNKNOWN_SYSTEM, Value};
use crate::policy::Policy;

/// Indexes over [`Memory`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Recall {
    pub(super) keyed: Option<Keyed>,
    pub(super) links_by_key: Index,
    pub(super) links_by_id: Index,
    pub(super) formers: Index,
    pub(super) written: Index,
    pub(super) deactivations: Index,
    /// whose record is whose, by the keys of both
    pub(super) records: Index,
    /// names of people who left
    pub(super) departed: Index,
    /// links that were made at another system than the one that the target speaks to now
    stranded: Vec<u32>,
    /// these, and links that are said not to be ours
    void: BTreeSet<u32>,
    /// by target: how many links of accounts there are, and how many count
    accounts: BTreeMap<Arc<str>, (u64, u64)>,
}

impl Recall {
    /// Builds the indexes. What was made at another system, or is said not to be ours, proves nothing.
    pub(crate) fn of(keyed: Keyed, policy: &Policy, memory: &Memory) -> Self {
        let mut recall = Self { keyed: Some(keyed), ..Self::default() };
        let mut elsewhere = BTreeSet::new();
        for (at, link) in memory.links.iter().enumerate() {
            let standing = standing(policy, link);
            recall.count(link, matches!(standing, Standing::Counts));
            match standing {
                Standing::Counts => {
                    recall.links_by_key.insert(hash(keyed, &link.target, link.kind, &link.key), at as u32);
                    recall.links_by_id.insert(hash(keyed, &link.target, link.kind, &link.id), at as u32);
                }
                Standing::Stranded => {
                    recall.stranded.push(at as u32);
                    recall.void.insert(at as u32);
                    elsewhere.insert((&link.target, &link.id));
                }
                Standing::Disowned => {
                    recall.void.insert(at as u32);
                    elsewhere.insert((&link.target, &link.id));
                }
            }
        }
        // What follows looks in these already.
        [&mut recall.links_by_key, &mut recall.links_by_id].into_iter().for_each(Index::settle);
        for (at, former) in memory.formers.iter().enumerate() {
            recall.formers.insert(hash(keyed, &former.target, former.kind, &former.key), at as u32);
        }
        for (at, known) in memory.written.iter().enumerate() {
            recall.written.insert(hash(keyed, &known.target, known.kind, &known.id), at as u32);
        }
        let away = |known: &Deactivation| {
            elsewhere.contains(&(&known.target, &known.id)) && recall.key_of(memory, &known.target, known.kind, &known.id).is_none()
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
        let Self { formers, written, deactivations, records, departed, .. } = &mut recall;
        [formers, written, deactivations, records, departed].into_iter().for_each(Index::settle);
        recall
    }

    /// Whether a link is one of the system that the target speaks to now, and of ours.
    pub(super) fn counts(policy: &Policy, link: &Link) -> bool {
        matches!(standing(policy, link), Standing::Counts)
    }

    /// One that counted is gone.
    pub(super) fn count_no_more(&mut self, link: &Link) {
        if link.kind == ObjectKind::Account
            && let Some((all, counting)) = self.accounts.get_mut(&link.target)
        {
            (*all, *counting) = (all.saturating_sub(1), counting.saturating_sub(1));
        }
    }

    pub(super) fn count(&mut self, link: &Link, counts: bool) {
        if link.kind != ObjectKind::Account {
            return;
        }
        match self.accounts.get_mut(&link.target) {
            Some((all, counting)) => (*all, *counting) = (*all + 1, *counting + u64::from(counts)),
            None => drop(self.accounts.insert(link.target.clone(), (1, u64::from(counts)))),
        }
    }

    /// How many links of accounts of a target there are, and how many of them count.
    pub(crate) fn account_links(&self, target: &str) -> (u64, u64) {
        self.accounts.get(target).copied().unwrap_or_default()
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
            Remembered::LinksByKey => &self.links_by_key,
            Remembered::LinksById => &self.links_by_id,
            Remembered::Formers => &self.formers,
            Remembered::Written => &self.written,
            Remembered::Deactivations => &self.deactivations,
        };
        let hash = self.keyed.map(|keyed| hash(keyed, target, kind, text));
        hash.into_iter().flat_map(|hash| index.candidates(hash))
    }

    /// Links that prove nothing.
    pub(super) fn void(&self) -> impl Iterator<Item = u32> + '_ {
        self.void.iter().copied()
    }

    /// The links of a target that were made at another system than the one that it speaks to now.
    pub(crate) fn stranded_at<'m>(&'m self, memory: &'m Memory, target: &'m str, kind: ObjectKind) -> impl Iterator<Item = &'m Link> {
        let links = self.stranded.iter().filter_map(|at| memory.links.get(*at as usize));
        links.filter(move |link| link.kind == kind && link.target.as_ref() == target)
    }

    /// The links of a target that count.
    pub(crate) fn counting<'m>(&'m self, memory: &'m Memory, target: &'m str, kind: ObjectKind) -> impl Iterator<Item = &'m Link> {
        let links = memory.links.iter().enumerate().filter(|(at, _)| !self.void.contains(&(*at as u32)));
        links.map(|(_, link)| link).filter(move |link| link.kind == kind && link.target.as_ref() == target)
    }

    /// The links that lead from a key, of the system that the target speaks to now.
    pub(crate) fn links_of<'m>(&self, memory: &'m Memory, target: &str, kind: ObjectKind, key: &str) -> Vec<&'m Link> {
        if memory.links.is_empty() {
            return Vec::new();
        }
        let candidates = self.keyed.into_iter().flat_map(|keyed| self.links_by_key.candidates(hash(keyed, target, kind, key)));
        let links = candidates.filter_map(|at| memory.links.get(at as usize));
        links.filter(|link| link.kind == kind && link.target.as_ref() == target && link.key.as_ref() == key).collect()
    }

    /// The ids that links give for a key, sorted.
    pub(crate) fn ids_of<'m>(&self, memory: &'m Memory, target: &str, kind: ObjectKind, key: &str) -> Vec<&'m str> {
        let links = self.links_of(memory, target, kind, key);
        let mut ids: Vec<&str> = links.into_iter().map(|link| link.id.as_ref()).collect();
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
    pub(crate) fn key_of<'m>(&self, memory: &'m Memory, target: &str, kind: ObjectKind, id: &str) -> Option<&'m std::sync::Arc<str>> {
        self.link_of(memory, target, kind, id).map(|link| &link.key)
    }

    /// The link of an id. The state keeps one; of several the newest counts.
    pub(crate) fn link_of<'m>(&self, memory: &'m Memory, target: &str, kind: ObjectKind, id: &str) -> Option<&'m Link> {
        if memory.links.is_empty() {
            return None;
        }
        let candidates = self.keyed.into_iter().flat_map(|keyed| self.links_by_id.candidates(hash(keyed, target, kind, id)));
        let links = candidates.filter_map(|at| memory.links.get(at as usize));
        let right = links.filter(|link| link.kind == kind && link.target.as_ref() == target && link.id.as_ref() == id);
        right.max_by_key(|link| (link.at, &link.key))
    }

    /// What headcount wrote to an object last.
    pub(crate) fn written<'m>(&self, memory: &'m Memory, target: &str, kind: ObjectKind, id: &str) -> Option<&'m LastWrite> {
        let mut candidates = self.keyed.into_iter().flat_map(|keyed| self.written.candidates(hash(keyed, target, kind, id)));
        let is_it = |known: &&LastWrite| known.kind == kind && known.target.as_ref() == target && known.id.as_ref() == id;
        candidates.find_map(|at| memory.written.get(at as usize).filter(is_it))
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
    LinksByKey,
    LinksById,
    Formers,
    Written,
    Deactivations,
}

/// What a link is worth today.
enum Standing {
    Counts,
    Stranded,
    Disowned,
}

fn standing(policy: &Policy, link: &Link) -> Standing {
    let Some(rules) = policy.targets.iter().find(|rules| rules.name == link.target) else { return Standing::Counts };
    let system = &rules.system;
    if link.kind != ObjectKind::Group && system.not_ours.contains(&link.id) {
        return Standing::Disowned;
    }
    let here = [system.id, UNKNOWN_SYSTEM].contains(&link.system) || system.previous.contains(&link.system);
    if here { Standing::Counts } else { Standing::Stranded }
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
