//! The manifests in force, and newer ones on their way there.
//!
//! Must never: have somebody's being cut off wait, or let revisions that follow one another fast keep every plan from its end.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::{Actor, PATIENT, WorkspaceError};
use crate::manifest::kinds::RevocationSpec;
use crate::manifest::{Document, Loaded};
use crate::model::RefusedRevision;
use crate::state::{Fact, Shelf};
use crate::workspace::gates::{GateKind, HeldPart, Opened};
use crate::workspace::messages::CompiledRevision;
use crate::workspace::revisions::names_the_same;
use crate::workspace::{follow, gates};

/// A plan of older manifests is dropped for newer ones; but where that went on for so long, one is made to its end, and gets its run.
const LONGEST: Duration = Duration::from_secs(2);

/// What goes on when newer manifests are there.
#[derive(Clone, Copy, Debug)]
pub(super) enum Busy {
    Idle,
    Planning,
    /// a run, since
    Running(Instant),
}

/// The newest manifests, until they are in force.
pub(super) struct Newer<T = CompiledRevision> {
    newest: Option<T>,
    /// since when no plan came to anything, as newer manifests came before that
    dropping: Option<Instant>,
}

impl<T> Default for Newer<T> {
    fn default() -> Self {
        Self { newest: None, dropping: None }
    }
}

impl<T> Newer<T> {
    pub(super) fn is_none(&self) -> bool {
        self.newest.is_none()
    }

    pub(super) fn get(&self) -> Option<&T> {
        self.newest.as_ref()
    }

    /// In the place of what was not in force yet.
    pub(super) fn put(&mut self, newest: T) {
        self.newest = Some(newest);
    }

    /// A plan came to its end.
    pub(super) fn done(&mut self) {
        self.dropping = None;
    }

    /// What is to be in force from now on.
    pub(super) fn take(&mut self, busy: Busy, waits_for_nothing: impl FnOnce(&T) -> bool, now: Instant) -> Option<T> {
        let newest = self.newest.as_ref()?;
        let starves = self.dropping.is_some_and(|since| now.saturating_duration_since(since) >= LONGEST);
        let goes_on = match busy {
            Busy::Idle => false,
            Busy::Planning => starves,
            Busy::Running(since) => starves && now.saturating_duration_since(since) < PATIENT,
        };
        if goes_on && !waits_for_nothing(newest) {
            return None;
        }
        match busy {
            Busy::Idle => {}
            // It had its time.
            Busy::Running(_) if starves => self.done(),
            Busy::Planning | Busy::Running(_) => self.dropping = self.dropping.or(Some(now)),
        }
        self.newest.take()
    }
}

/// Whether manifests cut somebody off whom those before did not.
fn cuts_off(before: &Loaded, after: &Loaded) -> bool {
    let known = |new: &Document<RevocationSpec>| before.revocations.iter().any(|one| one.name == new.name && one.spec == new.spec);
    after.revocations.iter().any(|new| !known(new))
}

impl Actor {
    /// Newer manifests are there. What they take the place of was never planned.
    pub(super) fn newest(&mut self, mut manifests: CompiledRevision) {
        if let Some(skipped) = self.newer.get() {
            manifests.revision.inherit(&skipped.revision);
        }
        self.newer.put(manifests);
    }

    /// Newer manifests are in force, as soon as they may be.
    pub(super) async fn renew(&mut self, now: Timestamp) -> Result<(), WorkspaceError> {
        let busy = match &self.run {
            Some(run) => Busy::Running(run.began),
            None if self.planning.is_some() => Busy::Planning,
            None => Busy::Idle,
        };
        let in_force = self.kept.manifests.loaded.clone();
        match self.newer.take(busy, |newest| cuts_off(&in_force, &newest.loaded), Instant::now()) {
            Some(newest) => self.adopt(newest, now).await,
            None => Ok(()),
        }
    }

    /// What is newer and can't be used; what is new about that is a line of the log.
    pub(super) fn refuse(&mut self, refused: Option<RefusedRevision>) {
        let known =
            |new: &RefusedRevision| self.refused.as_ref().is_some_and(|known| known.revision.id == new.revision.id && known.why == new.why);
        match &refused {
            Some(new) if !known(new) => {
                let (revision, why) = (new.revision.name.as_str(), new.why.join("; "));
                tracing::warn!(target: "headcount::workspace", revision, why, "newer manifests are not used; what is in force stays so");
            }
            None if self.refused.is_some() => {
                tracing::info!(target: "headcount::workspace", "what is in force is the newest again");
            }
            _ => {}
        }
        self.refused = refused;
    }

