//! Requests to one SCIM service: URLs with encoded segments, and each status as an error class.
//!
//! Must never: put a piece of an id into a URL as it is, or say "not found" when a proxy's page said it.

use serde_json::Value as Json;

use crate::connector::budget::Budget;
use crate::connector::connection::{Again, Connection};
use crate::http::{Body, Effect, Method, Request, Response, Url};
use crate::model::SystemError;
use crate::scim::{ErrorBody, MEDIA_TYPE};

/// What an answer beyond the bound is told as.
const TOO_LONG: &str = "the answer is longer than allowed; if the service is sound, raise `maxBody` of its connection";
/// Longer words of a system are cut.
const MAX_DETAIL: usize = 300;

/// One service: where it is and how to sign in.
#[derive(Clone, Debug)]
pub struct Api {
    /// sends
    pub connection: Connection,
    /// up to and without `/Users`
    pub base: Url,
    /// what rows may take
    pub budget: Budget,
}

/// Users or Groups: the part of the URL below the base.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Endpoint {
    /// `/Users`
    Users,
    /// `/Groups`
    Groups,
}

impl Endpoint {
    /// As it stands in a URL.
    pub fn name(self) -> &'static str {
        match self {
            Self::Users => "Users",
            Self::Groups => "Groups",
        }
    }
}

impl Api {
    /// The URL of something below the base.
    pub fn url(&self, segments: &[&str], query: &[(&str, &str)]) -> Result<Url, SystemError> {
        let mut url = self.base.clone();
        // `push` drops dot segments, so `Users/..` would become the collection itself.
        if let Some(odd) = segments.iter().find(|segment| matches!(**segment, "" | "." | "..")) {
            return Err(SystemError::Rejected(format!("{odd:?} can't be an id in a URL")));
        }
        url.path_segments_mut().map_err(|()| SystemError::Rejected("the url has no path".into()))?.pop_if_empty().extend(segments);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }

    /// Changes something, once, and gives the answer, whatever its status.
    pub async fn write(&self, method: Method, url: Url, body: Option<&Json>, if_match: Option<String>) -> Result<Response, SystemError> {
        // Serialising a JSON value into memory can't fail.
        let body = body.map(|body| Body::new(MEDIA_TYPE, serde_json::to_vec(body).unwrap_or_default()));
        self.connection.send(Request { if_match, body, ..Request::writes(method, url, MEDIA_TYPE) }).await
    }

    /// Reads, once; anything but a success is an error.
    pub async fn get(&self, url: Url) -> Result<Response, SystemError> {
        self.success(self.connection.send(Request::reads(Method::GET, url, MEDIA_TYPE)).await?)
    }

    /// Asks with patience until there is an answer, whatever its status; `most` bytes of it.
    pub async fn ask(&self, url: Url, most: Option<usize>, again: Again) -> Result<Response, SystemError> {
        let request = Request { most, ..Request::reads(Method::GET, url, MEDIA_TYPE) };
        self.connection.ask(&request, again, &|response| self.refusal(response)).await
    }

    /// The same where only a success counts.
    pub async fn ask_for(&self, url: Url, most: Option<usize>, again: Again) -> Result<Response, SystemError> {
        self.success(self.ask(url, most, again).await?)
    }

    fn success(&self, response: Response) -> Result<Response, SystemError> {
        if response.succeeded() { Ok(response) } else { Err(self.refusal(&response)) }
    }

