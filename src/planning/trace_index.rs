//! From traces to whom they lead, for as many as there are people: eight bytes a trace, and twelve for each who left any.
//!
//! Of a trace half is kept, so one may lead to somebody who never left it: that costs time where they are looked at. Must never: lose one.

use std::collections::HashMap;
use std::sync::Arc;

use crate::planning::traces::Trace;
use crate::world::Index;

/// Where a trace leads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::planning) enum Node {
    /// a record of a source, by the hash of its key
    Record(usize, u64),
    /// an account of a target, by the hash of its id
    Account(usize, u64),
    /// a User that stands alone, by its key
    User(Arc<str>),
}

/// From traces to whom they lead.
#[derive(Clone, Debug, Default)]
pub(in crate::planning) struct TraceIndex {
    by: Index,
    nodes: Vec<PackedNode>,
    users: Vec<Arc<str>>,
}

/// A node in twelve bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct PackedNode {
    /// what it is, and the position of its system
    place: u32,
    /// of a User that stands alone its position
    hash: [u8; 8],
}

const RECORD: u32 = 0;
const ACCOUNT: u32 = 1;
const USER: u32 = 2;

impl TraceIndex {
    /// Somebody who left none before leaves these.
    pub(in crate::planning) fn leave(&mut self, mut traces: Vec<Trace>, node: Node) {
        if traces.is_empty() {
            return;
        }
        traces.sort_unstable();
        traces.dedup();
        let number = self.push(node);
        traces.into_iter().for_each(|trace| self.by.insert(trace, number));
    }

    /// All left theirs.
    pub(in crate::planning) fn settle(&mut self) {
        self.by.settle();
        self.nodes.shrink_to_fit();
    }

    /// Where a trace leads.
    pub(in crate::planning) fn led(&self, trace: Trace) -> impl Iterator<Item = Node> + '_ {
        self.by.candidates(trace).filter_map(|number| self.node(number))
    }

    /// With those of others, who may have left theirs already.
    pub(in crate::planning) fn absorb(&mut self, part: &Self) {
        let mut numbers: HashMap<u32, u32> = HashMap::new();
        let mut open = Vec::new();
        for (trace, number) in part.by.entries() {
            let node = part.node(number);
            match self.by.candidates(trace).find(|known| self.node(*known) == node) {
                Some(known) => drop(numbers.insert(number, known)),
                None => open.push((trace, number)),
            }
        }
        for (trace, number) in open {
            let Some(node) = part.node(number) else { continue };
            let known = *numbers.entry(number).or_insert_with(|| self.push(node));
            self.by.insert(trace, known);
        }
        self.by.tidy();
    }

    fn push(&mut self, node: Node) -> u32 {
        let (kind, at, hash) = match node {
            Node::Record(source, hash) => (RECORD, source, hash),
            Node::Account(target, hash) => (ACCOUNT, target, hash),
            Node::User(key) => {
                self.users.push(key);
                (USER, 0, self.users.len() as u64 - 1)
            }
        };
        self.nodes.push(PackedNode { place: (at as u32) << 2 | kind, hash: hash.to_le_bytes() });
        self.nodes.len() as u32 - 1
    }

    fn node(&self, number: u32) -> Option<Node> {
        let PackedNode { place, hash } = *self.nodes.get(number as usize)?;
        let (at, hash) = ((place >> 2) as usize, u64::from_le_bytes(hash));
        match place & 3 {
            RECORD => Some(Node::Record(at, hash)),
            ACCOUNT => Some(Node::Account(at, hash)),
            _ => self.users.get(hash as usize).cloned().map(Node::User),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn trace(at: u64) -> Trace {
        at.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    fn node(at: u64) -> Node {
        match at % 3 {
            0 => Node::Record(at as usize % 7, at),
            1 => Node::Account(at as usize % 5, at),
            _ => Node::User(Arc::from(at.to_string())),
        }
    }

    fn led(index: &TraceIndex, at: u64) -> BTreeSet<Node> {
        index.led(trace(at)).collect()
    }

    #[test]
    fn whoever_left_a_trace_is_found_by_it_also_when_they_leave_it_again() {
        let of = |at: u64| vec![trace(at), trace(at % 10 + 1_000_000), trace(at)];
        let mut all = TraceIndex::default();
        (0..1000).for_each(|at| all.leave(of(at), node(at)));
        all.settle();
        let size = all.nodes.len();
        for _ in 0..3 {
            let mut part = TraceIndex::default();
            (990..1010).for_each(|at| part.leave(of(at), node(at)));
            part.settle();
            all.absorb(&part);
        }
        assert_eq!(all.nodes.len(), size + 10, "whoever is known is not noted again");
        assert!((0..1010).all(|at| led(&all, at) == BTreeSet::from([node(at)])));
        let shared = (0..101).map(|at| node(at * 10 + 3)).collect();
        assert_eq!(led(&all, 1_000_003), shared);
    }
}
