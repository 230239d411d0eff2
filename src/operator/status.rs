//! Writes the status of objects: server-side apply by a field manager of our own, and only what is another than what stands there.
//!
//! Must never: write a status that says the same, or hold the work up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use kube::api::{Patch, PatchParams};
use serde_json::{Map, Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::cluster::{Cluster, words};
use super::conditions::{self, About};
use super::events::Events;
use super::kinds::{GROUP, VERSION};
use super::objects::{ManifestObject, ObjectName};
use super::register::Register;
use super::revisions::ClusterRevisions;
use super::seen::Seen;
use crate::model::{Status, SystemRole};

/// Whose fields these are.
const MANAGER: &str = "headcount-status";
/// What could not be written is tried again after so long.
const AGAIN: Duration = Duration::from_secs(5);
/// Objects change one after the other: so long they are gathered.
const GATHER: Duration = Duration::from_millis(200);

/// How a namespace stands.
#[derive(Clone, Debug, Default)]
pub enum StatusNews {
    /// nobody here can say: another process writes
    #[default]
    Elsewhere,
    /// nothing runs here, and nothing says where the state is: whether another process runs nobody here can say
    Unused,
    /// so
    Told(Box<Status>),
}

/// Keeps the status of a namespace's objects.
struct Writer {
    cluster: Cluster,
    namespace: String,
    seen: Seen,
    register: Register,
    events: Events,
    /// what was written, by object
    written: BTreeMap<ObjectName, Written>,
    /// of the revision that was in force last: its number, and the Targets in it
    targets: Option<(Arc<str>, BTreeSet<Arc<str>>)>,
}

/// A status that was written, all without times.
struct Written {
    /// whose it is
    uid: Arc<str>,
    /// what was to be said
    says: Value,
    /// what stood there before, as it may still be seen for a moment
    before: Value,
    /// what the server made of it
    stands: Value,
}

impl Written {
    fn still_says(&self, says: &Value, object: &ManifestObject) -> bool {
        let seen = timeless(&object.status);
        self.uid == object.uid && self.says == *says && (seen == self.stands || seen == self.before)
    }
}

/// Writes until it is stopped: whatever is told, and whatever objects come.
pub fn write_status(
    cluster: &Cluster,
    namespace: &str,
    revisions: &ClusterRevisions,
    register: &Register,
    mut news: watch::Receiver<StatusNews>,
    stop: CancellationToken,
) -> tokio::task::JoinHandle<()> {
    let seen = revisions.seen();
    let mut writer = Writer {
        cluster: cluster.clone(),
        namespace: namespace.to_owned(),
        seen: seen.clone(),
        register: register.clone(),
        events: Events::new(cluster, namespace),
        written: BTreeMap::new(),
        targets: None,
    };
    tokio::spawn(async move {
        let mut changes = seen.changes();
        loop {
            changes.borrow_and_update();
            let told = news.borrow_and_update().clone();
            writer.tell_of_orphans(&told).await;
            let well = writer.write(&told, Timestamp::now()).await;
            let over = stop.is_cancelled() || news.has_changed().is_err();
            if over && !news.has_changed().unwrap_or(false) {
                return;
            }
            tokio::select! {
                _ = news.changed() => {}
                _ = changes.changed() => tokio::time::sleep(GATHER).await,
                () = tokio::time::sleep(AGAIN), if !well => {}
                () = stop.cancelled() => {}
            }
        }
    })
}

impl Writer {
    /// Whether all of it was written.
    async fn write(&mut self, news: &StatusNews, now: Timestamp) -> bool {
        let mut well = true;
        for (name, object, told) in self.told(news) {
            let status = Value::Object(told);
            let before = timeless(&object.status);
            let known = self.written.get(&name).map_or(before == status, |written| written.still_says(&status, &object));
            if known {
                continue;
            }
            let dated = dated(&status, &object.status, now);
            match self.apply(&name, &object, dated).await {
                Ok(stands) => {
                    self.events.tell(&name, &object, &before, &status).await;
                    let written = Written { uid: object.uid.clone(), says: status, before, stands: timeless(&stands) };
                    self.written.insert(name, written);
                }
                // It went away, or is another one by now.
                Err(kube::Error::Api(answer)) if matches!(answer.code, 404 | 409) => drop(self.written.remove(&name)),
                Err(error) => {
                    let (kind, why) = (name.0, words(&error));
                    tracing::warn!(target: "headcount::operator", kind, why, "a status could not be written; it is tried again");
                    well = false;
                }
            }
        }
        well
    }

    /// Targets that went with the last revision. What a process does not know that begins after it, it can't tell.
    async fn tell_of_orphans(&mut self, news: &StatusNews) {
        let StatusNews::Told(status) = news else {
            self.targets = None;
            return;
        };
        let Some(revision) = status.revision.as_ref().filter(|one| self.targets.as_ref().is_none_or(|(known, _)| *known != one.id)) else {
            return;
        };
        let Some(generations) = self.register.of(&revision.id) else { return };
        let now: BTreeSet<Arc<str>> = generations.keys().filter(|(kind, _)| *kind == "Target").map(|(_, name)| name.clone()).collect();
        let before = self.targets.replace((revision.id.clone(), now.clone())).map(|(_, before)| before).unwrap_or_default();
        let workspace = {
            let kinds = self.seen.kinds();
            let found = kinds.get("Workspace").and_then(|seen| seen.objects.iter().next());
            found.map(|(name, object)| (("Workspace", name.clone()), object.clone()))
        };
        let Some((name, workspace)) = workspace else { return };
        for target in before.difference(&now) {
            self.events.orphaned(&name, &workspace, target).await;
        }
    }

    /// What each object's status should be, where there is something to say.
    fn told(&self, news: &StatusNews) -> Vec<(ObjectName, ManifestObject, Map<String, Value>)> {
        let problems = self.register.problems();
        let (status, generations) = match news {
            StatusNews::Elsewhere => return Vec::new(),
            StatusNews::Unused => (None, None),
            StatusNews::Told(status) => {
                (Some(status.as_ref()), status.revision.as_ref().and_then(|revision| self.register.of(&revision.id)))
            }
        };
        let refused = status.is_some_and(|status| status.refused.is_some()) || problems != Default::default();
        let mut told = Vec::new();
        let kinds = self.seen.kinds();
        for (kind, seen) in kinds.iter().filter(|(_, seen)| seen.is_whole()) {
            for (name, object) in &seen.objects {
                let problem = problems.objects.get(&((*kind).to_owned(), name.to_string())).map(String::as_str);
                let object_name = (*kind, name.clone());
                let in_force = generations.as_ref().and_then(|generations| generations.get(&object_name)).copied();
                let complete = object.status.get("lastComplete").and_then(Value::as_str).and_then(|at| at.parse().ok());
                let about = About {
                    generation: object.generation,
                    in_force,
                    problem,
                    refused,
                    complete,
                    was_ready: was_ready(&object.status, in_force),
                };
                let role = match *kind {
                    "Source" => Some(SystemRole::Source),
                    "Target" => Some(SystemRole::Target),
                    _ => None,
                };
                let system =
                    status.and_then(|status| status.systems.iter().find(|system| Some(system.role) == role && system.name == *name));
                let says = match (*kind, status, system) {
                    // Whoever writes may be another process. What stands there about this very version stays.
                    (_, None, _) if is_about(object) => None,
                    ("Workspace", Some(status), _) => Some(conditions::of_workspace(status, &problems, about)),
                    ("Workspace", None, _) => Some(conditions::of_unused(&problems, about)),
                    // What stands there is about this very version, and nothing newer is known.
                    (_, Some(_), Some(system))
                        if system.state == crate::model::SystemState::Unknown && is_about(object) && problem.is_none() =>
                    {
                        None
                    }
                    (_, Some(status), Some(system)) => Some(conditions::of_system(system, status, about)),
                    _ if problem.is_some() || is_told(object, self.written.get(&object_name)) => Some(conditions::of_other(about)),
                    _ => None,
                };
                told.extend(says.map(|says| (object_name, object.clone(), says)));
            }
        }
        told
    }

    async fn apply(&self, (kind, name): &ObjectName, object: &ManifestObject, status: Value) -> kube::Result<Value> {
        let api = self.cluster.objects(kind, &self.namespace);
        let patch = json!({
            "apiVersion": format!("{GROUP}/{VERSION}"),
            "kind": kind,
            "metadata": { "name": name, "namespace": self.namespace, "uid": object.uid },
            "status": status,
        });
        let params = PatchParams::apply(MANAGER).force();
        let mut stands = api.patch_status(name, &params, &Patch::Apply(&patch)).await?;
        Ok(stands.data.get_mut("status").map(Value::take).unwrap_or_default())
    }
}

/// Whether something was said of it.
fn is_told(object: &ManifestObject, written: Option<&Written>) -> bool {
    written.is_some() || object.status.get("conditions").is_some()
}

/// Whether the version in force was said to be ready.
fn was_ready(status: &Value, in_force: Option<i64>) -> bool {
    let all = status.get("conditions").and_then(Value::as_array);
    let ready = all.into_iter().flatten().find(|one| one["type"] == "Ready" && one["status"] == "True");
    ready.is_some_and(|ready| ready["observedGeneration"].as_i64() == in_force)
}

/// Whether what is said of it is about this very version of its spec.
fn is_about(object: &ManifestObject) -> bool {
    object.status.get("observedGeneration").and_then(Value::as_i64) == Some(object.generation)
}

/// A status without the times of its conditions, which say nothing of their own.
fn timeless(status: &Value) -> Value {
    let mut status = status.clone();
    let conditions = status.get_mut("conditions").and_then(Value::as_array_mut);
    for condition in conditions.into_iter().flatten().filter_map(Value::as_object_mut) {
        condition.remove("lastTransitionTime");
    }
    status
}

/// The same with the time since which each condition is so.
fn dated(status: &Value, before: &Value, now: Timestamp) -> Value {
    let mut status = status.clone();
    let earlier = before.get("conditions").and_then(Value::as_array);
    let now = Timestamp::from_second(now.as_second()).unwrap_or(now).to_string();
    let conditions = status.get_mut("conditions").and_then(Value::as_array_mut);
    for condition in conditions.into_iter().flatten().filter_map(Value::as_object_mut) {
        let same = |other: &&Value| ["type", "status"].iter().all(|field| other.get(field) == condition.get(*field));
        let since = earlier.into_iter().flatten().find(same).and_then(|other| other.get("lastTransitionTime")).cloned();
        condition.insert("lastTransitionTime".into(), since.unwrap_or_else(|| json!(now)));
    }
    status
}
