//! What may follow from a source's read, once its count is held against the last complete read of the same scope.
//!
//! Must never: make an evidence stronger than the reader said.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::source::SourceSide;
use super::statuses::{self, Replaced};
use crate::expr::segments_of_path;
use crate::model::{Baseline, Evidence, Memory, Statuses};
use crate::policy::{CompletenessPolicy, SourcePolicy};

/// What may follow from a source's read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SourceEvidence {
    /// after the limits
    pub(crate) evidence: Evidence,
    /// it has fewer records than its limits allow
    pub(crate) shrank: bool,
    /// there is a complete read of the same scope to compare with
    pub(crate) has_baseline: bool,
    /// columns that lost a large part of their values against it
    pub(crate) emptied: Vec<Emptied>,
    /// columns that gained a large part of their values at once, with how many of them are believed
    pub(crate) grown: BTreeMap<Arc<str>, u64>,
    /// columns in which values that were never there took the place of others
    pub(crate) replaced: Vec<Replaced>,
    /// the values that such columns have, or had where that is in question
    pub(crate) remembered: Statuses,
}

/// A column that lost a large part of its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Emptied {
    pub(crate) column: Arc<str>,
    pub(crate) before: u64,
    pub(crate) now: u64,
}

/// Fewer people than this may always go, whatever share they are.
const ALWAYS_ALLOWED: u64 = 3;
const DEFAULT_SHARE: f64 = 0.1;
/// So many values and this part of them, one of so many, may go from a column before anybody asks.
const FEWEST_LOST: u64 = 5;
const LARGE_PART: u64 = 3;

impl SourceEvidence {
    /// Of a source that was read.
    pub(crate) fn of(rules: &SourcePolicy, side: &SourceSide, memory: &Memory) -> Self {
        let baseline = baseline(rules, memory);
        let count = side.in_scope();
        let mut evidence = side.evidence().clone();
        let keyless = side.keyless().count;
        if keyless > 0 {
            let reason = format!("{keyless} of its records have no key, so nobody can be said to be missing from it");
            evidence = evidence.and(Evidence::Partial { reason });
        }
        let small = if evidence.proves_absence() { too_small(&rules.completeness, count, baseline) } else { None };
        let shrank = small.is_some();
        if let Some(reason) = small {
            evidence = evidence.and(Evidence::Partial { reason });
        }
        let (none, whole) = (Statuses::new(), evidence.proves_absence() && side.is_whole());
        let before = baseline.map_or(&none, |baseline| &baseline.statuses);
        let now = if whole { statuses::of(side) } else { Statuses::new() };
        let emptied = if evidence.proves_absence() { emptied(rules, side, baseline, &now) } else { Vec::new() };
        let grown = if evidence.proves_absence() { grown(side, baseline) } else { BTreeMap::new() };
        let (mut replaced, mut remembered) = (Vec::new(), Statuses::new());
        if whole {
            replaced = statuses::replaced(rules, before, &now);
            let is_open = |column: &str| {
                replaced.iter().any(|one| one.column.as_ref() == column) || emptied.iter().any(|one| one.column.as_ref() == column)
            };
            remembered = statuses::remembered(before, &now, is_open);
        }
        Self { evidence, shrank, has_baseline: baseline.is_some(), emptied, grown, replaced, remembered }
    }

    /// Whether a record that is not there can be said not to exist.
    pub(crate) fn proves_absence(&self) -> bool {
        self.evidence.proves_absence() && self.has_baseline
    }
}

fn baseline<'m>(rules: &SourcePolicy, memory: &'m Memory) -> Option<&'m Baseline> {
    let same = |known: &&Baseline| known.system == rules.name && known.scope == rules.scope_hash;
    memory.baselines.iter().filter(same).max_by_key(|known| known.at).filter(|_| memory.known)
}

/// Columns that lost a large part of their values since the last complete read, or all by which leavers are known, unless the Source says that they may.
fn emptied(rules: &SourcePolicy, side: &SourceSide, baseline: Option<&Baseline>, now: &Statuses) -> Vec<Emptied> {
    let Some(baseline) = baseline else { return Vec::new() };
    let may = |path: &str| {
        let dotted = segments_of_path(path).join(".");
        rules.may_lose.iter().any(|name| name.as_ref() == path || **name == dotted)
    };
    let lost = side.filled().filter_map(|(path, left)| {
        let before = *baseline.values.get(path)?;
        let gone = before.saturating_sub(left);
        let large = gone >= FEWEST_LOST && gone * LARGE_PART >= before;
        let leavers = || statuses::leavers_gone(rules, path, &baseline.statuses, now).is_some_and(|went| gone >= went);
        ((large || leavers()) && !may(path)).then(|| Emptied { column: path.clone(), before, now: left })
    });
    lost.collect()
}

/// Columns that gained so much at once that it would be missed if it went again: values that were never there, one wrong day of them, must not be what every later
/// read is held against. They are believed by and by, as much at a time as may go.
fn grown(side: &SourceSide, baseline: Option<&Baseline>) -> BTreeMap<Arc<str>, u64> {
    let Some(baseline) = baseline else { return BTreeMap::new() };
    let believed = side.filled().filter_map(|(path, now)| {
        let before = *baseline.values.get(path)?;
        let most = (before + FEWEST_LOST - 1).max((before * LARGE_PART).div_ceil(LARGE_PART - 1).saturating_sub(1));
        (now > most).then(|| (path.clone(), most))
    });
    believed.collect()
}

/// Why a count is below the limits.
fn too_small(limits: &CompletenessPolicy, count: u64, baseline: Option<&Baseline>) -> Option<String> {
    if let Some(least) = limits.min_count.filter(|least| count < *least) {
        return Some(format!("it has {count} records, and a complete read has at least {least}"));
    }
    let before = baseline?.count;
    let allowed = match (limits.max_shrink_count, limits.max_shrink_share) {
        (Some(most), _) => most,
        (None, share) => ((before as f64 * share.unwrap_or(DEFAULT_SHARE)) as u64).max(ALWAYS_ALLOWED),
    };
    let gone = before.saturating_sub(count);
    (gone > allowed)
        .then(|| format!("it has {count} records and had {before}; {gone} fewer is more than the {allowed} that may vanish at once"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(limits: &CompletenessPolicy, before: u64, count: u64) -> Option<String> {
        let baseline = Baseline {
            system: "hr".into(),
            kind: crate::model::ObjectKind::Account,
            scope: 1,
            count: before,
            values: Default::default(),
            statuses: Default::default(),
            at: jiff::Timestamp::UNIX_EPOCH,
        };
        too_small(limits, count, Some(&baseline))
    }

    #[test]
    fn a_source_may_shrink_by_a_tenth_but_three_may_always_go() {
        let limits = CompletenessPolicy::default();
        assert_eq!(reason(&limits, 10, 7), None);
        assert_eq!(reason(&limits, 100, 90), None);
        let message = reason(&limits, 100, 89).unwrap();
        insta::assert_snapshot!(message, @"it has 89 records and had 100; 11 fewer is more than the 10 that may vanish at once");
    }

    #[test]
    fn own_limits_count_instead() {
        let count = CompletenessPolicy { max_shrink_count: Some(0), ..CompletenessPolicy::default() };
        assert!(reason(&count, 10, 9).is_some() && reason(&count, 10, 10).is_none());
        let least = CompletenessPolicy { min_count: Some(5), ..CompletenessPolicy::default() };
        insta::assert_snapshot!(reason(&least, 4, 4).unwrap(), @"it has 4 records, and a complete read has at least 5");
    }
}
