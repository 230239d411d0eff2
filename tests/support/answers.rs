//! A small HTTP server that answers what a test tells it to, on threads of its own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

/// Status, further headers as lines, body.
pub type Answer = (u16, String, String);

/// Starts a server for the rest of the test's process, and gives its URL. It answers first lines: `GET /Users?startIndex=1&count=100`.
pub fn serve(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> String {
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

fn talk(stream: &TcpStream, answer: &(impl Fn(&str) -> Answer + ?Sized)) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first).ok().filter(|read| *read > 0)?;
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok().filter(|read| *read > 0)?;
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let (status, headers, body) = answer(first.trim_end().trim_end_matches(" HTTP/1.1"));
    let length = body.len();
    let mut stream = stream;
    write!(stream, "HTTP/1.1 {status} X\r\ncontent-type: application/scim+json\r\n{headers}content-length: {length}\r\n\r\n{body}").ok()
}
