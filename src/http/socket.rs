//! The socket of a connection that writes: whoever would let bytes out asks first whether it still may. It stands below TLS and whatever makes requests, so that
//! nothing that takes time lies between the question and the write.
//!
//! Must never: let a byte out once leave to write was lost, or forget that one went out.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};

use crate::fence::Fence;

/// A socket behind a fence.
pub(super) struct Guarded<S> {
    socket: S,
    line: Arc<Line>,
}

/// What is known of one connection.
#[derive(Debug)]
pub(super) struct Line {
    fence: Fence,
    /// bytes that went out, of whatever they were
    sent: AtomicU64,
    refused: OnceLock<String>,
}

/// Leave to write was lost.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Refused(String);

impl Line {
    /// Of a connection that is about to come about.
    pub(super) fn behind(fence: &Fence) -> Arc<Self> {
        Arc::new(Self { fence: fence.clone(), sent: AtomicU64::new(0), refused: OnceLock::new() })
    }

    /// How many bytes went out so far.
    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::SeqCst)
    }

    /// Why nothing goes out any more. One that refused once does so for good.
    pub(super) fn refused(&self) -> Option<&str> {
        self.refused.get().map(String::as_str)
    }

    /// What it asks.
    pub(super) fn fence(&self) -> &Fence {
        &self.fence
    }

    fn ask(&self) -> io::Result<()> {
        let why = match self.refused() {
            Some(_) => self.refused.get(),
            None => self.fence.lost().map(|why| self.refused.get_or_init(|| why)),
        };
        why.map_or(Ok(()), |why| Err(io::Error::other(Refused(why.clone()))))
    }

    fn count(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(bytes)) = &written {
            self.sent.fetch_add(*bytes as u64, Ordering::SeqCst);
        }
        written
    }
}

impl<S> Guarded<S> {
    /// This socket, of this connection.
    pub(super) fn new(socket: S, line: Arc<Line>) -> Self {
        Self { socket, line }
    }
}

impl<S: Write + Unpin> Write for Guarded<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.line.ask()?;
        let written = Pin::new(&mut self.socket).poll_write(context, bytes);
        self.line.count(written)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, context: &mut Context<'_>, pieces: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        self.line.ask()?;
        let written = Pin::new(&mut self.socket).poll_write_vectored(context, pieces);
        self.line.count(written)
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

impl<S: Read + Unpin> Read for Guarded<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(context, buffer)
    }
}

impl<S: Connection> Connection for Guarded<S> {
    fn connected(&self) -> Connected {
        self.socket.connected()
    }
}
