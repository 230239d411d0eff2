//! The gate of one target: nothing is sent while the target asked for a pause, faster than its pace, or after the run was stopped. What cuts somebody off
//! has a gate of its own: it waits for no pause that other work brought about, for no pace, and is not given up with the rest.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::connector::Permit;
use crate::state::RunLock;

use super::settings::Pace;

/// Stands before one target.
pub(super) struct Gate {
    pace: Pace,
    state: Mutex<GateState>,
}

#[derive(Default)]
struct GateState {
    /// nothing is sent before
    resume: Option<Instant>,
    /// the next free slot of the pace
    slot: Option<Instant>,
    /// changes in a row that could not reach the target
    misses: u32,
    /// why the target is left alone for the rest of the run
    closed: Option<String>,
}

impl Gate {
    /// An open gate.
    pub(super) fn new(pace: Pace) -> Self {
        Self { pace, state: Mutex::default() }
    }

    /// Leave to send one batch, once pause and pace allow it; none when the run was stopped. The lock proves that the run is the only one.
    pub(super) async fn permit(&self, _lock: &RunLock, cancel: &CancellationToken) -> Option<Permit> {
        let slot = self.take_slot();
        while !cancel.is_cancelled() {
            let resume = self.state().resume.max(slot);
            match resume.filter(|resume| *resume > Instant::now()) {
                None => return Some(Permit::grant()),
                Some(resume) => rest(resume, cancel).await,
            }
        }
        None
    }

    /// The target asked to be left alone: all of it waits, not one request. Says whether that is news.
    pub(super) fn pause(&self, pause: Duration) -> bool {
        let until = Instant::now() + pause;
        let mut state = self.state();
        let running = state.resume.is_some_and(|resume| resume > Instant::now());
        state.resume = state.resume.max(Some(until));
        !running
    }

    /// A change reached the target.
    pub(super) fn reached(&self) {
        self.state().misses = 0;
    }

    /// A change could not reach the target, for all its attempts.
    pub(super) fn missed(&self, give_up_after: u32, why: &str) {
        let mut state = self.state();
        state.misses += 1;
        if state.misses >= give_up_after {
            state.closed.get_or_insert_with(|| format!("the target could not be reached {give_up_after} times in a row: {why}"));
        }
    }

    /// The target is left alone for the rest of the run.
    pub(super) fn close(&self, why: String) {
        self.state().closed.get_or_insert(why);
    }

    /// Why it is left alone.
    pub(super) fn closed(&self) -> Option<String> {
        self.state().closed.clone()
    }

    /// How many requests may be under way at once.
    pub(super) fn concurrency(&self) -> usize {
        self.pace.concurrency.max(1)
    }

    fn take_slot(&self) -> Option<Instant> {
        let interval = self.pace.per_second.filter(|rate| *rate > 0.0).and_then(|rate| Duration::try_from_secs_f64(1.0 / rate).ok())?;
        let mut state = self.state();
        let slot = state.slot.unwrap_or_else(Instant::now).max(Instant::now());
        state.slot = Some(slot + interval);
        Some(slot)
    }

    fn state(&self) -> MutexGuard<'_, GateState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits, but not past the run's end.
pub(super) async fn rest(until: Instant, cancel: &CancellationToken) {
    tokio::select! {
        () = sleep_until(until) => {}
        () = cancel.cancelled() => {}
    }
}
