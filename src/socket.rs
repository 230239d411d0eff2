//! The socket of a connection that writes: whoever would let bytes out asks first whether it still may. It stands below TLS and below whatever makes requests, so
//! that nothing that takes time lies between the question and the write.
//!
//! Must never: let a byte out once leave to write was lost, or forget that one went out.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::fence::Gate;

/// Bytes both ways.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A socket behind a fence.
#[derive(Debug)]
pub struct Fenced<S> {
    socket: S,
    gate: Arc<Gate>,
}

impl<S> Fenced<S> {
    /// This socket, of this connection.
    pub fn new(socket: S, gate: &Arc<Gate>) -> Self {
        Self { socket, gate: gate.clone() }
    }

    /// The socket itself, for whoever asks what it is.
    pub fn socket(&self) -> &S {
        &self.socket
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Fenced<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.gate.ask()?;
        let written = Pin::new(&mut self.socket).poll_write(context, bytes);
        self.gate.count(written)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, context: &mut Context<'_>, pieces: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        self.gate.ask()?;
        let written = Pin::new(&mut self.socket).poll_write_vectored(context, pieces);
        self.gate.count(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Fenced<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(context, into)
    }
}
