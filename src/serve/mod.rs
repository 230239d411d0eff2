//! What listens: one server for HTTP with bounds, and the pages of it that say how it goes: `/metrics`, `/healthz`, `/readyz`.
//!
//! Must never: wait for a client without an end, answer with anything of a person, or look into the state: what it says it was told.

mod health;
mod listen;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Instant;

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderName, StatusCode};
use axum::response::IntoResponse;
use axum::routing::get;
use jiff::Timestamp;

pub use health::Health;
pub use listen::{Bounds, Listening, ServeError, listen};

use crate::metrics::{MEDIA_TYPE, Metrics};

/// Where it is told how it goes, unless somebody says otherwise: to this machine alone.
pub const MONITORING: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7412);

/// The pages that say how it goes.
pub fn monitoring(health: Health, metrics: Metrics) -> Router {
    let ready = health.clone();
    Router::new()
        .route("/metrics", get(move || async move { answer(StatusCode::OK, MEDIA_TYPE, metrics.text(Timestamp::now())) }))
        .route("/healthz", get(move || async move { verdict(health.lives(Instant::now())) }))
        .route("/readyz", get(move || async move { verdict(ready.is_ready()) }))
}

fn verdict(verdict: Result<(), String>) -> impl IntoResponse {
    let (status, words) = match verdict {
        Ok(()) => (StatusCode::OK, "ok".to_owned()),
        Err(words) => (StatusCode::SERVICE_UNAVAILABLE, words),
    };
    answer(status, "text/plain; charset=utf-8", format!("{words}\n"))
}

fn answer(status: StatusCode, media_type: &'static str, text: String) -> impl IntoResponse + use<> {
    let headers: [(HeaderName, &'static str); 3] =
        [(CONTENT_TYPE, media_type), (CACHE_CONTROL, "no-store"), (X_CONTENT_TYPE_OPTIONS, "nosniff")];
    (status, headers, text)
}
