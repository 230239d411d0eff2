//! One request of a host's API: signed in, bounded, and patient where the host asks for it.
//!
//! Must never: wait longer than its patience, or send a write again that may have had an effect.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::de::DeserializeOwned;

use super::error::ForgeError;
use crate::http::{Body, Client, Credentials, Method, Request, Response, Settings, Url};
use crate::model::SystemError;

/// Hosts answer faster than that, or not at all.
const TIMEOUT: Duration = Duration::from_secs(30);
/// A hundred comments of the greatest length fit.
const MAX_BODY: usize = 64 << 20;
/// What a host without a word about how long asks for at least.
const REST: Duration = Duration::from_secs(60);
/// A read that failed is tried so often.
const TRIES: u32 = 4;
const JSON: &str = "application/json";

/// Where the API is, and how to sign in.
pub struct Access {
    /// `https://api.github.com`
    pub api: Url,
    /// the token, as the host takes it
    pub credentials: Credentials,
    /// how long is waited for a host that asks for it
    pub patience: Patience,
}

/// How long is waited in all, and who is told.
#[derive(Clone, Copy)]
pub struct Patience {
    /// no longer than that
    pub most: Duration,
    /// says to whoever looks that it waits
    pub told: fn(&str),
}

/// A connection to one host.
pub(super) struct Talk {
    client: Client,
    api: Url,
    patience: Patience,
    /// media type that answers have
    accept: &'static str,
    headers: &'static [(&'static str, &'static str)],
}

impl Talk {
    pub(super) fn new(access: Access, accept: &'static str, headers: &'static [(&'static str, &'static str)]) -> Result<Self, ForgeError> {
        let settings = Settings {
            system: Arc::from("review"),
            timeout: TIMEOUT,
            max_body: MAX_BODY,
            credentials: Some(access.credentials),
            renew: None,
            ca_file: None,
            identity: None,
            detour: None,
            recording: None,
        };
        let client = Client::new(&settings).map_err(|error| ForgeError::lost(error, "speak to the host"))?;
        Ok(Self { client, api: access.api, patience: access.patience, accept, headers })
    }

