//! The run itself: takes changes from the schedule as lanes have room, sends them, settles them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{self, FuturesUnordered, StreamExt};
use jiff::Timestamp;
use tokio::time::{Instant, interval_at};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::connector::limiter::Lane;
use crate::journal::{Event, Ticket, entry};
use crate::model::{Action, Change, ChangeId, Outcome, SystemError};
use crate::state::{Fact, StateError};

use super::Job;
use super::ahead::{Ahead, Intended};
use super::equal::Refusals;
use super::fence::{REVOKED, RevokedKeys, is_fenced_off};
use super::gate::{Gate, STOPPED};
use super::ids::Ids;
use super::prepare::{Prepared, can_do_without, prepare};
use super::record::{Recorder, Settled};
use super::report::Report;
use super::schedule::{Schedule, Way};
use super::send::Sender;

/// What all batches share.
struct Ground<'a> {
    job: &'a Job<'a>,
    gates: BTreeMap<Way, Gate>,
    recorder: Recorder,
    stop: CancellationToken,
}

/// What changes as the run goes on.
struct RunState<'a> {
    ground: &'a Ground<'a>,
    schedule: Schedule,
    ids: Ids<'a>,
    refusals: Refusals,
    outcomes: BTreeMap<ChangeId, Outcome>,
    /// changes that never came as far as an intent
    unsent: Vec<ChangeId>,
    ahead: BTreeMap<Way, Ahead<'a>>,
    /// what waits for others with its intent handed over already
    aside: BTreeMap<ChangeId, Ticket>,
}

/// How long what is put off may look as if it had been sent, to a revocation that comes.
const SWEEP: Duration = Duration::from_secs(1);

/// A batch that is over: where it was sent, what became of it, and the place of its last outcome.
type Landed<'a> = (Way, Vec<Settled<'a>>, Option<Ticket>);
type Flying<'a> = FuturesUnordered<BoxFuture<'a, Landed<'a>>>;

/// Runs a job from its first entry in the journal to its last.
pub(super) async fn run(job: &Job<'_>) -> Result<Report, StateError> {
    let started = job.settings.clock.now();
    let run = run_name(started, job.lock.is_beside());
    let span = tracing::info_span!(target: "headcount::run", "run", run = run.as_ref());
    named(job, started, run).instrument(span).await
}

async fn named(job: &Job<'_>, started: Timestamp, run: Arc<str>) -> Result<Report, StateError> {
    let opening = [Event::started(job.plan, job.who), Event::planned(job.plan)].map(|event| entry(&run, started, &event));
    let prune = Fact::Pruned(started - job.settings.keep_windows);
    job.store.commit(opening.into_iter().chain([prune]).chain(job.with.iter().cloned()).collect()).await?;
    let ids = Ids::new(job).await?;
    let schedule = Schedule::new(&job.plan.changes);
    let gates = schedule.ways().map(|way| (way.clone(), gate(job, way))).collect();
    let stop = job.cancel.child_token();
    let ground = Ground { job, gates, recorder: Recorder::start(job, run.clone(), stop.clone()).await?, stop };
    let (outcomes, unsent) = RunState::new(&ground, schedule, ids).work().await;
    ground.recorder.flush().await;
    let failure = ground.recorder.failure().map(|error| error.to_string());
    let stopped = failure.or_else(|| job.cancel.is_cancelled().then(|| STOPPED.to_owned()));
    let report = Report { run: run.to_string(), outcomes, stopped };
    finish(job, &run, &report, &unsent).await?;
    Ok(report)
}

/// The last entries. A run that came to its end makes the state a known one.
async fn finish(job: &Job<'_>, run: &Arc<str>, report: &Report, unsent: &[ChangeId]) -> Result<(), StateError> {
    let outcome = |id: &ChangeId| Some(Event::outcome(*id, job.plan.changes.get(id.0 as usize)?, report.outcomes.get(id)?, None));
    let mut events: Vec<_> = unsent.iter().filter_map(outcome).collect();
    events.push(Event::Finished { results: report.results(), stopped: report.stopped.clone() });
    let now = job.settings.clock.now();
    let lines = events.iter().map(|event| entry(run, now, event));
    // A revocation read next to nothing: it makes no state a known one.
    let known = (report.stopped.is_none() && !job.lock.is_beside()).then_some(Fact::Known(now));
    job.store.commit(lines.chain(known).collect()).await
}

