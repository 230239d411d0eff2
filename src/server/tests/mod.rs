//! The pages and the API as whoever asks sees them, over a workspace that really runs: an HR file, an application's tables, a state, a proxy's key.

mod acting;
mod hostile;
mod large;
mod looking;
mod questions;
mod sessions;
mod signing_in;

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use axum::Router;
use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, COOKIE, HOST, SET_COOKIE};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value as Json, json};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tower_service::Service as _;

use super::desk::{Desk, Site};
use super::settings::SiteSettings;
use crate::journal::{Event, Journal};
use crate::model::{Revision, TokenScope};
use crate::pipeline::tests::Company;
use crate::pipeline::{Hear, News};
use crate::state::Shelf;
use crate::workspace::{CompiledRevision, Ended, Observer, Workspace, WorkspaceError};

/// So long nobody waits, unless nothing ever comes.
const PATIENCE: Duration = Duration::from_secs(600);
const HEADER: &str = "x-assertion";
const ISSUER: &str = "https://proxy.acme.example";
const AUDIENCE: &str = "headcount";
const ORIGIN: &str = "https://headcount.acme.example";

/// Every page, and what it is asked with.
const PAGES: &[&str] = &[
    "/",
    "/plans",
    "/plan?hash=00000000",
    "/pending",
    "/people",
    "/person?key=hr/1",
    "/revoke?key=hr/1",
    "/group?key=group/all",
    "/sources",
    "/guardrails",
    "/history",
    "/run",
    "/sync",
    "/pause",
];
/// Every form.
const FORMS: &[&str] = &["/plan?hash=00000000", "/revoke", "/sync", "/pause", "/resume"];

/// A key that signs, and what checks it.
struct Signer(EncodingKey);

impl Signer {
    fn new() -> Self {
        let random = SystemRandom::new();
        let pair = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        Self(EncodingKey::from_ec_der(pair.as_ref()))
    }

    fn public(&self, name: &str) -> Jwk {
        let mut key = Jwk::from_encoding_key(&self.0, Algorithm::ES256).unwrap();
        key.common.key_id = Some(name.to_owned());
        key
    }

    fn sign(&self, claims: &Json) -> String {
        let header = Header { kid: Some("one".into()), ..Header::new(Algorithm::ES256) };
        encode(&header, claims, &self.0).unwrap()
    }
}

struct Deaf;

impl Hear for Deaf {
    fn hear(&self, _: News<'_>) {}
}

impl Observer for Deaf {}

/// A workspace with its pages.
struct House {
    company: Company,
    site: Arc<Site>,
    routes: Router,
    signer: Signer,
    stop: CancellationToken,
    ended: JoinHandle<Result<Ended, WorkspaceError>>,
}

const SIGN_IN: &str = "
publicUrl: https://headcount.acme.example
proxy: {header: x-assertion, issuer: 'https://proxy.acme.example', audience: headcount, keys: {file: keys.json}}
roles:
  viewer: {groups: [staff]}
  people: {groups: [hr]}
  approver:
  - {groups: [leads]}
  - {groups: [elsewhere], targets: [other]}
  admin: {people: [mara@acme.example]}
";
const ALL: &str = "actions: [sync, approve, revoke, pause]\n";

impl House {
    /// Of a company, with these actions.
    async fn of(company: Company, actions: &str) -> Self {
        let signer = Signer::new();
        std::fs::write(company.path("keys.json"), json!({"keys": [signer.public("one")]}).to_string()).unwrap();
        std::fs::write(company.path("sign-in.yaml"), format!("{SIGN_IN}{actions}")).unwrap();
        let settings = SiteSettings::read(&company.path("sign-in.yaml")).unwrap();
        Self::with(company, Some(settings), signer).await
    }

    async fn with(company: Company, settings: Option<SiteSettings>, signer: Signer) -> Self {
        let stop = CancellationToken::new();
        let site = Site::new("127.0.0.1:0".parse().unwrap(), settings, stop.clone()).unwrap();
        let (loaded, policy) = company.declared();
        let revision = Revision { id: "one".into(), name: "main@one".into(), at: Timestamp::now(), authors: Vec::new(), signer: None };
        let manifests =
            CompiledRevision { revision, loaded: Arc::new(loaded), policy: Arc::new(policy), data: [("hr".into(), "".into())].into() };
        let store = company.store.clone();
        let workspace = Workspace { store: store.clone(), who: "a test".into(), observer: Arc::new(Deaf), once: false, stop: stop.clone() };
        let (shown, place) = (site.clone(), crate::state::StatePlace::from(company.path("state.db").as_path()));
        let ended = tokio::spawn(workspace.run(manifests, move |mail| shown.serve(Desk { store, place, mail })));
        let routes = super::routes(&site);
        let house = Self { company, site, routes, signer, stop, ended };
        house
            .until("something is known", async |house| {
                house.site.known().await.is_ok() && house.site.status().await.is_ok_and(|told| told.is_some())
            })
            .await;
        house
    }

