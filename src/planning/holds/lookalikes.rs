//! Keys that change form: accounts of ours whose identities vanished, and new identities that look like them, in one run.
//!
//! Leading zeros lost, `1001.0`, a Source with another name, a new HR system: nobody came and nobody left. What vanishes and what appears is paired, best first
//! and one to one. Must never: make an account for the one or take one from the other of a pair (but the access of whoever has left by its own record), compare everybody with everybody, or depend on the order of rows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::expr::Input;
use crate::manifest::kinds::DeprovisionAction;
use crate::model::{Finding, FindingCode, Key, Severity, Subject, ValueState};
use crate::planning::holds::Step;
use crate::planning::holds::dangling;
use crate::planning::holds::dangling::Line;
use crate::planning::holds::form;
use crate::planning::holds::form::{KeyChange, KeyRule, bare};
use crate::planning::holds::hands::{quoted, user_line};
use crate::planning::holds::likeness::{ADDRESS, Alike, LOGIN, Likeness};
use crate::planning::people::person::Person;
use crate::planning::schema::layout::is_immutable;
use crate::planning::targets::claims::Claim;
use crate::planning::targets::eligibility::{NotServed, Serve, serve};
use crate::planning::targets::search;
use crate::world::{canonical, kind_of};

/// Which new identity looks like which vanished one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Pair {
    old: Arc<str>,
    new: Arc<str>,
    number: u32,
    kept: Kept,
}

impl Pair {
    /// The source that has the new one.
    fn source(&self) -> Option<&str> {
        Some(Key::of_identity(&self.new)?.0)
    }
}

/// What stays of an account whose identity seems to be gone and is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::planning) enum Kept {
    /// everything
    Whole,
    /// the account: under whichever key, its owner has left and loses the access
    WithoutAccess,
}

/// What two have in common, and how much it says.
type Trait = (Arc<str>, Vec<u8>);

/// How much a vanished and a new key have in common, both, and the new identity's number: the best first.
type Candidate = (std::cmp::Reverse<u32>, Arc<str>, Arc<str>, u32, Kept);

/// A trait that more vanished accounts than this share tells nobody from another.
const SHARED_BY: usize = 8;
const NAMED: usize = 3;
const NAME: &str = "name";
/// What another form of the same key says: as much as a number that nobody else has.
const FORM: u32 = 8;

/// Tells of keys that changed their form. Gives the new identities, and the old keys whose accounts stay, each with whether its owner has left.
pub(super) fn paired(step: &mut Step<'_, '_>) -> (BTreeSet<u32>, BTreeMap<Arc<str>, Kept>) {
    let mut pairs: BTreeSet<Pair> = BTreeSet::new();
    for target in 0..step.basis.policy.targets.len() {
        pairs.extend(at_target(step, target));
    }
    let mut forms: BTreeMap<KeyChange, Vec<Pair>> = BTreeMap::new();
    for pair in &pairs {
        forms.entry(KeyChange::of(&step.basis.people, &pair.old, &pair.new)).or_default().push(pair.clone());
    }
    if !pairs.is_empty() {
        step.report.findings.rest_on_all("keys seem to have changed");
    }
    let lines = dangling::lines(step.basis);
    for (form, pairs) in &forms {
        tell(step, form, pairs, &lines);
    }
    // Whoever has left gets nothing; held, they would keep what they have under their new key elsewhere.
    let mut held: BTreeSet<u32> = pairs.iter().filter(|pair| pair.kept == Kept::Whole).map(|pair| pair.number).collect();
    let left: BTreeSet<u32> = pairs.iter().filter(|pair| pair.kept != Kept::Whole).map(|pair| pair.number).collect();
    held.extend(newcomers(step, &forms, &lines).difference(&left));
    held.extend(dangling::held(step, &lines, |form| forms.contains_key(form)).difference(&left));
    held.extend(like_the_revoked(step));
    (held, pairs.into_iter().map(|pair| (pair.old, pair.kept)).collect())
}

