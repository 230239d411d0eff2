//! Changes on their way into a plan: references between them, and their order.
//!
//! Must never: decide whether something changes.

pub(in crate::planning) mod handover;
pub(in crate::planning) mod order;
pub(in crate::planning) mod references;
pub(in crate::planning) mod restrict;
