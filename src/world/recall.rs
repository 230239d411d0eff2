//! The memory with indexes: links by our key and by the target's id, and our own deactivations.
//!
//! Must never: take a link for more than it is. The object it names may be gone.

use std::hash::Hasher as _;

use jiff::Timestamp;

use super::hash::{Index, Keyed};
use crate::model::{Memory, ObjectKind};

/// Indexes over [`Memory`].
#[derive(Debug, Default)]
pub(crate) struct Recall {
    keyed: Option<Keyed>,
    links_by_key: Index,
    links_by_id: Index,
    deactivations: Index,
}

impl Recall {
    /// Builds the indexes.
    pub(crate) fn of(keyed: Keyed, memory: &Memory) -> Self {
        let mut recall = Self { keyed: Some(keyed), ..Self::default() };
        for (at, link) in memory.links.iter().enumerate() {
            recall.links_by_key.insert(hash(keyed, &link.target, link.kind, &link.key), at as u32);
            recall.links_by_id.insert(hash(keyed, &link.target, link.kind, &link.id), at as u32);
        }
        for (at, known) in memory.deactivations.iter().enumerate() {
            recall.deactivations.insert(hash(keyed, &known.target, ObjectKind::Account, &known.id), at as u32);
        }
        recall
    }

    /// The ids that links give for a key, sorted.
    pub(crate) fn ids_of<'m>(&self, memory: &'m Memory, target: &str, kind: ObjectKind, key: &str) -> Vec<&'m str> {
        if memory.links.is_empty() {
            return Vec::new();
        }
        let candidates = self.keyed.into_iter().flat_map(|keyed| self.links_by_key.candidates(hash(keyed, target, kind, key)));
        let links = candidates.filter_map(|at| memory.links.get(at as usize));
        let right = links.filter(|link| link.kind == kind && link.target.as_ref() == target && link.key.as_ref() == key);
        let mut ids: Vec<&str> = right.map(|link| link.id.as_ref()).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// The key that a link gives for an id; of several the first.
    pub(crate) fn key_of<'m>(&self, memory: &'m Memory, target: &str, kind: ObjectKind, id: &str) -> Option<&'m std::sync::Arc<str>> {
        if memory.links.is_empty() {
            return None;
        }
        let candidates = self.keyed.into_iter().flat_map(|keyed| self.links_by_id.candidates(hash(keyed, target, kind, id)));
        let links = candidates.filter_map(|at| memory.links.get(at as usize));
        let right = links.filter(|link| link.kind == kind && link.target.as_ref() == target && link.id.as_ref() == id);
        right.map(|link| &link.key).min()
    }

    /// When headcount deactivated an account.
    pub(crate) fn deactivated(&self, memory: &Memory, target: &str, id: &str) -> Option<Timestamp> {
        let candidates =
            self.keyed.into_iter().flat_map(|keyed| self.deactivations.candidates(hash(keyed, target, ObjectKind::Account, id)));
        let known = candidates.filter_map(|at| memory.deactivations.get(at as usize));
        known.filter(|known| known.target.as_ref() == target && known.id.as_ref() == id).map(|known| known.at).max()
    }
}

fn hash(keyed: Keyed, target: &str, kind: ObjectKind, text: &str) -> u64 {
    let mut hasher = keyed.start();
    hasher.write_u32(target.len() as u32);
    hasher.write(target.as_bytes());
    hasher.write_u8(kind as u8);
    hasher.write(text.as_bytes());
    hasher.finish()
}
