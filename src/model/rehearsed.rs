//! What a change would ask of its target, as its writer says it without sending it.
//!
//! Must never: hold what signs a request in.

use serde::Serialize;
use serde_json::Value as Json;

use super::change::ChangeId;

/// One request as it would be sent, without what signs it in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RehearsedRequest {
    /// the verb
    pub method: String,
    /// where to
    pub url: String,
    /// what it carries: JSON, or a form as text
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Json>,
}

/// What a change would ask.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rehearsed {
    /// in order
    pub requests: Vec<RehearsedRequest>,
    /// why there are none, or no more
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stops: Option<String>,
}

/// The same with its change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RehearsedChange {
    /// the change's position in the plan
    pub change: ChangeId,
    /// what it would ask
    #[serde(flatten)]
    pub rehearsed: Rehearsed,
}
