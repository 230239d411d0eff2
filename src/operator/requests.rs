//! Whoever puts another `headcount.dev/requestedAt` on an object asks for a turn: it becomes a request on the state's shelf, as that of `headcount sync` does.
//!
//! Must never: ask twice for one value, or say that it was heard before it is durable.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::objects::ObjectName;
use super::revisions::ClusterRevisions;
use super::seen::Seen;
use super::status::StatusNews;
use crate::journal::{Event, entry};
use crate::model::SyncRequest;
use crate::state::{Shelf, StateError, Store};

/// Who asks, for the journal: the cluster knows who wrote an annotation, and does not say so in it.
const WHO: &str = "headcount.dev/requestedAt";
/// What could not be kept is tried again after so long.
const AGAIN: Duration = Duration::from_secs(5);

/// Hears until it is stopped. What stands on objects when it begins was heard by whoever ran before, and begins with reading everything; where another process
/// writes, that one hears it.
pub fn serve_requests(revisions: &ClusterRevisions, store: Arc<dyn Store>, news: watch::Receiver<StatusNews>, stop: CancellationToken) {
    let seen = revisions.seen();
    let mut heard = asked(&seen);
    tokio::spawn(async move {
        let mut changes = seen.changes();
        loop {
            changes.borrow_and_update();
            let now = asked(&seen);
            let new: Vec<&ObjectName> = now.iter().filter(|(name, value)| heard.get(*name) != Some(value)).map(|(name, _)| name).collect();
            let ours = matches!(*news.borrow(), StatusNews::Told(_));
            let kept = if ours { keep(store.as_ref(), &new, Timestamp::now()).await } else { Ok(()) };
            match &kept {
                Ok(()) => heard = now,
                Err(error) => {
                    let why = error.to_string();
                    tracing::warn!(target: "headcount::operator", why, "a request could not be kept; it is tried again");
                }
            }
            tokio::select! {
                _ = changes.changed() => {}
                () = tokio::time::sleep(AGAIN), if kept.is_err() => {}
                () = stop.cancelled() => return,
            }
        }
    });
}

fn asked(seen: &Seen) -> BTreeMap<ObjectName, Arc<str>> {
    let kinds = seen.kinds();
    let asks = |kind: &str| matches!(kind, "Workspace" | "Source" | "Target");
    let objects = kinds
        .iter()
        .filter(|(kind, _)| asks(kind))
        .flat_map(|(kind, seen)| seen.objects.iter().map(move |(name, object)| ((*kind, name.clone()), object)));
    objects.filter_map(|(name, object)| Some((name, object.requested.clone()?))).collect()
}

async fn keep(store: &dyn Store, asked: &[&ObjectName], now: Timestamp) -> Result<(), StateError> {
    if asked.is_empty() {
        return Ok(());
    }
    let targets: Vec<Arc<str>> = asked.iter().filter(|(kind, _)| *kind == "Target").map(|(_, name)| name.clone()).collect();
    // A Source, or all of the workspace: whatever follows from it.
    let targets = if targets.len() == asked.len() { targets } else { Vec::new() };
    let request = SyncRequest { who: WHO.to_owned(), at: now, targets: targets.clone(), ignore_window: false };
    let name: Arc<str> = format!("objects-{}", now.as_microsecond()).into();
    let line = entry(&name, now, &Event::Asked { who: WHO.to_owned(), targets, ignore_window: false });
    store.commit(vec![Shelf::Requests.put(name, &request), line]).await
}
