//! How a connection comes about: the first server that answers, TLS from the start or begun on the connection, and a sign-in.
//!
//! Must never: go on without the TLS that was asked for, say a password to who is not the server, or try a refused password at another server.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::BytesMut;
use rustls::pki_types::ServerName;
use rustls::{CertificateError, ClientConfig};
use secrecy::ExposeSecret;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::code;
use super::line::{Bounds, Line, whole};
use super::message::{Answer, Request};
use crate::connector::Surroundings;
use crate::fence::{Fence, Gate};
use crate::http::{ClientIdentity, client_tls};
use crate::manifest::connection::{LdapBind, LdapConnection, SecretRef};
use crate::model::SystemError;
use crate::secret::{self, SecretError, SecretString};
use crate::socket::{Fenced, Stream};

/// A server that takes no connection within so long is away.
const CONNECT: Duration = Duration::from_secs(10);
/// Begins TLS (RFC 4511, 4.14).
const START_TLS: &str = "1.3.6.1.4.1.1466.20037";
/// An answer to that is short.
const SHORT: usize = 64 << 10;

/// Makes connections.
#[derive(Debug)]
pub(super) struct Dialer {
    servers: Vec<Server>,
    /// the one that answered last
    current: AtomicUsize,
    tls: Arc<ClientConfig>,
    start_tls: bool,
    /// a certificate is shown
    shows: bool,
    bind: Option<LdapBind>,
    base: std::path::PathBuf,
    pub(super) bounds: Bounds,
}

/// One server.
#[derive(Clone, Debug)]
struct Server {
    /// as it is written
    url: String,
    way: Way,
}

#[derive(Clone, Debug)]
enum Way {
    Tcp { host: String, port: u16, tls: bool },
    Socket(String),
}

/// Why a server could not be used, and whether another one may.
struct Refusal {
    error: SystemError,
    elsewhere: bool,
}

impl Dialer {
    /// As a manifest says.
    pub(super) async fn new(connection: &LdapConnection, surroundings: &Surroundings, bounds: Bounds) -> Result<Self, SystemError> {
        if connection.signs_in_openly() {
            let why = "it would send a password without TLS, where anybody on the way reads it; use ldaps://, say `startTls: true`, or say \
                       `allowPlain: true`";
            return Err(SystemError::Rejected(why.into()));
        }
        let servers = connection.urls.iter().map(|url| Server::parse(url)).collect::<Result<Vec<_>, _>>()?;
        let base = surroundings.base.clone();
        let ca_file = connection.ca_file.as_ref().map(|file| surroundings.place(file)).transpose()?;
        let identity = match &connection.tls {
            Some(tls) => {
                Some(ClientIdentity { certificate: resolved(&tls.certificate, &base).await?, key: resolved(&tls.key, &base).await? })
            }
            None => None,
        };
        let tls = Arc::new(client_tls(ca_file.as_deref(), identity.as_ref())?);
        let (start_tls, bind) = (connection.start_tls, connection.bind.clone());
        let shows = identity.is_some();
        Ok(Self { servers, current: AtomicUsize::new(0), tls, start_tls, shows, bind, base, bounds })
    }

    /// A connection that is signed in, to the server that answered last, else to the next.
    pub(super) async fn dial(&self, fence: &Fence) -> Result<Line, SystemError> {
        let first = self.current.load(Ordering::Relaxed);
        let mut told: Vec<String> = Vec::new();
        let mut stays = true;
        for at in 0..self.servers.len() {
            let at = (first + at) % self.servers.len();
            let Some(server) = self.servers.get(at) else { continue };
            match self.at(server, fence).await {
                Ok(line) => {
                    self.current.store(at, Ordering::Relaxed);
                    return Ok(line);
                }
                Err(Refusal { error, elsewhere: false }) => return Err(error.map_words(|words| format!("{}: {words}", server.url))),
                Err(Refusal { error, .. }) => {
                    stays &= matches!(error, SystemError::Unreachable(_));
                    told.push(format!("{}: {error}", server.url));
                }
            }
        }
        let words = told.join("; ");
        Err(if stays { SystemError::Unreachable(words) } else { SystemError::Unavailable(words) })
    }

