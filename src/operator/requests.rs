//! What asks for a turn: another `headcount.dev/requestedAt` on an object, and a Secret that is another by now. Either becomes a request on the state's shelf, as that
//! of `headcount sync` does. The label `headcount.dev/paused` of the Workspace becomes the brake that `headcount pause` pulls.
//!
//! Must never: ask twice for one value, say that it was heard before it is durable, or let a brake go that somebody else pulled.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::objects::{ManifestObject, ObjectName};
use super::revisions::ClusterRevisions;
use super::secrets::ClusterSecrets;
use super::seen::Seen;
use super::status::StatusNews;
use crate::journal::{Event, entry};
use crate::model::{Brake, SyncRequest};
use crate::state::{Shelf, StateError, Store};

/// Who asks, for the journal: the cluster knows who wrote an annotation, and does not say so in it.
const WHO: &str = "headcount.dev/requestedAt";
/// Who stops all writing; and what stops it is called so on its shelf.
const PAUSED: &str = "headcount.dev/paused";
/// What could not be kept is tried again after so long.
const AGAIN: Duration = Duration::from_secs(5);
/// So often it is looked whether Secrets are others.
const SECRETS: Duration = Duration::from_secs(30);

/// Somebody asks for a turn.
struct Asks {
    who: String,
    of: Vec<ObjectName>,
}

/// What is heard of a namespace.
struct Listener {
    seen: Seen,
    secrets: Arc<ClusterSecrets>,
    store: Arc<dyn Store>,
    /// by object what stood there last
    heard: BTreeMap<ObjectName, Arc<str>>,
    /// whether writing is stopped here, as far as that is kept
    paused: Option<bool>,
    /// what is not kept yet
    pending: Vec<Asks>,
}

/// Hears until it is stopped. What stands on objects when it begins was heard by whoever ran before, and begins with reading everything; where another process
/// writes, that one hears it. Where the label stops all writing, that is so when this returns.
pub async fn serve_requests(
    revisions: &ClusterRevisions,
    secrets: Arc<ClusterSecrets>,
    store: Arc<dyn Store>,
    mut news: watch::Receiver<StatusNews>,
    stop: CancellationToken,
) -> Result<(), StateError> {
    let seen = revisions.seen();
    let heard = asked(&seen);
    let mut listener = Listener { seen: seen.clone(), secrets, store, heard, paused: None, pending: Vec::new() };
    listener.brake(Timestamp::now()).await?;
    tokio::spawn(async move {
        let mut changes = seen.changes();
        let mut look = Instant::now() + SECRETS;
        loop {
            changes.borrow_and_update();
            let ours = matches!(*news.borrow_and_update(), StatusNews::Told(_));
            if look <= Instant::now() {
                listener.look_at_secrets().await;
                look = Instant::now() + SECRETS;
            }
            let kept = listener.hear(ours, Timestamp::now()).await;
            if let Err(error) = &kept {
                let why = error.to_string();
                tracing::warn!(target: "headcount::operator", why, "a request could not be kept; it is tried again");
            }
            tokio::select! {
                _ = changes.changed() => {}
                // Whoever writes from here on hears what stands there.
                changed = news.changed() => if changed.is_err() { return },
                () = sleep_until(look) => {}
                () = tokio::time::sleep(AGAIN), if kept.is_err() => {}
                () = stop.cancelled() => return,
            }
        }
    });
    Ok(())
}

impl Listener {
    async fn hear(&mut self, ours: bool, now: Timestamp) -> Result<(), StateError> {
        // Whoever writes finds it in the state.
        self.brake(now).await?;
        let stands = asked(&self.seen);
        if !ours {
            self.heard = stands;
            self.pending.clear();
            return Ok(());
        }
        let new: Vec<ObjectName> =
            stands.iter().filter(|(name, value)| self.heard.get(*name) != Some(value)).map(|(name, _)| name.clone()).collect();
        self.heard = stands;
        self.pending.extend((!new.is_empty()).then(|| Asks { who: WHO.to_owned(), of: new }));
        while let Some(asks) = self.pending.last() {
            keep(self.store.as_ref(), asks, now).await?;
            self.pending.pop();
        }
        Ok(())
    }

    /// Who asks where a Secret is another: whatever refers to it.
    async fn look_at_secrets(&mut self) {
        let referring = referring(&self.seen);
        let named = referring.values().flatten().cloned().collect();
        let rotated = self.secrets.rotated(&named).await;
        let asks = rotated.into_iter().map(|secret| {
            let of = referring.iter().filter(|(_, names)| names.contains(&secret)).map(|(name, _)| name.clone()).collect();
            Asks { who: format!("the Secret {secret}"), of }
        });
        self.pending.extend(asks);
    }

