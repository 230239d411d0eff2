//! The socket below an LDAP connection: whoever would let bytes out asks first whether it still may. It stands below TLS, so that nothing that takes time lies
//! between the question and the write.
//!
//! Must never: let a byte out once leave to write was lost, or forget that one went out.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::fence::Fence;

/// Bytes both ways.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// What is known of what went out.
#[derive(Debug)]
pub(super) struct Gate {
    fence: Fence,
    sent: AtomicU64,
    refused: OnceLock<String>,
}

/// A socket behind a fence.
pub(super) struct Fenced<S> {
    socket: S,
    gate: Arc<Gate>,
}

impl Gate {
    pub(super) fn behind(fence: &Fence) -> Arc<Self> {
        Arc::new(Self { fence: fence.clone(), sent: AtomicU64::new(0), refused: OnceLock::new() })
    }

    /// How many bytes went out so far.
    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::SeqCst)
    }

    /// Why nothing goes out any more.
    pub(super) fn refused(&self) -> Option<&str> {
        self.refused.get().map(String::as_str)
    }

    pub(super) fn fence(&self) -> &Fence {
        &self.fence
    }

    fn ask(&self) -> io::Result<()> {
        let why = match self.refused.get() {
            Some(why) => Some(why),
            None => self.fence.lost().map(|why| self.refused.get_or_init(|| why)),
        };
        why.map_or(Ok(()), |why| Err(io::Error::other(why.clone())))
    }

    fn count(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(bytes)) = &written {
            self.sent.fetch_add(*bytes as u64, Ordering::SeqCst);
        }
        written
    }
}

impl<S> Fenced<S> {
    pub(super) fn new(socket: S, gate: &Arc<Gate>) -> Self {
        Self { socket, gate: gate.clone() }
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
