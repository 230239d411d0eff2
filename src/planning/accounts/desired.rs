//! The account that an identity should have: rules over the identity, and the marker.
//!
//! Must never: look at what the account is now, but for a unique name that it keeps.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::expr::Input;
use crate::model::{Value, ValueState};
use crate::planning::basis::Basis;
use crate::planning::people::person::Person;
use crate::planning::schema::layout::{AttributeLayout, TargetLayout};
use crate::planning::schema::length;
use crate::planning::schema::values::{Evaluated, Reads, evaluate, input_of};

/// What an account should have, in the order of the target's attributes.
#[derive(Default)]
pub(in crate::planning) struct Desired {
    pub(in crate::planning) states: Vec<ValueState>,
    /// position and words of what failed
    pub(in crate::planning) failures: Vec<(usize, Arc<str>)>,
    /// it exists without access
    pub(in crate::planning) rests: bool,
    /// positions whose value was settled otherwise than by their rule: a unique name got its number, a taken one stays the old one
    pub(in crate::planning) settled: BTreeMap<usize, ValueState>,
    /// by slot, what other rules use
    outcomes: Vec<(usize, ValueState)>,
}

/// Works out every attribute.
pub(in crate::planning) fn work_out(basis: &Basis<'_>, target: usize, person: &Person, desired: &mut Desired) {
    desired.rests = false;
    desired.settled.clear();
    work_out_again(basis, target, person, desired);
}

/// The same over what was settled.
pub(in crate::planning) fn work_out_again(basis: &Basis<'_>, target: usize, person: &Person, desired: &mut Desired) {
    desired.failures.clear();
    desired.outcomes.clear();
    let layout = &basis.layout.targets[target];
    desired.states.clear();
    desired.states.resize(layout.attributes.len(), ValueState::Unmanaged);
    for at in &layout.order {
        let attribute = &layout.attributes[*at];
        let state = match (desired.settled.get(at), &attribute.rule) {
            (Some(settled), _) => settled.clone(),
            (None, None) => ValueState::Set(Value::text(basis.marks.mark(&person.key))),
            (None, Some(rule)) => {
                let came = evaluate(rule, &Over { person, outcomes: &desired.outcomes });
                let fitting = match came {
                    Evaluated::Is(state) => length::fitting_state(rule, state),
                    Evaluated::Failed(words) => Err(words),
                };
                match fitting {
                    Ok(state) => as_kept(basis, target, attribute, basis.people.as_reference(attribute.kind, None, state)),
                    Err(words) => {
                        desired.failures.push((*at, words));
                        ValueState::Unknown
                    }
                }
            }
        };
        desired.outcomes.extend(attribute.outcome.map(|slot| (slot, state.clone())));
        desired.states[*at] = state;
    }
}

/// As the target keeps it: of several values one, where it keeps no more, and in its own form.
fn as_kept(basis: &Basis<'_>, target: usize, attribute: &AttributeLayout<'_>, state: ValueState) -> ValueState {
    match state {
        ValueState::Set(value) => {
            let capabilities = &basis.observed[target].side.capabilities;
            let single = matches!(value, Value::List(_)) && capabilities.single_valued_attributes.contains(&attribute.name);
            let value = if single { value.primary() } else { value };
            ValueState::Set(match capabilities.account_limits.get(&attribute.name) {
                Some(limit) => limit.kept(value),
                None => value,
            })
        }
        state => state,
    }
}

/// A person, and what other rules of the mapping came to.
struct Over<'a, 'w> {
    person: &'a Person<'w>,
    outcomes: &'a [(usize, ValueState)],
}

impl Reads for Over<'_, '_> {
    fn input(&self, position: usize) -> Option<Input<'_>> {
        match self.outcomes.iter().find(|(slot, _)| *slot == position) {
            Some((_, state)) => input_of(state),
            None => self.person.input(position),
        }
    }
}

/// Whether an account of this target should be active by a rule; nothing where no rule says.
pub(in crate::planning) fn active(layout: &TargetLayout<'_>, person: &Person) -> Option<ValueState> {
    let rule = layout.active.as_ref()?;
    Some(match evaluate(rule, person) {
        Evaluated::Is(state) => state,
        Evaluated::Failed(_) => ValueState::Unknown,
    })
}

impl Desired {
    /// Gives an attribute another value than its rule did, and works out anew what uses it.
    pub(in crate::planning) fn settle(&mut self, basis: &Basis<'_>, target: usize, person: &Person, at: usize, state: ValueState) {
        self.states[at] = state.clone();
        if basis.layout.targets[target].attributes[at].outcome.is_some() || !self.settled.is_empty() {
            self.settled.insert(at, state);
            work_out_again(basis, target, person, self);
        } else if basis.layout.targets[target].chained {
            self.settled.insert(at, state);
        }
    }

    /// The text of an attribute that is set.
    pub(in crate::planning) fn text<'d>(&'d self, attributes: &[AttributeLayout<'_>], name: &str) -> Option<&'d str> {
        let at = attributes.iter().position(|attribute| attribute.name.as_ref() == name)?;
        match self.states.get(at) {
            Some(ValueState::Set(value)) => value.as_text(),
            _ => None,
        }
    }
}
