//! What is answered when something is not as it was asked: one value, as problem+json (RFC 9457) to programs, and as a page to people.
//!
//! Must never: tell whoever is not signed in more than that they are not.

use axum::http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::state::StateError;

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    /// how HTTP calls it
    pub status: StatusCode,
    /// one sentence that names the thing
    pub detail: String,
    /// the next step
    pub next: Option<String>,
    /// whether whoever signs in anew may do it
    pub asks_again: bool,
}

impl Problem {
    /// In one sentence.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), next: None, asks_again: false }
    }

    /// With the next step.
    pub fn next(self, words: impl Into<String>) -> Self {
        Self { next: Some(words.into()), ..self }
    }

    /// Whoever signs in anew may do it.
    pub fn again(self) -> Self {
        Self { asks_again: true, ..self }
    }

    /// Nobody is signed in.
    pub fn unknown(words: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, words)
    }

    /// They may not.
    pub fn forbidden(words: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, words)
    }

    /// There is no such thing.
    pub fn missing(words: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, words)
    }

    /// It was asked in a wrong way.
    pub fn wrong(words: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, words)
    }

    /// Nobody can say for now.
    pub fn away(words: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, words)
    }
}

impl From<StateError> for Problem {
    fn from(error: StateError) -> Self {
        Self::away(format!("the state can't be used: {error}"))
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let title = self.status.canonical_reason().unwrap_or("problem");
        let mut document = json!({"type": "about:blank", "title": title, "status": self.status.as_u16(), "detail": self.detail});
        if let (Some(next), Some(fields)) = (&self.next, document.as_object_mut()) {
            fields.insert("next".to_owned(), next.as_str().into());
        }
        let mut response = json_of(self.status, "application/problem+json", &document);
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// JSON, as commands write it.
pub(super) fn json(document: &serde_json::Value) -> Response {
    json_of(StatusCode::OK, "application/json", document)
}

/// The same with another status.
pub(super) fn json_of(status: StatusCode, media_type: &'static str, document: &serde_json::Value) -> Response {
    (status, [(CONTENT_TYPE, media_type)], format!("{document:#}\n")).into_response()
}
