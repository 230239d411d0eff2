//! The client against a server that answers what a test tells it to.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::fence::Fence;
use crate::fence::by_hand::HandTenure;
use authorities::Authority;

#[path = "../../tests/support/tls.rs"]
#[allow(dead_code, reason = "the unit tests and the integration tests need different parts")]
mod authorities;

type Asked = hyper::Request<Incoming>;
type Answer = hyper::Response<Full<Bytes>>;

/// Runs as long as the test does.
async fn server(answer: impl Fn(&Asked) -> Option<Answer> + Send + Sync + 'static) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
    let answer = Arc::new(answer);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let answer = answer.clone();
            let service = service_fn(move |asked: Asked| {
                let answer = answer(&asked);
                async move { answer.ok_or("closed") }
            });
            tokio::spawn(async move { hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await });
        }
    });
    url
}

fn said(status: u16, body: impl Into<Bytes>) -> Option<Answer> {
    Some(hyper::Response::builder().status(status).body(Full::new(body.into())).unwrap())
}

/// Gives one token after another, and counts how often it is asked.
#[derive(Debug)]
struct Rotating {
    tokens: Mutex<Vec<&'static str>>,
    asked: AtomicU32,
}

impl Rotating {
    fn of(tokens: &[&'static str]) -> Arc<Self> {
        Arc::new(Self { tokens: Mutex::new(tokens.iter().rev().copied().collect()), asked: AtomicU32::new(0) })
    }
}

impl Renew for Rotating {
    fn credentials(&self) -> BoxFuture<'_, Result<Credentials, SystemError>> {
        async {
            self.asked.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            let mut tokens = self.tokens.lock().unwrap();
            let token = if tokens.len() > 1 { tokens.pop() } else { tokens.last().copied() };
            Ok(Credentials::Bearer(token.unwrap_or_default().to_owned().into()))
        }
        .boxed()
    }
}

fn settings(first: &str, renew: Option<Arc<Rotating>>) -> Settings {
    let credentials = Some(Credentials::Bearer(first.to_owned().into()));
    let renew = renew.map(|renew| renew as Arc<dyn Renew>);
    let (system, timeout) = ("chat".into(), Duration::from_secs(5));
    Settings { system, timeout, max_body: 100_000, credentials, renew, ca_file: None, identity: None, detour: None, recording: None }
}

fn client(first: &str, renew: Option<Arc<Rotating>>) -> Client {
    Client::new(&settings(first, renew)).unwrap()
}

fn get(url: &Url) -> Request {
    Request::reads(Method::GET, url.clone(), "application/json")
}

fn accepts(token: &'static str) -> impl Fn(&Asked) -> Option<Answer> {
    move |asked| {
        let shown = asked.headers().get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
        if shown == format!("Bearer {token}") { said(200, "{}") } else { said(401, format!("not {shown}")) }
    }
}

#[tokio::test]
async fn a_token_that_was_rotated_is_fetched_once_however_many_were_refused() {
    let url = server(accepts("token-two-two")).await;
    let tokens = Rotating::of(&["token-two-two"]);
    let client = client("token-one-one", Some(tokens.clone()));
    let write = || client.send(Request { body: Some(Body::new("text/plain", "x")), ..Request::writes(Method::POST, url.clone(), "*/*") });
    let answers = futures_util::future::join_all((0..8).map(|_| write())).await;
    assert!(answers.iter().all(|answer| answer.as_ref().is_ok_and(Response::succeeded)), "{answers:?}");
    assert_eq!(tokens.asked.load(Ordering::SeqCst), 1);
    assert_eq!(client.redact("token-one-one, token-two-two"), "[secret], [secret]");
}