/// A run's name in the journal. Sorts by time, and differs between machines. A revocation's ends in `r`.
pub fn run_name(started: Timestamp, beside: bool) -> Arc<str> {
    Arc::from(format!("{}-{:08x}{}", started.strftime("%Y%m%dT%H%M%SZ"), fastrand::u32(..), if beside { "r" } else { "" }))
}

/// What cuts somebody off has as many at once as the rest, as fast as they are answered.
fn gate(job: &Job<'_>, way: &Way) -> Gate {
    let lane = if way.rest { Lane::Normal } else { Lane::Free };
    // Without a connection nothing is sent, and the limiter is nobody's.
    let limiter = job.targets.get(&way.target).map(|connector| connector.limiter.clone()).unwrap_or_default();
    Gate::new(job.settings.concurrency(&way.target), &limiter, lane, job.settings.patience)
}

impl<'a> RunState<'a> {
    fn new(ground: &'a Ground<'a>, mut schedule: Schedule, ids: Ids<'a>) -> Self {
        for (at, _) in ground.job.plan.changes.iter().enumerate().filter(|(_, change)| !change.runs()) {
            schedule.settle(ChangeId(at as u32), false);
        }
        Self {
            ground,
            schedule,
            ids,
            refusals: Refusals::default(),
            outcomes: BTreeMap::new(),
            unsent: Vec::new(),
            ahead: BTreeMap::new(),
            aside: BTreeMap::new(),
        }
    }

    /// Until nothing can run any more.
    async fn work(mut self) -> (BTreeMap<ChangeId, Outcome>, Vec<ChangeId>) {
        let mut flying = Flying::new();
        let ways: Vec<_> = self.schedule.ways().cloned().collect();
        let ground = self.ground;
        // What is asked of the state goes on while others are waited for.
        let asked = stream::unfold(interval_at(Instant::now() + SWEEP, SWEEP), |mut sweep| async {
            sweep.tick().await;
            Some((ground.recorder.barred().await, sweep))
        });
        let mut asked = std::pin::pin!(asked);
        loop {
            let settled = self.outcomes.len();
            for way in &ways {
                self.fill(way, &flying);
            }
            // What was settled without being sent may have let others go, at targets that were passed already.
            if self.outcomes.len() > settled {
                continue;
            }
            let room = self.makes_room();
            if flying.is_empty() && room.is_none() {
                return (self.outcomes, self.unsent);
            }
            tokio::select! {
                biased;
                Some(Ok(barred)) = asked.next() => self.sweep(&barred),
                Some((way, settled, last)) = flying.next() => {
                    self.ahead_of(&way).lands(last);
                    settled.into_iter().for_each(|settled| self.settle(settled));
                }
                // What could not be written stops the run, and whoever listens for that was told.
                () = async { drop(ground.recorder.durable(room.unwrap_or(Ticket::FIRST)).await) }, if room.is_some() => {}
            }
        }
    }

    /// What has to become durable before another change may be taken, at any target.
    fn makes_room(&mut self) -> Option<Ticket> {
        let recorder = &self.ground.recorder;
        self.ahead.values_mut().filter_map(|ahead| ahead.makes_room(|ticket| recorder.is_settled(ticket))).min()
    }

