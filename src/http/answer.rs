//! One answer, whatever its status: its headers, and its content in one piece or piece by piece, never beyond the bound.
//!
//! Must never: hand on a secret of ours, or let an answer that broke off look like a whole one.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::Method;
use reqwest::header::{ETAG, HeaderMap};
use url::Url;

use super::redact::{HELD_BACK, Redactor};
use super::request::{Effect, Request};
use super::trouble::Failure;
use super::{Client, way};
use crate::model::SystemError;

/// A longer wait than a day is not an answer to "when".
const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// One answer, whatever its status.
#[derive(Clone, Debug, Default)]
pub struct Response {
    /// what was asked: the verb
    pub method: Method,
    /// whether the request could change anything
    pub effect: Effect,
    /// and of whom; always there in what a client gives
    pub url: Option<Url>,
    /// the status code
    pub status: u16,
    /// what stands above the content, without our secrets
    pub headers: Headers,
    /// `ETag`; it goes back as it came, to the server that sent it, and nowhere else
    pub etag: Option<String>,
    /// `Retry-After`, as a time from now
    pub retry_after: Option<Duration>,
    /// the content; of a write also empty where it was lost on the way, since the status already says what was done
    pub body: Vec<u8>,
    /// the content was longer than allowed, and is not there
    pub too_long: bool,
}

/// The headers of an answer; the client bounds them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Vec<(Box<str>, Box<str>)>);

/// An answer whose content comes piece by piece.
#[derive(Debug)]
pub struct Streamed {
    /// everything but the content
    pub head: Response,
    answer: reqwest::Response,
    client: Client,
    redactor: Arc<Redactor>,
    /// bytes that may still come
    left: usize,
    /// what may be the beginning of a secret waits for its end
    held: Vec<u8>,
}

/// Why a body did not come.
enum Broken {
    TooLong,
    Lost(reqwest::Error),
}

impl Response {
    /// A header's value; of several of one name the first.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)
    }

    /// 2xx
    pub fn succeeded(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Who answered: `chat.example:443`
    pub fn place(&self) -> String {
        self.url.as_ref().map_or_else(|| "the service".to_owned(), way::place)
    }
}

impl Headers {
    /// These, for tests and fakes.
    pub fn of<'h>(headers: impl IntoIterator<Item = (&'h str, &'h str)>) -> Self {
        Self(headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase().into(), value.into())).collect())
    }

    /// A header's value, whatever the case of its name; of several of one name the first.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
    }

    /// All of them; names in lower case.
    pub fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    fn clean(headers: &HeaderMap, redactor: &Redactor) -> Self {
        let text = |(name, value): (&reqwest::header::HeaderName, &reqwest::header::HeaderValue)| {
            Some((name.as_str().into(), redactor.words(value.to_str().ok()?).into()))
        };
        Self(headers.iter().filter_map(text).collect())
    }
}

impl Streamed {
    pub(super) fn new(client: &Client, request: &Request, answer: reqwest::Response) -> Self {
        let redactor = client.sign_in.redactor();
        let headers = Headers::clean(answer.headers(), &redactor);
        let head = Response {
            method: request.method.clone(),
            effect: request.effect,
            url: Some(request.url.clone()),
            status: answer.status().as_u16(),
            etag: answer.headers().get(ETAG).and_then(|value| value.to_str().ok()).map(str::to_owned),
            retry_after: headers.get("retry-after").and_then(|text| retry_after(text, Timestamp::now())),
            headers,
            ..Response::default()
        };
        let left = request.most.map_or(client.max_body, |most| most.min(client.max_body));
        Self { head, answer, client: client.clone(), redactor, left, held: Vec::new() }
    }

    /// How much content there will be, where it is said.
    pub fn announced(&self) -> u64 {
        self.answer.content_length().unwrap_or_default()
    }

    /// The next piece; nothing at the end. What breaks off, or is longer than allowed, is an error and no end.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, SystemError> {
        loop {
            match self.chunk().await {
                Ok(Some(chunk)) => self.held.extend_from_slice(&chunk),
                Ok(None) => {
                    let mut rest = std::mem::take(&mut self.held);
                    self.redactor.data(&mut rest);
                    return Ok((!rest.is_empty()).then_some(rest));
                }
                Err(Broken::TooLong) => return Err(SystemError::Protocol("the answer is longer than allowed".into())),
                Err(Broken::Lost(error)) => return Err(self.lost(&error)),
            }
            if self.held.len() > 2 * HELD_BACK {
                self.redactor.data(&mut self.held);
                let tail = self.held.split_off(self.held.len().saturating_sub(HELD_BACK));
                return Ok(Some(std::mem::replace(&mut self.held, tail)));
            }
        }
    }

    /// The content in one piece, whose room grows with what comes and never beyond the bound.
    pub(super) async fn whole(mut self) -> Result<Response, SystemError> {
        match self.body().await {
            Ok(mut body) => {
                self.redactor.data(&mut body);
                self.head.body = body;
            }
            Err(Broken::TooLong) => self.head.too_long = true,
            Err(Broken::Lost(_)) if self.head.effect == Effect::Writes || !self.head.succeeded() => {}
            Err(Broken::Lost(error)) => return Err(self.lost(&error)),
        }
        Ok(self.head)
    }

    async fn body(&mut self) -> Result<Vec<u8>, Broken> {
        let most = self.left;
        if self.answer.content_length().is_some_and(|length| length > most as u64) {
            return Err(Broken::TooLong);
        }
        let mut body: Vec<u8> = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            let length = body.len() + chunk.len();
            if length > body.capacity() {
                body.reserve_exact((2 * length).min(most) - body.len());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    async fn chunk(&mut self) -> Result<Option<bytes::Bytes>, Broken> {
        let Some(chunk) = self.answer.chunk().await.map_err(Broken::Lost)? else { return Ok(None) };
        self.left = self.left.checked_sub(chunk.len()).ok_or(Broken::TooLong)?;
        Ok(Some(chunk))
    }

    /// The status was heard, so a write is not in doubt; what is lost is what it says.
    fn lost(&self, error: &reqwest::Error) -> SystemError {
        match &self.head.url {
            Some(url) => self.client.lost(&Failure::from(error), url),
            None => SystemError::Unavailable("the answer broke off".into()),
        }
    }
}

/// Seconds or an HTTP date (RFC 9110 section 10.2.3); a date that has passed means now.
fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    let wait = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let until = rfc2822::parse(text).ok()?.timestamp();
            Duration::try_from(until.duration_since(now)).unwrap_or(Duration::ZERO)
        }
    };
    Some(wait.min(MAX_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now: Timestamp = "2026-11-22T10:00:00Z".parse().expect("a time");
        assert_eq!(retry_after(" 17 ", now), Some(Duration::from_secs(17)));
        assert_eq!(retry_after("Sun, 22 Nov 2026 10:00:30 GMT", now), Some(Duration::from_secs(30)));
        assert_eq!(retry_after("Sun, 22 Nov 2026 09:00:00 GMT", now), Some(Duration::ZERO));
        assert_eq!(retry_after("999999999999", now), Some(MAX_RETRY_AFTER));
        assert_eq!(retry_after("soon", now), None);
    }
}
