//! What one identity should have of one entitlement: whether its last day is over, and each parameter.
//!
//! Must never: take a parameter that could not be worked out for an empty one.

use std::sync::Arc;

use crate::expr::Evaluation;
use crate::model::{AttributeType, Cell, Value};
use crate::planning::basis::Basis;
use crate::planning::people::days;
use crate::planning::people::person::Person;
use crate::planning::schema::values::Reads;
use crate::planning::targets::claims::Claims;
use crate::world::{Grant, canonical};

/// Whether somebody may have an entitlement today, as far as its `until` goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::planning) enum Term {
    /// it has no last day, or that is still to come
    Runs,
    /// the last day is over
    Over,
    /// that could not be worked out, in words
    Unclear(Arc<str>),
}

/// What a parameter should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::planning) enum Parameter {
    /// this, or empty
    Is(Option<Value>),
    /// that could not be worked out, in words
    Unknown(Arc<str>),
}

const NOT_KNOWN: &str = "it depends on a value that is not known";

/// Whether the last day is over.
pub(in crate::planning) fn term(basis: &Basis<'_>, at: usize, person: &Person) -> Term {
    let Some(until) = &basis.layout.entitlements[at].until else { return Term::Runs };
    let text = match person.over(until) {
        None => return Term::Unclear(NOT_KNOWN.into()),
        Some(Evaluation::Failed(words)) => return Term::Unclear(words.into()),
        Some(Evaluation::Missing | Evaluation::Null) => return Term::Runs,
        Some(Evaluation::Value(value)) if value.is_empty() => return Term::Runs,
        Some(Evaluation::Value(value)) => value,
    };
    match text.as_text().and_then(days::parse) {
        Some(last) if last < basis.moment.today => Term::Over,
        Some(_) => Term::Runs,
        None => Term::Unclear("its last day is no ISO date".into()),
    }
}

/// What the parameter at this position should be.
pub(in crate::planning) fn parameter(basis: &Basis<'_>, at: usize, position: usize, person: &Person) -> Parameter {
    let Some(layout) = basis.layout.entitlements[at].parameters.get(position) else { return Parameter::Is(None) };
    match person.over(&layout.value) {
        None => Parameter::Unknown(NOT_KNOWN.into()),
        Some(Evaluation::Failed(words)) => Parameter::Unknown(words.into()),
        Some(Evaluation::Missing | Evaluation::Null) => Parameter::Is(None),
        Some(Evaluation::Value(value)) if value.is_empty() => Parameter::Is(None),
        Some(Evaluation::Value(value)) => held_as(basis, at, position, value),
    }
}

/// As the target keeps it, or why it can't.
fn held_as(basis: &Basis<'_>, at: usize, position: usize, value: Value) -> Parameter {
    let policy = &basis.policy.entitlements[at];
    let limits = &basis.observed[policy.target].side.capabilities.parameter_limits;
    let Some(limit) = policy.parameters.get(position).and_then(|parameter| limits.get(&parameter.name)) else {
        return Parameter::Is(Some(value));
    };
    match limit.refusal(Some(&value)) {
        Some(words) => Parameter::Unknown(format!("the value {words}").into()),
        None => Parameter::Is(Some(limit.kept(value))),
    }
}

/// Whether a parameter is what it should be.
pub(in crate::planning) fn same(basis: &Basis<'_>, claims: &Claims, target: usize, wanted: Option<&Value>, observed: Cell<'_>) -> bool {
    match wanted {
        None => canonical::is_nothing(observed),
        Some(Value::Reference(key)) => basis.referred_id(claims, target, key, observed).is_some_and(|id| id == canonical::text(observed)),
        Some(value) => canonical::same(kind_of(value), value, observed),
    }
}

/// Parameters compare as what they should be: nothing else says what they are.
fn kind_of(value: &Value) -> AttributeType {
    match value {
        Value::Bool(_) => AttributeType::Bool,
        Value::List(_) | Value::Map(_) => AttributeType::Many,
        Value::Int(_) | Value::Text(_) | Value::Reference(_) => AttributeType::Text,
    }
}

/// The rows that say that an account has the entitlement: one where all is well.
pub(in crate::planning) fn held(basis: &Basis<'_>, at: usize, account: u32) -> Vec<Grant> {
    let Some(number) = basis.layout.entitlements[at].number else { return Vec::new() };
    let grants = basis.observed[basis.policy.entitlements[at].target].grants_of(account);
    grants.iter().filter(|grant| grant.name == number).copied().collect()
}

/// Whether somebody who is to have it has it just so: nothing to change and nothing to tell.
pub(in crate::planning) fn stands(basis: &Basis<'_>, claims: &[Claims], at: usize, person: &Person) -> bool {
    let layout = &basis.layout.entitlements[at];
    let target = basis.policy.entitlements[at].target;
    let (Some(number), Some(row)) = (layout.number, claims[target].row(person.number)) else { return false };
    let grants = basis.observed[target].grants_of(row);
    let mut mine = grants.iter().filter(|grant| grant.name == number);
    let (Some(grant), None) = (mine.next(), mine.next()) else { return false };
    let entitlements = &basis.observed[target].side.entitlements;
    term(basis, at, person) == Term::Runs
        && layout.parameters.iter().enumerate().all(|(position, parameter)| {
            let Some(column) = parameter.column else { return false };
            match self::parameter(basis, at, position, person) {
                Parameter::Is(wanted) => same(basis, &claims[target], target, wanted.as_ref(), entitlements.cell(*grant, column)),
                Parameter::Unknown(_) => false,
            }
        })
}
