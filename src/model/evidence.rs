//! How complete a read was. A failed read never looks like an empty answer.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::change::ObjectKind;

/// What may follow from a read (design 7). Only `Complete` lets anything follow from absence.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Evidence {
    /// every row was read, and the system's own count agrees
    Complete,
    /// what changed since a watermark: tombstones count, absence proves nothing
    Delta,
    /// some rows came, some may be missing
    Partial {
        /// why, in words a person can act on
        reason: String,
    },
    /// nothing usable came
    Unreadable {
        /// why, in words a person can act on
        reason: String,
    },
}

impl Evidence {
    /// Whether something that was not read can be said not to exist.
    pub fn proves_absence(&self) -> bool {
        matches!(self, Self::Complete)
    }

    /// Why it is not complete.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Complete | Self::Delta => None,
            Self::Partial { reason } | Self::Unreadable { reason } => Some(reason),
        }
    }

    /// The weaker of two.
    pub fn and(self, other: Self) -> Self {
        if other.rank() > self.rank() { other } else { self }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Complete => 0,
            Self::Delta => 1,
            Self::Partial { .. } => 2,
            Self::Unreadable { .. } => 3,
        }
    }
}

/// Up to where a stream was read, in the system's own words. It may open what it stands for, so it is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Watermark(pub Arc<str>);

impl fmt::Debug for Watermark {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Watermark")
    }
}

/// What a reader returns when its stream ends: the evidence for each kind of object it was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadReport {
    /// one entry for each kind asked for; a source's records count as accounts
    pub kinds: Vec<(ObjectKind, Evidence)>,
    /// from where what changes next can be asked for, of systems that tell; only of what was read to its end
    pub next: BTreeMap<ObjectKind, Watermark>,
}

impl ReadReport {
    /// The same evidence for all these kinds.
    pub fn all(kinds: &[ObjectKind], evidence: &Evidence) -> Self {
        Self::of_kinds(kinds.iter().map(|kind| (*kind, evidence.clone())))
    }

    /// Of a system that tells no changes.
    pub fn of_kinds(kinds: impl IntoIterator<Item = (ObjectKind, Evidence)>) -> Self {
        Self { kinds: kinds.into_iter().collect(), next: BTreeMap::new() }
    }

    /// The evidence for a kind; one that was not asked for is unreadable.
    pub fn of(&self, kind: ObjectKind) -> Evidence {
        let found = self.kinds.iter().find(|(known, _)| *known == kind);
        found.map_or_else(|| Evidence::Unreadable { reason: "it was not asked for".into() }, |(_, evidence)| evidence.clone())
    }
}
