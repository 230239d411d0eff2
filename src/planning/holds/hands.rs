//! Keys that change hands: a record whose name and address are all at once another person's than those of the account that its key leads to.
//!
//! Ids shifted by one row, a number that is given again years later: the account, its groups and its mail would silently become somebody else's.
//! Must never: let anything follow for such an account, or go on asking once a User says that it is the same person.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::{Cell, Finding, FindingCode, Key, Severity, Subject};
use crate::planning::basis::Basis;
use crate::planning::holds::Step;
use crate::planning::holds::likeness::{ADDRESS, Alike, LOGIN, Likeness, NAMES};
use crate::planning::people::identity::Identities;
use crate::planning::people::person::Person;
use crate::planning::people::standing::Standing;
use crate::planning::targets::claims::Claim;

/// Somebody whose account looks like another person's.
struct Suspect {
    target: usize,
    account: Likeness,
    record: Likeness,
    /// that is sure only once the old values are another identity's now
    only: Only,
}

/// How much says that somebody is another person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Only {
    /// name and address
    Nothing,
    /// the sign-in name and the address: no name is known
    Login,
    /// the name: the address may come from elsewhere, by the very key
    Name,
    /// a part of the name
    Part,
}

/// How many are named.
const NAMED: usize = 3;
/// So many keys that change hands at once are no chance,
const MANY: usize = 4;
/// if they are one of so many of their source.
const SHARE: usize = 20;

/// Who has a name, by its words.
type Names = BTreeMap<BTreeSet<String>, Vec<u32>>;

/// Tells of those whose accounts look like other people's, and gives their numbers, and the sources of which so many keys changed hands that none is believed.
/// `others`: everybody of whom a glance did not say that their accounts are as they were.
pub(super) fn changed(step: &mut Step<'_, '_>, others: &[u32]) -> (BTreeSet<u32>, BTreeSet<usize>) {
    let mut suspects = suspects(step, others);
    // One of them may be what the next one is told by.
    suspects.keys().for_each(|identity| step.report.findings.watch(step.basis.people.key(*identity)));
    if suspects.values().any(|suspect| suspect.only == Only::Login) {
        step.report.findings.rest_on_all("a sign-in name and an address may be somebody else's now");
    }
    if suspects.values().any(|suspect| suspect.only != Only::Nothing) {
        confirm(step, &mut suspects);
    }
    if suspects.len() >= MANY {
        step.report.findings.rest_on_all("many keys seem to have changed hands");
    }
    let sources = disbelieved(step, &suspects);
    tell(step, &suspects, &sources);
    (suspects.into_keys().collect(), sources)
}

/// Sources of which many keys changed hands at once: a sort that took one column along and left another, ids shifted by a row. There, whoever still fits may fit by
/// chance (two Adas in a row), and who has left or is gone is said of somebody else.
fn disbelieved(step: &Step<'_, '_>, suspects: &BTreeMap<u32, Suspect>) -> BTreeSet<usize> {
    let source = |identity: u32| step.basis.people.source(identity);
    let mut handed: BTreeMap<usize, usize> = BTreeMap::new();
    suspects.keys().filter_map(|identity| source(*identity)).for_each(|source| *handed.entry(source).or_default() += 1);
    handed.retain(|_, count| *count >= MANY);
    if handed.is_empty() {
        return BTreeSet::new();
    }
    let mut all: BTreeMap<usize, usize> = BTreeMap::new();
    (0..step.basis.people.len()).filter_map(source).for_each(|source| *all.entry(source).or_default() += 1);
    handed
        .into_iter()
        .filter(|(source, count)| count * SHARE >= all.get(source).copied().unwrap_or_default())
        .map(|(source, _)| source)
        .collect()
}

fn suspects(step: &Step<'_, '_>, others: &[u32]) -> BTreeMap<u32, Suspect> {
    let basis = step.basis;
    let Glance { slots, told_by, .. } = Glance::new(basis);
    let mut suspects = BTreeMap::new();
    let mut person = Person::default();
    for identity in others.iter().copied() {
        if basis.people.is_retired(identity) || basis.revoked.has(identity) {
            continue;
        }
        let owned = step.matched.claims.iter().enumerate().filter_map(|(target, claims)| match claims.of(identity) {
            Claim::Owned(row) => Some((target, row)),
            _ => None,
        });
        let owned: Vec<(usize, u32)> = owned.collect();
        if !owned.is_empty() && basis.people.key_of_identity(&basis.layout, identity, &slots, &mut person) {
            person.number = identity;
            person.unique.clear();
            suspects.extend(suspect(step, &told_by, &person, &owned).map(|suspect| (identity, suspect)));
        }
    }
    suspects
}

