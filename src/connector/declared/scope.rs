//! What the expressions of an exchange speak of: a few variables, each a JSON value, and how paths below them are found.
//!
//! A JSON null is a null here, and a field that is not there is missing: the end of a list may be the one and never the other.
//! Must never: copy a value that is only looked at.

use std::sync::Arc;

use serde_json::Value as Json;

use crate::expr::{Evaluation, Expression, Input, segments_of_path};
use crate::model::{Cell, Value};

/// Variables of an answer: what came, and the installation's `config`.
pub(super) const ANSWER: &[&str] = &["status", "headers", "body", "config"];
/// Variables of one record.
pub(super) const RECORD: &[&str] = &["record", "group", "config"];
/// Variables of what an account has.
pub(super) const ENTITLEMENT: &[&str] = &["record", "account", "config"];
/// Variables of a request.
pub(super) const REQUEST: &[&str] = &[
    "config", "base", "id", "value", "ids", "fields", "group", "member", "members", "account", "name", "object", "changes", "record",
    "key", "since", "body", "generate", "each", "mapped", "receiver", "until", "new", "kept",
];
/// Variables of an attribute that is written.
pub(super) const WRITTEN: &[&str] = &["value", "object", "record", "config"];
/// Variables before anything is asked.
pub(super) const CONFIG: &[&str] = &["config", "base"];
/// Variables of a secret's place.
pub(super) const SECRET: &[&str] = &["secret", "config"];

/// So many variables need no room of their own: an exchange seldom knows more.
const FEW: usize = 6;
/// So many paths that an expression reads need none either.
const FEW_READ: usize = 4;

/// Values of variables, by name; of two with one name the later counts.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope<'a> {
    few: [Option<(&'static str, &'a Json)>; FEW],
    more: Vec<(&'static str, &'a Json)>,
}

impl<'a> Scope<'a> {
    /// With one more.
    pub(super) fn with(&self, name: &'static str, value: &'a Json) -> Self {
        let mut scope = self.clone();
        match scope.few.iter_mut().find(|place| place.is_none()) {
            Some(place) => *place = Some((name, value)),
            None => scope.more.push((name, value)),
        }
        scope
    }

    fn variable(&self, name: &str) -> Option<&'a Json> {
        let few = self.few.iter().rev().flatten();
        self.more.iter().rev().chain(few).find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    /// A password that was made up for this.
    pub(super) fn made_up(&self) -> Option<&'a str> {
        self.variable("generate")?.get("password")?.as_str()
    }

    fn find(&self, path: &str) -> Option<&'a Json> {
        if !path.contains('\\') {
            let mut segments = path.split('.');
            let value = self.variable(segments.next()?)?;
            return segments.try_fold(value, |value, name| value.get(name));
        }
        let segments = segments_of_path(path);
        let (first, below) = segments.split_first()?;
        below.iter().try_fold(self.variable(first)?, |value, name| value.get(name.as_ref()))
    }

    /// What an expression that is a path alone leads to; of any other one nothing is said.
    fn at(&self, expression: &Expression) -> Option<Option<&'a Json>> {
        expression.bare_path().map(|path| self.find(path))
    }

    fn with_inputs<T>(&self, expression: &Expression, then: impl FnOnce(&[Input<'_>]) -> T) -> T {
        let input = |path: &Arc<str>| self.find(path).map_or(Input::Cell(Cell::Missing), input);
        let reads = expression.reads();
        if reads.len() > FEW_READ {
            return then(&reads.iter().map(input).collect::<Vec<_>>());
        }
        let mut few = [Input::Cell(Cell::Missing); FEW_READ];
        few.iter_mut().zip(reads).for_each(|(place, path)| *place = input(path));
        then(few.get(..reads.len()).unwrap_or_default())
    }

    /// Works an expression out.
    pub(super) fn evaluate(&self, expression: &Expression) -> Evaluation {
        match self.at(expression) {
            Some(None) => Evaluation::Missing,
            Some(Some(found)) => Value::from_json(found).map_or(Evaluation::Null, Evaluation::Value),
            None => self.with_inputs(expression, |inputs| expression.evaluate(inputs)),
        }
    }

    /// What an expression comes to; nothing where it is null or reads something missing.
    pub(super) fn value(&self, expression: &Expression) -> Result<Option<Json>, String> {
        match self.evaluate(expression) {
            Evaluation::Value(value) => Ok(Some(value.to_json())),
            Evaluation::Missing | Evaluation::Null => Ok(None),
            Evaluation::Failed(words) => Err(words),
        }
    }

    /// The same as a text; a number or truth value as it is written.
    pub(super) fn text(&self, expression: &Expression) -> Option<String> {
        match self.at(expression) {
            Some(found) => found.and_then(as_text),
            None => self.value(expression).ok().flatten().and_then(|value| as_text(&value)),
        }
    }

    /// Whether an expression comes to anything.
    pub(super) fn is_there(&self, expression: &Expression) -> bool {
        match self.at(expression) {
            Some(found) => found.is_some_and(|found| !found.is_null()),
            None => matches!(self.evaluate(expression), Evaluation::Value(_)),
        }
    }

    /// A text, number or truth value that stands where an expression leads, looked at as it is; nothing where it is anything else or must be worked out.
    pub(super) fn plain(&self, expression: &Expression) -> Option<&'a Json> {
        self.at(expression)?.filter(|found| !found.is_array() && !found.is_object())
    }

    /// Whether a condition holds. One that can't be worked out does not.
    pub(super) fn holds(&self, expression: &Expression) -> bool {
        self.with_inputs(expression, |inputs| expression.holds(inputs)).unwrap_or(false)
    }
}

/// A text, number or truth value as text; nothing for what has parts.
pub(super) fn as_text(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Bool(_) | Json::Number(_) => Some(value.to_string()),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}

/// JSON as an input: nothing of it is copied.
fn input(value: &Json) -> Input<'_> {
    match value {
        Json::Null => Input::Cell(Cell::Null),
        Json::Bool(value) => Input::Cell(Cell::Bool(*value)),
        Json::String(text) => Input::Cell(Cell::Text(text)),
        other => Input::Json(other),
    }
}
