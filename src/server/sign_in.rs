//! The way to a provider and back: what a browser keeps meanwhile, the session that begins, and its end.
//!
//! Must never: lead anywhere but to the provider and to pages of ours, or begin a session for an answer that this browser did not ask for.

use std::sync::Arc;

use aws_lc_rs::constant_time;
use axum::extract::State;
use axum::http::header::{LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;

use super::answer::Problem;
use super::api::asked;
use super::desk::{SignIn, Site};
use super::guard::{SentForm, cookie};
use super::oidc::{CALLBACK, LEFT, Oidc, OidcError, PendingSignIn};
use super::pages;
use super::session::COOKIE;
use super::visitor::Visitor;

/// Where the provider says that somebody left there (OpenID Connect Back-Channel Logout 1.0).
const ENDED: &str = "/sign-in/ended";
/// What a browser keeps while its user is at the provider.
const PENDING: &str = "__Host-headcount-sign-in";
/// Nobody is longer at the provider, in seconds.
const PATIENCE: u32 = 900;
/// No address of ours is longer.
const LONGEST: usize = 2000;

/// What anybody may ask for, signed in or not.
pub(super) fn open_routes() -> Router<Arc<Site>> {
    Router::new().route("/sign-in", get(begin)).route(CALLBACK, get(finish)).route(LEFT, get(signed_out)).route(ENDED, post(ended_there))
}

/// What is for whoever is signed in.
pub(super) fn routes() -> Router<Arc<Site>> {
    Router::new().route("/sign-out", post(end))
}

/// Where somebody signs in, to come back to where they were.
pub(super) fn address(to: &str, again: bool) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("to", ours(to));
    if again {
        query.append_pair("again", "yes");
    }
    format!("/sign-in?{}", query.finish())
}

fn oidc(site: &Site) -> Result<&Oidc, Problem> {
    match &site.sign_in {
        SignIn::Oidc(_, oidc) => Ok(oidc),
        _ => Err(Problem::missing("there is no such page")),
    }
}

async fn begin(State(site): State<Arc<Site>>, uri: Uri) -> Response {
    let begun = async {
        let (url, pending) = oidc(&site)?.begin(asked(&uri, "again").is_some()).await.map_err(|error| refused(&error))?;
        let to = asked(&uri, "to").unwrap_or_default();
        let kept = format!("{}.{}.{}.{}", pending.state, pending.nonce, pending.verifier, URL_SAFE_NO_PAD.encode(ours(&to)));
        Ok(led(url.as_str(), &[set(PENDING, &kept, Some(PATIENCE))]))
    };
    begun.await.unwrap_or_else(|problem: Problem| pages::problem(&problem, false, None, None))
}

async fn finish(State(site): State<Arc<Site>>, headers: HeaderMap, uri: Uri) -> Response {
    finished(&site, &headers, &uri).await.unwrap_or_else(|problem| {
        let mut response = pages::problem(&problem, false, Some(&address("/", false)), None);
        put(&mut response, &set(PENDING, "", Some(0)));
        response
    })
}

async fn finished(site: &Site, headers: &HeaderMap, uri: &Uri) -> Result<Response, Problem> {
    let oidc = oidc(site)?;
    let stale = || Problem::wrong("this sign-in was not begun in this browser, or a quarter of an hour ago").next("sign in again");
    let (pending, to) = cookie(headers, PENDING).and_then(kept).ok_or_else(stale)?;
    let state = asked(uri, "state").unwrap_or_default();
    if constant_time::verify_slices_are_equal(state.as_bytes(), pending.state.as_bytes()).is_err() {
        return Err(stale());
    }
    let Some(code) = asked(uri, "code") else {
        let why = asked(uri, "error").filter(|code| code.len() <= 60 && code.bytes().all(|sign| sign.is_ascii_lowercase() || sign == b'_'));
        let words = format!("the provider did not sign you in ({})", why.as_deref().unwrap_or("it does not say why"));
        return Err(Problem::unknown(&words).next("sign in again, or ask whoever runs the provider"));
    };
    let issuer = asked(uri, "iss");
    let asserted = oidc.finish(&pending, &code, issuer.as_deref()).await.map_err(|error| refused(&error))?;
    let (store, now) = (site.desk()?.store, Timestamp::now());
    // Whatever session there was, it is another one from here on.
    if let Some(held) = cookie(headers, COOKIE) {
        site.sessions.end(store.as_ref(), held).await?;
    }
    let held = site.sessions.begin(store.as_ref(), asserted, now).await?;
    let held = held.ok_or_else(|| Problem::away("this machine has no random numbers"))?;
    Ok(led(&to, &[set(COOKIE, &held, None), set(PENDING, "", Some(0))]))
}