    async fn at(&self, server: &Server, fence: &Fence) -> Result<Line, Refusal> {
        let gate = Gate::behind(fence);
        let connected = timeout(CONNECT.min(self.bounds.timeout), self.stream(server, &gate)).await;
        let stream = connected.unwrap_or_else(|_| Err(SystemError::Unavailable("it does not answer".into()))).map_err(|error| {
            let error = gate.refused().map_or(error, |why| SystemError::NotSent(why.to_owned()));
            Refusal { elsewhere: !matches!(error, SystemError::NotSent(_)), error }
        })?;
        let line = Line::over(stream, &gate, self.bounds);
        self.sign_in(&line).await?;
        Ok(line)
    }

    async fn stream(&self, server: &Server, gate: &Arc<Gate>) -> Result<Box<dyn Stream>, SystemError> {
        let away = |error: std::io::Error| SystemError::Unavailable(format!("it can't be reached: {error}"));
        match &server.way {
            Way::Socket(path) => Ok(Box::new(Fenced::new(UnixStream::connect(path).await.map_err(away)?, gate))),
            Way::Tcp { host, port, tls } => {
                let socket = TcpStream::connect((host.as_str(), *port)).await.map_err(away)?;
                socket.set_nodelay(true).map_err(away)?;
                let mut socket = Fenced::new(socket, gate);
                if self.start_tls && !tls {
                    start_tls(&mut socket).await?;
                } else if !tls {
                    return Ok(Box::new(socket));
                }
                let name = ServerName::try_from(host.clone());
                let name = name.map_err(|_| SystemError::Rejected(format!("`{host}` is no name that a certificate could have")))?;
                let stream = TlsConnector::from(self.tls.clone()).connect(name, socket).await.map_err(|error| tls_trouble(&error))?;
                Ok(Box::new(stream))
            }
        }
    }

    /// In TLS 1.3 a server says what it thinks of a certificate once the connection stands; some say nothing, and go.
    fn refused_certificate(&self, error: SystemError) -> SystemError {
        match &error {
            SystemError::Unavailable(words) if words.contains("fatal alert") => SystemError::Auth(unknown_certificate(words)),
            SystemError::Unavailable(_) if self.shows => {
                error.map_words(|words| format!("{words}; it may not take the certificate of `tls`: is it of an authority that it knows?"))
            }
            _ => error,
        }
    }

    async fn sign_in(&self, line: &Line) -> Result<(), Refusal> {
        let here = |error| Refusal { error, elsewhere: false };
        let request = match &self.bind {
            None => return Ok(()),
            Some(LdapBind::External(_)) => Request::external_bind(),
            Some(LdapBind::Simple(simple)) => {
                let password = resolved(&simple.password, &self.base).await.map_err(here)?;
                Request::simple_bind(&simple.dn, password.expose_secret().as_bytes())
            }
        };
        match line.one(&request).await {
            Ok(outcome) if outcome.code == code::SUCCESS => Ok(()),
            Ok(outcome) => {
                let error = code::of_bind(&outcome);
                Err(Refusal { elsewhere: !matches!(error, SystemError::Auth(_)), error })
            }
            Err(lost) => Err(Refusal { elsewhere: !lost.refused, error: self.refused_certificate(lost.error) }),
        }
    }
}

