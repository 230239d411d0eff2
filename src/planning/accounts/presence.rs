//! What becomes of an identity's account at one target.
//!
//! Must never: be guessed: what is not known is [`Presence::Unclear`].

/// What becomes of an identity's account at one target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::planning) enum Presence {
    /// it has none that is ours, and gets none
    #[default]
    Absent,
    /// it has one, and keeps it or gets it by adoption
    Stays,
    /// it is made in this plan
    Made,
    /// it has one of ours that goes
    Leaves,
    /// that can't be said: whatever is observed stays
    Unclear,
}
