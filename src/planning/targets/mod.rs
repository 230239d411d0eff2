//! What targets have, and whose it is: accounts observed, matched with people, and for whom a target is meant.
//!
//! Must never: decide what becomes of an account.

pub(in crate::planning) mod alone;
pub(in crate::planning) mod awaited;
pub(in crate::planning) mod carried;
pub(in crate::planning) mod claims;
pub(in crate::planning) mod concern;
pub(in crate::planning) mod correlate;
pub(in crate::planning) mod cut_off;
pub(in crate::planning) mod eligibility;
pub(in crate::planning) mod entry_names;
pub(in crate::planning) mod history;
pub(in crate::planning) mod later_keys;
pub(in crate::planning) mod limits;
pub(in crate::planning) mod links;
mod marked;
pub(in crate::planning) mod matched;
pub(in crate::planning) mod not_kept;
pub(in crate::planning) mod objects;
pub(in crate::planning) mod observed;
pub(in crate::planning) mod old_names;
pub(in crate::planning) mod ownership;
pub(in crate::planning) mod placed;
pub(in crate::planning) mod protected;
pub(in crate::planning) mod reserved;
pub(in crate::planning) mod search;
