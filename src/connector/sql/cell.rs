//! Values between the model and a database, by what a column holds.
//!
//! Must never: let the database change a value in silence, or put a value into an error.

use super::dialect::Dialect;
use super::schema::{Column, Holds};
use super::session::{Sql, SqlRef};
use crate::model::{RowWriter, Value, ValueForm, ValueLimit, is_uuid, json_document};

/// Packs what a column holds. Null and empty text both say nothing.
pub(super) fn pack(column: &Column, value: SqlRef<'_>, row: &mut RowWriter<'_>) -> Result<(), String> {
    match value {
        SqlRef::Null | SqlRef::Text("") => row.missing(),
        _ if column.holds == Holds::Binary => return Err(format!("column `{}` holds binary data", column.name)),
        SqlRef::Integer(number) if column.holds == Holds::Truth => row.bool(number != 0),
        SqlRef::Integer(number) => row.int(number),
        SqlRef::Real(number) => row.text(&number.to_string()),
        SqlRef::Text(text) if column.holds == Holds::Numeric && column.dialect != Dialect::Sqlite => row.text(shortest(text)),
        SqlRef::Text(text) if column.form == Some(ValueForm::Document) => row.text(json_document(text).as_deref().unwrap_or(text)),
        SqlRef::Text(text) => row.text(text),
        SqlRef::Other(what) => return Err(format!("column `{}` holds {what}", column.name)),
    }
    Ok(())
}

/// A number as it is written without zeros that a column with so many places adds: `1.50` is `1.5`.
fn shortest(number: &str) -> &str {
    match number.contains('.') && !number.contains(['e', 'E']) {
        true => number.trim_end_matches('0').trim_end_matches('.'),
        false => number,
    }
}

/// A value as plain text: an id, a role.
pub(super) fn text(value: SqlRef<'_>) -> Result<String, String> {
    match value {
        SqlRef::Null => Ok(String::new()),
        SqlRef::Integer(number) => Ok(number.to_string()),
        SqlRef::Real(number) => Ok(number.to_string()),
        SqlRef::Text(text) => Ok(text.to_owned()),
        SqlRef::Other(what) => Err(format!("a key is {what}")),
    }
}

/// Whether a flag's value means yes.
pub(super) fn is_true(value: SqlRef<'_>) -> bool {
    match value {
        SqlRef::Integer(number) => number != 0,
        SqlRef::Text(text) => ["1", "t", "true", "y", "yes", "on"].iter().any(|yes| text.eq_ignore_ascii_case(yes)),
        _ => false,
    }
}

/// Whether a flag's value means no.
pub(super) fn is_false(value: SqlRef<'_>) -> bool {
    match value {
        SqlRef::Null => true,
        SqlRef::Integer(number) => number == 0,
        SqlRef::Real(number) => number == 0.0,
        SqlRef::Text(text) => ["", "0", "f", "false", "n", "no", "off"].iter().any(|no| text.trim().eq_ignore_ascii_case(no)),
        SqlRef::Other(_) => false,
    }
}

/// A value for a column; what the column can't hold unchanged is refused.
pub(super) fn to_sql(column: &Column, value: &Value) -> Result<Sql, String> {
    match value {
        Value::Bool(value) if column.holds == Holds::Text => Ok(Sql::Text(value.to_string())),
        Value::Bool(value) => Ok(Sql::Integer((*value).into())),
        Value::Int(number) if column.holds == Holds::Text => text_to_sql(column, &number.to_string()),
        Value::Int(number) if column.form.is_some() => text_to_sql(column, &number.to_string()),
        Value::Int(number) => whole(column, *number),
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
    if let Some(longest) = column.longest.filter(|longest| text.chars().count() > *longest) {
        return Err(format!("column `{}` holds {longest} characters at most, and this value has {}", column.name, text.chars().count()));
    }
    if let (Some(ValueForm::Decimal { .. } | ValueForm::Single), Some(words)) =
        (column.form, limit(column).refusal(Some(&Value::text(text))))
    {
        return Err(format!("column `{}` can't hold the value, which {words}", column.name));
    }
    match column.holds {
        Holds::Uuid if column.dialect == Dialect::Postgres && !is_uuid(text) => {
            Err(format!("column `{}` holds UUIDs only: 00000000-0000-0000-0000-000000000000", column.name))
        }
        Holds::Uuid => Ok(Sql::Text(text.to_ascii_lowercase())),
        Holds::Binary => Err(format!("column `{}` holds binary data", column.name)),
        Holds::Text | Holds::Anything | Holds::Time => Ok(Sql::Text(text.to_owned())),
        Holds::Truth => match text {
            "true" | "1" => Ok(Sql::Integer(1)),
            "false" | "0" => Ok(Sql::Integer(0)),
            _ => Err(format!("column `{}` holds true or false only", column.name)),
        },
        Holds::Whole | Holds::Numeric => match text.parse::<i64>() {
            Ok(number) if number.to_string() == text => whole(column, number),
            _ if let Some(number) = exact(text).filter(|_| column.holds == Holds::Numeric) => Ok(Sql::Real(number)),
            _ if text.trim().parse::<f64>().is_ok() => {
                Err(format!("column `{}` holds numbers and would change this one's digits (leading zeros, a fraction)", column.name))
            }
            // SQLite keeps such a text as it is; dates are declared so.
            _ if column.dialect == Dialect::Sqlite => Ok(Sql::Text(text.to_owned())),
            _ => Err(format!("column `{}` holds numbers only", column.name)),
        },
    }
}

/// What a column can't hold, as [`to_sql`] would refuse it.
pub(super) fn limit(column: &Column) -> ValueLimit {
    let sqlite = column.dialect == Dialect::Sqlite;
    let form = match column.holds {
        _ if let Some(form) = column.form => form,
        Holds::Whole | Holds::Numeric if sqlite => ValueForm::Loose,
        Holds::Whole => ValueForm::Whole(column.bytes.unwrap_or(8)),
        Holds::Numeric => ValueForm::Number,
        Holds::Truth => ValueForm::Truth,
        Holds::Uuid if column.dialect == Dialect::Postgres => ValueForm::Uuid,
        _ => ValueForm::Text,
    };
    ValueLimit {
        letters: column.longest,
        form,
        basic: column.basic,
        charset: column.charset,
        words: column.words.clone(),
        filled: nothing(column).is_err(),
        single: true,
        ..Default::default()
    }
}

/// A whole number, where the column has room for it.
fn whole(column: &Column, number: i64) -> Result<Sql, String> {
    let room = column.bytes.filter(|bytes| *bytes < 8).map(|bytes| 1_i64 << (8 * u32::from(bytes) - 1));
    match room {
        Some(room) if number < -room || number >= room => Err(format!("column `{}` is too narrow for this number", column.name)),
        _ => Ok(Sql::Integer(number)),
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
