//! The canonical form of an attribute's value: two values are the same exactly when these bytes are the same.
//!
//! Nothing at all (missing, null, an empty text, an empty list) has no bytes.
//! Must never: call two values the same that the attribute's own rules tell apart.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::expr::Input;
use crate::model::{AttributeType, Cell, PackedJson, Value};

/// How much of the items of a multi-valued attribute counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Detail {
    /// only their `value`
    Values,
    /// `type`, `primary` and everything else too
    Whole,
}

/// Adds the canonical bytes. Of the items of a multi-valued attribute only `value` counts: [`same`] looks closer.
pub(crate) fn write(kind: AttributeType, input: Input<'_>, out: &mut Vec<u8>) {
    write_in(kind, input, Detail::Values, out);
}

/// The canonical bytes.
pub(crate) fn bytes(kind: AttributeType, input: Input<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    write(kind, input, &mut out);
    out
}

/// Each value by which an object may be found, in canonical bytes: of a multi-valued attribute every item, else at most one.
pub(crate) fn keys(kind: AttributeType, input: Input<'_>) -> Vec<Vec<u8>> {
    if kind.is_many() {
        return owned(input).map(|value| items(kind, &value, Detail::Values)).unwrap_or_default();
    }
    Some(bytes(kind, input)).filter(|bytes| !bytes.is_empty()).into_iter().collect()
}

/// Calls for each value by which an object may be found, as [`keys`] gives them; `buffer` is used again.
pub(crate) fn each_key(kind: AttributeType, cell: Cell<'_>, buffer: &mut Vec<u8>, mut found: impl FnMut(&[u8])) {
    if kind.is_many() {
        return keys(kind, Input::Cell(cell)).iter().for_each(|key| found(key));
    }
    buffer.clear();
    write(kind, Input::Cell(cell), buffer);
    if !buffer.is_empty() {
        found(buffer);
    }
}

/// Whether an object with this cell is found by a key of [`keys`].
pub(crate) fn has_key(kind: AttributeType, cell: Cell<'_>, key: &[u8]) -> bool {
    match (kind, cell) {
        (AttributeType::Text | AttributeType::Reference, Cell::Text(text)) => text.as_bytes() == key,
        (AttributeType::CaselessText, Cell::Text(text)) if text.is_ascii() => {
            text.len() == key.len() && text.bytes().zip(key).all(|(one, other)| one.to_ascii_lowercase() == *other)
        }
        _ => keys(kind, Input::Cell(cell)).iter().any(|known| known == key),
    }
}

/// Whether what should be and what is are the same. Where one side says only values, `type` and `primary` of the other don't count; and a field that
/// no wanted item names (the `primary` or `formatted` that a server adds) is nobody's.
pub(crate) fn same(kind: AttributeType, wanted: &Value, observed: Cell<'_>) -> bool {
    let mut one = Vec::new();
    let mut other = Vec::new();
    let whole = kind.is_many() && !is_bare(wanted);
    match owned(Input::Cell(observed)).filter(|observed| whole && !is_bare(observed)) {
        Some(observed) => {
            let observed = with_fields(&observed, &fields(wanted));
            write_value(kind, wanted, Detail::Whole, &mut one);
            write_value(kind, &observed, Detail::Whole, &mut other);
        }
        None => {
            write_in(kind, Input::Value(wanted), Detail::Values, &mut one);
            write_in(kind, Input::Cell(observed), Detail::Values, &mut other);
        }
    }
    one == other
}

/// Whether what is there holds every value that is wanted; of an attribute with one value, whether they are the same.
pub(crate) fn includes(kind: AttributeType, wanted: &Value, observed: Cell<'_>) -> bool {
    let Some(there) = observed.to_value().filter(|_| kind.is_many()) else { return same(kind, wanted, observed) };
    let whole = !is_bare(wanted) && !is_bare(&there);
    let (detail, there) = if whole { (Detail::Whole, with_fields(&there, &fields(wanted))) } else { (Detail::Values, there) };
    let there = items(kind, &there, detail);
    items(kind, wanted, detail).iter().all(|item| there.contains(item))
}

