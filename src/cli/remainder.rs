//! What a command leaves that is not as declared, and how it ends by that: the same for every command, whether it planned, ran or asked somebody who runs.
//!
//! Must never: let what is worse end with the code of what is not as bad.

use super::held;
use super::report::Exit;
use crate::model::{NeedKind, Plan, SystemState};
use crate::workspace::gates::HeldPart;

/// What is left, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Remainder {
    /// it was tried or begun, and is not done
    Undone,
    /// what was looked at is not what is needed now: nobody reviewed it, or nobody waited for its end
    Stale,
    /// a guardrail, protection, an approval, a window, a suspension or the brake holds it
    Held,
    /// nobody knows: it could not be read or decided
    Open,
}

impl Remainder {
    /// Of a plan that nobody ran, or of which all that may run is done.
    pub fn of_plan(plan: &Plan) -> impl Iterator<Item = Self> {
        plan.refused().then_some(Self::Held).into_iter().chain((!plan.decided()).then_some(Self::Open))
    }

    /// Of what gates hold of a plan that is run by hand.
    pub fn of_parts(parts: &[HeldPart]) -> Option<Self> {
        parts.iter().any(held::waits).then_some(Self::Held)
    }

    /// Of something that needs somebody.
    pub fn of_need(need: NeedKind) -> Option<Self> {
        match need {
            NeedKind::RevocationOpen | NeedKind::Stalled => Some(Self::Undone),
            NeedKind::Held | NeedKind::Waits => Some(Self::Held),
            NeedKind::Undecided | NeedKind::RevisionRefused | NeedKind::Unreadable => Some(Self::Open),
            // Nothing of what is declared is left out by these: findings of that kind are warnings, which end no plan otherwise.
            NeedKind::Contested | NeedKind::Undeclared | NeedKind::Untold | NeedKind::Unsubscribed => None,
        }
    }

    /// Of a system. What holds it, where it is held, its needs say.
    pub fn of_state(state: SystemState) -> Option<Self> {
        match state {
            SystemState::Changing | SystemState::Behind | SystemState::Stalled => Some(Self::Undone),
            SystemState::WaitsForApproval | SystemState::WindowClosed | SystemState::Suspended | SystemState::Paused => Some(Self::Held),
            SystemState::Unknown | SystemState::Unreadable => Some(Self::Open),
            SystemState::Held | SystemState::AsDeclared => None,
        }
    }
}

/// How a command ends that leaves all this.
pub fn exit(left: impl IntoIterator<Item = Remainder>) -> Exit {
    match left.into_iter().min() {
        None => Exit::Done,
        Some(Remainder::Undone) => Exit::Partly,
        Some(Remainder::Held) => Exit::Refused,
        Some(Remainder::Stale | Remainder::Open) => Exit::Stale,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Finding, FindingCode, Severity, Subject};

    #[test]
    fn a_plan_a_status_and_a_run_that_leave_the_same_end_alike() {
        let plan = |severities: &[Severity]| {
            let mut plan = Plan::of_nothing("acme".into(), jiff::civil::date(2026, 11, 30));
            let finding = |severity: &Severity| Finding::new(*severity, FindingCode::IncompleteRead, Subject::default(), "words");
            plan.findings.extend(severities.iter().map(finding));
            exit(Remainder::of_plan(&plan))
        };
        let status = |needs: &[NeedKind]| exit(needs.iter().filter_map(|need| Remainder::of_need(*need)));
        let rows: [(&[Severity], &[NeedKind], Exit); 6] = [
            (&[], &[], Exit::Done),
            (&[Severity::Warning], &[NeedKind::Contested], Exit::Done),
            (&[Severity::Refused], &[NeedKind::Held], Exit::Refused),
            (&[Severity::Error], &[NeedKind::Undecided], Exit::Stale),
            (&[Severity::Incomplete], &[NeedKind::Unreadable], Exit::Stale),
            (&[Severity::Incomplete, Severity::Refused], &[NeedKind::Unreadable, NeedKind::Held], Exit::Refused),
        ];
        for (severities, needs, expected) in rows {
            assert_eq!((plan(severities), status(needs)), (expected, expected), "{severities:?}, {needs:?}");
        }
        assert_eq!(exit([Remainder::Held, Remainder::Undone, Remainder::Stale]), Exit::Partly);
        assert_eq!(exit([Remainder::Held, Remainder::Stale]), Exit::Stale);
        assert_eq!(exit(Remainder::of_state(SystemState::WaitsForApproval)), status(&[NeedKind::Waits]));
    }
}
