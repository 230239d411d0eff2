//! What contradicts itself is unknown: an end before the start, a day that stands for "none", one last day that nearly everybody shares.
//!
//! A column that a system fills with its own idea of nothing, or with one day for everybody, says nothing about anybody. Must never: end or admit somebody by
//! such a day, or keep quiet about it.

use std::collections::HashMap;

use jiff::civil::{Date, date};

use crate::model::{Cell, FindingCode, Value, ValueState};
use crate::planning::people::days;
use crate::planning::people::days::Days;
use crate::planning::question::Moment;
use crate::planning::schema::doubt::HoldReason;
use crate::planning::schema::layout::Layout;
use crate::planning::schema::values::{Evaluated, evaluate};
use crate::policy::Policy;
use crate::world::{RecordState, World};

/// Of fewer people it is no wonder that they share a day.
const FEWEST: u32 = 5;
/// Nearly everybody: this many of four.
const OF_FOUR: u32 = 3;
/// Systems fill in days up to this one where there is none: 0001-01-01, 1753-01-01, 1899-12-30, 1900-01-01, 1970-01-01.
const EPOCH: Date = date(1970, 1, 1);
/// A first day so many years ahead is none.
const AHEAD: i16 = 100;

/// Whether the days can be taken at their word. `shared`: last days that nearly everybody of a source has.
pub(in crate::planning) fn of_days(days: Days, shared: &[Date], moment: Moment) -> Option<HoldReason> {
    if let Some(end) = days.end.filter(|end| *end <= EPOCH) {
        let start = if days.contradict() { ", which lies before the start" } else { "" };
        let words = format!("its last day is {end}{start}: a day that systems write where there is none, so nobody leaves by it");
        return Some(doubt(
            &words,
            "Map it to nothing in the Source (`record.end == \"1900-01-01\" ? null : date(record.end)`), or correct the source.",
        ));
    }
    if let Some(start) = days.start.filter(|start| start.year() >= moment.today.year().saturating_add(AHEAD)) {
        let words = format!("its first day is {start}: a day that systems write where there is none, so when it begins is not known");
        return Some(doubt(&words, "Correct the date in the source, or map it to nothing."));
    }
    if days.contradict() {
        let words = "its dates contradict each other: the endDate is before the startDate, so whether it has ended is not known";
        return Some(doubt(words, "Correct one of the dates in the source, or override it in a User."));
    }
    let end = days.end.filter(|end| *end < moment.today && shared.contains(end))?;
    let words = format!("nearly everybody in its source has the last day {end}, so nobody is taken for a leaver by it");
    let hint = format!(
        "Correct the dates in the source. If they have all left, write `lifecycle: {{sharedEnd: {end}}}` into the spec of the Source."
    );
    Some(doubt(&words, &hint))
}

fn doubt(words: &str, hint: &str) -> HoldReason {
    HoldReason { code: FindingCode::ContradictoryDates, words: words.into(), hint: Some(hint.into()), told: false }
}

/// Last days that have passed and that nearly everybody of one source has, unless the Source says that it is so.
pub(in crate::planning) fn shared_ends(policy: &Policy, world: &World, layout: &Layout<'_>, moment: Moment) -> Vec<Date> {
    let candidates = layout.slots[layout.end].candidates.iter();
    let shared = candidates.filter_map(|candidate| {
        let end = shared_end(world, layout, candidate.source, candidate.rule)?;
        (end < moment.today && policy.sources[candidate.source].shared_end != Some(end)).then_some(end)
    });
    let mut shared: Vec<Date> = shared.collect();
    shared.sort_unstable();
    shared.dedup();
    shared
}

/// How many records may change before nearly everybody of a source can have one last day, or no longer: each makes a difference of two at most.
pub(in crate::planning) fn spare(world: &World, layout: &Layout<'_>) -> u64 {
    let candidates = layout.slots[layout.end].candidates.iter();
    let spares = candidates.filter_map(|candidate| {
        let side = world.sources.get(candidate.source)?;
        let rule = layout.sources.get(candidate.source)?.rules.get(candidate.rule)?;
        let (mut days, mut counts) = (HashMap::<Date, u64>::new(), 0u64);
        for record in (0..side.len()).filter(|record| side.state(*record) != RecordState::OutOfScope) {
            let cells: Vec<Cell<'_>> = side.row(record).cells().collect();
            counts += 1;
            if let Evaluated::Is(ValueState::Set(Value::Text(text))) = evaluate(rule, cells.as_slice())
                && let Some(day) = days::parse(&text)
            {
                *days.entry(day).or_default() += 1;
            }
        }
        let most = days.into_values().max().unwrap_or_default();
        let nearly = (counts * u64::from(OF_FOUR)).div_ceil(4);
        Some(if counts < u64::from(FEWEST) * 2 { 0 } else { nearly.abs_diff(most) / 2 })
    });
    spares.min().unwrap_or(u64::MAX)
}

/// The last day that nearly every record of a source has. Gives up as soon as too many have another one, or none: mostly after a quarter of the records.
fn shared_end(world: &World, layout: &Layout<'_>, source: usize, rule: usize) -> Option<Date> {
    let side = world.sources.get(source)?;
    let rule = layout.sources.get(source)?.rules.get(rule)?;
    let counts = u32::try_from(side.in_scope()).ok().filter(|count| *count >= FEWEST)?;
    let spare = counts - (counts * OF_FOUR).div_ceil(4);
    let (mut days, mut seen, mut most) = (HashMap::<Date, u32>::new(), 0, 0);
    let mut cells: Vec<Cell<'_>> = Vec::new();
    for record in (0..side.len()).filter(|record| side.state(*record) != RecordState::OutOfScope) {
        side.row(record).put_cells(&mut cells);
        seen += 1;
        if let Evaluated::Is(ValueState::Set(Value::Text(text))) = evaluate(rule, cells.as_slice())
            && let Some(day) = days::parse(&text)
        {
            let count = days.entry(day).or_default();
            *count += 1;
            most = most.max(*count);
        }
        if seen - most > spare {
            return None;
        }
    }
    days.into_iter().find(|(_, count)| *count == most).map(|(day, _)| day)
}
