//! Why somebody has an entitlement, or not: the rule, the names, the last day, and each parameter.

use std::sync::Arc;

use super::person::attribute;
use super::{AccountAttribute, Because, EntitlementWhy, KnownValue};
use crate::manifest::kinds::Lifecycle;
use crate::model::Change;
use crate::planning::basis::Basis;
use crate::planning::entitlements::desired;
use crate::planning::entitlements::desired::{Parameter, Term};
use crate::planning::people::person::Person;
use crate::planning::people::standing;
use crate::planning::targets::eligibility::{Serve, serve};
use crate::world::Truth;

/// The entitlements of the targets that are wanted.
pub(super) fn of(basis: &Basis<'_>, person: &Person, wanted: impl Fn(&usize) -> bool) -> Vec<EntitlementWhy> {
    let all = basis.policy.entitlements.iter().enumerate().filter(|(_, rules)| wanted(&rules.target));
    all.map(|(at, _)| one(basis, at, person)).collect()
}

/// Each way to the entitlement at this position of the policy and whether it is open, and what ends it.
pub(super) fn because(basis: &Basis<'_>, at: usize, person: &Person) -> Vec<Because> {
    one(basis, at, person).because
}

/// The rule of one parameter.
pub(super) fn parameter(basis: &Basis<'_>, at: usize, name: &str, person: &Person) -> Option<Because> {
    let known = parameters(basis, at, person).into_iter().find(|parameter| parameter.attribute.as_ref() == name);
    known.map(|parameter| Because { words: format!("the parameter {name}"), ..parameter.because })
}

/// What brought the change of an entitlement about, and the rules behind the parameters that change.
pub(super) fn behind(basis: &Basis<'_>, change: &Change, person: &Person) -> (Vec<Because>, Vec<AccountAttribute>) {
    let declared = |rules: &crate::policy::EntitlementPolicy| {
        basis.policy.targets[rules.target].name == change.target && Some(&rules.name) == change.entitlement.as_ref()
    };
    let Some(at) = basis.policy.entitlements.iter().position(declared) else {
        return (vec![Because::words("no Entitlement manifest declares it (any more), and headcount may take it")], Vec::new());
    };
    let mut why = one(basis, at, person);
    why.parameters.retain(|parameter| change.attributes.iter().any(|changed| changed.attribute == parameter.attribute));
    (why.because, why.parameters)
}

fn one(basis: &Basis<'_>, at: usize, person: &Person) -> EntitlementWhy {
    let rules = &basis.policy.entitlements[at];
    let target = &basis.policy.targets[rules.target].name;
    let mut because = Vec::new();
    let mut has = either(by_rule(basis, at, person, &mut because), by_name(basis, at, person, &mut because));
    has = within_term(basis, at, person, has, &mut because);
    if has != Some(false) {
        match serve(basis, rules.target, person) {
            Serve::No(_) => {
                because.push(Because::words(format!("without an account at {target} nothing is given")));
                has = Some(false);
            }
            Serve::Unknown(_) => has = None,
            Serve::Yes | Serve::Early => {}
        }
    }
    if because.is_empty() {
        because.push(Because::words(format!("nothing in {} covers it", rules.key)).at(Some(&rules.place)));
    }
    let parameters = if has == Some(false) { Vec::new() } else { parameters(basis, at, person) };
    EntitlementWhy { target: target.clone(), entitlement: rules.name.clone(), key: rules.key.clone(), has, because, parameters }
}

fn either(one: Option<bool>, other: Option<bool>) -> Option<bool> {
    match (one, other) {
        (Some(true), _) | (_, Some(true)) => Some(true),
        (None, _) | (_, None) => None,
        _ => Some(false),
    }
}

fn by_rule(basis: &Basis<'_>, at: usize, person: &Person, because: &mut Vec<Because>) -> Option<bool> {
    let rules = &basis.policy.entitlements[at];
    let Some(when) = &basis.layout.entitlements[at].when else { return Some(false) };
    let key = &rules.key;
    let Some(stands) = person.standing.lifecycle() else {
        because.push(Because::words(format!("the rule of {key} sees only people whose lifecycle is known")).at(when.expression().place()));
        return Some(false);
    };
    if !rules.lifecycles.contains(&stands) {
        let words = format!("the rule of {key} does not see the lifecycle {}", standing::word(stands));
        because.push(Because::words(words).at(Some(&rules.place)));
        return Some(false);
    }
    let (has, words) = match person.holds(when) {
        Truth::Yes => (Some(true), format!("the rule of {key} covers it")),
        Truth::No => (Some(false), format!("the rule of {key} does not cover it")),
        Truth::Unknown(words) => (None, format!("whether the rule of {key} covers it could not be worked out: {words}")),
    };
    because.push(Because::condition(words, when, person));
    has
}

fn by_name(basis: &Basis<'_>, at: usize, person: &Person, because: &mut Vec<Because>) -> Option<bool> {
    let rules = &basis.policy.entitlements[at];
    let stays = matches!(person.standing.lifecycle(), Some(Lifecycle::Active | Lifecycle::PreHire | Lifecycle::Suspended));
    let mut has = Some(false);
    for member in rules.members.iter().filter(|member| basis.people.find(&member.key) == Some(person.number)) {
        let (named, words) = match member.until {
            Some(until) if until < basis.moment.today => (false, format!("named in {}, until {until}, which is over", rules.key)),
            _ if !stays => (false, format!("named in {}, but has left or is left out", rules.key)),
            Some(until) => (true, format!("named in {}, until {until}", rules.key)),
            None => (true, format!("named in {}", rules.key)),
        };
        because.push(Because::words(words).at(Some(&member.place)));
        has = either(has, Some(named));
    }
    has
}

/// The last day, where somebody would have it at all.
fn within_term(basis: &Basis<'_>, at: usize, person: &Person, has: Option<bool>, because: &mut Vec<Because>) -> Option<bool> {
    let Some(until) = basis.layout.entitlements[at].until.as_ref().filter(|_| has != Some(false)) else { return has };
    let (has, words) = match desired::term(basis, at, person) {
        Term::Runs => (has, "its last day is not over".to_owned()),
        Term::Over => (Some(false), "its last day is over".to_owned()),
        Term::Unclear(words) => (None, format!("until when could not be worked out: {words}")),
    };
    because.push(Because::expression(words, until, person));
    has
}

fn parameters(basis: &Basis<'_>, at: usize, person: &Person) -> Vec<AccountAttribute> {
    let rules = &basis.policy.entitlements[at];
    let layouts = &basis.layout.entitlements[at].parameters;
    let one = |(position, layout): (usize, &crate::planning::schema::layout::ParameterLayout)| {
        let (should_be, words) = match desired::parameter(basis, at, position, person) {
            Parameter::Is(Some(value)) => {
                (KnownValue::Set(value).hidden(layout.value.expression().is_sensitive()), format!("the rule of {}", rules.key))
            }
            Parameter::Is(None) => (KnownValue::Cleared, format!("the rule of {} gives no value", rules.key)),
            Parameter::Unknown(words) => (KnownValue::Unknown, format!("the rule failed: {words}")),
        };
        let from = layout.value.positions().iter().filter_map(|slot| attribute(basis, person, *slot)).collect();
        let name: Option<&Arc<str>> = rules.parameters.get(position).map(|parameter| &parameter.name);
        Some(AccountAttribute { attribute: name?.clone(), should_be, because: Because::expression(words, &layout.value, person), from })
    };
    layouts.iter().enumerate().filter_map(one).collect()
}
