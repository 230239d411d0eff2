//! What planning is asked, and what it asks back: the moment, how much is planned, and what must still be looked up.
//!
//! Must never: be answered here.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::model::{ObjectKind, Page, Value};
use crate::policy::Policy;

/// When the plan is for. Time is an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// the day, in the workspace's time zone
    pub today: Date,
    /// for ages and windows
    pub now: Timestamp,
}

impl Moment {
    /// An instant, and the day that it is in the workspace's time zone.
    pub fn at(policy: &Policy, now: Timestamp) -> Self {
        Self { today: now.to_zoned(policy.time_zone.clone()).date(), now }
    }
}

/// How much is planned.
#[derive(Clone, Copy, Debug)]
pub enum Scope {
    /// everything
    All,
    /// what cuts revoked identities off at the target at this position, and nothing else; needs no read of the target, since it asks for each account
    Revoked(usize),
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

impl Answer {
    /// Whether there is nothing of what was asked for.
    pub(in crate::planning) fn is_nothing(&self) -> bool {
        matches!(self, Self::Objects(page) if page.is_empty())
    }
}

/// What survey wants to know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// sorted, without doubles
    pub lookups: Vec<Lookup>,
}

/// The texts by which a value can be asked for.
pub(in crate::planning) fn texts(value: &Value) -> Vec<Arc<str>> {
    match value {
        Value::Text(text) | Value::Reference(text) => vec![text.clone()],
        Value::Int(number) => vec![number.to_string().into()],
        Value::Bool(_) => Vec::new(),
        Value::List(items) => items.iter().flat_map(texts).collect(),
        Value::Map(fields) => fields.get("value").map(texts).unwrap_or_default(),
    }
}
