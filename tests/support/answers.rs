//! A small HTTP server that answers what a test tells it to, on threads of its own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

/// Status, further headers as lines, body.
pub type Answer = (u16, String, String);

/// One request as it came.
pub struct Asked {
    /// `GET /Users?startIndex=1&count=100`
    pub line: String,
    /// names in lower case
    pub headers: Vec<(String, String)>,
    /// its content
    pub body: String,
}

impl Asked {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Starts a server for the rest of the test's process, and gives its URL. It answers first lines: `GET /Users?startIndex=1&count=100`.
pub fn serve(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> String {
    serve_all(move |asked| answer(&asked.line))
}

/// The same for whole requests.
pub fn serve_all(answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = answer.clone();
            std::thread::spawn(move || while talk(&stream, answer.as_ref()).is_some() {});
        }
    });
    url
}

fn talk(stream: &TcpStream, answer: &(impl Fn(&Asked) -> Answer + ?Sized)) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first).ok().filter(|read| *read > 0)?;
    let mut headers = Vec::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok().filter(|read| *read > 0)?;
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    let mut asked = Asked { line: first.trim_end().trim_end_matches(" HTTP/1.1").to_owned(), headers, body: String::new() };
    let mut body = vec![0; asked.header("content-length").map_or(Some(0), |length| length.parse().ok())?];
    reader.read_exact(&mut body).ok()?;
    asked.body = String::from_utf8_lossy(&body).into_owned();
    let (status, headers, body) = answer(&asked);
    let length = body.len();
    let head = format!("HTTP/1.1 {status} X\r\ncontent-type: application/scim+json\r\n{headers}content-length: {length}\r\n");
    // In one piece: each further one would wait until the one before is acknowledged, which takes 40 ms.
    let mut stream = stream;
    stream.write_all(format!("{head}\r\n{body}").as_bytes()).ok()
}
