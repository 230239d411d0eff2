//! A request, read whole: what it names, what it wants of it, and its body.
//!
//! Must never: take a parameter that can't be read for one that was not sent.

use aws_lc_rs::hmac;
use axum::body::{Body, to_bytes};
use axum::http::header::{CONTENT_TYPE, HOST, IF_MATCH, IF_NONE_MATCH};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Method};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde_json::Value as Json;

use super::Inbound;
use super::answer::Answer;
use crate::inbox::{ListPaging, Match, SearchAsked};
use crate::scim::{self, PatchPath, ScimQuery, ScimRefusal, ServedKind, field};

/// Bytes of a body.
const MAX_BODY: usize = 4 << 20;
/// A page, unless somebody says, and the largest one.
pub(super) const PAGE: usize = 100;
pub(super) const MAX_PAGE: usize = 1000;
/// Seconds for which a cursor leads somewhere.
pub(super) const CURSOR_LIFE: i64 = 600;

/// What a client asks.
pub(super) struct Asked {
    pub method: Method,
    /// whose inbox
    pub source: String,
    /// what of it: `["Users", "2819c223"]`
    pub path: Vec<String>,
    /// where the inbox is, as the client sees it
    pub base: String,
    pub search: SearchAsked,
    pub matches: Option<Match>,
    pub unless: Option<Match>,
    pub body: Json,
}

impl Asked {
    pub async fn read(head: &Parts, body: Body, source: &str, path: &str, inbound: &Inbound) -> Result<Self, Answer> {
        let path: Vec<String> = path.split('/').filter(|part| !part.is_empty()).map(decoded).collect();
        // Of what takes none it is not looked at: what is wrong there is the method.
        let kinds = |first: &String| ServedKind::ALL.into_iter().any(|kind| kind.endpoint() == first);
        let takes_one = path.first().is_some_and(kinds) || path.last().is_some_and(|last| last == ".search");
        let has_body = takes_one && matches!(head.method, Method::POST | Method::PUT | Method::PATCH);
        let body = if has_body { sent(&head.headers, body).await? } else { Json::Null };
        let is_search = path.last().is_some_and(|last| last == ".search");
        let given = if is_search { Given::of_body(&body) } else { Given::of_query(head.uri.query().unwrap_or_default()) };
        Ok(Self {
            method: head.method.clone(),
            source: source.to_owned(),
            base: format!("{}/scim/v2/{source}", origin(&head.headers)),
            path,
            search: given.search(inbound)?,
            matches: versions(&head.headers, IF_MATCH),
            unless: versions(&head.headers, IF_NONE_MATCH),
            body,
        })
    }
}

/// A piece of a path without its escapes.
fn decoded(part: &str) -> String {
    // A query's way is this one, but for `+`.
    let escaped = part.replace('+', "%2B");
    url::form_urlencoded::parse(escaped.as_bytes()).next().map(|(name, _)| name.into_owned()).unwrap_or_default()
}

async fn sent(headers: &HeaderMap, body: Body) -> Result<Json, Answer> {
    let kind = headers.get(CONTENT_TYPE).map(|value| value.to_str().unwrap_or_default());
    let kind = kind.map(|kind| kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
    if !kind.is_none_or(|kind| kind == "application/scim+json" || kind == "application/json") {
        return Err(ScimRefusal::new(415, "a body is application/scim+json").into());
    }
    let large = |_| Answer::refused(&ScimRefusal::new(413, "a body is at most 4 MiB long, and comes whole"));
    let bytes = to_bytes(body, MAX_BODY).await.map_err(large)?;
    scim::body(&bytes).map_err(Answer::from)
}

/// As the client reached us. It is told to that client alone, and nothing is reached by it.
fn origin(headers: &HeaderMap) -> String {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let plain = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '.' | '-' | ':' | '[' | ']');
    let host = text(HOST);
    if host.is_empty() || host.len() > 255 || !host.chars().all(plain) {
        return String::new();
    }
    let scheme = if text(HeaderName::from_static("x-forwarded-proto")) == "https" { "https" } else { "http" };
    format!("{scheme}://{host}")
}

