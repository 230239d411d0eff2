//! Who changed an account or a group at its system last, and when.
//!
//! Must never: be taken for proof of who made one certain change.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

/// The column of when an object was last changed at its system (RFC 7643 section 3.1).
pub const LAST_MODIFIED: &str = "meta.lastModified";
/// The column of who did it.
pub const LAST_MODIFIED_BY: &str = "meta.lastModifiedBy";

/// Whether a column says such a thing: it is read, and never written.
pub fn is_stamp(column: &str) -> bool {
    matches!(column, LAST_MODIFIED | LAST_MODIFIED_BY)
}

/// Who changed an object last, and when: it may be another change of it than the one that is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LastChange {
    /// when
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// who, as the system calls them
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<Arc<str>>,
}
