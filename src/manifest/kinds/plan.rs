//! `Plan`: what would be done, written into a cluster for whoever approves it.
//!
//! Must never: be read back as if somebody had declared it, or hold a whole plan that is larger than an object may be: the state has it.

use std::collections::BTreeMap;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What would be done, for whoever approves it. headcount writes it; nobody changes it.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[kube(group = "headcount.dev", version = "v1alpha1", kind = "Plan", namespaced, category = "headcount")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlanSpec {
    /// Hash of the changes that wait, as a PlanApproval names it.
    pub hash: String,
    /// The workspace's id.
    pub workspace: String,
    /// The manifests that it follows from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// The day that it was worked out for (ISO date).
    pub as_of: String,
    /// When it is no longer waited for (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// How many changes wait.
    pub changes: u64,
    /// The worst of what they do, in a few words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk_summary: Option<String>,
    /// What waits, by Target.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<PlanTarget>,
    /// The plan as `headcount plan` prints it, at most 128 KiB.
    pub text: String,
    /// Changes that the text leaves out; the whole plan is kept in the state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub omitted: Option<u64>,
    /// Where the whole of it can be looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// What waits at a Target.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlanTarget {
    /// The Target.
    pub name: String,
    /// How many changes, by what they do.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub counts: BTreeMap<String, u64>,
    /// Which sorts of changes ask for an approval.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs_approval: Vec<String>,
}
