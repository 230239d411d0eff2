//! `Entitlement`: who gets what in a target, and with which parameters.
//!
//! Must never: hold a rule about accounts or groups; those are Target's and Group's.

use std::collections::BTreeMap;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Lifecycle, Member};

/// A thing that accounts have in a target, with parameters: a licence, a role, a card with a limit.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(group = "headcount.dev", version = "v1alpha1", kind = "Entitlement", namespaced, category = "headcount")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EntitlementSpec {
    /// The Target where it is given.
    pub target: String,
    /// Its name at the target. Default: metadata.name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entitlement: Option<String>,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Who gets it: CEL over `identity`. Whoever gets it needs an account at the target; the Target's `select` says who does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// Whoever has it can do more than others: a plan and a review say so of everybody who gets it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub privileged: bool,
    /// Without it a `when` that names nobody, while several people have it, takes it from nobody.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_empty: bool,
    /// Lifecycles that `when` covers. Default: active.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lifecycles: Vec<Lifecycle>,
    /// Further people by name (no groups), each perhaps until a day.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<Member>,
    /// Parameters by name: CEL over `identity`. A parameter without a value is left empty at the target.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
    /// CEL over `identity`: the last day on which somebody has it. No value: without end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}
