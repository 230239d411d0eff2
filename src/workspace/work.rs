//! What the actor has others do: reads, plans and runs, each a task that answers with a message.
//!
//! Must never: touch what the actor keeps; what a task needs it is given, and what it found it sends.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::messages::{Message, Planned, Ran, Took};
use super::schedule::Due;
use super::told::Observer;
use crate::apply::RunSettings;
use crate::connector::connections::Connections;
use crate::drift::{self, Noticed};
use crate::manifest::Loaded;
use crate::manifest::kinds::DriftMode;
use crate::model::{Plan, SystemRole, Watermark};
use crate::pipeline::system::{self, SourceNews};
use crate::pipeline::{self, Execution, Reading, ReconcileError, RunExtent, Snapshot};
use crate::planning::{self, Unleft, left_behind};
use crate::state::{Fact, RunLock, Shelf, StateError, Store};
use crate::world::Dirty;

/// What all tasks have.
#[derive(Clone)]
pub(super) struct Hands {
    pub mailbox: UnboundedSender<Message>,
    pub connections: Connections,
    pub observer: Arc<dyn Observer>,
    pub store: Arc<dyn Store>,
    pub who: Arc<str>,
}

/// A system to be read.
pub(super) struct Read {
    pub role: SystemRole,
    pub name: Arc<str>,
    pub at: usize,
    pub asked: u64,
    pub due: Due,
    pub mark: Option<Watermark>,
}

/// A plan to be made.
pub(super) struct Asked {
    /// of the world
    pub version: u64,
    /// in which the world was so
    pub era: u64,
    /// to whose next plan it may leave something
    pub lineage: u64,
    /// also what of it others did, and what they did besides
    pub drifts: bool,
    /// what of that is known
    pub noticed: Vec<Noticed>,
    /// what the last plan left
    pub last: planning::LastPlan,
    /// what changed since
    pub dirty: Dirty,
}

/// A plan to be run.
pub(super) struct Run {
    pub snapshot: Arc<Snapshot>,
    pub loaded: Arc<Loaded>,
    pub plan: Plan,
    pub extent: RunExtent,
    pub going: BTreeSet<(Arc<str>, Arc<str>)>,
    pub begin: Vec<Fact>,
    /// what is to be left at targets, where it is all done
    pub unleft: Unleft,
    /// as of which write of the state what is remembered is known
    pub recollected: Option<u64>,
    /// whether anything was read since the last run
    pub read: bool,
    pub lock: Arc<RunLock>,
    pub stop: CancellationToken,
}

impl Hands {
    /// Reads a system.
    pub fn read(&self, read: Read, loaded: Arc<Loaded>, snapshot: Arc<Snapshot>, stop: &CancellationToken) {
        let (hands, stop) = (self.clone(), stop.clone());
        let lost = Message::Lost { role: read.role, name: read.name.clone() };
        // Who reads a Target knows nothing of the world, and keeps nobody from changing it meanwhile.
        let (policy, snapshot) = (snapshot.policy.clone(), (read.role == SystemRole::Source).then_some(snapshot));
        let task = tokio::spawn(async move {
            let hear: &dyn Observer = &*hands.observer;
            let reading = Reading { connections: hands.connections.clone(), stop: stop.clone(), hear };
            let message = match &snapshot {
                None => {
                    let done = system::target(&loaded, &policy, read.at, &reading).await;
                    Message::Target { name: read.name, asked: read.asked, read: Box::new(done) }
                }
                Some(snapshot) => {
                    let news = Box::new(source(&loaded, snapshot, &read, &reading).await);
                    Message::Source { name: read.name, asked: read.asked, news }
                }
            };
            // What was cut short because the process ends says nothing of the system.
            if stop.is_cancelled() { Message::Lost { role: read.role, name: message.name() } } else { message }
        });
        self.answer(task, move |_| lost);
    }

    /// Waits a while and tries to get the lock. What whoever held it sent last is waited for, and runs that were killed are closed, before anything is read.
    pub fn take(&self, pause: Duration, loaded: Arc<Loaded>, stop: &CancellationToken) {
        let (hands, stop) = (self.clone(), stop.clone());
        let task = tokio::spawn(async move {
            tokio::time::sleep(pause).await;
            match hands.took(&loaded, stop).await {
                Ok(took) => Message::Took(Box::new(took)),
                Err(error) => Message::NotTaken(error),
            }
        });
        self.answer(task, |_| Message::NotTaken(ReconcileError::Stopped));
    }

