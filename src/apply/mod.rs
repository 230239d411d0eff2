//! Runs a plan. Decides nothing: order, retries, rate, permits and the journal, no more.
//!
//! Must never: change what a change says, or drop a request that was sent.

mod ahead;
mod atoms;
mod compare;
mod doubt;
mod equal;
mod fence;
mod gate;
mod ids;
mod narrow;
mod prepare;
mod record;
mod rehearse;
mod report;
mod runner;
mod saved;
mod schedule;
mod send;
mod settings;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::connector::TargetConnector;
use crate::model::{ChangeId, ObjectKind, Outcome, Plan};
use crate::state::{Fact, RunLock, StateError, Store};

pub use atoms::{Atoms, fingerprint};
pub use compare::{Comparison, compare};
pub use equal::likeness;
pub use narrow::{Narrowed, narrow};
pub use rehearse::rehearse;
pub use report::Report;
pub use runner::run_name;
pub use saved::{PlanFileError, read_plan};
pub use settings::{Clock, RunSettings};

/// Gives the id of an object by target, kind and key.
pub type KnownIds<'a> = dyn Fn(&str, ObjectKind, &str) -> Option<Arc<str>> + Send + Sync + 'a;

/// Whether an account or group of this target, kind and id was there before the run.
pub type WasThere<'a> = dyn Fn(&str, ObjectKind, &str) -> bool + Send + Sync + 'a;

/// Everything that a run needs.
pub struct Job<'a> {
    /// what to run
    pub plan: &'a Plan,
    /// by the Target's name
    pub targets: &'a BTreeMap<Arc<str>, Arc<TargetConnector>>,
    /// where outcomes and their journal go
    pub store: &'a Arc<dyn Store>,
    /// proof that no other run is under way; of a revocation, which may send nothing else, that it goes on beside them
    pub lock: &'a RunLock,
    /// how fast and how patiently
    pub settings: &'a RunSettings,
    /// who runs it, for the journal
    pub who: &'a str,
    /// what becomes durable together with the run's beginning, or not at all: an approval that it uses
    pub with: Vec<Fact>,
    /// the id of an object by target and key, as it was read (`World::object_id`): for references to objects that the plan does not touch
    pub known_ids: &'a KnownIds<'a>,
    /// what was read: an answer that names one of these as new is none
    pub was_there: &'a WasThere<'a>,
    /// finish what is in flight, then stop
    pub cancel: CancellationToken,
    /// told about each step
    pub progress: &'a dyn Progress,
}

/// Hears how a run goes. Called from the run's own task: must not block.
pub trait Progress: Send + Sync {
    /// A change is about to be sent.
    fn started(&self, _change: ChangeId) {}
    /// What became of a change.
    fn finished(&self, _change: ChangeId, _outcome: &Outcome) {}
    /// A target is left alone for a while.
    fn paused(&self, _target: &str, _pause: Duration, _reason: &str) {}
}

/// Hears and says nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {}

/// Runs the plan's changes that are not withheld, in the plan's order: neighbours of one kind at once, as far as `needs` and the target's
/// pace allow; each target by itself. An error means that the state could not be written at the beginning or the end; whatever happens
/// between is in the report. Must be awaited to its end: dropping it would drop requests that were sent.
pub async fn apply(job: &Job<'_>) -> Result<Report, StateError> {
    runner::run(job).await
}

#[cfg(test)]
mod tests;