#[tokio::test]
async fn a_token_that_is_refused_for_good_is_not_fetched_for_each_request() {
    let url = server(accepts("another")).await;
    let tokens = Rotating::of(&["token-one-one"]);
    let client = client("token-one-one", Some(tokens.clone()));
    for _ in 0..5 {
        let answer = client.send(get(&url)).await.unwrap();
        assert_eq!((answer.status, answer.body), (401, b"not Bearer [secret]".to_vec()));
    }
    assert_eq!(tokens.asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_lost_answer_is_uncertain_by_what_the_request_does_and_not_by_its_verb() {
    let url = server(|_| None).await;
    let client = client("token", None);
    let search = client.send(Request::reads(Method::POST, url.clone(), "*/*")).await;
    assert!(matches!(search, Err(SystemError::Unavailable(_))), "{search:?}");
    let write = client.send(Request::writes(Method::GET, url, "*/*")).await;
    assert!(matches!(write, Err(SystemError::Uncertain(_))), "{write:?}");
}

#[tokio::test]
async fn a_request_says_its_media_types_and_an_answer_gives_its_headers() {
    let url = server(|asked| {
        let header = |name: &str| asked.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        let told = format!("{} {} {}", header("accept"), header("content-type"), header("prefer"));
        let answer = hyper::Response::builder().header("X-Told", told).header("X-Secret", "your token is t0ken-t0ken");
        Some(answer.body(Full::default()).unwrap())
    })
    .await;
    let body = Some(Body::new("application/x-www-form-urlencoded", "a=b"));
    let headers = vec![("prefer".into(), "odata.maxpagesize=7".to_owned())];
    let request = Request { body, headers, ..Request::reads(Method::POST, url, "text/csv") };
    let answer = client("t0ken-t0ken", None).send(request).await.unwrap();
    assert_eq!(answer.header("x-told"), Some("text/csv application/x-www-form-urlencoded odata.maxpagesize=7"));
    assert_eq!(answer.header("x-secret"), Some("your token is [secret]"));
}

#[tokio::test]
async fn a_long_answer_comes_piece_by_piece_bounded_and_without_secrets() {
    let (secret, filler) = ("t0ken-t0ken-t0ken", "x".repeat(997));
    let text: String = (0..60).map(|_| format!("{filler}{secret}")).collect();
    let sent = text.clone();
    let url = server(move |_| said(200, sent.clone())).await;
    let client = client(secret, None);
    let mut streamed = client.open(get(&url)).await.unwrap();
    let (mut whole, mut pieces) = (Vec::new(), 0);
    while let Some(piece) = streamed.next().await.unwrap() {
        whole.extend_from_slice(&piece);
        pieces += 1;
    }
    assert!(pieces > 1);
    assert_eq!(String::from_utf8(whole).unwrap(), text.replace(secret, "[secret]"));
    let mut streamed = client.open(Request { most: Some(20_000), ..get(&url) }).await.unwrap();
    let end = loop {
        match streamed.next().await {
            Ok(Some(_)) => {}
            end => break end,
        }
    };
    assert!(matches!(end, Err(SystemError::Protocol(_))), "{end:?}");
}

/// A server that takes what comes and never answers; it tells how much there was once the other end is done.
async fn swallowing() -> (Url, tokio::task::JoinHandle<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
    let took = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut heap = Vec::new();
        // However it ends.
        drop(stream.read_to_end(&mut heap).await);
        heap.len()
    });
    (url, took)
}

fn post(url: &Url, fence: &Fence, bytes: usize) -> Request {
    let body = Some(Body::new("text/plain", vec![b'x'; bytes]));
    Request { fence: fence.clone(), body, ..Request::writes(Method::POST, url.clone(), "*/*") }
}

