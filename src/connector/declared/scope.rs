//! What the expressions of an exchange speak of: a few variables, each a JSON value, and how paths below them are found.
//!
//! A JSON null is a null here, and a field that is not there is missing: the end of a list may be the one and never the other.
//! Must never: copy a value that is only looked at.

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
    "key", "since", "body", "generate", "each", "mapped",
];
/// Variables of an attribute that is written.
pub(super) const WRITTEN: &[&str] = &["value", "object", "record", "config"];
/// Variables before anything is asked.
pub(super) const CONFIG: &[&str] = &["config", "base"];
/// Variables of a secret's place.
pub(super) const SECRET: &[&str] = &["secret", "config"];

/// Values of variables, by name; of two with one name the later counts.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope<'a> {
    variables: Vec<(&'static str, &'a Json)>,
}

impl<'a> Scope<'a> {
    /// With one more.
    pub(super) fn with(&self, name: &'static str, value: &'a Json) -> Self {
        let mut scope = self.clone();
        scope.variables.push((name, value));
        scope
    }

    fn find(&self, path: &str) -> Option<&'a Json> {
        let segments = segments_of_path(path);
        let (first, below) = segments.split_first()?;
        let (_, value) = self.variables.iter().rev().find(|(name, _)| name == first)?;
        below.iter().try_fold(*value, |value, name| value.get(name.as_ref()))
    }

    /// Works an expression out.
    pub(super) fn evaluate(&self, expression: &Expression) -> Evaluation {
        let held: Vec<Held<'_>> = expression.reads().iter().map(|path| Held::of(self.find(path))).collect();
        let inputs: Vec<Input<'_>> = held.iter().map(Held::input).collect();
        expression.evaluate(&inputs)
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
        self.value(expression).ok().flatten().and_then(|value| as_text(&value))
    }

    /// Whether a condition holds. One that can't be worked out does not.
    pub(super) fn holds(&self, expression: &Expression) -> bool {
        let held: Vec<Held<'_>> = expression.reads().iter().map(|path| Held::of(self.find(path))).collect();
        let inputs: Vec<Input<'_>> = held.iter().map(Held::input).collect();
        expression.holds(&inputs).unwrap_or(false)
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

/// One input, held for as long as the expression is worked out.
enum Held<'a> {
    Cell(Cell<'a>),
    Value(Value),
}

impl<'a> Held<'a> {
    fn of(value: Option<&'a Json>) -> Self {
        match value {
            None => Self::Cell(Cell::Missing),
            Some(Json::Null) => Self::Cell(Cell::Null),
            Some(Json::Bool(value)) => Self::Cell(Cell::Bool(*value)),
            Some(Json::String(text)) => Self::Cell(Cell::Text(text)),
            Some(Json::Number(number)) => match number.as_i64() {
                Some(number) => Self::Cell(Cell::Int(number)),
                None => Self::Value(Value::text(number.to_string())),
            },
            Some(compound) => Value::from_json(compound).map_or(Self::Cell(Cell::Null), Self::Value),
        }
    }

    fn input(&self) -> Input<'_> {
        match self {
            Self::Cell(cell) => Input::Cell(*cell),
            Self::Value(value) => Input::Value(value),
        }
    }
}
