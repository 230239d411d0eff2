//! Groups: which objects they are at a target, who should be in them, and what changes.
//!
//! Must never: decide anything about an account.

pub(in crate::planning) mod cover;
pub(in crate::planning) mod diff;
pub(in crate::planning) mod idle;
pub(in crate::planning) mod members;
pub(in crate::planning) mod near;
pub(in crate::planning) mod nesting;
pub(in crate::planning) mod owners;
pub(in crate::planning) mod renamed;
pub(in crate::planning) mod resolve;
pub(in crate::planning) mod rule_cache;
pub(in crate::planning) mod strangers;

use std::sync::Arc;

use crate::model::{Change, FindingCode, Severity};
use crate::planning::accounts::Accounts;
use crate::planning::basis::Basis;
use crate::planning::draft::{Draft, Stage};
use crate::planning::findings::StepReport;
use crate::planning::targets::claims::Matched;

use members::Roster;
use resolve::ResolvedGroups;

/// What becomes of groups, their members and their owners.
pub(in crate::planning) struct GroupChanges {
    /// by target
    pub(in crate::planning) at: Vec<ResolvedGroups>,
    pub(in crate::planning) drafts: Vec<Draft>,
}

/// Compares the groups of every target with what they should be.
pub(in crate::planning) fn diff(
    basis: &Basis<'_>,
    matched: &Matched,
    accounts: &Accounts,
    rosters: &[Roster],
) -> (GroupChanges, StepReport) {
    let mut step = Step::new(basis, matched, accounts);
    let targets = 0..basis.policy.targets.len();
    let settle = |target| {
        let mut groups = resolve::settle(&mut step, target);
        renamed::refuse(&mut step, target, &mut groups, rosters);
        diff::settle(&mut step, target, &groups, rosters);
        owners::settle(&mut step, target, &groups, rosters);
        groups
    };
    let at = targets.map(settle).collect();
    (GroupChanges { at, drafts: step.drafts }, step.report)
}

/// What each declared group is at every target, whatever becomes of its members.
pub(in crate::planning) fn resolve(basis: &Basis<'_>, matched: &Matched) -> (Vec<ResolvedGroups>, StepReport) {
    let nobody = Accounts::default();
    let mut step = Step::new(basis, matched, &nobody);
    let at = (0..basis.policy.targets.len()).map(|target| resolve::settle(&mut step, target)).collect();
    (at, step.report)
}

/// The step while it is under way.
struct Step<'s, 'a> {
    basis: &'s Basis<'a>,
    matched: &'s Matched,
    accounts: &'s Accounts,
    drafts: Vec<Draft>,
    report: StepReport,
}

impl<'s, 'a> Step<'s, 'a> {
    fn new(basis: &'s Basis<'a>, matched: &'s Matched, accounts: &'s Accounts) -> Self {
        Self { basis, matched, accounts, drafts: Vec::new(), report: StepReport::new(basis.moment.today) }
    }

    /// A finding about somebody at a target, told together with the others of its sort.
    fn tell(&mut self, severity: Severity, code: FindingCode, target: usize, key: &Arc<str>, sentence: &str) {
        self.report.findings.tell(severity, code, &self.basis.policy.targets[target].name, key, sentence);
    }

    /// Puts a change down.
    fn draft(&mut self, target: usize, stage: Stage, change: Change) {
        self.drafts.push(Draft::new(target, stage, change));
    }
}
