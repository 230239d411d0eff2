//! The words that a source's conditions read (a status): which there were, and which took the place of others.
//!
//! Must never: remember what must not be shown, or more than a few words of a column.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::canonical;
use super::source::{RecordState, SourceSide};
use crate::expr::Expression;
use crate::model::{Cell, Columns, Statuses};
use crate::policy::SourcePolicy;

/// A column with more different values than this holds no status.
const MOST: usize = 32;
/// Up to so many are counted all the same: some of them may go again.
const KEPT: usize = 1024;
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

/// The values of a column that a condition reads, counted while records come and go.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    at: usize,
    values: HashMap<Arc<str>, u64>,
    /// records with a value that is no status
    odd: u64,
    /// there were too many values to keep; so many records came or went since
    lost: Option<usize>,
}

impl Seen {
    /// Nothing yet, of every column that a condition reads.
    pub(super) fn of(rules: &SourcePolicy, columns: &Columns) -> Vec<Self> {
        positions(rules, columns).into_iter().map(Self::at).collect()
    }

    /// Nothing yet, of the same column.
    pub(super) fn empty(&self) -> Self {
        Self::at(self.at)
    }

    fn at(at: usize) -> Self {
        Self { at, values: HashMap::new(), odd: 0, lost: None }
    }

    /// A record came, or went.
    pub(super) fn count<'c>(&mut self, mut cells: impl Iterator<Item = Cell<'c>>, by: i64) {
        let Some(cell) = cells.nth(self.at).filter(|cell| !canonical::is_nothing(*cell)) else { return };
        let text = canonical::text(cell);
        if text.len() > LONGEST || text.bytes().filter(u8::is_ascii_digit).count() >= DIGITS {
            self.odd = self.odd.saturating_add_signed(by);
            return;
        }
        if let Some(lost) = &mut self.lost {
            *lost += 1;
            return;
        }
        match self.values.get_mut(text.as_ref()) {
            Some(count) => *count = count.saturating_add_signed(by),
            None => drop(self.values.insert(Arc::from(text.as_ref()), u64::from(by > 0))),
        }
        if self.values.get(text.as_ref()) == Some(&0) {
            self.values.remove(text.as_ref());
        }
        if self.values.len() > KEPT {
            (self.values, self.lost) = (HashMap::new(), Some(0));
        }
    }

    /// The same counted anew, where so much changed that what was lost may be few again.
    pub(super) fn anew(&self, side: &SourceSide) -> Option<Self> {
        self.lost.filter(|changes| *changes >= KEPT - MOST)?;
        let mut again = self.empty();
        let records = (0..side.len()).filter(|record| side.state(*record) != RecordState::Ambiguous);
        records.for_each(|record| again.count(side.row(record).cells(), 1));
        Some(again)
    }

    /// How many have each value; nothing where the column holds no status.
    fn counts(&self) -> Option<Counts> {
        // Of those that were lost, too many are left with so few changes since.
        let few = self.odd == 0 && self.lost.is_none() && self.values.len() <= MOST;
        few.then(|| self.values.iter().map(|(value, count)| (value.clone(), *count)).collect())
    }
}

/// The values of every column that a condition reads, and how many records have each.
pub(crate) fn of(side: &SourceSide) -> Statuses {
    let columns = side.columns();
    side.seen().iter().filter_map(|seen| Some((columns.paths().get(seen.at)?.clone(), seen.counts()?))).collect()
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
