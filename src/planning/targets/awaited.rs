//! Objects that headcount wrote a moment ago and that a target does not show yet.
//!
//! Must never: be taken for gone, or made again.

use std::sync::Arc;

use jiff::SignedDuration;

use crate::model::{FindingCode, Severity};
use crate::planning::basis::Basis;
use crate::planning::findings::{Findings, Shared};
use crate::world::LinkRow;

/// So long a system may take to show what was written.
const SETTLING: SignedDuration = SignedDuration::from_hours(1);
/// Whether headcount wrote an object so lately that the system may not show it yet.
pub(in crate::planning) fn is_awaited(basis: &Basis<'_>, links: &[LinkRow<'_>]) -> bool {
    links.iter().any(|link| basis.moment.now.duration_since(link.at) < SETTLING)
}

/// What is said of an object that is waited for.
pub(in crate::planning) fn tell_awaited(basis: &Basis<'_>, target: usize, key: &Arc<str>, findings: &mut Findings) {
    let sentence =
        "{who}: headcount wrote it less than an hour ago, and the target does not show it; it is not made again before that hour is over";
    let shared = Shared::new(Severity::Incomplete, FindingCode::IncompleteRead, Some(&basis.policy.targets[target].name), sentence);
    findings.share(shared.hint("Run again later: some systems show a write only after minutes."), key);
}