    fn ahead_of(&mut self, way: &Way) -> &mut Ahead<'a> {
        let at_once = self.ground.gates.get(way).map_or(1, Gate::concurrency);
        self.ahead.entry(way.clone()).or_insert_with(|| Ahead::new(at_once))
    }

    /// Sends what can be sent; where nothing of the target is under way any more, what was held back has its turn.
    fn fill(&mut self, way: &Way, flying: &Flying<'a>) {
        let most = self.ground.job.settings.equal_refusals;
        let mut turn = if way.rest { self.refusals.released(&way.target, most) } else { Vec::new() };
        loop {
            turn.into_iter().for_each(|id| self.schedule.put_back(id));
            self.send(way, flying);
            let recorder = &self.ground.recorder;
            let idle = way.rest && self.ahead_of(way).is_idle(|ticket| recorder.is_settled(ticket));
            turn = if idle { self.refusals.next(&way.target) } else { Vec::new() };
            if turn.is_empty() {
                break;
            }
        }
    }

    /// Sends as many batches as the target takes now, and has the intents of those behind them made durable.
    fn send(&mut self, way: &Way, flying: &Flying<'a>) {
        let ground = self.ground;
        let Some((way, gate)) = ground.gates.get_key_value(way) else { return };
        let connector = ground.job.targets.get(&way.target);
        loop {
            // Also where there is no connection: then each change is told so.
            self.look_ahead(way, gate);
            let under_way = self.ahead_of(way).under_way();
            let Some(connector) = connector.filter(|_| under_way < gate.width()) else { break };
            let Some(Intended { batch, intents }) = self.next_intended(way, gate) else { break };
            let (job, recorder, stop) = (ground.job, &ground.recorder, &ground.stop);
            flying.push(Box::pin(async move {
                let sender = Sender { job, target: &way.target, connector, gate, recorder, stop };
                let (settled, last) = sender.send(batch, intents).await;
                (way.clone(), settled, last)
            }));
            self.ahead_of(way).takes_off();
        }
    }

    /// Takes changes that can run from the schedule, as far as the window goes, and hands their intents over.
    fn look_ahead(&mut self, way: &Way, gate: &Gate) {
        let recorder = &self.ground.recorder;
        while self.ahead_of(way).has_room(|ticket| recorder.is_settled(ticket)) {
            let batch = self.batch(way, gate);
            let known: Vec<_> = batch.iter().map(|prepared| self.aside.remove(&prepared.id)).collect();
            let intend = |(prepared, known): (&Prepared<'_>, Option<Ticket>)| known.unwrap_or_else(|| recorder.intend(&prepared.intent()));
            let Some(intents) = batch.iter().zip(known).map(intend).max() else { return };
            self.ahead_of(way).push(Intended { batch, intents });
        }
    }

    /// The next batch whose intents were handed over, without what can't be sent any more, or not yet.
    fn next_intended(&mut self, way: &Way, gate: &Gate) -> Option<Intended<'a>> {
        loop {
            self.look_ahead(way, gate);
            let Intended { batch, intents } = self.ahead_of(way).pop()?;
            let mut going = Vec::with_capacity(batch.len());
            for prepared in batch {
                if let Some(outcome) = self.holds_up(prepared.id, prepared.change, gate) {
                    self.drop_intended(prepared.id, prepared.change, prepared.object, outcome);
                } else if self.waits(&prepared, going.len()) {
                    self.aside.insert(prepared.id, intents);
                } else {
                    going.push(prepared);
                }
            }
            if !going.is_empty() {
                going.iter().for_each(|prepared| self.ground.job.progress.started(prepared.id));
                return Some(Intended { batch: going, intents });
            }
        }
    }

    /// Whether a change has to wait for what becomes of others like it, in a batch of so many.
    fn waits(&mut self, prepared: &Prepared<'a>, going: usize) -> bool {
        let most = self.ground.job.settings.equal_refusals;
        if self.refusals.holds(prepared.id, prepared.change, most) {
            return true;
        }
        let full = going >= self.refusals.room(prepared.change, most);
        if full {
            self.schedule.put_back(prepared.id);
        }
        full
    }

    /// Ends what waits for its turn and is for somebody who is revoked by now.
    fn sweep(&mut self, barred: &RevokedKeys) {
        if barred.is_empty() {
            return;
        }
        let over: Vec<_> = self.ahead.values_mut().flat_map(|ahead| ahead.take(|change| is_fenced_off(change, barred))).collect();
        for prepared in over {
            self.drop_intended(prepared.id, prepared.change, prepared.object, Outcome::Skipped(REVOKED.to_owned()));
        }
    }

    /// Its intent is in the journal, and it will not be sent.
    fn drop_intended(&mut self, id: ChangeId, change: &'a Change, object: Option<Arc<str>>, outcome: Outcome) {
        let writer = self.ground.job.targets.get(&change.target).map(|connector| &connector.writer);
        let becomes =
            writer.and_then(|writer| writer.id_after(change)).filter(|after| object.as_ref().is_some_and(|object| object != after));
        let settled = Settled { id, change, outcome, object, becomes, weight: 0, system: 0 };
        self.ground.recorder.outcome(&settled);
        self.settle(settled);
    }

    /// The next changes of a target that can be sent. What can't is settled here.
    fn batch(&mut self, way: &Way, gate: &Gate) -> Vec<Prepared<'a>> {
        let plan = self.ground.job.plan;
        let mut batch = Vec::new();
        while batch.len() < self.ground.job.targets.get(&way.target).map_or(1, |connector| connector.writer.batch_size().max(1)) {
            let Some(id) = self.schedule.next(way) else { break };
            let Some(change) = plan.changes.get(id.0 as usize) else { break };
            let most = self.ground.job.settings.equal_refusals;
            if self.refusals.holds(id, change, most) {
                continue;
            }
            if batch.len() >= self.refusals.room(change, most) {
                self.schedule.put_back(id);
                break;
            }
            match self.prepare(id, change, gate) {
                Ok(prepared) => batch.push(prepared),
                Err(outcome) if self.aside.remove(&id).is_some() => self.drop_intended(id, change, change.object.id.clone(), outcome),
                Err(outcome) => {
                    self.unsent.push(id);
                    self.settle(Settled { id, change, outcome, object: None, becomes: None, weight: 0, system: 0 });
                }
            }
        }
        batch
    }

    /// Why a change is not sent whatever it says: the run, its target or its kind of change is over.
    fn holds_up(&self, id: ChangeId, change: &Change, gate: &Gate) -> Option<Outcome> {
        if self.ground.stop.is_cancelled() {
            return Some(Outcome::Skipped(STOPPED.into()));
        }
        gate.closed().or_else(|| self.refusals.stopped(id, change)).map(Outcome::Skipped)
    }

    fn prepare(&self, id: ChangeId, change: &'a Change, gate: &Gate) -> Result<Prepared<'a>, Outcome> {
        if let Some(outcome) = self.holds_up(id, change, gate) {
            return Err(outcome);
        }
        if self.ground.job.lock.is_beside() && !change.mandate.is_revocation() {
            return Err(Outcome::Skipped("it cuts nobody off, and only that runs beside others".into()));
        }
        let Some(connector) = self.ground.job.targets.get(&change.target) else {
            return Err(Outcome::Failed(SystemError::Unavailable(format!("there is no connection to {}", change.target))));
        };
        if let Some(missed) = self.blocking(change) {
            return Err(Outcome::Skipped(match missed.action {
                Action::Create | Action::Adopt => format!("it needs {}, which is not there", missed.object.name),
                _ => format!("it takes what {} gives up, and that was not done; the next run tries again", missed.object.name),
            }));
        }
        prepare(id, change, &self.ids, connector).map_err(Outcome::Skipped)
    }

    /// A change that this one can't do without, and that did not come true.
    fn blocking(&self, change: &Change) -> Option<&'a Change> {
        let changes = &self.ground.job.plan.changes;
        let missed = self.schedule.missed(&change.needs).filter_map(|need| changes.get(need.0 as usize));
        missed.into_iter().find(|missed| !can_do_without(change, missed))
    }

    fn settle(&mut self, settled: Settled<'_>) {
        let Settled { id, change, outcome, object, .. } = settled;
        let there = outcome.holds() || matches!(outcome, Outcome::Partly { .. });
        if let Some(object) = object.filter(|_| there) {
            if let Some(before) = change.object.id.as_ref().filter(|before| change.entitlement.is_none() && **before != object) {
                self.ids.moves(&change.target, before, &object);
            }
            self.ids.learn(&change.target, &change.object.key, &object);
        }
        self.refusals.hear(change, &outcome);
        self.ground.job.progress.finished(id, &outcome);
        self.schedule.settle(id, there);
        self.outcomes.insert(id, outcome);
    }
}
