//! What a client is answered: JSON of SCIM's media type, whatever came of it.
//!
//! Must never: answer an error in another shape, or put what a client sent into a header.

use axum::body::Body;
use axum::http::header::{self, HeaderName};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use serde_json::Value as Json;

use crate::inbox::{PushRefusal, Version, etag};
use crate::scim::{MEDIA_TYPE, ScimRefusal};

/// One answer.
#[derive(Debug)]
pub(super) struct Answer {
    status: u16,
    body: Option<Json>,
    headers: Vec<(HeaderName, String)>,
}

impl Answer {
    /// With a body.
    pub fn of(status: u16, body: Json) -> Self {
        Self { status, body: Some(body), headers: Vec::new() }
    }

    /// With none.
    pub fn empty(status: u16) -> Self {
        Self { status, body: None, headers: Vec::new() }
    }

    /// An error.
    pub fn refused(refusal: &ScimRefusal) -> Self {
        Self::of(refusal.status, refusal.body())
    }

    /// Not for now: the client tries again.
    pub fn away(words: &str) -> Self {
        Self::refused(&ScimRefusal::new(503, words)).with(header::RETRY_AFTER, "5")
    }

    /// How it ended.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// With a header.
    pub fn with(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Of a version.
    pub fn version(self, version: Version) -> Self {
        self.with(header::ETAG, etag(version))
    }

    /// As HTTP sends it.
    pub fn response(self, is_head: bool) -> Response {
        let mut response = Response::new(match &self.body {
            Some(body) if !is_head => Body::from(body.to_string()),
            _ => Body::empty(),
        });
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        if self.body.is_some() {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        }
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        for (name, value) in self.headers {
            if let Ok(value) = value.parse() {
                headers.insert(name, value);
            }
        }
        response
    }
}

impl From<ScimRefusal> for Answer {
    fn from(refusal: ScimRefusal) -> Self {
        Self::refused(&refusal)
    }
}

impl From<PushRefusal> for Answer {
    fn from(refusal: PushRefusal) -> Self {
        match refusal {
            PushRefusal::Refused(refusal) => Self::refused(&refusal),
            PushRefusal::Stale => Self::refused(&ScimRefusal::new(412, "it has another version by now")),
            PushRefusal::Away(why) => {
                tracing::warn!(target: "headcount::inbox", why, "something that was pushed was not kept; the client is to try again");
                Self::away("it can't be kept for now")
            }
        }
    }
}
