//! Expressions: CEL with headcount's functions. The only user of the CEL crate.
//!
//! An expression names the paths it reads, so whoever evaluates it hands over just those cells, in that order.
//! Must never: read a clock, the network or a file; panic on any text; recurse without a bound.

use crate::model::{Cell, Value};

/// What an expression may speak of; each is one root variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Root {
    /// a source's record
    Record,
    /// the correlated person
    Identity,
    /// a group: `name`, `displayName`, `labels.*`
    Group,
    /// what was observed at a target
    Account,
}

/// What is wrong with an expression, and where in its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// byte offset into the expression
    pub offset: usize,
    /// bytes to mark
    pub length: usize,
    /// one sentence
    pub message: String,
    /// the next step (`did you mean department?`)
    pub hint: Option<String>,
}

/// A compiled expression. Cheap to clone, shared by threads.
#[derive(Clone, Debug)]
pub struct Expression {
    text: std::sync::Arc<str>,
    reads: std::sync::Arc<[std::sync::Arc<str>]>,
}

/// One input, in the order of [`Expression::reads`].
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// a cell of a packed row
    Cell(Cell<'a>),
    /// a value
    Value(&'a Value),
}

/// What an expression came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Evaluation {
    /// a value
    Value(Value),
    /// nothing: it read something missing. For a mapping: fall through.
    Missing,
    /// an explicit null: clear it
    Null,
    /// it failed on this data; in words, without the data
    Failed(String),
}

impl Expression {
    /// Compiles a text whose one variable is `root`. `known` says whether a path below the root exists (`department`); for records nothing is known and everything goes.
    /// A path's segments are joined by `.`; a dot inside a segment is written `\.` (`record["Emp. No"]` reads `Emp\. No`).
    pub fn compile(_text: &str, _root: Root, _known: &dyn Fn(&str) -> bool) -> Result<Self, Vec<Problem>> {
        todo!()
    }

    /// The text as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The paths it reads below its root, without doubles.
    pub fn reads(&self) -> &[std::sync::Arc<str>] {
        &self.reads
    }

    /// Works it out. `inputs` has one entry for each of [`Self::reads`].
    pub fn evaluate(&self, _inputs: &[Input<'_>]) -> Evaluation {
        todo!()
    }
}
