//! Wanted values as the expressions of a document see them: `value`, and `object` with all of them.
//!
//! Must never: leave it to a mapping rule in which form an attribute reaches a document.

use serde_json::{Value as Json, json};

use crate::connector::wire::typed;
use crate::model::{Value, attribute};

/// Of these a value without a `type` is one for work, and of several the first is meant where none is `primary`.
const CONTACTS: [&str; 2] = ["emails", "phoneNumbers"];

/// A value in its attribute's form; of several values none is an empty list. What headcount knows no type of stands as it is.
pub(super) fn told(name: &str, value: Option<&Value>) -> Json {
    let known = attribute(name).filter(|_| !name.starts_with("custom."));
    let Some(value) = value else {
        return if known.is_some_and(|known| known.kind.is_many()) { json!([]) } else { Json::Null };
    };
    let mut told = known.map_or_else(|| value.to_json(), |known| typed(known.kind, value));
    if let (true, Json::Array(entries)) = (CONTACTS.contains(&name), &mut told) {
        complete(entries);
    }
    told
}

fn complete(entries: &mut [Json]) {
    let is_primary = |entry: &Json| entry.get("primary") == Some(&Json::Bool(true));
    let any = entries.iter().any(is_primary);
    for (at, entry) in entries.iter_mut().filter_map(Json::as_object_mut).enumerate() {
        entry.entry("type").or_insert_with(|| json!("work"));
        if at == 0 && !any {
            entry.insert("primary".into(), Json::Bool(true));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_rule_wrote_a_document_sees_one_form() {
        let value = |json: Json| serde_json::from_value::<Value>(json).expect("a value");
        let rows = [
            ("emails", json!("a@b"), json!([{ "value": "a@b", "type": "work", "primary": true }])),
            (
                "emails",
                json!(["a@b", { "value": "c@d", "type": "home" }]),
                json!([{ "value": "a@b", "type": "work", "primary": true }, { "value": "c@d", "type": "home" }]),
            ),
            ("emails", json!([{ "value": "c@d", "type": "home", "primary": true }, "a@b"]), {
                json!([{ "value": "c@d", "type": "home", "primary": true }, { "value": "a@b", "type": "work" }])
            }),
            ("roles", json!("admin"), json!([{ "value": "admin" }])),
            ("employeeNumber", json!(7), json!("7")),
            ("active", json!("True"), json!(true)),
            ("custom.floor", json!(7), json!(7)),
        ];
        assert_eq!((told("emails", None), told("title", None)), (json!([]), Json::Null));
        for (name, given, expected) in rows {
            assert_eq!(told(name, Some(&value(given))), expected, "{name}");
        }
    }
}
