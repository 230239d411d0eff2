//! A proxy before a SCIM server that misbehaves as a test tells it to: it loses answers after the server committed, cuts bodies, repeats
//! and shifts pages, lies about totals, answers nothing or HTML, throttles, refuses, dawdles. What it does to a request follows from a
//! seed and the request's number. It also notes every request that takes something away, and can hold everything at the n-th write.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::stream;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap, RETRY_AFTER};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

type Failure = std::io::Error;
type Answer = Response<BoxBody<Bytes, Failure>>;

/// One way to misbehave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// the server did it, and the connection is cut before the answer
    LostAnswer,
    /// the answer's body is cut in the middle
    Truncated,
    /// an earlier page comes again
    RepeatedPage,
    /// a page that begins too late: rows are skipped
    ShiftedPage,
    /// more is announced than there is
    TotalTooLarge,
    /// less is announced than there is
    TotalTooSmall,
    /// another total with every page
    TotalMoves,
    /// 200 with nothing in it, and the server never saw the request
    Empty,
    /// 200 with a login page, and the server never saw the request
    Html,
    /// 200 with a login page after the server did it
    HtmlAfterwards,
    /// 429 with Retry-After
    Throttled,
    /// 503
    Unavailable,
    /// it takes a while
    Slow,
}

/// All of them.
pub const FAULTS: &[Fault] = &[
    Fault::LostAnswer,
    Fault::Truncated,
    Fault::RepeatedPage,
    Fault::ShiftedPage,
    Fault::TotalTooLarge,
    Fault::TotalTooSmall,
    Fault::TotalMoves,
    Fault::Empty,
    Fault::Html,
    Fault::HtmlAfterwards,
    Fault::Throttled,
    Fault::Unavailable,
    Fault::Slow,
];

/// Which faults come, and how often.
#[derive(Clone, Debug, Default)]
pub struct Weather {
    /// decides together with a request's number
    pub seed: u64,
    /// share of the requests that meet a fault, 0 to 1
    pub share: f64,
    /// which
    pub kinds: Vec<Fault>,
}

/// When a held write stands still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// the server has not seen it
    Before,
    /// the server has done it, and nobody has heard
    After,
}

/// A running proxy.
pub struct Proxy {
    port: u16,
    upstream: String,
    shared: Arc<Shared>,
    runtime: Runtime,
}

#[derive(Default)]
struct Shared {
    seen: AtomicU64,
    weather: Mutex<Weather>,
    met: Mutex<BTreeMap<Fault, u64>>,
    removals: Mutex<Vec<String>>,
    hold: Mutex<Option<Hold>>,
}

struct Hold {
    writes_left: u64,
    moment: Moment,
    reached: Option<Box<dyn FnOnce() + Send>>,
}

impl Proxy {
    /// Before a server at `host:port`.
    pub fn start(upstream: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port on loopback");
        let port = listener.local_addr().expect("its address").port();
        let shared = Arc::new(Shared::default());
        runtime.spawn(listen(listener, upstream.to_owned(), shared.clone()));
        Self { port, upstream: upstream.to_owned(), shared, runtime }
    }

    /// Where it listens, as `http://127.0.0.1:port`.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// From now on it behaves like this.
    pub fn weather(&self, weather: Weather) {
        *self.shared.weather.lock().unwrap() = weather;
    }

    /// From now on it only passes on.
    pub fn calm(&self) {
        self.weather(Weather::default());
    }

    /// How often each fault was met.
    pub fn met(&self) -> BTreeMap<Fault, u64> {
        self.shared.met.lock().unwrap().clone()
    }

    /// Requests that took something away since this was last asked.
    pub fn removals(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.removals.lock().unwrap())
    }

    /// Holds the `nth` write from now on, and everything after it; calls when it is reached.
    pub fn hold_at(&self, nth: u64, moment: Moment, reached: impl FnOnce() + Send + 'static) {
        *self.shared.hold.lock().unwrap() = Some(Hold { writes_left: nth, moment, reached: Some(Box::new(reached)) });
    }

    /// Lets requests pass again. What was held is lost with the connection of whoever sent it.
    pub fn release(&self) {
        *self.shared.hold.lock().unwrap() = None;
    }

    /// Asks the server itself, past all faults.
    pub fn direct(&self, method: Method, path: &str, token: &str, body: Option<&Value>) -> (StatusCode, Value) {
        let text = body.map(Value::to_string).unwrap_or_default();
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {token}"))
            .header(CONTENT_TYPE, "application/scim+json")
            .body(Bytes::from(text))
            .expect("a request");
        let answer = self.runtime.block_on(forward(&self.upstream, request)).expect("the server answers");
        let (parts, body) = answer.into_parts();
        (parts.status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }
}

