//! `Persona`: a sample person and what must come of it. For `headcount test` alone; it has no CRD.
//!
//! Must never: change what a plan does.

use std::collections::BTreeMap;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::DeprovisionAction;
use crate::model::FindingCode;

/// A record's fields: each as the Source would read it.
pub type SampleRecord = BTreeMap<String, Value>;

/// A sample record for each source, and exactly what it must yield on a date.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(group = "headcount.dev", version = "v1alpha1", kind = "Persona", namespaced, category = "headcount")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PersonaSpec {
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The day (ISO date).
    pub as_of: String,
    /// The person's record in each Source that has one: field to value, as the Source would read it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "records")]
    pub records: BTreeMap<String, SampleRecord>,
    /// A User manifest instead of (or besides) records: its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Further people who must be there, such as a manager.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<OtherPerson>,
    /// Targets where the person had an account before, so that `departures` tells what becomes of it. Whoever has left, is on leave or is left out had one
    /// everywhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former_accounts: Vec<String>,
    /// Exactly what must come of it. `headcount test --update` writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<Expectation>,
}

/// Somebody else who must be there.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OtherPerson {
    /// A record in each Source that has one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "records")]
    pub records: BTreeMap<String, SampleRecord>,
    /// A User manifest: its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
}

/// Exactly what must come of a persona.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Expectation {
    /// Where the person stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifecycle: Option<PersonaStanding>,
    /// By Target: every attribute of the account (with `active`). A Target that is not named gives the person none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "records")]
    pub accounts: BTreeMap<String, BTreeMap<String, Value>>,
    /// By Target: the displayNames of all groups, those through nested groups among them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub groups: BTreeMap<String, Vec<String>>,
    /// By Target and entitlement: every parameter.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "entitlements")]
    pub entitlements: BTreeMap<String, BTreeMap<String, BTreeMap<String, Value>>>,
    /// By Target: what becomes of the account that the person had before, where they get none any more.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub departures: BTreeMap<String, DeprovisionAction>,
    /// Errors about the person that are meant to be, by their code.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<FindingCode>,
}

/// Where a persona stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PersonaStanding {
    /// starts in the future
    PreHire,
    /// works here
    Active,
    /// on leave
    Suspended,
    /// has left
    Leaver,
    /// left out by a Source's scope or by a User's `exclude`
    Deselected,
    /// it could not be worked out
    Unknown,
}

fn free() -> Value {
    serde_json::json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true })
}

fn records(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": "object", "additionalProperties": free() })
}

fn entitlements(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": "object", "additionalProperties": { "type": "object", "additionalProperties": free() } })
}
