//! Who there is: identities, the records that are theirs, their attributes and where they stand.
//!
//! Must never: look at a target.

pub(in crate::planning) mod assemble;
pub(in crate::planning) mod attributes;
pub(in crate::planning) mod build;
pub(in crate::planning) mod contradiction;
pub(in crate::planning) mod days;
pub(in crate::planning) mod failures;
pub(in crate::planning) mod identity;
pub(in crate::planning) mod known_as;
pub(in crate::planning) mod lifecycle;
pub(in crate::planning) mod matched_records;
pub(in crate::planning) mod matching;
pub(in crate::planning) mod person;
pub(in crate::planning) mod precedence;
pub(in crate::planning) mod records;
pub(in crate::planning) mod referred;
pub(in crate::planning) mod revoked;
pub(in crate::planning) mod spans;
pub(in crate::planning) mod standing;