async fn listen(listener: TcpListener, upstream: String, shared: Arc<Shared>) {
    while let Ok((connection, _)) = listener.accept().await {
        let (upstream, shared) = (upstream.clone(), shared.clone());
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let (upstream, shared) = (upstream.clone(), shared.clone());
                async move { serve(request, &upstream, &shared).await }
            });
            // A connection that was cut on purpose is an error here, and nothing to report.
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(connection), service).await;
        });
    }
}

/// Passes a request on, or does what the weather says. An error cuts the connection.
async fn serve(request: Request<Incoming>, upstream: &str, shared: &Shared) -> Result<Answer, Failure> {
    let number = shared.seen.fetch_add(1, Ordering::SeqCst);
    let (parts, body) = request.into_parts();
    let mut request = Request::from_parts(parts, body.collect().await.map_err(Failure::other)?.to_bytes());
    let held = shared.hold(request.method());
    if held == Some(Moment::Before) {
        return std::future::pending().await;
    }
    let mut luck = Luck::new(shared, number, &request);
    let fault = luck.fault;
    if let Some(fault) = fault {
        *shared.met.lock().unwrap().entry(fault).or_default() += 1;
        if let Some(answer) = instead(fault, &mut luck).await {
            return Ok(answer);
        }
        ask_otherwise(fault, &mut request, &mut luck);
    }
    shared.note(&request);
    let answer = forward(upstream, request).await?;
    if held == Some(Moment::After) {
        shared.reached();
        return std::future::pending().await;
    }
    answer_otherwise(fault, answer, &mut luck)
}

/// Answers that the server never hears of.
async fn instead(fault: Fault, luck: &mut Luck) -> Option<Answer> {
    match fault {
        Fault::Empty => Some(plain(StatusCode::OK, "application/scim+json", "")),
        Fault::Html => Some(html()),
        Fault::Unavailable => Some(plain(StatusCode::SERVICE_UNAVAILABLE, "text/plain", "try later")),
        Fault::Throttled => {
            let mut answer = plain(StatusCode::TOO_MANY_REQUESTS, "text/plain", "slow down");
            let seconds = if luck.random.u8(..) < 16 { "1" } else { "0" };
            answer.headers_mut().insert(RETRY_AFTER, seconds.parse().ok()?);
            Some(answer)
        }
        Fault::Slow => {
            tokio::time::sleep(Duration::from_millis(luck.random.u64(10..150))).await;
            None
        }
        _ => None,
    }
}

/// Asks for another page than was wanted.
fn ask_otherwise(fault: Fault, request: &mut Request<Bytes>, luck: &mut Luck) {
    let shift = |start: u64, count: u64, random: &mut fastrand::Rng| match fault {
        Fault::RepeatedPage => Some(start.saturating_sub(count).max(1)),
        Fault::ShiftedPage => Some(start + random.u64(1..=count.max(1))),
        _ => None,
    };
    let uri = request.uri().to_string();
    let (Some(start), count) = (number_in(&uri, "startIndex="), number_in(&uri, "count=").unwrap_or(100)) else { return };
    let Some(other) = shift(start, count, &mut luck.random) else { return };
    let changed = uri.replace(&format!("startIndex={start}"), &format!("startIndex={other}"));
    if let Ok(changed) = changed.parse() {
        *request.uri_mut() = changed;
    }
}

/// Spoils the server's answer.
fn answer_otherwise(fault: Option<Fault>, answer: Response<Bytes>, luck: &mut Luck) -> Result<Answer, Failure> {
    let (mut parts, body) = answer.into_parts();
    let body = match fault {
        Some(Fault::LostAnswer) => return Err(Failure::other("the answer is lost")),
        Some(Fault::HtmlAfterwards) => return Ok(html()),
        Some(Fault::Truncated) if body.len() > 1 => {
            parts.headers.insert(CONTENT_LENGTH, body.len().into());
            let half = body.slice(..luck.random.usize(..body.len()));
            let frames = [Ok(Frame::data(half)), Err(Failure::other("cut"))];
            return Ok(Response::from_parts(parts, BodyExt::boxed(StreamBody::new(stream::iter(frames)))));
        }
        Some(Fault::TotalTooLarge | Fault::TotalTooSmall | Fault::TotalMoves) => with_total(fault, &body, luck),
        _ => body,
    };
    parts.headers.remove(CONTENT_LENGTH);
    Ok(Response::from_parts(parts, full(body)))
}

fn with_total(fault: Option<Fault>, body: &Bytes, luck: &mut Luck) -> Bytes {
    let Ok(mut list) = serde_json::from_slice::<Value>(body) else { return body.clone() };
    let Some(total) = list.get("totalResults").and_then(Value::as_u64) else { return body.clone() };
    let lie = match fault {
        Some(Fault::TotalTooLarge) => total + luck.random.u64(1..9),
        Some(Fault::TotalTooSmall) => total - luck.random.u64(..=total),
        _ => total + luck.random.u64(..5) - luck.random.u64(..=total.min(2)),
    };
    list["totalResults"] = json!(lie);
    Bytes::from(list.to_string())
}

