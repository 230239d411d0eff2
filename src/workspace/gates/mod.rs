//! Gates: whether a change may run now, and if not, which gate holds it, why and until when. Plain values in, plain values out.
//!
//! Must never: read a clock, the state or a system, or let anything run that planning withholds.

mod approval;
mod need;
mod open;
mod others;
mod sorts;
mod windows;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

use super::retry::RestingChanges;
use crate::drift::Drift;
use crate::model::{Approval, Brake, Change, Plan};
use crate::policy::{Policy, TargetPolicy};

pub use approval::{ApprovalStanding, Approving, WaitingPlan, approve, documents, expired, said, said_in, standing};
pub use need::{need, waits};
pub use open::{HeldPart, Opened, open};
pub use others::{Contested, Reverted, reverted};
pub use sorts::{is_destructive, waits_for_approval};
pub use windows::Times;

use approval::Approved;

/// What can hold a change, in the order in which it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum GateKind {
    /// another process writes
    Lease,
    /// somebody stopped all writing
    Brake,
    /// the Target's manifest suspends it
    Suspend,
    /// no window is open
    Window,
    /// a guardrail or protection withholds it
    Guardrail,
    /// others changed it, and it is left to them
    Drift,
    /// others change it again and again
    Contested,
    /// somebody has to approve it
    Approval,
    /// the system can't be used
    Breaker,
    /// the system asked for patience
    Pace,
}

/// What a gate says of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// it may run
    Go,
    /// it waits
    Hold {
        /// which gate
        by: GateKind,
        /// until when, where that is known
        until: Option<Timestamp>,
        /// why, without any person in it
        words: Arc<str>,
    },
}

/// Why a system rests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rest {
    /// it can't be used (`Breaker`), or asked for patience (`Pace`)
    pub by: GateKind,
    /// when it is tried again
    pub until: Timestamp,
    /// why
    pub words: Arc<str>,
}

/// All that gates know.
#[derive(Clone, Debug)]
pub struct Gates<'a> {
    /// the manifests
    pub policy: &'a Policy,
    /// this process may write
    pub lease: bool,
    /// somebody stopped all writing
    pub brake: Option<&'a Brake>,
    /// Targets whose closed windows hold nothing: somebody asked for that
    pub past_windows: BTreeSet<Arc<str>>,
    /// whoever runs it has reviewed the plan, and approves it by that
    pub reviewed: bool,
    /// the plans that wait, or did (`Shelf::Plans`)
    pub waiting: &'a [WaitingPlan],
    /// what people said about them (`Shelf::Approvals`)
    pub approvals: &'a [Approval],
    /// whoever wrote the revision in force
    pub authors: &'a [String],
    /// systems that rest, by Target
    pub rests: BTreeMap<Arc<str>, Rest>,
    /// changes that were refused and rest
    pub resting: Option<&'a RestingChanges>,
    /// what others changed, as `drift::compare` found it for this very plan; none where a plan that takes it back was reviewed
    pub drifts: &'a [Drift],
    /// what others keep changing (`Shelf::Contested`)
    pub contested: &'a [Contested],
}

impl<'a> Gates<'a> {
    /// Of a workspace where nothing but its manifests says anything.
    pub fn of(policy: &'a Policy) -> Self {
        Self {
            policy,
            lease: true,
            brake: None,
            past_windows: BTreeSet::new(),
            reviewed: false,
            waiting: &[],
            approvals: &[],
            authors: &[],
            rests: BTreeMap::new(),
            resting: None,
            drifts: &[],
            contested: &[],
        }
    }
}

/// Whether a change may run now, as a whole. What others changed is a matter of single values and members: only `open` knows of it.
pub fn gate(change: &Change, gates: &Gates<'_>, now: Timestamp) -> Verdict {
    Keeper::new(gates, now).ask(change)
}

/// Asks gates about many changes of one moment.
struct Keeper<'g, 'a> {
    gates: &'g Gates<'a>,
    now: Timestamp,
    /// by Target
    targets: BTreeMap<&'g Arc<str>, AtTarget<'g>>,
}

/// What is worked out once for a Target.
struct AtTarget<'g> {
    policy: &'g TargetPolicy,
    /// of what takes nothing, and of what takes something
    windows: [Verdict; 2],
    suspend: Verdict,
    approved: Approved,
}

