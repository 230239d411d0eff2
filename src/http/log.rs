//! One line of the log for each request: who was asked, what for, what came of it, and how long it took.
//!
//! Must never: tell a header, a body, or what stands behind a key of the query, which may name people; or a secret in a path.

use std::time::Instant;

use super::{Client, Request};
use crate::model::SystemError;

/// A request under way.
pub(super) struct Told {
    started: Instant,
    method: String,
    host: String,
    path: String,
    query: String,
}

impl Told {
    /// It is sent now; nothing where nobody reads it.
    pub(super) fn begin(client: &Client, request: &Request) -> Option<Self> {
        if !tracing::enabled!(target: "headcount::http", tracing::Level::INFO) {
            return None;
        }
        let url = &request.url;
        let keys: Vec<_> = url.query_pairs().map(|(key, _)| key.into_owned()).collect();
        let host = url.host_str().map(|host| url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")));
        Some(Self {
            started: Instant::now(),
            method: request.method.to_string(),
            host: host.unwrap_or_default(),
            path: if request.secret_path { "/[secret]".to_owned() } else { client.redact(url.path()) },
            query: client.redact(&keys.join(",")),
        })
    }

    /// It has an answer of this status and length, or will have none.
    pub(super) fn end(self, system: &str, answer: Result<(u16, u64), &SystemError>) {
        let Self { started, method, host, path, query } = self;
        let ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        match answer {
            Ok((status, bytes)) => {
                let status = u64::from(status);
                tracing::info!(target: "headcount::http", system, method, host, path, query, status, bytes, ms, "request");
            }
            // The words were freed of secrets when the error was made.
            Err(error) => {
                let error = error.to_string();
                tracing::warn!(target: "headcount::http", system, method, host, path, query, error, ms, "request without an answer");
            }
        }
    }
}
