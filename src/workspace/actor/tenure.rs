//! The lock: how it is taken, waited for and lost.
//!
//! Must never: begin without the runs that were killed being told, or go on where another process may have begun.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::{Actor, STANDBY, WorkspaceError};
use crate::pipeline::ReconcileError;
use crate::state::{Shelf, StateError};
use crate::workspace::messages::Took;
use crate::workspace::{asks, follow, gates};

impl Actor {
    pub(super) fn take(&mut self) {
        if std::mem::replace(&mut self.taking, true) {
            return;
        }
        let pause = if self.waits_for.is_empty() { Duration::ZERO } else { STANDBY };
        self.hands.take(pause, self.kept.manifests.loaded.clone(), &self.reads);
    }

    pub(super) async fn took(&mut self, took: Took) -> Result<(), WorkspaceError> {
        self.taking = false;
        self.waits_for.clear();
        self.watch = self.workspace.store.watch().await?;
        self.inboxes.begin(took.lock.fence().clone()).await;
        self.lock = Some(Arc::new(took.lock));
        self.journal.anew(self.workspace.store.heads().await?.written);
        self.watch_journal(Timestamp::now()).await?;
        self.workspace.observer.lease(true);
        tracing::info!(target: "headcount::workspace", "this process has the lock");
        let now = Timestamp::now();
        self.memories = took.systems.iter().map(|(name, memory)| (name.to_string(), memory.clone())).collect();
        self.kept.recall(took.systems);
        self.kept.forget();
        self.kept.recollect(took.memory);
        // What was asked of whoever had the lock before is still to be done.
        self.asks = asks::Asks::default();
        let asks = asks::look(self.workspace.store.as_ref(), self.watch.as_ref()).await?;
        self.asked(asks).await?;
        let facts = gates::documents(&self.kept.manifests.policy, &self.asks.approvals, now);
        let revision = [Shelf::Revisions.put(follow::IN_FORCE, &self.kept.manifests.revision), follow::inventory(&self.kept.manifests)];
        Ok(self.workspace.store.commit(facts.into_iter().chain(revision).collect()).await?)
    }

    pub(super) fn not_taken(&mut self, error: ReconcileError) -> Result<(), WorkspaceError> {
        self.taking = false;
        match error {
            ReconcileError::State(StateError::Busy { holder, .. }) if !self.workspace.once => {
                let holder = holder.to_string();
                if self.waits_for != holder {
                    tracing::info!(target: "headcount::workspace", holder, "another process has the lock; this one waits for it");
                }
                self.waits_for = holder;
                Ok(())
            }
            ReconcileError::State(error) => Err(error.into()),
            ReconcileError::Journal(error) => Err(error.into()),
            ReconcileError::Stopped | ReconcileError::Stale { .. } | ReconcileError::Restored(_) | ReconcileError::Clock(_) => Ok(()),
        }
    }

    /// Another process may have the lock by now: nothing is written any more.
    pub(super) fn lose(&mut self, why: &str) {
        tracing::warn!(target: "headcount::workspace", why, "the lock was lost; nothing is written until this process has it again");
        self.workspace.observer.lease(false);
        if let Some(run) = &self.run {
            run.stop.cancel();
        }
        self.lock = None;
        self.inboxes.end();
        (self.planned, self.opened, self.opened_of, self.plan) = (None, None, None, None);
        self.waits_for = "the lock".into();
        self.kept.forget();
    }
}
