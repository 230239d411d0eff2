//! The policy laid out for planning: attributes as slots, expressions bound to slots and columns.
//!
//! Must never: depend on anybody's data.

pub(in crate::planning) mod doubt;
pub(in crate::planning) mod layout;
pub(in crate::planning) mod length;
pub(in crate::planning) mod values;
pub(in crate::planning) mod variant;
