//! The table on stand-ins for vendors (`examples/vendors/servers`), asked by the catalog's own documents.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use headcount::manifest::connection::DeclaredConnection;
use headcount::manifest::kinds::TargetConnection;
use serde_json::{Value as Json, json};

use super::pipeline;
use crate::support::{skipped, tool};

/// The stand-ins, in a process of their own that stops with this.
struct StandIns {
    process: Child,
    port: u16,
}

impl StandIns {
    /// None where there is no Python: the caller must skip loudly.
    fn start() -> Option<Self> {
        let servers = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/vendors/servers");
        let mut command = Command::new(tool("python3")?);
        let mut process = command.arg("-B").arg(servers).env("PAGE", "50").stdout(Stdio::piped()).spawn().expect("Python starts");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
        Some(Self { process, port: line.trim().parse().expect("a port") })
    }

    /// The catalog's document for a stand-in: the hosts are others, and it may be asked as fast as one likes.
    fn document(&self, name: &str, vendor: &str, hosts: &[&str]) -> Json {
        let text =
            std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("catalog/{name}.yaml"))).expect("the document");
        let text = hosts
            .iter()
            .fold(text, |text, host| text.replace(&format!("https://{host}"), &format!("http://127.0.0.1:{}/{vendor}", self.port)));
        let mut document: Json = serde_yaml::from_str(&text).expect("YAML");
        document["spec"]["hosts"] = json!([format!("127.0.0.1:{}", self.port)]);
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

fn connection(document: &Json, config: Json, auth: Json) -> TargetConnection {
    let name = document["metadata"]["name"].clone();
    let mut connection: DeclaredConnection =
        serde_json::from_value(json!({ "name": name, "config": config, "auth": auth })).expect("a connection");
    connection.document = Some(Arc::new(serde_json::from_value(document["spec"].clone()).expect("a document")));
    TargetConnection::Connector(Box::new(connection))
}

#[tokio::test]
async fn okta_takes_every_step_and_leaves_nothing_to_plan() {
    let Some(servers) = StandIns::start() else { return skipped("conformance of okta", "Python") };
    let document = servers.document("okta", "okta", &["{config.org}"]);
    let config = json!({ "org": "acme.okta.com", "marker": "headcount" });
    let connection = connection(&document, config, json!({ "token": { "token": { "exec": ["echo", "okta-token"] } } }));
    pipeline::take_all_steps_with(&connection, false, &[document]).await;
}

#[tokio::test]
async fn google_takes_every_step_and_leaves_nothing_to_plan() {
    let Some(servers) = StandIns::start() else { return skipped("conformance of google-workspace", "Python") };
    let document = servers.document("google-workspace", "google", &["admin.googleapis.com", "oauth2.googleapis.com"]);
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).expect("a key");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("key.json");
    std::fs::write(&file, json!({ "client_email": "robot@acme.example", "private_key": pair.serialize_pem() }).to_string())
        .expect("written");
    let config = json!({ "admin": "admin@acme.example", "groupDomain": "acme.example" });
    let connection = connection(&document, config, json!({ "serviceAccount": { "key": { "exec": ["cat", file] } } }));
    pipeline::take_all_steps_with(&connection, false, &[document]).await;
}

#[tokio::test]
async fn entra_takes_every_step_and_leaves_nothing_to_plan() {
    let Some(servers) = StandIns::start() else { return skipped("conformance of entra", "Python") };
    let document = servers.document("entra", "entra", &["{config.graph}", "{config.login}"]);
    let auth = json!({ "clientId": { "exec": ["echo", "entra-client"] }, "clientSecret": { "exec": ["echo", "entra-secret"] } });
    let connection = connection(&document, json!({ "tenant": "acme.onmicrosoft.com" }), json!({ "secret": auth }));
    pipeline::take_all_steps_with(&connection, false, &[document]).await;
}
