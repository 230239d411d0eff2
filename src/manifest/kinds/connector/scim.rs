//! A system that speaks SCIM 2.0: the native SCIM connector does the work, and the document says what this vendor does otherwise.
//!
//! Must never: say how SCIM is spoken; what a service tells of itself counts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::manifest::connection::ScimDialect;

/// What a vendor's SCIM is like.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScimService {
    /// Resources a page, at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// The schema extension that holds `custom.*` attributes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extension: Option<String>,
    /// What it does otherwise than RFC 7643 and 7644 say.
    #[serde(default, skip_serializing_if = "ScimDialect::is_empty")]
    pub dialect: ScimDialect,
    /// What it does besides, by the change that leads to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tells: Option<ScimTells>,
}

/// Side effects of changes of accounts, in words that go on after the system's name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScimTells {
    /// Of one that is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create: Option<String>,
    /// Of one that is deactivated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deactivate: Option<String>,
    /// Of one that is activated again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activate: Option<String>,
    /// Of one that is deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete: Option<String>,
}
