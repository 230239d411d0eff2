//! Whoever plays the system: a small HTTP server on this machine that knows the exchanges of one case.
//!
//! Must never: answer what the case does not have as if it had it, or listen to another machine.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value as Json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::request::{Asked, differences, text};
use crate::http::{Detour, Url};
use crate::manifest::kinds::connector::{Exchange, RecordedAnswer};

/// A longer request is none of ours.
const MAX_REQUEST: usize = 16 << 20;
/// What a request that nobody expects is answered with: nothing that passes by itself.
const UNEXPECTED: u16 = 418;

/// Plays until it is dropped.
pub(super) struct StandIn {
    place: SocketAddr,
    script: Arc<Script>,
    task: JoinHandle<()>,
}

struct Script {
    exchanges: Vec<Exchange>,
    base: Url,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    next: usize,
    /// the first request that differs; whatever comes behind it follows from it
    wrong: Option<String>,
}

impl StandIn {
    pub(super) async fn start(exchanges: Vec<Exchange>, base: Url) -> Result<Self, String> {
        let no_place = |error: std::io::Error| format!("nothing can listen on this machine: {error}");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(no_place)?;
        let place = listener.local_addr().map_err(no_place)?;
        let script = Arc::new(Script { exchanges, base, state: Mutex::default() });
        let plays = script.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, plays.clone()));
            }
        });
        Ok(Self { place, script, task })
    }

    pub(super) fn detour(&self) -> Result<Detour, String> {
        Detour::to(self.place).ok_or_else(|| "whoever plays the system is not on this machine".to_owned())
    }

    /// What was not asked as the case has it.
    pub(super) fn problems(&self) -> Vec<String> {
        let state = self.script.state();
        let missing = self.script.exchanges.get(state.next..).unwrap_or_default();
        match (&state.wrong, missing.first()) {
            (Some(wrong), _) => vec![wrong.clone()],
            (None, None) => Vec::new(),
            (None, Some(first)) => {
                let (verb, path) = first.verbs().first().copied().unwrap_or_default();
                vec![format!("exchange {}: nobody asked for {verb} {path}", state.next + 1)]
            }
        }
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Script {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer to a request: that of the next exchange, if it is its own.
    fn answer(&self, asked: &Asked) -> Option<&RecordedAnswer> {
        let mut state = self.state();
        if state.wrong.is_some() {
            return None;
        }
        let number = state.next + 1;
        let Some(exchange) = self.exchanges.get(state.next) else {
            let last =
                if self.exchanges.is_empty() { "the case has no exchange".into() } else { format!("{} is the last one", state.next) };
            state.wrong = Some(format!("exchange {number}: {} was asked, and {last}", asked.line()));
            return None;
        };
        let differences = differences(exchange, &self.base, asked);
        if differences.is_empty() {
            state.next += 1;
            return Some(&exchange.answer);
        }
        state.wrong = Some(format!("exchange {number}: {} was asked: {}", asked.line(), differences.join("; ")));
        None
    }
}

/// One connection carries one request.
async fn serve(mut stream: TcpStream, script: Arc<Script>) {
    let Some(asked) = read(&mut stream).await else { return };
    let answer = match script.answer(&asked) {
        Some(RecordedAnswer { lost: true, .. }) => return,
        Some(answer) => written(answer),
        None => written(&RecordedAnswer { status: Some(UNEXPECTED), ..RecordedAnswer::default() }),
    };
    // Whoever asked sees for itself that nothing came.
    let _ = stream.write_all(&answer).await;
    let _ = stream.shutdown().await;
}

async fn read(stream: &mut TcpStream) -> Option<Asked> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        more(stream, &mut bytes).await?;
    };
    let text = String::from_utf8_lossy(bytes.get(..head)?).into_owned();
    let mut lines = text.split("\r\n");
    let (method, rest) = lines.next()?.split_once(' ')?;
    let (target, _) = rest.rsplit_once(' ')?;
    let header = |line: &str| line.split_once(':').map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()));
    let headers: Vec<(String, String)> = lines.filter_map(header).collect();
    let find = |wanted: &str| headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone());
    let length = find("content-length").and_then(|length| length.parse::<usize>().ok()).unwrap_or_default();
    let url = Url::parse(&format!("https://{}{target}", find("host")?)).ok()?;
    while bytes.len() < head + 4 + length {
        more(stream, &mut bytes).await?;
    }
    let body = bytes.get(head + 4..head + 4 + length)?.to_vec();
    Some(Asked { method: method.to_owned(), url, headers, body })
}

async fn more(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<()> {
    let came = stream.read_buf(bytes).await.ok()?;
    (came > 0 && bytes.len() < MAX_REQUEST).then_some(())
}

fn written(answer: &RecordedAnswer) -> Vec<u8> {
    let body = match (&answer.body, &answer.text) {
        (Some(body), _) => body.to_string(),
        (None, text) => text.clone().unwrap_or_default(),
    };
    let media = if answer.text.as_ref().is_some_and(|text| text.trim_start().starts_with('<')) { "text/html" } else { "application/json" };
    let mut head = format!("HTTP/1.1 {} played\r\nconnection: close\r\ncontent-length: {}\r\n", answer.status.unwrap_or(200), body.len());
    let typed = answer.headers.keys().any(|name| name.eq_ignore_ascii_case("content-type"));
    if !body.is_empty() && !typed {
        head.push_str(&format!("content-type: {media}\r\n"));
    }
    for (name, value) in &answer.headers {
        let one = std::slice::from_ref(value);
        for value in value.as_array().map_or(one, Vec::as_slice) {
            head.push_str(&format!("{name}: {}\r\n", one_line(value)));
        }
    }
    head.push_str("\r\n");
    [head.into_bytes(), body.into_bytes()].concat()
}

/// A header's value ends with its line.
fn one_line(value: &Json) -> String {
    text(value).chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}
