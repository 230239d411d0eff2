//! Guardrails: what they say about a finished plan. One function a rule; pure.
//!
//! Must never: change what a step does, or let a step run that an earlier rule withheld.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Moment;
use crate::model::{Memory, Plan};
use crate::policy::Policy;

/// What guardrails and protection must know of the targets besides the plan itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Populations {
    /// in the policy's order of targets; one that is missing counts as empty
    pub targets: Vec<Population>,
}

/// One target as it was observed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Population {
    /// active accounts that headcount may remove: owned ones; of an authoritative target all
    pub accounts: u64,
    /// groups that headcount may remove
    pub groups: u64,
    /// people who have at least one membership that headcount may remove
    pub members: u64,
    /// object keys (as changes name them) of the accounts that protection covers, by name or by rule, and of every group that has such an account in
    /// it or below it
    pub protected: BTreeSet<Arc<str>>,
    /// the groups that must keep some members, in the order of the target's `protect.keep`
    pub kept: Vec<KeptGroup>,
}

/// A group that must keep some members, as it was observed. Empty where the target has no such group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeptGroup {
    /// object keys of the group and of the groups nested in it
    pub groups: BTreeSet<Arc<str>>,
    /// object keys of the active accounts that are members of any of them
    pub active: BTreeSet<Arc<str>>,
}

/// Withholds what protection and the guardrails refuse, with one finding for each refusal. The findings' positions are kept in the changes, so nothing may
/// reorder them afterwards.
pub fn check(_policy: &Policy, _populations: &Populations, _memory: &Memory, _moment: Moment, _plan: &mut Plan) {}
