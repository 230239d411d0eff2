//! Namespaces that have a Workspace, as they come up.
//!
//! Must never: end a workspace because its object can't be seen; whoever runs it knows what to make of that.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::TryStreamExt;
use kube::api::{Api, DynamicObject};
use kube::runtime::watcher::{self, Event, watcher};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_util::sync::CancellationToken;

use super::cluster::Cluster;
use super::kinds;

/// After trouble it is asked again.
const AGAIN: Duration = Duration::from_secs(5);

/// Each namespace once, when its Workspace is seen first. Ends when it is stopped.
pub fn namespaces(cluster: &Cluster, stop: &CancellationToken) -> UnboundedReceiver<String> {
    let (found, heard) = unbounded_channel();
    let (cluster, stop) = (cluster.clone(), stop.clone());
    tokio::spawn(async move {
        tokio::select! {
            () = stop.cancelled() => {}
            () = look(&cluster, &found) => {}
        }
    });
    heard
}

async fn look(cluster: &Cluster, found: &UnboundedSender<String>) {
    let mut known = BTreeSet::new();
    loop {
        let api: Api<DynamicObject> = Api::all_with(cluster.client.clone(), &kinds::resource("Workspace"));
        let mut events = Box::pin(watcher(api, watcher::Config::default()));
        loop {
            match events.try_next().await {
                Ok(Some(Event::InitApply(object) | Event::Apply(object))) => {
                    if let Some(namespace) = object.metadata.namespace.filter(|namespace| known.insert(namespace.clone())) {
                        drop(found.send(namespace));
                    }
                }
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(error) => {
                    let why = error.to_string();
                    tracing::warn!(target: "headcount::operator", why, "Workspaces can't be watched; it is tried again");
                    break;
                }
            }
        }
        tokio::time::sleep(AGAIN).await;
    }
}
