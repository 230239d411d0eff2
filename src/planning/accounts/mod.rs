//! What becomes of accounts: desired values against observed ones, names, departures.
//!
//! Must never: touch a membership or an entitlement.

pub(in crate::planning) mod contested;
pub(in crate::planning) mod dangling;
pub(in crate::planning) mod departed;
pub(in crate::planning) mod deprovision;
pub(in crate::planning) mod desired;
pub(in crate::planning) mod diff;
pub(in crate::planning) mod hands;
pub(in crate::planning) mod kept;
pub(in crate::planning) mod leaver;
pub(in crate::planning) mod likeness;
pub(in crate::planning) mod limits;
pub(in crate::planning) mod lookalikes;
pub(in crate::planning) mod nobody;
pub(in crate::planning) mod renames;
pub(in crate::planning) mod unchanged;
pub(in crate::planning) mod unique;
pub(in crate::planning) mod vanished;
