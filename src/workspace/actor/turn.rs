//! One turn: what is needed meets the gates, what they let through is run, and what came of it is taken in.
//!
//! Must never: run what was planned for other manifests, or for a world that others may have written to since.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Actor, UnderWay, WorkspaceError};
use crate::drift::Noticed;
use crate::model::{StallCause, SystemRole};
use crate::pipeline;
use crate::state::{Fact, RunLock, Shelf, StateError};
use crate::workspace::gates::{self, Opened};
use crate::workspace::messages::{Planned, Ran};
use crate::workspace::retry::Trouble;
use crate::workspace::schedule;
use crate::workspace::told::TargetTrouble;
use crate::workspace::work::Run;

impl Actor {
    /// What is needed meets the gates, and what they let through is run.
    pub(super) async fn planned(&mut self, planned: Planned, now: Timestamp) -> Result<(), WorkspaceError> {
        let Planned { version, era, lineage, plan, how, drifts, noticed, last } = planned;
        let took = self.planning.take().map(|began| began.elapsed()).unwrap_or_default();
        tracing::debug!(target: "headcount::workspace", ?how, ?took, "planned");
        self.kept.plan_left(lineage, last);
        if era != self.kept.era {
            // It was for manifests that are not in force any more, or others may have written since.
            return Ok(());
        }
        self.workspace.observer.planned(&plan, took);
        let opened = {
            let gates = self.gates(&drifts, now);
            gates::open(&plan, &gates, now)
        };
        if version == self.kept.version {
            self.kept.outside = false;
        }
        self.planned = Some((version, now));
        self.noticed(noticed, opened.keep.clone()).await?;
        self.plan = Some(Arc::new(plan));
        self.declared(&opened, now);
        self.planned_whole(&opened).await?;
        let Some(lock) = self.lock.clone() else { return Ok(()) };
        self.opened_of = Some(version);
        if opened.run.applyable() || self.unremembered || self.unsettled {
            self.start(version, opened.clone(), lock, now);
            self.opened = Some(opened);
        } else {
            self.opened = Some(opened);
            self.newer.done();
            self.served().await?;
        }
        Ok(())
    }

    /// What no manifest declares is kept before a run leaves it: from then on nothing else tells that it is new.
    async fn noticed(&mut self, noticed: Option<Vec<Noticed>>, mut keep: Vec<Fact>) -> Result<(), WorkspaceError> {
        if let (Some(noticed), Some(_)) = (noticed, &self.lock) {
            let over = self.asks.noticed.iter().filter(|one| !noticed.contains(one));
            keep.extend(over.map(|one| Shelf::Noticed.take(one.name())));
            let new = noticed.iter().filter(|one| !self.asks.noticed.contains(one));
            keep.extend(new.map(|one| Shelf::Noticed.put(one.name(), one)));
            self.asks.noticed = noticed;
        }
        if !keep.is_empty() {
            self.workspace.store.commit(keep).await?;
        }
        Ok(())
    }

    fn start(&mut self, version: u64, opened: Opened, lock: Arc<RunLock>, now: Timestamp) {
        let read = std::mem::take(&mut self.unremembered);
        self.unsettled = false;
        let closes = gates::closes(&opened.run, &self.gates(&[], now), now);
        let stop = CancellationToken::new();
        let extent = opened.extent();
        self.running.begin(&opened.run);
        self.hands.run(Run {
            snapshot: self.kept.snapshot.clone(),
            loaded: self.kept.manifests.loaded.clone(),
            plan: opened.run.clone(),
            extent,
            going: self.plan.as_deref().map(pipeline::going).unwrap_or_default(),
            begin: opened.begin.clone(),
            unleft: self.kept.unleft(),
            recollected: self.kept.recollected(),
            read,
            lock,
            stop: stop.clone(),
        });
        self.run = Some(UnderWay { version, lineage: self.kept.lineage, began: Instant::now(), stop, opened, closes });
    }

