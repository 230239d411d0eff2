//! Plans that wait for an approval, as objects that whoever approves can read; and what became of approvals.
//!
//! Must never: change a plan that was shown, or write one that is larger than an object may be: the state has the whole of it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use kube::api::{Api, DeleteParams, DynamicObject, ListParams, ObjectMeta, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::cluster::{Cluster, words};
use super::kinds::{GROUP, VERSION, resource};
use super::status::StatusNews;
use crate::model::{Approval, Status};
use crate::render::{self, ViewOptions};
use crate::state::{Shelf, StateError, Store};
use crate::workspace::gates::WaitingPlan;

/// Longest text of a plan.
const TEXT: usize = 128 << 10;
/// How wide it is.
const WIDTH: usize = 120;
/// So many plans that wait no more stay to be read.
const KEPT: usize = 5;
/// Whose fields these are.
const MANAGER: &str = "headcount-plans";
/// What could not be written is tried again after so long.
const AGAIN: Duration = Duration::from_secs(5);

/// Why nothing came of it.
#[derive(Debug, thiserror::Error)]
enum NotWritten {
    #[error(transparent)]
    State(#[from] StateError),
    #[error("{}", words(.0))]
    Cluster(#[from] kube::Error),
}

/// The plans of a namespace.
struct Plans {
    plans: Api<DynamicObject>,
    approvals: Api<DynamicObject>,
    store: Arc<dyn Store>,
    /// what is known to stand there: by name its hash and whether it is said to wait; nothing: it was not asked yet
    known: Option<BTreeMap<String, Known>>,
    /// approvals that are said to be used
    used: BTreeMap<Arc<str>, Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Known {
    hash: String,
    made: Option<Timestamp>,
    /// as its condition says; nothing: it says nothing yet
    waits: Option<bool>,
}

/// Writes plans until it is stopped.
pub fn write_plans(
    cluster: &Cluster,
    namespace: &str,
    store: Arc<dyn Store>,
    mut news: watch::Receiver<StatusNews>,
    stop: CancellationToken,
) {
    let (plans, approvals) = (objects(cluster, "Plan", namespace), objects(cluster, "PlanApproval", namespace));
    let mut writer = Plans { plans, approvals, store, known: None, used: BTreeMap::new() };
    tokio::spawn(async move {
        loop {
            let told = news.borrow_and_update().clone();
            let done = match &told {
                StatusNews::Told(status) => writer.write(status).await,
                // Another process may write there from here on.
                _ => {
                    writer.known = None;
                    Ok(())
                }
            };
            if let Err(error) = &done {
                let why = error.to_string();
                tracing::warn!(target: "headcount::operator", why, "plans could not be written; it is tried again");
                writer.known = None;
            }
            tokio::select! {
                changed = news.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(AGAIN), if done.is_err() => {}
                () = stop.cancelled() => return,
            }
        }
    });
}

fn objects(cluster: &Cluster, kind: &str, namespace: &str) -> Api<DynamicObject> {
    Api::namespaced_with(cluster.client.clone(), namespace, &resource(kind))
}

impl Plans {
    async fn write(&mut self, status: &Status) -> Result<(), NotWritten> {
        let now = Timestamp::now();
        let waits: Vec<&Arc<str>> = status.systems.iter().filter_map(|system| system.waits.as_ref()).collect();
        let mut known = match self.known.take() {
            Some(known) => known,
            None => self.list().await?,
        };
        if !waits.is_empty() {
            let waiting: Vec<(Arc<str>, WaitingPlan)> = Shelf::Plans.all(self.store.as_ref()).await?;
            for (_, plan) in waiting.iter().filter(|(hash, _)| waits.contains(&hash)) {
                let name = name_of(plan);
                if let Entry::Vacant(free) = known.entry(name) {
                    self.make(free.key(), plan, status).await?;
                    free.insert(Known { hash: plan.hash.to_string(), made: Some(now), waits: None });
                }
            }
        }
        for (name, plan) in &mut known {
            let waits = waits.iter().any(|hash| ***hash == *plan.hash);
            if plan.waits != Some(waits) {
                self.say(name, waits, now).await?;
                plan.waits = Some(waits);
            }
        }
        for name in over(&known) {
            match self.plans.delete(&name, &DeleteParams::default()).await {
                Ok(_) => {}
                Err(kube::Error::Api(answer)) if answer.code == 404 => {}
                Err(error) => return Err(error.into()),
            }
            known.remove(&name);
        }
        self.known = Some(known);
        self.say_used(status.at).await
    }

    async fn list(&self) -> Result<BTreeMap<String, Known>, NotWritten> {
        let all = self.plans.list(&ListParams::default()).await?;
        let known = |object: DynamicObject| {
            let hash = object.data.pointer("/spec/hash")?.as_str()?.to_owned();
            let conditions = object.data.pointer("/status/conditions").and_then(Value::as_array);
            let waits = conditions.into_iter().flatten().find(|one| one["type"] == "Waiting").map(|one| one["status"] == "True");
            Some((object.metadata.name?, Known { hash, made: object.metadata.creation_timestamp.map(|at| at.0), waits }))
        };
        Ok(all.into_iter().filter_map(known).collect())
    }

    async fn make(&self, name: &str, plan: &WaitingPlan, status: &Status) -> Result<(), NotWritten> {
        let object = DynamicObject {
            metadata: ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() },
            ..DynamicObject::new(name, &resource("Plan")).data(json!({ "spec": spec(plan, status) }))
        };
        match self.plans.create(&PostParams::default(), &object).await {
            Ok(_) => Ok(()),
            // It was made before, and nobody can change it.
            Err(kube::Error::Api(answer)) if answer.code == 409 => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn say(&self, name: &str, waits: bool, now: Timestamp) -> Result<(), NotWritten> {
        let (reason, message) = match waits {
            true => ("PlanWaits", "it waits for an approval"),
            false => ("NoLongerWaits", "it was carried out, or is not needed any more, or is another one by now"),
        };
        apply(&self.plans, "Plan", name, condition("Waiting", waits, reason, message, now)).await
    }

    /// Approvals count once: those that did say so.
    async fn say_used(&mut self, now: Timestamp) -> Result<(), NotWritten> {
        let approvals: Vec<(Arc<str>, Approval)> = Shelf::Approvals.all(self.store.as_ref()).await?;
        for (_, approval) in approvals {
            let (Some(document), Some(at)) = (approval.document, approval.used) else { continue };
            if self.used.get(&document) == Some(&at) {
                continue;
            }
            let used = condition("Used", true, "Used", "it was used, and counts no more", now);
            apply(&self.approvals, "PlanApproval", &document, used).await?;
            self.used.insert(document, at);
        }
        Ok(())
    }
}

async fn apply(api: &Api<DynamicObject>, kind: &str, name: &str, condition: Value) -> Result<(), NotWritten> {
    let patch = json!({
        "apiVersion": format!("{GROUP}/{VERSION}"), "kind": kind, "metadata": { "name": name }, "status": { "conditions": [condition] },
    });
    match api.patch_status(name, &PatchParams::apply(MANAGER).force(), &Patch::Apply(&patch)).await {
        Ok(_) => Ok(()),
        // Somebody took it away.
        Err(kube::Error::Api(answer)) if answer.code == 404 => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn condition(kind: &str, holds: bool, reason: &str, message: &str, now: Timestamp) -> Value {
    let since = Timestamp::from_second(now.as_second()).unwrap_or(now).to_string();
    json!({ "type": kind, "status": if holds { "True" } else { "False" }, "reason": reason, "message": message, "lastTransitionTime": since })
}

fn name_of(plan: &WaitingPlan) -> String {
    format!("{}-{}", plan.target, plan.hash.chars().take(8).collect::<String>())
}

fn spec(plan: &WaitingPlan, status: &Status) -> Value {
    let pending = plan.pending();
    let (text, omitted) = text(plan);
    let mut spec = json!({
        "hash": plan.hash,
        "workspace": plan.plan.workspace,
        "asOf": plan.plan.as_of.to_string(),
        "changes": pending.sum(),
        "targets": [{ "name": plan.target, "counts": { "give": pending.give, "change": pending.change, "take": pending.take } }],
        "text": text,
    });
    if let Some(revision) = &status.revision {
        spec["revision"] = json!(revision.name);
    }
    if omitted > 0 {
        spec["omitted"] = json!(omitted);
    }
    spec
}

/// As a terminal shows it, what is risky first; where that is too long, as many whole lines as there is room for, and how many are left out.
fn text(plan: &WaitingPlan) -> (String, usize) {
    let mut out = Vec::new();
    // A vector takes everything.
    let _ = render::write_risks_first(&plan.plan, ViewOptions { full: true, ..ViewOptions::wide(WIDTH) }, &mut out);
    bounded(&plain(&String::from_utf8_lossy(&out)))
}

fn bounded(text: &str) -> (String, usize) {
    let mut kept = String::new();
    let mut lines = text.lines();
    for line in lines.by_ref() {
        if kept.len() + line.len() + 1 > TEXT {
            return (kept, lines.count() + 1);
        }
        kept.push_str(line);
        kept.push('\n');
    }
    (kept, 0)
}

/// Without the signs that make a terminal show colours.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        if letter == '\u{1b}' {
            letters.by_ref().find(char::is_ascii_alphabetic);
        } else {
            plain.push(letter);
        }
    }
    plain
}

/// The oldest of those that wait no more, beyond those that stay.
fn over(known: &BTreeMap<String, Known>) -> Vec<String> {
    let mut done: Vec<(&Option<Timestamp>, &String)> =
        known.iter().filter(|(_, plan)| plan.waits == Some(false)).map(|(name, plan)| (&plan.made, name)).collect();
    done.sort();
    let more = done.len().saturating_sub(KEPT);
    done.into_iter().take(more).map(|(_, name)| name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_ends_with_a_whole_line_within_what_an_object_holds() {
        assert_eq!(bounded("one\ntwo\n"), ("one\ntwo\n".to_owned(), 0));
        let line = "x".repeat(1023);
        let long = format!("{line}\n").repeat(200);
        let (kept, left_out) = bounded(&long);
        assert_eq!((kept.len(), left_out), (TEXT, 72));
        assert_eq!(plain("\u{1b}[1mbold\u{1b}[0m and \u{1b}[31mred\u{1b}[0m"), "bold and red");
    }

    #[test]
    fn of_plans_that_wait_no_more_the_newest_stay() {
        let plan = |minute: i64, waits: bool| {
            let made = Timestamp::from_second(minute * 60).ok();
            (format!("chat-{minute}"), Known { hash: String::new(), made, waits: Some(waits) })
        };
        let known: BTreeMap<String, Known> = (0..8).map(|minute| plan(minute, minute == 0)).collect();
        assert_eq!(over(&known), ["chat-1", "chat-2"]);
    }
}
