//! What falls due in the days after the plan, while it is gathered: the earliest are kept, the others counted.
//!
//! Must never: grow with the number of people.

use std::collections::{BTreeMap, BinaryHeap};

use jiff::ToSpan;
use jiff::civil::Date;

use crate::model::{Due, Upcoming};

/// How far ahead a plan looks.
pub const DAYS_AHEAD: i64 = 92;

/// What falls due later than so many others is counted.
const MOST: usize = 500;

/// Gathers, and keeps the earliest.
pub(in crate::planning) struct Diary {
    first: Date,
    last: Date,
    kept: BinaryHeap<Due>,
    more: BTreeMap<Date, u64>,
}

impl Diary {
    /// For the days after this one.
    pub(in crate::planning) fn new(today: Date) -> Self {
        let last = today.checked_add(DAYS_AHEAD.days()).unwrap_or(Date::MAX);
        Self { first: today, last, kept: BinaryHeap::new(), more: BTreeMap::new() }
    }

    /// Whether a day is one that the diary covers. What ends today is still to come.
    pub(in crate::planning) fn covers(&self, day: Date) -> bool {
        self.first <= day && day <= self.last
    }

    /// Notes something.
    pub(in crate::planning) fn note(&mut self, due: Due) {
        if !self.covers(due.day) {
            return;
        }
        self.kept.push(due);
        if self.kept.len() > MOST
            && let Some(latest) = self.kept.pop()
        {
            *self.more.entry(latest.day).or_default() += 1;
        }
    }

    /// What another one gathered.
    pub(in crate::planning) fn add(&mut self, other: Self) {
        other.kept.into_iter().for_each(|due| self.note(due));
        for (day, many) in other.more {
            *self.more.entry(day).or_default() += many;
        }
    }

    /// Sorted, without doubles.
    pub(in crate::planning) fn finish(&mut self) -> Upcoming {
        let mut dues = std::mem::take(&mut self.kept).into_sorted_vec();
        dues.dedup();
        Upcoming { dues, more: std::mem::take(&mut self.more) }
    }
}
