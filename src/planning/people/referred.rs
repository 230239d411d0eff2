//! Records that others name by an attribute in the place of the key: a manager by the address.
//!
//! Must never: hold a value of anybody, or anything of an attribute that no rule names records by.

use std::collections::BTreeMap;

/// Who has which value, by source and slot.
#[derive(Default)]
pub(in crate::planning) struct Referred(BTreeMap<(usize, usize), Vec<HashedValue>>);

/// A value as a wide hash, and the record that has it.
pub(in crate::planning) type HashedValue = (u128, u32);

/// Whom a value names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::planning) enum Named {
    /// the one record that has it
    One(u32),
    /// no record has it
    Nobody,
    /// several have it
    Several,
}

impl Referred {
    /// Adds the values of one attribute of a source.
    pub(in crate::planning) fn add(&mut self, source: usize, slot: usize, mut entries: Vec<HashedValue>) {
        entries.sort_unstable();
        entries.dedup();
        self.0.insert((source, slot), entries);
    }

    /// Whom a value of an attribute names; nothing where nobody was looked for.
    pub(in crate::planning) fn named(&self, source: usize, slot: usize, wanted: u128) -> Option<Named> {
        let entries = self.0.get(&(source, slot))?;
        let from = entries.partition_point(|(hash, _)| *hash < wanted);
        let mut records = entries.iter().skip(from).take_while(|(hash, _)| *hash == wanted).map(|(_, record)| *record);
        Some(match (records.next(), records.next()) {
            (Some(record), None) => Named::One(record),
            (Some(_), Some(_)) => Named::Several,
            (None, _) => Named::Nobody,
        })
    }
}