/// Whoever is new and looks like somebody who is cut off and whom no source has by the key any more: a new number lets nobody in again.
fn like_the_revoked(step: &mut Step<'_, '_>) -> BTreeSet<u32> {
    let mut held: BTreeMap<u32, (usize, Arc<str>)> = BTreeMap::new();
    for target in 0..step.basis.policy.targets.len() {
        let people = &step.basis.people;
        let gone: BTreeMap<u32, Arc<str>> = step.matched.cut[target]
            .iter()
            .filter(|(_, key)| people.meant_by(key).is_none() && Key::of_account(key).is_none())
            .map(|(row, key)| (*row, key.clone()))
            .collect();
        let by_trait = traits(step, target, gone.keys().copied());
        let mut person = Person::default();
        for identity in (0..if by_trait.is_empty() { 0 } else { people.len() }).filter(|identity| is_new(step, *identity)) {
            people.assemble(&step.basis.layout, identity, &mut person);
            let serve = serve(step.basis, target, &person);
            let not = people.declared(identity).map_or(&[][..], |user| user.not_former_keys.as_slice());
            let alike = if would_have_one(step, target, &serve) { alike(step, target, &person, &by_trait) } else { BTreeMap::new() };
            let best =
                alike.into_iter().filter_map(|(row, score)| Some((score, gone.get(&row)?))).filter(|(_, key)| !not.contains(key)).max();
            if let Some((_, key)) = best {
                held.entry(identity).or_insert((target, key.clone()));
            }
        }
    }
    if !held.is_empty() {
        step.report.findings.rest_on_all("somebody looks like one who is cut off");
    }
    for (identity, (target, revoked)) in &held {
        tell_revoked(step, *identity, *target, revoked);
    }
    held.into_keys().collect()
}

fn is_new(step: &Step<'_, '_>, identity: u32) -> bool {
    let nowhere = step.matched.claims.iter().all(|claims| matches!(claims.of(identity), Claim::None | Claim::Found(_)));
    nowhere && !step.basis.people.is_retired(identity) && !step.basis.revoked.has(identity)
}

fn tell_revoked(step: &mut Step<'_, '_>, identity: u32, target: usize, revoked: &Arc<str>) {
    let people = &step.basis.people;
    let (key, name) = (people.key(identity), &step.basis.policy.targets[target].name);
    let message = format!(
        "{key}: looks like {revoked}, who is cut off and whom no source has any more: by what {name} has of them, it may be the same person under another key; nothing is given"
    );
    let same = user_line(people, &key, identity, &format!("formerKeys: [{}]", quoted(revoked)));
    let other = user_line(people, &key, identity, &format!("notFormerKeys: [{}]", quoted(revoked)));
    let hint = format!("If {revoked} and {key} are one person, write {same}, and they stay cut off; if not, {other}.");
    step.report.findings.push(Finding::new(Severity::Error, FindingCode::KeyChanged, Subject::identity(&key), message).hint(hint));
}

/// Whoever has no account anywhere, and has a key in the new form of one that changed: tomorrow theirs may be written as the others were, and an account by this one
/// would be a second person's. Where people of a source have quite other keys, anybody new may be one whom a line names by the old key, to keep them out.
fn newcomers(step: &Step<'_, '_>, forms: &BTreeMap<KeyChange, Vec<Pair>>, lines: &[Line<'_>]) -> BTreeSet<u32> {
    let people = &step.basis.people;
    let rules: Vec<(&str, &KeyRule)> = forms.keys().filter_map(|form| form.rule()).collect();
    let renumbered: BTreeSet<&str> = forms
        .get(&KeyChange::Other)
        .into_iter()
        .flatten()
        .filter(|pair| kept_out(pair, lines).is_some())
        .filter_map(Pair::source)
        .collect();
    let is_formed = |identity: &u32| {
        let key = people.key(*identity);
        Key::of_identity(&key).is_some_and(|(source, record)| {
            renumbered.contains(source) || rules.iter().any(|(of, rule)| *of == source && rule.restored(record) != record)
        })
    };
    let none = |identity: &u32| step.matched.claims.iter().all(|claims| matches!(claims.of(*identity), Claim::None | Claim::Found(_)));
    if rules.is_empty() && renumbered.is_empty() {
        return BTreeSet::new();
    }
    (0..people.len()).filter(|identity| none(identity) && is_formed(identity)).collect()
}

/// A line that names nobody by a key like the old one of a pair.
fn kept_out<'l, 'a>(pair: &Pair, lines: &'l [Line<'a>]) -> Option<&'l Line<'a>> {
    let old = Key::of_identity(&pair.old)?.0;
    lines.iter().find(|line| line.source() == Some(old))
}

