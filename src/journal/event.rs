//! What the journal tells: a run began, was planned, means to change something, learnt what became of it, ended.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::model::{Action, AttributeChange, Change, ChangeId, Mandate, ObjectRef, Outcome, Plan, Reason, ReceiptWord, SystemError};

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Event {
    /// a run began
    Started {
        /// the Workspace's id
        workspace: Arc<str>,
        /// hash of the plan that runs
        plan: String,
        /// the day it was planned for
        as_of: Date,
        /// who runs it
        who: String,
        /// headcount's version
        version: String,
    },
    /// what the plan holds, by target: words such as `account create` and their counts
    Planned {
        /// counts
        targets: BTreeMap<Arc<str>, BTreeMap<String, u64>>,
    },
    /// somebody cut identities off, whatever manifests and sources say
    Revoked {
        /// whom
        keys: Vec<Arc<str>>,
        /// why
        reason: Arc<str>,
        /// the last day
        #[serde(skip_serializing_if = "Option::is_none", default)]
        until: Option<Date>,
        /// who did
        who: String,
    },
    /// what came of a revocation at one target
    Receipt {
        /// whom it is about
        key: Arc<str>,
        /// the Target's name
        target: Arc<str>,
        /// in one word
        outcome: ReceiptWord,
        /// what is missing or went wrong
        #[serde(skip_serializing_if = "Option::is_none", default)]
        message: Option<Arc<str>>,
    },
    /// revocations ended
    Lifted {
        /// whose
        keys: Vec<Arc<str>>,
        /// why: a manifest covers them now, or somebody said so
        why: String,
    },
    /// somebody stopped all writing
    Paused {
        /// who
        who: String,
        /// why
        #[serde(skip_serializing_if = "Option::is_none", default)]
        reason: Option<String>,
        /// revocations wait as well
        #[serde(skip_serializing_if = "std::ops::Not::not", default)]
        everything: bool,
    },
    /// writing goes on
    Resumed {
        /// who let it
        who: String,
    },
    /// somebody wants systems read, and what is needed then done
    Asked {
        /// who
        who: String,
        /// these Targets alone; none named: all
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        targets: Vec<Arc<str>>,
        /// a closed window holds nothing of it
        #[serde(skip_serializing_if = "std::ops::Not::not", default)]
        ignore_window: bool,
    },
    /// somebody approved a plan that waits
    Approved(PlanWord),
    /// somebody said that a plan that waits must not run
    Rejected(PlanWord),
    /// somebody looked at a person's page, or asked the API for it
    Opened {
        /// whom they looked at
        key: Arc<str>,
        /// who looked
        who: String,
    },
    /// somebody made a token of the API
    TokenMade {
        /// who
        who: String,
        /// what it is called
        name: String,
        /// what it may do
        scopes: Vec<String>,
        /// when it ends
        #[serde(skip_serializing_if = "Option::is_none", default)]
        expires: Option<Timestamp>,
    },
    /// a token of the API counts no more
    TokenEnded {
        /// who said so
        who: String,
        /// what it was called
        name: String,
    },
    /// somebody was erased: what is said of them is sealed under keys that are gone
    Erased {
        /// by what names their keys were kept
        subjects: Vec<Arc<str>>,
        /// who erased them
        who: String,
        /// why
        reason: String,
    },
    /// what is older than it has to be kept was written out and cut off
    Archived {
        /// how many entries
        entries: u64,
        /// the number of the last one
        last: u64,
        /// what the file is called
        file: String,
    },
    /// somebody said that the state was restored on purpose
    Restored {
        /// who
        who: String,
        /// why
        reason: String,
        /// what showed that it was
        found: String,
    },
    /// somebody said that the clock is right, and that it was ahead before
    ClockAccepted {
        /// who
        who: String,
        /// why
        reason: String,
        /// what showed that it was wrong at some time
        found: String,
    },
    /// a change is about to be sent
    Intent(Intent),
    /// what became of a change
    Outcome {
        /// which
        change: ChangeId,
        /// the Target's name
        target: Arc<str>,
        /// our key of the object
        key: Arc<str>,
        /// in one word
        result: ResultWord,
        /// the object's id, as the system answered
        #[serde(skip_serializing_if = "Option::is_none", default)]
        id: Option<Arc<str>>,
        /// what is missing or went wrong
        #[serde(skip_serializing_if = "Option::is_none", default)]
        message: Option<String>,
    },
    /// the run ended by itself
    Finished {
        /// how many changes ended how
        results: BTreeMap<ResultWord, u64>,
        /// why it stopped early
        #[serde(skip_serializing_if = "Option::is_none", default)]
        stopped: Option<String>,
    },
}

/// What somebody said about a plan that waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanWord {
    /// who
    pub who: String,
    /// the plan's hash
    pub plan: Arc<str>,
    /// the Target that it is of
    pub target: Arc<str>,
    /// why
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
}

