//! What an identity comes from: the records of its sources, how each was found, and which of them speak.
//!
//! Must never: name one record where it can't be told which of two it is.

use std::sync::Arc;

use super::{Because, IdentityRecord};
use crate::model::{Cell, Key};
use crate::planning::basis::Basis;
use crate::planning::people::identity::IdentityOrigin;
use crate::planning::people::matched_records::MatchedRecords;
use crate::planning::people::matched_records::Record;
use crate::planning::people::person::Person;
use crate::planning::report::matching;
use crate::world::{RecordState, Truth};

/// Records and the User manifest behind an identity.
pub(super) fn behind(basis: &Basis<'_>, person: &Person) -> Vec<IdentityRecord> {
    let mut all: Vec<IdentityRecord> = Vec::new();
    let silent = basis.people.silent(&basis.layout, person.number);
    for (source, record) in basis.people.behind(person.number) {
        let rules = &basis.policy.sources[source];
        let key = match record {
            Record::Cells(record) => Some(Arc::from(basis.world.sources[source].key(record))),
            Record::Unknown => None,
            Record::Nothing => continue,
        };
        let quiet = silent.contains(&source).then(|| "silent, since another one says that they are here".to_owned());
        let found: Vec<String> = found(basis, person, source).into_iter().chain(quiet).collect();
        let found = (!found.is_empty()).then(|| found.join(", "));
        all.push(IdentityRecord { source: rules.name.clone(), key, found, place: rules.place.clone() });
    }
    if let Some(user) = basis.people.declared(person.number) {
        all.push(IdentityRecord { source: "user".into(), key: Some(user.name.clone()), found: None, place: user.place.clone() });
    }
    all
}

/// How a record was found, or why it was not.
fn found(basis: &Basis<'_>, person: &Person, source: usize) -> Option<String> {
    let matching = basis.people.matching(source);
    if let IdentityOrigin::Record(own, record) = basis.people.origin(person.number)
        && own == source
    {
        let doubt = matching.and_then(|matching| matching.doubts.iter().find(|doubt| doubt.records.contains(&record)));
        let blocked = basis.people.blocked(person.number);
        let doubtful =
            blocked.map(|_| doubt.map_or_else(|| "it may be somebody else's".to_owned(), |doubt| matching::words(basis, source, doubt)));
        return doubtful.or_else(|| carries_on(basis, person, source, record));
    }
    matching.map_or_else(|| Some(unread(basis, source)), |matching| by_matching(basis, matching, person.number))
}

fn by_matching(basis: &Basis<'_>, matching: &MatchedRecords, number: u32) -> Option<String> {
    let source = matching.source;
    if let Some(how) = matching.how(number) {
        return Some(format!("by {}", matching::how(basis, source, how)));
    }
    if let Some(doubt) = matching.doubt(number) {
        return Some(matching::words(basis, source, doubt));
    }
    if !basis.world.trust[source].evidence.proves_absence() {
        return Some(unread(basis, source));
    }
    let keys: Vec<&str> = basis.policy.sources[source].correlate.iter().map(|key| key.text.as_ref()).collect();
    Some(format!("its {} is not known", keys.join(", ")))
}

fn unread(basis: &Basis<'_>, source: usize) -> String {
    format!("{} could not be read to its end", basis.policy.sources[source].name)
}

/// A record whose identity has kept the key of another one.
fn carries_on(basis: &Basis<'_>, person: &Person, source: usize, record: u32) -> Option<String> {
    let own = Key::record(&basis.policy.sources[source].name, basis.world.sources[source].key(record)).to_string();
    (own != person.key).then(|| format!("which carries {} on", person.key))
}

/// What the records of establishing sources say about where the identity stands.
pub(super) fn standing(basis: &Basis<'_>, person: &Person) -> Vec<Because> {
    let establishing = |source: &usize| basis.policy.sources[*source].establishes;
    let mut all = Vec::new();
    for (source, record) in basis.people.behind(person.number).into_iter().filter(|(source, _)| establishing(source)) {
        if let Record::Cells(record) = record {
            of_record(basis, source, record, &mut all);
        }
    }
    all
}

fn of_record(basis: &Basis<'_>, source: usize, record: u32, all: &mut Vec<Because>) {
    let rules = &basis.policy.sources[source];
    let side = &basis.world.sources[source];
    let cells: Vec<Cell<'_>> = side.row(record).cells().collect();
    let scope = || rules.filter.as_ref().and_then(|filter| filter.place());
    match side.state(record) {
        RecordState::Counts => {}
        RecordState::OutOfScope => {
            all.push(Because::words(format!("the scope of {} does not cover the record", rules.name)).at(scope()));
        }
        RecordState::Ambiguous => all.push(Because::words(format!("two records of {} have its key", rules.name)).at(rules.key.place())),
        RecordState::ScopeFailed => all.push(Because::words(format!("the scope of {} failed on the record", rules.name)).at(scope())),
    }
    let layout = &basis.layout.sources[source];
    for (name, condition) in [("leaver", &layout.leaver), ("suspended", &layout.suspended)] {
        let Some(condition) = condition else { continue };
        let words = match condition.holds_for_cells(&cells) {
            Truth::Yes => format!("{} says {name}", rules.name),
            Truth::No => format!("{} does not say {name}", rules.name),
            Truth::Unknown(words) => format!("whether {} says {name} could not be worked out: {words}", rules.name),
        };
        all.push(Because::condition(words, condition, cells.as_slice()));
    }
}
