//! Sends what changes something, over connections that ask for leave as each byte goes out. A connection has one fence for all its life, and one request at a time.
//!
//! Must never: send a request twice once a byte of it may have gone out, or use a connection again that refused.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Bytes, Frame, Incoming, SizeHint};
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper::header::{HOST, HeaderValue, PROXY_AUTHORIZATION, USER_AGENT};
use hyper::{Request, Response, Uri};
use reqwest::Body;
use tokio::time::{Instant, Sleep, timeout_at};

use super::dial::{BoxError, Dialer};
use super::{AGENT, Deadlines};
use crate::fence::{Fence, Gate};

/// A connection that nobody used for so long is closed: the other end may have forgotten it.
const IDLE: Duration = Duration::from_secs(60);
/// So many are kept at most.
const MOST_IDLE: usize = 64;

/// The connections of one client that write.
#[derive(Debug)]
pub(super) struct Writes {
    dialer: Dialer,
    deadlines: Deadlines,
    idle: Mutex<Vec<Idle>>,
}

/// A connection that nobody uses now.
struct Idle {
    /// `https://chat.example:443`
    service: Box<str>,
    gate: Arc<Gate>,
    sender: SendRequest<Body>,
    since: Instant,
}

/// Why no answer came.
#[derive(Debug, thiserror::Error)]
#[error("the request got no answer")]
pub(super) struct Unanswered {
    /// whether bytes of it may have gone out
    pub(super) sent: bool,
    /// there was no connection yet
    pub(super) connecting: bool,
    /// it took too long
    pub(super) timed_out: bool,
    /// leave to write was lost, and why
    pub(super) refused: Option<String>,
    #[source]
    source: BoxError,
}

/// What took longer than it may.
#[derive(Debug, thiserror::Error)]
#[error("operation timed out")]
struct TookTooLong;

impl Writes {
    /// None are open yet.
    pub(super) fn new(dialer: Dialer, deadlines: Deadlines) -> Self {
        Self { dialer, deadlines, idle: Mutex::default() }
    }

    /// Sends a request, whose address is a whole URL.
    pub(super) async fn send(self: &Arc<Self>, mut request: Request<Body>, fence: &Fence) -> Result<reqwest::Response, Unanswered> {
        let until = Instant::now() + self.deadlines.request;
        let service = request.uri().clone();
        self.address(&mut request);
        loop {
            let (mut idle, used) = match self.take(&service, fence) {
                Some(idle) => (idle, true),
                None => (self.connect(&service, fence).await?, false),
            };
            // One that was closed meanwhile took nothing.
            let ready = timeout_at(until, idle.sender.ready()).await;
            if used && !matches!(ready, Ok(Ok(()))) {
                continue;
            }
            let before = idle.gate.sent();
            let answer = timeout_at(until, idle.sender.try_send_request(request)).await;
            let went = idle.gate.sent() > before;
            let mut error = match answer {
                Ok(Ok(answer)) => return Ok(self.answer(answer, idle, until)),
                Err(_) => return Err(Unanswered::of(&idle.gate, went, true, TookTooLong)),
                Ok(Err(error)) => error,
            };
            match error.take_message().filter(|_| used && !went && idle.gate.refused().is_none()) {
                Some(again) => request = again,
                None => return Err(Unanswered::of(&idle.gate, went, false, error.into_error())),
            }
        }
    }

