//! What the actor says of how it stands, and the gates as it knows them.
//!
//! Must never: say that it is kept what is not durable yet.

use std::sync::Arc;

use jiff::Timestamp;

use super::{ALIVE, Actor, WorkspaceError};
use crate::drift::Drift;
use crate::model::{LeaseStatus, Status, SystemRole};
use crate::state::Shelf;
use crate::workspace::gates::{GateKind, Gates, Opened, Rest};
use crate::workspace::messages::WorkspaceView;
use crate::workspace::schedule;
use crate::workspace::told::Told;

impl Actor {
    /// The status is kept where others see it, when it is another one.
    pub(super) async fn tell(&mut self, now: Timestamp) -> Result<(), WorkspaceError> {
        let written = self.workspace.store.heads().await?.written;
        let journal = written.map(|head| (head.seq, head.hash.chars().take(8).collect())).unwrap_or_default();
        let status = self.status(now, journal);
        for (system, shown) in self.kept.systems.iter_mut().zip(&status.systems) {
            (system.memory.state, system.memory.since) = (shown.state, shown.since);
        }
        let same = |told: &Status| Status { at: told.at, ..status.clone() } == *told;
        let fresh = self.told.as_ref().is_some_and(|told| same(told) && !schedule::passed(told.at, now, ALIVE));
        if fresh {
            return Ok(());
        }
        let mut facts = vec![Shelf::Status.put("workspace", &status)];
        for system in &self.kept.systems {
            let name = system.shelf_name();
            if self.memories.get(&name) != Some(&system.memory) {
                facts.push(Shelf::Systems.put(name.as_str(), &system.memory));
                self.memories.insert(name, system.memory.clone());
            }
        }
        self.workspace.store.commit(facts).await?;
        self.workspace.observer.status(&status);
        self.told = Some(status);
        Ok(())
    }

    pub(super) fn status(&mut self, now: Timestamp, journal: (u64, String)) -> Status {
        let running = self.running.now();
        let mut since = std::mem::take(&mut self.since);
        let lease =
            self.lock.as_ref().map(|lock| LeaseStatus { holder: self.workspace.who.clone(), epoch: lock.epoch().unwrap_or_default() });
        let status = {
            let gates = self.gates(&[], now);
            let told = Told {
                kept: &self.kept,
                gates: &gates,
                plan: self.plan.as_deref(),
                opened: self.opened.as_ref(),
                version: self.opened_of,
                running: &running,
                refused: self.refused.as_ref(),
                inboxes: &self.inboxes,
                brake: self.asks.brake.as_ref(),
                noticed: &self.asks.noticed,
                lease,
                journal,
                since: &mut since,
                trouble: &self.trouble,
                besides: self.workspace.observer.needs().into_iter().chain(self.journal.need(now)).collect(),
            };
            told.status(now)
        };
        self.since = since;
        status
    }

    /// What is known, to be shown.
    pub(super) fn view(&self, now: Timestamp) -> WorkspaceView {
        WorkspaceView {
            snapshot: self.kept.snapshot.clone(),
            loaded: self.kept.manifests.loaded.clone(),
            plan: self.plan.clone(),
            is_known: self.lock.is_some() && self.kept.is_known(now),
        }
    }

    pub(super) fn gates<'a>(&'a self, drifts: &'a [Drift], now: Timestamp) -> Gates<'a> {
        let policy = &self.kept.snapshot.policy;
        let mut gates = Gates::of(policy);
        gates.lease = self.lock.is_some();
        gates.brake = self.asks.brake.as_ref().or(self.journal.brake());
        gates.waiting = &self.asks.waiting;
        gates.approvals = &self.asks.approvals;
        gates.authors = &self.kept.manifests.revision.authors;
        gates.resting = Some(&self.resting);
        gates.drifts = drifts;
        gates.contested = &self.asks.contested;
        for target in &policy.targets {
            let asked = self.asks.requests.iter().filter(|(_, request)| request.ignore_window);
            let here = |names: &[Arc<str>]| names.is_empty() || names.contains(&target.name);
            if asked.into_iter().any(|(_, request)| here(&request.targets)) {
                gates.past_windows.insert(target.name.clone());
            }
        }
        for (target, trouble) in &self.trouble {
            let system = self.kept.systems.iter().find(|system| system.role == SystemRole::Target && system.name == *target);
            if let Some(until) = system.and_then(|system| schedule::rests(&system.memory, now)) {
                let by = if trouble.stall.is_none() { GateKind::Pace } else { GateKind::Breaker };
                gates.rests.insert(target.clone(), Rest { by, until, words: Arc::from(trouble.why.as_str()) });
            }
        }
        gates
    }

    /// Targets at which nothing is left to do are as declared, from now on.
    pub(super) fn declared(&mut self, opened: &Opened, now: Timestamp) {
        for system in self.kept.systems.iter_mut().filter(|system| system.role == SystemRole::Target) {
            let left = opened.run.changes.iter().any(|change| change.target == system.name && change.runs())
                || opened.held.iter().any(|part| part.target == system.name);
            if !left && system.memory.misses == 0 {
                system.memory.declared = Some(now);
            }
        }
    }
}
