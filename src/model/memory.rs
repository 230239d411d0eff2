//! What headcount remembers between runs, as planning sees it. `state` loads and keeps it.

use std::sync::Arc;

use jiff::Timestamp;

use super::change::{Action, ObjectKind};

/// How an object came under headcount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkOrigin {
    /// headcount made it
    Created,
    /// it existed and was taken over
    Adopted,
}

/// The key under which an entitlement that headcount gave to somebody is remembered.
pub fn grant_key(identity: &str, entitlement: &str) -> Arc<str> {
    Arc::from(format!("{identity}#{entitlement}"))
}

/// An object of ours and its id at a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// the Target's name
    pub target: Arc<str>,
    /// account, group, or an entitlement that headcount gave
    pub kind: ObjectKind,
    /// our key: `hr/10023`, `group/engineering`; of an entitlement see [`grant_key`]
    pub key: Arc<str>,
    /// the target's id; of an entitlement its account's
    pub id: Arc<str>,
    /// who made it
    pub origin: LinkOrigin,
}

/// Whose record it was when the sources were last read: attributes change, and a record must not change hands by that.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordLink {
    /// the Source's name
    pub source: Arc<str>,
    /// the record's key there
    pub record: Arc<str>,
    /// the identity's key
    pub identity: Arc<str>,
}

/// When headcount deactivated an account; deletion after a grace period counts from here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deactivation {
    /// the Target's name
    pub target: Arc<str>,
    /// the account's id there
    pub id: Arc<str>,
    /// when
    pub at: Timestamp,
}

/// The last complete read of one stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Baseline {
    /// the Source's or Target's name
    pub system: Arc<str>,
    /// which stream
    pub kind: ObjectKind,
    /// a hash of connection and scope: a count compares only with one of the same scope
    pub scope: u64,
    /// distinct rows
    pub count: u64,
    /// when
    pub at: Timestamp,
}

/// Work already done that still counts in a guardrail's rolling window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowEntry {
    /// the Target's name
    pub target: Arc<str>,
    /// account or group
    pub kind: ObjectKind,
    /// what was done
    pub action: Action,
    /// how much (people for memberships)
    pub weight: u64,
    /// whether a source positively reported the person gone (`Reason::Leaver`): leavers have a limit of their own
    pub leaver: bool,
    /// when
    pub at: Timestamp,
}

/// Everything remembered. `known: false` means that there is no state: nothing follows from a source's silence then, and windows count as full.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// whether a state was there at all
    pub known: bool,
    /// proofs of ownership
    pub links: Vec<Link>,
    /// whose record it was
    pub records: Vec<RecordLink>,
    /// our own deactivations
    pub deactivations: Vec<Deactivation>,
    /// last complete reads
    pub baselines: Vec<Baseline>,
    /// what the rolling windows hold
    pub windows: Vec<WindowEntry>,
}
