//! The memory with indexes: links by our key and by the target's id, and our own deactivations.
//!
//! Must never: take a link for more than it is. The object it names may be gone.

use std::collections::BTreeSet;
use std::hash::Hasher as _;

use jiff::Timestamp;

use super::hash::Keyed;
use super::index::Index;
use crate::model::{Deactivation, LastWrite, Link, Memory, ObjectKind, UNKNOWN_SYSTEM};
use crate::policy::Policy;

/// Indexes over [`Memory`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Recall {
    keyed: Option<Keyed>,
    links_by_key: Index,
    links_by_id: Index,
    formers: Index,
    written: Index,
    deactivations: Index,
    /// links that were made at another system than the one that the target speaks to now
    stranded: Vec<u32>,
    /// these, and links that are said not to be ours
    void: BTreeSet<u32>,
}

impl Recall {
    /// Builds the indexes. What was made at another system, or is said not to be ours, proves nothing.
    pub(crate) fn of(keyed: Keyed, policy: &Policy, memory: &Memory) -> Self {
        let mut recall = Self { keyed: Some(keyed), ..Self::default() };
        let mut elsewhere = BTreeSet::new();
        for (at, link) in memory.links.iter().enumerate() {
            match standing(policy, link) {
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
        [&mut recall.formers, &mut recall.written, &mut recall.deactivations].into_iter().for_each(Index::settle);
        recall
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
        let links = candidates.filter_map(|at| memory.links.get(at as usize).map(|link| (link.at, at, link)));
        let right = links.filter(|(.., link)| link.kind == kind && link.target.as_ref() == target && link.id.as_ref() == id);
        right.max_by_key(|(time, at, _)| (*time, *at)).map(|(.., link)| link)
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

fn hash(keyed: Keyed, target: &str, kind: ObjectKind, text: &str) -> u64 {
    let mut hasher = keyed.start();
    hasher.write_u32(target.len() as u32);
    hasher.write(target.as_bytes());
    hasher.write_u8(kind as u8);
    hasher.write(text.as_bytes());
    hasher.finish()
}
