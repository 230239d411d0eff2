//! CustomResourceDefinitions: the kinds' own schemas, with what only a server needs to be told: bounds, rules for what one object says, a status, columns.
//!
//! Must never: say something about a document that `checks/` does not say with the same words, but for what a cluster alone asks for (`rules.rs` marks it).

mod bounds;
mod forms;
mod names;
mod rules;
mod status;
mod walk;

use serde_json::{Value, json};

use names::{KINDS, Kind};

/// Kubernetes' path to the schema of our only version.
const SCHEMA: &str = "/spec/versions/0/schema/openAPIV3Schema";

/// The generated CRD files, by file name.
pub fn crds() -> Vec<(String, String)> {
    KINDS.iter().map(|kind| (format!("{}.yaml", kind.plural()), super::schema::yaml(&definition(kind)))).collect()
}

fn definition(kind: &Kind) -> Value {
    let mut crd = (kind.derived)();
    super::schema::without_null(&mut crd);
    if let Some(schema) = crd.pointer_mut(SCHEMA) {
        complete(kind, schema);
    }
    crd["metadata"]["labels"] = json!({ "app.kubernetes.io/name": "headcount", "app.kubernetes.io/part-of": "headcount" });
    crd["spec"]["names"]["shortNames"] = json!([kind.short]);
    if let Some(version) = crd.pointer_mut("/spec/versions/0") {
        version["additionalPrinterColumns"] = kind.columns();
        if kind.reports {
            version["subresources"] = json!({ "status": {} });
        } else if let Some(version) = version.as_object_mut() {
            version.remove("subresources");
        }
    }
    crd
}

/// The schema of a kind's objects.
fn complete(kind: &Kind, schema: &mut Value) {
    // The derive macro describes the whole by its own name; people want to read what the kind is.
    schema["description"] = schema.pointer("/properties/spec/description").cloned().unwrap_or_default();
    if let Some(spec) = schema.pointer_mut("/properties/spec") {
        spec["description"] = json!(kind.spec);
        bounds::apply(spec);
    }
    rules::apply(kind.name, schema);
    if kind.reports {
        schema["properties"]["status"] = status::schema(kind.name);
    }
}

#[cfg(test)]
mod tests;