    /// Why an answer that is no success is none, as an error class (design 11): the cause, who says so, and what to do.
    pub fn refusal(&self, response: &Response) -> SystemError {
        let write = response.effect == Effect::Writes;
        let said: Option<ErrorBody> = serde_json::from_slice(&response.body).ok();
        let scim_type = said.as_ref().and_then(|said| said.scim_type.as_deref()).unwrap_or_default();
        let message = self.words(response, said.as_ref());
        let place = response.place();
        match response.status {
            300..=399 => SystemError::Protocol(format!(
                "{place} redirects{} ({message}), which is never followed; correct the url",
                whither(response)
            )),
            401 if !self.connection.client().signs_in() => {
                SystemError::Auth(format!("{place} asks for a sign-in ({message}), and the connection has none; give it `auth`"))
            }
            401 => SystemError::Auth(format!(
                "{place} does not accept the secret that `auth` names ({message}): is it the right one, and does it still hold?"
            )),
            403 => SystemError::Forbidden(format!(
                "{place} refuses ({message}); give the account behind `auth` the right to {}",
                self.right(response)
            )),
            404 | 410 if response.is_page() => {
                SystemError::Protocol(format!("{place} answers with a web page ({message}); is the url the base of a SCIM service?"))
            }
            404 | 410 if !write => {
                SystemError::NotFound(format!("{place} has no {} ({message}); is the url the base of the service?", self.asked(response)))
            }
            404 | 410 => SystemError::NotFound(message),
            407 => SystemError::Unreachable(
                response.url.as_ref().map_or_else(|| message.clone(), |url| self.connection.client().proxy_asks(url)),
            ),
            409 | 412 => SystemError::Conflict(message),
            400 if scim_type == "uniqueness" => SystemError::Conflict(message),
            429 => SystemError::Throttled { after: response.retry_after, message },
            503 if response.retry_after.is_some() => SystemError::Throttled { after: response.retry_after, message },
            408 | 425 => SystemError::Unavailable(format!("{place} took too long ({message})")),
            501 | 400..=499 => SystemError::Rejected(message),
            500..=599 if write => SystemError::Uncertain(message),
            500..=599 => SystemError::Unavailable(format!("{place} fails ({message}): the fault is there; try again later")),
            _ => SystemError::Protocol(message),
        }
    }

    /// What was asked for, without what may name people: `/scim/v2/Users`
    fn asked(&self, response: &Response) -> String {
        format!("{}/{}", self.base.path().trim_end_matches('/'), self.collection(response).unwrap_or_default())
    }

    /// The first part of the path below the base.
    fn collection<'r>(&self, response: &'r Response) -> Option<&'r str> {
        let path = response.url.as_ref()?.path().strip_prefix(self.base.path().trim_end_matches('/'))?;
        path.trim_start_matches('/').split('/').next()
    }

    /// What the account behind the secret must be able to do.
    fn right(&self, response: &Response) -> String {
        let what = match self.collection(response) {
            Some("Users") => "users",
            Some("Groups") => "groups",
            other => return format!("read {}", other.unwrap_or("the service")),
        };
        let verb = match response.method {
            Method::POST => "create",
            Method::PUT | Method::PATCH => "change",
            Method::DELETE => "delete",
            _ => "read",
        };
        format!("{verb} {what}")
    }

    /// `HTTP 409 uniqueness: userName is taken`, bounded. What an escape in the JSON hid from the client's own look is looked at again.
    fn words(&self, response: &Response, said: Option<&ErrorBody>) -> String {
        let mut words = format!("HTTP {}", response.status);
        if let Some(kind) = said.and_then(|said| said.scim_type.as_deref()) {
            words.push_str(&format!(" {}", bounded(&self.connection.client().redact(kind))));
        }
        if let Some(detail) = said.and_then(ErrorBody::words) {
            words.push_str(&format!(": {}", bounded(&self.connection.client().redact(detail))));
        }
        words
    }
}

impl Response {
    /// Whether the body is a web page: what a proxy or a sign-in form answers in a service's place.
    pub fn is_page(&self) -> bool {
        let html = self.header("content-type").is_some_and(|kind| kind.to_ascii_lowercase().starts_with("text/html"));
        html || self.body.trim_ascii_start().starts_with(b"<")
    }

    /// Whether the body is one JSON document, without keeping anything of it.
    pub fn check_json(&self) -> Result<(), SystemError> {
        serde_json::from_slice::<serde::de::IgnoredAny>(&self.body).map(drop).map_err(|error| self.not_json(&error))
    }

    /// The body as JSON, or what is there instead, in words.
    pub fn json(&self) -> Result<Json, SystemError> {
        serde_json::from_slice(&self.body).map_err(|error| self.not_json(&error))
    }

    /// What is there instead of the JSON that was expected.
    pub fn not_json(&self, error: &serde_json::Error) -> SystemError {
        SystemError::Protocol(if self.too_long {
            TOO_LONG.into()
        } else if self.body.trim_ascii().is_empty() {
            format!("HTTP {} from {} with an empty body", self.status, self.place())
        } else if self.is_page() {
            let (status, place) = (self.status, self.place());
            format!("HTTP {status} from {place} with a web page in place of JSON; is the url the base of a SCIM service?")
        } else if error.is_eof() {
            format!("HTTP {} with JSON that breaks off after {} bytes", self.status, self.body.len())
        } else {
            // serde's words can quote the body, so only the place is told.
            format!("HTTP {} with something else than was asked for (line {}, column {})", self.status, error.line(), error.column())
        })
    }
}

