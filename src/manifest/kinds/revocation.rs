//! `Revocation`: the kill switch.
//!
//! Must never: name anybody by something that can change; only immutable keys.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AccountRef, Member};

/// Cuts identities off everywhere, now, whatever the sources say.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(group = "headcount.dev", version = "v1alpha1", kind = "Revocation", namespaced, category = "headcount")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RevocationSpec {
    /// Whom: by immutable key (`identity`) or by the name of a User (`user`). No groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub identities: Vec<Member>,
    /// Single accounts that nobody has, by the Target's name and their id there: `{target: chat, id: "4711"}`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accounts: Vec<AccountRef>,
    /// Why, for the journal and whoever reads it later.
    pub reason: String,
    /// The last day (ISO date). Past it a plan asks before it gives anything back. Absent: until this document is removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// How many identities and accounts one document may cut off. Default: 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<u32>,
}
