//! What gates hold of a plan that is run by hand: suspension, windows, the brake, what waits for an approval, what is left to others.
//!
//! Must never: let something pass that nobody asked to pass.

use std::fmt::Write;

use serde_json::{Value as Json, json};

use crate::drift;
use crate::manifest::kinds::DriftMode;
use crate::model::Plan;
use crate::pipeline::{GateMemory, Snapshot};
use crate::planning::left_behind;
use crate::policy::{GatePolicy, Policy};
use crate::render::{count, safe};
use crate::workspace::gates::{GateKind, Gates, HeldPart, Opened, open};

/// How a plan is run.
#[derive(Clone, Copy, Debug)]
pub struct ByHand {
    /// somebody looks at it before it runs
    pub reviewed: bool,
    /// it says itself what is taken back of what others did
    pub saved: bool,
    /// a closed window holds nothing
    pub ignore_window: bool,
}

/// What may run now. Nothing where nothing could hold anything.
pub fn opened(snapshot: &Snapshot, kept: &GateMemory, plan: &Plan, by_hand: ByHand) -> Option<Opened> {
    let policy = &snapshot.policy;
    if kept.brake.is_none() && policy.targets.iter().all(|target| target.gates == GatePolicy::default()) {
        return None;
    }
    let drifted = (!by_hand.saved && leaves(policy)).then(|| {
        let now = left_behind(policy, &snapshot.world, snapshot.moment);
        drift::compare(policy, &snapshot.world, plan, &kept.left, &now).drifts
    });
    let past_windows = policy.targets.iter().filter(|_| by_hand.ignore_window).map(|target| target.name.clone()).collect();
    let drifts = drifted.unwrap_or_default();
    let gates = Gates { brake: kept.brake.as_ref(), past_windows, reviewed: by_hand.reviewed, drifts: &drifts, ..Gates::of(policy) };
    Some(open(plan, &gates, snapshot.moment.now))
}

/// Whether a Target leaves something to others.
pub fn leaves(policy: &Policy) -> bool {
    policy.targets.iter().any(|target| target.gates.drift != DriftMode::Enforce)
}

/// Whether it waits for somebody or for a time. What guardrails withhold is told with the plan, and what is left to others is as it should be.
pub fn waits(part: &HeldPart) -> bool {
    !matches!(part.by, GateKind::Guardrail | GateKind::Drift | GateKind::Contested)
}

/// For a person, below a line of what this is; nothing where nothing is held.
pub fn words(line: &str, held: &[HeldPart]) -> Option<String> {
    let told: Vec<&HeldPart> = held.iter().filter(|part| part.by != GateKind::Guardrail).collect();
    if told.is_empty() {
        return None;
    }
    let mut text = line.to_owned();
    for part in told {
        let _ = write!(text, "\n  {}: {}, {}", safe::line(&part.target), count(part.pending.sum(), "change"), safe::line(&part.words));
        if let Some(next) = next(part.by) {
            let _ = write!(text, " ({next})");
        }
    }
    Some(text)
}

/// How it is let through.
fn next(by: GateKind) -> Option<&'static str> {
    match by {
        GateKind::Brake => Some("`headcount resume` takes the brake off"),
        GateKind::Suspend => Some("take `suspend` out of the Target"),
        GateKind::Window => Some("--ignore-window passes it"),
        GateKind::Approval => Some("review a plan and apply it: `headcount plan --out plan.json`, `headcount apply plan.json`"),
        GateKind::Drift => Some("`headcount drift` shows it"),
        _ => None,
    }
}

/// For a machine.
pub fn document(held: &[HeldPart]) -> Json {
    let part = |part: &HeldPart| json!({ "target": part.target, "gate": part.by, "until": part.until, "why": part.words, "changes": part.changes });
    held.iter().filter(|part| part.by != GateKind::Guardrail).map(part).collect()
}
