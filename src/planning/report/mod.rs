//! What is said beside the changes: findings, notices, what comes up, what nobody claims.
//!
//! Must never: decide a change.

pub(in crate::planning) mod existing;
pub(in crate::planning) mod matching;
pub(in crate::planning) mod notices;
pub(in crate::planning) mod side_effects;
pub(in crate::planning) mod unclaimed;
pub(in crate::planning) mod upcoming;
