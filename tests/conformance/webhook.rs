//! The table on a webhook: whatever the application was told is what a plan compares with.

use std::path::Path;

use headcount::connector::{Surroundings, registry};
use headcount::manifest::kinds::TargetConnection;
use serde_json::json;

use super::direct::Subject;
use super::{pipeline, values};
use crate::support::answers::serve_all;

/// An application that hears everything, and refuses what is not signed.
fn application(folder: &Path) -> TargetConnection {
    let url = serve_all(|asked| {
        let signed = ["webhook-id", "webhook-timestamp", "webhook-signature"].iter().all(|name| asked.header(name).is_some());
        (if signed { 204 } else { 401 }, String::new(), String::new())
    });
    let ledger = folder.join("told.ndjson");
    std::fs::write(&ledger, "").expect("written");
    let secret = json!({"exec": ["echo", "a secret that nobody guesses, ever"]});
    serde_json::from_value(json!({"webhook": {"url": url, "secret": secret, "ledger": ledger}})).expect("a connection")
}

#[tokio::test]
async fn the_connector_takes_every_step() {
    let folder = tempfile::tempdir().expect("a folder");
    let connection = application(folder.path());
    let target = registry::open_target(&connection, &Surroundings::at(folder.path())).await.expect("it opens");
    Subject::new(target, true).take_all_steps().await;
}

#[tokio::test]
async fn apply_takes_every_step_and_leaves_nothing_to_plan() {
    let folder = tempfile::tempdir().expect("a folder");
    pipeline::take_all_steps(&application(folder.path()), true).await;
}

#[tokio::test]
async fn a_group_for_each_value_follows_its_value() {
    let folder = tempfile::tempdir().expect("a folder");
    values::live_through(&application(folder.path())).await;
}
