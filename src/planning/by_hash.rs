//! From a hash to something small, for as many as there are people: what stands there is in order, side by side, and what came and went since stands beside it.
//!
//! Must never: take more room for a person than the hash and the value.

use std::collections::HashMap;

/// From a hash to a value.
#[derive(Clone, Debug)]
pub(in crate::planning) struct ByHash<V> {
    /// in order
    hashes: Vec<u64>,
    values: Vec<V>,
    /// since; none: it is gone
    late: HashMap<u64, Option<V>>,
}

/// So much may have come and gone since the last order, or one of so many.
const LOOSE: usize = 1024;
const PART: usize = 16;

impl<V> Default for ByHash<V> {
    fn default() -> Self {
        Self { hashes: Vec::new(), values: Vec::new(), late: HashMap::new() }
    }
}

impl<V: Copy> ByHash<V> {
    /// What a hash leads to.
    pub(in crate::planning) fn get(&self, hash: u64) -> Option<V> {
        match self.late.get(&hash) {
            Some(late) => *late,
            None => self.hashes.binary_search(&hash).ok().and_then(|at| self.values.get(at).copied()),
        }
    }

    /// A hash leads there now; where it led before.
    pub(in crate::planning) fn insert(&mut self, hash: u64, value: V) -> Option<V> {
        let known = self.hashes.binary_search(&hash).ok().and_then(|at| self.values.get_mut(at));
        let Some(known) = known else { return self.late.insert(hash, Some(value)).flatten() };
        let was_gone = self.late.remove(&hash).is_some();
        let before = std::mem::replace(known, value);
        (!was_gone).then_some(before)
    }

    /// A hash leads nowhere any more; where it led before.
    pub(in crate::planning) fn remove(&mut self, hash: u64) -> Option<V> {
        let known = self.hashes.binary_search(&hash).ok().and_then(|at| self.values.get(at));
        let Some(known) = known else { return self.late.remove(&hash).flatten() };
        let was_gone = self.late.insert(hash, None).is_some();
        (!was_gone).then_some(*known)
    }

    /// All hashes with what they lead to.
    pub(in crate::planning) fn pairs(&self) -> impl Iterator<Item = (u64, V)> + '_ {
        let settled = self.hashes.iter().copied().zip(self.values.iter().copied()).filter(|(hash, _)| !self.late.contains_key(hash));
        settled.chain(self.late.iter().filter_map(|(hash, value)| Some((*hash, (*value)?))))
    }

    /// Puts in order what came and went, where there is enough of it.
    pub(in crate::planning) fn tidy(&mut self) {
        if self.late.len() > LOOSE.max(self.hashes.len() / PART) {
            let mut all: Vec<(u64, V)> = self.pairs().collect();
            all.sort_unstable_by_key(|(hash, _)| *hash);
            let (hashes, values) = (all.iter().map(|(hash, _)| *hash).collect(), all.iter().map(|(_, value)| *value).collect());
            *self = Self { hashes, values, late: HashMap::new() };
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn it_leads_where_a_map_leads_whatever_came_and_went() {
        let (mut ours, mut map) = (ByHash::default(), BTreeMap::new());
        let mut seed = 7_u64;
        for round in 0..20_000_u32 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let hash = (seed >> 33) % 5000;
            match seed >> 62 {
                0 => assert_eq!(ours.remove(hash), map.remove(&hash)),
                1 if round % 97 == 0 => ours.tidy(),
                _ => assert_eq!(ours.insert(hash, round), map.insert(hash, round)),
            }
            assert_eq!(ours.get(hash), map.get(&hash).copied());
        }
        assert!(!ours.hashes.is_empty(), "it was never put in order");
        assert_eq!(ours.pairs().collect::<BTreeMap<_, _>>(), map);
    }
}
