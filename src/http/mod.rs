//! One HTTP client façade for all connectors: deadlines, bounded answers, no redirects, TLS, and what a lost answer means. What a server says leaves it without
//! our secrets.
//!
//! Must never: follow a redirect (it could carry credentials to another host), retry, log a header, a body or a query, or hand on a secret that a server gave back.

mod log;
mod redact;
mod trouble;
mod way;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
pub use reqwest::Method;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, ETAG, HeaderName, HeaderValue, IF_MATCH, LOCATION, RETRY_AFTER};
use secrecy::{ExposeSecret, SecretString};
pub use url::Url;

use crate::files;
use crate::model::SystemError;
use log::Told;
use redact::Redactor;
use way::{Proxies, Way};

/// A certificate file larger than this is none.
const MAX_CA_FILE: u64 = 4 << 20;
/// No host needs longer to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of all headers of one answer.
const MAX_HEADERS: u32 = 64 << 10;
/// A longer wait than a day is not an answer to "when".
const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

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
    /// PEM certificates that count beside the system's
    pub ca_file: Option<PathBuf>,
}

/// How headcount signs in to a host. Prints as nothing.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// a bearer token
    Bearer(SecretString),
    /// user name and password
    Basic(String, SecretString),
}

/// A client for one system.
#[derive(Clone, Debug)]
pub struct Client {
    inner: reqwest::Client,
    proxies: Arc<Proxies>,
    deadlines: Deadlines,
    system: Arc<str>,
    max_body: usize,
    /// the header, marked as sensitive
    sign_in: Option<HeaderValue>,
    redactor: Arc<Redactor>,
}

/// How long is waited for.
#[derive(Clone, Copy, Debug)]
struct Deadlines {
    /// a connection
    connect: Duration,
    /// the whole request
    request: Duration,
}

/// One request.
#[derive(Clone, Debug)]
pub struct Request {
    /// the verb; anything but GET is a write
    pub method: Method,
    /// where to
    pub url: Url,
    /// the media type of body and answer
    pub media_type: &'static str,
    /// only if the resource still has this version
    pub if_match: Option<String>,
    /// the content
    pub body: Option<Vec<u8>>,
    /// most bytes of the answer, where that is less than the client's bound
    pub most: Option<usize>,
}

/// One answer, whatever its status.
#[derive(Clone, Debug, Default)]
pub struct Response {
    /// what was asked: the verb
    pub method: Method,
    /// and of whom; always there in what a client gives
    pub url: Option<Url>,
    /// the status code
    pub status: u16,
    /// `Content-Type`
    pub content_type: Option<String>,
    /// `ETag`
    pub etag: Option<String>,
    /// `Location`
    pub location: Option<String>,
    /// `Retry-After`, as a time from now
    pub retry_after: Option<Duration>,
    /// the content; of a write also empty where it was lost on the way, since the status already says what was done
    pub body: Vec<u8>,
    /// the content was longer than allowed, and is not there
    pub too_long: bool,
}

/// Why a body did not come.
enum Broken {
    TooLong,
    Lost(reqwest::Error),
}

impl Client {
    /// A client; reads the certificate file.
    pub fn new(settings: &Settings) -> Result<Self, SystemError> {
        let deadlines = Deadlines::within(settings.timeout);
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("headcount/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .http2_max_header_list_size(MAX_HEADERS)
            .connect_timeout(deadlines.connect)
            .timeout(deadlines.request);
        if let Some(path) = &settings.ca_file {
            builder = builder.tls_certs_merge(read_certificates(path)?);
        }
        let inner = builder.build().map_err(|error| SystemError::Protocol(format!("the HTTP client can't start: {error}")))?;
        let sign_in = settings.credentials.as_ref().map(Credentials::header).transpose()?;
        let redactor = Arc::new(settings.credentials.as_ref().map(Credentials::redactor).unwrap_or_default());
        let proxies = Arc::new(Proxies::of_the_system());
        Ok(Self { inner, proxies, deadlines, system: settings.system.clone(), max_body: settings.max_body, sign_in, redactor })
    }

    /// Sends a request, once. An error says whether the request may have had an effect: a write that was sent and not answered is uncertain.
    pub async fn send(&self, request: Request) -> Result<Response, SystemError> {
        let told = Told::begin(self, &request);
        let answer = self.exchange(request).await;
        if let Some(told) = told {
            told.end(&self.system, &answer);
        }
        answer
    }

    /// The Source's or Target's name.
    pub fn system(&self) -> &str {
        &self.system
    }

    async fn exchange(&self, request: Request) -> Result<Response, SystemError> {
        let write = request.method != Method::GET;
        let most = request.most.map_or(self.max_body, |most| most.min(self.max_body));
        let (url, method) = (request.url.clone(), request.method.clone());
        let mut answer = self.build(request).send().await.map_err(|error| self.lost(&error, &url, write))?;
        let mut response = Response { method, url: Some(url.clone()), ..self.head(&answer) };
        match read_body(&mut answer, most).await {
            Ok(mut body) => {
                self.redactor.data(&mut body);
                response.body = body;
            }
            Err(Broken::TooLong) => response.too_long = true,
            Err(Broken::Lost(_)) if write || !answer.status().is_success() => {}
            Err(Broken::Lost(error)) => return Err(self.lost(&error, &url, false)),
        }
        Ok(response)
    }

    /// Words that a system sent, with our secrets blanked out in whatever form they came.
    pub fn redact(&self, text: &str) -> String {
        self.redactor.words(text).into_owned()
    }

    /// Most bytes of one answer.
    pub fn max_body(&self) -> usize {
        self.max_body
    }

    /// Whether it shows who it is.
    pub fn signs_in(&self) -> bool {
        self.sign_in.is_some()
    }

    /// What a proxy on the way means by asking for a sign-in (407).
    pub fn proxy_asks(&self, url: &Url) -> String {
        trouble::asks(&Way::to(url, &self.proxies))
    }

    fn build(&self, request: Request) -> reqwest::RequestBuilder {
        let mut builder = self.inner.request(request.method, request.url).header(ACCEPT, request.media_type);
        if let Some(header) = &self.sign_in {
            builder = builder.header(AUTHORIZATION, header.clone());
        }
        if let Some(version) = request.if_match {
            builder = builder.header(IF_MATCH, version);
        }
        match request.body {
            Some(body) => builder.header(CONTENT_TYPE, request.media_type).body(body),
            None => builder,
        }
    }

    fn head(&self, answer: &reqwest::Response) -> Response {
        let headers = answer.headers();
        let header = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).map(|text| self.redact(text));
        Response {
            status: answer.status().as_u16(),
            content_type: header(&CONTENT_TYPE),
            // It goes back as it came, to the server that sent it, and nowhere else.
            etag: headers.get(&ETAG).and_then(|value| value.to_str().ok()).map(str::to_owned),
            location: header(&LOCATION),
            retry_after: header(&RETRY_AFTER).and_then(|text| retry_after(&text, Timestamp::now())),
            ..Response::default()
        }
    }

