//! What of what is held needs somebody. A closed window, a suspension and a system that rests end by themselves, and a brake is its puller's.
//!
//! Must never: name a person.

use jiff::Timestamp;

use super::{ApprovalStanding, Approving, GateKind, Gates, HeldPart};
use crate::manifest::kinds::DriftMode;
use crate::model::{Need, NeedKind};

/// Of a part that is held; `since` is when whoever asks saw it first.
pub fn need(part: &HeldPart, gates: &Gates<'_>, since: Timestamp) -> Option<Need> {
    let warns = || gates.policy.targets.iter().any(|target| target.name == part.target && target.gates.drift == DriftMode::Warn);
    let (kind, words, next) = match part.by {
        GateKind::Guardrail => {
            let words = format!("{} withheld by guardrails or protection", changes(part));
            (NeedKind::Held, words, format!("headcount plan --target {}", part.target))
        }
        GateKind::Drift if warns() => {
            let words = format!("others changed {} of what is declared", part.changes.len());
            (NeedKind::Contested, words, "headcount drift".to_owned())
        }
        GateKind::Contested => {
            let words = format!("{} changed again by others each time", changes(part));
            (NeedKind::Contested, words, "headcount drift".to_owned())
        }
        _ => return None,
    };
    Some(Need { kind, about: part.target.to_string(), words, next, since })
}

/// Of a plan that waits for an approval.
pub fn waits(one: &Approving) -> Need {
    let Approving { plan, standing } = one;
    let short: String = plan.hash.chars().take(8).collect();
    let next = match standing {
        ApprovalStanding::Rejected => format!("headcount plan --target {}", plan.target),
        _ => format!("headcount approve {short}"),
    };
    let many = plan.pending().sum();
    let words = format!("plan {short}, {many} {}: {}", if many == 1 { "change" } else { "changes" }, standing.words());
    Need { kind: NeedKind::Waits, about: plan.target.to_string(), words, next, since: plan.since }
}

fn changes(part: &HeldPart) -> String {
    let many = part.pending.sum();
    if many == 1 { "1 change is".to_owned() } else { format!("{many} changes are") }
}