/// The keys of vanished accounts whose people turned up under a key that changed hands: ids that moved on by one take the last one from nobody. They stay, and it is told.
pub(super) fn turned_up(step: &mut Step<'_, '_>, handed: &BTreeSet<u32>) -> BTreeSet<Arc<str>> {
    let mut kept = BTreeSet::new();
    for target in 0..step.basis.policy.targets.len() {
        let vanished = vanished(step, target);
        let by_trait = traits(step, target, vanished.keys().copied());
        let mut person = Person::default();
        let mut here: BTreeSet<Arc<str>> = BTreeSet::new();
        for identity in handed.iter().filter(|_| !by_trait.is_empty()) {
            step.basis.people.assemble(&step.basis.layout, *identity, &mut person);
            here.extend(alike(step, target, &person, &by_trait).keys().filter_map(|row| vanished.get(row).cloned()));
        }
        for key in &here {
            let sentence = "{who}: its record is gone, and somebody who looks the same stands under a key that seems to have changed hands; left as it is";
            step.tell(Severity::Error, FindingCode::KeyHandedOn, target, key, sentence);
        }
        kept.extend(here);
    }
    kept
}

fn at_target(step: &mut Step<'_, '_>, target: usize) -> Vec<Pair> {
    let vanished = vanished(step, target);
    if vanished.is_empty() {
        return Vec::new();
    }
    let accounts = step.basis.observed[target].accounts();
    let by_trait = traits(step, target, vanished.keys().copied().filter(|row| accounts.active(*row)));
    let mut by_form: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for (row, key) in &vanished {
        by_form.entry(bare(key)).or_default().push(*row);
    }
    let mut candidates = Vec::new();
    let (mut person, mut key) = (Person::default(), String::new());
    for identity in 0..step.basis.people.len() {
        if step.matched.claims[target].of(identity) != Claim::None
            || step.basis.people.is_retired(identity)
            || step.basis.revoked.has(identity)
        {
            continue;
        }
        step.basis.people.write_key(identity, &mut key);
        let formed = by_form.get(&bare(&key));
        if by_trait.is_empty() && formed.is_none() {
            continue;
        }
        step.basis.people.assemble(&step.basis.layout, identity, &mut person);
        let serve = serve(step.basis, target, &person);
        let mut scores = if would_have_one(step, target, &serve) { alike(step, target, &person, &by_trait) } else { BTreeMap::new() };
        for row in formed.into_iter().flatten().filter(|row| is_another_form(step, target, &person, &vanished[row], **row)) {
            *scores.entry(*row).or_default() += FORM;
        }
        let kept = if serve == Serve::No(NotServed::Leaver) { Kept::WithoutAccess } else { Kept::Whole };
        let new: Arc<str> = Arc::from(key.as_str());
        let scores = scores.into_iter().map(|(row, score)| (std::cmp::Reverse(score), vanished[&row].clone(), new.clone(), identity, kept));
        candidates.extend(scores);
    }
    best_first(step, candidates)
}

/// Whether somebody has an account as a rule, so that one that looks like theirs may be it. Of all the others that a source knows, namesakes are many, and whoever
/// is gone would stay because of them.
fn would_have_one(step: &Step<'_, '_>, target: usize, serve: &Serve) -> bool {
    match serve {
        Serve::Yes | Serve::Early | Serve::Unknown(_) => true,
        Serve::No(gone) => {
            *gone == NotServed::Suspended && gone.deprovision(&step.basis.policy.targets[target]).action == DeprovisionAction::Keep
        }
    }
}

