//! The run itself: takes changes from the schedule as lanes have room, sends them, settles them.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::connector::limiter::Lane;
use crate::journal::{Event, entry};
use crate::model::{Action, Change, ChangeId, Outcome, SystemError};
use crate::state::{Fact, StateError};

use super::Job;
use super::equal::Refusals;
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
    running: BTreeMap<Way, usize>,
}

type Flying<'a> = FuturesUnordered<BoxFuture<'a, (Way, Vec<Settled<'a>>)>>;

/// Runs a job from its first entry in the journal to its last.
pub(super) async fn run(job: &Job<'_>) -> Result<Report, StateError> {
    let started = job.settings.clock.now();
    let run = run_name(started, job.lock.is_beside());
    let opening = [Event::started(job.plan, job.who), Event::planned(job.plan)].map(|event| entry(&run, started, &event));
    let prune = Fact::Pruned(started - job.settings.keep_windows);
    job.store.commit(opening.into_iter().chain([prune]).collect()).await?;
    let ids = Ids::new(job).await?;
    let schedule = Schedule::new(&job.plan.changes);
    let gates = schedule.ways().map(|way| (way.clone(), gate(job, way))).collect();
    let ground = Ground {
        job,
        gates,
        recorder: Recorder::new(job.store, run.clone(), job.plan.workspace.clone(), job.settings.clock.clone()),
        stop: job.cancel.child_token(),
    };
    let (outcomes, unsent) = RunState::new(&ground, schedule, ids).work().await;
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
            running: BTreeMap::new(),
        }
    }

    /// Until nothing can run any more.
    async fn work(mut self) -> (BTreeMap<ChangeId, Outcome>, Vec<ChangeId>) {
        let mut flying = Flying::new();
        let ways: Vec<_> = self.schedule.ways().cloned().collect();
        loop {
            let before = self.outcomes.len();
            for way in &ways {
                self.fill(way, &flying);
            }
            let Some((way, settled)) = flying.next().await else {
                // What was settled without being sent may have been waited for elsewhere.
                if self.outcomes.len() > before {
                    continue;
                }
                break;
            };
            *self.running.entry(way).or_default() -= 1;
            for settled in settled {
                self.settle(settled);
            }
        }
        (self.outcomes, self.unsent)
    }

    /// Sends what can be sent; where nothing of the target is under way any more, what was held back has its turn.
    fn fill(&mut self, way: &Way, flying: &Flying<'a>) {
        let most = self.ground.job.settings.equal_refusals;
        let mut turn = if way.rest { self.refusals.released(&way.target, most) } else { Vec::new() };
        loop {
            turn.into_iter().for_each(|id| self.schedule.put_back(id));
            self.send(way, flying);
            let idle = way.rest && self.running.get(way).is_none_or(|running| *running == 0);
            turn = if idle { self.refusals.next(&way.target) } else { Vec::new() };
            if turn.is_empty() {
                break;
            }
        }
    }

    /// Sends as many batches as the target's pace allows.
    fn send(&mut self, way: &Way, flying: &Flying<'a>) {
        let ground = self.ground;
        let Some((way, gate)) = ground.gates.get_key_value(way) else { return };
        let name = &way.target;
        while self.running.get(way).is_none_or(|running| *running < gate.concurrency()) {
            let batch = self.batch(way, gate);
            let Some(connector) = ground.job.targets.get(name).filter(|_| !batch.is_empty()) else { break };
            let (job, recorder, stop) = (ground.job, &ground.recorder, &ground.stop);
            flying.push(Box::pin(async move {
                let sender = Sender { job, target: name, connector, gate, recorder, stop };
                (way.clone(), sender.send(batch).await)
            }));
            *self.running.entry(way.clone()).or_default() += 1;
        }
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
                Ok(prepared) => {
                    self.ground.job.progress.started(id);
                    batch.push(prepared);
                }
                Err(outcome) => {
                    self.unsent.push(id);
                    self.settle(Settled { id, change, outcome, object: None, weight: 0, system: 0 });
                }
            }
        }
        batch
    }

    fn prepare(&self, id: ChangeId, change: &'a Change, gate: &Gate) -> Result<Prepared<'a>, Outcome> {
        if self.ground.stop.is_cancelled() {
            return Err(Outcome::Skipped(STOPPED.into()));
        }
        if self.ground.job.lock.is_beside() && !change.mandate.is_revocation() {
            return Err(Outcome::Skipped("it cuts nobody off, and only that runs beside others".into()));
        }
        if let Some(why) = gate.closed() {
            return Err(Outcome::Skipped(why));
        }
        if let Some(why) = self.refusals.stopped(id, change) {
            return Err(Outcome::Skipped(why));
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
        prepare(id, change, &self.ids, connector.writer.members_per_write()).map_err(Outcome::Skipped)
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
            self.ids.learn(&change.target, &change.object.key, &object);
        }
        self.refusals.hear(change, &outcome);
        self.ground.job.progress.finished(id, &outcome);
        self.schedule.settle(id, there);
        self.outcomes.insert(id, outcome);
    }
}
