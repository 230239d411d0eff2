//! One HTTP client façade for all connectors: deadlines, bounded answers, no redirects, TLS, credentials that are renewed once they are refused, and what a lost
//! answer means. What a server says leaves it without our secrets. What reads and what writes goes over connections of its own: those that write ask for leave as
//! each byte goes out.
//!
//! Must never: follow a redirect (it could carry credentials to another host), send again what may have had an effect, log a header, a body or a query, or hand
//! on a secret that a server gave back.

mod answer;
pub mod base64;
mod credentials;
mod dial;
mod log;
mod oauth1;
mod recording;
mod redact;
mod request;
pub mod standard_webhooks;
mod tls;
mod trace;
mod trouble;
mod way;
mod writes;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use reqwest::Method;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HOST, HeaderName, IF_MATCH};
use secrecy::SecretString;
use tracing::Instrument;
pub use url::Url;

pub use answer::{Headers, Response, Streamed};
pub use credentials::{Credentials, Renew};
pub use oauth1::OAuth1;
pub use recording::Recording;
pub use request::{Body, Effect, Request};
pub use tls::client_tls;

use crate::model::SystemError;
use credentials::{SignIn, Signed};
use dial::Dialer;
use log::Told;
use trouble::Failure;
use way::{Proxies, Way};
use writes::Writes;

pub use way::{Detour, place};

/// What it calls itself.
const AGENT: &str = concat!("headcount/", env!("CARGO_PKG_VERSION"));
/// No host needs longer to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of all headers of one answer.
const MAX_HEADERS: u32 = 64 << 10;

/// How a client behaves.
#[derive(Clone, Debug)]
pub struct Settings {
    /// the Source's or Target's name, for the log
    pub system: Arc<str>,
    /// deadline of one request, answer and all
    pub timeout: Duration,
    /// most bytes of one answer, after decompression
    pub max_body: usize,
    /// how to sign in
    pub credentials: Option<Credentials>,
    /// where other credentials come from once these are refused
    pub renew: Option<Arc<dyn Renew>>,
    /// PEM certificates that count beside the system's
    pub ca_file: Option<PathBuf>,
    /// the certificate that the client shows
    pub identity: Option<ClientIdentity>,
    /// whoever plays the service
    pub detour: Option<Detour>,
    /// takes what is asked and answered
    pub recording: Option<Recording>,
}

/// A certificate that the client shows (mutual TLS), and its private key, both PEM. Prints as nothing.
#[derive(Clone, Debug)]
pub struct ClientIdentity {
    /// with those between it and an authority
    pub certificate: SecretString,
    /// the key that belongs to it
    pub key: SecretString,
}

/// A client for one system.
#[derive(Clone, Debug)]
pub struct Client {
    reads: reqwest::Client,
    writes: Arc<Writes>,
    proxies: Arc<Proxies>,
    deadlines: Deadlines,
    system: Arc<str>,
    max_body: usize,
    sign_in: Arc<SignIn>,
    detour: Option<Detour>,
    recording: Option<Recording>,
}

/// How long is waited for.
#[derive(Clone, Copy, Debug)]
struct Deadlines {
    /// a connection
    connect: Duration,
    /// the whole request
    request: Duration,
}

impl Client {
    /// A client; reads the certificate file.
    pub fn new(settings: &Settings) -> Result<Self, SystemError> {
        let deadlines = Deadlines::within(settings.timeout);
        let tls = tls::config(settings)?;
        let proxies = Arc::new(if settings.detour.is_some() { Proxies::none() } else { Proxies::of_the_system() });
        let mut builder = reqwest::Client::builder()
            .user_agent(AGENT)
            .tls_backend_preconfigured(tls::speaking(&tls, &["h2", "http/1.1"]))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .http2_max_header_list_size(MAX_HEADERS)
            .connect_timeout(deadlines.connect)
            .timeout(deadlines.request);
        if settings.detour.is_some() {
            builder = builder.no_proxy();
        }
        let reads = builder.build().map_err(|error| SystemError::Protocol(format!("the HTTP client can't start: {error}")))?;
        let sign_in = Arc::new(SignIn::new(settings.credentials.as_ref(), settings.renew.clone())?);
        Ok(Self {
            reads,
            writes: Arc::new(Writes::new(Dialer::new(&tls, &proxies), deadlines)),
            proxies,
            deadlines,
            system: settings.system.clone(),
            max_body: settings.max_body,
            sign_in,
            detour: settings.detour,
            recording: settings.recording.clone(),
        })
    }

    /// The same client under another name, for the log.
    pub fn named(&self, system: &Arc<str>) -> Self {
        Self { system: system.clone(), ..self.clone() }
    }

