//! A subscription: a system was asked to send webhooks, and does so until a day that it named.
//!
//! Must never: hold the secret that proves them.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// One that there is, or is to be. On `Shelf::Subscriptions` by its Source and what it is of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Subscription {
    /// the Source's name
    pub source: Arc<str>,
    /// what it is of, where its system has one for each of several things
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub each: Option<Arc<str>>,
    /// where messages are sent to
    pub url: String,
    /// by what another secret is noticed: so few digits of its hash that nobody finds it by them
    pub proof: String,
    /// as the system made it; none: it was not made yet, or is lost
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<MadeSubscription>,
    /// why it can't be made or renewed
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<SubscriptionTrouble>,
}

/// As a system made it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MadeSubscription {
    /// what the system calls it
    pub id: String,
    /// when it was made, or renewed last
    pub at: Timestamp,
    /// when it ends
    pub until: Timestamp,
    /// what else is needed to renew and to stop it
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub kept: BTreeMap<String, Json>,
}

/// Why there is none, or none any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SubscriptionTrouble {
    /// what the system said
    pub why: String,
    /// since when
    pub since: Timestamp,
    /// how often it was tried
    pub tries: u32,
    /// when it is tried next
    pub next: Timestamp,
}

impl MadeSubscription {
    /// When it is renewed: after two thirds of its life, so that there is time to try again.
    pub fn renewed_at(&self) -> Timestamp {
        let life = self.until.duration_since(self.at);
        self.at + life * 2 / 3
    }
}
