//! Why nothing follows from what is said of somebody.
//!
//! Must never: be read as an end or a beginning.

use std::sync::Arc;

use crate::model::FindingCode;

/// Why nothing may follow from what is said of somebody: everything of theirs stays as it is observed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::planning) struct HoldReason {
    pub(in crate::planning) code: FindingCode,
    /// after the key and a colon
    pub(in crate::planning) words: Arc<str>,
    pub(in crate::planning) hint: Option<Arc<str>>,
    /// it was told already, together with others
    pub(in crate::planning) told: bool,
}

impl HoldReason {
    /// Told already, together with others.
    pub(in crate::planning) fn told(code: FindingCode, words: &str) -> Self {
        Self { code, words: words.into(), hint: None, told: true }
    }

    /// What it depends on is in a column that lost many of its values: told once, of the source.
    pub(in crate::planning) fn lost() -> Self {
        Self::told(FindingCode::ColumnEmptied, "a column that it depends on lost many of its values")
    }

    /// What it depends on is a value that took the place of another: told once, of the source.
    pub(in crate::planning) fn replaced() -> Self {
        Self::told(FindingCode::StatusReplaced, "its status is a value that was never there before")
    }
}
