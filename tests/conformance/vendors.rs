//! The table on stand-ins for vendors (`examples/vendors/servers`), asked by the catalog's own documents.

use std::sync::Arc;

use headcount::manifest::connection::DeclaredConnection;
use headcount::manifest::kinds::TargetConnection;
use serde_json::{Value as Json, json};

use super::pipeline;
use crate::support::skipped;
use crate::support::vendors::StandIns;

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
