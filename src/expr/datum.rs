//! A value while an expression is worked out: borrowed from the inputs wherever nothing changed.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::Input;
use super::syntax::Quoted;
use crate::model::{Cell, Value};

/// Null, or a value.
#[derive(Clone, Debug)]
pub(super) enum Datum<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Text(Cow<'a, str>),
    /// an identity's key; compares as text, and stays a reference when it is handed through
    Reference(Cow<'a, str>),
    List(Vec<Datum<'a>>),
    Map(Vec<(Cow<'a, str>, Datum<'a>)>),
}

impl<'a> Datum<'a> {
    /// `None`: the input is missing.
    pub(super) fn from_input(input: Input<'a>) -> Option<Self> {
        match input {
            Input::Cell(Cell::Missing | Cell::Unreadable(_)) => None,
            Input::Cell(Cell::Null) => Some(Self::Null),
            Input::Cell(Cell::Bool(value)) => Some(Self::Bool(value)),
            Input::Cell(Cell::Int(value)) => Some(Self::Int(value)),
            Input::Cell(Cell::Text(text)) => Some(Self::Text(Cow::Borrowed(text))),
            Input::Cell(Cell::Json(json)) => Some(super::json::read_packed(json)),
            Input::Value(value) => Some(Self::from_value(value)),
            Input::Json(json) => Some(Self::from_json(json)),
        }
    }

    /// What [`Value::from_json`] makes of it, borrowed; null for a null.
    fn from_json(json: &'a serde_json::Value) -> Self {
        use serde_json::Value as Json;
        let items = |items: &'a [Json]| items.iter().filter(|item| !item.is_null()).map(Self::from_json).collect();
        match json {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Bool(*value),
            Json::Number(number) => number.as_i64().map_or_else(|| Self::Text(number.to_string().into()), Self::Int),
            Json::String(text) => Self::Text(Cow::Borrowed(text)),
            Json::Array(list) => Self::List(items(list)),
            Json::Object(fields) => {
                let there = fields.iter().filter(|(_, value)| !value.is_null());
                Self::Map(there.map(|(name, value)| (Cow::Borrowed(name.as_str()), Self::from_json(value))).collect())
            }
        }
    }

    pub(super) fn from_value(value: &'a Value) -> Self {
        match value {
            Value::Bool(value) => Self::Bool(*value),
            Value::Int(value) => Self::Int(*value),
            Value::Text(text) => Self::Text(Cow::Borrowed(text)),
            Value::Reference(key) => Self::Reference(Cow::Borrowed(key)),
            Value::List(items) => Self::List(items.iter().map(Self::from_value).collect()),
            Value::Map(fields) => {
                Self::Map(fields.iter().map(|(name, value)| (Cow::Borrowed(name.as_ref()), Self::from_value(value))).collect())
            }
        }
    }

    /// The same, borrowing its texts.
    pub(super) fn borrowed(&'a self) -> Self {
        match self {
            Self::Null => Self::Null,
            Self::Bool(value) => Self::Bool(*value),
            Self::Int(value) => Self::Int(*value),
            Self::Text(text) => Self::Text(Cow::Borrowed(text)),
            Self::Reference(key) => Self::Reference(Cow::Borrowed(key)),
            Self::List(items) => Self::List(items.iter().map(Self::borrowed).collect()),
            Self::Map(fields) => Self::Map(fields.iter().map(|(name, value)| (Cow::Borrowed(name.as_ref()), value.borrowed())).collect()),
        }
    }

    /// The same with texts of its own.
    pub(super) fn owned(self) -> Datum<'static> {
        let own = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        match self {
            Self::Null => Datum::Null,
            Self::Bool(value) => Datum::Bool(value),
            Self::Int(value) => Datum::Int(value),
            Self::Text(text) => Datum::Text(own(text)),
            Self::Reference(key) => Datum::Reference(own(key)),
            Self::List(items) => Datum::List(items.into_iter().map(Self::owned).collect()),
            Self::Map(fields) => Datum::Map(fields.into_iter().map(|(name, value)| (own(name), value.owned())).collect()),
        }
    }

    /// `None` for null; nulls inside lists and maps are left out.
    pub(super) fn into_value(self) -> Option<Value> {
        Some(match self {
            Self::Null => return None,
            Self::Bool(value) => Value::Bool(value),
            Self::Int(value) => Value::Int(value),
            Self::Text(text) => Value::text(text),
            Self::Reference(key) => Value::Reference(Arc::from(key.as_ref())),
            Self::List(items) => Value::List(items.into_iter().filter_map(Self::into_value).collect()),
            Self::Map(fields) => Value::Map(Arc::new(
                fields.into_iter().filter_map(|(name, value)| Some((Arc::from(name.as_ref()), value.into_value()?))).collect(),
            )),
        })
    }

    /// What it is, for messages: never the value itself.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "true or false",
            Self::Int(_) => "a number",
            Self::Text(_) => "text",
            Self::Reference(_) => "a reference",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
        }
    }

    /// Text of a text or reference.
    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Reference(text) => Some(text),
            _ => None,
        }
    }

    /// Equality across kinds: different kinds are just not equal. A reference equals the text of its key.
    pub(super) fn equals(&self, other: &Datum<'_>) -> bool {
        match (self, other) {
            (Self::Null, Datum::Null) => true,
            (Self::Bool(one), Datum::Bool(other)) => one == other,
            (Self::Int(one), Datum::Int(other)) => one == other,
            (Self::List(one), Datum::List(other)) => {
                one.len() == other.len() && one.iter().zip(other).all(|(one, other)| one.equals(other))
            }
            (Self::Map(one), Datum::Map(other)) => {
                one.len() == other.len()
                    && one.iter().all(|(name, value)| other.iter().any(|(known, other)| known == name && value.equals(other)))
            }
            _ => matches!((self.as_text(), other.as_text()), (Some(one), Some(other)) if one == other),
        }
    }

    /// Bytes of a text.
    pub(super) fn text_length(&self) -> usize {
        self.as_text().map_or(0, str::len)
    }

    /// Lists and maps in each other.
    pub(super) fn depth(&self) -> usize {
        match self {
            Self::List(items) => 1 + items.iter().map(Self::depth).max().unwrap_or_default(),
            Self::Map(fields) => 1 + fields.iter().map(|(_, value)| value.depth()).max().unwrap_or_default(),
            _ => 0,
        }
    }

    /// How much work a copy is: what a run's budget is charged.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Null | Self::Bool(_) | Self::Int(_) => 1,
            Self::Text(text) | Self::Reference(text) => 1 + text.len() / 64,
            Self::List(items) => items.iter().map(Self::weight).sum::<usize>() + 1,
            Self::Map(fields) => fields.iter().map(|(_, value)| 1 + value.weight()).sum::<usize>() + 1,
        }
    }
}

/// As CEL writes it.
impl fmt::Display for Datum<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => out.write_str("null"),
            Self::Bool(value) => write!(out, "{value}"),
            Self::Int(value) => write!(out, "{value}"),
            Self::Text(text) | Self::Reference(text) => write!(out, "{}", Quoted(text)),
            Self::List(items) => {
                out.write_str("[")?;
                for (at, item) in items.iter().enumerate() {
                    write!(out, "{}{item}", if at == 0 { "" } else { ", " })?;
                }
                out.write_str("]")
            }
            Self::Map(fields) => {
                out.write_str("{")?;
                for (at, (name, value)) in fields.iter().enumerate() {
                    write!(out, "{}{}: {value}", if at == 0 { "" } else { ", " }, Quoted(name))?;
                }
                out.write_str("}")
            }
        }
    }
}