/// Which of somebody's accounts looks like another person's; one that a name tells first.
fn suspect(step: &Step<'_, '_>, told_by: &[Vec<ToldBy>], person: &Person, owned: &[(usize, u32)]) -> Option<Suspect> {
    let basis = step.basis;
    let cells = |target: usize, row| basis.observed[target].accounts().cells(row);
    let changed = owned.iter().filter(|(target, row)| !is_as_it_was(&cells(*target, *row), &told_by[*target], person));
    let record = Likeness::of_person(&basis.layout, person);
    let called = basis.people.declared(person.number).map_or(&[][..], |user| user.former_names.as_slice());
    let suspects = changed.filter_map(|(target, row)| {
        let account = Likeness::of_account(basis.observed[*target].accounts(), *row);
        let only = match record.with(&account) {
            _ if called.iter().any(|name| account.is_called(name)) => None,
            Alike::No => Some(Only::Nothing),
            Alike::ByLoginOnly => Some(Only::Login),
            Alike::Perhaps if record.words.is_empty() || account.words.is_empty() || record.words == account.words => None,
            Alike::Perhaps if record.words.is_disjoint(&account.words) => Some(Only::Name),
            Alike::Perhaps => Some(Only::Part),
        };
        only.map(|only| Suspect { target: *target, account, record: record.clone(), only })
    });
    suspects.min_by_key(|suspect| suspect.only)
}

/// The look at everybody that finds those who are as they were, while they are at hand anyway.
pub(in crate::planning) struct Glance {
    slots: Vec<usize>,
    /// by target
    told_by: Vec<Vec<ToldBy>>,
    /// nobody has several records, of which one may say nothing
    single: bool,
}

impl Glance {
    /// At everybody.
    pub(in crate::planning) fn new(basis: &Basis<'_>) -> Self {
        let slots = slots(basis);
        Self { told_by: told_by(basis, &slots), slots, single: basis.people.matchings.is_empty() }
    }

