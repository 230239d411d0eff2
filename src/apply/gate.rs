//! The gate of one target: nothing is sent while the target asked for a pause, faster than its limiter allows, or after the run was stopped. What cuts somebody off
//! has a gate of its own: it waits for no pause that other work brought about, for no rate, and is not given up with the rest.
//!
//! Patience is the gate's, not a change's: a request that was throttled is sent again for as long as the target lets anything through at all. After a pause
//! one request goes ahead, then more, at the pace that the limiter has learned. So it is at first: what is wrong with all of them is heard once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::connector::Permit;
use crate::connector::limiter::{ALL, Lane, Limiter};
use crate::state::RunLock;

use super::settings::RunSettings;

/// What is said where the run was stopped.
pub(super) const STOPPED: &str = "the run was stopped";

/// Nobody who is answered sooner than this waits for more than a few others in the beginning: where a burst is all that the target takes, few run into its end.
const BEGINNING: Duration = Duration::from_millis(15);
/// Before it is known how often the target lets anything through, so many get through before one more may be under way.
const CAREFUL: usize = 4;

/// Stands before one target.
pub(super) struct Gate {
    /// how many may be under way at most
    most: usize,
    /// how fast the target may be asked; its reads share it
    limiter: Arc<Limiter>,
    lane: Lane,
    /// a longer pause is none that a run waits for
    patience: Duration,
    state: Mutex<GateState>,
    /// somebody came out, or may go in sooner
    moved: Notify,
}

struct GateState {
    /// nothing is sent before
    resume: Option<Instant>,
    /// requests under way
    inside: usize,
    /// how many may be under way
    width: usize,
    /// pauses so far: what was sent before the last one says nothing new
    pauses: u32,
    /// pauses without anything that got through in between; each that does halves it
    refusals: u32,
    /// since when it asks for patience and does nothing else
    refusing_since: Option<Instant>,
    /// when the first was sent
    began: Option<Instant>,
    /// how many got through since the beginning, or since the width changed
    through: usize,
    /// changes in a row that could not reach the target
    misses: u32,
    /// why the target is left alone for the rest of the run
    closed: Option<String>,
}

/// Leave to send one request: it is inside until this is dropped.
pub(super) struct Pass<'g> {
    gate: &'g Gate,
    pauses: u32,
}

/// Leave to write: its turn at the limiter was waited for too.
pub(super) struct Granted<'g> {
    pub(super) pass: Pass<'g>,
    /// what a writer asks for
    pub(super) permit: Permit,
}

/// Who stands before the gate.
enum Turn<'g> {
    In(Pass<'g>),
    Wait(Option<Instant>),
    Closed(String),
}

impl Gate {
    /// An open gate.
    pub(super) fn new(concurrency: usize, limiter: &Arc<Limiter>, lane: Lane, patience: Duration) -> Self {
        let most = concurrency.max(1);
        let state = GateState {
            resume: None,
            inside: 0,
            width: most,
            pauses: 0,
            refusals: 0,
            refusing_since: None,
            began: None,
            through: 0,
            misses: 0,
            closed: None,
        };
        Self { most, limiter: limiter.clone(), lane, patience, state: Mutex::new(state), moved: Notify::new() }
    }

