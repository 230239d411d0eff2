//! Who an identity is: its records, where it stands, and who says what about it.

use std::sync::Arc;

use super::{AttributeWhy, Because, Claimed, KnownValue, records};
use crate::model::{Cell, Key, Value, ValueState};
use crate::planning::basis::Basis;
use crate::planning::people::attributes::USER_PRECEDENCE;
use crate::planning::people::days::Days;
use crate::planning::people::matched_records::Record;
use crate::planning::people::person::Person;
use crate::planning::people::standing::Standing;
use crate::planning::schema::layout::{Candidate, RuleLayout};
use crate::planning::schema::values::{Evaluated, evaluate};
use crate::world::Truth;

/// Longest list of people who may be meant.
const MAX_FOUND: usize = 20;

pub(super) fn find(basis: &Basis<'_>, text: &str) -> Vec<Arc<str>> {
    if basis.people.find(text).is_some() {
        return vec![Arc::from(text)];
    }
    // The key of a record that makes nobody exist means whoever it belongs to.
    if let Some(number) = basis.people.meant_by(text) {
        return vec![basis.people.key(number)];
    }
    let records = basis.policy.sources.iter().map(|source| Key::record(&source.name, text));
    let by_key: Vec<Arc<str>> = records.chain([Key::user(text)]).map(Key::text).filter(|key| basis.people.find(key).is_some()).collect();
    if by_key.is_empty() { by_value(basis, text) } else { by_key }
}

/// Everybody's user name and e-mail addresses, without case.
fn by_value(basis: &Basis<'_>, text: &str) -> Vec<Arc<str>> {
    let slots: Vec<usize> = ["userName", "emails", "displayName"].iter().filter_map(|name| basis.layout.slot(name)).collect();
    let wanted = text.to_lowercase();
    let mut person = Person::default();
    let mut found = Vec::new();
    for number in 0..basis.people.len() {
        basis.people.assemble(&basis.layout, number, &mut person);
        let hit = slots.iter().any(|slot| matches!(person.slots[*slot].state(), ValueState::Set(value) if says(&value, &wanted)));
        if hit {
            found.push(basis.people.key(number));
        }
        if found.len() == MAX_FOUND {
            break;
        }
    }
    found.sort();
    found
}

fn says(value: &Value, wanted: &str) -> bool {
    match value {
        Value::Text(text) => text.to_lowercase() == wanted,
        Value::List(items) => items.iter().any(|item| says(item, wanted)),
        Value::Map(fields) => fields.get("value").is_some_and(|value| says(value, wanted)),
        _ => false,
    }
}

/// Why an identity stands where it stands.
pub(super) fn standing(basis: &Basis<'_>, person: &Person) -> Vec<Because> {
    let mut all = super::account::revoked(basis, &person.key);
    if let Some(user) = basis.people.declared(person.number).filter(|user| user.exclude) {
        all.push(Because::words("a User manifest excludes it").at(Some(&user.place)));
    }
    all.extend(records::standing(basis, person));
    all.extend(first_and_last_day(basis, person).into_iter().map(Because::words));
    if let Standing::Unknown(words) = &person.standing {
        all.push(Because::words(words.to_string()));
    }
    if let Standing::Doubtful(doubt) = &person.standing {
        all.push(Because::words(doubt.words.to_string()));
    }
    all
}

/// The days between which somebody works here, and what changes on them.
fn first_and_last_day(basis: &Basis<'_>, person: &Person) -> Vec<String> {
    let days = Days::of(&basis.layout, person);
    let today = basis.moment.today;
    let start = days.start.map(|start| match start > today {
        true => format!("the first day is {start}: pre-hire until then"),
        false => format!("the first day was {start}"),
    });
    let end = days.end.map(|end| match (end >= today, end.tomorrow()) {
        (true, Ok(after)) => format!("the last day is {end}: a leaver from {after} on"),
        (true, Err(_)) => format!("the last day is {end}"),
        (false, _) => format!("the last day was {end}"),
    });
    start.into_iter().chain(end).collect()
}

/// Every attribute that anybody says something about, sorted.
pub(super) fn attributes(basis: &Basis<'_>, person: &Person) -> Vec<AttributeWhy> {
    let mut all: Vec<AttributeWhy> = (0..basis.layout.slots.len()).filter_map(|slot| attribute(basis, person, slot)).collect();
    all.sort_by(|one, other| one.attribute.cmp(&other.attribute));
    all
}

