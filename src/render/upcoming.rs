//! What falls due in the coming days: a short block after the plan, grouped by day.
//!
//! Must never: name in a comment of a pull request who comes or goes; many read it, and not everybody has been told.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};

use jiff::civil::Date;

use super::markup::{code, prose};
use super::style::{QUIET, STRONG, paint};
use super::summary::number;
use super::wrap::paragraph;
use super::{count, safe};
use crate::model::{Due, DueKind, Upcoming};

/// Lines of the text view before the rest is counted.
const SHOWN: usize = 30;

/// The block of the text view.
pub(super) fn write(upcoming: &Upcoming, width: usize, out: &mut dyn Write) -> io::Result<()> {
    if upcoming.is_empty() {
        return Ok(());
    }
    writeln!(out, "{}\n", paint(STRONG, "Coming up"))?;
    let shown: Vec<&Due> = upcoming.dues.iter().take(SHOWN).collect();
    for day in shown.chunk_by(|one, next| one.day == next.day) {
        for (at, due) in day.iter().enumerate() {
            let date = if at == 0 { due.day.to_string() } else { " ".repeat(10) };
            paragraph(width, &format!("  {date}  {}", line(due)), "                ", out)?;
        }
    }
    let left = (upcoming.dues.len() - shown.len()) as u64 + upcoming.more.values().sum::<u64>();
    if left > 0 {
        writeln!(
            out,
            "  … and {} more; `-o json` has {}",
            number(left),
            if upcoming.more.is_empty() { "them all" } else { "the first of them" }
        )?;
    }
    writeln!(out)
}

fn line(due: &Due) -> String {
    let who = format!("{} {}", paint(STRONG, safe::line(&due.name)), paint(QUIET, format_args!("({})", safe::line(&due.key))));
    let target = due.target.as_deref().map(safe::line).unwrap_or_default();
    let of = due.of.as_deref().map(safe::line).unwrap_or_default();
    match due.what {
        DueKind::Starts => format!("{who} starts"),
        DueKind::AccountMade => format!("{who} gets an account at {target}, ahead of the start"),
        DueKind::LastDay => format!("{who}: last day"),
        DueKind::MembershipEnds => format!("{who}: last day in {of}"),
        DueKind::EntitlementEnds => format!("{who}: last day with {of} at {target}"),
        DueKind::AccountDeleted => format!("{who}: the deactivated account at {target} is deleted"),
        DueKind::OverrideEnds => {
            format!("the override of {of} at {target} ends {}", paint(QUIET, format_args!("({})", safe::line(&due.key))))
        }
        DueKind::RevocationEnds => format!("the revocation {} ends: {}", safe::line(revocation(due)), paint(STRONG, safe::line(&due.name))),
    }
}

/// What a revocation is called.
fn revocation(due: &Due) -> &str {
    due.key.strip_prefix("revocation/").unwrap_or(&due.key)
}

/// One line a day for a comment: people in numbers, manifests by name.
pub(super) fn days(upcoming: &Upcoming) -> Vec<String> {
    in_words(upcoming, &|name| code(name), &|words| prose(words)).into_iter().map(|(day, words)| format!("- {day}: {words}\n")).collect()
}

/// The words of each day, made harmless for the place where they are to stand.
pub(super) fn in_words(upcoming: &Upcoming, name: &dyn Fn(&str) -> String, plain: &dyn Fn(&str) -> String) -> Vec<(Date, String)> {
    let mut by_day: BTreeMap<Date, (BTreeMap<DueKind, u64>, Vec<String>)> = BTreeMap::new();
    for due in &upcoming.dues {
        let day = by_day.entry(due.day).or_default();
        match due.what {
            DueKind::OverrideEnds => {
                let (of, target) = (due.of.as_deref().unwrap_or_default(), due.target.as_deref().unwrap_or_default());
                day.1.push(format!("the override of {} at {} ends", name(of), name(target)));
            }
            DueKind::RevocationEnds => day.1.push(format!("the revocation {} ends", name(revocation(due)))),
            what => *day.0.entry(what).or_default() += 1,
        }
    }
    let days = by_day.into_iter().map(|(day, (counts, named))| {
        let counted = counts.into_iter().map(|(what, people)| plain(&in_numbers(what, people)));
        let mut words = counted.chain(named).collect::<Vec<_>>().join(", ");
        if let Some(more) = upcoming.more.get(&day) {
            let _ = write!(words, ", and {} more", number(*more));
        }
        (day, words)
    });
    days.collect()
}

fn in_numbers(what: DueKind, people: u64) -> String {
    match what {
        DueKind::Starts => count(people, "joiner"),
        DueKind::AccountMade => format!("{} made ahead of a start", count(people, "account")),
        DueKind::LastDay => count(people, "leaver"),
        DueKind::MembershipEnds => format!("{} in a group", count(people, "last day")),
        DueKind::EntitlementEnds => format!("{} with an entitlement", count(people, "last day")),
        DueKind::AccountDeleted => format!("{} deleted", count(people, "deactivated account")),
        DueKind::OverrideEnds => count(people, "override"),
        DueKind::RevocationEnds => count(people, "revocation"),
    }
}

#[cfg(test)]
#[path = "upcoming_tests.rs"]
mod tests;