    async fn adopt(&mut self, mut manifests: CompiledRevision, now: Timestamp) -> Result<(), WorkspaceError> {
        let before = &self.kept.manifests.revision;
        if manifests.revision.id == before.id {
            self.refused = None;
            return Ok(());
        }
        if self.wholly_planned.as_ref() != Some(&before.id) {
            manifests.revision.inherit(before);
        }
        tracing::info!(target: "headcount::workspace", revision = manifests.revision.name.as_str(), "other manifests are in force");
        let facts = gates::documents(&manifests.policy, &self.asks.approvals, now);
        let others = !names_the_same(&self.kept.manifests.loaded, &manifests.loaded);
        let inventory = others.then(|| follow::inventory(&manifests));
        let revision = std::iter::once(Shelf::Revisions.put(follow::IN_FORCE, &manifests.revision)).chain(inventory);
        let facts: Vec<Fact> = facts.into_iter().chain(revision).collect();
        self.workspace.observer.in_force(&manifests);
        self.kept.adopt(manifests, now);
        (self.refused, self.planned, self.unsettled) = (None, None, true);
        self.resting.wake();
        self.trouble.clear();
        if self.lock.is_some() {
            self.workspace.store.commit(facts).await?;
        }
        if let Some(run) = &self.run {
            run.stop.cancel();
        }
        Ok(())
    }

    /// All that the manifests in force want was planned, of systems that were all read, and waits for nothing but people's word: what comes up from then on is not
    /// of those who wrote earlier ones.
    pub(super) async fn planned_whole(&mut self, opened: &Opened) -> Result<(), WorkspaceError> {
        let id = &self.kept.manifests.revision.id;
        let read = self.kept.systems.iter().all(|system| system.known && system.memory.misses == 0);
        let word = |part: &HeldPart| matches!(part.by, GateKind::Approval | GateKind::Drift | GateKind::Contested);
        if self.lock.is_some() && self.wholly_planned.as_ref() != Some(id) && read && opened.held.iter().all(word) {
            self.wholly_planned = Some(id.clone());
            self.workspace.store.commit(vec![Shelf::Revisions.put(follow::PLANNED, id)]).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// A revision every second, plans of three seconds each, one after the other. Gives what each plan that came to its end was of, and when that was.
    fn pushed(urgent: u32) -> Vec<(u32, u32)> {
        let begin = Instant::now();
        let (mut newer, mut in_force, mut planning, mut ended) = (Newer::default(), 0, None, Vec::new());
        for second in 1..=60 {
            let now = begin + SECOND * second;
            newer.put(second);
            let (of, since) = *planning.get_or_insert((in_force, second));
            if second >= since + 3 {
                planning = None;
                if of == in_force {
                    ended.push((of, second));
                    newer.done();
                }
            }
            let busy = if planning.is_some() { Busy::Planning } else { Busy::Idle };
            in_force = newer.take(busy, |newest| *newest == urgent, now).unwrap_or(in_force);
        }
        ended
    }

    #[test]
    fn revisions_that_come_faster_than_plans_are_made_do_not_drop_every_one_of_them() {
        let ended = pushed(0);
        assert!(ended.len() >= 6, "{ended:?}");
        let gaps = ended.windows(2).map(|pair| pair[1].1 - pair[0].1);
        assert!(gaps.max().unwrap() <= 2 + 2 * 3, "{ended:?}");
        assert!(ended.iter().all(|(of, at)| at - of <= 2 * 3), "what is planned is none of long ago: {ended:?}");
    }

    #[test]
    fn what_cuts_somebody_off_waits_for_no_plan() {
        let now = Instant::now();
        let mut newer = Newer::default();
        let mut at = |second: u32, revision: u32| {
            newer.put(revision);
            newer.take(Busy::Planning, |newest| *newest == 13, now + SECOND * second)
        };
        assert_eq!((at(0, 1), at(1, 2)), (Some(1), Some(2)), "newer ones drop the plan of older ones");
        assert_eq!((at(2, 3), at(12, 12)), (None, None), "for two seconds");
        assert_eq!(at(13, 13), Some(13));
    }

    #[test]
    fn a_plan_that_came_to_its_end_at_last_gets_a_run_of_two_seconds() {
        let now = Instant::now();
        let mut newer = Newer::default();
        newer.put(1);
        assert_eq!(newer.take(Busy::Running(now), |_| false, now), Some(1), "a run lets go for newer ones at once");
        newer.put(2);
        let began = now + SECOND * 11;
        assert_eq!(newer.take(Busy::Running(began), |_| false, began + SECOND), None);
        assert_eq!(newer.take(Busy::Running(began), |_| false, began + SECOND * 2), Some(2));
        newer.put(3);
        assert_eq!(newer.take(Busy::Planning, |_| false, began + SECOND * 3), Some(3), "and then it is as before");
    }
}
