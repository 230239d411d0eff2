//! The account that an identity should have: rules over the identity, and the marker.
//!
//! Must never: look at what the account is now, but for a unique name that it keeps.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Basis;
use super::identity::{Outcome, Person, Reads, evaluate, input_of};
use super::layout::{AttributeLayout, TargetLayout};
use super::length;
use crate::expr::Input;
use crate::model::{Value, ValueState};

/// What an account should have, in the order of the target's attributes.
#[derive(Default)]
pub(super) struct Desired {
    pub(super) states: Vec<ValueState>,
    /// position and words of what failed
    pub(super) failures: Vec<(usize, Arc<str>)>,
    /// it exists without access
    pub(super) rests: bool,
    /// positions whose value was settled otherwise than by their rule: a unique name got its number, a taken one stays the old one
    pub(super) settled: BTreeMap<usize, ValueState>,
    /// by slot, what other rules use
    outcomes: Vec<(usize, ValueState)>,
}

/// Works out every attribute.
pub(super) fn work_out(basis: &Basis<'_>, target: usize, person: &Person, desired: &mut Desired) {
    desired.rests = false;
    desired.settled.clear();
    work_out_again(basis, target, person, desired);
}

/// The same over what was settled.
pub(super) fn work_out_again(basis: &Basis<'_>, target: usize, person: &Person, desired: &mut Desired) {
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
                    Outcome::Is(state) => length::fitting_state(rule, state),
                    Outcome::Failed(words) => Err(words),
                };
                match fitting {
                    Ok(state) => basis.people.as_reference(attribute.kind, None, state),
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
pub(super) fn active(layout: &TargetLayout<'_>, person: &Person) -> Option<ValueState> {
    let rule = layout.active.as_ref()?;
    Some(match evaluate(rule, person) {
        Outcome::Is(state) => state,
        Outcome::Failed(_) => ValueState::Unknown,
    })
}

impl Desired {
    /// Gives an attribute another value than its rule did, and works out anew what uses it.
    pub(super) fn settle(&mut self, basis: &Basis<'_>, target: usize, person: &Person, at: usize, state: ValueState) {
        self.states[at] = state.clone();
        if basis.layout.targets[target].attributes[at].outcome.is_some() || !self.settled.is_empty() {
            self.settled.insert(at, state);
            work_out_again(basis, target, person, self);
        } else if basis.layout.targets[target].chained {
            self.settled.insert(at, state);
        }
    }

    /// The text of an attribute that is set.
    pub(super) fn text<'d>(&'d self, attributes: &[AttributeLayout<'_>], name: &str) -> Option<&'d str> {
        let at = attributes.iter().position(|attribute| attribute.name.as_ref() == name)?;
        match self.states.get(at) {
            Some(ValueState::Set(value)) => value.as_text(),
            _ => None,
        }
    }
}
