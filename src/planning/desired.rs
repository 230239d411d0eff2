//! The account that an identity should have: rules over the identity, and the marker.
//!
//! Must never: look at what the account is now, but for a unique name that it keeps.

use std::sync::Arc;

use super::Basis;
use super::identity::{Outcome, Person, evaluate};
use super::layout::{AttributeLayout, TargetLayout};
use super::length;
use crate::model::{Value, ValueState};

/// What an account should have, in the order of the target's attributes.
#[derive(Default)]
pub(super) struct Desired {
    pub(super) states: Vec<ValueState>,
    /// position and words of what failed
    pub(super) failures: Vec<(usize, Arc<str>)>,
    /// it exists without access
    pub(super) rests: bool,
}

/// Works out every attribute.
pub(super) fn work_out(basis: &Basis<'_>, target: usize, person: &Person, desired: &mut Desired) {
    desired.states.clear();
    desired.failures.clear();
    desired.rests = false;
    let layout = &basis.layout.targets[target];
    for (at, attribute) in layout.attributes.iter().enumerate() {
        let state = match &attribute.rule {
            None => ValueState::Set(Value::text(basis.marks.mark(&person.key))),
            Some(rule) => match evaluate(rule, person) {
                Outcome::Is(state) => match length::fitting_state(rule, state) {
                    Ok(state) => basis.people.as_reference(attribute.kind, None, state),
                    Err(words) => {
                        desired.failures.push((at, words));
                        ValueState::Unknown
                    }
                },
                Outcome::Failed(words) => {
                    desired.failures.push((at, words));
                    ValueState::Unknown
                }
            },
        };
        desired.states.push(state);
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
    /// The text of an attribute that is set.
    pub(super) fn text<'d>(&'d self, attributes: &[AttributeLayout<'_>], name: &str) -> Option<&'d str> {
        let at = attributes.iter().position(|attribute| attribute.name.as_ref() == name)?;
        match self.states.get(at) {
            Some(ValueState::Set(value)) => value.as_text(),
            _ => None,
        }
    }
}
