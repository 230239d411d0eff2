//! Somebody's first and last day.
//!
//! Must never: take a date that can't be read for one in the past.

use std::sync::Arc;

use jiff::civil::Date;

use crate::model::{Cell, Value, ValueState};
use crate::planning::people::person::Person;
use crate::planning::schema::layout::Layout;
use crate::planning::schema::values::Held;

/// The first and the last day, where somebody says them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::planning) struct Days {
    pub(in crate::planning) start: Option<Date>,
    pub(in crate::planning) end: Option<Date>,
}

impl Days {
    /// Whether the last lies before the first.
    pub(in crate::planning) fn contradict(self) -> bool {
        self.start.zip(self.end).is_some_and(|(start, end)| end < start)
    }

    /// Of somebody who was assembled.
    pub(in crate::planning) fn of(layout: &Layout<'_>, person: &Person) -> Self {
        let known = |slot, name| day(person, slot, name).ok().flatten();
        Self { start: known(layout.start, "startDate"), end: known(layout.end, "endDate") }
    }
}

/// The day of an ISO date, or of one with time.
pub(in crate::planning) fn parse(text: &str) -> Option<Date> {
    let text = text.trim();
    let date = match text.as_bytes().get(10) {
        None => text,
        Some(b'T' | b' ') => text.get(..10)?,
        Some(_) => return None,
    };
    date.parse().ok()
}

pub(super) fn day(person: &Person, slot: usize, name: &str) -> Result<Option<Date>, Arc<str>> {
    match &person.slots[slot] {
        Held::State(ValueState::Unmanaged | ValueState::Clear) => Ok(None),
        Held::State(ValueState::Unknown) => Err(format!("its {name} is not known").into()),
        Held::Cell(Cell::Text(text)) => parse(text).map(Some).ok_or_else(|| format!("its {name} is no ISO date").into()),
        Held::State(ValueState::Set(Value::Text(text))) => parse(text).map(Some).ok_or_else(|| format!("its {name} is no ISO date").into()),
        Held::Cell(_) | Held::State(ValueState::Set(_)) => Err(format!("its {name} is no ISO date").into()),
    }
}
