//! How long a plan will take, as far as its targets' limits say.
//!
//! Must never: be taken for a promise; a system may be slower than its limits.

use std::sync::Arc;

use serde::Serialize;

/// What the changes of a plan ask of one target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Forecast {
    /// the Target's name
    pub target: Arc<str>,
    /// about so many requests
    pub requests: u64,
    /// the seconds that its limits make of them; none where nobody says a limit
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u64>,
    /// how many requests a minute are allowed
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_minute: Option<u64>,
}
