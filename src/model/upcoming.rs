//! What falls due in the days after a plan's: for people who read the plan. Nothing decides on it, and it stays out of the plan's hash.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// What falls due, the earliest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Upcoming {
    /// sorted, of a long list the earliest
    pub dues: Vec<Due>,
    /// how many more there are on each day
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub more: BTreeMap<Date, u64>,
}

/// One thing that falls due.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Due {
    /// the first day of what begins, the last day of what ends
    pub day: Date,
    /// what
    pub what: DueKind,
    /// of an identity, or of the manifest's document: `hr/10023`, `revocation/lost-laptop`
    pub key: Arc<str>,
    /// what people call it
    pub name: Arc<str>,
    /// the Target's name
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub target: Option<Arc<str>>,
    /// the group, the entitlement or the guardrail
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub of: Option<Arc<str>>,
}

/// The kinds of what falls due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum DueKind {
    /// the first day of a joiner
    Starts,
    /// an account is made ahead of the start
    AccountMade,
    /// the last day of a leaver
    LastDay,
    /// the last day in a group
    MembershipEnds,
    /// the last day of an entitlement
    EntitlementEnds,
    /// an account's grace period is over
    AccountDeleted,
    /// the last day of a guardrail's override
    OverrideEnds,
    /// the last day of a revocation
    RevocationEnds,
}

impl Upcoming {
    /// Whether nothing falls due.
    pub fn is_empty(&self) -> bool {
        self.dues.is_empty() && self.more.is_empty()
    }

    /// What falls due up to a day, that day included.
    pub fn until(mut self, last: Date) -> Self {
        self.dues.retain(|due| due.day <= last);
        self.more.retain(|day, _| *day <= last);
        self
    }
}