    /// Whether an account is its owner's as it was. A no says nothing.
    pub(in crate::planning) fn is_as_it_was(&self, target: usize, account: &[Cell<'_>], person: &Person) -> bool {
        self.single && matches!(person.standing, Standing::Is(_)) && is_as_it_was(account, &self.told_by[target], person)
    }
}

/// What people are told apart by, the first to look at first.
fn slots(basis: &Basis<'_>) -> Vec<usize> {
    let names = NAMES.iter().chain([&LOGIN, &ADDRESS]);
    names.filter_map(|name| basis.layout.slot(name)).collect()
}

/// What somebody is told by at one target.
struct ToldBy {
    slot: usize,
    /// where an account has it
    column: Option<usize>,
    is_name: bool,
}

/// The same at every target.
fn told_by(basis: &Basis<'_>, slots: &[usize]) -> Vec<Vec<ToldBy>> {
    let at = |target: usize| {
        let columns = basis.observed[target].accounts().columns();
        let of = |slot: &usize| {
            let name = basis.layout.slots[*slot].name.as_ref();
            ToldBy { slot: *slot, column: columns.position(name), is_name: NAMES.contains(&name) }
        };
        slots.iter().map(of).collect()
    };
    (0..basis.policy.targets.len()).map(at).collect()
}

/// Mostly a look at the names is enough: they are the same, letter by letter. Where no name is known, the first of the others that is.
fn is_as_it_was(account: &[Cell<'_>], told_by: &[ToldBy], person: &Person) -> bool {
    let mut seen = false;
    for ToldBy { slot, column, is_name } in told_by {
        if seen && !is_name {
            break;
        }
        let cell = column.and_then(|column| account.get(column)).copied();
        let (Some(observed), Some(wanted)) = (cell.and_then(Cell::as_text).filter(|text| !text.is_empty()), person.as_text(*slot)) else {
            continue;
        };
        if wanted != observed {
            return false;
        }
        seen = true;
    }
    seen
}

/// Drops those of whom too little says it. A sign-in name or an address tells if it is another identity's now, a name if it is that of somebody who changed, too; a part
/// of one, as a marriage changes it, if who has the other half of the change is another person for sure.
fn confirm(step: &Step<'_, '_>, suspects: &mut BTreeMap<u32, Suspect>) {
    let elsewhere = turned_up(step, suspects);
    suspects.retain(|identity, suspect| suspect.only != Only::Login || elsewhere.contains(identity));
    let mut sure: BTreeSet<u32> =
        suspects.iter().filter(|(_, suspect)| suspect.only <= Only::Login).map(|(identity, _)| *identity).collect();
    let (mut had, mut has): (Names, Names) = (BTreeMap::new(), BTreeMap::new());
    for (identity, suspect) in suspects.iter() {
        had.entry(suspect.account.words.clone()).or_default().push(*identity);
        has.entry(suspect.record.words.clone()).or_default().push(*identity);
    }
    // Names that went from one to the other, both of whom are called something else altogether.
    let whole = |identity: &u32| suspects.get(identity).is_some_and(|suspect| suspect.only <= Only::Name);
    for (identity, suspect) in suspects.iter().filter(|(_, suspect)| suspect.only == Only::Name && suspect.account.words.len() > 1) {
        if has.get(&suspect.account.words).is_some_and(|now| now.iter().any(|other| other != identity && whole(other))) {
            sure.insert(*identity);
        }
    }
    let mut open: Vec<u32> = sure.iter().copied().collect();
    while let Some(suspect) = open.pop().and_then(|identity| suspects.get(&identity)) {
        let beside = had.get(&suspect.record.words).into_iter().chain(has.get(&suspect.account.words)).flatten();
        open.extend(beside.copied().filter(|other| sure.insert(*other)));
    }
    suspects.retain(|identity, _| sure.contains(identity));
}

/// Of those without a known name: whose old sign-in name or address is another identity's now.
fn turned_up(step: &Step<'_, '_>, suspects: &BTreeMap<u32, Suspect>) -> BTreeSet<u32> {
    let basis = step.basis;
    let mut wanted: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for (identity, suspect) in suspects.iter().filter(|(_, suspect)| suspect.only == Only::Login) {
        let texts = suspect.account.addresses.iter().chain(&suspect.account.login);
        texts.for_each(|text| wanted.entry(text.to_lowercase()).or_default().push(*identity));
    }
    let mut found = BTreeSet::new();
    if wanted.is_empty() {
        return found;
    }
    let slots = slots(basis);
    let mut person = Person::default();
    for identity in 0..basis.people.len() {
        if !basis.people.key_of_identity(&basis.layout, identity, &slots, &mut person) {
            continue;
        }
        person.unique.clear();
        let now = Likeness::of_person(&basis.layout, &person);
        for text in now.addresses.iter().chain(&now.login) {
            found.extend(wanted.get(&text.to_lowercase()).into_iter().flatten().filter(|suspect| **suspect != identity));
        }
    }
    found
}

fn tell(step: &mut Step<'_, '_>, suspects: &BTreeMap<u32, Suspect>, sources: &BTreeSet<usize>) {
    let basis = step.basis;
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
    let names: Vec<&str> = sources.iter().map(|source| basis.policy.sources[*source].name.as_ref()).collect();
    let message = match names.as_slice() {
        [] => message,
        names => format!("{message}; so many at once that nothing follows from {} for anybody", names.join(" and ")),
    };
    let line = user_line(&basis.people, first, *identity, &format!("formerNames: [{}]", quoted(&account.shown)));
    let each = if keys.len() == 1 { "it is" } else { "they are" };
    let hint = format!("Correct the source: a key belongs to one person for good. If {each} the same person, say so: {line}.");
    let subject = if keys.len() == 1 { Subject::identity(first) } else { Subject::default() };
    step.report
        .findings
        .push(Finding::new(Severity::Error, FindingCode::KeyHandedOn, subject, message).hint(hint).about(keys.iter().map(|(key, _)| key)));
}

/// Where a line about an identity is to be written.
pub(in crate::planning) fn user_line(people: &Identities<'_>, key: &str, number: u32, line: &str) -> String {
    if let Some(user) = people.declared(number) {
        return format!("`{line}` in the spec of the User {}", user.name);
    }
    let (source, record) = Key::of_identity(key).unwrap_or(("", key));
    format!("a User with `spec: {{overrides: {{source: {source}, key: {}}}, {line}}}`", quoted(record))
}

/// As YAML and JSON read it.
pub(in crate::planning) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
