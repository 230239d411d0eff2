//! What accounts of a declared system have beside their groups: licences, roles, cards with a limit.
//!
//! Must never: give something that nothing takes back.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::request::RequestSpec;

/// Entitlements of one kind. An `Entitlement` names one as `KIND/NAME`; as `KIND` alone where there is no `name`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EntitlementsSpec {
    /// All that anybody has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<RequestSpec>,
    /// Those that one `account` has. Without it all are read to answer that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<RequestSpec>,
    /// Expression over an account's `record`: they stand in it, as a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inline: Option<String>,
    /// Expression over `record`: the system's own id of it. Default: who has which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Expression over `record`: the id of the account that has it. Not of those that stand `inline`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Expression over `record`: which of the kind it is. Default: there is only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Expression over `record`: holds for what nobody has (any more).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skip: Option<String>,
    /// Expression over `record`: holds for what may be changed and taken; the others belong to somebody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub writable: Option<String>,
    /// What it is given with, and how each is read and written.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, ParameterSpec>,
    /// Gives one to an `account`.
    pub grant: RequestSpec,
    /// Changes its parameters: every request that applies, in this order. Where there are parameters, there is one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub change: Vec<RequestSpec>,
    /// Takes it: every request that applies, in this order.
    pub withdraw: Vec<RequestSpec>,
}

/// How a parameter is read and written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ParameterSpec {
    /// A path of the record, read and written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Expression over `record`: what it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<String>,
    /// Keys of the request's content, each an expression over `value`, `object` and `record`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub write: BTreeMap<String, String>,
}