    /// The address as this connection is told it, and by what name the service is meant.
    fn address(&self, request: &mut Request<Body>) {
        let service = request.uri().clone();
        let path = service.path_and_query().map_or("/", |path| path.as_str()).parse().unwrap_or_default();
        let host = service.host().map(|host| port(&service).map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")));
        let headers = request.headers_mut();
        headers.entry(USER_AGENT).or_insert(HeaderValue::from_static(AGENT));
        if let Some(host) = host.and_then(|host| HeaderValue::from_str(&host).ok()) {
            headers.entry(HOST).or_insert(host);
        }
        match self.dialer.proxy_that_speaks_for(&service) {
            None => *request.uri_mut() = path,
            Some(proxy) => {
                if let Some(sign_in) = proxy.basic_auth() {
                    headers.insert(PROXY_AUTHORIZATION, sign_in.clone());
                }
            }
        }
    }

    async fn connect(&self, service: &Uri, fence: &Fence) -> Result<Idle, Unanswered> {
        let gate = Gate::behind(fence);
        let none = |timed_out, source| Unanswered { connecting: true, ..Unanswered::of(&gate, false, timed_out, source) };
        let connected = timeout_at(Instant::now() + self.deadlines.connect, self.dialer.dial(service, &gate)).await;
        let stream = connected.map_err(|_| none(true, TookTooLong.into()))?.map_err(|error| none(false, error))?;
        let (sender, connection) = Builder::new().handshake(stream).await.map_err(|error| none(false, error.into()))?;
        // It ends with its sender, or when the other end closes it; what went wrong is told to whoever sends.
        tokio::spawn(async move { drop(connection.await) });
        Ok(Idle { service: key(service), gate, sender, since: Instant::now() })
    }

    /// One that is open already, behind the same fence.
    fn take(&self, service: &Uri, fence: &Fence) -> Option<Idle> {
        let key = key(service);
        let mut idle = self.idle();
        idle.retain(|idle| idle.since.elapsed() < IDLE && !idle.sender.is_closed() && idle.gate.refused().is_none());
        let at = idle.iter().rposition(|idle| idle.service == key && idle.gate.fence().is_same(fence))?;
        Some(idle.remove(at))
    }

    /// The one that was unused for longest goes where there are many: those behind a fence that was given up are used by nobody.
    fn give_back(&self, idle: Idle) {
        let mut all = self.idle();
        if all.len() >= MOST_IDLE {
            all.remove(0);
        }
        all.push(Idle { since: Instant::now(), ..idle });
    }

    fn answer(self: &Arc<Self>, answer: Response<Incoming>, idle: Idle, until: Instant) -> reqwest::Response {
        let content = |incoming| {
            let late = Box::pin(tokio::time::sleep_until(until));
            Body::wrap(Content { incoming, late, back: Some((self.clone(), idle)) })
        };
        answer.map(content).into()
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Unanswered {
    fn of(gate: &Gate, sent: bool, timed_out: bool, source: impl Into<BoxError>) -> Self {
        let refused = gate.refused().map(str::to_owned);
        Self { sent, connecting: false, timed_out, refused, source: source.into() }
    }
}

/// The content of an answer. At its end the connection is free for the next request.
struct Content {
    incoming: Incoming,
    late: Pin<Box<Sleep>>,
    back: Option<(Arc<Writes>, Idle)>,
}

impl hyper::body::Body for Content {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match Pin::new(&mut self.incoming).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => Poll::Ready(Some(Ok(frame))),
            Poll::Ready(Some(Err(error))) => {
                self.back = None;
                Poll::Ready(Some(Err(error.into())))
            }
            Poll::Ready(None) => {
                if let Some((writes, idle)) = self.back.take() {
                    writes.give_back(idle);
                }
                Poll::Ready(None)
            }
            Poll::Pending => match self.late.as_mut().poll(context) {
                Poll::Ready(()) => Poll::Ready(Some(Err(TookTooLong.into()))),
                Poll::Pending => Poll::Pending,
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        false
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl fmt::Debug for Idle {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Idle")
    }
}

/// Scheme, host and port: what one connection is for.
fn key(service: &Uri) -> Box<str> {
    format!("{}://{}", service.scheme_str().unwrap_or_default(), service.authority().map_or("", |authority| authority.as_str())).into()
}

/// The port, unless it goes without saying.
fn port(service: &Uri) -> Option<u16> {
    let known = if service.scheme_str() == Some("https") { 443 } else { 80 };
    service.port_u16().filter(|port| *port != known)
}