    fn lost(&self, error: &reqwest::Error, url: &Url, write: bool) -> SystemError {
        trouble::lost(error, &Way::to(url, &self.proxies), self.deadlines, write).map_words(|words| self.redact(words))
    }
}

impl Deadlines {
    /// A connection has a little less than the request, so that one that never came about is told as that: nothing was sent.
    fn within(timeout: Duration) -> Self {
        Self { connect: (timeout * 9 / 10).min(CONNECT_TIMEOUT), request: timeout }
    }
}

impl Response {
    /// Who answered: `chat.example:443`
    pub fn place(&self) -> String {
        self.url.as_ref().map_or_else(|| "the service".to_owned(), way::place)
    }
}

impl Credentials {
    fn header(&self) -> Result<HeaderValue, SystemError> {
        let text = match self {
            Self::Bearer(token) => format!("Bearer {}", token.expose_secret()),
            Self::Basic(name, password) => format!("Basic {}", base64(format!("{name}:{}", password.expose_secret()).as_bytes())),
        };
        let mut header = HeaderValue::from_str(&text)
            .map_err(|_| SystemError::Auth("the secret holds a line break or another character that no header can carry".into()))?;
        header.set_sensitive(true);
        Ok(header)
    }

    /// Knows the secret, and of a password also what it is sent as.
    fn redactor(&self) -> Redactor {
        match self {
            Self::Bearer(token) => Redactor::new([token.expose_secret().as_bytes()]),
            Self::Basic(name, password) => {
                let sent = base64(format!("{name}:{}", password.expose_secret()).as_bytes());
                Redactor::new([password.expose_secret().as_bytes(), sent.trim_end_matches('=').as_bytes()])
            }
        }
    }
}

/// Standard base64 with padding, for the one header that needs it.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().enumerate().fold(0u32, |group, (at, byte)| group | (u32::from(*byte) << (16 - 8 * at)));
        for at in 0..4 {
            let digit = (group >> (18 - 6 * at)) as usize & 63;
            text.push(if at <= chunk.len() { char::from(ALPHABET[digit]) } else { '=' });
        }
    }
    text
}

fn read_certificates(path: &Path) -> Result<Vec<reqwest::Certificate>, SystemError> {
    let wrong = |what: String| SystemError::Auth(format!("caFile {}: {what}", path.display()));
    let pem = files::read(path, MAX_CA_FILE).map_err(|error| wrong(error.to_string()))?;
    let certificates = reqwest::Certificate::from_pem_bundle(&pem).map_err(|_| wrong("no PEM certificates".into()))?;
    if certificates.is_empty() {
        return Err(wrong("it holds no PEM certificate (-----BEGIN CERTIFICATE-----)".into()));
    }
    Ok(certificates)
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

/// The body in one piece, whose room grows with what comes and never beyond the bound.
async fn read_body(answer: &mut reqwest::Response, most: usize) -> Result<Vec<u8>, Broken> {
    if answer.content_length().is_some_and(|length| length > most as u64) {
        return Err(Broken::TooLong);
    }
    let mut body: Vec<u8> = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(Broken::Lost)? {
        let length = body.len() + chunk.len();
        if length > most {
            return Err(Broken::TooLong);
        }
        if length > body.capacity() {
            body.reserve_exact((2 * length).min(most) - body.len());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
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

    #[test]
    fn credentials_go_into_one_header_and_nowhere_else() {
        let basic = Credentials::Basic("Aladdin".into(), "open sesame".to_owned().into());
        let header = basic.header().expect("a header");
        assert!(header.is_sensitive());
        assert_eq!(header.to_str().ok(), Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
        assert_eq!((base64(b"a"), base64(b"ab"), base64(b"")), ("YQ==".into(), "YWI=".into(), String::new()));
        assert!(!format!("{basic:?}").contains("sesame"));
        let said = "bad: open sesame, QWxhZGRpbjpvcGVuIHNlc2FtZQ==, open%20sesame!";
        assert_eq!(basic.redactor().words(said), "bad: [secret], [secret]==, [secret]!");
        assert!(Credentials::Bearer("a\nb".to_owned().into()).header().is_err());
    }
}
