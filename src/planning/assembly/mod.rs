//! Changes on their way into a plan: references between them, values that are handed on, and their order.
//!
//! Must never: decide whether something changes.

pub(in crate::planning) mod handover;
pub(in crate::planning) mod order;
pub(in crate::planning) mod references;

use std::sync::Arc;

use crate::model::{Change, FindingCode, Severity};
use crate::planning::accounts::Accounts;
use crate::planning::basis::Basis;
use crate::planning::draft::{Draft, Stage};
use crate::planning::findings::StepReport;
use crate::planning::targets::claims::Matched;

/// Resolves what changes refer to, and puts those first that give up what others take.
pub(in crate::planning) fn link(basis: &Basis<'_>, matched: &Matched, accounts: &Accounts, drafts: Vec<Draft>) -> (Vec<Draft>, StepReport) {
    let mut step = Step { basis, matched, accounts, drafts, report: StepReport::new(basis.moment.today) };
    references::resolve(&mut step);
    handover::settle(&mut step);
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
    /// A finding about somebody at a target, told together with the others of its sort.
    fn tell(&mut self, severity: Severity, code: FindingCode, target: usize, key: &Arc<str>, sentence: &str) {
        self.report.findings.tell(severity, code, &self.basis.policy.targets[target].name, key, sentence);
    }

    /// Puts a change down.
    fn draft(&mut self, target: usize, stage: Stage, change: Change) {
        self.drafts.push(Draft::new(target, stage, change));
    }
}
