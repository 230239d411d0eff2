//! A token of the API, as the state keeps it.
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
    /// who made it
    pub made_by: String,
    /// when
    pub at: Timestamp,
    /// when it ends
    pub expires: Timestamp,
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
