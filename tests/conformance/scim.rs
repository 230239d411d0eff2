//! The table on scim2-server.

use headcount::connector::{Surroundings, registry};
use headcount::manifest::kinds::TargetConnection;

use super::direct::Subject;
use super::pipeline;
use crate::support::scim2::Scim2Server;
use crate::support::skipped;

#[tokio::test]
async fn the_connector_takes_every_step() {
    let Some(server) = Scim2Server::start() else { return skipped("conformance of scim", "scim2-server") };
    let connection = TargetConnection::Scim(server.connection(server.url()));
    let target = registry::open_target(&connection, &Surroundings { base: std::env::temp_dir() }).await.expect("it opens");
    Subject::new(target, true).take_all_steps().await;
}

#[tokio::test]
async fn apply_takes_every_step_and_leaves_nothing_to_plan() {
    let Some(server) = Scim2Server::start() else { return skipped("conformance of apply on scim", "scim2-server") };
    pipeline::take_all_steps(&TargetConnection::Scim(server.connection(server.url())), true).await;
}
