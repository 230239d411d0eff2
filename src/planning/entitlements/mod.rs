//! Entitlements: who should have what, against who has it.
//!
//! Must never: decide anything about an account or a group.

pub(in crate::planning) mod cover;
pub(in crate::planning) mod desired;
pub(in crate::planning) mod diff;

use crate::model::Change;
use crate::planning::accounts::Accounts;
use crate::planning::basis::Basis;
use crate::planning::draft::{Draft, Stage};
use crate::planning::findings::StepReport;
use crate::planning::people::standing::Where;
use crate::planning::targets::claims::Matched;

use cover::EntitlementCover;

/// Compares what accounts have at every target with what they should have.
pub(in crate::planning) fn diff(
    basis: &Basis<'_>,
    matched: &Matched,
    accounts: &Accounts,
    mut covers: Vec<EntitlementCover>,
    standing: &[Where],
) -> (Vec<Draft>, StepReport) {
    let mut step = Step { basis, matched, accounts, drafts: Vec::new(), report: StepReport::new(basis.moment.today) };
    for target in 0..basis.policy.targets.len() {
        diff::settle(&mut step, target, &mut covers, standing);
    }
    (step.drafts, step.report)
}

/// The step while it is under way.
struct Step<'s, 'a> {
    basis: &'s Basis<'a>,
    matched: &'s Matched,
    accounts: &'s Accounts,
    drafts: Vec<Draft>,
    report: StepReport,
}

impl Step<'_, '_> {
    /// Puts a change down.
    fn draft(&mut self, target: usize, stage: Stage, change: Change) {
        self.drafts.push(Draft::new(target, stage, change));
    }
}
