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
use tokio::net::TcpListener;

use super::*;

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

fn client(first: &str, renew: Option<Arc<Rotating>>) -> Client {
    let credentials = Some(Credentials::Bearer(first.to_owned().into()));
    let renew = renew.map(|renew| renew as Arc<dyn Renew>);
    let timeout = Duration::from_secs(5);
    Client::new(&Settings {
        system: "chat".into(),
        timeout,
        max_body: 100_000,
        credentials,
        renew,
        ca_file: None,
        identity: None,
        detour: None,
        recording: None,
    })
    .unwrap()
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
