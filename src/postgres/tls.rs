//! What stands between the socket and the server's words: the fence, and TLS above it by the same rustls as everywhere else.
//!
//! Must never: take a certificate that was not checked, or go on without the TLS that was asked for.

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::{BoxFuture, FutureExt, Ready, ready};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream as RustlsStream;

use crate::fence::Gate;
use crate::http::{ClientIdentity, client_tls};
use crate::socket::Fenced;

/// How connections are made safe.
pub(super) struct Tls(Arc<ClientConfig>);

impl Tls {
    /// Reads the authority's file, and what is shown.
    pub(super) fn new(ca_file: Option<&Path>, identity: Option<&ClientIdentity>) -> Result<Self, String> {
        client_tls(ca_file, identity).map(|config| Self(Arc::new(config))).map_err(|error| error.to_string())
    }

    /// For a connection behind a fence.
    pub(super) fn behind(self, gate: &Arc<Gate>) -> Handshake {
        Handshake { config: self.0, gate: gate.clone(), name: None }
    }
}

/// TLS over a fenced socket.
#[derive(Clone)]
pub(super) struct Handshake {
    config: Arc<ClientConfig>,
    gate: Arc<Gate>,
    name: Option<ServerName<'static>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> MakeTlsConnect<S> for Handshake {
    type Stream = Safe<S>;
    type TlsConnect = Self;
    type Error = io::Error;

    fn make_tls_connect(&mut self, host: &str) -> io::Result<Self> {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        Ok(Self { name: Some(name), ..self.clone() })
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> TlsConnect<S> for Handshake {
    type Stream = Safe<S>;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<Safe<S>>>;

    fn connect(self, stream: S) -> Self::Future {
        async move {
            let name = self.name.ok_or_else(|| io::Error::other("it has no name that a certificate could have"))?;
            let stream = TlsConnector::from(self.config).connect(name, Fenced::new(stream, &self.gate)).await?;
            Ok(Safe(Box::new(stream)))
        }
        .boxed()
    }
}

/// A connection with TLS.
pub(super) struct Safe<S>(Box<RustlsStream<Fenced<S>>>);

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream for Safe<S> {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Safe<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.0.as_mut()).poll_read(context, into)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Safe<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(self.0.as_mut()).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.0.as_mut()).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.0.as_mut()).poll_shutdown(context)
    }
}

/// The fence alone, where nobody asked for TLS.
#[derive(Clone)]
pub(super) struct Plain(Arc<Gate>);

impl Plain {
    /// For a connection behind a fence.
    pub(super) fn behind(gate: &Arc<Gate>) -> Self {
        Self(gate.clone())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> MakeTlsConnect<S> for Plain {
    type Stream = Fenced<S>;
    type TlsConnect = Self;
    type Error = io::Error;

    fn make_tls_connect(&mut self, _: &str) -> io::Result<Self> {
        Ok(self.clone())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> TlsConnect<S> for Plain {
    type Stream = Fenced<S>;
    type Error = io::Error;
    type Future = Ready<io::Result<Fenced<S>>>;

    fn connect(self, stream: S) -> Self::Future {
        ready(Ok(Fenced::new(stream, &self.0)))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream for Fenced<S> {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}
