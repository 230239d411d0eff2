//! What happens in a turn, as lines of the log: for whoever runs without anybody who looks.
//!
//! Must never: hold what a target said of a person, or a name; keys are the log's to show or to hide.

use super::News;
use crate::model::{Evidence, Outcome, SystemError};

/// Writes what is worth a line: what was done, and what went wrong.
pub fn log(news: &News<'_>) {
    match news {
        News::Settling { wait, .. } => {
            let seconds = wait.as_secs();
            tracing::warn!(target: "headcount::run", seconds, "the lock was taken over: what its holder sent last is waited for");
        }
        News::Killed { run, open } => tracing::warn!(target: "headcount::run", run, open, "a run ended without a word"),
        News::Restarted { system, .. } => tracing::warn!(target: "headcount::run", system, "a reading began anew"),
        News::Read { system, report } => {
            for (kind, evidence) in &report.kinds {
                let (kind, why, evidence) = (format!("{kind:?}").to_lowercase(), evidence.reason(), word(evidence));
                match why {
                    None => tracing::debug!(target: "headcount::run", system, kind, evidence, "read"),
                    Some(why) => tracing::warn!(target: "headcount::run", system, kind, evidence, why, "not read to its end"),
                }
            }
        }
        News::Covered { by, .. } => tracing::info!(target: "headcount::run", by, "a revocation stands in the manifests now"),
        News::Running { plan } => {
            let changes = plan.changes.len();
            tracing::info!(target: "headcount::run", changes, "changing");
        }
        News::Finished { change, outcome } => {
            let (target, key) = (&*change.target, &*change.object.key);
            let action = format!("{:?}", change.action);
            match trouble(outcome) {
                None => tracing::info!(target: "headcount::run", target, action, key, "done"),
                Some(why) => tracing::warn!(target: "headcount::run", target, action, key, why, "not done"),
            }
        }
        News::Paused { target, pause, .. } => {
            let seconds = pause.as_secs();
            tracing::warn!(target: "headcount::run", target, seconds, "a target is left alone for a while");
        }
        News::Ran => tracing::info!(target: "headcount::run", "changed"),
        News::Revoking => tracing::info!(target: "headcount::run", "somebody is cut off"),
        News::Again { target, .. } => tracing::info!(target: "headcount::run", target, "what is left of a revocation is tried again"),
        News::Unread { source, .. } => tracing::warn!(target: "headcount::run", system = source, "not read while somebody is cut off"),
        News::StateLost(_) => tracing::error!(target: "headcount::run", "the state can't be used: nothing is remembered"),
        News::Waiting { .. } | News::Reading { .. } | News::Rows { .. } | News::Planning | News::Planned | News::Cutting { .. } => {}
    }
}

fn word(evidence: &Evidence) -> &'static str {
    match evidence {
        Evidence::Complete => "complete",
        Evidence::Delta => "delta",
        Evidence::Partial { .. } => "partial",
        Evidence::Unreadable { .. } => "unreadable",
    }
}

/// Why a change was not done, in one word of ours: what the target said of somebody stands in the journal.
fn trouble(outcome: &Outcome) -> Option<&'static str> {
    match outcome {
        Outcome::Done { .. } | Outcome::AlreadySo { .. } => None,
        Outcome::Partly { .. } => Some("partly"),
        Outcome::Uncertain(_) => Some("uncertain"),
        Outcome::Skipped(_) => Some("skipped"),
        Outcome::Failed(error) => Some(match error {
            SystemError::Auth(_) => "sign-in refused",
            SystemError::Forbidden(_) => "forbidden",
            SystemError::NotFound(_) => "not found",
            SystemError::Conflict(_) => "conflict",
            SystemError::Throttled { .. } => "throttled",
            SystemError::Rejected(_) => "rejected",
            SystemError::Unavailable(_) => "unavailable",
            SystemError::Unreachable(_) => "unreachable",
            SystemError::Uncertain(_) => "uncertain",
            SystemError::Protocol(_) => "not understood",
            SystemError::NotSent(_) => "not sent",
        }),
    }
}
