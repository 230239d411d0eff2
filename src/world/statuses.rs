//! The words that a source's conditions read (a status): which there were, and which took the place of others.
//!
//! Must never: remember what must not be shown, or more than a few words of a column.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::canonical;
use super::source::{RecordState, SourceSide};
use crate::expr::Expression;
use crate::model::{Columns, Statuses};
use crate::policy::SourcePolicy;

/// A column with more different values than this holds no status.
const MOST: usize = 32;
/// Longer values are none.
const LONGEST: usize = 64;
/// Values with so many digits are days or numbers.
const DIGITS: usize = 6;
/// Of fewer people it is no wonder that none has a value any more, but where a condition asks for it: then everybody whom it was about stands elsewhere.
const MANY: u64 = 5;
/// Cells of a single leaver that went empty may be one who came back.
const FEWEST_BACK: u64 = 2;

/// Values that nobody has any more, while others have some that were never there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Replaced {
    pub(crate) column: Arc<str>,
    pub(crate) gone: Vec<(Arc<str>, u64)>,
    pub(crate) new: Vec<(Arc<str>, u64)>,
}

/// How many records have each value of a column.
type Counts = BTreeMap<Arc<str>, u64>;

/// The values of every column that a condition reads, and how many records have each.
pub(crate) fn of(rules: &SourcePolicy, side: &SourceSide) -> Statuses {
    let mut found: Vec<(usize, Option<Counts>)> =
        positions(rules, &side.columns()).into_iter().map(|at| (at, Some(Counts::new()))).collect();
    for record in (0..side.len()).filter(|record| side.state(*record) != RecordState::Ambiguous) {
        if found.iter().all(|(_, values)| values.is_none()) {
            break;
        }
        for (at, values) in &mut found {
            let Some(cell) = side.row(record).cells().nth(*at).filter(|cell| !canonical::is_nothing(*cell)) else { continue };
            if !note(&canonical::text(cell), values) {
                *values = None;
            }
        }
    }
    let columns = side.columns();
    let named = found.into_iter().filter_map(|(at, values)| Some((columns.paths().get(at)?.clone(), values?)));
    named.collect()
}

/// Counts a value. Says whether the column may still be one of statuses.
fn note(text: &str, values: &mut Option<Counts>) -> bool {
    let Some(values) = values else { return true };
    if let Some(count) = values.get_mut(text) {
        *count += 1;
        return true;
    }
    values.insert(Arc::from(text), 1);
    values.len() <= MOST && text.len() <= LONGEST && text.bytes().filter(u8::is_ascii_digit).count() < DIGITS
}

fn conditions(rules: &SourcePolicy) -> impl Iterator<Item = &Expression> {
    rules.filter.iter().chain(&rules.leaver).chain(&rules.suspended).filter(|condition| !condition.is_sensitive())
}

fn positions(rules: &SourcePolicy, columns: &Columns) -> BTreeSet<usize> {
    conditions(rules).flat_map(Expression::reads).filter_map(|path| columns.position(path)).collect()
}

/// Columns in which values that were never there took the place of others. What a condition or the Source names is known.
pub(crate) fn replaced(rules: &SourcePolicy, before: &Statuses, now: &Statuses) -> Vec<Replaced> {
    let is_named = |value: &str| conditions(rules).any(|condition| names(condition, value));
    let is_known = |value: &str| rules.known_values.contains(value) || is_named(value);
    let of_column = |(column, had): (&Arc<str>, &BTreeMap<Arc<str>, u64>)| {
        let has = now.get(column)?;
        let pairs = |one: &BTreeMap<Arc<str>, u64>, keep: &dyn Fn(&str, u64) -> bool| -> Vec<(Arc<str>, u64)> {
            one.iter().filter(|(value, count)| keep(value, **count)).map(|(value, count)| (value.clone(), *count)).collect()
        };
        let gone = pairs(had, &|value, count| (count >= MANY || (count > 0 && is_named(value))) && !has.contains_key(value));
        let new = pairs(has, &|value, _| !had.contains_key(value) && !is_known(value));
        let came = new.iter().fold(0u64, |sum, (_, count)| sum.saturating_add(*count));
        let took = gone.iter().any(|(_, went)| came > 0 && came.saturating_mul(2) >= *went);
        took.then(|| Replaced { column: column.clone(), gone, new })
    };
    before.iter().filter_map(of_column).collect()
}

/// How many records had a value by which the Source knows leavers and which nobody has any more, in a column: as many blank cells more are those.
pub(crate) fn leavers_gone(rules: &SourcePolicy, column: &str, before: &Statuses, now: &Statuses) -> Option<u64> {
    let (had, has) = (before.get(column)?, now.get(column)?);
    let leaver = rules.leaver.as_ref().filter(|condition| !condition.is_sensitive())?;
    let gone = had.iter().filter(|(value, count)| **count >= FEWEST_BACK && !has.contains_key(*value) && names(leaver, value));
    gone.map(|(_, count)| *count).max()
}

/// Whether a condition names a value.
fn names(condition: &Expression, value: &str) -> bool {
    ['"', '\''].iter().any(|quote| condition.text().contains(&format!("{quote}{value}{quote}")))
}

/// What is remembered after a read: what was there before is known for good, as far as there is room. Where values were replaced or went
/// empty (`is_open`), what was before, until that is answered.
pub(crate) fn remembered(before: &Statuses, now: &Statuses, is_open: impl Fn(&str) -> bool) -> Statuses {
    let of_column = |(column, has): (&Arc<str>, &BTreeMap<Arc<str>, u64>)| {
        let had = before.get(column);
        if let Some(had) = had.filter(|_| is_open(column)) {
            return (column.clone(), had.clone());
        }
        let mut all = has.clone();
        for value in had.into_iter().flat_map(BTreeMap::keys) {
            if all.len() < MOST && !all.contains_key(value) {
                all.insert(value.clone(), 0);
            }
        }
        (column.clone(), all)
    };
    now.iter().map(of_column).collect()
}
