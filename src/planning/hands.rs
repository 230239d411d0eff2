//! Keys that change hands: a record whose name and address are all at once another person's than those of the account that its key leads to.
//!
//! Ids shifted by one row, a number that is given again years later: the account, its groups and its mail would silently become somebody else's.
//! Must never: let anything follow for such an account, or go on asking once a User says that it is the same person.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::correlate::Claim;
use super::identity::{Identities, Person};
use super::likeness::{ADDRESS, Alike, LOGIN, Likeness, NAMES};
use super::work::Work;
use crate::model::{Finding, FindingCode, Severity, Subject};

/// Somebody whose account looks like another person's.
struct Suspect {
    target: usize,
    account: Likeness,
    record: Likeness,
    by_login_only: bool,
}

/// How many are named.
const NAMED: usize = 3;

/// Tells of those whose accounts look like other people's, and gives their numbers.
pub(super) fn changed(work: &mut Work<'_, '_>) -> BTreeSet<u32> {
    let mut suspects = suspects(work);
    if suspects.values().any(|suspect| suspect.by_login_only) {
        let elsewhere = turned_up(work, &suspects);
        suspects.retain(|identity, suspect| !suspect.by_login_only || elsewhere.contains(identity));
    }
    tell(work, &suspects);
    suspects.into_keys().collect()
}

fn suspects(work: &Work<'_, '_>) -> BTreeMap<u32, Suspect> {
    let basis = work.basis;
    let slots = slots(work);
    let mut suspects = BTreeMap::new();
    let mut person = Person::default();
    let mut owned = Vec::new();
    for identity in 0..basis.people.len() {
        if basis.people.is_retired(identity) || basis.revoked.has(identity) {
            continue;
        }
        owned.clear();
        owned.extend(work.claims.iter().enumerate().filter_map(|(target, claims)| match claims.of(identity) {
            Claim::Owned(row) => Some((target, row)),
            _ => None,
        }));
        if !owned.is_empty() && basis.people.key_of_identity(&basis.layout, identity, &slots, &mut person) {
            person.number = identity;
            person.unique.clear();
            suspects.extend(suspect(work, &slots, &person, &owned).map(|suspect| (identity, suspect)));
        }
    }
    suspects
}

/// Which of somebody's accounts looks like another person's; one that a name tells first.
fn suspect(work: &Work<'_, '_>, slots: &[usize], person: &Person, owned: &[(usize, u32)]) -> Option<Suspect> {
    let basis = work.basis;
    let first = slots.first().copied()?;
    let mut changed = owned.iter().filter(|(target, row)| !is_as_it_was(work, *target, *row, first, person)).peekable();
    changed.peek()?;
    let record = Likeness::of_person(basis, person);
    let called = basis.people.declared(person.number).map_or(&[][..], |user| user.former_names.as_slice());
    let suspects = changed.filter_map(|(target, row)| {
        let account = Likeness::of_account(basis.observed[*target].accounts(), *row);
        let alike = record.with(&account);
        let unlike = alike != Alike::Perhaps && !called.iter().any(|name| account.is_called(name));
        unlike.then(|| Suspect { target: *target, account, record: record.clone(), by_login_only: alike == Alike::ByLoginOnly })
    });
    suspects.min_by_key(|suspect| suspect.by_login_only)
}

/// What people are told apart by, the first to look at first.
fn slots(work: &Work<'_, '_>) -> Vec<usize> {
    let names = NAMES.iter().chain([&LOGIN, &ADDRESS]);
    names.filter_map(|name| work.basis.layout.slot(name)).collect()
}

/// Mostly one look is enough: the first name that is known is the same, letter by letter.
fn is_as_it_was(work: &Work<'_, '_>, target: usize, row: u32, slot: usize, person: &Person) -> bool {
    let name = &work.basis.layout.slots[slot].name;
    let observed = work.basis.observed[target].accounts().cell_of(row, name);
    observed.as_text().filter(|text| !text.is_empty()).is_some_and(|text| super::unique::text(person, slot).as_deref() == Some(text))
}

/// Of those without a known name: whose old sign-in name or address is another identity's now.
fn turned_up(work: &Work<'_, '_>, suspects: &BTreeMap<u32, Suspect>) -> BTreeSet<u32> {
    let basis = work.basis;
    let mut wanted: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for (identity, suspect) in suspects.iter().filter(|(_, suspect)| suspect.by_login_only) {
        let texts = suspect.account.addresses.iter().chain(&suspect.account.login);
        texts.for_each(|text| wanted.entry(text.to_lowercase()).or_default().push(*identity));
    }
    let slots = slots(work);
    let mut found = BTreeSet::new();
    let mut person = Person::default();
    for identity in 0..basis.people.len() {
        if !basis.people.key_of_identity(&basis.layout, identity, &slots, &mut person) {
            continue;
        }
        person.unique.clear();
        let now = Likeness::of_person(basis, &person);
        for text in now.addresses.iter().chain(&now.login) {
            found.extend(wanted.get(&text.to_lowercase()).into_iter().flatten().filter(|suspect| **suspect != identity));
        }
    }
    found
}

fn tell(work: &mut Work<'_, '_>, suspects: &BTreeMap<u32, Suspect>) {
    let basis = work.basis;
    let mut keys: Vec<(Arc<str>, u32)> = suspects.keys().map(|identity| (basis.people.key(*identity), *identity)).collect();
    keys.sort();
    let Some((first, identity)) = keys.first() else { return };
    let Some(Suspect { target, account, record, .. }) = suspects.get(identity) else { return };
    let target = &basis.policy.targets[*target].name;
    let of = format!("at {target} the account of {first} is {}'s, and the record is {}'s", account.shown, record.shown);
    let message = match keys.len() {
        1 => format!("{first}: the key seems to be another person's now: {of}; everything stays as it is"),
        many => {
            let named: Vec<&str> = keys.iter().take(NAMED).map(|(key, _)| key.as_ref()).collect();
            let more = if many > NAMED { format!(" and {} more", many - NAMED) } else { String::new() };
            format!("{many} keys seem to be other people's now ({}{more}): {of}; everything of theirs stays as it is", named.join(", "))
        }
    };
    let line = user_line(&basis.people, first, *identity, &format!("formerNames: [{}]", quoted(&account.shown)));
    let each = if keys.len() == 1 { "it is" } else { "they are" };
    let hint = format!("Correct the source: a key belongs to one person for good. If {each} the same person, say so: {line}.");
    let subject = if keys.len() == 1 { Subject::identity(first) } else { Subject::default() };
    work.findings.push(Finding::new(Severity::Error, FindingCode::KeyHandedOn, subject, message).hint(hint));
}

/// Where a line about an identity is to be written.
pub(super) fn user_line(people: &Identities<'_>, key: &str, number: u32, line: &str) -> String {
    if let Some(user) = people.declared(number) {
        return format!("`{line}` in the spec of the User {}", user.name);
    }
    let (source, record) = key.split_once('/').unwrap_or(("", key));
    format!("a User with `spec: {{overrides: {{source: {source}, key: {}}}, {line}}}`", quoted(record))
}

/// As YAML and JSON read it.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
