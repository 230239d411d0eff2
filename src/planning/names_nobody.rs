//! What is said where a rule that named people names nobody: more likely it is wrong than meant.
//!
//! Must never: be said where `allowEmpty` answers it.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::diagnostic::Place;
use crate::model::{Finding, FindingCode, Severity, Subject};

/// One who loses something is no mass: the only one whom a rule named may have moved.
const FEWEST: usize = 2;
/// So many are named.
const NAMED: usize = 3;

/// Whether so many lose something that the rule is more likely wrong than meant. `open`: of whom it can't be said whether they would lose it too, or nothing where there
/// may be more of them than were read.
pub(in crate::planning) fn are_many(losers: usize, open: Option<usize>) -> bool {
    losers > 0 && open.is_none_or(|open| losers + open >= FEWEST)
}

/// What names nobody.
pub(in crate::planning) struct Idle<'w> {
    pub(in crate::planning) rule: &'static str,
    pub(in crate::planning) of: &'w str,
    /// what people would lose
    pub(in crate::planning) thing: &'static str,
    pub(in crate::planning) place: &'w Place,
}

impl Idle<'_> {
    /// What is said of it; the keys are of those who would lose something.
    pub(in crate::planning) fn told(&self, subject: Subject, keys: &BTreeSet<Arc<str>>) -> Finding {
        let Self { rule, of, thing, place } = self;
        let mut who = keys.iter().take(NAMED).map(AsRef::as_ref).collect::<Vec<_>>().join(", ");
        if keys.len() > NAMED {
            who += &format!(" and {} more", keys.len() - NAMED);
        }
        let system = subject.system.as_deref().unwrap_or_default();
        let message = format!(
            "{system}: {rule} of {of} names nobody, and {} would lose {thing} by that ({who}); they keep what they have",
            if keys.len() == 1 { "1 of its people".to_owned() } else { format!("{} people", keys.len()) }
        );
        let hint = format!("Correct the rule, or what it reads. If nobody is meant, write `allowEmpty: true` into the spec of {of}.");
        let finding = Finding::new(Severity::Refused, FindingCode::NamesNobody, subject, message);
        finding.hint(hint).at(Some((*place).clone())).about(keys)
    }
}
