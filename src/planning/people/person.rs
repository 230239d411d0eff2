//! One identity, assembled.
//!
//! Must never: be kept for everybody; one buffer serves all.

use std::sync::Arc;

use crate::expr::Input;
use crate::model::{Cell, Value, ValueState};
use crate::planning::people::standing::Standing;
use crate::planning::schema::layout::{Candidate, Layout};
use crate::planning::schema::values::{Held, MISSING, Reads, input_of};
use crate::world::{Bound, Truth};

/// One identity, assembled.
#[derive(Default)]
pub(in crate::planning) struct Person<'w> {
    pub(in crate::planning) number: u32,
    pub(in crate::planning) key: String,
    pub(in crate::planning) slots: Vec<Held<'w>>,
    pub(in crate::planning) standing: Standing,
    /// slots whose value must be unique
    pub(in crate::planning) unique: Vec<usize>,
    /// what failed: slot and words
    pub(in crate::planning) failures: Vec<FailedRule>,
    /// a manifest says `active: true` by name
    pub(in crate::planning) declared_active: bool,
    /// room for the cells of the next one's record
    pub(in crate::planning) cells: Vec<Cell<'w>>,
}

/// An expression that failed on somebody's data.
pub(in crate::planning) struct FailedRule {
    pub(in crate::planning) candidate: Candidate,
    pub(in crate::planning) slot: usize,
    pub(in crate::planning) words: Arc<str>,
    /// it came to a value, which names nobody
    pub(in crate::planning) names_nobody: bool,
}

impl Reads for Person<'_> {
    fn input(&self, position: usize) -> Option<Input<'_>> {
        match self.slots.get(position) {
            Some(Held::Cell(cell)) => Some(Input::Cell(*cell)),
            Some(Held::State(state)) => input_of(state),
            None => Some(MISSING),
        }
    }
}

impl Person<'_> {
    /// What people call somebody.
    pub(in crate::planning) fn called(&self, layout: &Layout<'_>) -> Option<Arc<str>> {
        let text = |attribute: &str| match self.slots.get(layout.slot(attribute)?)?.state() {
            ValueState::Set(value) => value.as_text().map(Arc::from),
            _ => None,
        };
        text("userName").or_else(|| text("displayName"))
    }

    /// The text in a slot, as it stands there.
    pub(in crate::planning) fn as_text(&self, slot: usize) -> Option<&str> {
        match self.slots.get(slot)? {
            Held::Cell(Cell::Text(text)) => Some(text),
            Held::State(ValueState::Set(Value::Text(text))) => Some(text),
            _ => None,
        }
    }

    /// The text in a slot.
    pub(in crate::planning) fn text(&self, slot: usize) -> Option<Arc<str>> {
        match self.slots.get(slot)? {
            Held::Cell(Cell::Text(text)) => Some(Arc::from(*text)),
            Held::State(ValueState::Set(Value::Text(text))) => Some(text.clone()),
            _ => None,
        }
    }

    /// A condition over the identity.
    pub(in crate::planning) fn holds(&self, bound: &Bound) -> Truth {
        Reads::holds(self, bound)
    }
}
