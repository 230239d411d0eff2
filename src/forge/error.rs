//! Why a comment or a status did not come about, and what to do.

use crate::http::Response;
use crate::model::SystemError;
use crate::render::safe;

/// Letters of a host's own words that are handed on.
const WORDS: usize = 200;

/// Why a comment or a status did not come about.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct ForgeError {
    kind: Kind,
    /// what and why
    pub message: String,
    /// the next step
    pub hint: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// it is not there (404, 410)
    Gone,
    /// it was sent, and nobody knows
    Uncertain,
    Other,
}

impl ForgeError {
    pub(super) fn other(message: impl Into<String>) -> Self {
        Self { kind: Kind::Other, message: message.into(), hint: None }
    }

    pub(super) fn hint(mut self, words: impl Into<String>) -> Self {
        self.hint = Some(words.into());
        self
    }

    pub(super) fn too_long(length: usize) -> Self {
        Self::other(format!("the comment has {length} bytes; hosts take {} at most", super::MOST))
            .hint("write it by `-o markdown=FILE`, which stays below that, and hand longer texts on as `--summary FILE`")
    }

    pub(super) fn lost(error: SystemError, what: &str) -> Self {
        let kind = if matches!(error, SystemError::Uncertain(_)) { Kind::Uncertain } else { Kind::Other };
        Self { kind, message: format!("can't {what}: {error}"), hint: None }
    }

    pub(super) fn uncertain(answer: &Response, what: &str) -> Self {
        let message = format!("can't {what}: {} answered {}; whether it was done is not known", answer.place(), answer.status);
        Self { kind: Kind::Uncertain, message, hint: Some("run it again: it looks for what is there first".into()) }
    }

    /// What an answer means that is none of success.
    pub(super) fn refused(answer: &Response, what: &str, right: &str) -> Self {
        let said = said(answer).map(|words| format!(" ({words})")).unwrap_or_default();
        let told = |kind, why: String| Self { kind, message: format!("can't {what}: {why}{said}"), hint: None };
        let place = answer.place();
        match answer.status {
            401 => told(Kind::Other, format!("{place} does not take the token")).hint(format!("is it still valid? {right}")),
            403 => {
                let asked =
                    answer.header("x-accepted-github-permissions").map(|rights| format!("; the host asks for {}", safe::line(rights)));
                told(Kind::Other, "the token may not".into()).hint(format!("{right}{}", asked.unwrap_or_default()))
            }
            404 | 410 => told(Kind::Gone, format!("{place} has no such thing, or does not show it to this token"))
                .hint(format!("are the repository and the number right? {right}")),
            status => told(Kind::Other, format!("{place} answered {status}")),
        }
    }

    pub(super) fn odd(answer: &Response, what: &str) -> Self {
        let why = if answer.too_long { "the answer is longer than allowed" } else { "the answer is not what its API says" };
        Self::other(format!("can't {what}: {}: {why}", answer.place())).hint("is the address of the API right?")
    }

    pub(super) fn is_gone(&self) -> bool {
        self.kind == Kind::Gone
    }

    pub(super) fn is_uncertain(&self) -> bool {
        self.kind == Kind::Uncertain
    }
}

/// What a host says about it: GitHub's and GitLab's `message`, GitLab's `error`.
pub(super) fn said(answer: &Response) -> Option<String> {
    let body: serde_json::Value = serde_json::from_slice(&answer.body).ok()?;
    let words = body.get("message").or_else(|| body.get("error"))?;
    let words = words.as_str().map_or_else(|| words.to_string(), str::to_owned);
    let first: String = words.lines().next()?.chars().take(WORDS).collect();
    Some(safe::line(&first).into_owned())
}
