//! Expressions bound to the columns of packed rows.
//!
//! Must never: take a failed condition for one that does not hold.

use std::sync::Arc;

use crate::expr::{Evaluation, Expression, Input};
use crate::model::{Cell, Columns};

/// An expression and, for each path it reads, the position of the cell.
#[derive(Clone, Debug)]
pub(crate) struct Bound {
    expression: Expression,
    positions: Box<[usize]>,
}

/// What a condition came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Truth {
    /// it holds
    Yes,
    /// it does not, or what it reads is missing
    No,
    /// it failed, in words
    Unknown(Arc<str>),
}

const FEW: usize = 6;

impl Bound {
    /// Binds an expression; `position` finds a path's place.
    pub(crate) fn new(expression: &Expression, position: impl Fn(&str) -> usize) -> Self {
        Self { expression: expression.clone(), positions: expression.reads().iter().map(|path| position(path)).collect() }
    }

    /// Binds an expression to columns.
    pub(crate) fn to_columns(expression: &Expression, columns: &Columns) -> Self {
        Self::new(expression, |path| columns.position(path).unwrap_or(usize::MAX))
    }

    /// The one position it reads, where the expression is nothing but a path.
    pub(crate) fn bare_position(&self) -> Option<usize> {
        self.expression.bare_path().and_then(|_| self.positions.first().copied())
    }

    /// The positions it reads.
    pub(crate) fn positions(&self) -> &[usize] {
        &self.positions
    }

    /// Works it out over the cells of a row.
    pub(crate) fn over_cells(&self, cells: &[Cell<'_>]) -> Evaluation {
        self.over(|position| Input::Cell(cells.get(position).copied().unwrap_or(Cell::Missing)))
    }

    /// Works it out over any inputs.
    pub(crate) fn over<'i>(&self, input: impl Fn(usize) -> Input<'i>) -> Evaluation {
        self.with_inputs(input, |inputs| self.expression.evaluate(inputs))
    }

    /// As a condition over the cells of a row.
    pub(crate) fn holds_for_cells(&self, cells: &[Cell<'_>]) -> Truth {
        self.holds_for(|position| Input::Cell(cells.get(position).copied().unwrap_or(Cell::Missing)))
    }

    /// As a condition that takes something from somebody: one that holds only because something is not there is unknown.
    pub(crate) fn proves_for_cells(&self, cells: &[Cell<'_>]) -> Truth {
        let input = |position: usize| Input::Cell(cells.get(position).copied().unwrap_or(Cell::Missing));
        self.with_inputs(input, |inputs| match (self.truth(inputs), self.expression.rests_on_absent(inputs)) {
            (Truth::Yes, Some(path)) => Truth::Unknown(format!("nothing stands in {path}").into()),
            (truth, _) => truth,
        })
    }

    /// As a condition over any inputs.
    pub(crate) fn holds_for<'i>(&self, input: impl Fn(usize) -> Input<'i>) -> Truth {
        self.with_inputs(input, |inputs| self.truth(inputs))
    }

    /// Works it out over inputs of which some may be unknown: nothing where it reads one of those.
    pub(crate) fn over_known<'i>(&self, input: impl Fn(usize) -> Option<Input<'i>>) -> Option<Evaluation> {
        self.with_known(input, |inputs| self.expression.evaluate(inputs))
    }

    /// As a condition over inputs of which some may be unknown.
    pub(crate) fn holds_for_known<'i>(&self, input: impl Fn(usize) -> Option<Input<'i>>) -> Option<Truth> {
        self.with_known(input, |inputs| self.truth(inputs))
    }

    /// Whether it comes to just this text, by a cheaper way than working it out; a no says nothing.
    pub(crate) fn is_text<'i>(&self, input: impl Fn(usize) -> Option<Input<'i>>, text: &str) -> bool {
        self.with_known(input, |inputs| self.expression.is_text(inputs, text)) == Some(true)
    }

    fn truth(&self, inputs: &[Input<'_>]) -> Truth {
        match self.expression.holds(inputs) {
            Ok(true) => Truth::Yes,
            Ok(false) => Truth::No,
            Err(words) => Truth::Unknown(words.into()),
        }
    }

    /// What its parts come to, for people.
    pub(crate) fn trace<'i>(&self, input: impl Fn(usize) -> Input<'i>) -> Vec<(String, String)> {
        self.with_inputs(input, |inputs| self.expression.trace(inputs))
    }

    /// What would turn it round as a condition, for people.
    pub(crate) fn counterfactual<'i>(&self, input: impl Fn(usize) -> Input<'i>) -> Option<String> {
        self.with_inputs(input, |inputs| self.expression.counterfactual(inputs))
    }

    /// The expression itself.
    pub(crate) fn expression(&self) -> &Expression {
        &self.expression
    }

    fn with_known<'i, T>(&self, input: impl Fn(usize) -> Option<Input<'i>>, then: impl FnOnce(&[Input<'i>]) -> T) -> Option<T> {
        if self.positions.len() <= FEW {
            let mut inputs = [Input::Cell(Cell::Missing); FEW];
            for (slot, position) in inputs.iter_mut().zip(&self.positions) {
                *slot = input(*position)?;
            }
            return Some(then(inputs.get(..self.positions.len())?));
        }
        let inputs: Option<Vec<Input<'i>>> = self.positions.iter().map(|position| input(*position)).collect();
        Some(then(&inputs?))
    }

    fn with_inputs<'i, T>(&self, input: impl Fn(usize) -> Input<'i>, then: impl FnOnce(&[Input<'i>]) -> T) -> T {
        if self.positions.len() <= FEW {
            let mut inputs = [Input::Cell(Cell::Missing); FEW];
            for (slot, position) in inputs.iter_mut().zip(&self.positions) {
                *slot = input(*position);
            }
            return then(&inputs[..self.positions.len()]);
        }
        let inputs: Vec<Input<'i>> = self.positions.iter().map(|position| input(*position)).collect();
        then(&inputs)
    }
}