/// The wanted values, and behind them what else is there. Only a wanted one is the first (`primary`).
pub(crate) fn with_others(kind: AttributeType, wanted: &Value, observed: Cell<'_>) -> Value {
    let Some(there) = observed.to_value().filter(|_| kind.is_many() && !is_nothing(observed)) else { return wanted.clone() };
    let known = items(kind, wanted, Detail::Values);
    let others = listed(there).into_iter().filter(|item| !known.contains(&item_bytes(kind, item, Detail::Values)));
    Value::List(listed(wanted.clone()).into_iter().chain(others.map(behind)).collect())
}

fn listed(value: Value) -> Vec<Value> {
    match value {
        Value::List(items) => items.to_vec(),
        one => vec![one],
    }
}

fn behind(item: Value) -> Value {
    match item {
        Value::Map(fields) if fields.contains_key("primary") => {
            let fields = fields.iter().filter(|(name, _)| name.as_ref() != "primary");
            Value::Map(Arc::new(fields.map(|(name, value)| (name.clone(), value.clone())).collect()))
        }
        other => other,
    }
}

/// The names that any item has.
fn fields(value: &Value) -> BTreeSet<Arc<str>> {
    match value {
        Value::List(items) => items.iter().flat_map(fields).collect(),
        Value::Map(fields) => fields.keys().cloned().collect(),
        _ => BTreeSet::new(),
    }
}

/// Items with these fields and no others, but for `value`.
fn with_fields(value: &Value, names: &BTreeSet<Arc<str>>) -> Value {
    match value {
        Value::List(items) => Value::List(items.iter().map(|item| with_fields(item, names)).collect()),
        Value::Map(fields) => {
            let kept = fields.iter().filter(|(name, _)| names.contains(*name) || name.as_ref() == "value");
            Value::Map(Arc::new(kept.map(|(name, value)| (name.clone(), value.clone())).collect()))
        }
        other => other.clone(),
    }
}

/// Whether there is nothing.
pub(crate) fn is_nothing(cell: Cell<'_>) -> bool {
    match cell {
        Cell::Missing | Cell::Null | Cell::Unreadable(_) => true,
        Cell::Text(text) => text.is_empty(),
        Cell::Json(json) => !is_plainly_something(json) && matches!(json.text().trim(), "[]" | "{}" | "null"),
        Cell::Bool(_) | Cell::Int(_) => false,
    }
}

/// Whether JSON without blanks around it is too long to be nothing: a look at its ends, since every record is asked.
fn is_plainly_something(json: PackedJson<'_>) -> bool {
    let is_plain = |end: Option<u8>| end.is_some_and(|byte| byte.is_ascii_graphic());
    json.len() > "null".len() && is_plain(json.first()) && is_plain(json.last())
}

