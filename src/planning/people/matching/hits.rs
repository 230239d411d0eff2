//! One key over everybody: the values of both sides as wide hashes, joined.
//!
//! Must never: depend on the order of rows, or list everybody who shares a value with everybody else.

use std::collections::BTreeSet;

use crate::expr::{Evaluation, Input};
use crate::model::{AttributeType, Value};
use crate::planning::people::identity::Identities;
use crate::planning::people::matched_records::{MatchDoubt, What};
use crate::planning::people::person::Person;
use crate::planning::schema::layout::KeyLayout;
use crate::planning::schema::values::{Held, Reads};
use crate::world::{Keyed, canonical};

/// A value of the key, and who has it.
pub(super) type Entry = (u128, u32);

/// As many are named where several share a value.
const NAMED: usize = 3;

/// What a key came to for one identity or record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::planning) enum Came {
    /// any number of values, none included
    Known,
    /// it reads something that is not known
    Unknown,
    /// it failed, in words
    Failed(String),
}

/// Works the key out for one identity or record, and adds its values.
pub(in crate::planning) fn values(
    key: &KeyLayout,
    keyed: Keyed,
    person: &Person,
    buffer: &mut Vec<u8>,
    mut found: impl FnMut(u128),
) -> Came {
    if let Some(Held::Cell(cell)) = key.value.bare_position().and_then(|slot| person.slots.get(slot)) {
        canonical::each_key(key.kind, *cell, buffer, |bytes| found(keyed.wide(bytes)));
        return Came::Known;
    }
    let mut all = |value: &Value| canonical::keys(key.kind, Input::Value(value)).iter().for_each(|bytes| found(keyed.wide(bytes)));
    match person.over(&key.value) {
        None => return Came::Unknown,
        Some(Evaluation::Failed(words)) => return Came::Failed(words),
        Some(Evaluation::Missing | Evaluation::Null) => {}
        Some(Evaluation::Value(Value::List(items))) if key.kind == AttributeType::Text => items.iter().for_each(all),
        Some(Evaluation::Value(value)) => all(&value),
    }
    Came::Known
}

/// Who shares a value with whom.
#[derive(Default)]
pub(super) struct Hits {
    /// one identity and one record, alone with a value
    pub(super) pairs: Vec<(u32, u32)>,
    /// several that share a value, and the first of them by key
    pub(super) crowds: Vec<MatchDoubt>,
    /// everybody in a crowd
    pub(super) crowded: BTreeSet<u32>,
    /// every record in a crowd
    pub(super) contested: BTreeSet<u32>,
}

/// Joins both sides on their values.
pub(super) fn join(identities: &Identities<'_>, source: usize, key: usize, mut left: Vec<Entry>, mut right: Vec<Entry>) -> Hits {
    for side in [&mut left, &mut right] {
        side.sort_unstable();
        side.dedup();
    }
    let mut hits = Hits::default();
    let (mut left, mut right) = (left.as_slice(), right.as_slice());
    while let (Some((one, _)), Some((other, _))) = (left.first(), right.first()) {
        if one < other {
            left = after(left, *one);
        } else if other < one {
            right = after(right, *other);
        } else {
            let value = *one;
            let (rest_left, rest_right) = (after(left, value), after(right, value));
            let run = |side: &[Entry], rest: &[Entry]| -> Vec<u32> {
                side[..side.len() - rest.len()].iter().map(|(_, number)| *number).collect()
            };
            hits.meet(identities, source, key, run(left, rest_left), run(right, rest_right));
            (left, right) = (rest_left, rest_right);
        }
    }
    hits.pairs.sort_unstable();
    hits.pairs.dedup();
    hits
}

fn after(side: &[Entry], value: u128) -> &[Entry] {
    let end = side.iter().position(|(hash, _)| *hash != value).unwrap_or(side.len());
    side.get(end..).unwrap_or_default()
}

impl Hits {
    fn meet(&mut self, identities: &Identities<'_>, source: usize, key: usize, people: Vec<u32>, records: Vec<u32>) {
        if let ([one], [record]) = (people.as_slice(), records.as_slice()) {
            self.pairs.push((*one, *record));
            return;
        }
        self.crowds.push(doubt(identities, source, What::Shared { key }, &people, &records));
        self.crowded.extend(people);
        self.contested.extend(records);
    }
}

/// A doubt about many names the first of them by key, whatever the order of rows.
pub(super) fn doubt(identities: &Identities<'_>, source: usize, what: What, people: &[u32], records: &[u32]) -> MatchDoubt {
    let side = &identities.world.sources[source];
    let more = people.len().saturating_sub(NAMED) + records.len().saturating_sub(NAMED);
    let people = first(people, |number| identities.key(*number));
    let records = first(records, |record| side.key(*record).to_owned());
    MatchDoubt { what, identities: people, records, more }
}

fn first<K: Ord>(all: &[u32], key: impl Fn(&u32) -> K) -> Vec<u32> {
    let mut keyed: Vec<(K, u32)> = all.iter().map(|number| (key(number), *number)).collect();
    if keyed.len() > NAMED {
        keyed.select_nth_unstable(NAMED);
        keyed.truncate(NAMED);
    }
    keyed.sort_unstable();
    keyed.into_iter().map(|(_, number)| number).collect()
}
