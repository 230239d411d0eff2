//! An object of the cluster as a document: what the loader reads of it, and what its status was.
//!
//! Must never: keep what the server adds, or let a value be read as anything else than it is.

use std::collections::BTreeMap;
use std::sync::Arc;

use kube::api::DynamicObject;
use serde_json::{Map, Value, json};

use crate::manifest::API_VERSION;

/// Asks for a turn, by another value than before.
pub(super) const REQUESTED_AT: &str = "headcount.dev/requestedAt";
/// Longest such value that is kept.
const REQUEST: usize = 64;

/// A manifest that is an object.
#[derive(Clone, Debug, PartialEq)]
pub struct ManifestObject {
    /// its text, as the loader reads it
    pub text: Arc<str>,
    /// which version of its spec
    pub generation: i64,
    /// which object, of all that had its name
    pub uid: Arc<str>,
    /// what was said of it last
    pub status: Arc<Value>,
    /// somebody asks for a turn
    pub requested: Option<Arc<str>>,
}

/// Its kind and name.
pub type ObjectName = (&'static str, Arc<str>);

impl ManifestObject {
    /// Of what the server gave; nothing where it has no name.
    pub fn of(kind: &'static str, object: DynamicObject) -> Option<(Arc<str>, Self)> {
        let DynamicObject { metadata, data, .. } = object;
        let name: Arc<str> = metadata.name?.into();
        let mut data = match data {
            Value::Object(fields) => fields,
            _ => Map::new(),
        };
        let spec = data.remove("spec").unwrap_or_default();
        let labels = metadata.labels.unwrap_or_default();
        let requested = metadata.annotations.as_ref().and_then(|all| all.get(REQUESTED_AT));
        let object = Self {
            text: text(kind, &name, &labels, &spec).into(),
            generation: metadata.generation.unwrap_or_default(),
            uid: metadata.uid.unwrap_or_default().into(),
            status: data.remove("status").unwrap_or_default().into(),
            requested: requested.map(|value| value.chars().take(REQUEST).collect::<String>().into()),
        };
        Some((name, object))
    }
}

/// Where a diagnostic stands.
pub(super) fn place(kind: &str, namespace: &str, name: &str) -> String {
    format!("{kind}/{namespace}/{name}")
}

/// JSON is YAML in which every text stands in quotes, so nothing is read as something else.
fn text(kind: &str, name: &str, labels: &BTreeMap<String, String>, spec: &Value) -> String {
    let mut metadata = json!({ "name": name });
    if !labels.is_empty() {
        metadata["labels"] = json!(labels);
    }
    let document = json!({ "apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec });
    // YAML does not allow this one as it is.
    serde_json::to_string_pretty(&document).unwrap_or_default().replace('\u{7f}', "\\u007f")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(value: Value) -> (Arc<str>, ManifestObject) {
        ManifestObject::of("User", serde_json::from_value(value).unwrap()).unwrap()
    }

    #[test]
    fn what_the_server_adds_is_left_out_and_every_value_stays_what_it_is() {
        let (name, object) = object(json!({
            "apiVersion": API_VERSION, "kind": "User",
            "metadata": {
                "name": "ada", "namespace": "acme", "uid": "u1", "resourceVersion": "7", "generation": 3, "creationTimestamp": "2026-01-01T00:00:00Z",
                "labels": {"chat": "yes"}, "annotations": {REQUESTED_AT: "now"}, "managedFields": [{"manager": "kubectl"}],
            },
            "spec": {"attributes": {"custom.a": "NO", "custom.b": "0123", "custom.c": null, "custom.d": "1.10", "custom.e": true, "custom.f": 5, "custom.g": "x\u{7f}\u{2028}\n\"'# y"}},
            "status": {"observedGeneration": 2},
        }));
        assert_eq!((&*name, object.generation, &*object.uid, object.requested.as_deref()), ("ada", 3, "u1", Some("now")));
        assert_eq!(*object.status, json!({"observedGeneration": 2}));
        for left_out in ["resourceVersion", "managedFields", "annotations", "status", "namespace"] {
            assert!(!object.text.contains(left_out), "{left_out} in {}", object.text);
        }
        // The loader reads what was written, whichever way a value looks.
        let text = crate::manifest::ManifestText {
            name: "User/acme/ada".into(),
            base: "/nowhere".into(),
            bytes: object.text.as_bytes().to_vec(),
            found: false,
        };
        let read = crate::manifest::Revision { texts: vec![text], ..Default::default() };
        let (loaded, problems) = crate::manifest::load_revision(read);
        // A User by itself lacks a Workspace, and nothing else.
        assert!(problems.iter().all(|problem| problem.message.contains("Workspace")), "{problems:?}");
        let attributes = serde_json::to_value(&loaded.users[0].spec.attributes).unwrap();
        let written = json!({"custom.a": "NO", "custom.b": "0123", "custom.c": null, "custom.d": "1.10", "custom.e": true, "custom.f": 5, "custom.g": "x\u{7f}\u{2028}\n\"'# y"});
        assert_eq!(attributes, written);
        assert_eq!(loaded.users[0].labels.get("chat").map(AsRef::as_ref), Some("yes"));
    }
}
