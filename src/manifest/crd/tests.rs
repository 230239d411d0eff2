//! What a server asks of definitions, as far as it can be told without one; `tests/objects.rs` asks a real one.

use serde_json::{Value, json};

use super::names::KINDS;
use super::{SCHEMA, crds, definition, rules, walk};

/// What the API server demands of a structural schema: every value has a type (or keeps whatever it is given), none is given by reference,
/// and what stands below `oneOf` only restricts.
fn not_structural(schema: &Value, path: &str, found: &mut Vec<String>) {
    let Some(parts) = schema.as_object() else { return found.push(format!("{path}: not a schema")) };
    let free = parts.get("x-kubernetes-preserve-unknown-fields") == Some(&json!(true));
    if !parts.get("type").is_some_and(Value::is_string) && !free && parts.get("x-kubernetes-int-or-string").is_none() {
        found.push(format!("{path}: no single type"));
    }
    for forbidden in ["$ref", "$defs", "definitions", "patternProperties", "const", "if", "prefixItems", "examples"] {
        if parts.contains_key(forbidden) {
            found.push(format!("{path}: `{forbidden}`"));
        }
    }
    if parts.contains_key("properties") && parts.contains_key("additionalProperties") {
        found.push(format!("{path}: properties and additionalProperties exclude each other"));
    }
    for (name, below) in parts.get("properties").and_then(Value::as_object).into_iter().flatten() {
        not_structural(below, &format!("{path}.{name}"), found);
    }
    match (parts.get("type").and_then(Value::as_str), parts.get("items")) {
        (Some("array"), Some(items)) => not_structural(items, &format!("{path}[]"), found),
        (Some("array"), None) => found.push(format!("{path}: a list without items")),
        _ => {}
    }
    if let Some(values @ Value::Object(_)) = parts.get("additionalProperties") {
        not_structural(values, &format!("{path}.*"), found);
    }
    for choice in ["oneOf", "anyOf", "allOf"].iter().filter_map(|name| parts.get(*name)?.as_array()).flatten() {
        let either = parts.contains_key("x-kubernetes-int-or-string");
        for forbidden in ["type", "description", "default", "additionalProperties", "nullable"] {
            if choice.get(forbidden).is_some() && !either {
                found.push(format!("{path}: `{forbidden}` in a choice"));
            }
        }
    }
}

#[test]
fn every_crd_is_structural() {
    for (file, text) in crds() {
        let crd: Value = serde_yaml::from_str(&text).unwrap();
        let schema = crd.pointer(SCHEMA).unwrap();
        let mut found = Vec::new();
        not_structural(schema, &file, &mut found);
        assert!(found.is_empty(), "{found:#?}");
    }
}

/// What has no bound, by path.
fn unbounded(schema: &Value, path: &str, found: &mut Vec<String>) {
    let has = |name: &str| schema.get(name).is_some();
    let bound = match schema.get("type").and_then(Value::as_str) {
        Some("string") => has("maxLength") || has("enum") || has("format"),
        Some("array") => has("maxItems") && has("x-kubernetes-list-type"),
        Some("integer") => {
            has("minimum")
                && (has("maximum") || path.contains(".status"))
                && ["int32", "int64"].contains(&schema["format"].as_str().unwrap_or_default())
        }
        Some("object")
            if schema.get("additionalProperties").is_some_and(Value::is_object) || has("x-kubernetes-preserve-unknown-fields") =>
        {
            has("maxProperties")
        }
        _ => true,
    };
    if !bound {
        found.push(path.to_owned());
    }
    for (name, below) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        unbounded(below, &format!("{path}.{name}"), found);
    }
    for holder in ["items", "additionalProperties"] {
        if let Some(below @ Value::Object(_)) = schema.get(holder) {
            unbounded(below, &format!("{path}[]"), found);
        }
    }
}

#[test]
fn everything_has_a_bound_and_no_list_a_default() {
    let mut found = Vec::new();
    for kind in KINDS {
        let mut crd = definition(kind);
        let schema = crd.pointer_mut(SCHEMA).unwrap();
        for part in ["spec", "status"] {
            if let Some(schema) = schema.pointer(&format!("/properties/{part}")) {
                unbounded(schema, &format!("{}.{part}", kind.name), &mut found);
            }
        }
        walk::each("", schema, &mut |key, schema| {
            if let Some(items) = schema.get_mut("items") {
                walk::each("", items, &mut |below, schema| {
                    if schema.get("default").is_some() {
                        found.push(format!("{}: a default in {key}[].{below}", kind.name));
                    }
                });
            }
        });
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn every_rule_and_form_has_a_place() {
    let mut lost = Vec::new();
    for kind in KINDS {
        let mut crd = definition(kind);
        let schema = crd.pointer_mut(SCHEMA).unwrap();
        for path in rules::places(kind.name) {
            if walk::at(schema, &path).is_empty() {
                lost.push(format!("{} {path}", kind.name));
            }
        }
    }
    assert!(lost.is_empty(), "{lost:#?}");
}