/// Whether an identity's key is that of a vanished account in another form, and nothing says that it is somebody else. That is so wherever they stand, and whether the
/// account is in use or at rest: somebody who was locked out, is on leave, has not begun yet or has left would get a second account, or lose the one they have.
fn is_another_form(step: &Step<'_, '_>, target: usize, person: &Person, old: &Arc<str>, row: u32) -> bool {
    let people = &step.basis.people;
    let denied = people.declared(person.number).is_some_and(|user| user.not_former_keys.contains(old));
    let accounts = step.basis.observed[target].accounts();
    !denied
        && form::is_another(people, old, &person.key)
        && Likeness::of_person(&step.basis.layout, person).with(&Likeness::of_account(accounts, row)) != Alike::No
}

/// Accounts of ours whose identities are not there any more, with their keys.
fn vanished(step: &Step<'_, '_>, target: usize) -> BTreeMap<u32, Arc<str>> {
    let accounts = step.basis.observed[target].accounts();
    let claims = &step.matched.claims[target];
    let free = |row: &u32| claims.holder(*row).is_none() && !claims.contested(*row) && !step.matched.cut[target].contains_key(row);
    let rows = (0..accounts.len()).filter(free).filter(|row| !accounts.doubtful(*row));
    let known = rows.filter_map(|row| Some((row, step.basis.former_key(target, row)?)));
    known.filter(|(_, key)| step.basis.people.find(key).is_none()).collect()
}

/// Which of these accounts have what by which people are known.
fn traits(step: &mut Step<'_, '_>, target: usize, rows: impl Iterator<Item = u32>) -> BTreeMap<Trait, Vec<u32>> {
    let mut by_trait: BTreeMap<Trait, Vec<u32>> = BTreeMap::new();
    for row in rows {
        for found in traits_of_account(step, target, row) {
            by_trait.entry(found).or_default().push(row);
        }
    }
    let many = by_trait.len();
    by_trait.retain(|_, rows| rows.len() <= SHARED_BY);
    if by_trait.len() < many {
        step.report.findings.rest_on_all("many accounts of people who are gone share a name");
    }
    by_trait
}

fn traits_of_account(step: &Step<'_, '_>, target: usize, row: u32) -> BTreeSet<Trait> {
    let accounts = step.basis.observed[target].accounts();
    let mut found = BTreeSet::new();
    for name in attributes(step, target) {
        let cell = accounts.cell_of(row, &name);
        if !canonical::is_nothing(cell) {
            found.extend(canonical::keys(kind_of(&name), Input::Cell(cell)).into_iter().map(|key| (name.clone(), key)));
        }
    }
    found.extend(name_of(&Likeness::of_account(accounts, row)));
    found
}

/// How much an identity has in common with each vanished account.
fn alike(step: &Step<'_, '_>, target: usize, person: &Person, by_trait: &BTreeMap<Trait, Vec<u32>>) -> BTreeMap<u32, u32> {
    let basis = step.basis;
    let mut traits: BTreeSet<Trait> = BTreeSet::new();
    let values = search::values(basis, target, person).into_iter().map(|(name, state)| (name.clone(), state));
    let others = attributes(step, target).into_iter().filter_map(|name| {
        let slot = basis.layout.slot(&name)?;
        Some((name, person.slots.get(slot)?.state()))
    });
    for (name, state) in values.chain(others) {
        if let ValueState::Set(value) = &state {
            traits.extend(canonical::keys(kind_of(&name), Input::Value(value)).into_iter().map(|key| (name.clone(), key)));
        }
    }
    traits.extend(name_of(&Likeness::of_person(&basis.layout, person)));
    let not = basis.people.declared(person.number).map_or(&[][..], |user| user.not_former_keys.as_slice());
    let mut scores = BTreeMap::new();
    for found in &traits {
        for row in by_trait.get(found).into_iter().flatten() {
            *scores.entry(*row).or_default() += weight(&found.0);
        }
    }
    scores.retain(|row, _| !step.basis.former_key(target, *row).is_some_and(|key| not.contains(&key)));
    scores
}

