//! PATCH bodies (RFC 7644 section 3.5.2): small operations, each on one path.
//!
//! Must never: hold an operation without a path, which would mean the whole resource.

use serde::Serialize;
use serde_json::Value as Json;

use super::PATCH_OP;

/// A list of operations, in the order they are applied.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Patch {
    schemas: [&'static str; 1],
    #[serde(rename = "Operations")]
    operations: Vec<Operation>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct Operation {
    op: &'static str,
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Json>,
}

impl Default for Patch {
    fn default() -> Self {
        Self { schemas: [PATCH_OP], operations: Vec::new() }
    }
}

impl Patch {
    /// Adds values to a multi-valued attribute.
    pub fn add(&mut self, path: impl ToString, value: Json) {
        self.push("add", path, Some(value));
    }

    /// Sets an attribute, or all values of a multi-valued one.
    pub fn replace(&mut self, path: impl ToString, value: Json) {
        self.push("replace", path, Some(value));
    }

    /// Clears an attribute, or removes the values that a value path names.
    pub fn remove(&mut self, path: impl ToString) {
        self.push("remove", path, None);
    }

    /// Removes the values that are listed, as services do it that know no value paths.
    pub fn remove_values(&mut self, path: impl ToString, values: Json) {
        self.push("remove", path, Some(values));
    }

    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    fn push(&mut self, op: &'static str, path: impl ToString, value: Option<Json>) {
        self.operations.push(Operation { op, path: path.to_string(), value });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_patch_looks_as_the_rfc_says() {
        let mut patch = Patch::default();
        assert!(patch.is_empty());
        patch.replace("title", json!("Lead"));
        patch.remove("nickName");
        patch.add("members", json!([{ "value": "7" }]));
        assert_eq!(
            serde_json::to_value(&patch).expect("plain values"),
            json!({ "schemas": [PATCH_OP], "Operations": [
                { "op": "replace", "path": "title", "value": "Lead" },
                { "op": "remove", "path": "nickName" },
                { "op": "add", "path": "members", "value": [{ "value": "7" }] },
            ]})
        );
    }
}
