//! Webhooks in: `/hooks/sources/NAME` for a Source whose Connector says how its system sends them, `/hooks/manifests` for the host of the repository that manifests are in.
//!
//! Whoever sends one learns nothing but that it came. Must never: do more for a message than have something read, tell why one was refused, or hold more of one than its
//! bound.

mod receivers;
mod subscriptions;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::Response;
use jiff::Timestamp;
use secrecy::ExposeSecret;
use tokio::time::timeout;

pub(super) use receivers::Hooks;
pub use receivers::ManifestHooks;
use receivers::{HookSubject, OpenReceiver};
pub(super) use subscriptions::Subscriptions;

use super::desk::Desk;
use super::inbound::Inbound;
use crate::hooks::{HookAnswer, HookMessage};
use crate::metrics::HookResult;

/// Where hooks come to.
pub(super) const ROOT: &str = "/hooks/";
/// Bytes of one.
const MAX_BODY: usize = 1 << 20;
/// A body that is longer on its way is not waited for.
const BODY: Duration = Duration::from_secs(10);

/// What is answered, and what is counted.
struct Reply {
    status: StatusCode,
    result: HookResult,
    headers: Vec<(HeaderName, &'static str)>,
    body: String,
}

impl Reply {
    fn new(status: StatusCode, result: HookResult) -> Self {
        Self { status, result, headers: Vec::new(), body: String::new() }
    }

    fn with(mut self, name: HeaderName, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Not for now: whoever tries again is heard.
    fn away() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, HookResult::Away).with(RETRY_AFTER, "5")
    }

    fn response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        let fixed = [(CACHE_CONTROL, "no-store"), (X_CONTENT_TYPE_OPTIONS, "nosniff")];
        for (name, value) in self.headers.into_iter().chain(fixed) {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

/// Answers one.
pub(super) async fn answered(State(inbound): State<Arc<Inbound>>, request: Request) -> Response {
    let subject = HookSubject::of_path(request.uri().path());
    let found = match (&subject, inbound.desk_now()) {
        (None, _) => Err(Reply::new(StatusCode::NOT_FOUND, HookResult::Refused)),
        (Some(_), None) => Err(Reply::away()),
        (Some(subject), Some(desk)) => match inbound.hooks.find(subject, &desk).await {
            Some(found) => Ok((desk, found)),
            None => Err(Reply::new(StatusCode::NOT_FOUND, HookResult::Refused)),
        },
    };
    match found {
        // Nobody declared it: its name is nobody's label.
        Err(reply) => reply.response(),
        Ok((desk, receiver)) => {
            let reply = heard(&inbound, &desk, &receiver, request).await;
            inbound.metrics.hook(receiver.subject.label(), reply.result);
            reply.response()
        }
    }
}

async fn heard(inbound: &Inbound, desk: &Desk, receiver: &OpenReceiver, request: Request) -> Reply {
    if !receiver.may_ask() {
        return Reply::new(StatusCode::TOO_MANY_REQUESTS, HookResult::Throttled).with(RETRY_AFTER, "1");
    }
    let (head, body) = request.into_parts();
    if !matches!(head.method, Method::POST | Method::GET) {
        return Reply::new(StatusCode::METHOD_NOT_ALLOWED, HookResult::Refused).with(ALLOW, "GET, POST");
    }
    let Ok(body) = timeout(BODY, to_bytes(body, MAX_BODY)).await else {
        return Reply::new(StatusCode::REQUEST_TIMEOUT, HookResult::Refused);
    };
    let Ok(body) = body else { return Reply::new(StatusCode::PAYLOAD_TOO_LARGE, HookResult::Refused) };
    let secret = match receiver.secret().await {
        Ok(secret) => secret,
        Err(error) => {
            tracing::error!(target: "headcount::hooks", receiver = receiver.subject.label(), %error, "the secret of a webhook can't be had");
            return Reply::away();
        }
    };
    let now = Timestamp::now();
    let header = |name: &str| once(&head.headers, name);
    let message = HookMessage::new(&header, head.uri.query().unwrap_or_default(), &body);
    match receiver.hear(&message, secret.expose_secret(), now) {
        Err(why) => {
            tracing::warn!(target: "headcount::hooks", receiver = receiver.subject.label(), %why, "a webhook was refused");
            Reply::new(StatusCode::UNAUTHORIZED, HookResult::Refused)
        }
        Ok(HookAnswer::Text(body)) => Reply { body, ..said("text/plain; charset=utf-8") },
        Ok(HookAnswer::Json(body)) => Reply { body, ..said("application/json") },
        Ok(HookAnswer::Nothing) => Reply::new(StatusCode::OK, HookResult::Nothing),
        // What a replica that waits would note, the one that runs would never hear of.
        Ok(HookAnswer::Changed(_)) if !desk.mail.inboxes().writes() => Reply::away(),
        Ok(HookAnswer::Changed(marks)) if receiver.came(&marks, now) => Reply::new(StatusCode::OK, HookResult::Repeated),
        Ok(HookAnswer::Changed(_)) => {
            if let (Some(subscriptions), HookSubject::Source(source), true) =
                (&inbound.subscriptions, &receiver.subject, receiver.ends(&message))
            {
                subscriptions.ending(source);
            }
            match receiver.subject.stir(&desk.mail) {
                Some(()) => Reply::new(StatusCode::ACCEPTED, HookResult::Taken),
                None => Reply::away(),
            }
        }
    }
}

fn said(kind: &'static str) -> Reply {
    Reply::new(StatusCode::OK, HookResult::Nothing).with(CONTENT_TYPE, kind)
}

/// A header; of two nobody knows which was meant.
fn once<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut sent = headers.get_all(name).iter();
    match (sent.next(), sent.next()) {
        (Some(one), None) => one.to_str().ok(),
        _ => None,
    }
}
