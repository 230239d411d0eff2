//! `Persona`: a sample person and what must come of it. For `headcount test` alone; it has no CRD.
//!
//! Must never: change what a plan does.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A sample record for each source, and exactly what it must yield on a date.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PersonaSpec {
    /// The day (ISO date).
    pub as_of: String,
    /// The person's record in each Source that has one: field to value, as the Source would read it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "records")]
    pub records: BTreeMap<String, BTreeMap<String, Value>>,
    /// A User manifest instead of (or besides) records: its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Further people who must be there (a manager), each by their records.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "people")]
    pub others: Vec<BTreeMap<String, BTreeMap<String, Value>>>,
    /// What must come of it.
    #[serde(default)]
    pub expect: Expectation,
}

/// Exactly what must come of a persona.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Expectation {
    /// Where the person stands: `pre-hire`, `active`, `suspended`, `leaver`, `deselected`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifecycle: Option<String>,
    /// By Target: every attribute of the account (with `active`). A Target that is not named gives the person none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "records")]
    pub accounts: BTreeMap<String, BTreeMap<String, Value>>,
    /// By Target: the displayNames of all groups.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub groups: BTreeMap<String, Vec<String>>,
    /// By Target and entitlement: every parameter.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "entitlements")]
    pub entitlements: BTreeMap<String, BTreeMap<String, BTreeMap<String, Value>>>,
    /// By Target: what becomes of the account that the person had before: `deactivate`, `delete`, `keep`. Only for those who get none (any more).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub departures: BTreeMap<String, String>,
}

fn free() -> Value {
    serde_json::json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true })
}

fn records(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": "object", "additionalProperties": free() })
}

fn people(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": "array", "items": { "type": "object", "additionalProperties": free() } })
}

fn entitlements(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": "object", "additionalProperties": { "type": "object", "additionalProperties": free() } })
}
