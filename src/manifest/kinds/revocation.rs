//! `Revocation`: the kill switch.
//!
//! Must never: name anybody by something that can change; only immutable keys.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Member;

/// Cuts identities off everywhere, now, whatever the sources say.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(group = "headcount.dev", version = "v1alpha1", kind = "Revocation", namespaced, category = "headcount")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RevocationSpec {
    /// Whom: by immutable key (`identity`) or by the name of a User (`user`). No groups.
    pub identities: Vec<Member>,
    /// Why, for the journal and whoever reads it later.
    pub reason: String,
    /// The last day (ISO date). Past it a plan asks before it gives anything back. Absent: until this document is removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// How many identities one document may cut off. Default: 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<u32>,
}
