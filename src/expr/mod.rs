//! Expressions: CEL's grammar with headcount's functions.
//!
//! `syntax` reads a text, `check` resolves every name in it, `eval` works it out. All are ours, since here a mistake is told where it stands and how it is
//! mended, null has a meaning (nothing known, or cleared), and one evaluation must cost tens of nanoseconds (docs/dependencies.md). An expression names the
//! paths it reads, so whoever evaluates it hands over just those cells, in that order.
//! Must never: read a clock, the network or a file; panic on any text; recurse, grow or run without a bound.

mod absent;
mod check;
mod counterfactual;
mod date;
mod datum;
mod eval;
mod foreign;
mod function;
mod json;
mod latin;
mod node;
mod root;
mod syntax;
#[cfg(test)]
mod tests;
mod trace;

pub(crate) use latin::plain;

/// Whether `date(text)` or `date(text, format)` reads this text, be it as no date.
pub(crate) fn reads_date(format: Option<&str>, text: &str) -> bool {
    match format {
        None => date::Format::PLAIN.read(text).is_ok(),
        Some(format) => date::Format::new(format).is_ok_and(|format| format.read(text).is_ok()),
    }
}

use std::sync::Arc;

pub use root::{Root, outcome_of_path, path_of_segments, segments_of_path};

use crate::diagnostic::Place;
use crate::model::{Cell, Tables, Value};
use node::Node;

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
    text: Arc<str>,
    root: Root,
    reads: Arc<[Arc<str>]>,
    node: Arc<Node>,
    place: Option<Place>,
    /// it reads or makes a secret
    sensitive: bool,
}

/// Wherever they stand, and with the same tables: those are compared by whoever has them.
impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        let Self { text, root, reads: _, node: _, place: _, sensitive } = self;
        (text, root, sensitive) == (&other.text, &other.root, &other.sensitive)
    }
}

/// One input, in the order of [`Expression::reads`].
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// a cell of a packed row
    Cell(Cell<'a>),
    /// a value
    Value(&'a Value),
    /// JSON that is only looked at; a null in it is a null, and `{"$ref": …}` a map like any other
    Json(&'a serde_json::Value),
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
    /// Compiles a text whose one variable is `root`, and checks every name, function and number of arguments in it.
    /// A path's segments are joined by `.`; a dot inside a segment is written `\.` (`record["Emp. No"]` reads `Emp\. No`).
    /// `tables` are those that `lookup` may name.
    pub fn compile(text: &str, root: Root, tables: &Tables) -> Result<Self, Vec<Problem>> {
        let mut parsed = syntax::parse(text);
        let checked = parsed.tree.map(|tree| check::check(text, &tree, root, tables));
        match checked {
            Some(checked) if parsed.problems.is_empty() && checked.problems.is_empty() => Ok(Self {
                text: Arc::from(text),
                root,
                reads: checked.reads.into(),
                node: Arc::new(checked.node),
                place: None,
                sensitive: false,
            }),
            checked => {
                parsed.problems.extend(checked.into_iter().flat_map(|checked| checked.problems));
                Err(syntax::in_order(parsed.problems))
            }
        }
    }

    /// The expression `null`: for a place where nothing better could be compiled.
    pub fn null(root: Root) -> Self {
        Self {
            text: "null".into(),
            root,
            reads: Arc::from([]),
            node: Arc::new(Node::Literal(datum::Datum::Null)),
            place: None,
            sensitive: false,
        }
    }

    /// The text as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// With the manifest line it stands in.
    pub fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    /// The manifest line; none for a connector's own expression.
    pub fn place(&self) -> Option<&Place> {
        self.place.as_ref()
    }

    /// It reads or makes a secret: from now on what its parts come to is not told.
    pub fn hide(&mut self) {
        self.sensitive = true;
    }

    /// Whether it reads or makes a secret.
    pub fn is_sensitive(&self) -> bool {
        self.sensitive
    }

    /// Its one variable.
    pub fn root(&self) -> Root {
        self.root
    }

    /// The paths it reads below its root, without doubles.
    pub fn reads(&self) -> &[Arc<str>] {
        &self.reads
    }

    /// The path, where the expression is nothing but one (`record.dept`).
    pub fn bare_path(&self) -> Option<&Arc<str>> {
        match self.node.as_ref() {
            Node::Input(at) => self.reads.get(*at),
            _ => None,
        }
    }

    /// Works it out. `inputs` has one entry for each of [`Self::reads`].
    pub fn evaluate(&self, inputs: &[Input<'_>]) -> Evaluation {
        if let Node::Input(at) = self.node.as_ref() {
            return self.bare(inputs.get(*at).copied());
        }
        let mut run = eval::Run::new(self, inputs);
        let result = self.node.eval(&mut run);
        let missing = run.read_missing && !run.read_unreadable;
        if matches!(&result, Ok(value) if value.depth() > eval::MAX_DEPTH) {
            return Evaluation::Failed(format!("`{}` makes lists that nest too deeply", self.text));
        }
        match result.map(datum::Datum::into_value) {
            Ok(Some(value)) => Evaluation::Value(value),
            Ok(None) | Err(_) if missing => Evaluation::Missing,
            Ok(None) => Evaluation::Null,
            Err(failure) => Evaluation::Failed(failure.0),
        }
    }

    /// Whether it comes to just this text, without putting it together. A no says nothing: it may come to it all the same.
    pub fn is_text(&self, inputs: &[Input<'_>], text: &str) -> bool {
        if text.is_empty() || text.len() > eval::MAX_TEXT {
            return false;
        }
        let mut run = eval::Run::new(self, inputs);
        matches!(self.node.strip(&mut run, text), Ok(Some("")))
    }

    /// Works a rule out: what is missing or null does not hold. An error says in words, without the data, why it can't be said.
    pub fn holds(&self, inputs: &[Input<'_>]) -> Result<bool, String> {
        let mut run = eval::Run::new(self, inputs);
        match self.node.eval(&mut run).map_err(|failure| failure.0)? {
            datum::Datum::Bool(value) => Ok(value),
            datum::Datum::Null => Ok(false),
            other => Err(format!("`{}` gives {}, not true or false", self.text, other.kind())),
        }
    }

    /// A path alone needs no evaluation, and keeps references as they are.
    fn bare(&self, input: Option<Input<'_>>) -> Evaluation {
        match input {
            None | Some(Input::Cell(Cell::Missing)) => Evaluation::Missing,
            Some(Input::Cell(Cell::Null)) => Evaluation::Null,
            Some(Input::Cell(Cell::Unreadable(words))) => Evaluation::Failed(format!("`{}` can't be read: {words}", self.text)),
            Some(Input::Cell(cell)) => {
                cell.to_value().map_or_else(|| Evaluation::Failed("the record's JSON can't be read".into()), Evaluation::Value)
            }
            Some(Input::Value(value)) => Evaluation::Value(value.clone()),
            Some(Input::Json(json)) => Value::from_json(json).map_or(Evaluation::Null, Evaluation::Value),
        }
    }
}
