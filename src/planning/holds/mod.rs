//! Everybody for whom nothing may follow: whoever seems to be another person than their account's, or to be known by another key than before.
//!
//! Must never: give or take anything; whoever is held keeps what is observed.

pub(in crate::planning) mod dangling;
pub(in crate::planning) mod form;
pub(in crate::planning) mod hands;
pub(in crate::planning) mod likeness;
pub(in crate::planning) mod lookalikes;
mod out_of_scope;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::{FindingCode, Severity};
use crate::planning::basis::Basis;
use crate::planning::findings::StepReport;
use crate::planning::schema::doubt::HoldReason;
use crate::planning::targets::claims::Matched;

use lookalikes::Kept;

/// For whom nothing follows.
#[derive(Default)]
pub(in crate::planning) struct Holds {
    /// identities, and why
    pub(in crate::planning) people: BTreeMap<u32, HoldReason>,
    /// sources from which nothing follows for anybody
    pub(in crate::planning) sources: BTreeSet<usize>,
    /// keys of identities that are gone, it seems, and whose accounts stay
    pub(in crate::planning) kept: BTreeMap<Arc<str>, Kept>,
}

impl Holds {
    /// Whether anything follows for everybody.
    pub(in crate::planning) fn is_empty(&self) -> bool {
        self.people.is_empty() && self.sources.is_empty()
    }
}

/// Finds them, once accounts were matched. `others`: everybody of whom a glance did not say that their accounts are as they were.
pub(in crate::planning) fn find(basis: &Basis<'_>, matched: &Matched, others: &[u32]) -> (Holds, StepReport) {
    let mut step = Step { basis, matched, report: StepReport::new(basis.moment.today) };
    let (mut handed, sources) = hands::changed(&mut step, others);
    let (changed, mut kept) = lookalikes::paired(&mut step);
    kept.extend(lookalikes::turned_up(&mut step, &handed).into_iter().map(|key| (key, Kept::Whole)));
    let is_of = |identity: &u32| basis.people.source(*identity).is_some_and(|source| sources.contains(&source));
    handed.extend((0..basis.people.len()).filter(is_of));
    let because = |code, words: &'static str| move |identity: u32| (identity, HoldReason::told(code, words));
    let handed = handed.into_iter().map(because(FindingCode::KeyHandedOn, "its key seems to be another person's now"));
    let changed = changed.into_iter().map(because(FindingCode::KeyChanged, "its key seems to be another than before"));
    let people = out_of_scope::held(&mut step).into_iter().chain(handed).chain(changed).collect();
    (Holds { people, sources, kept }, step.report)
}

struct Step<'s, 'a> {
    basis: &'s Basis<'a>,
    matched: &'s Matched,
    report: StepReport,
}

impl Step<'_, '_> {
    fn tell(&mut self, severity: Severity, code: FindingCode, target: usize, key: &Arc<str>, sentence: &str) {
        self.report.findings.tell(severity, code, &self.basis.policy.targets[target].name, key, sentence);
    }
}