fn versions(headers: &HeaderMap, name: HeaderName) -> Option<Match> {
    let text = headers.get(name)?.to_str().ok()?;
    if text.trim() == "*" {
        return Some(Match::Any);
    }
    let tag = |tag: &str| tag.trim().trim_start_matches("W/").trim_matches('"').parse().ok();
    Some(Match::Of(text.split(',').filter_map(tag).collect()))
}

#[derive(Default)]
struct Given {
    filter: Option<String>,
    start: Option<String>,
    count: Option<String>,
    cursor: Option<String>,
    only: Vec<String>,
    without: Vec<String>,
}

impl Given {
    fn of_query(query: &str) -> Self {
        let mut given = Self::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let list = || value.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect();
            match name.to_ascii_lowercase().as_str() {
                "filter" => given.filter = Some(value.into_owned()),
                "startindex" => given.start = Some(value.into_owned()),
                "count" => given.count = Some(value.into_owned()),
                "cursor" => given.cursor = Some(value.into_owned()),
                "attributes" => given.only = list(),
                "excludedattributes" => given.without = list(),
                _ => {}
            }
        }
        given
    }

    fn of_body(body: &Json) -> Self {
        let text = |name: &str| match field(body, name)? {
            Json::String(text) => Some(text.clone()),
            Json::Null => None,
            other => Some(other.to_string()),
        };
        let list = |name: &str| match field(body, name) {
            Some(Json::Array(names)) => names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect(),
            Some(Json::String(names)) => names.split(',').map(|name| name.trim().to_owned()).collect(),
            _ => Vec::new(),
        };
        Self {
            filter: text("filter"),
            start: text("startIndex"),
            count: text("count"),
            cursor: text("cursor"),
            only: list("attributes"),
            without: list("excludedAttributes"),
        }
    }

    fn search(self, inbound: &Inbound) -> Result<SearchAsked, Answer> {
        let number = |text: Option<String>, name: &str, usual: i64| match text {
            None => Ok(usual),
            Some(text) => text.trim().parse::<i64>().map_err(|_| Answer::from(ScimRefusal::value(format!("{name} is no number")))),
        };
        let paths = |names: Vec<String>| names.iter().map(|name| PatchPath::read(name)).collect::<Result<Vec<_>, _>>();
        let start = usize::try_from(number(self.start, "startIndex", 1)?.max(1)).unwrap_or(usize::MAX);
        let count = usize::try_from(number(self.count, "count", PAGE as i64)?.max(0)).unwrap_or(usize::MAX).min(MAX_PAGE);
        let paging = match self.cursor.as_deref() {
            None => ListPaging::Index(start),
            Some("") => ListPaging::After(None),
            Some(text) => ListPaging::After(Some(opened(inbound, text, Timestamp::now())?)),
        };
        let filter = self.filter.filter(|text| !text.trim().is_empty()).map(|text| ScimQuery::read(&text)).transpose()?;
        Ok(SearchAsked { filter, paging, count, only: paths(self.only)?, without: paths(self.without)? })
    }
}

/// A cursor that leads behind a resource.
pub(super) fn sealed(inbound: &Inbound, order: u64, now: Timestamp) -> String {
    let ends = now.as_second().saturating_add(CURSOR_LIFE);
    let mut bytes = [order.to_be_bytes(), ends.to_be_bytes()].concat();
    let tag = hmac::sign(&inbound.seal, &bytes);
    bytes.extend_from_slice(tag.as_ref());
    URL_SAFE_NO_PAD.encode(bytes)
}

fn opened(inbound: &Inbound, text: &str, now: Timestamp) -> Result<u64, ScimRefusal> {
    let wrong = || ScimRefusal::cursor("this cursor is none of this list");
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| wrong())?;
    let (said, tag) = bytes.split_at_checked(16).ok_or_else(wrong)?;
    hmac::verify(&inbound.seal, said, tag).map_err(|_| wrong())?;
    let (order, ends) = said.split_at_checked(8).ok_or_else(wrong)?;
    let number = |bytes: &[u8]| bytes.try_into().map(u64::from_be_bytes).map_err(|_| wrong());
    if i64::try_from(number(ends)?).unwrap_or_default() < now.as_second() {
        return Err(ScimRefusal { kind: Some("expiredCursor"), ..ScimRefusal::cursor("this cursor has ended") });
    }
    number(order)
}
