//! How a connection for writing comes about: a socket behind the fence, a proxy where the environment names one, TLS where the address asks for it. Connections
//! for reading are the client's own, on the same terms.
//!
//! Must never: reach a service around its proxy, or speak another version of HTTP than 1.1: of a connection with one request at a time it is known what went out.

use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::Uri;
use hyper::header::{HeaderMap, HeaderValue, USER_AGENT};
use hyper::rt::{Read, Write};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::client::proxy::matcher::Intercept;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tower_service::Service;

use super::way::Proxies;
use super::{AGENT, tls};
use crate::fence::Gate;
use crate::socket::Fenced;

/// A connection that is silent for so long is asked whether it lives.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

pub(super) type BoxError = Box<dyn Error + Send + Sync>;

/// Bytes both ways.
pub(super) trait Io: Read + Write + Send + Unpin {}

impl<T: Read + Write + Send + Unpin> Io for T {}

/// Makes connections.
#[derive(Debug)]
pub(super) struct Dialer {
    tcp: HttpConnector,
    tls: Arc<ClientConfig>,
    proxies: Arc<Proxies>,
}

/// A socket behind a fence, for whoever speaks over it.
#[derive(Clone)]
struct Sockets {
    tcp: HttpConnector,
    gate: Arc<Gate>,
}

type Socket = TokioIo<Fenced<TcpStream>>;

impl Dialer {
    /// On these terms.
    pub(super) fn new(config: &ClientConfig, proxies: &Arc<Proxies>) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(KEEP_ALIVE));
        tcp.set_keepalive_interval(Some(KEEP_ALIVE));
        #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
        tcp.set_tcp_user_timeout(Some(2 * KEEP_ALIVE));
        Self { tcp, tls: Arc::new(tls::speaking(config, &["http/1.1"])), proxies: proxies.clone() }
    }

    /// The proxy that is spoken to in the place of a service, in HTTP without TLS; to one behind TLS a proxy only lets through.
    pub(super) fn proxy_that_speaks_for(&self, service: &Uri) -> Option<Intercept> {
        self.proxies.intercept(service).filter(|_| service.scheme_str() != Some("https"))
    }

    /// Connects to a service.
    pub(super) async fn dial(&self, service: &Uri, gate: &Arc<Gate>) -> Result<Box<dyn Io>, BoxError> {
        let mut first = HttpsConnector::from((Sockets { tcp: self.tcp.clone(), gate: gate.clone() }, self.tls.clone()));
        let Some(proxy) = self.proxies.intercept(service) else { return Ok(Box::new(first.call(service.clone()).await?)) };
        if self.proxy_that_speaks_for(service).is_some() {
            return Ok(Box::new(first.call(proxy.uri().clone()).await?));
        }
        let mut tunnel = Tunnel::new(proxy.uri().clone(), first);
        if let Some(sign_in) = proxy.basic_auth() {
            tunnel = tunnel.with_auth(sign_in.clone());
        }
        let tunnel = tunnel.with_headers(HeaderMap::from_iter([(USER_AGENT, HeaderValue::from_static(AGENT))]));
        let mut behind = HttpsConnector::from((tunnel, self.tls.clone()));
        Ok(Box::new(behind.call(service.clone()).await?))
    }
}

impl Connection for Fenced<TcpStream> {
    fn connected(&self) -> Connected {
        self.socket().connected()
    }
}

impl Service<Uri> for Sockets {
    type Response = Socket;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Socket, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.tcp.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let (connecting, gate) = (self.tcp.call(to), self.gate.clone());
        Box::pin(async move { Ok(TokioIo::new(Fenced::new(connecting.await?.into_inner(), &gate))) })
    }
}
