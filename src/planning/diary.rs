//! What falls due in the days after the plan, while it is gathered: a plan has the earliest, and counts the others.
//!
//! Must never: hold anybody for whom nothing falls due in these days.

use std::collections::BTreeMap;

use jiff::ToSpan;
use jiff::civil::Date;

use crate::model::{Due, Upcoming};

/// How far ahead a plan looks.
pub const DAYS_AHEAD: i64 = 92;

/// What falls due later than so many others is counted.
const MOST: usize = 500;

/// Gathers.
pub(in crate::planning) struct Diary {
    first: Date,
    last: Date,
    noted: Vec<Due>,
}

impl Diary {
    /// For the days after this one.
    pub(in crate::planning) fn new(today: Date) -> Self {
        let last = today.checked_add(DAYS_AHEAD.days()).unwrap_or(Date::MAX);
        Self { first: today, last, noted: Vec::new() }
    }

    /// Whether a day is one that the diary covers. What ends today is still to come.
    pub(in crate::planning) fn covers(&self, day: Date) -> bool {
        self.first <= day && day <= self.last
    }

    /// Notes something.
    pub(in crate::planning) fn note(&mut self, due: Due) {
        if self.covers(due.day) {
            self.noted.push(due);
        }
    }

    /// What another one gathered.
    pub(in crate::planning) fn add(&mut self, other: Self) {
        self.noted.extend(other.noted);
    }

    /// All that was noted, in no order.
    pub(in crate::planning) fn noted(&self) -> &[Due] {
        &self.noted
    }

    /// The earliest, sorted, without doubles, and how many come later.
    pub(in crate::planning) fn finish(&mut self) -> Upcoming {
        let mut noted = std::mem::take(&mut self.noted);
        noted.sort_unstable();
        let mut by_day: BTreeMap<Date, u64> = BTreeMap::new();
        noted.iter().for_each(|due| *by_day.entry(due.day).or_default() += 1);
        upcoming(noted.iter(), &by_day)
    }
}

/// The earliest of these, which come in order, without doubles, and how many come later, by day.
pub(in crate::planning) fn upcoming<'d>(sorted: impl Iterator<Item = &'d Due>, by_day: &BTreeMap<Date, u64>) -> Upcoming {
    let mut dues: Vec<Due> = sorted.take(MOST).cloned().collect();
    let mut more = by_day.clone();
    for due in &dues {
        more.entry(due.day).and_modify(|many| *many = many.saturating_sub(1));
    }
    more.retain(|_, many| *many > 0);
    dues.dedup();
    Upcoming { dues, more }
}
