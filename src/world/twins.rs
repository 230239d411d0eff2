//! Records that a source has beside another one with the same key. Which of them is right, nobody knows; what each of them says may be theirs.
//!
//! Must never: depend on the order in which they came.

use std::collections::BTreeMap;

use super::spool::{Spool, Spot};
use crate::model::Row;

/// By key, those that are not the one which stands for all of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Twins {
    by_key: BTreeMap<Box<str>, Vec<Spot>>,
}

impl Twins {
    /// One more record with the key behind a spot; one that says the same as another is none.
    pub(super) fn note(&mut self, spool: &Spool, spot: Spot) {
        let (key, row) = spool.get(spot);
        let known = self.by_key.entry(key.into()).or_default();
        if let Err(at) = known.binary_search_by(|known| spool.get(*known).1.cmp(&row)) {
            known.insert(at, spot);
        }
    }

    /// Those with a key.
    pub(super) fn of<'s>(&'s self, spool: &'s Spool, key: &str) -> impl Iterator<Item = Row<'s>> {
        self.by_key.get(key).into_iter().flatten().map(|spot| spool.get(*spot).1)
    }

    /// All of them, where they stand in the spool.
    pub(super) fn spots(&self) -> impl Iterator<Item = Spot> {
        self.by_key.values().flatten().copied()
    }

    /// The same, to be moved.
    pub(super) fn spots_mut(&mut self) -> impl Iterator<Item = &mut Spot> {
        self.by_key.values_mut().flatten()
    }
}
