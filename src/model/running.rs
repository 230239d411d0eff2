//! What a workspace that runs all the time keeps beside its memory of objects: what people ask of it, and what it has to know again after a restart.
//!
//! Must never: hold a value of a person; whatever stands here may be shown to everybody who may see the status.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::status::SystemState;

/// Somebody wants systems read, and what is needed then done, now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncRequest {
    /// who asks
    pub who: String,
    /// when
    pub at: Timestamp,
    /// these Targets alone; none named: all
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<Arc<str>>,
    /// a closed window holds nothing of it
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ignore_window: bool,
}

/// Nothing is written until somebody takes it away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Brake {
    /// who pulled it
    pub who: String,
    /// when
    pub at: Timestamp,
    /// why
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// revocations wait as well
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub everything: bool,
}

/// What somebody said about a plan that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub enum Decided {
    /// it may run
    Approve,
    /// it must not
    Reject,
}

/// Somebody's word about a plan that waits. It counts for what the plan held, once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Approval {
    /// the hash of what waits: all of its 64 digits
    pub plan: Arc<str>,
    /// what was said
    pub decision: Decided,
    /// who said it
    pub approver: String,
    /// why
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// when
    pub at: Timestamp,
    /// until when it counts; none: as long as the Target says
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// the Targets that it is about; none named: the plan's
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<Arc<str>>,
    /// the PlanApproval that says it; none: a command
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<Arc<str>>,
    /// when it was used, where its document may stand on: it counts no more
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used: Option<Timestamp>,
}

/// What is known of a Source or a Target from one process to the next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SystemMemory {
    /// what people see
    pub state: SystemState,
    /// since when
    pub since: Timestamp,
    /// when a read of it last ended, however
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<Timestamp>,
    /// when a read of it last was complete
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub complete: Option<Timestamp>,
    /// when it last was as declared
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared: Option<Timestamp>,
    /// it is not asked before
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// how often in a row it could not be used
    #[serde(default, skip_serializing_if = "is_zero")]
    pub misses: u32,
    /// why
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// Manifests at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Revision {
    /// a commit's full id, or a fingerprint of the files
    pub id: Arc<str>,
    /// what people call it: `main@4f2c1e9`
    pub name: String,
    /// when it was made; of files: when it was seen first
    pub at: Timestamp,
    /// whoever wrote it, by every name and address that is known: they may not be the only ones who approve it
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authors: Vec<String>,
    /// whose signature on it was checked
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
}

impl Revision {
    /// Of a place of which nobody knows what it holds.
    pub fn unknown(place: String) -> Self {
        Self { id: "".into(), name: place, at: Timestamp::UNIX_EPOCH, authors: Vec::new(), signer: None }
    }

    /// What earlier manifests want was not planned yet: whoever wrote those is an author of what these bring about, too.
    pub fn inherit(&mut self, earlier: &Self) {
        for author in &earlier.authors {
            if !self.authors.contains(author) {
                self.authors.push(author.clone());
            }
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}
