//! What a target itself refuses, by its own schema, and members there whom nobody knows.
//!
//! Must never: hold up anything else of a person whose one attribute is refused.

use std::sync::Arc;

use crate::model::{AttributeChange, FindingCode, Severity, ValueState};
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
    let fixed = &basis.observed[target].side.capabilities.immutable_attributes;
    let (refused, kept): (Vec<_>, Vec<_>) = changes.into_iter().partition(|change| fixed.contains(&change.attribute));
    // An account that was made without the mark is proved by the state.
    for change in refused.iter().filter(|change| basis.layout.targets[target].marker.as_ref() != Some(&change.attribute)) {
        let name = &change.attribute;
        let sentence = format!("{{who}}: {name} can't be changed here once an account is made, so the old value stays");
        let shared = Shared::new(Severity::Warning, FindingCode::VendorLimit, Some(&basis.policy.targets[target].name), sentence);
        let at = &basis.policy.targets[target].name;
        let hint = format!(
            "write `mode: initial` into the rule of {name} in spec.mapping.rules of the Target {at}, or have it changed there by an administrator"
        );
        findings.share(shared.attribute(name).hint(hint), key);
    }
    kept
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
        if layout.required || !asked.contains(&layout.name) || matches!(state, ValueState::Set(_)) {
            continue;
        }
        let sentence = format!("{{who}}: {} has no value, and the target's schema asks for one: it may refuse the account", layout.name);
        let shared =
            Shared::new(Severity::Warning, FindingCode::RequiredAttributeMissing, Some(&basis.policy.targets[target].name), sentence);
        findings.share(shared.attribute(&layout.name), key);
    }
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
