//! What everything that is asked passes first: who it is, from where it comes, and what stands on every answer.
//!
//! Must never: let anything change by a request that another site made a browser send, or let a page be shown inside of another one.

use std::net::IpAddr;
use std::sync::Arc;

use aws_lc_rs::constant_time;
use axum::extract::{FromRequest, Request, State};
use axum::http::header::{self, AUTHORIZATION, CONTENT_TYPE, COOKIE as COOKIES, HOST, HeaderName, LOCATION, ORIGIN, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::de::DeserializeOwned;

use super::MAX_BODY;
use super::answer::Problem;
use super::desk::{SignIn, Site};
use super::pages;
use super::session::COOKIE;
use super::sign_in;
use super::token::{self, PREFIX};
use super::visitor::{Rights, SignedInBy, Visitor};

/// Below this programs ask; all else is for people.
pub(super) const API: &str = "/api/";
/// What holds the half of a form's token that the browser keeps. Its name lets no other host set it.
const FORM: &str = "__Host-headcount-form";
/// The other half, in the form.
pub(super) const FORM_FIELD: &str = "form";
/// Letters of one.
const FORM_LENGTH: usize = 43;

/// What is loaded, framed and sent from a page: this, and nothing else. There is no script.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// What a form has to send back.
#[derive(Clone, Debug)]
pub(super) struct FormToken(pub String);

/// Stands on every answer.
pub(super) async fn headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let fixed: [(HeaderName, &'static str); 7] = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in fixed {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Who comes may go on, or is told why not.
pub(super) async fn guard(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    let is_api = head.uri.path().starts_with(API);
    let admitted = admitted(&site, &head, is_api).await;
    let (kept, form) = match cookie(&head.headers, FORM).filter(|text| is_form_half(text)).map(str::to_owned) {
        Some(kept) => (true, Some(kept)),
        None => (false, token::random()),
    };
    let form = FormToken(form.unwrap_or_default());
    let (reads, here) = (reads(&head.method), head.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned());
    let (response, visitor) = match admitted {
        Ok(visitor) => {
            let mut request = Request::from_parts(head, body);
            request.extensions_mut().insert(visitor.clone());
            request.extensions_mut().insert(form.clone());
            (next.run(request).await, Some(visitor))
        }
        Err(problem) => (problem.into_response(), None),
    };
    if is_api {
        return response;
    }
    let mut response = match response.extensions().get::<Problem>() {
        // Whoever looks is led on; what somebody sends is not sent twice.
        Some(problem) if site.has_sessions() && reads && problem.status == StatusCode::UNAUTHORIZED => {
            return (StatusCode::SEE_OTHER, [(LOCATION, sign_in::address(&here, false))]).into_response();
        }
        Some(problem) => {
            // Whoever signed in and may do nothing here may be somebody else as well.
            let other = visitor.is_none() && problem.status == StatusCode::FORBIDDEN;
            let again = problem.asks_again || other;
            let asked = again || problem.status == StatusCode::UNAUTHORIZED;
            let way = (site.has_sessions() && asked).then(|| sign_in::address(&here, again));
            let looks = reads && visitor.is_some() && problem.status == StatusCode::SERVICE_UNAVAILABLE;
            pages::problem(problem, visitor.is_some(), way.as_deref(), looks.then_some(here.as_str()))
        }
        None => response,
    };
    // Nobody on this machine may do anything, so there is no form.
    if !kept
        && visitor.is_some()
        && (site.acts() || site.has_sessions())
        && let Ok(value) = format!("{FORM}={}; Path=/; Secure; HttpOnly; SameSite=Lax", form.0).parse()
    {
        response.headers_mut().append(SET_COOKIE, value);
    }
    response
}

/// There is nothing there.
pub(super) async fn nothing() -> Problem {
    Problem::missing("there is no such page")
}

async fn admitted(site: &Site, head: &Parts, is_api: bool) -> Result<Visitor, Problem> {
    let headers = &head.headers;
    let visitor = match bearer(headers) {
        Some(text) if text.starts_with(PREFIX) && is_api => by_token(site, text).await?,
        Some(text) if text.starts_with(PREFIX) => return Err(Problem::unknown("a token is for the API, and opens no page")),
        _ => signed_in(site, head).await?,
    };
    if !visitor.rights.any() {
        return Err(
            Problem::forbidden(format!("{} is signed in and has no role here", visitor.name)).next("ask whoever runs headcount for a role")
        );
    }
    if !reads(&head.method) && visitor.by != SignedInBy::Token {
        from_here(site, headers)?;
    }
    Ok(visitor)
}

fn reads(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

async fn by_token(site: &Site, text: &str) -> Result<Visitor, Problem> {
    let now = Timestamp::now();
    let tokens = site.tokens(now).await?;
    let token = token::find(&tokens, text, now).ok_or_else(|| Problem::unknown("this token is not known, or has ended"))?;
    Ok(Visitor { name: format!("token {}", token.name), rights: Rights::of_token(token), by: SignedInBy::Token })
}

async fn signed_in(site: &Site, head: &Parts) -> Result<Visitor, Problem> {
    match &site.sign_in {
        SignIn::Machine => {
            is_this_machine(head)?;
            Ok(Visitor { name: "somebody on this machine".into(), rights: Rights::to_look(), by: SignedInBy::Machine })
        }
        SignIn::Proxy(settings, proxy, assertions) => {
            let mut sent = head.headers.get_all(proxy.header.as_str()).iter();
            let text = match (sent.next(), sent.next()) {
                (Some(one), None) => one.to_str().ok().map(without_scheme),
                // Which of two counts, a proxy and we might see differently.
                (Some(_), Some(_)) => return Err(Problem::unknown("more than one assertion came")),
                (None, _) => None,
            };
            let text = text.ok_or_else(|| Problem::unknown("nobody is signed in: come through the proxy that signs people in"))?;
            let asserted = assertions.check(text).await.map_err(|error| {
                let why = error.to_string();
                tracing::warn!(target: "headcount::server", why, "a sign-in was refused");
                Problem::unknown("the sign-in does not count: it is not signed as it should be, not for here, or over")
            })?;
            let rights = Rights::of_roles(&settings.roles, &asserted.name, &asserted.groups);
            Ok(Visitor { name: asserted.name, rights, by: SignedInBy::Person(asserted.since) })
        }
        SignIn::Oidc(settings, _) => {
            let unknown = || Problem::unknown("nobody is signed in, or the session has ended").next("sign in");
            let held = cookie(&head.headers, COOKIE).ok_or_else(unknown)?;
            let session = site.sessions.find(site.desk()?.store.as_ref(), held, Timestamp::now()).await?.ok_or_else(unknown)?;
            let rights = Rights::of_roles(&settings.roles, &session.name, &session.groups);
            Ok(Visitor { name: session.name, rights, by: SignedInBy::Person(session.since) })
        }
    }
}

/// A browser that was led here by another name was led here by somebody who wants to read along.
fn is_this_machine(head: &Parts) -> Result<(), Problem> {
    let said = head.headers.get(HOST).and_then(|host| host.to_str().ok());
    let host = head.uri.authority().map_or(said, |authority| Some(authority.as_str())).unwrap_or_default();
    let name = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|digit| digit.is_ascii_digit())).map_or(host, |(name, _)| name);
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    let local = name.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    if local { Ok(()) } else { Err(Problem::forbidden("these pages are for this machine alone: ask for them by localhost")) }
}

/// What changes something comes from a page of ours, and a browser says so.
fn from_here(site: &Site, headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let ours = match (text(HeaderName::from_static("sec-fetch-site")), text(ORIGIN)) {
        (Some(from), _) => from == "same-origin",
        (None, Some(origin)) => site.origin().is_some_and(|ours| ours == origin),
        (None, None) => false,
    };
    if ours { Ok(()) } else { Err(Problem::forbidden("this was sent from another site")) }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(AUTHORIZATION)?.to_str().ok().map(without_scheme)
}

fn without_scheme(text: &str) -> &str {
    match text.split_once(' ') {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer") => rest.trim(),
        _ => text.trim(),
    }
}

/// What the browser holds by a name; of two nobody knows whose the other is.
pub(super) fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let all = headers.get_all(COOKIES).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(';'));
    let mut ours = all.filter_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='));
    match (ours.next(), ours.next()) {
        (Some(one), None) => Some(one),
        _ => None,
    }
}

