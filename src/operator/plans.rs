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
use crate::apply::Atoms;
use crate::model::{Approval, Decided, Status};
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
    /// what is said of approvals, by document
    said: BTreeMap<Arc<str>, Said>,
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
    let mut writer = Plans { plans, approvals, store, known: None, said: BTreeMap::new() };
    tokio::spawn(async move {
        loop {
            let told = news.borrow_and_update().clone();
            let done = match &told {
                StatusNews::Told(status) => writer.write(status).await,
                // Another process may write there from here on.
                _ => {
                    writer.known = None;
                    writer.said.clear();
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
        let plans: Vec<WaitingPlan> = Shelf::Plans.all(self.store.as_ref()).await?.into_iter().map(|(_, plan)| plan).collect();
        let mut known = match self.known.take() {
            Some(known) => known,
            None => self.list().await?,
        };
        for plan in plans.iter().filter(|plan| waits.contains(&&plan.hash)) {
            if let Entry::Vacant(free) = known.entry(name_of(plan)) {
                self.make(free.key(), plan, status).await?;
                free.insert(Known { hash: plan.hash.to_string(), made: Some(now), waits: None });
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
        self.say_of_approvals(&plans, &waits, now).await
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

    /// What became of each approval that is an object stands in its status.
    async fn say_of_approvals(&mut self, plans: &[WaitingPlan], waits: &[&Arc<str>], now: Timestamp) -> Result<(), NotWritten> {
        let approvals: Vec<(Arc<str>, Approval)> = Shelf::Approvals.all(self.store.as_ref()).await?;
        for (_, approval) in approvals {
            let Some(document) = approval.document.clone() else { continue };
            let said = said(&approval, plans, waits, now);
            if self.said.get(&document) == Some(&said) {
                continue;
            }
            let used = condition("Used", said.used, said.reason, &said.words, approval.used.unwrap_or(approval.at));
            apply(&self.approvals, "PlanApproval", &document, used).await?;
            self.said.insert(document, said);
        }
        Ok(())
    }
}

/// What is said of an approval.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Said {
    used: bool,
    reason: &'static str,
    words: String,
}

/// An approval counts for what its plan held, once. One whose plan waits no more lets nothing through, and says how the plan is another one by now.
fn said(approval: &Approval, plans: &[WaitingPlan], waits: &[&Arc<str>], now: Timestamp) -> Said {
    let said = |reason, words: &str| Said { used: false, reason, words: words.to_owned() };
    if approval.used.is_some() {
        return Said { used: true, ..said("Used", "it was used, and counts no more") };
    }
    if approval.expires.is_some_and(|expires| expires <= now) {
        return said("Expired", "it was not used in time, and counts no more");
    }
    let plan = plans.iter().find(|plan| plan.hash == approval.plan);
    let does_wait = waits.iter().any(|hash| ***hash == *approval.plan);
    match (plan, does_wait, approval.decision) {
        (Some(_), true, Decided::Approve) => said("Counts", "it counts, and is used once the plan runs"),
        (Some(_), true, Decided::Reject) => said("Counts", "it counts: the plan does not run while this stands"),
        _ => said("Outdated", &outdated(plan, &approval.targets, plans, waits)),
    }
}

/// Why an approval counts for nothing: what of its plan is still needed, and what is needed besides.
fn outdated(plan: Option<&WaitingPlan>, targets: &[Arc<str>], plans: &[WaitingPlan], waits: &[&Arc<str>]) -> String {
    let here = |other: &&WaitingPlan| plan.map_or(targets.contains(&other.target), |plan| plan.target == other.target);
    let now = plans.iter().filter(|other| waits.contains(&&other.hash)).find(here);
    match (plan, now) {
        (_, None) => "no plan of this hash waits, and no other one".to_owned(),
        (None, Some(now)) => format!("no plan of this hash waits; the one that does is {}", name_of(now)),
        (Some(plan), Some(now)) => {
            let beyond = |of: &WaitingPlan, other: &WaitingPlan| {
                let atoms = Atoms::of(&other.plan.changes);
                of.plan.changes.iter().filter(|change| atoms.split(change).1.is_some()).count()
            };
            let (come, gone) = (beyond(now, plan), beyond(plan, now));
            format!("its plan is another one by now, {}: {come} of its changes have come since, {gone} have gone", name_of(now))
        }
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
    use crate::model::{Action, Change, ObjectKind, ObjectRef, Plan, Reason};

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
    fn an_approval_says_whether_it_counts_and_how_its_plan_is_another_one_by_now() {
        let change = |name: &str| {
            let object = ObjectRef { kind: ObjectKind::Account, key: format!("hr/{name}").into(), id: None, name: name.into() };
            Change::new(&"chat".into(), Action::Create, object, Reason::Joiner)
        };
        let plan = |hash: &str, people: &[&str]| WaitingPlan {
            target: "chat".into(),
            hash: hash.into(),
            plan: Plan {
                changes: people.iter().map(|name| change(name)).collect(),
                ..Plan::of_nothing("acme".into(), jiff::civil::date(2026, 11, 29))
            },
            since: Timestamp::UNIX_EPOCH,
            authors: Vec::new(),
        };
        let (old, new) = (plan("old0000000", &["ada", "bob"]), plan("new0000000", &["bob", "cleo", "dora"]));
        let approval = |more: Value| -> Approval {
            let mut whole =
                json!({"plan": "old0000000", "decision": "Approve", "approver": "mara", "at": "2026-11-29T10:00:00Z", "targets": ["chat"]});
            whole.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            serde_json::from_value(whole).unwrap()
        };
        let now: Timestamp = "2026-11-29T11:00:00Z".parse().unwrap();
        let of = |approval: &Approval, plans: &[WaitingPlan], waits: &str| {
            let waits: Arc<str> = waits.into();
            let Said { used, reason, words } = said(approval, plans, &[&waits], now);
            format!("{used} {reason}: {words}")
        };
        let plain = approval(json!({}));
        let both = [old.clone(), new.clone()];
        assert_eq!(of(&plain, &both, "old0000000"), "false Counts: it counts, and is used once the plan runs");
        assert_eq!(
            of(&plain, &both, "new0000000"),
            "false Outdated: its plan is another one by now, chat-new00000: 2 of its changes have come since, 1 have gone"
        );
        assert_eq!(of(&plain, &[new], "new0000000"), "false Outdated: no plan of this hash waits; the one that does is chat-new00000");
        assert_eq!(of(&plain, &[], "none"), "false Outdated: no plan of this hash waits, and no other one");
        let expired = approval(json!({"expires": "2026-11-29T10:30:00Z"}));
        assert_eq!(of(&expired, &both, "old0000000"), "false Expired: it was not used in time, and counts no more");
        let used = approval(json!({"used": "2026-11-29T10:30:00Z"}));
        assert_eq!(of(&used, &both, "old0000000"), "true Used: it was used, and counts no more");
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
