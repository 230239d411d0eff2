//! Who should have which entitlement, against who has it.
//!
//! Must never: decide anything about an account or a group.

pub(in crate::planning) mod desired;
pub(in crate::planning) mod diff;