    /// All writing is stopped as long as the label says so.
    async fn brake(&mut self, now: Timestamp) -> Result<(), StateError> {
        let Some(paused) = is_paused(&self.seen).filter(|paused| self.paused != Some(*paused)) else { return Ok(()) };
        let stands = self.store.shelf(Shelf::Brake).await?.iter().any(|thing| thing.name.as_ref() == PAUSED);
        let (who, run) = (PAUSED.to_owned(), Arc::from(PAUSED));
        let facts = match (paused, stands) {
            (true, false) => {
                let brake = Brake { who: who.clone(), at: now, reason: None, everything: false };
                let event = Event::Paused { who, reason: None, everything: false };
                vec![Shelf::Brake.put(PAUSED, &brake), entry(&run, now, &event)]
            }
            (false, true) => vec![Shelf::Brake.take(PAUSED), entry(&run, now, &Event::Resumed { who })],
            _ => Vec::new(),
        };
        if !facts.is_empty() {
            self.store.commit(facts).await?;
        }
        self.paused = Some(paused);
        Ok(())
    }
}

fn asked(seen: &Seen) -> BTreeMap<ObjectName, Arc<str>> {
    of_each(seen, |object| object.requested.clone())
}

/// The Secrets that objects name.
fn referring(seen: &Seen) -> BTreeMap<ObjectName, BTreeSet<String>> {
    of_each(seen, |object| Some(secrets(&object.text)).filter(|secrets| !secrets.is_empty()))
}

fn of_each<T>(seen: &Seen, of: impl Fn(&ManifestObject) -> Option<T>) -> BTreeMap<ObjectName, T> {
    let kinds = seen.kinds();
    let speaks = |kind: &str| matches!(kind, "Workspace" | "Source" | "Target");
    let objects = kinds
        .iter()
        .filter(|(kind, _)| speaks(kind))
        .flat_map(|(kind, seen)| seen.objects.iter().map(move |(name, object)| ((*kind, name.clone()), object)));
    objects.filter_map(|(name, object)| Some((name, of(object)?))).collect()
}

/// Whether the Workspace's label stops all writing; nothing where Workspaces can't be read.
fn is_paused(seen: &Seen) -> Option<bool> {
    let kinds = seen.kinds();
    let workspaces = kinds.get("Workspace").filter(|seen| seen.is_whole())?;
    let label = |object: &ManifestObject| {
        let document: Value = serde_json::from_str(&object.text).ok()?;
        Some(document["metadata"]["labels"][PAUSED] == "true")
    };
    (!workspaces.objects.is_empty()).then(|| workspaces.objects.values().any(|object| label(object) == Some(true)))
}

/// The names of Secrets in a document.
fn secrets(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut left: Vec<Value> = serde_json::from_str(text).into_iter().collect();
    while let Some(value) = left.pop() {
        match value {
            Value::Array(all) => left.extend(all),
            Value::Object(fields) => {
                for (field, value) in fields {
                    match value["name"].as_str().filter(|_| field == "secretKeyRef") {
                        Some(name) => drop(found.insert(name.to_owned())),
                        None => left.push(value),
                    }
                }
            }
            _ => {}
        }
    }
    found
}

async fn keep(store: &dyn Store, asks: &Asks, now: Timestamp) -> Result<(), StateError> {
    let targets: Vec<Arc<str>> = asks.of.iter().filter(|(kind, _)| *kind == "Target").map(|(_, name)| name.clone()).collect();
    // A Source, or all of the workspace: whatever follows from it.
    let targets = if targets.len() == asks.of.len() { targets } else { Vec::new() };
    let request = SyncRequest { who: asks.who.clone(), at: now, targets: targets.clone(), ignore_window: false };
    let name: Arc<str> = format!("objects-{}-{:04x}", now.as_microsecond(), fastrand::u16(..)).into();
    let line = entry(&name, now, &Event::Asked { who: asks.who.clone(), targets, ignore_window: false });
    store.commit(vec![Shelf::Requests.put(name, &request), line]).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_found_wherever_a_document_names_them() {
        let text = r#"{"spec": {"auth": {"bearer": {"secretKeyRef": {"name": "chat", "key": "token"}}}, "more": [{"secretKeyRef": {"name": "tls", "key": "a"}}],
            "name": "none", "secretKeyRef": 3}}"#;
        assert_eq!(secrets(text).into_iter().collect::<Vec<_>>(), ["chat", "tls"]);
        assert!(secrets("no JSON").is_empty());
    }
}
