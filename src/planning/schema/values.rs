//! Values as rules see them and as rules give them: a record's cells, an identity's attributes, what an expression comes to.
//!
//! Must never: let an unknown value pass for none.

use std::sync::Arc;

use crate::expr::{Evaluation, Input};
use crate::model::{AttributeType, Cell, ValueState};
use crate::planning::schema::layout::RuleLayout;
use crate::world::{Bound, Truth};

/// One attribute of an identity, borrowed from its record where nothing changed it.
#[derive(Clone, Debug)]
pub(in crate::planning) enum Held<'w> {
    /// as it was worked out
    State(ValueState),
    /// a value as the record has it; never missing, null or empty
    Cell(Cell<'w>),
}

impl Held<'_> {
    /// What is known.
    pub(in crate::planning) fn state(&self) -> ValueState {
        match self {
            Self::State(state) => state.clone(),
            Self::Cell(cell) => cell.to_value().map_or(ValueState::Unknown, ValueState::Set),
        }
    }

    pub(in crate::planning) fn is_unmanaged(&self) -> bool {
        matches!(self, Self::State(ValueState::Unmanaged))
    }

    /// Whether there is a value.
    pub(in crate::planning) fn is_set(&self) -> bool {
        matches!(self, Self::Cell(_) | Self::State(ValueState::Set(_)))
    }
}

/// The value of a rule that is nothing but a path: the cell itself, borrowed. Nothing where the rule must be worked out.
#[inline]
pub(in crate::planning) fn as_it_stands<'w>(rule: &RuleLayout, kind: AttributeType, cells: &[Cell<'w>]) -> Option<Held<'w>> {
    if kind == AttributeType::Reference {
        return None;
    }
    let cell = cells.get(rule.copies?).copied().unwrap_or(Cell::Missing);
    Some(match cell {
        Cell::Missing | Cell::Text("") => Held::State(nothing(rule)),
        Cell::Json(json) if json.is("[]") => Held::State(nothing(rule)),
        Cell::Null => Held::State(ValueState::Clear),
        Cell::Json(json) if !matches!(json.first(), Some(b'[' | b'{')) => return None,
        Cell::Unreadable(_) => return None,
        cell => Held::Cell(cell),
    })
}

/// What it means that a rule comes to nothing.
fn nothing(rule: &RuleLayout) -> ValueState {
    if rule.clears { ValueState::Clear } else { ValueState::Unmanaged }
}

/// What a rule came to.
pub(in crate::planning) enum Evaluated {
    /// a state
    Is(ValueState),
    /// it failed
    Failed(Arc<str>),
}

/// What expressions read: a record's cells, or an identity's values.
pub(in crate::planning) trait Reads {
    /// One input; nothing where it is unknown.
    fn input(&self, position: usize) -> Option<Input<'_>>;

    /// Works an expression out; nothing where it reads something unknown.
    fn over(&self, bound: &Bound) -> Option<Evaluation> {
        bound.over_known(|position| self.input(position))
    }

    /// A condition; nothing where it reads something unknown.
    fn truth(&self, bound: &Bound) -> Option<Truth> {
        bound.holds_for_known(|position| self.input(position))
    }

    /// A condition that must be answered.
    fn holds(&self, bound: &Bound) -> Truth {
        self.truth(bound).unwrap_or_else(|| Truth::Unknown("it depends on a value that is not known".into()))
    }
}

pub(in crate::planning) const MISSING: Input<'static> = Input::Cell(Cell::Missing);

impl Reads for [Cell<'_>] {
    fn input(&self, position: usize) -> Option<Input<'_>> {
        Some(self.get(position).map_or(MISSING, |cell| Input::Cell(*cell)))
    }
}

/// What an expression gets of a value; nothing where it is not known.
pub(in crate::planning) fn input_of(state: &ValueState) -> Option<Input<'_>> {
    match state {
        ValueState::Unknown => None,
        ValueState::Set(value) => Some(Input::Value(value)),
        ValueState::Clear => Some(Input::Cell(Cell::Null)),
        ValueState::Unmanaged => Some(MISSING),
    }
}

/// Works a rule out.
pub(in crate::planning) fn evaluate(rule: &RuleLayout, reads: &(impl Reads + ?Sized)) -> Evaluated {
    if let Some(when) = &rule.when {
        match reads.truth(when) {
            Some(Truth::Yes) => {}
            None => return Evaluated::Is(ValueState::Unknown),
            Some(Truth::No) => return Evaluated::Is(ValueState::Unmanaged),
            Some(Truth::Unknown(words)) => return Evaluated::Failed(words),
        }
    }
    value_of(rule, reads)
}

/// Works out what a rule says where its condition holds.
pub(in crate::planning) fn value_of(rule: &RuleLayout, reads: &(impl Reads + ?Sized)) -> Evaluated {
    match reads.over(&rule.value) {
        None => Evaluated::Is(ValueState::Unknown),
        Some(Evaluation::Value(value)) if value.is_empty() => Evaluated::Is(nothing(rule)),
        Some(Evaluation::Value(value)) => Evaluated::Is(ValueState::Set(value)),
        Some(Evaluation::Missing) => Evaluated::Is(nothing(rule)),
        Some(Evaluation::Null) => Evaluated::Is(ValueState::Clear),
        Some(Evaluation::Failed(words)) => Evaluated::Failed(words.into()),
    }
}
