//! Which groups there are, who should be in them, and what changes.
//!
//! Must never: decide anything about an account.

pub(in crate::planning) mod derive;
pub(in crate::planning) mod diff;
pub(in crate::planning) mod members;
pub(in crate::planning) mod near;
pub(in crate::planning) mod owners;
pub(in crate::planning) mod renamed;
pub(in crate::planning) mod resolve;
pub(in crate::planning) mod rule_cache;
pub(in crate::planning) mod values;
