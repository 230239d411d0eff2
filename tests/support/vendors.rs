//! The stand-ins for vendors (`examples/vendors/servers`), in a process of their own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value as Json, json};

use super::tool;

/// The stand-ins, in a process of their own that stops with this.
pub struct StandIns {
    process: Child,
    port: u16,
    /// where each exchange is written down
    exchanges: tempfile::TempDir,
}

impl StandIns {
    /// None where there is no Python: the caller must skip loudly.
    pub fn start() -> Option<Self> {
        Self::with_pages_of(50)
    }

    /// The same, whose lists have no longer pages.
    pub fn with_pages_of(most: usize) -> Option<Self> {
        let servers = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/vendors/servers");
        let exchanges = tempfile::tempdir().expect("a folder");
        let mut command = Command::new(tool("python3")?);
        command.arg("-B").arg(servers).env("PAGE", most.to_string()).env("EXCHANGES", exchanges.path().join("all.ndjson"));
        let mut process = command.stdout(Stdio::piped()).spawn().expect("Python starts");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
        Some(Self { process, port: line.trim().parse().expect("a port"), exchanges })
    }

    /// HR's own hands at a vendor (`POST /VENDOR/hands`), or what stands there (`GET`).
    pub fn hands(&self, vendor: &str, person: Option<&Json>) -> Json {
        let (verb, content) = person.map_or(("GET", String::new()), |person| ("POST", person.to_string()));
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("it listens");
        let head = format!("{verb} /{vendor}/hands HTTP/1.1\r\nhost: hands\r\nconnection: close\r\ncontent-type: application/json");
        let asked = format!("{head}\r\ncontent-length: {}\r\n\r\n{content}", content.len());
        stream.write_all(asked.as_bytes()).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let (head, content) = answer.split_once("\r\n\r\n").expect("a head and a content");
        assert!(head.contains(" 200 "), "{answer}");
        serde_json::from_str(content).unwrap_or(Json::Null)
    }

    /// Whatever a vendor's stand-in was asked and answered is what the vendor's specification has, where that is at hand.
    pub fn are_as_specified(&self, vendor: &str, name: &str) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/specifications.py");
        let mut command = Command::new(tool("python3").expect("it runs the stand-ins"));
        let output =
            command.arg("-B").arg(script).arg("--exchanges").arg(self.exchanges.path().join("all.ndjson")).args([vendor, name]).output();
        let output = output.expect("Python starts");
        let told = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned()).concat();
        assert!(output.status.success(), "{told}");
        eprintln!("{}", told.trim());
    }

    /// Where they listen.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The catalog's document for a stand-in: the hosts are others, and it may be asked as fast as one likes.
    pub fn document(&self, name: &str, vendor: &str, hosts: &[&str]) -> Json {
        self.document_behind(self.port, name, vendor, hosts)
    }

    /// The same for what listens before it.
    pub fn document_behind(&self, port: u16, name: &str, vendor: &str, hosts: &[&str]) -> Json {
        catalog_document(name, hosts, &format!("http://127.0.0.1:{port}/{vendor}"), &[port, self.port])
    }
}

/// The catalog's document for whatever listens at some ports of this machine.
pub fn catalog_document(name: &str, hosts: &[&str], at: &str, ports: &[u16]) -> Json {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("catalog/{name}.yaml"));
    let text = std::fs::read_to_string(path).expect("the document");
    let text = hosts.iter().fold(text, |text, host| text.replace(&format!("https://{host}"), at));
    let mut document: Json = serde_yaml::from_str(&text).expect("YAML");
    without_rates(&mut document);
    document["spec"]["hosts"] = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
    document["spec"]["limits"] = json!({ "concurrency": 8 });
    document
}

fn without_rates(document: &mut Json) {
    match document {
        Json::Object(fields) => {
            fields.remove("rate");
            fields.values_mut().for_each(without_rates);
        }
        Json::Array(items) => items.iter_mut().for_each(without_rates),
        _ => {}
    }
}

impl Drop for StandIns {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
