//! One turn: what is needed now is worked out, agreed to, done and remembered.
//!
//! Must never: run what was not proposed to whoever called, or write anything before they answered but the end of runs that were killed.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::execute::{Execution, execute};
use super::keeping::Keeping;
use super::news::{Caller, Decision, GateMemory, Hear, News};
use super::plan::plan;
use super::propose::{Proposal, Reviewed, propose};
use super::read::{Reading, read};
use super::receipts;
use super::remember::{catch_up, going, leave, remember};
use super::revoke::end_covered;
use crate::apply::{Report, RunSettings};
use crate::connector::connections::Connections;
use crate::journal::{Journal, JournalError, close_dead_runs};
use crate::manifest::Loaded;
use crate::manifest::kinds::DriftMode;
use crate::model::{Change, Plan, PlanFilter};
use crate::planning::{Moment, Scope, Unleft};
use crate::policy::Policy;
use crate::state::{Fact, RunLock, Shelf, StateError, Store, TakenOver};

/// What one turn works on, and how.
pub struct Turn<'a> {
    /// the manifests
    pub loaded: &'a Loaded,
    /// the manifests, compiled
    pub policy: Arc<Policy>,
    /// what earlier turns left, and where this one is remembered
    pub store: &'a Arc<dyn Store>,
    /// when it is
    pub moment: Moment,
    /// the part that is to run
    pub part: PlanFilter,
    /// a plan that was reviewed: nothing else runs
    pub reviewed: Option<Reviewed>,
    /// how fast and how patiently
    pub settings: RunSettings,
    /// for the journal
    pub who: &'a str,
    /// end what is read, finish what was sent, then stop
    pub stop: CancellationToken,
    /// what is open already, and stays so for the next turn
    pub connections: Connections,
}

/// What was done in a turn.
#[derive(Debug)]
pub struct Ending {
    /// what was to run
    pub proposal: Proposal,
    /// what became of it
    pub report: Report,
}

/// Why a turn came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// another run is under way, or the state can't be used
    #[error(transparent)]
    State(#[from] StateError),
    /// nothing is added to a chain that is broken already
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// what a restored state has forgotten nobody knows
    #[error("the state was restored: {0}. Who was revoked, made or erased since is not known to it, so nothing was changed")]
    Restored(String),
    /// whoever is on leave until a day, or left on one, would count as of another day
    #[error("the clock is wrong: {0}. Who is here today can't be told by it, so nothing was changed")]
    Clock(String),
    /// nothing follows from what was read by then
    #[error("the run was stopped while it read; nothing was changed")]
    Stopped,
    /// the reviewed plan is not exactly what is needed now
    #[error("the plan is stale: changes needed now and not in it: {new}; steps in it and no longer needed: {gone}")]
    Stale {
        /// changes needed now and not in it
        new: usize,
        /// steps in it and no longer needed
        gone: usize,
    },
}

/// Takes one turn. Nothing where whoever called let it be. Must be awaited to its end: dropping it would drop requests that were sent.
pub async fn reconcile(turn: Turn<'_>, caller: &dyn Caller) -> Result<Option<Ending>, ReconcileError> {
    let store = turn.store;
    let lock = locked(store.as_ref(), turn.who, caller).await?;
    let ending = held(turn, &lock, caller).await;
    // Whatever came of it: what was remembered by then is where the next run finds it.
    let released = store.release(lock).await;
    let ending = ending?;
    released?;
    Ok(ending)
}

/// Takes the lock. Whoever waits is told why.
async fn locked(store: &dyn Store, who: &str, hear: &dyn Hear) -> Result<RunLock, StateError> {
    let mut lock = store.lock(who);
    if let Ok(lock) = timeout(AT_ONCE, &mut lock).await {
        return lock;
    }
    hear.hear(News::Waiting { state: store.place() });
    lock.await
}

/// A lock that takes longer is not free.
const AT_ONCE: Duration = Duration::from_secs(3);

