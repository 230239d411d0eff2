//! Runs a plan that was agreed to.
//!
//! Must never: run without the lock, or anything but the plan that it is given.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Builder, Handle, RuntimeFlavor};
use tokio_util::sync::CancellationToken;

use super::news::{Hear, News};
use super::read::Snapshot;
use crate::apply::{self, Job, Progress, Report, RunSettings};
use crate::manifest::Loaded;
use crate::model::{ChangeId, ObjectKind, Outcome, Plan};
use crate::planning::Unleft;
use crate::policy::Policy;
use crate::state::{Fact, RunLock, StateError, Store};

/// Everything that a run needs beside its plan.
pub struct Execution<'a> {
    /// what was read, and the connectors it was read through
    pub snapshot: &'a Snapshot,
    /// where outcomes go
    pub store: &'a Arc<dyn Store>,
    /// proof that no other run is under way
    pub lock: &'a RunLock,
    /// how fast and how patiently
    pub settings: &'a RunSettings,
    /// for the journal
    pub who: &'a str,
    /// accounts whose access is to go, also where this run does not take it (`going`): what headcount took there is not forgotten because others gave it back
    pub going: BTreeSet<(Arc<str>, Arc<str>)>,
    /// whether anything was read since the last run
    pub read: bool,
    /// what is to be left at targets, where it is all done
    pub unleft: Unleft,
    /// what becomes durable together with the run's beginning, or not at all
    pub with: Vec<Fact>,
    /// finish what was sent, then stop
    pub stop: CancellationToken,
    /// told about each step
    pub hear: &'a dyn Hear,
}

/// Runs the changes of the plan that are not withheld. Must be awaited to its end: dropping it would drop requests that were sent.
pub async fn execute(execution: &Execution<'_>, plan: &Plan) -> Result<Report, StateError> {
    let Snapshot { policy, world, connectors, .. } = execution.snapshot;
    let known_ids = |target: &str, kind: ObjectKind, key: &str| world.object_id(policy, target, kind, key);
    let was_there = |target: &str, kind: ObjectKind, id: &str| world.has_object(policy, target, kind, id);
    execution.hear.hear(News::Running { plan });
    let report = on_one_thread(apply::apply(&Job {
        plan,
        targets: connectors,
        store: execution.store,
        lock: execution.lock,
        settings: execution.settings,
        who: execution.who,
        with: execution.with.clone(),
        known_ids: &known_ids,
        was_there: &was_there,
        cancel: execution.stop.clone(),
        progress: &Relay { plan, hear: execution.hear },
    }))
    .await;
    execution.hear.hear(News::Ran);
    report
}

/// How many at once and how patiently, as the manifests say.
pub fn settings(loaded: &Loaded, policy: &Policy) -> RunSettings {
    let concurrency =
        loaded.targets.iter().filter_map(|target| Some((target.name.clone(), target.spec.limits.as_ref()?.concurrency? as usize)));
    let windows = policy.targets.iter().map(|target| target.guardrails.window);
    let settings = RunSettings::default();
    let keep_windows = windows.fold(settings.keep_windows, Ord::max);
    RunSettings { concurrency: concurrency.collect::<BTreeMap<_, _>>(), keep_windows, ..settings }
}

/// Where there are several threads, a run has a runtime of its own with one: order, requests and answers share it, so that none wakes another thread for every
/// step of the way. Reading is what several threads are for.
async fn on_one_thread<T>(work: impl Future<Output = T>) -> T {
    let several = Handle::current().runtime_flavor() == RuntimeFlavor::MultiThread;
    let one = several.then(|| Builder::new_current_thread().enable_all().build().ok()).flatten();
    let Some(runtime) = one else { return work.await };
    tokio::task::block_in_place(|| {
        let result = runtime.block_on(work);
        runtime.shutdown_background();
        result
    })
}

/// What the executor tells, as news.
struct Relay<'a> {
    plan: &'a Plan,
    hear: &'a dyn Hear,
}

impl Progress for Relay<'_> {
    fn finished(&self, change: ChangeId, outcome: &Outcome) {
        if let Some(change) = self.plan.changes.get(change.0 as usize) {
            self.hear.hear(News::Finished { change, outcome });
        }
    }

    fn paused(&self, target: &str, pause: Duration, reason: &str) {
        self.hear.hear(News::Paused { target, pause, reason });
    }
}
