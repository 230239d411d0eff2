//! The stand-ins for vendors (`examples/vendors/servers`), in a process of their own.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value as Json, json};

use super::tool;

/// The stand-ins, in a process of their own that stops with this.
pub struct StandIns {
    process: Child,
    port: u16,
}

impl StandIns {
    /// None where there is no Python: the caller must skip loudly.
    pub fn start() -> Option<Self> {
        let servers = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/vendors/servers");
        let mut command = Command::new(tool("python3")?);
        let mut process = command.arg("-B").arg(servers).env("PAGE", "50").stdout(Stdio::piped()).spawn().expect("Python starts");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
        Some(Self { process, port: line.trim().parse().expect("a port") })
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
        let text =
            std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("catalog/{name}.yaml"))).expect("the document");
        let text =
            hosts.iter().fold(text, |text, host| text.replace(&format!("https://{host}"), &format!("http://127.0.0.1:{port}/{vendor}")));
        let mut document: Json = serde_yaml::from_str(&text).expect("YAML");
        document["spec"]["hosts"] = json!([format!("127.0.0.1:{port}"), format!("127.0.0.1:{}", self.port)]);
        document["spec"]["limits"] = json!({ "concurrency": 8 });
        document
    }
}

impl Drop for StandIns {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