    async fn took(&self, loaded: &Loaded, stop: CancellationToken) -> Result<Took, ReconcileError> {
        let store = self.store.as_ref();
        let lock = store.lock(&self.who).await?;
        let hear: &dyn Observer = &*self.observer;
        let reading = Reading { connections: self.connections.clone(), stop, hear };
        pipeline::begin(store, &lock, loaded, &reading).await?;
        Ok(Took { lock, memory: store.recollect(None).await?, systems: Shelf::Systems.all(store).await? })
    }

    /// Works out what is needed; with `drifts`, also what of it others did.
    pub fn plan(&self, asked: Asked, snapshot: Arc<Snapshot>) {
        let hands = self.clone();
        let task = tokio::spawn(async move {
            let Asked { version, era, lineage, drifts: outside, noticed, mut last, dirty } = asked;
            let plan = pipeline::replan(&snapshot, &mut last, &dirty, &*hands.observer).await;
            let holds = snapshot.policy.targets.iter().any(|target| target.gates.drift != DriftMode::Enforce);
            let wanted = outside || (holds && !plan.0.changes.is_empty());
            let left = if wanted { hands.store.left().await.map(Some) } else { Ok(None) };
            let (drifts, noticed) = match left {
                // What others did can't be told from what is needed: nothing of it may run.
                Err(error) => return Message::Forgotten(error),
                Ok(Some(was)) => {
                    let now = left_behind(&snapshot.policy, &snapshot.world, snapshot.moment);
                    let drifts = drift::compare(&snapshot.policy, &snapshot.world, &plan.0, &was, &now).drifts;
                    (drifts, outside.then(|| drift::notice(&snapshot.world, &was, &now, &noticed, Timestamp::now())))
                }
                Ok(None) => (Vec::new(), None),
            };
            Message::Planned(Box::new(Planned { version, era, lineage, plan: plan.0, how: plan.1, drifts, noticed, last }))
        });
        self.answer(task, |why| Message::Unplanned { why });
    }

    /// Runs what the gates let through.
    pub fn run(&self, run: Run) {
        let hands = self.clone();
        let plan = run.plan.clone();
        let task = tokio::spawn(async move {
            let settings: RunSettings = pipeline::settings(&run.loaded, &run.snapshot.policy);
            let execution = Execution {
                snapshot: &run.snapshot,
                store: &hands.store,
                lock: &run.lock,
                settings: &settings,
                who: &hands.who,
                going: run.going,
                read: run.read,
                unleft: run.unleft,
                with: run.begin,
                stop: run.stop,
                hear: &*hands.observer,
            };
            let carried = pipeline::carry_out(&execution, &run.plan, run.extent).await;
            let left = carried.as_ref().is_ok_and(|carried| carried.left);
            let report = carried.map(|carried| carried.report);
            let written = match &report {
                Ok(report) => pipeline::written(&run.snapshot, &run.plan, report).await,
                Err(_) => Vec::new(),
            };
            let memory = hands.store.recollect(run.recollected).await;
            Message::Ran(Box::new(Ran { plan: run.plan, report, left, written, memory }))
        });
        let lost = move |_: String| {
            let (report, memory) = (Err(StateError::Stopped), Err(StateError::Stopped));
            Message::Ran(Box::new(Ran { plan, report, left: false, written: Vec::new(), memory }))
        };
        self.answer(task, lost);
    }

    /// A task's message, or another one where the task died.
    fn answer(&self, task: JoinHandle<Message>, died: impl FnOnce(String) -> Message + Send + 'static) {
        let mailbox = self.mailbox.clone();
        tokio::spawn(async move {
            let message = task.await.unwrap_or_else(|error| died(error.to_string()));
            // Where nobody listens any more the process ends.
            drop(mailbox.send(message));
        });
    }
}

async fn source(loaded: &Loaded, snapshot: &Snapshot, read: &Read, reading: &Reading<'_>) -> SourceNews {
    let now = Timestamp::now();
    match (read.due, &read.mark) {
        (Due::Changes, Some(mark)) => system::source_changes(loaded, snapshot, read.at, (mark, now), reading).await,
        _ => SourceNews::All(Box::new(system::source(loaded, snapshot, read.at, now, reading).await)),
    }
}
