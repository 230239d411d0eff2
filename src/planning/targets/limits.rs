//! What a target itself refuses, by its own schema, and members there whom nobody knows.
//!
//! Must never: hold up anything else of a person whose one attribute is refused.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::{AttributeChange, CONTAINER, FindingCode, NeededAttribute, Severity, Value, ValueState};
use crate::planning::basis::Basis;
use crate::planning::findings::{Findings, Shared};
use crate::planning::schema::layout::AttributeLayout;
use crate::policy::TargetPolicy;

/// Without the changes that the target would refuse; each is told.
pub(in crate::planning) fn possible(
    (basis, findings): (&Basis<'_>, &mut Findings),
    target: usize,
    key: &Arc<str>,
    changes: Vec<AttributeChange>,
) -> Vec<AttributeChange> {
    let capabilities = &basis.observed[target].side.capabilities;
    let changes = written((basis, findings), target, key, changes, "so it stays as it is there");
    let (refused, kept): (Vec<_>, Vec<_>) =
        changes.into_iter().partition(|change| capabilities.immutable_attributes.contains(&change.attribute));
    let at = &basis.policy.targets[target].name;
    // An account that was made without the mark is proved by the state.
    for change in refused.iter().filter(|change| basis.layout.targets[target].marker.as_ref() != Some(&change.attribute)) {
        let name = &change.attribute;
        let sentence = format!("{{who}}: {name} can't be changed here once an account is made, so the old value stays");
        let hint = format!(
            "write `mode: initial` into the rule of {name} in spec.mapping.rules of the Target {at}, or have it changed there by an administrator"
        );
        let shared = Shared::new(Severity::Warning, FindingCode::VendorLimit, Some(at), sentence);
        findings.share(shared.attribute(name).hint(hint), key);
    }
    kept
}

/// Without what nobody but the system itself writes there; each is told, with what follows.
pub(in crate::planning) fn written(
    (basis, findings): (&Basis<'_>, &mut Findings),
    target: usize,
    key: &Arc<str>,
    changes: Vec<AttributeChange>,
    follows: &str,
) -> Vec<AttributeChange> {
    let read_only = &basis.observed[target].side.capabilities.read_only_attributes;
    let (refused, kept): (Vec<_>, Vec<_>) = changes.into_iter().partition(|change| read_only.contains(&change.attribute));
    let policy = &basis.policy.targets[target];
    for change in &refused {
        let name = &change.attribute;
        let sentence = format!("{{who}}: {name} is only read here and never written, {follows}");
        let hint = format!("take the rule of {name} out of spec.mapping.rules of the Target {}; `correlate` needs none", policy.name);
        let layout = basis.layout.targets[target].attributes.iter().find(|layout| layout.name == *name);
        let place = layout.and_then(|layout| layout.source).and_then(|rule| rule.place.as_ref());
        let shared = Shared::new(Severity::Warning, FindingCode::VendorLimit, Some(&policy.name), sentence);
        findings.share(shared.attribute(name).hint(hint).at(place), key);
    }
    fitting((basis, findings), target, key, kept, follows)
}

/// Without values that the target can't hold; each is told.
fn fitting(
    (basis, findings): (&Basis<'_>, &mut Findings),
    target: usize,
    key: &Arc<str>,
    changes: Vec<AttributeChange>,
    follows: &str,
) -> Vec<AttributeChange> {
    let limits = &basis.observed[target].side.capabilities.account_limits;
    let at = &basis.policy.targets[target].name;
    let refusal = |change: &AttributeChange| limits.get(&change.attribute)?.refusal(change.after.as_ref());
    let mut kept = Vec::with_capacity(changes.len());
    for change in changes {
        match refusal(&change) {
            None => kept.push(change),
            Some(words) => {
                let layout = basis.layout.targets[target].attributes.iter().find(|layout| layout.name == change.attribute);
                let place = layout.and_then(|layout| layout.source).and_then(|rule| rule.place.as_ref());
                findings.share(refused(at, &change.attribute, &words, (Severity::Warning, follows)).at(place), key);
            }
        }
    }
    kept
}

/// A value that the target can't hold, and what follows.
fn refused(target: &Arc<str>, name: &Arc<str>, words: &str, (severity, follows): (Severity, &str)) -> Shared {
    let hint = format!(
        "let the rule of {name} in spec.mapping.rules of the Target {target} make a value that fits, or have the room there widened"
    );
    Shared::new(severity, FindingCode::VendorLimit, Some(target), format!("{{who}}: {name} {words}, {follows}")).attribute(name).hint(hint)
}

/// Whether the target takes what a new account can't be without; what it doesn't is told.
pub(in crate::planning) fn takes_what_is_needed(
    (basis, findings): (&Basis<'_>, &mut Findings),
    target: usize,
    key: &Arc<str>,
    states: &[ValueState],
) -> bool {
    let capabilities = &basis.observed[target].side.capabilities;
    let mut all = true;
    for (layout, state) in basis.layout.targets[target].attributes.iter().zip(states) {
        let ValueState::Set(value) = state else { continue };
        let is_needed = layout.required || capabilities.needed_attributes.contains_key(&layout.name);
        let limit = capabilities.account_limits.get(&layout.name).filter(|_| is_needed || layout.name.as_ref() == CONTAINER);
        if let Some(words) = limit.and_then(|limit| limit.refusal(Some(value))) {
            all = false;
            let place = layout.source.and_then(|rule| rule.place.as_ref());
            let at = &basis.policy.targets[target].name;
            findings.share(refused(at, &layout.name, &words, (Severity::Error, "so no account is made")).at(place), key);
        }
    }
    all
}

/// Of what a deactivated account is to have, what the target takes: no value that it can't hold, and none that no two accounts can have, since everybody who
/// is deactivated gets the same. What it doesn't is told.
pub(in crate::planning) fn alike(
    (basis, findings): (&Basis<'_>, &mut Findings),
    target: usize,
    key: &Arc<str>,
    changes: Vec<AttributeChange>,
) -> Vec<AttributeChange> {
    let capabilities = &basis.observed[target].side.capabilities;
    let policy = &basis.policy.targets[target];
    let is_unique = |name: &Arc<str>| capabilities.unique_account_attributes.as_ref().is_some_and(|unique| unique.contains(name));
    let refusal = |change: &AttributeChange| match is_unique(&change.attribute) {
        true => Some("can't be one for several accounts here".to_owned()),
        false => capabilities.account_limits.get(&change.attribute)?.refusal(change.after.as_ref()),
    };
    let mut kept = Vec::with_capacity(changes.len());
    for change in changes {
        let Some(words) = refusal(&change) else {
            kept.push(change);
            continue;
        };
        let name = &change.attribute;
        let sentence = format!("{{who}}: the {name} of `set` {words}, so it stays as it is");
        let hint = format!("correct {name} in `set` of the Target {}, or take it out", policy.name);
        let shared = Shared::new(Severity::Warning, FindingCode::VendorLimit, Some(&policy.name), sentence);
        findings.share(shared.attribute(name).hint(hint).at(Some(&policy.place)), key);
    }
    kept
}

/// Whether the target takes a group of this name; where it doesn't that is told, with what follows.
pub(in crate::planning) fn takes_group(
    (basis, findings): (&Basis<'_>, &mut Findings),
    target: usize,
    (key, name): (&Arc<str>, &str),
    follows: &str,
) -> bool {
    let limits = &basis.observed[target].side.capabilities.group_limits;
    let Some(words) = limits.get("displayName").and_then(|limit| limit.refusal(Some(&Value::text(name)))) else { return true };
    let sentence = format!("{{who}}: its name {name} {words}, {follows}");
    let shared = Shared::new(Severity::Error, FindingCode::VendorLimit, Some(&basis.policy.targets[target].name), sentence);
    let hint = "Give the Group another `displayName`, or leave it out at this Target by `groups.select`.";
    findings.share(shared.hint(hint), key);
    false
}

/// Tells of a new account that lacks what the target asks of each. It is sent all the same: many systems ask for more than they need.
pub(in crate::planning) fn tell_of_what_is_asked(
    (basis, findings): (&Basis<'_>, &mut Findings),
    target: usize,
    key: &Arc<str>,
    states: &[ValueState],
) {
    let asked = &basis.observed[target].side.capabilities.required_attributes;
    for (layout, state) in basis.layout.targets[target].attributes.iter().zip(states) {
        let told = layout.required || needed(basis, target).contains_key(&layout.name);
        if told || !asked.contains(&layout.name) || matches!(state, ValueState::Set(_)) {
            continue;
        }
        let sentence = format!("{{who}}: {} has no value, and the target's schema asks for one: it may refuse the account", layout.name);
        let shared =
            Shared::new(Severity::Warning, FindingCode::RequiredAttributeMissing, Some(&basis.policy.targets[target].name), sentence);
        findings.share(shared.attribute(&layout.name), key);
    }
}

/// Whether a new account has all without which none can be made there; what is missing is told, with the line to add.
pub(in crate::planning) fn can_be_made(
    (basis, findings): (&Basis<'_>, &mut Findings),
    target: usize,
    key: &Arc<str>,
    states: &[ValueState],
) -> bool {
    let policy = &basis.policy.targets[target];
    let attributes = &basis.layout.targets[target].attributes;
    let mut all = true;
    for (name, needed) in needed(basis, target) {
        let at = attributes.iter().position(|layout| layout.name == *name);
        let layout = at.and_then(|at| attributes.get(at));
        let is_set = at.and_then(|at| states.get(at)).is_some_and(|state| matches!(state, ValueState::Set(_)));
        // What a rule or the connector requires is told as that.
        if is_set || layout.is_some_and(|layout| layout.required) {
            continue;
        }
        all = false;
        let sentence = format!("{{who}}: {name} has no value, and {} takes no row without one, so no account is made", needed.place);
        let shared = Shared::new(Severity::Error, FindingCode::RequiredAttributeMissing, Some(&policy.name), sentence);
        let give = layout.and_then(|layout| rule_that_gave_nothing(policy, layout)).unwrap_or_else(|| {
            format!(
                "No rule gives it: add `{{attribute: {name}, value: identity.{name}}}` to spec.mapping.rules of the Target {}.",
                policy.name
            )
        });
        let start = needed.line.as_ref().map(|line| format!(" Or let each new row start with the same value: {line}.")).unwrap_or_default();
        let hint = format!("{give}{start}");
        let place = layout.and_then(|layout| layout.source).and_then(|rule| rule.place.as_ref()).unwrap_or(&policy.connection);
        findings.share(shared.attribute(name).hint(&hint).at(Some(place)), key);
    }
    all
}

fn needed<'b>(basis: &'b Basis<'_>, target: usize) -> &'b BTreeMap<Arc<str>, NeededAttribute> {
    &basis.observed[target].side.capabilities.needed_attributes
}

/// Which rule should have given a value, and what can be done.
pub(in crate::planning) fn rule_that_gave_nothing(policy: &TargetPolicy, layout: &AttributeLayout<'_>) -> Option<String> {
    let (rule, name) = (layout.source?, &layout.name);
    let of = match rule.place {
        Some(_) => format!("the mapping of {}", policy.name),
        None => format!("the default of the connector {}", policy.connector),
    };
    let text = rule.value.text();
    Some(format!(
        "The rule is `{text}`, {of}. Let a Source give these people what it reads, or write a rule for {name} in the mapping of {}.",
        policy.name
    ))
}
