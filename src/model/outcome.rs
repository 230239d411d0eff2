//! What became of a change, and the one enum of errors that a system can answer with.

use std::sync::Arc;
use std::time::Duration;

/// Why a system did not do what was asked (design 11). The class drives retries and the words of the finding.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SystemError {
    /// who we are was refused or can't be told: 401, a failed bind, a secret that is not there
    #[error("can't sign in: {0}")]
    Auth(String),
    /// we may not do this: 403
    #[error("not allowed: {0}")]
    Forbidden(String),
    /// the object is not there: 404
    #[error("not found: {0}")]
    NotFound(String),
    /// it exists already, or changed since it was read: 409, 412
    #[error("conflict: {0}")]
    Conflict(String),
    /// too many requests: 429
    #[error("throttled: {message}")]
    Throttled {
        /// how long to wait, if the system said so
        after: Option<Duration>,
        /// what it said
        message: String,
    },
    /// the system understood and refused the content: 400, 422, a constraint
    #[error("rejected: {0}")]
    Rejected(String),
    /// nothing was done and a retry may help: connection refused, 503 before anything was sent
    #[error("{0}")]
    Unavailable(String),
    /// there is no way to it, nothing was sent, and asking again changes nothing: a certificate that is not trusted, a proxy that says no
    #[error("{0}")]
    Unreachable(String),
    /// nothing of it was sent, since leave to write was lost on the way: the lock is somebody else's
    #[error("not sent: {0}")]
    NotSent(String),
    /// it was sent and nobody knows whether it was done: a lost answer, a timeout, 502
    #[error("outcome uncertain: {0}")]
    Uncertain(String),
    /// the answer makes no sense: HTML, a wrong shape, a lie
    #[error("unexpected answer: {0}")]
    Protocol(String),
}

/// What became of one change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// done; the object's id at the target
    Done {
        /// the id, for a create the new one
        id: Option<Arc<str>>,
    },
    /// it was so already
    AlreadySo {
        /// the id of the object that was found so
        id: Option<Arc<str>>,
    },
    /// done in part: some members could not be resolved or were refused
    Partly {
        /// what is missing
        missing: String,
    },
    /// not done
    Failed(SystemError),
    /// sent, and nobody knows; the next plan will see
    Uncertain(String),
    /// not tried: a change that it needs did not succeed, or the run was stopped
    Skipped(String),
}

impl SystemError {
    /// The same error in other words.
    pub fn map_words(mut self, change: impl FnOnce(&str) -> String) -> Self {
        let (Self::Auth(words)
        | Self::Forbidden(words)
        | Self::NotFound(words)
        | Self::Conflict(words)
        | Self::Throttled { message: words, .. }
        | Self::Rejected(words)
        | Self::Unavailable(words)
        | Self::Unreachable(words)
        | Self::NotSent(words)
        | Self::Uncertain(words)
        | Self::Protocol(words)) = &mut self;
        *words = change(words);
        self
    }

    /// Whether the same request may be sent again without looking first.
    pub fn retryable(&self) -> bool {
        matches!(self, Self::Throttled { .. } | Self::Unavailable(_))
    }
}

impl Outcome {
    /// Whether the change holds now.
    pub fn holds(&self) -> bool {
        matches!(self, Self::Done { .. } | Self::AlreadySo { .. })
    }

    /// What went wrong, if something did.
    pub fn trouble(&self) -> Option<String> {
        match self {
            Self::Done { .. } | Self::AlreadySo { .. } => None,
            Self::Partly { missing } => Some(format!("done in part, missing: {missing}")),
            Self::Failed(error) => Some(error.to_string()),
            Self::Uncertain(why) => Some(format!("nobody knows whether it was done: {why}")),
            Self::Skipped(why) => Some(format!("not tried: {why}")),
        }
    }
}
