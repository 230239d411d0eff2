//! A bound for every text, list, map and number: without one a server refuses rules over them, since it can't say what they cost.
//!
//! They are far beyond what anybody writes by hand. What a whole object may be is etcd's to say: about 1.5 MB.

use serde_json::{Value, json};

use super::walk;

/// Longest text where nothing else is said: that of an expression.
const TEXT: u64 = 2048;
/// Texts that people read.
const PROSE: u64 = 8192;
/// The rendered plan.
const PLAN: u64 = 128 << 10;
/// Most entries of a list, or keys of a map, where nothing else is said.
const ENTRIES: u64 = 1000;
/// Of lists of people: no object can hold more, and rules over more would cost too much.
const PEOPLE: u64 = 25_000;
/// Largest whole number that every reader of JSON keeps as it is.
const WHOLE: u64 = (1 << 53) - 1;

/// Puts bounds everywhere below a spec, and takes away what a server does not know or should not add.
pub(super) fn apply(spec: &mut Value) {
    walk::each("", spec, &mut |key, schema| {
        free(schema);
        match schema.get("type").and_then(Value::as_str) {
            Some("string") => text(key, schema),
            Some("integer") => integer(schema),
            Some("array") => list(key, schema),
            Some("object") => map(key, schema),
            _ => {}
        }
    });
}

/// Whatever is JSON is kept as it is.
fn free(schema: &mut Value) {
    if schema.get("format").and_then(Value::as_str) == Some("json")
        && let Some(parts) = schema.as_object_mut()
    {
        parts.remove("format");
        parts.insert("x-kubernetes-preserve-unknown-fields".into(), json!(true));
    }
}

fn text(key: &str, schema: &mut Value) {
    if schema.get("enum").is_some() || schema.get("maxLength").is_some() {
        return;
    }
    schema["maxLength"] = json!(match key {
        "description" | "help" | "reason" | "says" => PROSE,
        "body" | "example" => PROSE,
        "text" => PLAN,
        _ => TEXT,
    });
}

/// A server knows two formats of whole numbers, and warns of any other.
fn integer(schema: &mut Value) {
    let (format, least, most) = match schema.get("format").and_then(Value::as_str) {
        Some("uint8") => ("int32", json!(0), json!(u8::MAX)),
        Some("uint16") => ("int32", json!(0), json!(u16::MAX)),
        Some("uint32") => ("int64", json!(0), json!(u32::MAX)),
        Some("int32") => ("int32", json!(i32::MIN), json!(i32::MAX)),
        _ => ("int64", json!(0), json!(WHOLE)),
    };
    schema["format"] = json!(format);
    for (limit, value) in [("minimum", least), ("maximum", most)] {
        if schema.get(limit).is_none() {
            schema[limit] = value;
        }
    }
}

fn list(key: &str, schema: &mut Value) {
    if schema.get("maxItems").is_none() {
        schema["maxItems"] = json!(match key {
            "members" | "exclude" | "notOurs" => PEOPLE,
            "owners" | "accounts" | "knownValues" => 10_000,
            "windows" | "notifications" | "overrides" => 100,
            _ => ENTRIES,
        });
    }
    let words = schema.pointer("/items/enum").is_some();
    let items = schema.pointer("/items/type").and_then(Value::as_str);
    // Of words, one that stands there twice says nothing new; the order of anything else may mean something.
    if schema.get("x-kubernetes-list-type").is_none() && items.is_some() {
        schema["x-kubernetes-list-type"] = json!(if words { "set" } else { "atomic" });
    }
    // A default in a list that is replaced as a whole makes every `kubectl apply` a change.
    if let Some(items) = schema.get_mut("items") {
        walk::each("", items, &mut |_, below| {
            if let Some(parts) = below.as_object_mut() {
                parts.remove("default");
            }
        });
    }
}

fn map(key: &str, schema: &mut Value) {
    let open = schema.get("additionalProperties").is_some_and(Value::is_object)
        || (schema.get("properties").is_none() && schema.get("x-kubernetes-preserve-unknown-fields").is_some());
    if open && schema.get("maxProperties").is_none() {
        schema["maxProperties"] = json!(match key {
            "values" => PEOPLE,
            // Ways to sign in and what each asks for: rules look into them.
            "auth" => 16,
            _ => ENTRIES,
        });
    }
}