    /// Sends a request. An error says whether it may have had an effect: a write that was sent and not answered is uncertain. It is sent a second time in one case:
    /// where the sign-in was refused (401, so nothing was done) and other credentials were to be had.
    pub async fn send(&self, request: Request) -> Result<Response, SystemError> {
        let told = Told::begin(self, &request);
        let taken = self.recording.as_ref().map(|recording| (recording, request.clone()));
        let answer = self.exchange(request).await;
        if let (Some((recording, request)), Ok(answer)) = (taken, &answer) {
            recording.note(request, answer);
        }
        if let Some(told) = told {
            told.end(&self.system, answer.as_ref().map(|answer| (answer.status, answer.body.len() as u64)));
        }
        answer
    }

    /// The same for an answer that is too long to be held: its content comes piece by piece, bounded all the same.
    pub async fn open(&self, request: Request) -> Result<Streamed, SystemError> {
        let told = Told::begin(self, &request);
        let opened = self.opened(request).await;
        if let Some(told) = told {
            told.end(&self.system, opened.as_ref().map(|opened| (opened.head.status, opened.announced())));
        }
        opened
    }

    /// The Source's or Target's name.
    pub fn system(&self) -> &str {
        &self.system
    }

    async fn exchange(&self, request: Request) -> Result<Response, SystemError> {
        let span = trace::span(&self.system, &request);
        async { self.opened_within(request).await?.whole().await }.instrument(span).await
    }

    async fn opened(&self, request: Request) -> Result<Streamed, SystemError> {
        let span = trace::span(&self.system, &request);
        self.opened_within(request).instrument(span).await
    }

    async fn opened_within(&self, request: Request) -> Result<Streamed, SystemError> {
        let (sign_in, generation) = self.sign_in.current();
        let answer = self.once(&request, sign_in).await?;
        if answer.status() == 401 && self.sign_in.renew(generation).await? {
            let (sign_in, _) = self.sign_in.current();
            let answer = self.once(&request, sign_in).await?;
            return Ok(Streamed::new(self, &request, answer));
        }
        Ok(Streamed::new(self, &request, answer))
    }

    async fn once(&self, request: &Request, sign_in: Signed) -> Result<reqwest::Response, SystemError> {
        let (built, url) = (self.build(request, sign_in)?, &request.url);
        if request.effect == Effect::Reads {
            return built.send().await.map_err(|error| self.lost(&Failure::from(&error), url));
        }
        let built = built.build().and_then(TryInto::try_into).map_err(|error| self.lost(&Failure::from(&error), url))?;
        let answer = self.writes.send(built, &request.fence).await;
        answer.map_err(|error| trouble::refused(&error).unwrap_or_else(|| self.lost(&Failure::from(&error), url)))
    }

    /// Words that a system sent, with our secrets blanked out in whatever form they came.
    pub fn redact(&self, text: &str) -> String {
        self.sign_in.redactor().words(text).into_owned()
    }

    /// Most bytes of one answer.
    pub fn max_body(&self) -> usize {
        self.max_body
    }

    /// Whether it shows who it is.
    pub fn signs_in(&self) -> bool {
        self.sign_in.is_there()
    }

    /// What a proxy on the way means by asking for a sign-in (407).
    pub fn proxy_asks(&self, url: &Url) -> String {
        trouble::asks(&Way::to(url, &self.proxies))
    }

    fn build(&self, request: &Request, sign_in: Signed) -> Result<reqwest::RequestBuilder, SystemError> {
        let url = self.detour.map_or_else(|| request.url.clone(), |detour| detour.instead_of(&request.url));
        let mut builder = self.reads.request(request.method.clone(), url).header(ACCEPT, request.accept.as_ref());
        if self.detour.is_some() {
            builder = builder.header(HOST, way::place(&request.url));
        }
        for (name, value) in sign_in.headers(request)? {
            builder = builder.header(name, value);
        }
        if let Some(version) = &request.if_match {
            builder = builder.header(IF_MATCH, version);
        }
        for (name, value) in &request.headers {
            let odd = |_| SystemError::Rejected(format!("no request can carry the header `{name}`"));
            let name: HeaderName = name.parse().map_err(odd)?;
            builder = builder.header(name, value);
        }
        if let Some(parent) = trace::parent() {
            builder = builder.header(trace::PARENT, parent);
        }
        Ok(match &request.body {
            Some(body) => builder.header(CONTENT_TYPE, body.media_type.as_ref()).body(body.bytes.clone()),
            None => builder,
        })
    }

    fn lost(&self, failure: &Failure<'_>, url: &Url) -> SystemError {
        trouble::lost(failure, &Way::to(url, &self.proxies), self.deadlines).map_words(|words| self.redact(words))
    }
}

impl Deadlines {
    /// A connection has a little less than the request, so that one that never came about is told as that: nothing was sent.
    fn within(timeout: Duration) -> Self {
        Self { connect: (timeout * 9 / 10).min(CONNECT_TIMEOUT), request: timeout }
    }
}

#[cfg(test)]
mod tests;