/// Who says what about one attribute; nothing where nobody does.
pub(super) fn attribute(basis: &Basis<'_>, person: &Person, slot: usize) -> Option<AttributeWhy> {
    let layout = basis.layout.slots.get(slot)?;
    let secret = basis.policy.is_sensitive(&layout.name);
    let is = KnownValue::from(person.slots.get(slot)?.state()).hidden(secret);
    let mut claims = claims(basis, person, slot);
    claims.iter_mut().for_each(|claim| claim.says = std::mem::replace(&mut claim.says, KnownValue::Unknown).hidden(secret));
    claims.retain(|claim| claim.says != KnownValue::Unmanaged);
    if claims.is_empty() && is == KnownValue::Unmanaged {
        return None;
    }
    let given = (!claims.is_empty()).then(|| claims.remove(0));
    Some(AttributeWhy { attribute: layout.name.clone(), is, given, outranked: claims })
}

/// In the order they count.
fn claims(basis: &Basis<'_>, person: &Person, slot: usize) -> Vec<Claimed> {
    let layout = &basis.layout.slots[slot];
    let mut claims: Vec<Claimed> = Vec::new();
    let mut user = user_claim(basis, person, slot);
    for candidate in &layout.candidates {
        if candidate.precedence <= USER_PRECEDENCE {
            claims.extend(user.take());
        }
        claims.extend(source_claim(basis, person, slot, *candidate));
    }
    claims.extend(user);
    claims
}

fn user_claim(basis: &Basis<'_>, person: &Person, slot: usize) -> Option<Claimed> {
    let user = basis.people.declared(person.number)?;
    let name = &basis.layout.slots[slot].name;
    let (_, state) = user.attributes.iter().find(|(known, _)| known == name)?;
    let says = basis.people.as_reference(basis.layout.slots[slot].kind, None, state.clone()).into();
    let because = Because::words("a User manifest says so").at(Some(&user.place));
    Some(Claimed { by: Key::user(&user.name).to_string(), precedence: USER_PRECEDENCE, says, because })
}

fn source_claim(basis: &Basis<'_>, person: &Person, slot: usize, candidate: Candidate) -> Option<Claimed> {
    let Candidate { source, rule, precedence } = candidate;
    let (_, record) = basis.people.behind(person.number).into_iter().find(|(known, _)| *known == source)?;
    if basis.people.silent(&basis.layout, person.number).contains(&source) {
        return None;
    }
    let rules = &basis.policy.sources[source];
    let bound = &basis.layout.sources[source].rules[rule];
    let place = rules.rules.get(rule).and_then(|rule| rule.place.as_ref());
    let record = match record {
        Record::Cells(record) => record,
        Record::Nothing => return None,
        Record::Unknown => {
            let because = Because::words(format!("which record of {} it is can't be told", rules.name)).at(place);
            return Some(Claimed { by: rules.name.to_string(), precedence, says: KnownValue::Unknown, because });
        }
    };
    let side = &basis.world.sources[source];
    let cells: Vec<Cell<'_>> = side.row(record).cells().collect();
    let (says, words) = match evaluate(bound, cells.as_slice()) {
        Evaluated::Is(state) => match basis.people.referring(&basis.layout, (basis.layout.slots[slot].kind, source, bound), state) {
            Ok(state) => (state.into(), "the record says so".to_owned()),
            Err(words) => (KnownValue::Unknown, words),
        },
        Evaluated::Failed(words) => (KnownValue::Unknown, format!("the rule failed: {words}")),
    };
    let because = rule_because(words, bound, cells.as_slice());
    Some(Claimed { by: Key::record(&rules.name, side.key(record)).to_string(), precedence, says, because })
}

/// A rule, or the condition that keeps it from counting.
pub(super) fn rule_because(words: String, rule: &RuleLayout, reads: &(impl crate::planning::schema::values::Reads + ?Sized)) -> Because {
    match &rule.when {
        Some(when) if reads.holds(when) != Truth::Yes => Because::condition("its condition does not hold", when, reads),
        _ => Because::expression(words, &rule.value, reads),
    }
}