/// A change that is about to be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Intent {
    /// which
    pub change: ChangeId,
    /// from 1
    pub attempt: u32,
    /// the Target's name
    pub target: Arc<str>,
    /// the kind of step
    pub action: Action,
    /// by what right
    #[serde(skip_serializing_if = "Mandate::is_normal", default)]
    pub mandate: Mandate,
    /// why, in one word; the first versions did not say
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<Reason>,
    /// what it is about
    pub object: ObjectRef,
    /// the entitlement's name, where it is about one
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub entitlement: Option<Arc<str>>,
    /// attributes before and after, written without secrets; only with the first attempt
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub attributes: Vec<AttributeChange>,
    /// members by key; only with the first attempt
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub members: Vec<Arc<str>>,
}

/// What became of a change, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ResultWord {
    /// done
    Done,
    /// it was so already
    AlreadySo,
    /// done in part
    Partly,
    /// not done
    Failed,
    /// sent, and nobody knows
    Uncertain,
    /// not tried
    Skipped,
}

impl Event {
    /// A run of this plan begins.
    pub fn started(plan: &Plan, who: &str) -> Self {
        Self::Started {
            workspace: plan.workspace.clone(),
            plan: plan.hash(),
            as_of: plan.as_of,
            who: who.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    /// What the plan holds.
    pub fn planned(plan: &Plan) -> Self {
        let words = |(kind, action): &(_, _)| format!("{} {}", word(kind), word(action));
        let counts = |tally: &crate::model::Tally| tally.counts.iter().map(|(what, count)| (words(what), *count)).collect();
        Self::Planned { targets: plan.tallies().iter().map(|(target, tally)| (target.clone(), counts(tally))).collect() }
    }

    /// A change is about to be sent for the `attempt`th time.
    pub fn intent(id: ChangeId, change: &Change, attempt: u32) -> Self {
        let first = attempt == 1;
        Self::Intent(Intent {
            change: id,
            attempt,
            target: change.target.clone(),
            action: change.action,
            mandate: change.mandate,
            reason: Some(change.reason),
            object: change.object.clone(),
            entitlement: change.entitlement.clone(),
            attributes: if first { change.attributes.clone() } else { Vec::new() },
            members: if first { change.members.iter().map(|member| member.member.key.clone()).collect() } else { Vec::new() },
        })
    }

    /// What became of a change, and its object's id where it is known.
    pub fn outcome(id: ChangeId, change: &Change, outcome: &Outcome, object: Option<&Arc<str>>) -> Self {
        Self::Outcome {
            change: id,
            target: change.target.clone(),
            key: change.object.key.clone(),
            result: ResultWord::of(outcome),
            id: object.cloned(),
            message: message(outcome),
        }
    }

    /// The word by which entries are found.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Started { .. } => "started",
            Self::Planned { .. } => "planned",
            Self::Revoked { .. } => "revoked",
            Self::Receipt { .. } => "receipt",
            Self::Lifted { .. } => "lifted",
            Self::Paused { .. } => "paused",
            Self::Resumed { .. } => "resumed",
            Self::Asked { .. } => "asked",
            Self::Approved(_) => "approved",
            Self::Rejected(_) => "rejected",
            Self::Opened { .. } => "opened",
            Self::TokenMade { .. } => "tokenMade",
            Self::TokenEnded { .. } => "tokenEnded",
            Self::Erased { .. } => "erased",
            Self::Archived { .. } => "archived",
            Self::Restored { .. } => "restored",
            Self::ClockAccepted { .. } => "clockAccepted",
            Self::Intent(_) => "intent",
            Self::Outcome { .. } => "outcome",
            Self::Finished { .. } => "finished",
        }
    }

    /// The change it is about.
    pub(super) fn change(&self) -> Option<u32> {
        match self {
            Self::Intent(intent) => Some(intent.change.0),
            Self::Outcome { change, .. } => Some(change.0),
            _ => None,
        }
    }
}

impl ResultWord {
    /// As a person reads it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::AlreadySo => "already so",
            Self::Partly => "done in part",
            Self::Failed => "failed",
            Self::Uncertain => "uncertain",
            Self::Skipped => "not tried",
        }
    }

    /// The word for an outcome.
    pub fn of(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Done { .. } => Self::Done,
            Outcome::AlreadySo { .. } => Self::AlreadySo,
            Outcome::Partly { .. } => Self::Partly,
            Outcome::Failed(_) => Self::Failed,
            Outcome::Uncertain(_) => Self::Uncertain,
            Outcome::Skipped(_) => Self::Skipped,
        }
    }
}

fn message(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Done { .. } | Outcome::AlreadySo { .. } => None,
        Outcome::Partly { missing: words } | Outcome::Uncertain(words) | Outcome::Skipped(words) => Some(words.clone()),
        Outcome::Failed(error) => Some(SystemError::to_string(error)),
    }
}

fn word<T: Serialize>(value: &T) -> String {
    serde_json::to_value(value).ok().and_then(|json| json.as_str().map(str::to_owned)).unwrap_or_default()
}