/// While nobody else runs.
async fn held(turn: Turn<'_>, lock: &RunLock, caller: &dyn Caller) -> Result<Option<Ending>, ReconcileError> {
    let Turn { loaded, policy, store, moment, part, reviewed, settings, who, stop, connections } = turn;
    let reading = Reading { connections, stop: stop.clone(), hear: caller };
    begin(store.as_ref(), lock, loaded, &reading).await?;
    let keeping = Keeping::of(loaded, Some(store.place()));
    if let Some(why) = keeping.restored(store.as_ref()).await? {
        return Err(ReconcileError::Restored(why));
    }
    if let Some(why) = keeping.clock(store.as_ref(), settings.clock.now()).await? {
        return Err(ReconcileError::Clock(why));
    }
    let memory = store.load().await?;
    let snapshot = read(loaded, policy, memory, moment, &reading).await;
    if stop.is_cancelled() {
        return Err(ReconcileError::Stopped);
    }
    let fresh = plan(&snapshot, Scope::All, caller).await;
    let going = going(&fresh);
    let mut proposal = propose(fresh, &part, reviewed.as_ref())?;
    let kept = kept(&snapshot.policy, store.as_ref()).await?;
    let opening = caller.open(&snapshot, &kept, &proposal.plan);
    let held = opening.as_ref().map_or(RunExtent { whole: true, partial: false }, |opening| opening.extent);
    proposal.plan = opening.map_or(proposal.plan, |opening| opening.plan);
    if caller.decide(&snapshot, &proposal) == Decision::Leave {
        return Ok(None);
    }
    let execution = Execution {
        snapshot: &snapshot,
        store,
        lock,
        settings: &settings,
        who,
        going,
        read: true,
        unleft: Unleft::Everybody,
        with: Vec::new(),
        stop,
        hear: caller,
    };
    let extent = RunExtent { whole: part.is_everything() && held.whole, partial: !proposal.unreviewed.is_empty() || held.partial };
    let CarriedOut { report, .. } = carry_out(&execution, &proposal.plan, extent).await?;
    // Nobody has read what an interrupted plan or another output left unsaid; what is not told again can always be asked for.
    store.commit(vec![Fact::Told(proposal.standing.clone())]).await?;
    // What was done is told, whatever becomes of that.
    if let Err(error) = keeping.note(store.as_ref(), Timestamp::now()).await {
        tracing::warn!(target: "headcount::run", error = error.to_string(), "it could not be noted how far the journal is");
    }
    Ok(Some(Ending { proposal, report }))
}

/// What the state says about running now.
pub async fn kept(policy: &Policy, store: &dyn Store) -> Result<GateMemory, StateError> {
    let brake = Shelf::brake(store).await?;
    let leaves = policy.targets.iter().any(|target| target.gates.drift != DriftMode::Enforce);
    Ok(GateMemory { brake, left: if leaves { store.left().await? } else { Vec::new() } })
}

/// How much of what is needed a run is about.
#[derive(Clone, Copy, Debug)]
pub struct RunExtent {
    /// its plan is not a part that was asked for: what is not in it is not needed
    pub whole: bool,
    /// something is needed and not in the plan
    pub partial: bool,
}

/// What came of a run.
#[derive(Debug)]
pub struct CarriedOut {
    /// of its changes
    pub report: Report,
    /// it was complete, and the state says what it left at targets
    pub left: bool,
}

/// Runs what was agreed to, and remembers what was read, what was done and what came of revocations.
pub async fn carry_out(execution: &Execution<'_>, plan: &Plan, extent: RunExtent) -> Result<CarriedOut, StateError> {
    let (snapshot, store) = (execution.snapshot, execution.store.as_ref());
    catch_up(snapshot, store, &execution.going, execution.read).await?;
    end_covered(snapshot, store, execution.hear).await?;
    // An empty run makes a new state a known one; after that it would only fill the journal.
    let first = !snapshot.world.memory().known;
    let report = if plan.applyable() || first { execute(execution, plan).await? } else { Report::default() };
    remember(snapshot, store).await?;
    let left = extent.whole && !extent.partial && report.complete() && plan.changes.iter().all(Change::runs);
    if left {
        leave(snapshot, store, &execution.unleft).await?;
    }
    receipts::of_run(snapshot, (plan, &report), extent.whole, store).await?;
    Ok(CarriedOut { report, left })
}

/// Looks that the journal is whole. Whoever holds the lock knows that no other run is alive, so those that never ended are closed and told. What whoever held the
/// lock before sent last is waited for first, no longer than a request may take: what is read before it arrives would say that it was never done.
pub async fn begin(store: &dyn Store, lock: &RunLock, loaded: &Loaded, reading: &Reading<'_>) -> Result<(), ReconcileError> {
    let hear = reading.hear;
    Journal::new(store).verify_chain().await?;
    if let Some(TakenOver { from, quiet }) = lock.taken_over()
        && store.open_runs().await?.iter().any(|run| !run.intents.is_empty())
    {
        let wait = longest_request(loaded).saturating_sub(*quiet);
        hear.hear(News::Settling { from, wait });
        reading.until_stopped(reading.connections.clock().sleep(wait)).await.map_err(|_| ReconcileError::Stopped)?;
    }
    for dead in close_dead_runs(store, Timestamp::now()).await? {
        hear.hear(News::Killed { run: &dead.run, open: dead.open });
    }
    Ok(())
}

/// How long a request may take at the target that has the most patience.
fn longest_request(loaded: &Loaded) -> Duration {
    loaded.targets.iter().filter_map(|target| target.spec.connection.described().deadline()).max().unwrap_or_default()
}