impl Server {
    fn parse(url: &str) -> Result<Self, SystemError> {
        let wrong =
            || SystemError::Rejected(format!("connection.ldap.urls: {url:?} is no LDAP url; write ldaps://host or ldap://host:389"));
        let bare = url.trim_end_matches('/');
        if let Some(path) = bare.strip_prefix("ldapi://") {
            let path = path.replace("%2F", "/").replace("%2f", "/");
            return if path.is_empty() { Err(wrong()) } else { Ok(Self { url: url.to_owned(), way: Way::Socket(path) }) };
        }
        let (tls, rest) = match (bare.strip_prefix("ldaps://"), bare.strip_prefix("ldap://")) {
            (Some(rest), _) => (true, rest),
            (_, Some(rest)) => (false, rest),
            _ => return Err(wrong()),
        };
        let default = if tls { 636 } else { 389 };
        let (host, port) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, port)) => (host, port.strip_prefix(':')),
            None => rest.rsplit_once(':').map_or((rest, None), |(host, port)| (host, Some(port))),
        };
        let port = port.map_or(Ok(default), str::parse).map_err(|_| wrong())?;
        if host.is_empty() { Err(wrong()) } else { Ok(Self { url: url.to_owned(), way: Way::Tcp { host: host.to_owned(), port, tls } }) }
    }
}

/// Asks for TLS. Whatever comes behind the answer was said by nobody who proved who they are.
async fn start_tls<S: Stream>(socket: &mut S) -> Result<(), SystemError> {
    let lost = |error: std::io::Error| SystemError::Unavailable(format!("the connection was lost: {error}"));
    socket.write_all(&Request::extended(START_TLS).numbered(1)).await.map_err(lost)?;
    let mut buffer = BytesMut::new();
    let message = loop {
        if let Some(message) = whole(&mut buffer, SHORT)? {
            break message;
        }
        if socket.read_buf(&mut buffer).await.map_err(lost)? == 0 {
            return Err(SystemError::Unavailable("the server closed the connection".into()));
        }
    };
    if !buffer.is_empty() {
        return Err(SystemError::Protocol("something was said before TLS began".into()));
    }
    match Answer::decode(message)? {
        (1, Answer::Outcome(outcome)) if outcome.code == code::SUCCESS => Ok(()),
        (_, Answer::Outcome(outcome)) => {
            Err(SystemError::Unreachable(format!("it does not begin TLS ({}); use ldaps://, or set it up there", code::words(&outcome))))
        }
        _ => Err(SystemError::Protocol("it does not answer whether TLS begins".into())),
    }
}

fn tls_trouble(error: &std::io::Error) -> SystemError {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match tls {
        Some(rustls::Error::InvalidCertificate(why)) => {
            SystemError::Unreachable(format!("its certificate is not trusted: {} ({why})", mend(why)))
        }
        Some(rustls::Error::AlertReceived(alert)) => SystemError::Auth(unknown_certificate(&format!("{alert:?}"))),
        Some(other) => SystemError::Unreachable(format!("TLS fails: {other}")),
        None => SystemError::Unavailable(format!("TLS broke off: {error}")),
    }
}

/// What to do about one of ours.
fn unknown_certificate(words: &str) -> String {
    format!(
        "the server refuses the connection ({words}): name in `tls` a certificate of an authority that it knows, and that has not expired"
    )
}

/// What to do about a certificate.
fn mend(why: &CertificateError) -> &'static str {
    match why {
        CertificateError::UnknownIssuer => {
            "name the file with the authority behind it in `caFile` (`openssl s_client -showcerts -connect HOST:636` shows which it is)"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "write the server in `urls` by a name that its certificate has"
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "it has expired: give the server a new one",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => "it is not valid yet: look at the clocks of both",
        _ => "give the server another one, or name the authority behind it in `caFile`",
    }
}

/// A secret, looked up each time: some hold for minutes.
pub(super) async fn resolved(secret: &SecretRef, base: &std::path::Path) -> Result<SecretString, SystemError> {
    secret::resolve(secret, base).await.map_err(|error| {
        SystemError::Auth(match &error {
            SecretError::File { source, .. } | SecretError::Exec { source, .. } => format!("{error}: {source}"),
            _ => error.to_string(),
        })
    })
}