    /// Waits until it is so.
    async fn until(&self, what: &str, so: impl AsyncFn(&Self) -> bool) {
        let waits = async {
            while !so(self).await {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, waits).await.unwrap_or_else(|_| panic!("{what} never came"));
    }

    fn claims(name: &str, groups: &[&str]) -> Json {
        let now = Timestamp::now().as_second();
        json!({"iss": ISSUER, "aud": AUDIENCE, "email": name, "groups": groups, "iat": now, "exp": now + 300})
    }

    fn assertion(&self, name: &str, groups: &[&str]) -> String {
        self.signer.sign(&Self::claims(name, groups))
    }

    async fn ask(&self, asked: Asked<'_>) -> Answered {
        let mut request = Request::builder().method(asked.method).uri(asked.path).header(HOST, "headcount.acme.example");
        for (name, value) in asked.headers {
            request = request.header(name, value);
        }
        let answer = self.routes.clone().call(request.body(Body::from(asked.body)).unwrap()).await.unwrap();
        let (head, body) = answer.into_parts();
        let body = axum::body::to_bytes(body, 10 << 20).await.unwrap();
        Answered { status: head.status, headers: head.headers, body: String::from_utf8(body.to_vec()).unwrap() }
    }

    /// As somebody who is signed in looks.
    async fn look(&self, path: &str, name: &str, groups: &[&str]) -> Answered {
        self.ask(Asked::get(path).with(HEADER, &self.assertion(name, groups))).await
    }

    /// As an admin sends a form that was made here.
    async fn send(&self, path: &str, fields: &[(&str, &str)]) -> Answered {
        let page = self.look("/pause", "mara@acme.example", &[]).await;
        let cookie = page.cookie().expect("a form's half");
        let token = cookie.split_once('=').unwrap().1.to_owned();
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("form", &token).extend_pairs(fields);
        let assertion = self.assertion("mara@acme.example", &[]);
        self.ask(
            Asked::form(path, form.finish()).with(HEADER, &assertion).with("sec-fetch-site", "same-origin").with(COOKIE.as_str(), &cookie),
        )
        .await
    }

    /// A token of the API.
    async fn token(&self, name: &str, scopes: &[TokenScope], life: SignedDuration) -> String {
        let now = Timestamp::now();
        let made = super::make_token(name, scopes.iter().copied().collect(), "a test", now, now + life).unwrap();
        self.company.store.commit(vec![Shelf::Tokens.put(name, &made.token)]).await.unwrap();
        // Those that were looked up a moment ago are looked up again.
        self.site.forget_tokens().await;
        made.text
    }

    async fn call(&self, method: &str, path: &str, token: &str, body: Option<Json>) -> Answered {
        let bearer = format!("Bearer {token}");
        let mut asked = Asked { method: method.parse().unwrap(), path, headers: vec![("authorization".into(), bearer)], body: Vec::new() };
        if let Some(body) = body {
            asked = asked.with(CONTENT_TYPE.as_str(), "application/json");
            asked.body = body.to_string().into_bytes();
        }
        self.ask(asked).await
    }

    async fn events(&self) -> Vec<Event> {
        let mut events = Vec::new();
        Journal::new(self.company.store.as_ref()).each(None, |entry| events.push(entry.event)).await.unwrap();
        events
    }

    async fn end(self) {
        self.stop.cancel();
        timeout(PATIENCE, self.ended).await.unwrap().unwrap().unwrap();
    }
}

/// What is asked.
struct Asked<'a> {
    method: Method,
    path: &'a str,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl<'a> Asked<'a> {
    fn get(path: &'a str) -> Self {
        Self { method: Method::GET, path, headers: Vec::new(), body: Vec::new() }
    }

    fn form(path: &'a str, body: String) -> Self {
        let asked = Self { method: Method::POST, path, headers: Vec::new(), body: body.into_bytes() };
        asked.with(CONTENT_TYPE.as_str(), "application/x-www-form-urlencoded")
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// What is answered.
#[derive(Debug)]
struct Answered {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answered {
    fn cookie(&self) -> Option<String> {
        Some(self.headers.get(SET_COOKIE)?.to_str().unwrap().split(';').next().unwrap().to_owned())
    }

    fn json(&self) -> Json {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}
