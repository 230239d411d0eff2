//! Values between the model and SQLite, by what a column holds.
//!
//! Must never: let the database change a value in silence, or put a value into an error.

use rusqlite::types::{Value as Sql, ValueRef};

use super::schema::{Column, Holds};
use crate::model::{RowWriter, Value};

/// Packs what a column holds. Null and empty text both say nothing.
pub(super) fn pack(column: &Column, value: ValueRef<'_>, row: &mut RowWriter<'_>) -> Result<(), String> {
    match value {
        ValueRef::Null => row.missing(),
        ValueRef::Integer(number) if column.holds == Holds::Truth => row.bool(number != 0),
        ValueRef::Integer(number) => row.int(number),
        ValueRef::Real(number) => row.text(&number.to_string()),
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok("") => row.missing(),
            Ok(text) => row.text(text),
            Err(_) => return Err(format!("column `{}` holds text that is not UTF-8", column.name)),
        },
        ValueRef::Blob(_) => return Err(format!("column `{}` holds binary data", column.name)),
    }
    Ok(())
}

/// A value as plain text: an id, a role.
pub(super) fn text(value: ValueRef<'_>) -> Result<String, String> {
    match value {
        ValueRef::Null => Ok(String::new()),
        ValueRef::Integer(number) => Ok(number.to_string()),
        ValueRef::Real(number) => Ok(number.to_string()),
        ValueRef::Text(bytes) => std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| "a key is not UTF-8".into()),
        ValueRef::Blob(_) => Err("a key is binary data".into()),
    }
}

/// Whether a flag's value means yes.
pub(super) fn is_true(value: ValueRef<'_>) -> bool {
    match value {
        ValueRef::Integer(number) => number != 0,
        ValueRef::Text(text) => ["1", "t", "true", "y", "yes"].iter().any(|yes| text.eq_ignore_ascii_case(yes.as_bytes())),
        _ => false,
    }
}

/// A value for a column; what the column can't hold unchanged is refused.
pub(super) fn to_sql(column: &Column, value: &Value) -> Result<Sql, String> {
    match value {
        Value::Bool(value) if column.holds == Holds::Text => Ok(Sql::Text(value.to_string())),
        Value::Bool(value) => Ok(Sql::Integer((*value).into())),
        Value::Int(number) => Ok(Sql::Integer(*number)),
        Value::Text(text) | Value::Reference(text) => text_to_sql(column, text),
        Value::List(items) => match items.as_ref() {
            [] => Ok(nothing(column)?),
            [one] => to_sql(column, one),
            many => Err(format!("column `{}` holds one value, and there are {}; map the one that belongs there", column.name, many.len())),
        },
        Value::Map(fields) => match fields.get("value") {
            Some(value) => to_sql(column, value),
            None => Err(format!("column `{}` can't hold a map", column.name)),
        },
    }
}

fn text_to_sql(column: &Column, text: &str) -> Result<Sql, String> {
    match column.holds {
        Holds::Text | Holds::Anything => Ok(Sql::Text(text.to_owned())),
        Holds::Truth => match text {
            "true" | "1" => Ok(Sql::Integer(1)),
            "false" | "0" => Ok(Sql::Integer(0)),
            _ => Err(format!("column `{}` holds true or false only", column.name)),
        },
        Holds::Whole | Holds::Numeric => match text.parse::<i64>() {
            Ok(number) if number.to_string() == text => Ok(Sql::Integer(number)),
            _ if let Some(number) = exact(text).filter(|_| column.holds == Holds::Numeric) => Ok(Sql::Real(number)),
            _ if text.trim().parse::<f64>().is_ok() => {
                Err(format!("column `{}` holds numbers and would change this one's digits (leading zeros, a fraction)", column.name))
            }
            // SQLite keeps such a text as it is; dates are declared so.
            _ => Ok(Sql::Text(text.to_owned())),
        },
    }
}

/// A fraction that comes back as it was written.
fn exact(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|number| number.is_finite() && number.to_string() == text)
}

/// What a column holds when it says nothing.
pub(super) fn nothing(column: &Column) -> Result<Sql, String> {
    match (column.not_null, column.holds) {
        (false, _) => Ok(Sql::Null),
        (true, Holds::Text) => Ok(Sql::Text(String::new())),
        (true, _) => Err(format!("column `{}` must not be empty", column.name)),
    }
}

/// A plain value of a manifest.
pub(super) fn from_manifest(column: &Column, value: &serde_json::Value) -> Result<Sql, String> {
    match Value::from_json(value) {
        None => Ok(Sql::Null),
        Some(Value::List(_) | Value::Map(_)) => Err(format!("the value for column `{}` must be a plain one", column.name)),
        Some(value) => to_sql(column, &value),
    }
}
