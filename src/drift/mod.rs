//! Drift: what others changed at targets since headcount last left them, told from what sources and manifests want differently since.
//!
//! Must never: call something drift without a fingerprint to compare with, read or write anything, or make what is risky policy by routine.

mod adopt;
mod attribution;
mod compare;
mod noticed;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use crate::model::{LastChange, ObjectKind, Plan, Value};

pub use adopt::{Adopted, adopt};
pub use attribution::{attribute, changed_objects};
pub use compare::compare;
pub use noticed::{Noticed, notice, untold};

/// What was changed outside, and since when.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drifted {
    /// by target, in the order of the plan
    pub drifts: Vec<Drift>,
    /// targets that can be compared, each with the run that left it
    pub since: Vec<(Arc<str>, Timestamp)>,
    /// targets that can't be
    pub unknown: Vec<Arc<str>>,
}

/// One thing that was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Drift {
    /// the Target's name
    pub target: Arc<str>,
    /// what happened
    pub what: DriftKind,
    /// whose account or which group, by our key; of what is nobody's its id
    pub key: Arc<str>,
    /// what people call it
    pub name: Arc<str>,
    /// of a membership the group, of a grant the entitlement: its key
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<Arc<str>>,
    /// and what it is called
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of_name: Option<Arc<str>>,
    /// of a value its attribute
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attribute: Option<Arc<str>>,
    /// as headcount left it
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ours: Option<Value>,
    /// as it is there now
    #[serde(skip_serializing_if = "Option::is_none")]
    pub theirs: Option<Value>,
    /// somebody should look before anything follows
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub check: bool,
    /// who changed the account or group last, and when, as far as its system tells
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_change: Option<LastChange>,
    /// the account or group that was changed, by the target's id
    #[serde(skip)]
    pub object: Option<(ObjectKind, Arc<str>)>,
    /// it is of somebody who has no access here (any more): what their account has is said by `set`
    #[serde(skip)]
    pub put_away: bool,
    /// the change of the plan that takes it back
    #[serde(skip)]
    pub change: Option<usize>,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DriftKind {
    /// a value of an account
    Value,
    /// somebody came into a group
    Joined,
    /// somebody left a group
    Left,
    /// somebody got an entitlement
    Granted,
    /// somebody lost an entitlement
    Withdrawn,
    /// an entitlement has other parameters
    Parameter,
    /// somebody lost sign-in
    LostSignIn,
    /// somebody has sign-in again that headcount took
    GotSignIn,
    /// an account is gone
    AccountDeleted,
    /// an account stands where its target does not look
    AccountMoved,
    /// a group is gone
    GroupDeleted,
    /// a group is called something else
    GroupRenamed,
    /// somebody is in a group that no manifest declares
    JoinedUndeclared,
    /// an account is new, and nobody's
    NewAccount,
}

impl DriftKind {
    /// As `--only what=` takes it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Value => "value",
            Self::Joined => "joined",
            Self::Left => "left",
            Self::Granted => "granted",
            Self::Withdrawn => "withdrawn",
            Self::Parameter => "parameter",
            Self::LostSignIn => "lost-sign-in",
            Self::GotSignIn => "got-sign-in",
            Self::AccountDeleted => "account-deleted",
            Self::AccountMoved => "account-moved",
            Self::GroupDeleted => "group-deleted",
            Self::GroupRenamed => "group-renamed",
            Self::JoinedUndeclared => "joined-undeclared",
            Self::NewAccount => "new-account",
        }
    }
}

/// The part of the plan that takes these back, and nothing else.
pub fn revert(plan: &Plan, drifts: &[&Drift]) -> Plan {
    let wanted: BTreeSet<usize> = drifts.iter().filter_map(|drift| drift.change).collect();
    let mut part = Plan { changes: Vec::new(), ..plan.clone() };
    for at in wanted {
        let Some(change) = plan.changes.get(at) else { continue };
        let mut change = change.clone();
        let mine: Vec<&&Drift> = drifts.iter().filter(|drift| drift.change == Some(at)).collect();
        change.members.retain(|member| mine.iter().any(|drift| drift.key == member.member.key));
        if mine.iter().all(|drift| drift.attribute.is_some()) {
            change.attributes.retain(|attribute| mine.iter().any(|drift| drift.attribute.as_ref() == Some(&attribute.attribute)));
        }
        change.needs.clear();
        part.changes.push(change);
    }
    part
}
