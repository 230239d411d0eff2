//! One server: whoever connects gets so much time, and only so many at once; when it ends, what was asked is still answered.
//!
//! Must never: let clients that say nothing, or read nothing, keep others out for long.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

/// Bytes of a request's head.
const MAX_HEAD: usize = 32 << 10;
/// What a failed accept may need to pass: no more files may be open.
const REST: Duration = Duration::from_millis(200);

/// What a client may take.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// connections at once; further ones wait
    pub connections: usize,
    /// until a request's head is there, and between two requests
    pub head: Duration,
    /// for a connection, with all that is asked over it; none: as long as it is used
    pub connection: Option<Duration>,
    /// for what is being answered when the server ends
    pub ending: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { connections: 64, head: Duration::from_secs(10), connection: Some(Duration::from_secs(60)), ending: Duration::from_secs(5) }
    }
}

/// Why nothing listens.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// somebody else listens there
    #[error("another program listens at {0}")]
    Taken(SocketAddr),
    /// the system refuses
    #[error("nothing can listen at {address}")]
    Refused {
        /// where
        address: SocketAddr,
        /// why
        source: io::Error,
    },
}

/// A server that runs.
#[derive(Debug)]
pub struct Listening {
    /// where; of port 0 the one that was free
    pub address: SocketAddr,
    task: JoinHandle<()>,
}

impl Listening {
    /// Until it has ended: after its token was cancelled, and what was asked is answered or late.
    pub async fn ended(self) {
        // Nothing in it panics; and a server that is gone has ended.
        let _ = self.task.await;
    }
}

/// Listens from now on, until `stop`.
pub async fn listen(address: SocketAddr, routes: Router, bounds: Bounds, stop: CancellationToken) -> Result<Listening, ServeError> {
    let refused = |source: io::Error| match source.kind() {
        io::ErrorKind::AddrInUse => ServeError::Taken(address),
        _ => ServeError::Refused { address, source },
    };
    let listener = TcpListener::bind(address).await.map_err(refused)?;
    let address = listener.local_addr().map_err(refused)?;
    Ok(Listening { address, task: tokio::spawn(serve(listener, routes, bounds, stop)) })
}

async fn serve(listener: TcpListener, routes: Router, bounds: Bounds, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(bounds.connections));
    let mut connections = JoinSet::new();
    while let Some((stream, place)) = next(&listener, &places, &stop).await {
        connections.spawn(one(stream, place, routes.clone(), bounds, stop.clone()));
        // Those that are over are let go of.
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    let _ = tokio::time::timeout(bounds.ending, async { while connections.join_next().await.is_some() {} }).await;
    connections.shutdown().await;
}

/// The next client for whom there is a place; none: it is over.
async fn next(listener: &TcpListener, places: &Arc<Semaphore>, stop: &CancellationToken) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let accepted = async {
        let place = places.clone().acquire_owned().await.ok()?;
        loop {
            match listener.accept().await {
                Ok((stream, _)) => return Some((stream, place)),
                Err(_) => tokio::time::sleep(REST).await,
            }
        }
    };
    tokio::select! { () = stop.cancelled() => None, accepted = accepted => accepted }
}

async fn one(stream: TcpStream, place: OwnedSemaphorePermit, routes: Router, bounds: Bounds, stop: CancellationToken) {
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(bounds.head).max_buf_size(MAX_HEAD);
    let mut connection = pin!(server.serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes)));
    let life = async {
        match bounds.connection {
            Some(most) => tokio::time::sleep(most).await,
            None => std::future::pending().await,
        }
    };
    // Whatever ends it, a client that went away or said nonsense is no news.
    tokio::select! {
        _ = connection.as_mut() => {}
        () = life => {}
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            let _ = tokio::time::timeout(bounds.ending, connection).await;
        }
    }
    drop(place);
}