/// They leave.
async fn end(
    State(site): State<Arc<Site>>,
    Extension(_): Extension<Visitor>,
    headers: HeaderMap,
    _: SentForm,
) -> Result<Response, Problem> {
    oidc(&site)?;
    if let Some(held) = cookie(&headers, COOKIE) {
        site.sessions.end(site.desk()?.store.as_ref(), held).await?;
    }
    Ok(led(LEFT, &[set(COOKIE, "", Some(0))]))
}

/// The provider says that somebody left there. It learns no more than that it was heard.
async fn ended_there(State(site): State<Arc<Site>>, form: String) -> Response {
    let heard = async {
        let oidc = oidc(&site)?;
        let mut fields = url::form_urlencoded::parse(form.as_bytes());
        let token = fields.find(|(name, _)| name == "logout_token").map(|(_, token)| token);
        let token = token.ok_or_else(|| Problem::new(StatusCode::BAD_REQUEST, "there is no logout_token"))?;
        let ended = oidc.ended_there(&token).await.map_err(|error| match refused(&error) {
            away if away.status == StatusCode::SERVICE_UNAVAILABLE => away,
            _ => Problem::new(StatusCode::BAD_REQUEST, "this logout token does not count"),
        })?;
        let sessions = site.sessions.end_there(site.desk()?.store.as_ref(), &ended).await?;
        tracing::info!(target: "headcount::server", sessions, "the provider signed somebody out");
        Ok(StatusCode::OK.into_response())
    };
    heard.await.unwrap_or_else(|problem: Problem| problem.into_response())
}

async fn signed_out(State(site): State<Arc<Site>>) -> Response {
    match oidc(&site) {
        Ok(oidc) => pages::signed_out(&address("/", false), oidc.way_out().await.as_ref().map(url::Url::as_str)),
        Err(problem) => pages::problem(&problem, false, None, None),
    }
}

fn refused(error: &OidcError) -> Problem {
    let why = error.to_string();
    tracing::warn!(target: "headcount::server", why, "a sign-in was refused");
    match error {
        OidcError::Away(_) | OidcError::Secret(_) => {
            Problem::away("the provider that signs people in can't be used now").next("try again in a moment; the log says why")
        }
        OidcError::Wrong(_) | OidcError::Token(_) => {
            Problem::unknown("the sign-in does not count: the log says why").next("sign in again, or ask whoever runs headcount")
        }
    }
}

/// What the browser kept.
fn kept(text: &str) -> Option<(PendingSignIn, String)> {
    let mut parts = text.split('.');
    let (Some(state), Some(nonce), Some(verifier), Some(to), None) = (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    let to = String::from_utf8(URL_SAFE_NO_PAD.decode(to).ok()?).ok()?;
    let pending = PendingSignIn { state: state.into(), nonce: nonce.into(), verifier: verifier.into() };
    let whole = [state, nonce, verifier].into_iter().all(|part| !part.is_empty());
    whole.then(|| (pending, ours(&to).to_owned()))
}

/// An address of a page of ours; of anything else the overview's.
fn ours(to: &str) -> &str {
    let here = to.starts_with('/') && !to.starts_with("//") && !to.contains('\\') && to.len() <= LONGEST;
    let plain = to.bytes().all(|sign| sign.is_ascii_graphic());
    let page = !to.starts_with("/sign");
    if here && plain && page { to } else { "/" }
}

fn led(to: &str, cookies: &[HeaderValue]) -> Response {
    let mut response = (StatusCode::SEE_OTHER, [(LOCATION, to.to_owned())]).into_response();
    for value in cookies {
        put(&mut response, value);
    }
    response
}

fn put(response: &mut Response, value: &HeaderValue) {
    response.headers_mut().append(SET_COOKIE, value.clone());
}

/// A cookie for this host alone, which no script reads and no other site sends along but by a link.
fn set(name: &str, value: &str, seconds: Option<u32>) -> HeaderValue {
    let ends = seconds.map(|seconds| format!("; Max-Age={seconds}")).unwrap_or_default();
    let text = format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite=Lax{ends}");
    // All of it is made here, of letters, digits and dots.
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_led_to_another_site() {
        for to in
            ["https://evil.example/", "//evil.example", "/\\evil.example", "/x\r\nset-cookie: a=b", "", "people", "/sign-in?to=/", "/ü"]
        {
            assert_eq!(ours(to), "/", "{to:?}");
        }
        assert_eq!(ours("/person?key=hr%2F1"), "/person?key=hr%2F1");
        assert_eq!(address("/plan?hash=a&x=b", true), "/sign-in?to=%2Fplan%3Fhash%3Da%26x%3Db&again=yes");
    }

    #[test]
    fn what_a_browser_kept_is_whole_or_nothing() {
        assert!(kept("a.b.c.Lw").is_some_and(|(pending, to)| pending.verifier == "c" && to == "/"));
        for text in ["", "a.b.c", "a..c.Lw", "a.b.c.Lw.d", "a.b.c.!!"] {
            assert_eq!(kept(text), None, "{text}");
        }
    }
}
