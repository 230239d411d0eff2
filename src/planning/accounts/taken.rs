//! User names that somebody else has: whose they are, and who keeps what they have.
//!
//! Must never: give one name to two people.

use std::sync::Arc;

use crate::manifest::kinds::MappingMode;
use crate::model::{FindingCode, Severity, Value, ValueState};
use crate::planning::accounts::Step;
use crate::planning::accounts::contested;
use crate::planning::accounts::desired::Desired;
use crate::planning::accounts::renames::becomes_free;
use crate::planning::accounts::reserved;
use crate::planning::accounts::unique;
use crate::planning::findings::Shared;
use crate::planning::people::person::Person;
use crate::world::canonical;

/// The user name that it should have and somebody else has, and keeps.
pub(super) fn taken_name<'d>(
    step: &mut Step<'_, '_>,
    target: usize,
    person: &Person,
    desired: &'d Desired,
    row: Option<u32>,
) -> Option<&'d str> {
    let basis = step.basis;
    let attributes = &basis.layout.targets[target].attributes;
    let layout = attributes.iter().find(|attribute| attribute.name.as_ref() == "userName")?;
    let name = desired.text(attributes, "userName")?;
    if let Some(row) = row {
        let observed = basis.observed[target].accounts().cell(row, layout.column);
        if canonical::same(layout.kind, &Value::text(name), observed)
            || (layout.mode == MappingMode::Initial && !canonical::is_nothing(observed))
        {
            return None;
        }
    }
    contested::note(step, target, name, person.number);
    let at = (target, &layout.name);
    if step.names.is_free(basis, &step.matched.claims, at, name, person.number) {
        return None;
    }
    if reserved::holder(basis, at, name, person.number).is_some() {
        return Some(name);
    }
    // Others are decided now: what was chosen so far is not theirs.
    take_names(step, target, person, desired);
    (!becomes_free(step, at, name, person.number, row)).then_some(name)
}

/// Who has a name that is taken, as the beginning of a sentence, and what can be done where it is somebody who is declared.
pub(super) fn whose_name(step: &Step<'_, '_>, target: usize, person: &Person, name: &str) -> (String, Option<String>) {
    let basis = step.basis;
    let attribute: Arc<str> = Arc::from("userName");
    let at = (target, &attribute);
    let gets = step.names.receiver(at, name).filter(|receiver| *receiver != person.number);
    let has = || {
        unique::holders(basis, &step.matched.claims, at, name, person.number)
            .into_iter()
            .find_map(|row| step.matched.claims[target].holder(row))
    };
    let hint = || {
        Some("Give one of them another name, or write `unique: true` into the rule of userName in spec.mapping.rules: then one gets a number.".to_owned())
    };
    let wanted = canonical::bytes(crate::world::kind_of("userName"), crate::expr::Input::Value(&Value::text(name)));
    let is_alike = basis.observed[target].accounts().find_by("userName", &wanted).is_empty();
    match (gets, has()) {
        (Some(other), has) if has != Some(other) => (format!("{} gets", basis.people.key(other)), hint()),
        (_, Some(other)) if is_alike => {
            let whose = basis.people.key(other);
            (format!("the account of {whose} has a user name that is one with this to the target, which tells no accents apart:"), hint())
        }
        (_, Some(other)) => (format!("the account of {} has", basis.people.key(other)), hint()),
        _ => ("an account of somebody else has".into(), None),
    }
}

/// The key of somebody who is gone, and whose account of ours has a user name.
pub(super) fn former_holder(step: &Step<'_, '_>, target: usize, name: &str) -> Option<Arc<str>> {
    let wanted = canonical::bytes(crate::world::kind_of("userName"), crate::expr::Input::Value(&Value::text(name)));
    let accounts = step.basis.observed[target].accounts();
    let rows: Vec<u32> = accounts.find_by("userName", &wanted);
    let [row] = rows.as_slice() else { return None };
    let is_gone = |key: &Arc<str>| step.matched.claims[target].holder(*row).is_none() && step.basis.people.find(key).is_none();
    step.basis.former_key(target, *row).filter(is_gone)
}

/// Remembers the names that nobody after this identity may get.
pub(super) fn take_names(step: &mut Step<'_, '_>, target: usize, person: &Person, desired: &Desired) {
    let basis = step.basis;
    for (layout, state) in basis.layout.targets[target].attributes.iter().zip(&desired.states) {
        let unique = layout.rule.as_ref().is_some_and(|rule| rule.unique) || layout.bare.is_some_and(|slot| person.unique.contains(&slot));
        if let (true, ValueState::Set(Value::Text(name))) = (unique || layout.name.as_ref() == "userName", state) {
            step.names.take(target, &layout.name, name, person.number);
        }
    }
}

/// A rename to a name that somebody else has waits.
pub(super) fn keep_taken_name(step: &mut Step<'_, '_>, target: usize, person: &Person, row: u32, desired: &mut Desired) {
    let Some(name) = taken_name(step, target, person, desired, Some(row)).map(str::to_owned) else { return };
    let key = Arc::from(person.key.as_str());
    let kept_free = reserved::of_user_name(step.basis, target, &name, person.number);
    if let Some(known) = kept_free {
        reserved::tell(step, target, &key, known, (Severity::Error, "so the old one stays"));
    } else {
        let (whose, hint) = whose_name(step, target, person, &name);
        let sentence = format!("{{who}}: {whose} the userName {name}, so the old one stays");
        let shared = Shared::new(Severity::Error, FindingCode::NameTaken, Some(&step.basis.policy.targets[target].name), sentence);
        step.report.findings.share(Shared { hint, ..shared }, &key);
    }
    let attributes = &step.basis.layout.targets[target].attributes;
    if let Some(at) = attributes.iter().position(|attribute| attribute.name.as_ref() == "userName") {
        desired.settle(step.basis, target, person, at, ValueState::Unknown);
    }
}
