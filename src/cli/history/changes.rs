//! What the journal tells of one person, one group or one target, as a table.
//!
//! Must never: show a value in the table; the JSON has what the journal has.

use std::io::Write;

use serde_json::json;
use unicode_width::UnicodeWidthStr;

use super::{Form, failure};
use crate::cli::report::{self, Failure};
use crate::journal::history::{ChangeQuery, RecordedChange, RecordedChanges, WhoError, why_meant};
use crate::journal::{Journal, ResultWord};
use crate::render::style::{BAD, GOOD, QUIET, STRONG, paint};
use crate::render::{paragraph, safe};

/// Shows it.
pub async fn show(journal: &Journal<'_>, wanted: &ChangeQuery<'_>, form: Form) -> Result<(), Failure> {
    let found = RecordedChanges::read(journal, wanted).await.map_err(nobody)?;
    let mut out = report::stdout();
    match form {
        Form::Json => writeln!(out, "{:#}", found.document())?,
        Form::Ndjson => {
            found.changes.iter().try_for_each(|told| writeln!(out, "{}", json!(told)))?;
            found.revocations.iter().chain(&found.acts).try_for_each(|entry| writeln!(out, "{}", json!(entry)))?;
        }
        Form::Text => text(&found, &mut out)?,
    }
    out.flush()?;
    Ok(())
}

fn nobody(error: WhoError) -> Failure {
    match error {
        WhoError::Journal(error) => failure(error),
        WhoError::Nobody(_) => {
            Failure::from_error(&error).hint("name a key (hr/10023, user/jane, group/NAME) or a user name; `headcount explain` finds it")
        }
        WhoError::Several { .. } => Failure::from_error(&error).hint("name one of these keys"),
    }
}

const COLUMNS: [&str; 7] = ["WHEN", "TARGET", "CHANGE", "REASON", "RESULT", "WHO", "RUN"];

fn text(found: &RecordedChanges, out: &mut impl Write) -> std::io::Result<()> {
    if found.is_empty() {
        return writeln!(out, "No changes.");
    }
    let rows: Vec<[String; 7]> = found.changes.iter().map(row).collect();
    let width = |at: usize| rows.iter().map(|row| row[at].width()).chain([COLUMNS[at].len()]).max().unwrap_or_default();
    let widths: Vec<usize> = (0..COLUMNS.len()).map(width).collect();
    let pad = |cell: &String, wide: usize| format!("{cell}{}", " ".repeat(wide.saturating_sub(cell.width())));
    let padded = |cells: &[String]| -> Vec<String> { cells.iter().zip(&widths).map(|(cell, wide)| pad(cell, *wide)).collect() };
    // A table that is wider than the terminal is no table: there each change is a few lines.
    let narrow = report::screen().filter(|columns| widths.iter().sum::<usize>() + 2 * (COLUMNS.len() - 1) > *columns);
    if !rows.is_empty() && narrow.is_none() {
        let heading = padded(&COLUMNS.map(str::to_owned)).join("  ");
        writeln!(out, "{}", paint(STRONG, heading.trim_end()))?;
    }
    for (told, row) in found.changes.iter().zip(&rows) {
        let good = matches!(told.result, Some(ResultWord::Done | ResultWord::AlreadySo));
        let result = |cell: &str| paint(if good { GOOD } else { BAD }, cell);
        if let Some(columns) = narrow {
            in_lines(row, &result, columns, out)?;
        } else {
            let mut cells = padded(row);
            if let Some(cell) = cells.get_mut(4) {
                *cell = result(cell.as_str());
            }
            writeln!(out, "{}", cells.join("  ").trim_end())?;
        }
        if let Some(message) = &told.message {
            writeln!(out, "    {}", safe::line(message))?;
        }
    }
    for entry in found.revocations.iter().chain(&found.acts) {
        super::entry_line(entry, out)?;
    }
    if found.changes.iter().any(|told| told.result.is_none()) {
        writeln!(out, "{}", paint(QUIET, UNANSWERED))?;
    }
    Ok(())
}

/// A change below its time, for a terminal that has no room for the table.
fn in_lines(row: &[String; 7], result: &dyn Fn(&str) -> String, columns: usize, out: &mut impl Write) -> std::io::Result<()> {
    let [when, target, change, reason, came, who, run] = row;
    let reason = if reason.is_empty() { String::new() } else { format!(" ({reason})") };
    paragraph(columns, &format!("{when}  {change} at {target}{reason}: {}", result(came)), "    ", out)?;
    paragraph(columns, &format!("    by {who}, run {run}"), "      ", out)
}

const UNANSWERED: &str = "unanswered: the run was killed before it heard, or still runs; `headcount plan` shows what became of it";

fn row(told: &RecordedChange) -> [String; 7] {
    let intent = &told.intent;
    let result = told.result.map_or("unanswered", ResultWord::words);
    let again = if intent.attempt > 1 { format!(" ({} attempts)", intent.attempt) } else { String::new() };
    let line = |text: &str| safe::line(text).into_owned();
    [
        format!("{:.0}", told.at),
        line(&intent.target),
        told.words(),
        why_meant(intent).unwrap_or_default(),
        format!("{result}{again}"),
        line(&told.who),
        line(&told.run),
    ]
}
