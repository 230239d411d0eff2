//! The yardstick: hyper, one connection for each request under way, one thread.

use std::sync::atomic::{AtomicUsize, Ordering};

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;

use crate::server::Server;

type Sender = SendRequest<Full<Bytes>>;

/// Sends so many creates.
pub fn raw(server: &Server, changes: usize, at_once: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let next = AtomicUsize::new(0);
    runtime.block_on(async {
        let lanes = (0..at_once).map(|_| async {
            let mut sender = connect(server.port).await;
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                if at >= changes {
                    break;
                }
                let (status, body) = send(&mut sender, server.port, Method::POST, "/v2/Users", crate::product::body(at)).await;
                assert!(status == 201 && !body.is_empty(), "{status}");
            }
        });
        futures_util::future::join_all(lanes).await;
    });
}

/// One document.
pub async fn get(port: u16, path: &str) -> String {
    let mut sender = connect(port).await;
    let (_, body) = send(&mut sender, port, Method::GET, path, String::new()).await;
    String::from_utf8_lossy(&body).into_owned()
}

async fn connect(port: u16) -> Sender {
    let stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.expect("a connection");
    stream.set_nodelay(true).expect("TCP");
    let (sender, connection) = handshake(TokioIo::new(stream)).await.expect("HTTP");
    tokio::spawn(connection);
    sender
}

async fn send(sender: &mut Sender, port: u16, method: Method, path: &str, body: String) -> (u16, Bytes) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", format!("127.0.0.1:{port}"))
        .header("accept", "application/scim+json")
        .header("content-type", "application/scim+json")
        .header("user-agent", "yardstick")
        .body(Full::new(Bytes::from(body)))
        .expect("a request");
    sender.ready().await.expect("an open connection");
    let answer = sender.send_request(request).await.expect("an answer");
    let status = answer.status().as_u16();
    (status, answer.into_body().collect().await.expect("a body").to_bytes())
}