fn whither(response: &Response) -> String {
    let host = response.header("location").and_then(|location| Url::parse(location).ok()).and_then(|url| url.host_str().map(str::to_owned));
    host.map_or_else(String::new, |host| format!(" to {}", bounded(&host)))
}

fn bounded(text: &str) -> String {
    let mut clean: String = text.chars().take(MAX_DETAIL).map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    if clean.len() < text.len() {
        clean.push('…');
    }
    clean
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::connector::connection::System;
    use crate::http::{Client, Credentials, Settings};

    fn api() -> Api {
        let credentials = Some(Credentials::Bearer("t0ken".to_owned().into()));
        let settings = Settings {
            system: "chat".into(),
            timeout: Duration::from_secs(1),
            max_body: 1000,
            ca_file: None,
            identity: None,
            credentials,
            renew: None,
            detour: None,
            recording: None,
        };
        let base = Url::parse("https://chat.example/scim/v2/").expect("a url");
        let client = Client::new(&settings).expect("a client");
        let connection = Connection::new(client, Arc::new(System::default()), Duration::ZERO);
        Api { connection, base, budget: Budget::default() }
    }

    #[test]
    fn ids_are_encoded_and_never_walk() {
        let url = api().url(&["Users", "a/b?c#d%"], &[("filter", "userName eq \"ö&=\"")]).expect("a url");
        assert_eq!(url.as_str(), "https://chat.example/scim/v2/Users/a%2Fb%3Fc%23d%25?filter=userName+eq+%22%C3%B6%26%3D%22");
        for odd in ["", ".", ".."] {
            assert!(api().url(&["Users", odd], &[]).is_err(), "{odd:?}");
        }
    }

    #[test]
    fn each_status_has_its_class() {
        let scim = |status, scim_type: &str| Response {
            status,
            body: format!(r#"{{"status": "{status}", "scimType": "{scim_type}", "detail": "no t0ken\n"}}"#).into(),
            ..Response::default()
        };
        let asked =
            |response: &Response, write| Response { effect: if write { Effect::Writes } else { Effect::Reads }, ..response.clone() };
        let class = |response: &Response, write| {
            format!("{:?}", api().refusal(&asked(response, write))).split(['(', ' ']).next().unwrap_or_default().to_owned()
        };
        for (status, read, write) in [
            (301, "Protocol", "Protocol"),
            (400, "Rejected", "Rejected"),
            (401, "Auth", "Auth"),
            (403, "Forbidden", "Forbidden"),
            (404, "NotFound", "NotFound"),
            (405, "Rejected", "Rejected"),
            (408, "Unavailable", "Unavailable"),
            (409, "Conflict", "Conflict"),
            (412, "Conflict", "Conflict"),
            (422, "Rejected", "Rejected"),
            (429, "Throttled", "Throttled"),
            (500, "Unavailable", "Uncertain"),
            (501, "Rejected", "Rejected"),
            (502, "Unavailable", "Uncertain"),
            (503, "Unavailable", "Uncertain"),
            (504, "Unavailable", "Uncertain"),
        ] {
            assert_eq!((class(&scim(status, ""), false), class(&scim(status, ""), true)), (read.into(), write.into()), "{status}");
        }
        assert_eq!(class(&scim(400, "uniqueness"), true), "Conflict");
        let later = Response { retry_after: Some(Duration::from_secs(7)), ..scim(503, "") };
        assert!(matches!(api().refusal(&asked(&later, true)), SystemError::Throttled { after: Some(after), .. } if after.as_secs() == 7));
        let echo = |scim_type| api().refusal(&asked(&scim(400, scim_type), true)).to_string();
        assert_eq!(echo("invalidValue"), "rejected: HTTP 400 invalidValue: no [secret] ");
        assert_eq!(echo("t0ken"), "rejected: HTTP 400 [secret]: no [secret] ");
        assert_eq!(echo("\\u0074%30ken dDBrZW4="), "rejected: HTTP 400 [secret] [secret]4=: no [secret] ");
        let page = Response { status: 404, body: b"<html>".to_vec(), ..Response::default() };
        assert_eq!(class(&page, true), "Protocol");
    }
}
