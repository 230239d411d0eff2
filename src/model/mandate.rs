//! By what right a change is made: what limits, approval, order and memory decide on.
//!
//! Must never: be worked out of words that are shown to somebody.

use serde::{Deserialize, Serialize};

/// By what right a change is made. Planning sets it; whatever decides about a change reads this, never its reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Mandate {
    /// records, rules and manifests ask for it
    #[default]
    Normal,
    /// a source positively reports that the person has left: a limit of its own counts it, and others let it past
    Leaver,
    /// a complete read no longer has the identity
    Absence,
    /// no rule or scope covers somebody or something any more
    Deselection,
    /// it is declared nowhere, and the target is authoritative
    Pruning,
    /// a grace period is over: the access went before
    Grace,
    /// a Revocation cuts the identity off: past approval and limits, in a lane of its own
    Revocation,
}

impl Mandate {
    /// Whether nothing sets the change apart from others.
    pub fn is_normal(&self) -> bool {
        *self == Self::Normal
    }

    /// Whether somebody is cut off by it.
    pub fn is_revocation(self) -> bool {
        self == Self::Revocation
    }

    /// Whether somebody goes for good by it, so that the name they had is kept from others.
    pub fn departs(self) -> bool {
        matches!(self, Self::Leaver | Self::Absence | Self::Pruning)
    }
}
