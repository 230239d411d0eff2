//! A token, as the state keeps it: of the API, or of a system that pushes.
//!
//! Must never: hold the token itself.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What whoever has a token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum TokenScope {
    /// see how things stand, and nothing of people
    Status,
    /// see people, plans with those in them, and the journal
    People,
    /// ask for a sync
    Sync,
    /// approve and reject plans
    Approve,
    /// cut people off
    Revoke,
    /// stop all writing, and let it go on
    Pause,
}

/// One token. On `Shelf::Tokens` by its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiToken {
    /// what people call it
    pub name: String,
    /// SHA-256 of it, in hex
    pub hash: String,
    /// what it may do
    pub scopes: BTreeSet<TokenScope>,
    /// the Source that its holder pushes to, and then it does nothing else
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// who made it
    pub made_by: String,
    /// when
    pub at: Timestamp,
    /// when it ends
    pub expires: Timestamp,
}

/// When a token of a system that pushes was used last. On `Shelf::TokenUses` by its Source and its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenUse {
    /// when, to the minute
    pub at: Timestamp,
}

impl TokenScope {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Status, Self::People, Self::Sync, Self::Approve, Self::Revoke, Self::Pause];

    /// As it is written.
    pub fn word(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::People => "people",
            Self::Sync => "sync",
            Self::Approve => "approve",
            Self::Revoke => "revoke",
            Self::Pause => "pause",
        }
    }
}
