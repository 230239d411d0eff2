//! What cuts somebody off at once: orders, their accounts, the steps.
//!
//! Must never: give anything.

pub(in crate::planning) mod steps;
pub(in crate::planning) mod words;