    pub(super) async fn ran(&mut self, ran: Ran, now: Timestamp) -> Result<(), WorkspaceError> {
        let Some(run) = self.run.take() else { return Ok(()) };
        self.running.end();
        let Ran { plan, report, left, written, memory } = ran;
        // What nobody knows of the state can't be planned with.
        let (report, memory) = match report.and_then(|report| Ok((report, memory?))) {
            Ok(known) => known,
            Err(error) => return self.state_failed(error),
        };
        self.failed = !report.complete();
        if left {
            self.kept.has_left(run.lineage);
        }
        if !run.stop.is_cancelled() {
            self.newer.done();
        }
        for (target, trouble) in self.resting.note(&plan, &report, now) {
            self.troubled(&target, trouble, now);
        }
        let changed = !report.outcomes.is_empty();
        let done = |id| report.outcomes.get(&id).is_some_and(crate::model::Outcome::holds);
        let reverted = gates::reverted(&run.opened.reverts, done, &self.asks.contested, now);
        if !reverted.is_empty() {
            self.workspace.store.commit(reverted).await?;
        }
        if changed {
            self.kept.take_written(written, now);
            // Until the next plan nobody knows what is left; what was done is no longer pending.
            if report.complete() {
                self.plan = None;
            }
        }
        // What is remembered now is what the next plan begins with, as it would in a new process: a run that changed nothing may still have noted something.
        self.kept.recollect(memory);
        self.seen().await?;
        self.served().await
    }

    /// A value that had to be written again, and is there now, is kept by the service: whoever finds another one there later finds what others did.
    pub(super) async fn seen(&mut self) -> Result<(), WorkspaceError> {
        let snapshot = &self.kept.snapshot;
        if self.lock.is_none() || snapshot.world.memory().repeats.is_empty() {
            return Ok(());
        }
        let kept: Vec<Fact> = snapshot.world.kept_values(&snapshot.policy).into_iter().cloned().map(Fact::Kept).collect();
        if kept.is_empty() {
            return Ok(());
        }
        self.workspace.store.commit(kept).await?;
        self.recollect().await
    }

    /// What the state remembers by now.
    pub(super) async fn recollect(&mut self) -> Result<(), WorkspaceError> {
        let known = self.kept.recollected();
        self.kept.recollect(self.workspace.store.recollect(known).await?);
        Ok(())
    }

    /// The state could not be used. A lock that was lost is waited for; anything else ends the process, and the next one begins with what is durable.
    pub(super) fn state_failed(&mut self, error: StateError) -> Result<(), WorkspaceError> {
        match (&error, self.lock.as_ref().and_then(|lock| lock.lost())) {
            (StateError::LostLock { .. }, lost) => {
                self.lose(&lost.unwrap_or_else(|| error.to_string()));
                Ok(())
            }
            (_, Some(lost)) => {
                self.lose(&lost);
                Ok(())
            }
            (_, None) => Err(error.into()),
        }
    }

    fn troubled(&mut self, target: &Arc<str>, trouble: Trouble, now: Timestamp) {
        let found = self.kept.systems.iter_mut().find(|system| system.role == SystemRole::Target && system.name == *target);
        let Some(system) = found else { return };
        let trouble = match trouble {
            Trouble { signed_out: Some(why), .. } => TargetTrouble { why, stall: Some(StallCause::Unauthorized) },
            Trouble { refuses: Some(why), .. } => {
                TargetTrouble { why: format!("it refused most of what it was asked: {why}"), stall: Some(StallCause::ManyRefused) }
            }
            Trouble { away: Some(why), .. } => TargetTrouble { why, stall: None },
            _ => return,
        };
        system.memory.misses += 1;
        system.memory.until = now.saturating_add(schedule::pause(system.memory.misses)).ok();
        system.wanted = true;
        self.trouble.insert(target.clone(), trouble);
    }

    /// What was asked for is done, as far as it could be.
    pub(super) async fn served(&mut self) -> Result<(), WorkspaceError> {
        let done = std::mem::take(&mut self.serving);
        if done.is_empty() {
            return Ok(());
        }
        self.asks.requests.retain(|(name, _)| !done.contains(name));
        let now = Timestamp::now();
        self.tell(now).await?;
        Ok(self.workspace.store.commit(done.into_iter().map(|name| Shelf::Requests.take(name)).collect()).await?)
    }
}
