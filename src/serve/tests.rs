//! The listener as its clients see it: what the pages say, and that nobody keeps others out.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::{Bounds, Health, Listening, ServeError, listen, monitoring};
use crate::metrics::{Metrics, TurnResult};

const HERE: &str = "127.0.0.1:0";

async fn open(routes: Router, bounds: Bounds) -> (Listening, CancellationToken) {
    let stop = CancellationToken::new();
    let listening = listen(HERE.parse().expect("an address"), routes, bounds, stop.clone()).await.expect("it listens");
    (listening, stop)
}

/// Everything that comes back, until the connection ends.
async fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("connected");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut text = String::new();
    // A connection that is cut off in the middle is an end, too.
    let _ = stream.read_to_string(&mut text).await;
    text
}

async fn page(address: SocketAddr, path: &str) -> String {
    ask(address, &format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")).await
}

#[test]
fn a_loop_lives_while_it_turns_and_has_longer_to_begin() {
    let began = Instant::now();
    let after = |seconds: u64| began + Duration::from_secs(seconds);
    let health = Health::new(began);
    assert_eq!(health.lives(after(600)), Ok(()));
    assert_eq!(health.lives(after(601)), Err("the loop has not begun in 601 seconds".into()));
    health.turned(after(700));
    assert_eq!(health.lives(after(760)), Ok(()));
    assert_eq!(health.lives(after(775)), Err("the loop has not turned for 75 seconds".into()));
    // A heartbeat from after the question is no trouble.
    assert_eq!(health.lives(after(650)), Ok(()));
}

#[test]
fn ready_is_whoever_has_a_state_and_manifests_and_stays_so_without_the_lease() {
    let health = Health::new(Instant::now());
    assert_eq!(health.is_ready(), Err("the state is not open yet".into()));
    health.loaded();
    assert_eq!(health.is_ready(), Err("the state is not open yet".into()));
    health.state(true);
    assert_eq!(health.is_ready(), Ok(()));
    health.state(false);
    assert_eq!(health.is_ready(), Err("the state does not answer".into()));
}

#[tokio::test]
async fn the_pages_say_what_was_told() {
    let (health, metrics) = (Health::new(Instant::now()), Metrics::default());
    let (listening, stop) = open(monitoring(health.clone(), metrics.clone()), Bounds::default()).await;
    let at = listening.address;
    let page = |path: &'static str| page(at, path);
    assert!(page("/healthz").await.starts_with("HTTP/1.1 200 OK\r\n"));
    let unready = page("/readyz").await;
    assert!(unready.starts_with("HTTP/1.1 503 Service Unavailable\r\n") && unready.ends_with("the state is not open yet\n"), "{unready}");
    health.loaded();
    health.state(true);
    metrics.turn("acme", TurnResult::Changed, Duration::from_secs(2));
    let numbers = page("/metrics").await;
    assert!(page("/readyz").await.ends_with("\r\n\r\nok\n"));
    assert!(numbers.contains("content-type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n"), "{numbers}");
    assert!(numbers.contains("headcount_reconcile_total{workspace=\"acme\",result=\"changed\"} 1\n") && numbers.ends_with("# EOF\n"));
    assert!(page("/").await.starts_with("HTTP/1.1 404 Not Found\r\n"));
    assert!(
        ask(at, "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await.starts_with("HTTP/1.1 405 ")
    );
    stop.cancel();
    listening.ended().await;
    assert!(TcpStream::connect(at).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn a_place_that_is_taken_is_told() {
    let (listening, _stop) = open(Router::new(), Bounds::default()).await;
    let again = listen(listening.address, Router::new(), Bounds::default(), CancellationToken::new()).await;
    assert!(matches!(again, Err(ServeError::Taken(address)) if address == listening.address));
}

#[tokio::test]
async fn clients_that_say_nothing_are_sent_away_and_others_served() {
    let bounds = Bounds { connections: 2, head: Duration::from_millis(50), ..Bounds::default() };
    let (listening, _stop) = open(Router::new().route("/", get(|| async { "here" })), bounds).await;
    let mut silent = Vec::new();
    for said in ["", "GET / HT", "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "] {
        let mut stream = TcpStream::connect(listening.address).await.expect("connected");
        stream.write_all(said.as_bytes()).await.expect("sent");
        silent.push(stream);
    }
    // Both places are taken; the answer comes once they are sent away.
    assert!(page(listening.address, "/").await.ends_with("here"));
    for mut stream in silent {
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
        assert!(!String::from_utf8_lossy(&rest).contains("200 OK"));
    }
}

#[tokio::test]
async fn a_head_without_an_end_is_refused() {
    let (listening, _stop) = open(Router::new(), Bounds::default()).await;
    let endless = format!("GET / HTTP/1.1\r\nHost: x\r\nX-Long: {}", "x".repeat(40 << 10));
    let answer = ask(listening.address, &endless).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

#[tokio::test]
async fn what_was_asked_before_the_end_is_answered() {
    let (begun, has_begun) = oneshot::channel::<()>();
    let (go, may_go) = oneshot::channel::<()>();
    let gate = std::sync::Arc::new(std::sync::Mutex::new(Some((begun, may_go))));
    let slow = move || async move {
        let taken = gate.lock().expect("no panic").take();
        if let Some((begun, may_go)) = taken {
            let _ = begun.send(());
            let _ = may_go.await;
        }
        "at last"
    };
    let (listening, stop) =
        open(Router::new().route("/slow", get(slow)), Bounds { ending: Duration::from_secs(30), ..Bounds::default() }).await;
    let asked = tokio::spawn(page(listening.address, "/slow"));
    has_begun.await.expect("it is under way");
    stop.cancel();
    go.send(()).expect("somebody waits");
    assert!(asked.await.expect("an answer").ends_with("at last"));
    listening.ended().await;
}
