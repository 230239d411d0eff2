//! What may run next. Each target has a lane, and before it another one for what cuts somebody off; in a lane the plan's order holds between neighbours of different kinds, and `needs` hold everywhere.
//!
//! It can't come to a standstill: of all changes that are not settled, the first in the plan needs only settled ones, and everything
//! that stands before it in its lane is settled.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use crate::model::{Action, Change, ChangeId, ObjectKind};

/// The order of a plan's changes, as it is worked off.
pub(super) struct Schedule {
    steps: Vec<Step>,
    lanes: BTreeMap<Way, Lane>,
}

/// A target, and whether it is the way ahead of all others.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Way {
    /// anything but what cuts somebody off
    pub(super) rest: bool,
    /// the Target's name
    pub(super) target: Arc<str>,
}

/// One change.
struct Step {
    way: Way,
    phase: usize,
    waiting: usize,
    dependents: Vec<usize>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Held,
    Missed,
}

#[derive(Default)]
struct Lane {
    phases: VecDeque<Phase>,
    passed: usize,
}

struct Phase {
    class: Class,
    ready: BTreeSet<usize>,
    open: usize,
}

/// Neighbours of one class may run at once.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Removal,
    Creation(ObjectKind),
    Update,
    Addition,
    Deletion,
}

impl Schedule {
    /// Everything is open, nothing has run.
    pub(super) fn new(changes: &[Change]) -> Self {
        let mut schedule = Self { steps: Vec::with_capacity(changes.len()), lanes: BTreeMap::new() };
        for change in changes {
            schedule.add(change);
        }
        schedule
    }

    /// Where there are changes: what cuts somebody off first.
    pub(super) fn ways(&self) -> impl Iterator<Item = &Way> {
        self.lanes.keys()
    }

    /// Takes the next change of a way that may run now.
    pub(super) fn next(&mut self, way: &Way) -> Option<ChangeId> {
        let at = self.lanes.get_mut(way)?.phases.front_mut()?.ready.pop_first()?;
        u32::try_from(at).ok().map(ChangeId)
    }

    /// Gives back a change that was taken and not sent.
    pub(super) fn put_back(&mut self, change: ChangeId) {
        let at = change.0 as usize;
        let Some(step) = self.steps.get(at).filter(|step| step.state == State::Open) else { return };
        if let Some(phase) = self.lanes.get_mut(&step.way).and_then(|lane| lane.phase(step.phase)) {
            phase.ready.insert(at);
        }
    }

    /// A change is over; `held` says whether what depends on it can build on it.
    pub(super) fn settle(&mut self, change: ChangeId, held: bool) {
        let at = change.0 as usize;
        let Some(step) = self.steps.get_mut(at).filter(|step| step.state == State::Open) else { return };
        step.state = if held { State::Held } else { State::Missed };
        let dependents = std::mem::take(&mut step.dependents);
        let (way, phase) = (step.way.clone(), step.phase);
        if let Some(lane) = self.lanes.get_mut(&way) {
            lane.settle(phase, at);
        }
        for dependent in dependents {
            self.release(dependent);
        }
    }

    /// Which of these needs did not come true.
    pub(super) fn missed<'n>(&self, needs: &'n [ChangeId]) -> impl Iterator<Item = &'n ChangeId> + use<'n, '_> {
        needs.iter().filter(|need| self.steps.get(need.0 as usize).is_none_or(|step| step.state != State::Held))
    }

    /// A need that stands later in the plan can't be waited for: it counts as missed.
    fn add(&mut self, change: &Change) {
        let at = self.steps.len();
        let needs: BTreeSet<usize> = change.needs.iter().map(|need| need.0 as usize).filter(|need| *need < at).collect();
        for need in &needs {
            self.steps[*need].dependents.push(at);
        }
        let way = Way::of(change);
        let lane = self.lanes.entry(way.clone()).or_default();
        let phase = lane.add(Class::of(change), needs.is_empty().then_some(at));
        self.steps.push(Step { way, phase, waiting: needs.len(), dependents: Vec::new(), state: State::Open });
    }

    fn release(&mut self, at: usize) {
        let Some(step) = self.steps.get_mut(at) else { return };
        step.waiting = step.waiting.saturating_sub(1);
        if step.waiting == 0
            && step.state == State::Open
            && let Some(phase) = self.lanes.get_mut(&step.way).and_then(|lane| lane.phase(step.phase))
        {
            phase.ready.insert(at);
        }
    }
}

impl Lane {
    fn add(&mut self, class: Class, ready: Option<usize>) -> usize {
        if self.phases.back().is_none_or(|last| last.class != class) {
            self.phases.push_back(Phase { class, ready: BTreeSet::new(), open: 0 });
        }
        if let Some(last) = self.phases.back_mut() {
            last.open += 1;
            last.ready.extend(ready);
        }
        self.phases.len() - 1
    }

    fn phase(&mut self, number: usize) -> Option<&mut Phase> {
        self.phases.get_mut(number.checked_sub(self.passed)?)
    }

    fn settle(&mut self, number: usize, at: usize) {
        if let Some(phase) = self.phase(number) {
            phase.ready.remove(&at);
            phase.open = phase.open.saturating_sub(1);
        }
        while self.phases.front().is_some_and(|phase| phase.open == 0) {
            self.phases.pop_front();
            self.passed += 1;
        }
    }
}

impl Way {
    fn of(change: &Change) -> Self {
        Self { rest: !change.mandate.is_revocation(), target: change.target.clone() }
    }
}

impl Class {
    fn of(change: &Change) -> Self {
        match change.action {
            Action::Deactivate | Action::RemoveMembers | Action::RemoveEntitlement | Action::EndSessions => Self::Removal,
            Action::Create => Self::Creation(change.object.kind),
            Action::Adopt | Action::Update | Action::Reactivate | Action::UpdateEntitlement => Self::Update,
            Action::AddMembers | Action::AddEntitlement => Self::Addition,
            Action::Delete => Self::Deletion,
        }
    }
}
