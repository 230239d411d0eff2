//! One event: what is told, and its key.
//!
//! Must never: give two events one key, or one event another key when it is told again.

use aws_lc_rs::digest;
use serde_json::{Value as Json, json};

/// What is told.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Event {
    /// `user.created`
    pub(super) kind: String,
    /// the object, and what changed
    pub(super) data: Json,
}

impl Event {
    /// The same for the same event at the same place in the story of its object, however often it is told.
    pub(super) fn key(&self, url: &str) -> String {
        let hash = digest::digest(&digest::SHA256, format!("{url}\n{}\n{}", self.kind, self.data).as_bytes());
        let hex: String = hash.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        format!("msg_{hex}")
    }

    /// Its content.
    pub(super) fn body(&self, at: jiff::Timestamp) -> String {
        json!({"type": self.kind, "timestamp": at.to_string(), "data": self.data}).to_string()
    }
}