    /// An address below the API: each part is one step of the path, whatever is in it.
    pub(super) fn url(&self, parts: &[&str], query: &[(&str, &str)]) -> Url {
        let mut url = self.api.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(parts);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    pub(super) fn reads(&self, url: Url) -> Request {
        self.with_headers(Request::reads(Method::GET, url, self.accept))
    }

    /// A question that is asked by POST.
    pub(super) fn asks(&self, url: Url, content: &serde_json::Value) -> Request {
        let mut request = self.with_headers(Request::reads(Method::POST, url, self.accept));
        request.body = Some(Body::new(JSON, content.to_string()));
        request
    }

    pub(super) fn writes(&self, method: Method, url: Url, content: &serde_json::Value) -> Request {
        let mut request = self.with_headers(Request::writes(method, url, self.accept));
        request.body = Some(Body::new(JSON, content.to_string()));
        request
    }

    fn with_headers(&self, mut request: Request) -> Request {
        request.headers = self.headers.iter().map(|(name, value)| ((*name).into(), (*value).to_owned())).collect();
        request
    }

    /// Asks, and reads the answer. `what` says what it is for; `right` what the token needs.
    pub(super) async fn json<T: DeserializeOwned>(&self, request: Request, what: &str, right: &str) -> Result<(T, Response), ForgeError> {
        let answer = self.send(request, what, right).await?;
        match serde_json::from_slice(&answer.body) {
            Ok(read) => Ok((read, answer)),
            Err(_) => Err(ForgeError::odd(&answer, what)),
        }
    }

    /// Asks until it is answered; whatever is no success is an error.
    pub(super) async fn send(&self, request: Request, what: &str, right: &str) -> Result<Response, ForgeError> {
        let reads = request.effect == crate::http::Effect::Reads;
        let mut waited = Duration::ZERO;
        for attempt in 1..=TRIES {
            let pause = match self.client.send(request.clone()).await {
                Ok(answer) if answer.succeeded() => return Ok(answer),
                Ok(answer) => match asked_to_wait(&answer, Timestamp::now()) {
                    Some(wait) => wait,
                    None if answer.status >= 500 && !reads => return Err(ForgeError::uncertain(&answer, what)),
                    None if answer.status >= 500 && attempt < TRIES => again(attempt),
                    None => return Err(ForgeError::refused(&answer, what, right)),
                },
                // Nothing was done, so it may be asked again.
                Err(SystemError::Unavailable(_)) if attempt < TRIES => again(attempt),
                Err(error) => return Err(ForgeError::lost(error, what)),
            };
            waited = waited.saturating_add(pause);
            if waited > self.patience.most || attempt == TRIES {
                return Err(too_busy(pause, what));
            }
            if pause > Duration::from_secs(5) {
                (self.patience.told)(&format!("the host asks to wait for {} seconds", pause.as_secs()));
            }
            tokio::time::sleep(pause).await;
        }
        Err(too_busy(REST, what))
    }
}

fn again(attempt: u32) -> Duration {
    Duration::from_millis(500) * 2u32.saturating_pow(attempt)
}

fn too_busy(pause: Duration, what: &str) -> ForgeError {
    ForgeError::other(format!("can't {what}: the host takes no more requests of this token for about {} seconds", pause.as_secs()))
        .hint("run it again after that, or give it a token of its own")
}

/// How long a host wants to be left alone: 429, and GitHub's 403 for its two limits, of which nothing was done.
fn asked_to_wait(answer: &Response, now: Timestamp) -> Option<Duration> {
    let limit_is_used_up = ["x-ratelimit-remaining", "ratelimit-remaining"].iter().any(|name| answer.header(name) == Some("0"));
    let secondary = || super::error::said(answer).is_some_and(|words| words.to_ascii_lowercase().contains("rate limit"));
    let throttled = match answer.status {
        429 => true,
        403 => answer.retry_after.is_some() || limit_is_used_up || secondary(),
        _ => false,
    };
    let until = || {
        let reset = ["x-ratelimit-reset", "ratelimit-reset"].iter().find_map(|name| answer.header(name))?;
        let at = Timestamp::from_second(reset.parse().ok()?).ok()?;
        Some(Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO))
    };
    throttled.then(|| answer.retry_after.or_else(|| limit_is_used_up.then(until).flatten()).unwrap_or(REST))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Headers;

    #[test]
    fn a_host_says_in_one_of_its_ways_how_long_to_wait() {
        let now: Timestamp = "2026-11-29T10:00:00Z".parse().expect("a time");
        let answer = |status: u16, retry: Option<u64>, headers: &[(&str, &str)], body: &str| Response {
            status,
            retry_after: retry.map(Duration::from_secs),
            headers: Headers::of(headers.iter().copied()),
            body: body.into(),
            ..Response::default()
        };
        let reset = (now.as_second() + 90).to_string();
        let used_up = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", reset.as_str())];
        let table = [
            (answer(429, Some(7), &[], ""), Some(7)),
            (answer(429, None, &[], ""), Some(60)),
            (answer(403, Some(7), &[], ""), Some(7)),
            (answer(403, None, &used_up, ""), Some(90)),
            (answer(429, None, &[("ratelimit-remaining", "0"), ("ratelimit-reset", "1")], ""), Some(0)),
            (answer(403, None, &[], r#"{"message":"You have exceeded a secondary rate limit."}"#), Some(60)),
            (answer(403, None, &[("x-ratelimit-remaining", "4999")], r#"{"message":"Resource not accessible by integration"}"#), None),
            (answer(404, Some(7), &[], ""), None),
        ];
        for (at, (answer, wait)) in table.iter().enumerate() {
            assert_eq!(asked_to_wait(answer, now), wait.map(Duration::from_secs), "row {at}");
        }
    }
}
