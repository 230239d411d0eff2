//! Somebody who signed in to the pages by a browser.
//!
//! Must never: hold what the browser has, by which somebody would be them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One session. On `Shelf::Sessions` by the hash of what the browser holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SiteSession {
    /// what they are called
    pub name: String,
    /// the groups that they were in when they signed in
    pub groups: Vec<String>,
    /// when they proved who they are, where the provider says so
    pub since: Option<Timestamp>,
    /// when the session began
    pub at: Timestamp,
    /// as whom the provider knows them, as a hash: by it the provider ends their sessions
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// the session there, as a hash, where the provider says which
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub there: Option<String>,
}
