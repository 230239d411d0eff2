//! What should change. Pure: no I/O, no async, no clock; the same inputs give the same plan, byte for byte.
//!
//! Must never: ask a system, read the time, or treat something it does not know as absent.

pub mod guardrail;
mod protect;

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::model::{ObjectKind, Page, Plan};
use crate::policy::Policy;
use crate::world::World;

/// When the plan is for. Time is an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// the day, in the workspace's time zone
    pub today: Date,
    /// for ages and windows
    pub now: Timestamp,
}

/// How much is planned.
#[derive(Clone, Copy, Debug)]
pub enum Scope<'a> {
    /// everything
    All,
    /// what these identities and groups (by key) can reach
    Only(&'a BTreeSet<Arc<str>>),
}

/// Something that must still be looked up before the plan can be made.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lookup {
    /// position of the target in the policy
    pub target: usize,
    /// account or group
    pub kind: ObjectKind,
    /// by what
    pub by: LookupBy,
}

/// By what an object is looked up.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LookupBy {
    /// the target's own id
    Id(Arc<str>),
    /// an attribute and its value
    Attribute(Arc<str>, Arc<str>),
}

/// What the system answered.
#[derive(Clone, Debug)]
pub enum Answer {
    /// these objects, in the columns of the target's stream; empty: there is none
    Objects(Page),
    /// it could not be asked
    Unknown(String),
}

/// What survey wants to know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// sorted, without doubles
    pub lookups: Vec<Lookup>,
}

/// Names what must still be known before [`plan`] can decide.
pub fn survey(_policy: &Policy, _world: &World, _moment: Moment, _scope: Scope<'_>) -> Survey {
    todo!()
}

/// Decides. `answers` holds one answer for each lookup of the survey; a missing one counts as unknown.
pub fn plan(_policy: &Policy, _world: &World, _answers: &[(Lookup, Answer)], _moment: Moment, _scope: Scope<'_>) -> Plan {
    todo!()
}
