//! JSON Schemas, from the same Rust types that the loader fills.
//!
//! Must never: say more or less than the loader accepts; the loader takes its shapes from here.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::kinds;

/// The group and version that every document names.
pub const API_VERSION: &str = "headcount.dev/v1alpha1";

/// The JSON Schema of each kind's whole document, by kind, in reading order.
pub fn documents() -> Vec<(&'static str, Value)> {
    vec![
        ("Workspace", document::<kinds::WorkspaceSpec>("Workspace")),
        ("Source", document::<kinds::SourceSpec>("Source")),
        ("Target", document::<kinds::TargetSpec>("Target")),
        ("AttributeMapping", document::<kinds::AttributeMappingSpec>("AttributeMapping")),
        ("User", document::<kinds::UserSpec>("User")),
        ("Group", document::<kinds::GroupSpec>("Group")),
        ("Entitlement", document::<kinds::EntitlementSpec>("Entitlement")),
        ("Revocation", document::<kinds::RevocationSpec>("Revocation")),
        ("PlanApproval", document::<kinds::PlanApprovalSpec>("PlanApproval")),
        ("Connector", document::<kinds::connector::ConnectorSpec>("Connector")),
        ("ConnectorTest", document::<kinds::connector::ConnectorTestSpec>("ConnectorTest")),
        ("Persona", document::<kinds::PersonaSpec>("Persona")),
    ]
}

/// One field of a type that manifests hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Field {
    /// as it is written
    pub name: String,
    /// what it is for
    pub about: String,
    /// it must be given
    pub required: bool,
}

/// The fields of a type, those that must be given first.
pub fn fields<T: JsonSchema>() -> Vec<Field> {
    let schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>().to_value();
    let needed: Vec<&str> = schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let described = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    let field = |(name, schema): (&String, &Value)| Field {
        name: name.clone(),
        about: schema.get("description").and_then(Value::as_str).unwrap_or_default().replace('\n', " "),
        required: needed.contains(&name.as_str()),
    };
    let mut fields: Vec<Field> = described.map(field).collect();
    fields.sort_by_key(|field| !field.required);
    fields
}

/// The generated schema files, by file name: one a kind, and `headcount.json` for a file with documents of any kind.
pub fn schema() -> Vec<(String, String)> {
    let documents = documents();
    let mut files = vec![("headcount.json".to_owned(), pretty(&combined(&documents)))];
    files.extend(documents.iter().map(|(kind, schema)| (format!("{}.json", kind.to_lowercase()), pretty(schema))));
    files
}

/// A value as YAML.
pub fn yaml(value: &Value) -> String {
    serde_yaml::to_string(value).unwrap_or_default()
}

fn document<T: JsonSchema>(kind: &'static str) -> Value {
    let mut spec = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>().to_value();
    without_null(&mut spec);
    for_editors(&mut spec);
    let parts = spec.as_object_mut();
    let defs = parts.and_then(|parts| parts.remove("$defs")).unwrap_or_else(|| json!({}));
    if let Some(parts) = spec.as_object_mut() {
        parts.remove("$schema");
        parts.remove("title");
    }
    let description = spec.get("description").cloned().unwrap_or_default();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": kind,
        "description": description,
        "type": "object",
        "properties": {
            "apiVersion": { "description": "Always this.", "type": "string", "const": API_VERSION },
            "kind": { "description": "Always this.", "type": "string", "const": kind },
            "metadata": metadata(),
            "spec": spec,
            "status": by_kubernetes("What headcount says of it in a cluster; not read."),
        },
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "additionalProperties": false,
        "$defs": defs,
    })
}

/// What is said of fields that a cluster adds.
const SET: &str = "Set by Kubernetes; not read.";

/// A field that an object has and a file need not: whatever stands there is passed over, so that what `kubectl get -o yaml` prints is a manifest.
fn by_kubernetes(description: &str) -> Value {
    json!({ "description": description, "format": "json" })
}

/// What a server calls a number or a text, as editors know it.
fn for_editors(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(for_editors),
        Value::Object(parts) => {
            if parts.contains_key("x-kubernetes-int-or-string") {
                parts.insert("type".to_owned(), json!(["integer", "string"]));
            }
            parts.values_mut().for_each(for_editors);
        }
        _ => {}
    }
}