/// Sends a request to the server and takes its whole answer.
async fn forward(upstream: &str, request: Request<Bytes>) -> Result<Response<Bytes>, Failure> {
    let connection = TcpStream::connect(upstream).await?;
    let (mut sender, driver) = hyper::client::conn::http1::handshake(TokioIo::new(connection)).await.map_err(Failure::other)?;
    tokio::spawn(driver);
    let (mut parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).parse::<Uri>().map_err(Failure::other)?;
    parts.uri = path;
    without_hops(&mut parts.headers);
    parts.headers.insert(HOST, upstream.parse().map_err(Failure::other)?);
    let answer = sender.send_request(Request::from_parts(parts, Full::new(body))).await.map_err(Failure::other)?;
    let (mut parts, body) = answer.into_parts();
    without_hops(&mut parts.headers);
    Ok(Response::from_parts(parts, body.collect().await.map_err(Failure::other)?.to_bytes()))
}

/// Headers that belong to one connection.
fn without_hops(headers: &mut HeaderMap) {
    for name in ["connection", "keep-alive", "transfer-encoding", "content-length", "accept-encoding"] {
        headers.remove(name);
    }
}

/// What befalls one request.
struct Luck {
    random: fastrand::Rng,
    fault: Option<Fault>,
}

impl Luck {
    fn new(shared: &Shared, number: u64, request: &Request<Bytes>) -> Self {
        let weather = shared.weather.lock().unwrap();
        let kinds: Vec<_> = weather.kinds.iter().copied().filter(|kind| kind.fits(request)).collect();
        let mut random = fastrand::Rng::with_seed(weather.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(number));
        let unlucky = random.f64() < weather.share;
        let fault = random.choice(kinds).filter(|_| unlucky);
        Self { random, fault }
    }
}

impl Fault {
    /// Whether it can befall this request: pages and totals are about lists.
    fn fits(self, request: &Request<Bytes>) -> bool {
        let list = request.method() == Method::GET && request.uri().query().is_some_and(|query| query.contains("startIndex="));
        match self {
            Self::RepeatedPage | Self::ShiftedPage | Self::TotalTooLarge | Self::TotalTooSmall | Self::TotalMoves => list,
            _ => true,
        }
    }
}

impl Shared {
    /// Whether a request is held. From the held write on, everything else stands still before it reaches the server.
    fn hold(&self, method: &Method) -> Option<Moment> {
        let mut hold = self.hold.lock().unwrap();
        let hold = hold.as_mut()?;
        if hold.writes_left == 0 {
            return Some(Moment::Before);
        }
        if *method == Method::GET {
            return None;
        }
        hold.writes_left -= 1;
        if hold.writes_left > 0 {
            return None;
        }
        if hold.moment == Moment::Before
            && let Some(reached) = hold.reached.take()
        {
            reached();
        }
        Some(hold.moment)
    }

    fn reached(&self) {
        if let Some(reached) = self.hold.lock().unwrap().as_mut().and_then(|hold| hold.reached.take()) {
            reached();
        }
    }

    /// Notes what the server is given that takes something away.
    fn note(&self, request: &Request<Bytes>) {
        let body: Value = serde_json::from_slice(request.body()).unwrap_or(Value::Null);
        if request.method() == Method::DELETE || takes_away(&body) {
            let words = format!("{} {} {}", request.method(), request.uri().path(), String::from_utf8_lossy(request.body()));
            self.removals.lock().unwrap().push(words);
        }
    }
}

/// Whether a body deactivates somebody or removes members.
fn takes_away(body: &Value) -> bool {
    let inactive = |value: &Value| value.get("active") == Some(&json!(false));
    let operations = body.get("Operations").and_then(Value::as_array);
    inactive(body)
        || operations.into_iter().flatten().any(|operation| {
            let path = operation.get("path").and_then(Value::as_str).unwrap_or_default();
            let removes = operation.get("op").and_then(Value::as_str).is_some_and(|op| op.eq_ignore_ascii_case("remove"));
            let value = operation.get("value").unwrap_or(&Value::Null);
            (removes && path.starts_with("members")) || (path == "active" && *value == json!(false)) || inactive(value)
        })
}

fn number_in(uri: &str, name: &str) -> Option<u64> {
    let rest = &uri[uri.find(name)? + name.len()..];
    rest.split('&').next()?.parse().ok()
}

fn html() -> Answer {
    plain(StatusCode::OK, "text/html", "<!doctype html><title>Sign in</title><p>Please sign in to continue.")
}

fn plain(status: StatusCode, kind: &str, body: &str) -> Answer {
    Response::builder().status(status).header(CONTENT_TYPE, kind).body(full(Bytes::from(body.to_owned()))).expect("an answer")
}

fn full(body: Bytes) -> BoxBody<Bytes, Failure> {
    Full::new(body).map_err(|never: Infallible| match never {}).boxed()
}
