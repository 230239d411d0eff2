//! What targets have, and whose it is: accounts observed, matched with people, and for whom a target is meant.
//!
//! Must never: decide what becomes of an account.

pub(in crate::planning) mod carried;
pub(in crate::planning) mod concern;
pub(in crate::planning) mod correlate;
pub(in crate::planning) mod eligibility;
pub(in crate::planning) mod observed;
pub(in crate::planning) mod ownership;
pub(in crate::planning) mod protected;
