//! What a target itself refuses, by its own schema, and members there whom nobody knows.
//!
//! Must never: hold up anything else of a person whose one attribute is refused.

use std::sync::Arc;

use crate::model::{AttributeChange, Finding, FindingCode, Severity, Subject, ValueState};
use crate::planning::groups::members as roster;
use crate::planning::groups::resolve::{GroupState, TargetGroups};
use crate::planning::report::findings::Shared;
use crate::planning::schema::layout::AttributeLayout;
use crate::planning::work::Work;
use crate::policy::TargetPolicy;

/// Without the changes that the target would refuse; each is told.
pub(in crate::planning) fn possible(
    work: &mut Work<'_, '_>,
    target: usize,
    key: &Arc<str>,
    changes: Vec<AttributeChange>,
) -> Vec<AttributeChange> {
    let basis = work.basis;
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
        work.findings.share(shared.attribute(name).hint(hint), key);
    }
    kept
}

/// Tells of a new account that lacks what the target asks of each. It is sent all the same: many systems ask for more than they need.
pub(in crate::planning) fn tell_of_what_is_asked(work: &mut Work<'_, '_>, target: usize, key: &Arc<str>, states: &[ValueState]) {
    let basis = work.basis;
    let asked = &basis.observed[target].side.capabilities.required_attributes;
    for (layout, state) in basis.layout.targets[target].attributes.iter().zip(states) {
        if layout.required || !asked.contains(&layout.name) || matches!(state, ValueState::Set(_)) {
            continue;
        }
        let sentence = format!("{{who}}: {} has no value, and the target's schema asks for one: it may refuse the account", layout.name);
        let shared =
            Shared::new(Severity::Warning, FindingCode::RequiredAttributeMissing, Some(&basis.policy.targets[target].name), sentence);
        work.findings.share(shared.attribute(&layout.name), key);
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

/// Targets that say that they keep no mark.
pub(in crate::planning) fn tell_of_marks(work: &mut Work<'_, '_>) {
    let basis = work.basis;
    for (rules, side) in basis.policy.targets.iter().zip(&basis.world.targets) {
        if !side.capabilities.refuses_marker {
            continue;
        }
        let message = format!("{}: its accounts can't keep a mark, so the state alone proves which of them are headcount's", rules.name);
        let finding = Finding::new(Severity::Note, FindingCode::UnsupportedCapability, Subject::system(&rules.name), message);
        work.findings.push(finding.hint("keep a copy of the state: without it these accounts count as somebody else's"));
    }
}

/// Members of declared groups that are nobody's account, where all accounts were read: mostly what a deleted account left behind.
pub(in crate::planning) fn tell_of_strangers(work: &mut Work<'_, '_>, target: usize, groups: &TargetGroups) {
    let basis = work.basis;
    let observed = &basis.observed[target];
    if !(observed.accounts().evidence().proves_absence() && observed.memberships_evidence().proves_absence()) {
        return;
    }
    let strangers = observed.strangers();
    let owned: Vec<(Arc<str>, u64)> = (0..basis.groups.all.len())
        .filter_map(|at| match groups.states[at] {
            GroupState::Here(row) => Some((roster::key(work, at).clone(), *strangers.get(&row)?)),
            _ => None,
        })
        .collect();
    for (key, many) in owned {
        let members = if many == 1 { "a member that is".to_owned() } else { format!("{many} members that are") };
        let message = format!("{key}: it has {members} no account or group there; headcount leaves it so");
        let subject = Subject::object(&basis.policy.targets[target].name, &key);
        let hint = "remove it there, or look whether the list of accounts leaves somebody out";
        work.findings.push(Finding::new(Severity::Warning, FindingCode::GhostMember, subject, message).hint(hint));
    }
}