/// By what people are known at a target: what correlates there, and what they are written to and sign in with.
fn attributes(step: &Step<'_, '_>, target: usize) -> BTreeSet<Arc<str>> {
    let marker = &step.basis.layout.targets[target].marker;
    let known = step.basis.policy.targets[target].correlate.iter().filter(|name| marker.as_ref() != Some(name));
    known.cloned().chain([ADDRESS, LOGIN, "employeeNumber"].map(Arc::from)).collect()
}

/// A whole name; a single word is nobody's alone.
fn name_of(likeness: &Likeness) -> Option<Trait> {
    let words: Vec<&str> = likeness.words.iter().map(String::as_str).collect();
    (words.len() > 1).then(|| (Arc::from(NAME), words.join(" ").into_bytes()))
}

fn weight(name: &str) -> u32 {
    match name {
        _ if is_immutable(name) => 8,
        ADDRESS => 8,
        NAME => 2,
        _ => 4,
    }
}

/// One to one.
fn best_first(step: &Step<'_, '_>, mut candidates: Vec<Candidate>) -> Vec<Pair> {
    candidates.sort();
    let (mut old_taken, mut new_taken) = (BTreeSet::new(), BTreeSet::new());
    let mut pairs = Vec::new();
    for (_, old, new, number, kept) in candidates {
        if !old_taken.contains(&old) && !new_taken.contains(&number) && step.basis.people.find(&old).is_none() {
            old_taken.insert(old.clone());
            new_taken.insert(number);
            pairs.push(Pair { old, new, number, kept });
        }
    }
    pairs
}

fn tell(step: &mut Step<'_, '_>, form: &KeyChange, pairs: &[Pair], lines: &[Line<'_>]) {
    let Some(first) = pairs.first() else { return };
    let people = &step.basis.people;
    let shown: Vec<String> = pairs.iter().take(NAMED).map(|pair| format!("{} is now {}", pair.old, pair.new)).collect();
    let more = if pairs.len() > NAMED { format!(" and {} more", pairs.len() - NAMED) } else { String::new() };
    let (what, then) = match pairs.len() {
        1 => ("a key has changed, it seems".to_owned(), "its account stays as it is, and no other is made"),
        many => (format!("{many} keys have changed, it seems"), "their accounts stay as they are, and no others are made"),
    };
    let out = pairs.iter().find_map(|pair| Some((pair.source()?, kept_out(pair, lines)?))).filter(|_| *form == KeyChange::Other);
    let new = match out {
        _ if form.rule().is_some() => "; nor is one for anybody new whose key has that form".to_owned(),
        Some((source, line)) => format!("; nor is one for anybody new of {source}, who may be {}", line.told()),
        None => String::new(),
    };
    let left =
        if pairs.iter().any(|pair| pair.kept == Kept::WithoutAccess) { "; whoever has left loses the access all the same" } else { "" };
    let message = format!("{what} ({}{more}): {then}{new}{left}", shown.join(", "));
    let hint = match form {
        KeyChange::Source { old, new } => {
            format!("If the Source {old} was renamed, write `previousNames: [{old}]` into the spec of the Source {new}.")
        }
        KeyChange::Key { source, rule } => {
            let rules = people.policy.sources.iter().find(|known| known.name.as_ref() == source);
            let key = rules.map(|rules| rule.over(rules)).unwrap_or_default();
            format!("Correct the export, or write `key: '{}'` into the spec of the Source {source}.", key.replace('\'', "''"))
        }
        KeyChange::Other => {
            let same = user_line(people, &first.new, first.number, &format!("formerKeys: [{}]", quoted(&first.old)));
            let other = user_line(people, &first.new, first.number, &format!("notFormerKeys: [{}]", quoted(&first.old)));
            let each = if pairs.len() > 1 { " One document for each of them." } else { "" };
            format!("If {} and {} are one person, write {same}; if not, {other}.{each}", first.old, first.new)
        }
    };
    let subject = if pairs.len() == 1 { Subject::identity(&first.new) } else { Subject::default() };
    let about = pairs.iter().flat_map(|pair| [&pair.old, &pair.new]);
    step.report.findings.push(Finding::new(Severity::Error, FindingCode::KeyChanged, subject, message).hint(hint).about(about));
}
