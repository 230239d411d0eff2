//! Whether a target serves an identity, and if not, why not.
//!
//! Must never: take a condition that could not be worked out for one that does not hold.

use std::sync::Arc;

use super::Basis;
use super::identity::Person;
use super::lifecycle::Standing;
use crate::manifest::kinds::Lifecycle;
use crate::model::Reason;
use crate::policy::{DeparturePolicy, TargetPolicy};
use crate::world::Truth;

/// What a target is to an identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Serve {
    /// it gets an account
    Yes,
    /// it gets none (any more)
    No(Gone),
    /// that could not be worked out: everything stays as it is
    Unknown(Arc<str>),
}

/// Why somebody gets no account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Gone {
    /// a source says that the person has left
    Leaver,
    /// the person is on leave
    Suspended,
    /// no rule or scope covers the identity
    Deselected,
    /// the record is gone
    Absent,
    /// nobody declares the account, and the target is authoritative
    Pruned,
}

/// Whether a target serves an identity.
pub(super) fn serve(basis: &Basis<'_>, target: usize, person: &Person) -> Serve {
    let layout = &basis.layout.targets[target];
    let lifecycle = match &person.standing {
        Standing::Is(lifecycle) => *lifecycle,
        Standing::Deselected => return Serve::No(Gone::Deselected),
        Standing::DuplicateKey => return Serve::Unknown("two records have its key".into()),
        Standing::Unknown(words) => return Serve::Unknown(words.clone()),
    };
    if !layout.lifecycles.contains(&lifecycle) {
        return Serve::No(match lifecycle {
            Lifecycle::Leaver => Gone::Leaver,
            Lifecycle::Suspended => Gone::Suspended,
            Lifecycle::PreHire | Lifecycle::Active => Gone::Deselected,
        });
    }
    match layout.select.as_ref().map(|select| person.holds(select)) {
        None | Some(Truth::Yes) => Serve::Yes,
        Some(Truth::No) => Serve::No(Gone::Deselected),
        Some(Truth::Unknown(words)) => Serve::Unknown(format!("the target's select: {words}").into()),
    }
}

impl Gone {
    /// What becomes of the account.
    pub(super) fn departure(self, policy: &TargetPolicy) -> DeparturePolicy {
        match self {
            Self::Leaver => policy.leaver,
            Self::Suspended => policy.suspended,
            Self::Deselected => policy.deselected,
            Self::Absent | Self::Pruned => policy.absent,
        }
    }

    /// As a change says it.
    pub(super) fn reason(self) -> Reason {
        match self {
            Self::Leaver => Reason::Leaver,
            Self::Suspended => Reason::Suspended,
            Self::Deselected => Reason::Deselected,
            Self::Absent => Reason::Absent,
            Self::Pruned => Reason::Pruned,
        }
    }
}
