//! Identities a few at a time, with their keys and the accounts that carry their marks: looked for one by one, each would wait for the memory.
//!
//! Must never: say whose an account is.

use std::ops::Range;

use crate::planning::basis::Basis;

/// So many at once.
const FEW: usize = 64;

/// Some identities, in buffers that are used again.
#[derive(Default)]
pub(super) struct Batch {
    keys: String,
    marks: String,
    people: Vec<(u32, Range<usize>)>,
    /// position among them, and account
    marked: Vec<(usize, u32)>,
}

/// One of them.
pub(super) struct Marked<'b> {
    pub(super) identity: u32,
    pub(super) key: &'b str,
    /// the accounts that carry their mark, each behind the position that it was found for
    rows: &'b [(usize, u32)],
}

impl Marked<'_> {
    /// The accounts that carry the mark of their key, in no order and maybe twice.
    pub(super) fn rows(&self) -> impl Iterator<Item = u32> {
        self.rows.iter().map(|(_, row)| *row)
    }
}

impl Batch {
    /// The next of these identities in the place of those before; false where none is left.
    pub(super) fn fill(&mut self, basis: &Basis<'_>, target: usize, identities: &mut impl Iterator<Item = u32>) -> bool {
        self.keys.clear();
        self.marks.clear();
        self.people.clear();
        self.marked.clear();
        let (mut key, mut ends) = (String::new(), Vec::with_capacity(FEW));
        for identity in identities.take(FEW) {
            basis.people.write_key(identity, &mut key);
            let start = self.keys.len();
            self.keys.push_str(&key);
            self.people.push((identity, start..self.keys.len()));
            let start = self.marks.len();
            basis.marks.write(&key, &mut self.marks);
            ends.push(start..self.marks.len());
        }
        if let Some(marker) = &basis.layout.targets[target].marker {
            let marks: Vec<&[u8]> = ends.into_iter().map(|mark| self.marks.as_bytes().get(mark).unwrap_or_default()).collect();
            basis.observed[target].accounts().each_by_all(marker, &marks, |at, row| self.marked.push((at, row)));
        }
        !self.people.is_empty()
    }

    /// Them, in order.
    pub(super) fn people(&self) -> impl Iterator<Item = Marked<'_>> {
        let mut rest = self.marked.as_slice();
        self.people.iter().enumerate().map(move |(position, (identity, key))| {
            let (rows, after) = rest.split_at(rest.partition_point(|(at, _)| *at <= position));
            rest = after;
            Marked { identity: *identity, key: self.keys.get(key.clone()).unwrap_or_default(), rows }
        })
    }
}
