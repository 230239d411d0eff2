//! The JSON views, held against the published schema.

use serde_json::Value as Json;

use super::super::testing;
use super::*;

fn written(plan: &Plan) -> Vec<u8> {
    let mut out = Vec::new();
    write(plan, ViewOptions::wide(100), &mut out).expect("memory takes everything");
    out
}

#[test]
fn a_secret_is_in_no_file() {
    let text = String::from_utf8(written(&testing::sample())).expect("text");
    assert!(text.contains("(secret)") && !text.contains("\"old\""));
}

#[test]
fn what_is_saved_keeps_by_what_right_each_change_is_made() {
    let mut plan = testing::sample();
    plan.changes[0].mandate = crate::model::Mandate::Revocation;
    let read: Plan = serde_json::from_slice(&written(&plan)).expect("a plan");
    let mandates = |plan: &Plan| plan.changes.iter().map(|change| change.mandate).collect::<Vec<_>>();
    assert_eq!(mandates(&read), mandates(&plan));
    let hash = plan.hash();
    plan.changes[0].mandate = crate::model::Mandate::Normal;
    assert_ne!(plan.hash(), hash, "a reviewer approves the mandate with the change");
}

#[test]
fn each_line_says_what_it_is() {
    let mut out = Vec::new();
    let plan = testing::sample();
    write_lines(&plan, None, &mut out).expect("memory takes everything");
    let lines: Vec<Json> =
        out.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(|line| serde_json::from_slice(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 1 + plan.evidence.len() + plan.findings.len() + plan.changes.len());
    assert_eq!(lines[0]["type"], "plan");
    assert_eq!(lines.last().expect("a line")["type"], "change");
    assert_eq!(lines.last().expect("a line")["at"], plan.changes.len() - 1);
}

/// A small walker, enough for the shapes that schemars derives: every property known, of its type, and every required one there.
fn check(schema: &Json, root: &Json, value: &Json, path: &str) {
    if let Some(target) = schema["$ref"].as_str() {
        return check(&root["$defs"][target.trim_start_matches("#/$defs/")], root, value, path);
    }
    for choice in ["anyOf", "oneOf"] {
        if let Some(options) = schema[choice].as_array() {
            assert!(options.iter().any(|option| fits(option, root, value)), "{path}: no {choice} fits {value}");
        }
    }
    if let Some(words) = schema["enum"].as_array() {
        assert!(words.contains(value), "{path}: {value} is not among {words:?}");
    }
    let kinds = match &schema["type"] {
        Json::String(kind) => vec![kind.as_str()],
        Json::Array(kinds) => kinds.iter().filter_map(Json::as_str).collect(),
        _ => vec![],
    };
    let kind = match value {
        Json::Null => "null",
        Json::Bool(_) => "boolean",
        Json::Number(_) => "integer",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    };
    assert!(kinds.is_empty() || kinds.contains(&kind), "{path}: {kind}, but the schema says {kinds:?}");
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Json::as_str) {
        assert!(value.get(name).is_some(), "{path}: {name} is missing");
    }
    if let (Some(properties), Some(fields)) = (schema["properties"].as_object(), value.as_object()) {
        for (name, field) in fields {
            let known = properties.get(name).unwrap_or_else(|| panic!("{path}: the schema has no {name}"));
            check(known, root, field, &format!("{path}.{name}"));
        }
    }
    if let (true, Some(items)) = (schema["items"].is_object(), value.as_array()) {
        items.iter().enumerate().for_each(|(at, item)| check(&schema["items"], root, item, &format!("{path}[{at}]")));
    }
}

fn fits(schema: &Json, root: &Json, value: &Json) -> bool {
    std::panic::catch_unwind(|| check(schema, root, value, "")).is_ok() && (!schema["const"].is_string() || schema["const"] == *value)
}

#[test]
fn what_is_written_fits_the_published_schema() {
    let schema: Json = serde_json::from_str(&schema_text()).expect("JSON");
    let document: Json = serde_json::from_slice(&written(&testing::sample())).expect("JSON");
    check(&schema, &schema, &document, "plan");
}

/// Every change and member has the line of its own number.
struct Everywhere;

impl Lines for Everywhere {
    fn of(&self, change: &Change) -> Option<Place> {
        Some(Place { file: "app.yaml".into(), line: change.object.key.len() as u32, column: 3 })
    }

    fn of_member(&self, _: &Change, member: &MemberChange) -> Option<Place> {
        Some(Place { file: "groups.yaml".into(), line: member.member.key.len() as u32, column: 5 })
    }

    fn name(&self, _: &str) -> Option<String> {
        None
    }
}

#[test]
fn the_lines_of_manifests_stand_beside_what_they_brought_about_and_in_no_hash() {
    let (schema, plan): (Json, _) = (serde_json::from_str(&schema_text()).expect("JSON"), testing::sample());
    let mut out = Vec::new();
    write(&plan, ViewOptions { lines: Some(&Everywhere), ..ViewOptions::wide(100) }, &mut out).expect("memory takes everything");
    let document: Json = serde_json::from_slice(&out).expect("JSON");
    check(&schema, &schema, &document, "plan");
    let changes = document["changes"].as_array().expect("a list");
    for (change, written) in plan.changes.iter().zip(changes) {
        assert_eq!(written["place"]["line"], change.object.key.len());
        for member in &change.members {
            assert_eq!(written["memberPlaces"][member.member.key.as_ref()]["line"], member.member.key.len());
        }
    }
    assert!(plan.changes.iter().any(|change| !change.members.is_empty()));
    // What is saved is read back as the same plan, whatever its lines are.
    let read: Plan = serde_json::from_slice(&out).expect("a plan");
    assert_eq!((read.hash(), document["hash"].as_str()), (plan.hash(), Some(plan.hash().as_str())));
}

#[test]
fn the_published_schema_is_fresh() {
    let published = include_str!("../../schemas/plan.json");
    assert!(published == schema_text(), "schemas/plan.json is stale: run `just generate`");
}
