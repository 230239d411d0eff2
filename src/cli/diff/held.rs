//! What of a revision's plan its manifests hold: suspensions, windows, what is left to others, what waits for an approval.
//!
//! Each is asked by itself, as if the others were open: a branch that takes an approval away is told of also while a window is closed.
//! Must never: count what stands in the state of this hour (a brake, a lease, a command's approval), which a branch doesn't change.

use crate::drift;
use crate::manifest::kinds::DriftMode;
use crate::model::{Left, Plan};
use crate::pipeline::Snapshot;
use crate::planning::left_behind;
use crate::policy::{GatePolicy, Policy};
use crate::review::{HeldBy, HeldChanges};
use crate::workspace::gates::{GateKind, Gates, WaitingPlan, open, said_in};

/// By each of them.
pub fn held(snapshot: &Snapshot, left: &[Left], plan: &Plan) -> Vec<HeldChanges> {
    let by = [HeldBy::Suspend, HeldBy::Window, HeldBy::Drift, HeldBy::Approval];
    by.into_iter()
        .filter_map(|by| Some(HeldChanges { by, changes: held_by(&alone(&snapshot.policy, by)?, snapshot, left, plan) }))
        .collect()
}

fn held_by(policy: &Policy, snapshot: &Snapshot, left: &[Left], plan: &Plan) -> Vec<crate::model::Change> {
    let now = snapshot.moment.now;
    let leaves = policy.targets.iter().any(|target| target.gates.drift != DriftMode::Enforce);
    let drifted =
        leaves.then(|| drift::compare(policy, &snapshot.world, plan, left, &left_behind(policy, &snapshot.world, snapshot.moment)));
    let drifts = drifted.map(|drifted| drifted.drifts).unwrap_or_default();
    let gates = Gates { drifts: &drifts, ..Gates::of(policy) };
    let mut opened = open(plan, &gates, now);
    // A document says yes to a plan that is known once it waits.
    let approvals = said_in(policy, now);
    if !approvals.is_empty() && !opened.waiting.is_empty() {
        let waiting: Vec<WaitingPlan> = opened.waiting.into_iter().map(|one| one.plan).collect();
        opened = open(plan, &Gates { waiting: &waiting, approvals: &approvals, ..gates.clone() }, now);
    }
    let parts = opened.held.into_iter().filter(|part| part.by != GateKind::Guardrail);
    parts.flat_map(|part| part.changes).collect()
}

/// The same manifests with this gate alone; nothing where no Target has it.
fn alone(policy: &Policy, by: HeldBy) -> Option<Policy> {
    let mut policy = policy.clone();
    for target in &mut policy.targets {
        let GatePolicy { approval, windows, suspend, drift } = std::mem::take(&mut target.gates);
        target.gates = match by {
            HeldBy::Suspend => GatePolicy { suspend, ..GatePolicy::default() },
            HeldBy::Window => GatePolicy { windows, ..GatePolicy::default() },
            HeldBy::Drift => GatePolicy { drift, ..GatePolicy::default() },
            HeldBy::Approval => GatePolicy { approval, ..GatePolicy::default() },
        };
    }
    policy.targets.iter().any(|target| target.gates != GatePolicy::default()).then_some(policy)
}
