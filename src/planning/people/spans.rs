//! The records of one establishing source, and which identities they are.
//!
//! Must never: decide whose a record is.

use std::collections::BTreeMap;
use std::sync::Arc;

/// One establishing source and the numbers of its identities.
pub(in crate::planning) struct Span {
    pub(in crate::planning) source: usize,
    pub(in crate::planning) first: u32,
    pub(in crate::planning) len: u32,
    /// none: every record is an identity, in order
    pub(in crate::planning) seats: Option<Seats>,
    /// sources of higher precedence that could not be read to their end, where its records may belong to somebody unseen
    pub(in crate::planning) unseen: Vec<usize>,
}

/// Which record is which identity, where some are somebody else's.
#[derive(Default)]
pub(in crate::planning) struct Seats {
    /// by position in the span: the record
    pub(in crate::planning) records: Vec<u32>,
    /// by record: the identity
    pub(super) numbers: Vec<u32>,
    /// by position in the span
    pub(super) blocked: BTreeMap<u32, Block>,
}

/// Why nothing may be done for a record's identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::planning) enum Block {
    /// it may be somebody else's record
    Contested,
    /// the key could not be worked out
    Broken(Arc<str>),
    /// it may belong to somebody of a source that was not read to its end
    Unseen(usize),
}

/// A former key that can't be carried over: the User, the key, and why.
pub(in crate::planning) struct FormerTrouble {
    pub(in crate::planning) user: usize,
    pub(in crate::planning) key: Arc<str>,
    /// whoever has the key and is still there
    pub(in crate::planning) holder: u32,
}

impl Span {
    /// The record of the identity at a position.
    pub(in crate::planning) fn record(&self, position: u32) -> u32 {
        match &self.seats {
            None => position,
            Some(seats) => seats.records.get(position as usize).copied().unwrap_or_default(),
        }
    }

    /// The identity of a record.
    pub(in crate::planning) fn number(&self, record: u32) -> Option<u32> {
        match &self.seats {
            None => Some(self.first + record),
            Some(seats) => seats.numbers.get(record as usize).copied(),
        }
    }

    /// Why nothing may be done for the identity at a position.
    pub(in crate::planning) fn blocked(&self, position: u32) -> Option<&Block> {
        self.seats.as_ref().and_then(|seats| seats.blocked.get(&position))
    }
}