#[tokio::test]
async fn nothing_is_written_once_leave_was_lost_and_reads_go_on() {
    let heard = Arc::new(AtomicU32::new(0));
    let counted = heard.clone();
    let url = server(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        said(200, "{}")
    })
    .await;
    let (tenure, client) = (HandTenure::stands(), client("token", None));
    let fence = Fence::of(tenure.clone());
    assert!(client.send(post(&url, &fence, 9)).await.unwrap().succeeded());
    tenure.ends_after(0);
    // Over the connection that is open, and over one that would be new.
    for _ in 0..2 {
        let refused = client.send(post(&url, &fence, 9)).await;
        assert_eq!(refused.unwrap_err(), SystemError::NotSent("it was taken by bob".into()));
    }
    assert!(client.send(get(&url)).await.unwrap().succeeded());
    assert!(client.send(post(&url, &Fence::open(), 9)).await.unwrap().succeeded(), "what needs no lock");
    assert_eq!(heard.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn what_went_out_in_part_is_uncertain() {
    const MUCH: usize = 64 << 20;
    let (url, took) = swallowing().await;
    let (tenure, client) = (HandTenure::stands(), client("token", None));
    tenure.ends_after(2);
    let broken = client.send(post(&url, &Fence::of(tenure), MUCH)).await.unwrap_err();
    assert!(matches!(&broken, SystemError::Uncertain(words) if words.contains("in part") && words.contains("bob")), "{broken}");
    let took = took.await.unwrap();
    assert!(took > 0 && took < MUCH, "{took}");
}

/// TLS says something first: that nothing of a request went out is known there, too.
#[tokio::test]
async fn writes_go_through_tls_and_a_tunnel_and_ask_before_the_first_byte_of_it() {
    let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
    authority.write(&folder.path().join("ca.pem"));
    let service = Url::parse(&authority.serve(&["127.0.0.1"], 2999)).unwrap();
    let settings = Settings { ca_file: Some(folder.path().join("ca.pem")), ..settings("token", None) };
    let tls = tls::config(&settings).unwrap();
    for through in [None, Some(tunnel().await)] {
        let proxies = through.map_or_else(Proxies::none, |proxy| Proxies::all(&proxy));
        let writes = Arc::new(Writes::new(Dialer::new(&tls, &Arc::new(proxies)), Deadlines::within(Duration::from_secs(5))));
        let request = || hyper::Request::post(service.as_str()).body(reqwest::Body::from("{}")).unwrap();
        let answer = writes.send(request(), &Fence::open()).await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.bytes().await.unwrap().len()), (200, 35));
        let tenure = HandTenure::stands();
        tenure.ends_after(0);
        let refused = writes.send(request(), &Fence::of(tenure)).await.unwrap_err();
        assert_eq!((refused.sent, refused.refused.as_deref()), (false, Some("it was taken by bob")));
    }
}

/// A proxy that lets through to whatever it is asked for; its address.
async fn tunnel() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(near.read_u8().await?);
                }
                let head = String::from_utf8_lossy(&head).into_owned();
                let to = head.split(' ').nth(1).filter(|_| head.starts_with("CONNECT ")).unwrap_or_default();
                let mut far = tokio::net::TcpStream::connect(to).await?;
                near.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
                tokio::io::copy_bidirectional(&mut near, &mut far).await
            });
        }
    });
    format!("http://{address}")
}

#[tokio::test]
async fn one_connection_serves_one_write_after_another_behind_one_fence() {
    let places = Arc::new(Mutex::new(std::collections::BTreeSet::new()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
    let seen = places.clone();
    tokio::spawn(async move {
        while let Ok((stream, place)) = listener.accept().await {
            seen.lock().unwrap().insert(place);
            let service = service_fn(|_| async { said(200, "{}").ok_or("closed") });
            tokio::spawn(async move { hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await });
        }
    });
    let client = client("token", None);
    let connections = || places.lock().unwrap().len();
    let (one, other) = (HandTenure::stands(), HandTenure::stands());
    for (fence, open) in [(Fence::open(), 1), (Fence::open(), 1), (Fence::of(one.clone()), 2), (Fence::of(one), 2), (Fence::of(other), 3)] {
        assert!(client.send(post(&url, &fence, 9)).await.unwrap().succeeded());
        assert_eq!(connections(), open);
    }
}