fn is_form_half(text: &str) -> bool {
    text.len() == FORM_LENGTH && text.bytes().all(|sign| sign.is_ascii_alphanumeric() || b"-_".contains(&sign))
}

/// A form of ours that somebody sent.
#[derive(Clone, Debug)]
pub(super) struct SentForm(Vec<(String, String)>);

impl SentForm {
    /// What stands in a field; nothing where it is empty.
    pub fn value(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.trim());
        found.filter(|value| !value.is_empty())
    }
}

impl<S: Send + Sync> FromRequest<S> for SentForm {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let kept = cookie(request.headers(), FORM).filter(|text| is_form_half(text)).map(str::to_owned);
        let is_form = media_type(request.headers()).is_some_and(|name| name == "application/x-www-form-urlencoded");
        let bytes = body(request).await?;
        let form = Self(url::form_urlencoded::parse(&bytes).into_owned().collect());
        let sent = form.value(FORM_FIELD).unwrap_or_default();
        let same = kept.is_some_and(|kept| constant_time::verify_slices_are_equal(kept.as_bytes(), sent.as_bytes()).is_ok());
        match is_form && same {
            true => Ok(form),
            false => {
                Err(Problem::forbidden("this form was not made here, or is too old").next("open the page again, and send it from there"))
            }
        }
    }
}

/// What a program sends.
#[derive(Clone, Debug)]
pub(super) struct SentJson<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for SentJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        // A form of another site can't say so.
        if media_type(request.headers()).is_none_or(|name| name != "application/json") {
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "send application/json"));
        }
        let bytes = body(request).await?;
        // A list would fill the fields by their places.
        let fields: Result<serde_json::Map<String, serde_json::Value>, _> = serde_json::from_slice(&bytes);
        let sent = fields.and_then(|fields| serde_json::from_value(fields.into()));
        sent.map(Self).map_err(|error| Problem::wrong(format!("this is not what was asked for: {error}")))
    }
}

fn media_type(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    text.split(';').next().map(|name| name.trim().to_ascii_lowercase())
}

async fn body(request: Request) -> Result<axum::body::Bytes, Problem> {
    let long = |_| Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("nothing that is asked is longer than {MAX_BODY} bytes"));
    axum::body::to_bytes(request.into_body(), MAX_BODY).await.map_err(long)
}
