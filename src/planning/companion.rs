//! Records of sources that establish nobody: which identity each belongs to.
//!
//! Must never: guess between two records, or let a record that could not be found count as one that is not there.

use std::collections::BTreeMap;

use super::identity::{Held, Identities, Origin, Outcome, Person, evaluate};
use super::layout::Layout;
use crate::expr::Input;
use crate::model::{Cell, ValueState};
use crate::world::{RecordState, canonical, kind_of};

/// For each identity, its record in one source.
pub(super) struct Companion {
    pub(super) source: usize,
    records: Vec<u32>,
    complete: bool,
}

/// What a source has about an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Record<T> {
    /// this
    Cells(T),
    /// nothing
    Nothing,
    /// that can't be said
    Unknown,
}

const NONE: u32 = u32::MAX;
const AMBIGUOUS: u32 = u32::MAX - 1;

impl Companion {
    /// The record of an identity.
    pub(super) fn record(&self, number: u32) -> Record<u32> {
        match self.records.get(number as usize).copied() {
            Some(AMBIGUOUS) => Record::Unknown,
            None | Some(NONE) if self.complete => Record::Nothing,
            None | Some(NONE) => Record::Unknown,
            Some(record) => Record::Cells(record),
        }
    }

    /// Identities whose record can't be told.
    pub(super) fn ambiguous(&self) -> impl Iterator<Item = u32> + '_ {
        self.records.iter().enumerate().filter(|(_, record)| **record == AMBIGUOUS).map(|(number, _)| number as u32)
    }
}

/// For every source that establishes nobody.
pub(super) fn find(identities: &Identities<'_>, layout: &Layout<'_>) -> Vec<Companion> {
    let sources = (0..identities.policy.sources.len()).filter(|at| !identities.policy.sources[*at].establishes);
    sources.map(|source| of_source(identities, layout, source)).collect()
}

fn of_source(identities: &Identities<'_>, layout: &Layout<'_>, source: usize) -> Companion {
    let rules = &identities.policy.sources[source];
    let complete = identities.world.trust[source].evidence.proves_absence();
    let mut records = vec![NONE; identities.len() as usize];
    if rules.correlate.is_empty() {
        by_key(identities, source, &mut records);
    } else {
        by_attributes(identities, layout, source, &mut records);
    }
    one_each(&mut records);
    Companion { source, records, complete }
}

/// Without attributes to correlate by, the keys are the same.
fn by_key(identities: &Identities<'_>, source: usize, records: &mut [u32]) {
    for (number, record) in records.iter_mut().enumerate() {
        let Origin::Record(own, at) = identities.origin(number as u32) else { continue };
        let Some(found) = identities.world.sources[source].find(identities.world.sources[own].key(at)) else { continue };
        *record = usable(identities, source, found);
    }
}

fn usable(identities: &Identities<'_>, source: usize, record: u32) -> u32 {
    match identities.world.sources[source].state(record) {
        RecordState::Counts => record,
        RecordState::OutOfScope => NONE,
        RecordState::Ambiguous | RecordState::ScopeFailed => AMBIGUOUS,
    }
}

fn by_attributes(identities: &Identities<'_>, layout: &Layout<'_>, source: usize, records: &mut [u32]) {
    let tables: Vec<_> =
        identities.policy.sources[source].correlate.iter().map(|name| (name, table(identities, layout, source, name))).collect();
    let mut person = Person::default();
    for (number, record) in records.iter_mut().enumerate() {
        identities.assemble_with(layout, number as u32, &[], &mut person);
        let mut hits: Vec<u32> = Vec::new();
        for (name, table) in &tables {
            let Some(ValueState::Set(value)) = layout.slot(name).and_then(|slot| person.slots.get(slot)).map(Held::state) else { continue };
            let keys = canonical::keys(kind_of(name), Input::Value(&value));
            hits.extend(keys.iter().filter_map(|key| table.get(key)).flatten());
        }
        hits.sort_unstable();
        hits.dedup();
        *record = match hits.as_slice() {
            [] => NONE,
            [one] => usable(identities, source, *one),
            _ => AMBIGUOUS,
        };
    }
}

/// The records of a source by one attribute's canonical values.
fn table(identities: &Identities<'_>, layout: &Layout<'_>, source: usize, name: &str) -> BTreeMap<Vec<u8>, Vec<u32>> {
    let side = &identities.world.sources[source];
    let mut table: BTreeMap<Vec<u8>, Vec<u32>> = BTreeMap::new();
    let Some(rule) = identities.policy.sources[source].rules.iter().position(|rule| rule.attribute.as_ref() == name) else { return table };
    let rule = &layout.sources[source].rules[rule];
    for record in (0..side.len()).filter(|record| side.state(*record) != RecordState::OutOfScope) {
        let cells: Vec<Cell<'_>> = side.row(record).cells().collect();
        if let Outcome::Is(ValueState::Set(value)) = evaluate(rule, cells.as_slice()) {
            for key in canonical::keys(kind_of(name), Input::Value(&value)) {
                table.entry(key).or_default().push(record);
            }
        }
    }
    table
}

/// A record that several identities hit is nobody's for certain.
fn one_each(records: &mut [u32]) {
    let mut claims: BTreeMap<u32, u32> = BTreeMap::new();
    for record in records.iter().filter(|record| **record < AMBIGUOUS) {
        *claims.entry(*record).or_default() += 1;
    }
    for record in records {
        if claims.get(record).is_some_and(|count| *count > 1) {
            *record = AMBIGUOUS;
        }
    }
}