fn metadata() -> Value {
    let texts = |description: &str| json!({ "description": description, "type": "object", "additionalProperties": { "type": "string" } });
    json!({
        "description": "The document's name and labels.",
        "type": "object",
        "properties": {
            "name": { "description": "Unique for its kind; lower case letters, digits, `-` and `.`.", "type": "string" },
            "namespace": { "description": "For Kubernetes; a directory tree is one workspace whatever it says.", "type": "string" },
            "labels": texts("Words to select by."),
            "annotations": texts("For people and other tools; headcount does not read them."),
            "creationTimestamp": by_kubernetes(SET),
            "deletionGracePeriodSeconds": by_kubernetes(SET),
            "deletionTimestamp": by_kubernetes(SET),
            "finalizers": by_kubernetes(SET),
            "generateName": by_kubernetes(SET),
            "generation": by_kubernetes(SET),
            "managedFields": by_kubernetes(SET),
            "ownerReferences": by_kubernetes(SET),
            "resourceVersion": by_kubernetes(SET),
            "selfLink": by_kubernetes(SET),
            "uid": by_kubernetes(SET),
        },
        "required": ["name"],
        "additionalProperties": false,
    })
}

/// One schema for any kind, as editors like it: `kind` decides which one holds. Definitions of the same name are the same type, so they merge.
fn combined(documents: &[(&'static str, Value)]) -> Value {
    let mut defs = Map::new();
    let mut choices = Vec::new();
    for (kind, schema) in documents {
        let mut schema = schema.clone();
        if let Some(parts) = schema.as_object_mut() {
            parts.remove("$schema");
            if let Some(Value::Object(own)) = parts.remove("$defs") {
                defs.extend(own);
            }
        }
        defs.insert((*kind).to_owned(), schema);
        choices.push(json!({ "$ref": format!("#/$defs/{kind}") }));
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "headcount",
        "description": "A document of a headcount workspace.",
        "oneOf": choices,
        "$defs": defs,
    })
}

/// An optional field may be absent; it may not be null. Only where anything goes does null mean something.
pub(super) fn without_null(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(without_null),
        Value::Object(parts) => {
            if parts.get("nullable").is_some_and(Value::is_boolean) {
                parts.remove("nullable");
            }
            if let Some(Value::Array(types)) = parts.get_mut("type") {
                types.retain(|name| name != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    parts.insert("type".to_owned(), only);
                }
            }
            let choices = parts.get_mut("anyOf").and_then(Value::as_array_mut);
            let only = choices.and_then(|choices| {
                choices.retain(|choice| choice.get("type").is_none_or(|name| name != "null"));
                if choices.len() == 1 { choices.pop() } else { None }
            });
            if let Some(Value::Object(only)) = only {
                parts.remove("anyOf");
                for (name, value) in only {
                    parts.entry(name).or_insert(value);
                }
            }
            parts.values_mut().for_each(without_null);
        }
        _ => {}
    }
}

fn pretty(schema: &Value) -> String {
    serde_json::to_string_pretty(schema).unwrap_or_default() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fresh(folder: &str, files: Vec<(String, String)>, command: &str) {
        let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let stale = |(name, text): &&(String, String)| std::fs::read_to_string(dir.join(name)).ok().as_ref() != Some(text);
        let stale: Vec<_> = files.iter().filter(stale).map(|(name, _)| name).collect();
        assert!(stale.is_empty(), "{folder}: {stale:?} are stale; run `cargo run -- {command}`");
    }

    #[test]
    fn the_generated_files_are_fresh() {
        fresh("crds", crate::manifest::crds(), "crds --dir crds");
        fresh("schemas", schema(), "schema --dir schemas");
    }

    #[test]
    fn no_definition_has_a_kinds_name() {
        let documents = documents();
        for (_, schema) in &documents {
            let defs = schema["$defs"].as_object().unwrap();
            assert!(documents.iter().all(|(kind, _)| !defs.contains_key(*kind)), "the combined schema would lose one of them");
        }
    }
}
