//! Which accounts are whose: what correlation found, and whom revocations cut off.
//!
//! Must never: change once it is made; what is decided about an account stands elsewhere.

use std::collections::BTreeMap;

use crate::planning::basis::Basis;
use crate::planning::findings::{Findings, StepReport};
use crate::planning::question::Scope;
use crate::planning::targets::claims::Matched;
use crate::planning::targets::correlate::correlate;
use crate::planning::targets::cut_off;

/// Everybody's accounts at every target; of a revocation, only what it asks for.
pub(in crate::planning) fn match_accounts(basis: &Basis<'_>, scope: Scope) -> (Matched, StepReport) {
    let mut report = StepReport::new(basis.moment.today);
    let targets = 0..basis.policy.targets.len();
    let claims = targets.clone().map(|target| correlate(basis, target, &mut report.findings)).collect();
    let mut matched = Matched { claims, cut: vec![BTreeMap::new(); targets.len()] };
    if let Scope::Revoked(_) = scope {
        // What is to be said of others is the next plan's business.
        report.findings = Findings::default();
    }
    for target in cut_off::targets(basis.policy, scope) {
        cut_off::claim(basis, target, &mut matched, &mut report);
        #[cfg(test)]
        crate::planning::targets::alone::agrees(basis, target, &matched.claims[target]);
    }
    (matched, report)
}
