//! A trivial SCIM service: takes creates, gives ids, remembers nothing. It runs in a process of its own.

use std::convert::Infallible;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;

/// How it answers.
pub enum Kind {
    /// after a while
    Slow(Duration),
    /// as fast as a token bucket allows
    Bucket { a_minute: u32, burst: u32 },
}

/// One that runs, until it is dropped.
pub struct Server {
    child: Child,
    pub port: u16,
}

impl Server {
    pub fn start(kind: &Kind) -> Self {
        let words = match kind {
            Kind::Slow(delay) => ["serve".to_owned(), delay.as_millis().to_string(), "0".into(), "0".into()],
            Kind::Bucket { a_minute, burst } => ["serve".to_owned(), "0".into(), a_minute.to_string(), burst.to_string()],
        };
        let itself = std::env::current_exe().expect("this program");
        let mut child = Command::new(itself).args(words).stdout(Stdio::piped()).spawn().expect("a process");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("its port");
        Self { child, port: line.trim().parse().expect("a port") }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/v2", self.port)
    }

    /// How many requests it put off.
    pub fn refused(&self) -> u64 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let text = runtime.block_on(super::client::get(self.port, "/refused"));
        text.parse().expect("a number")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Service {
    delay: Duration,
    bucket: Option<Mutex<Bucket>>,
    made: AtomicU64,
    refused: AtomicU64,
}

struct Bucket {
    per_second: f64,
    burst: f64,
    tokens: f64,
    at: Instant,
}

impl Bucket {
    /// How long to wait, where there is no token.
    fn take(&mut self) -> Option<Duration> {
        let now = Instant::now();
        self.tokens = (self.tokens + now.duration_since(self.at).as_secs_f64() * self.per_second).min(self.burst);
        self.at = now;
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return None;
        }
        Some(Duration::from_secs_f64((1.0 - self.tokens) / self.per_second))
    }
}

/// The process: prints its port and serves until it is killed.
pub fn serve(words: &[String]) {
    let number = |at: usize| words.get(at).and_then(|word| word.parse::<u32>().ok()).unwrap_or_default();
    let bucket = (number(1) > 0).then(|| {
        let burst = f64::from(number(2));
        Mutex::new(Bucket { per_second: f64::from(number(1)) / 60.0, burst, tokens: burst, at: Instant::now() })
    });
    let service = Service { delay: Duration::from_millis(number(0).into()), bucket, made: AtomicU64::new(0), refused: AtomicU64::new(0) };
    let service = Arc::new(service);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        println!("{}", listener.local_addr().expect("its address").port());
        loop {
            let Ok((stream, _)) = listener.accept().await else { continue };
            let _ = stream.set_nodelay(true);
            let service = service.clone();
            tokio::spawn(async move {
                let answer = service_fn(move |request| answer(service.clone(), request));
                let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
            });
        }
    });
}

async fn answer(service: Arc<Service>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let posted = request.method() == Method::POST;
    if !posted {
        let (status, text) = match request.uri().path() {
            "/refused" => (200, service.refused.load(Ordering::Relaxed).to_string()),
            _ => (404, "{}".to_owned()),
        };
        return Ok(told(status, text));
    }
    let body = request.into_body().collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let wait = service.bucket.as_ref().and_then(|bucket| bucket.lock().expect("nobody panics").take());
    if let Some(wait) = wait {
        service.refused.fetch_add(1, Ordering::Relaxed);
        let mut answer = told(429, r#"{"detail":"later"}"#.to_owned());
        let seconds = wait.as_secs_f64().ceil().to_string();
        answer.headers_mut().insert("retry-after", seconds.parse().expect("a header"));
        return Ok(answer);
    }
    if !service.delay.is_zero() {
        tokio::time::sleep(service.delay).await;
    }
    let id = service.made.fetch_add(1, Ordering::Relaxed);
    let mut resource: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    resource["id"] = format!("2819c223-7f76-453a-919d-{id:012}").into();
    Ok(told(201, resource.to_string()))
}

fn told(status: u16, text: String) -> Response<Full<Bytes>> {
    let answer = Response::builder().status(status).header("content-type", "application/scim+json");
    answer.body(Full::new(Bytes::from(text))).expect("an answer")
}