/// The text of a cell, as an id or a key.
pub(crate) fn text(cell: Cell<'_>) -> Cow<'_, str> {
    match cell {
        Cell::Text(text) => Cow::Borrowed(text),
        Cell::Json(json) => json.text(),
        Cell::Int(number) => Cow::Owned(number.to_string()),
        Cell::Bool(value) => Cow::Borrowed(if value { "true" } else { "false" }),
        Cell::Missing | Cell::Null | Cell::Unreadable(_) => Cow::Borrowed(""),
    }
}

/// The truth of a cell; nothing for what is neither true nor false.
pub(crate) fn truth(cell: Cell<'_>) -> Option<bool> {
    match cell {
        Cell::Bool(value) => Some(value),
        Cell::Int(number) => Some(number != 0),
        Cell::Text(text) => text_truth(text),
        Cell::Missing | Cell::Null | Cell::Json(_) | Cell::Unreadable(_) => None,
    }
}

fn text_truth(text: &str) -> Option<bool> {
    match text {
        "1" => Some(true),
        "0" => Some(false),
        _ if text.eq_ignore_ascii_case("true") => Some(true),
        _ if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

fn is_bare(value: &Value) -> bool {
    match value {
        Value::List(items) => items.iter().all(|item| !matches!(item, Value::Map(_))),
        Value::Map(_) => false,
        _ => true,
    }
}

fn owned(input: Input<'_>) -> Option<Value> {
    match input {
        Input::Cell(cell) => cell.to_value(),
        Input::Value(value) => Some(value.clone()),
        Input::Json(json) => Value::from_json(json),
    }
}

fn write_in(kind: AttributeType, input: Input<'_>, detail: Detail, out: &mut Vec<u8>) {
    match input {
        Input::Cell(Cell::Missing | Cell::Null | Cell::Unreadable(_)) => {}
        Input::Cell(Cell::Text(text)) => write_text(kind, text, out),
        Input::Cell(cell @ (Cell::Bool(_) | Cell::Int(_))) => write_text(kind, &text(cell), out),
        Input::Cell(cell @ Cell::Json(json)) => {
            if detail == Detail::Values && kind.is_many() && write_items(kind, &json.text(), out) {
                return;
            }
            if let Some(value) = cell.to_value() {
                write_value(kind, &value, detail, out);
            }
        }
        Input::Value(value) => write_value(kind, value, detail, out),
        Input::Json(json) => {
            if let Some(value) = Value::from_json(json) {
                write_value(kind, &value, detail, out);
            }
        }
    }
}

/// The `value`s of a list of maps straight from its JSON; false, with nothing written, where the list is of another sort.
fn write_items(kind: AttributeType, json: &str, out: &mut Vec<u8>) -> bool {
    #[derive(serde::Deserialize)]
    struct Item<'a> {
        #[serde(borrow)]
        value: Cow<'a, str>,
    }
    // A list would be read as an `Item` too.
    if json.get(1..).is_none_or(|inside| inside.contains('[')) {
        return false;
    }
    let Ok(items) = serde_json::from_str::<Vec<Item<'_>>>(json) else { return false };
    let mut found: Vec<Vec<u8>> = Vec::with_capacity(items.len());
    for item in items {
        let mut bytes = Vec::with_capacity(item.value.len());
        write_scalar(kind, &item.value, &mut bytes);
        if !bytes.is_empty() {
            found.push(bytes);
        }
    }
    found.sort_unstable();
    found.dedup();
    for bytes in found {
        sized(&bytes, out);
    }
    true
}

fn write_value(kind: AttributeType, value: &Value, detail: Detail, out: &mut Vec<u8>) {
    match value {
        Value::Text(text) | Value::Reference(text) => write_text(kind, text, out),
        Value::Int(number) => write_text(kind, &number.to_string(), out),
        Value::Bool(value) => write_text(kind, if *value { "true" } else { "false" }, out),
        Value::List(_) | Value::Map(_) => {
            for item in items(kind, value, detail) {
                sized(&item, out);
            }
        }
    }
}

/// One value's text by the attribute's rules. The one item of a multi-valued attribute looks as in a list of one.
fn write_text(kind: AttributeType, text: &str, out: &mut Vec<u8>) {
    if text.is_empty() {
        return;
    }
    match kind {
        AttributeType::Many | AttributeType::ManyCaseless | AttributeType::ManyPhones => {
            let mut item = Vec::new();
            write_scalar(kind, text, &mut item);
            if !item.is_empty() {
                sized(&item, out);
            }
        }
        _ => write_scalar(kind, text, out),
    }
}

fn write_scalar(kind: AttributeType, text: &str, out: &mut Vec<u8>) {
    match kind {
        AttributeType::Text | AttributeType::Reference | AttributeType::Many => out.extend_from_slice(text.as_bytes()),
        AttributeType::CaselessText | AttributeType::ManyCaseless => write_lower(text, out),
        AttributeType::AccentlessText if text.is_ascii() => write_lower(text, out),
        AttributeType::AccentlessText => {
            let bare: String = text.nfd().filter(|sign| !is_combining_mark(*sign)).collect();
            write_lower(&bare, out);
        }
        AttributeType::Bool => match text_truth(text) {
            Some(value) => out.push(if value { b'1' } else { b'0' }),
            None => out.extend_from_slice(text.as_bytes()),
        },
        AttributeType::Date => out.extend_from_slice(date(text).as_bytes()),
        AttributeType::ManyPhones => write_phone(text, out),
    }
}

fn write_lower(text: &str, out: &mut Vec<u8>) {
    if text.is_ascii() {
        out.extend(text.bytes().map(|byte| byte.to_ascii_lowercase()));
    } else {
        out.extend_from_slice(text.to_lowercase().as_bytes());
    }
}

/// The day of a date or of a date with time.
fn date(text: &str) -> &str {
    match text.as_bytes().get(10) {
        Some(b'T' | b' ') => text.get(..10).unwrap_or(text),
        _ => text,
    }
}

/// Digits with a leading plus; `00` at the start counts as plus. What has no digit stays as it is.
fn write_phone(text: &str, out: &mut Vec<u8>) {
    let text = text.strip_prefix("tel:").unwrap_or(text).trim();
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_digit).collect();
    if digits.is_empty() {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    match digits.strip_prefix(b"00") {
        Some(rest) if !text.starts_with('+') => {
            out.push(b'+');
            out.extend_from_slice(rest);
        }
        _ => {
            if text.starts_with('+') {
                out.push(b'+');
            }
            out.extend_from_slice(&digits);
        }
    }
}

/// The items of a value as a set: sorted, without doubles and without empty ones.
fn items(kind: AttributeType, value: &Value, detail: Detail) -> Vec<Vec<u8>> {
    let mut found: Vec<Vec<u8>> = match value {
        Value::List(items) => items.iter().map(|item| item_bytes(kind, item, detail)).collect(),
        one => vec![item_bytes(kind, one, detail)],
    };
    found.retain(|item| !item.is_empty());
    found.sort_unstable();
    found.dedup();
    found
}

fn item_bytes(kind: AttributeType, item: &Value, detail: Detail) -> Vec<u8> {
    let mut out = Vec::new();
    match item {
        Value::Map(fields) if detail == Detail::Values && fields.contains_key("value") => {
            return fields.get("value").map(|value| item_bytes(kind, value, detail)).unwrap_or_default();
        }
        Value::Map(fields) => write_fields(kind, fields, &mut out),
        Value::List(_) => {
            for inner in items(kind, item, detail) {
                sized(&inner, &mut out);
            }
        }
        Value::Bool(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
        Value::Int(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Value::Text(text) | Value::Reference(text) => write_scalar(kind, text, &mut out),
    }
    out
}

/// What servers add by themselves (`display`, `$ref`) and what says nothing does not count.
fn write_fields(kind: AttributeType, fields: &BTreeMap<Arc<str>, Value>, out: &mut Vec<u8>) {
    for (name, value) in fields {
        if matches!(name.as_ref(), "display" | "$ref") || value.is_empty() {
            continue;
        }
        if name.as_ref() == "primary" {
            // Some servers write it as text.
            if *value == Value::Bool(true) || value.as_text().and_then(text_truth) == Some(true) {
                sized(b"primary", out);
            }
            continue;
        }
        let kind = match name.as_ref() {
            "value" => kind,
            "type" => AttributeType::CaselessText,
            _ => AttributeType::Text,
        };
        sized(name.as_bytes(), out);
        sized(&item_bytes(kind, value, Detail::Whole), out);
    }
}

fn sized(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same_json(kind: AttributeType, wanted: &str, observed: &str) -> bool {
        let wanted = Value::from_json(&serde_json::from_str(wanted).unwrap()).unwrap();
        let observed: serde_json::Value = serde_json::from_str(observed).unwrap();
        let text = observed.to_string();
        let cell = match &observed {
            serde_json::Value::Null => Cell::Null,
            serde_json::Value::Bool(value) => Cell::Bool(*value),
            serde_json::Value::Number(number) => Cell::Int(number.as_i64().unwrap()),
            serde_json::Value::String(text) => Cell::Text(text),
            _ => Cell::json(&text),
        };
        same(kind, &wanted, cell)
    }

    #[test]
    fn each_attribute_compares_by_its_own_rules() {
        use AttributeType::{Bool, CaselessText, Date, Many, ManyCaseless, ManyPhones, Text};
        let cases = [
            (Text, r#""Ada""#, r#""ada""#, false),
            (Text, r#""10""#, "10", true),
            (Text, r#""""#, "null", true),
            (CaselessText, r#""Ada""#, r#""aDA""#, true),
            (CaselessText, r#""ÄDA""#, r#""äda""#, true),
            (Bool, "true", "1", true),
            (Bool, "true", r#""False""#, false),
            (Date, r#""2026-11-22""#, r#""2026-11-22T00:00:00Z""#, true),
            (Many, r#"["a","b"]"#, r#"["b","a","a"]"#, true),
            (Many, r#"["a"]"#, r#"["A"]"#, false),
            (ManyCaseless, r#""Ada@acme.example""#, r#"[{"value":"ada@ACME.example","type":"work","primary":true}]"#, true),
            (ManyCaseless, r#"[{"value":"a@b","type":"work"}]"#, r#"[{"value":"a@b","type":"Work","primary":false,"display":"A"}]"#, true),
            (ManyCaseless, r#"[{"value":"a@b","type":"work"}]"#, r#"[{"value":"a@b","type":"home"}]"#, false),
            (ManyCaseless, r#"[{"value":"a@b","type":"work"}]"#, r#""a@b""#, true),
            (ManyCaseless, r#"[{"value":"a@b","type":"work"}]"#, r#"[{"value":"a@b","type":"work","primary":true}]"#, true),
            (ManyCaseless, r#"[{"value":"a@b","primary":true}]"#, r#"[{"value":"a@b","type":"work","primary":"True"}]"#, true),
            (ManyCaseless, r#"[{"value":"a@b","primary":true}]"#, r#"[{"value":"a@b","primary":false}]"#, false),
            (ManyCaseless, r#"[{"value":"a@b","primary":false}]"#, r#"[{"value":"a@b","primary":true}]"#, false),
            (ManyCaseless, r#"[{"value":"a@b"},{"value":"A@B"},{"value":"c@d"}]"#, r#"["c@d","a@b"]"#, true),
            (
                ManyCaseless,
                r#"[{"value":"a@b","type":"work"},{"value":"c@d"}]"#,
                r#"[{"value":"c@d"},{"value":"a@b","type":"work"}]"#,
                true,
            ),
            (Many, r#"[{"type":"work","locality":"Köln"}]"#, r#"[{"locality":"Köln","type":"work","formatted":"Köln"}]"#, true),
            (Many, r#"[{"type":"work","locality":"Köln"}]"#, r#"[{"locality":"KÖLN","type":"work"}]"#, false),
            (ManyCaseless, "[]", "null", true),
            (Many, r#"[["a"],["b"]]"#, r#"[["b"],["a"]]"#, true),
            (Many, r#"[["a"]]"#, r#"[["b"]]"#, false),
            (ManyPhones, r#""+49 (30) 1-2""#, r#"[{"value":"tel:+493012"}]"#, true),
            (ManyPhones, r#""0049 30 12""#, r#""+493012""#, true),
            (ManyPhones, r#""+493012""#, r#""493012""#, false),
        ];
        for (kind, wanted, observed, expected) in cases {
            assert_eq!(same_json(kind, wanted, observed), expected, "{kind:?} {wanted} {observed}");
        }
    }
}
