//! New accounts: only where nothing at the target can be theirs already.
//!
//! Must never: make an account that may exist, or one that the target is known to refuse.

use std::sync::Arc;

use crate::model::{Action, AttributeChange, Cause, FindingCode, ObjectKind, ObjectRef, Reason, Severity, Value, ValueState};
use crate::planning::accounts::Step;
use crate::planning::accounts::desired::Desired;
use crate::planning::accounts::presence::Presence;
use crate::planning::accounts::reserved;
use crate::planning::accounts::taken::{former_holder, take_names, taken_name, whose_name};
use crate::planning::draft::{Grounds, Stage, attribute, with};
use crate::planning::findings::Shared;
use crate::planning::people::person::Person;
use crate::planning::question::LookupBy;
use crate::planning::question::texts;
use crate::planning::targets::awaited;
use crate::planning::targets::limits;
use crate::planning::targets::links;
use crate::planning::targets::search;

/// What headcount made a moment ago is not made again because the target does not show it yet.
pub(super) fn create_unless_awaited(step: &mut Step<'_, '_>, target: usize, person: &Person, desired: &Desired) -> Presence {
    let links = links::of(step.basis, target, &person.key, &step.basis.people.other_keys(person.number));
    let key: Arc<str> = Arc::from(person.key.as_str());
    if awaited::is_awaited(step.basis, &links) {
        awaited::tell_awaited(step.basis, target, &key, &mut step.report.findings);
        return Presence::Unclear;
    }
    let ids: Vec<Arc<str>> = links.into_iter().map(|link| Arc::from(link.id)).collect();
    let presence = create(step, target, person, desired);
    if presence == Presence::Made && !ids.is_empty() {
        step.remade[target].insert(key, ids);
    }
    presence
}

pub(super) fn create(step: &mut Step<'_, '_>, target: usize, person: &Person, desired: &Desired) -> Presence {
    let key: Arc<str> = Arc::from(person.key.as_str());
    let basis = step.basis;
    let layout = &basis.layout.targets[target];
    if !basis.observed[target].side.capabilities.create_accounts {
        step.tell(Severity::Error, FindingCode::UnsupportedCapability, target, &key, "{who}: accounts can't be created here");
        return Presence::Absent;
    }
    if !proven_new(step, target, person, desired) || !has_required(step, target, &key, desired) {
        return Presence::Absent;
    }
    if let Some(name) = taken_name(step, target, person, desired, None) {
        if let Some(known) = reserved::of_user_name(basis, target, name, person.number) {
            reserved::tell(step, target, &key, known, (Severity::Error, "so no account is made"));
            return Presence::Absent;
        }
        let (whose, hint) = whose_name(step, target, person, name);
        let sentence = format!("{{who}}: {whose} the userName {name}, so none is made");
        let mut shared = Shared::new(Severity::Error, FindingCode::NameTaken, Some(&basis.policy.targets[target].name), sentence);
        let former = former_holder(step, target, name).map(|former| {
            format!(
                "It was {former}'s, who is gone. If they are one person, write `formerKeys: [{former}]` into the spec of a User for {key}."
            )
        });
        shared.hint = former.or(hint);
        step.report.findings.share(shared, &key);
        return Presence::Absent;
    }
    let mut attributes: Vec<AttributeChange> = layout
        .attributes
        .iter()
        .zip(&desired.states)
        .filter_map(|(layout, state)| match state {
            ValueState::Set(value) => Some(attribute(&layout.name, None, Some(value.clone()))),
            _ => None,
        })
        .collect();
    attributes = limits::written((basis, &mut step.report.findings), target, &key, attributes, "so the account is made without it");
    if basis.observed[target].side.capabilities.deactivate_accounts {
        attributes.push(attribute(&Arc::from("active"), None, Some(Value::Bool(!desired.rests))));
    }
    let text = |name| desired.text(&layout.attributes, name);
    let name = text("userName").or_else(|| text("displayName")).unwrap_or(&person.key);
    let object = ObjectRef { kind: ObjectKind::Account, key, id: None, name: Arc::from(name) };
    take_names(step, target, person, desired);
    let change = step.basis.change(target, Action::Create, object, Grounds::normal(Reason::Joiner), Cause::Identity(person.number));
    step.draft(target, Stage::CreateAccounts, with(change, attributes, &[]));
    if step.only_observes(target) { Presence::Absent } else { Presence::Made }
}

/// Whether nothing at the target can be this identity's account already. Where not everything was read, every key must have been asked for.
pub(super) fn proven_new(step: &mut Step<'_, '_>, target: usize, person: &Person, desired: &Desired) -> bool {
    let basis = step.basis;
    let accounts = basis.observed[target].accounts();
    if accounts.evidence().proves_absence() {
        return true;
    }
    let mut questions: Vec<LookupBy> = Vec::new();
    let mut ask = |name: &Arc<str>, value: &Value| {
        questions.extend(texts(value).into_iter().map(|text| LookupBy::Attribute(name.clone(), text)));
    };
    for (name, state) in search::values(basis, target, person) {
        if let ValueState::Set(value) = &state {
            ask(name, value);
        }
    }
    for (layout, state) in basis.layout.targets[target].attributes.iter().zip(&desired.states) {
        if let ValueState::Set(value) = state
            && (layout.rule.is_none() || layout.name.as_ref() == "userName")
        {
            ask(&layout.name, value);
        }
    }
    let open: Vec<_> = questions.iter().filter(|question| !accounts.answered(question)).cloned().collect();
    if open.is_empty() && !questions.is_empty() {
        return true;
    }
    for question in open {
        step.report.ask(target, ObjectKind::Account, question);
    }
    let sentence = "{who}: not all accounts could be read, and whether it has one already was not answered, so none is made";
    step.tell(Severity::Incomplete, FindingCode::IncompleteRead, target, &Arc::from(person.key.as_str()), sentence);
    false
}

pub(super) fn has_required(step: &mut Step<'_, '_>, target: usize, key: &Arc<str>, desired: &Desired) -> bool {
    let basis = step.basis;
    limits::tell_of_what_is_asked((basis, &mut step.report.findings), target, key, &desired.states);
    let mut all = limits::can_be_made((basis, &mut step.report.findings), target, key, &desired.states);
    all &= limits::takes_what_is_needed((basis, &mut step.report.findings), target, key, &desired.states);
    for (layout, state) in basis.layout.targets[target].attributes.iter().zip(&desired.states) {
        if layout.required && !matches!(state, ValueState::Set(_)) {
            all = false;
            let sentence = format!("{{who}}: {} is required and has no value, so no account is made", layout.name);
            let shared =
                Shared::new(Severity::Error, FindingCode::RequiredAttributeMissing, Some(&basis.policy.targets[target].name), sentence);
            let place = layout.source.and_then(|rule| rule.place.as_ref());
            let shared = Shared { hint: limits::rule_that_gave_nothing(&basis.policy.targets[target], layout), ..shared };
            step.report.findings.share(shared.attribute(&layout.name).at(place), key);
        }
    }
    all
}
