//! A user name that several people are to have at once, without `unique`: a constant in the place of a column gives everybody the same.
//!
//! Must never: let the order of keys decide who of many gets a name, or keep somebody from the name that their account has.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::diagnostic::Place;
use crate::expr::Input;
use crate::model::{Action, Cause, Finding, FindingCode, Risk, Severity, Subject, Value, ValueState};
use crate::planning::accounts::Step;
use crate::planning::accounts::presence::Presence;
use crate::planning::basis::Basis;
use crate::planning::people::person::Person;
use crate::planning::schema::layout::USER_NAME;
use crate::planning::targets::search;
use crate::world::{Truth, canonical, kind_of};

/// Two namesakes are no wonder: one gets the name, and the other is told.
const MANY: usize = 3;
/// So many are named.
const NAMED: usize = 3;

/// Who is to get which user name at one target, by its canonical form.
pub(in crate::planning) type Wishes = BTreeMap<Vec<u8>, (Arc<str>, BTreeSet<u32>)>;

/// Notes that somebody who does not have a user name is to get it.
pub(super) fn note(step: &mut Step<'_, '_>, target: usize, name: &str, identity: u32) {
    let key = canonical::bytes(kind_of(USER_NAME), Input::Value(&Value::text(name)));
    let Some(wishes) = step.wishes.get_mut(target) else { return };
    wishes.entry(key).or_insert_with(|| (Arc::from(name), BTreeSet::new())).1.insert(identity);
}

/// The same of somebody of whom it is not known whether they get anything: they may be one of many.
pub(super) fn note_doubtful(step: &mut Step<'_, '_>, target: usize, identity: u32) {
    let basis = step.basis;
    let mut person = Person::default();
    basis.people.values_where_open(&basis.layout, identity, &mut person);
    let layout = &basis.layout.targets[target];
    let attribute = layout.attributes.iter().find(|attribute| attribute.name.as_ref() == USER_NAME);
    let is_unique = attribute.is_some_and(|attribute| {
        attribute.rule.as_ref().is_some_and(|rule| rule.unique) || attribute.bare.is_some_and(|slot| person.unique.contains(&slot))
    });
    let left_out = layout.select.as_ref().is_some_and(|select| person.holds(select) == Truth::No);
    if is_unique || left_out {
        return;
    }
    let user_name = Arc::from(USER_NAME);
    let mut values = vec![search::value(basis, target, &person, &user_name)];
    basis.people.by_twins(&basis.layout, identity, &mut person, |twin| values.push(search::value(basis, target, twin, &user_name)));
    let accounts = basis.observed[target].accounts();
    let row = step.matched.claims[target].row(identity);
    for value in values {
        let ValueState::Set(value) = value else { continue };
        let has = row.is_some_and(|row| canonical::same(kind_of(USER_NAME), &value, accounts.cell_of(row, USER_NAME)));
        if let Some(name) = value.as_text().filter(|_| !has) {
            note(step, target, name, identity);
        }
    }
}

/// Nobody gets a name that many are to have.
pub(super) fn settle(step: &mut Step<'_, '_>, target: usize) {
    let wishes = std::mem::take(&mut step.wishes[target]);
    for (name, people) in wishes.into_values().filter(|(_, people)| people.len() >= MANY) {
        hold(step, target, &people);
        tell(step, target, &name, &people);
    }
}

fn hold(step: &mut Step<'_, '_>, target: usize, people: &BTreeSet<u32>) {
    let sign_in = &step.basis.policy.targets[target].sign_in;
    for draft in step.drafts.iter_mut().filter(|draft| draft.target == target) {
        let change = &mut draft.change;
        if matches!(change.cause, Cause::Identity(identity) if people.contains(&identity)) && change.action != Action::Create {
            change.attributes.retain(|attribute| attribute.attribute.as_ref() != USER_NAME);
            let signs_in = change.attributes.iter().any(|one| one.before.is_some() && sign_in.contains(&one.attribute));
            if !change.action.removes() && !signs_in {
                change.risks.retain(|risk| *risk != Risk::SignIn);
            }
        }
    }
    let mut unmade = BTreeSet::new();
    step.drafts.retain(|draft| {
        let change = &draft.change;
        let Cause::Identity(identity) = change.cause else { return true };
        let theirs = draft.target == target && people.contains(&identity);
        if theirs && change.action == Action::Create {
            unmade.insert(identity);
        }
        !theirs || !(change.action == Action::Create || change.says_nothing())
    });
    for identity in unmade {
        step.presence[target][identity as usize] = Presence::Absent;
    }
}

/// The rule of a Source that gives people their user names, where the target takes them as they are.
fn of_a_source(basis: &Basis<'_>) -> Option<Place> {
    let mut candidates = basis.layout.slots.get(basis.layout.slot(USER_NAME)?)?.candidates.iter();
    candidates.find_map(|candidate| basis.policy.sources.get(candidate.source)?.rules.get(candidate.rule)?.place.clone())
}

fn tell(step: &mut Step<'_, '_>, target: usize, name: &str, people: &BTreeSet<u32>) {
    let system = &step.basis.policy.targets[target].name;
    let layout = step.basis.layout.targets[target].attributes.iter().find(|attribute| attribute.name.as_ref() == USER_NAME);
    let place = layout.and_then(|layout| layout.source).and_then(|rule| rule.place.clone()).or_else(|| of_a_source(step.basis));
    let keys: BTreeSet<Arc<str>> = people.iter().map(|identity| step.basis.people.key(*identity)).collect();
    let mut who = keys.iter().take(NAMED).map(AsRef::as_ref).collect::<Vec<_>>().join(", ");
    if keys.len() > NAMED {
        who += &format!(" and {} more", keys.len() - NAMED);
    }
    // Who of them would have come first, and who has it now, is no news beside that.
    step.report.findings.withdraw(FindingCode::NameTaken, system, &keys);
    let message = format!("{system}: {} people are to have the userName {name} ({who}), so none of them gets it", keys.len());
    let subject = Subject::system(system).attribute(&Arc::from(USER_NAME));
    let hint = "Correct the rule, or what it reads. If so many are really to be called the same, say `unique: true` in the rule: then each gets a number.";
    step.report.findings.push(Finding::new(Severity::Error, FindingCode::NameTaken, subject, message).hint(hint).at(place).about(&keys));
}
