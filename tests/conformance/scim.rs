//! The table on scim2-server.

use headcount::connector::{Surroundings, registry};
use headcount::manifest::kinds::TargetConnection;

use super::direct::Subject;
use crate::support::scim2::Scim2Server;
use crate::support::skipped;

#[tokio::test]
async fn scim_takes_every_step_by_itself() {
    let Some(server) = Scim2Server::start() else { return skipped("scim_takes_every_step_by_itself", "scim2-server") };
    let connection = TargetConnection::Scim(server.connection(server.url()));
    let target = registry::open_target(&connection, &Surroundings { base: std::env::temp_dir() }).await.expect("it opens");
    Subject::new(target, true).take_all_steps().await;
}