    /// Leave to send one request, once pause, width and the target's limits allow it; else why there will be none. The lock proves that the run is the only one, as
    /// long as it is not lost: that is asked last.
    pub(super) async fn pass(&self, lock: &RunLock, cancel: &CancellationToken) -> Result<Granted<'_>, String> {
        if cancel.is_cancelled() {
            return Err(STOPPED.to_owned());
        }
        let pass = self.enter(cancel).await?;
        let turn = tokio::select! {
            turn = self.limiter.enter(ALL, self.lane, self.patience) => turn,
            () = cancel.cancelled() => return Err(STOPPED.to_owned()),
        };
        match turn {
            Ok(turn) => {
                self.closed().or_else(|| lock.lost()).map_or_else(|| Ok(Granted { pass, permit: Permit::grant(turn, lock.fence()) }), Err)
            }
            Err(error) => {
                let why = error.to_string();
                self.close(why.clone());
                Err(why)
            }
        }
    }

    /// Leave to look at what was sent; the look itself counts at the limiter. A run that was stopped still looks, where it need not wait for it.
    pub(super) async fn look(&self, cancel: &CancellationToken) -> Result<Pass<'_>, String> {
        self.enter(cancel).await
    }

    async fn enter(&self, cancel: &CancellationToken) -> Result<Pass<'_>, String> {
        loop {
            // Before the turn: whoever comes out in between is not missed.
            let moved = self.moved.notified();
            let until = match self.turn() {
                Turn::In(pass) => return Ok(pass),
                Turn::Closed(why) => return Err(why),
                Turn::Wait(_) if cancel.is_cancelled() => return Err(STOPPED.to_owned()),
                Turn::Wait(until) => until,
            };
            tokio::select! {
                () = moved => {}
                () = sleep_until(until.unwrap_or_else(Instant::now)), if until.is_some() => {}
                () = cancel.cancelled() => {}
            }
        }
    }

    fn turn(&self) -> Turn<'_> {
        let mut state = self.state();
        if let Some(why) = &state.closed {
            return Turn::Closed(why.clone());
        }
        let now = Instant::now();
        if state.inside >= state.width {
            return Turn::Wait(None);
        }
        match state.resume.filter(|resume| *resume > now) {
            Some(resume) => Turn::Wait(Some(resume)),
            None => {
                state.inside += 1;
                state.began.get_or_insert(now);
                Turn::In(Pass { gate: self, pauses: state.pauses })
            }
        }
    }

    /// What a look at the target waits for.
    pub(super) fn lane(&self) -> Lane {
        self.lane
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
            drop(state);
            self.close(format!("the target could not be reached {give_up_after} times in a row: {why}"));
        }
    }

    /// The target is left alone for the rest of the run, whoever waits for it.
    pub(super) fn close(&self, why: String) {
        self.state().closed.get_or_insert(why);
        self.moved.notify_waiters();
    }

    /// Why it is left alone.
    pub(super) fn closed(&self) -> Option<String> {
        self.state().closed.clone()
    }

    /// How many requests may be under way now.
    pub(super) fn width(&self) -> usize {
        let state = self.state();
        let begins = self.lane == Lane::Normal && state.pauses == 0 && state.began.is_none_or(|began| began.elapsed() < BEGINNING);
        if begins { state.width.min(1 + state.through / 10) } else { state.width }
    }

    /// How many requests may be under way at once when nothing holds them up.
    pub(super) fn concurrency(&self) -> usize {
        self.most
    }

    fn state(&self) -> MutexGuard<'_, GateState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pass<'_> {
    /// It got through: there is room for one more.
    pub(super) fn got_through(self) {
        let mut state = self.gate.state();
        if self.pauses == state.pauses {
            state.through += 1;
            if state.width < self.gate.most && (state.through >= CAREFUL || self.gate.limiter.has_rhythm()) {
                state.width += 1;
                state.through = 0;
            }
            state.refusals /= 2;
            state.refusing_since = None;
        }
    }

    /// The target asked to be left alone: all of it waits, not one request. What was sent before the last pause only repeats what is known. Where the pause
    /// would be longer than our patience, the gate closes. Says for how long it waits, where that is news.
    pub(super) fn throttled(self, settings: &RunSettings, after: Option<Duration>, message: &str) -> Option<Duration> {
        let mut state = self.gate.state();
        let now = Instant::now();
        let news = self.pauses == state.pauses;
        if news {
            state.pauses += 1;
            state.refusals += 1;
            (state.width, state.through) = (1, 0);
        }
        // A time that was too short before is no reason to ask as often again.
        let own = if news { settings.wait(state.refusals) } else { Duration::ZERO };
        let pause = after.unwrap_or_default().max(own);
        self.gate.limiter.put_off(ALL, after, message);
        let refusing = now.duration_since(*state.refusing_since.get_or_insert(now));
        if refusing + pause > settings.patience {
            drop(state);
            self.gate.close(match after {
                Some(after) if after > settings.patience => format!("it asked to be left alone for {} s: {message}", after.as_secs()),
                _ => format!("it has done nothing but ask for patience for {} s; apply again later: {message}", refusing.as_secs()),
            });
            return None;
        }
        state.resume = state.resume.max(Some(now + pause));
        news.then_some(pause)
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        let mut state = self.gate.state();
        state.inside = state.inside.saturating_sub(1);
        drop(state);
        self.gate.moved.notify_waiters();
    }
}

/// Waits, but not past the run's end.
pub(super) async fn rest(until: Instant, cancel: &CancellationToken) {
    tokio::select! {
        () = sleep_until(until) => {}
        () = cancel.cancelled() => {}
    }
}
