//! Which groups there are: those that manifests declare, and one for each value that a `forEach` finds.
//!
//! Must never: look at what a group is at a target.

pub(in crate::planning) mod groups;
pub(in crate::planning) mod values;
