//! What the system of a source calls its records, as fingerprints: so that a change which it tells is known to be of the record that is kept, and of no other one with
//! its key.
//!
//! Must never: decide whose record it is; where an id does not fit, the source is read as a whole.

use std::collections::BTreeSet;

use super::delta::Moves;
use super::hash::Keyed;
use crate::model::Cell;

/// By record; empty where the system tells none.
#[derive(Clone, Debug, Default)]
pub(super) struct OwnIds {
    prints: Vec<u64>,
}

/// Of a record whose system told none.
const NONE: u64 = 0;

impl OwnIds {
    /// The fingerprint of an id.
    pub(super) fn print(keyed: Keyed, id: Option<Cell<'_>>) -> u64 {
        match id {
            Some(Cell::Text(text)) => keyed.text(text),
            Some(Cell::Int(number)) => keyed.text(&number.to_string()),
            _ => NONE,
        }
    }

    /// Keeps the id of a record. Records before it of which none was told have none.
    pub(super) fn put(&mut self, record: u32, print: u64) {
        let record = record as usize;
        if print == NONE && record >= self.prints.len() {
            return;
        }
        if record >= self.prints.len() {
            self.prints.resize(record + 1, NONE);
        }
        self.prints[record] = print;
    }

    /// Of a record; nothing where none was told.
    pub(super) fn of(&self, record: u32) -> Option<u64> {
        self.prints.get(record as usize).copied().filter(|print| *print != NONE)
    }

    /// Records go, and the last ones move into the holes.
    pub(super) fn remove(&mut self, moves: &Moves, left: u32) {
        for (last, hole) in moves.iter() {
            let print = self.of(last).unwrap_or(NONE);
            self.put(hole, print);
        }
        self.prints.truncate(left as usize);
    }

    /// Records go, in order, and those behind them move up.
    pub(super) fn without(&mut self, dropped: &[u32]) {
        let mut at = 0..;
        self.prints.retain(|_| at.next().is_some_and(|at| dropped.binary_search(&at).is_err()));
    }

    /// Whether none was told.
    pub(super) fn is_empty(&self) -> bool {
        self.prints.is_empty()
    }

    /// The records with any of these.
    pub(super) fn find(&self, prints: &BTreeSet<u64>) -> Vec<u32> {
        if prints.is_empty() {
            return Vec::new();
        }
        (0..).zip(&self.prints).filter(|(_, print)| prints.contains(print)).map(|(record, _)| record).collect()
    }
}
