//! Which accounts are whose: what correlation found, and whom revocations cut off.
//!
//! Must never: change once it is made; what is decided about an account stands elsewhere.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::planning::basis::Basis;
use crate::planning::findings::{Findings, Report};
use crate::planning::question::Scope;
use crate::planning::targets::correlate::{Claims, correlate};
use crate::planning::targets::cut_off;

/// By target.
pub(in crate::planning) struct Matched {
    /// who has which account
    pub(in crate::planning) claims: Vec<Claims>,
    /// accounts that are cut off, and whose they are
    pub(in crate::planning) cut: Vec<BTreeMap<u32, Arc<str>>>,
}

/// Everybody's accounts at every target; of a revocation, only what it asks for.
pub(in crate::planning) fn match_accounts(basis: &Basis<'_>, scope: Scope<'_>) -> (Matched, Report) {
    let mut report = Report::new(basis.moment.today);
    let targets = 0..basis.policy.targets.len();
    let claims = targets.clone().map(|target| correlate(basis, target, &mut report.findings)).collect();
    let mut matched = Matched { claims, cut: vec![BTreeMap::new(); targets.len()] };
    if let Scope::Revoked(_) = scope {
        // What is to be said of others is the next plan's business.
        report.findings = Findings::default();
    }
    for target in cut_off::targets(basis.policy, scope) {
        cut_off::claim(basis, target, &mut matched, &mut report);
    }
    (matched, report)
}

impl Matched {
    /// The key by which changes name an account: its holder's, else of its mark or link, else its id.
    pub(in crate::planning) fn account_key(&self, basis: &Basis<'_>, target: usize, row: u32) -> Arc<str> {
        match self.claims[target].holder(row) {
            Some(identity) => basis.people.key(identity),
            None => {
                let id = || Arc::from(format!("id:{}", basis.observed[target].accounts().id(row)));
                basis.former_key(target, row).unwrap_or_else(id)
            }
        }
    }
}
