//! The shape that a kind's document must have, taken from the kind's own JSON Schema: so editors, Kubernetes and this loader accept the same.
//!
//! Must never: know a kind by name. Whatever a Rust type says is all there is.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use serde_json::Value;

use super::schema;

/// What a value must look like.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shape {
    /// any text; a plain scalar is taken as it is written
    Text,
    /// any text, or a whole number, which is taken as it is written
    TextOrInt,
    /// one of these words
    Word(Arc<[String]>),
    Bool,
    /// a whole number within these limits
    Int(i64, u64),
    /// a number, perhaps with a fraction
    Number,
    List(Arc<Shape>),
    /// any keys, each with a value of this shape
    Map(Arc<Shape>),
    /// these keys and no others
    Fields(Arc<Fields>),
    /// exactly one of these keys
    OneOf(Arc<Fields>),
    /// anything; null where the field allows it
    Any,
    /// anything, nulls in it too
    Json,
}

/// The keys of a mapping.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Fields {
    pub known: BTreeMap<String, Shape>,
    /// in the order of the Rust type
    pub required: Vec<String>,
}

/// The shape of each kind's whole document, by kind.
pub(super) fn of_kind(kind: &str) -> Option<&'static Shape> {
    static SHAPES: LazyLock<BTreeMap<&'static str, Shape>> = LazyLock::new(|| {
        let shape = |(kind, schema): (&'static str, Value)| (kind, read(&schema, &schema, 0));
        schema::documents().into_iter().map(shape).collect()
    });
    SHAPES.get(kind)
}

/// A schema that says nothing we know is anything: the loader is then wider than the editor, and serde still has the last word.
fn read(schema: &Value, root: &Value, depth: usize) -> Shape {
    if depth > 64 {
        return Shape::Any;
    }
    if let Some(target) = schema.get("$ref").and_then(Value::as_str).and_then(|path| root.pointer(path.trim_start_matches('#'))) {
        return read(target, root, depth + 1);
    }
    if schema.get("x-kubernetes-int-or-string").is_some() {
        return Shape::TextOrInt;
    }
    if let Some(words) = words(schema) {
        return Shape::Word(words.into());
    }
    if let Some(choices) = schema.get("oneOf").and_then(Value::as_array) {
        return one_of(choices, root, depth);
    }
    if schema.get("format").and_then(Value::as_str) == Some("json") {
        return Shape::Json;
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("string") => Shape::Text,
        Some("boolean") => Shape::Bool,
        Some("integer") => integer(schema),
        Some("number") => Shape::Number,
        Some("array") => Shape::List(Arc::new(schema.get("items").map_or(Shape::Any, |items| read(items, root, depth + 1)))),
        Some("object") => object(schema, root, depth),
        _ => Shape::Any,
    }
}

fn object(schema: &Value, root: &Value, depth: usize) -> Shape {
    match schema.get("additionalProperties") {
        Some(values @ Value::Object(_)) => Shape::Map(Arc::new(read(values, root, depth + 1))),
        None | Some(Value::Bool(true)) if schema.get("properties").is_none() => Shape::Map(Arc::new(Shape::Any)),
        _ => Shape::Fields(Arc::new(fields(schema, root, depth))),
    }
}

fn fields(schema: &Value, root: &Value, depth: usize) -> Fields {
    let known = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    Fields {
        known: known.map(|(name, schema)| (name.clone(), read(schema, root, depth + 1))).collect(),
        required: required.filter_map(Value::as_str).map(str::to_owned).collect(),
    }
}

/// An externally tagged union: each choice is a mapping with one required key.
fn one_of(choices: &[Value], root: &Value, depth: usize) -> Shape {
    let mut all = Fields::default();
    for choice in choices {
        let one = fields(choice, root, depth);
        if one.known.len() != 1 {
            return Shape::Any;
        }
        all.known.extend(one.known);
        all.required.extend(one.required);
    }
    Shape::OneOf(Arc::new(all))
}

fn words(schema: &Value) -> Option<Vec<String>> {
    let word = |value: &Value| value.as_str().map(str::to_owned);
    if let Some(word) = schema.get("const").and_then(word) {
        return Some(vec![word]);
    }
    if let Some(all) = schema.get("enum").and_then(Value::as_array) {
        return all.iter().map(word).collect();
    }
    let choices = schema.get("oneOf").and_then(Value::as_array)?;
    let lists: Option<Vec<Vec<String>>> = choices.iter().map(words).collect();
    lists.map(|lists| lists.concat())
}

fn integer(schema: &Value) -> Shape {
    let signed = match schema.get("format").and_then(Value::as_str) {
        Some("int32") => (i64::from(i32::MIN), i32::MAX as u64),
        Some("uint32") => (0, u64::from(u32::MAX)),
        Some("uint64") => (0, u64::MAX),
        _ => (i64::MIN, i64::MAX as u64),
    };
    let minimum = schema.get("minimum").and_then(Value::as_i64).unwrap_or(signed.0);
    let maximum = schema.get("maximum").and_then(Value::as_u64).unwrap_or(signed.1);
    Shape::Int(minimum.max(signed.0), maximum.min(signed.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds_any(shape: &Shape, path: &str, found: &mut Vec<String>) {
        match shape {
            Shape::Any => found.push(path.to_owned()),
            Shape::List(items) => holds_any(items, &format!("{path}/-"), found),
            Shape::Map(values) => holds_any(values, &format!("{path}/*"), found),
            Shape::Fields(fields) | Shape::OneOf(fields) => {
                for (name, shape) in &fields.known {
                    holds_any(shape, &format!("{path}/{name}"), found);
                }
            }
            _ => {}
        }
    }

    #[test]
    fn only_values_that_people_choose_freely_have_any_shape() {
        let mut found = Vec::new();
        for kind in ["Workspace", "Source", "Target", "AttributeMapping", "User", "Group"] {
            holds_any(of_kind(kind).unwrap(), kind, &mut found);
        }
        let free = ["/initial/*", "/only/*", "/values/active", "/values/inactive", "/attributes/*", "/tables/*/values/*"];
        found.retain(|path| !free.iter().any(|free| path.ends_with(free)));
        assert!(found.is_empty(), "a schema that the loader does not understand: {found:?}");
    }
}
