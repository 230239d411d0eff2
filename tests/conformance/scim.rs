//! The table on scim2-server.

use headcount::connector::{Surroundings, registry};
use headcount::manifest::kinds::TargetConnection;

use super::direct::Subject;
use super::{pipeline, values};
use crate::support::scim2::Scim2Server;
use crate::support::skipped;

#[tokio::test]
async fn the_connector_takes_every_step() {
    let Some(server) = Scim2Server::start() else { return skipped("conformance of scim", "scim2-server") };
    let connection = TargetConnection::Scim(server.connection(server.url()));
    let target = registry::open_target(&connection, &Surroundings::at(std::env::temp_dir())).await.expect("it opens");
    Subject::new(target, true).take_all_steps().await;
}

#[tokio::test]
async fn apply_takes_every_step_and_leaves_nothing_to_plan() {
    let Some(server) = Scim2Server::start() else { return skipped("conformance of apply on scim", "scim2-server") };
    pipeline::take_all_steps(&TargetConnection::Scim(server.connection(server.url())), true).await;
}

#[tokio::test]
async fn a_group_for_each_value_follows_its_value() {
    let Some(server) = Scim2Server::start() else { return skipped("groups of values on scim", "scim2-server") };
    values::live_through(&TargetConnection::Scim(server.connection(server.url()))).await;
}

/// A service that says it has neither PATCH nor filters, only whole resources under a version.
#[tokio::test]
async fn the_connector_takes_every_step_without_patch() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("config.json");
    std::fs::write(&file, without_patch().to_string()).expect("written");
    let arguments = ["--service-provider-config", file.to_str().expect("a plain path")];
    let Some(server) = Scim2Server::start_with(&arguments) else { return skipped("conformance of scim without PATCH", "scim2-server") };
    let connection = TargetConnection::Scim(server.connection(server.url()));
    let target = registry::open_target(&connection, &Surroundings::at(folder.path())).await.expect("it opens");
    Subject::new(target, true).take_all_steps().await;
}

fn without_patch() -> serde_json::Value {
    serde_json::json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "patch": { "supported": false },
        "bulk": { "supported": false, "maxOperations": 0, "maxPayloadSize": 0 },
        "filter": { "supported": false, "maxResults": 70 },
        "changePassword": { "supported": false },
        "sort": { "supported": false },
        "etag": { "supported": true },
        "authenticationSchemes": [{ "type": "oauthbearertoken", "name": "bearer", "description": "a token" }],
    })
}
