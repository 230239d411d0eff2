//! What a running controller tells others: numbers, whether it lives, messages, and a log in JSON.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::{Value, json};

use super::Folder;
use crate::support::answers;

/// An application that is away: every read of it fails.
const MANIFESTS: &str = r#"
apiVersion: headcount.dev/v1alpha1
kind: Workspace
metadata: {name: acme}
spec:
  id: acme
  notifications:
  - {name: ops, to: {webhook: {url: "@HOOK@/hook", secret: {file: hook-secret}}}, link: "https://headcount.acme.example"}
---
apiVersion: headcount.dev/v1alpha1
kind: User
metadata: {name: jane}
spec: {attributes: {userName: jane.doe}}
---
apiVersion: headcount.dev/v1alpha1
kind: Target
metadata: {name: chat}
spec:
  connection: {scim: {url: "@CHAT@/chat", auth: {bearer: {file: chat-token}}}}
  mapping: {defaults: none, rules: [{attribute: userName, value: identity.userName}]}
"#;

/// Ends with the test, whatever comes of it.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub fn page(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").expect("asked");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("answered");
    text
}

#[test]
fn a_controller_tells_how_it_goes_and_who_is_needed() {
    let (heard, hears) = mpsc::channel();
    let hook = answers::serve_all(move |asked| {
        let _ = heard.send((asked.header("webhook-signature").map(str::to_owned), asked.body.clone()));
        (204, String::new(), String::new())
    });
    let chat = answers::serve(|_| (401, String::new(), "{}".into()));
    let text = MANIFESTS.replace("@HOOK@", &hook).replace("@CHAT@", &chat);
    let folder = Folder::with(&[
        ("headcount.yaml", text.as_str()),
        ("hook-secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        ("chat-token", "t0ken-of-chat-4711"),
    ]);
    let mut command = Command::new(snapbox::cargo_bin!("headcount"));
    command.args(["controller", "--listen", "127.0.0.1:0"]).current_dir(folder.path()).env_remove("HEADCOUNT_LOG");
    let mut running = Running(command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().expect("it starts"));
    let mut lines = BufReader::new(running.0.stderr.take().expect("its lines")).lines().map_while(Result::ok);
    let told = lines.find(|line| line.contains("metrics and health: ")).expect("it says where");
    let address = told.split("http://").nth(1).and_then(|rest| rest.split('/').next()).expect("an address").to_owned();
    let log = std::thread::spawn(move || lines.collect::<Vec<_>>());

    // The message comes once the first read has failed.
    let (signature, body) = hears.recv_timeout(Duration::from_secs(120)).expect("a message");
    assert!(signature.is_some_and(|signature| signature.starts_with("v1,")));
    let event: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!((&event["type"], &event["data"]["about"]), (&json!("dev.headcount.somebody.needed"), &json!("chat")), "{event:#}");
    assert!(!body.contains("jane"), "nobody is named");

    for path in ["/healthz", "/readyz"] {
        let answer = page(&address, path);
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{path}: {answer}");
    }
    let numbers = page(&address, "/metrics");
    for line in [
        "headcount_lease_held{workspace=\"acme\"} 1",
        "headcount_requests_total{system=\"chat\",class=\"4xx\"}",
        "headcount_target_state{workspace=\"acme\",target=\"chat\",state=",
        "headcount_loop_turned_timestamp_seconds{workspace=\"acme\"} ",
    ] {
        assert!(numbers.contains(line), "{line} in {numbers}");
    }
    assert!(!numbers.contains("jane"));
    drop(running);
    let lines = log.join().expect("no panic");
    assert!(lines.iter().any(|line| line.starts_with('{') && line.contains("\"part\":\"run\"")), "{lines:#?}");
    assert!(!lines.join("\n").contains("t0ken"));
}
