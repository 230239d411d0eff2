//! Where somebody stands: their lifecycle, or why it is not known.
//!
//! Must never: name a lifecycle that could not be worked out.

use std::sync::Arc;

use crate::manifest::kinds::Lifecycle;
use crate::planning::schema::doubt::HoldReason;

/// Where somebody stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::planning) enum Standing {
    /// as the sources say
    Is(Lifecycle),
    /// a source's scope or an `exclude` leaves it out
    #[default]
    Deselected,
    /// two records have its key
    DuplicateKey,
    /// it could not be worked out
    Unknown(Arc<str>),
    /// what is said contradicts itself, or is likely to be about somebody else
    Doubtful(Arc<HoldReason>),
}

impl Standing {
    /// The lifecycle, where it is known.
    pub(in crate::planning) fn lifecycle(&self) -> Option<Lifecycle> {
        match self {
            Self::Is(lifecycle) => Some(*lifecycle),
            _ => None,
        }
    }
}

/// As it is written in manifests.
pub(in crate::planning) fn word(lifecycle: Lifecycle) -> &'static str {
    match lifecycle {
        Lifecycle::PreHire => "pre-hire",
        Lifecycle::Active => "active",
        Lifecycle::Suspended => "suspended",
        Lifecycle::Leaver => "leaver",
    }
}

/// The lifecycles that a rule covers.
pub(in crate::planning) fn lifecycles(said: &[Lifecycle]) -> &[Lifecycle] {
    if said.is_empty() { &[Lifecycle::Active] } else { said }
}

/// [`Standing`] in one byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::planning) enum Where {
    /// as the sources say
    Is(Lifecycle),
    /// left out
    Deselected,
    /// not known
    Unknown,
}

impl Where {
    /// Of somebody who was assembled.
    pub(in crate::planning) fn of(standing: &Standing) -> Self {
        match standing {
            Standing::Is(lifecycle) => Self::Is(*lifecycle),
            Standing::Deselected => Self::Deselected,
            Standing::DuplicateKey | Standing::Unknown(_) | Standing::Doubtful(_) => Self::Unknown,
        }
    }
}