impl<'g, 'a> Keeper<'g, 'a> {
    fn new(gates: &'g Gates<'a>, now: Timestamp) -> Self {
        let at_target = |policy: &'g TargetPolicy| {
            let windows = [false, true].map(|destructive| window(gates, policy, destructive, now));
            let approved = Approved::of(gates, policy, now);
            (&policy.name, AtTarget { policy, windows, suspend: suspended(gates.policy, policy, now), approved })
        };
        Self { gates, now, targets: gates.policy.targets.iter().map(at_target).collect() }
    }

    /// The first gate that holds a change as a whole.
    fn ask(&self, change: &Change) -> Verdict {
        let Some(target) = self.targets.get(&change.target) else { return Verdict::Go };
        let gates = [self.ahead(change, target), self.withheld(change), self.approval(change, target), self.rest(change)];
        gates.into_iter().find(|verdict| *verdict != Verdict::Go).unwrap_or(Verdict::Go)
    }

    /// Lease, brake, suspension, windows: whatever the change says.
    fn ahead(&self, change: &Change, target: &AtTarget<'_>) -> Verdict {
        let cuts = change.mandate.is_revocation();
        if !self.gates.lease && !cuts {
            return hold(GateKind::Lease, None, "another process has the lease");
        }
        if let Some(brake) = self.gates.brake.filter(|brake| brake.everything || !cuts) {
            return braked(brake);
        }
        if cuts {
            return Verdict::Go;
        }
        match &target.suspend {
            Verdict::Go => target.windows[usize::from(is_destructive(change))].clone(),
            held => held.clone(),
        }
    }

    /// Planning withheld it: that holds for a revocation as well, since nothing but protection can be in its way.
    fn withheld(&self, change: &Change) -> Verdict {
        match change.runs() {
            true => Verdict::Go,
            false => hold(GateKind::Guardrail, None, "a guardrail or protection withholds it"),
        }
    }

    fn approval(&self, change: &Change, target: &AtTarget<'_>) -> Verdict {
        match self.unapproved(change, target) {
            true => target.approved.lack(),
            false => Verdict::Go,
        }
    }

    /// Whether something of a change has to be approved and is not.
    fn unapproved(&self, change: &Change, target: &AtTarget<'_>) -> bool {
        self.must_be_approved(change, target) && target.approved.split(change).1.is_some()
    }

    fn must_be_approved(&self, change: &Change, target: &AtTarget<'_>) -> bool {
        let rule = target.policy.gates.approval.as_ref().filter(|_| !self.gates.reviewed && !change.mandate.is_revocation());
        rule.is_some_and(|rule| rule.waits.iter().any(|sort| waits_for_approval(change, *sort)))
    }

    fn rest(&self, change: &Change) -> Verdict {
        if let Some(until) = self.gates.resting.and_then(|resting| resting.until(change, self.now)) {
            return hold(GateKind::Pace, Some(until), "the system refused it; it is tried again");
        }
        let rest = self.gates.rests.get(&change.target).filter(|rest| rest.until > self.now && !change.mandate.is_revocation());
        rest.map_or(Verdict::Go, |rest| Verdict::Hold { by: rest.by, until: Some(rest.until), words: rest.words.clone() })
    }
}

/// When the first window closes of those that let a plan's changes through; nothing where none does.
pub fn closes(run: &Plan, gates: &Gates<'_>, now: Timestamp) -> Option<Timestamp> {
    let about = |target: &TargetPolicy, destructive: bool| {
        let changes = run.changes.iter().filter(|change| change.target == target.name && change.runs() && !change.mandate.is_revocation());
        let any = changes.into_iter().any(|change| is_destructive(change) == destructive);
        any.then(|| Times::new(&target.gates.windows, destructive, &gates.policy.time_zone).closes(now)).flatten()
    };
    let targets =
        gates.policy.targets.iter().filter(|target| !target.gates.windows.is_empty() && !gates.past_windows.contains(&target.name));
    targets.flat_map(|target| [about(target, false), about(target, true)]).flatten().min()
}

fn hold(by: GateKind, until: Option<Timestamp>, words: impl Into<Arc<str>>) -> Verdict {
    Verdict::Hold { by, until, words: words.into() }
}

fn braked(brake: &Brake) -> Verdict {
    let words =
        brake.reason.as_ref().map_or_else(|| "all writing is stopped".to_owned(), |reason| format!("all writing is stopped: {reason}"));
    hold(GateKind::Brake, None, words)
}

fn suspended(policy: &Policy, target: &TargetPolicy, now: Timestamp) -> Verdict {
    let Some(suspend) = &target.gates.suspend else { return Verdict::Go };
    // A day that can't be told ends nothing.
    let over = suspend.until.tomorrow().ok().and_then(|day| Some(day.to_zoned(policy.time_zone.clone()).ok()?.timestamp()));
    if over.is_some_and(|over| over <= now) {
        return Verdict::Go;
    }
    hold(GateKind::Suspend, over, format!("suspended until {}: {}", suspend.until, suspend.reason))
}

fn window(gates: &Gates<'_>, target: &TargetPolicy, destructive: bool, now: Timestamp) -> Verdict {
    if gates.past_windows.contains(&target.name) {
        return Verdict::Go;
    }
    let times = Times::new(&target.gates.windows, destructive, &gates.policy.time_zone);
    match times.closed(now) {
        None => Verdict::Go,
        Some(closed) => {
            let until = times.opens(now);
            let when = until.map_or_else(String::new, |until| {
                format!(" until {}", until.to_zoned(gates.policy.time_zone.clone()).strftime("%a %H:%M"))
            });
            hold(GateKind::Window, until, format!("{closed}{when}"))
        }
    }
}

/// A length of time after an instant; for ever where that is past what a calendar has.
fn after(at: Timestamp, length: SignedDuration) -> Timestamp {
    at.checked_add(length.as_secs().seconds()).unwrap_or(Timestamp::MAX)
}
