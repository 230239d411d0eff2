//! The requests that changes would lead to, for people: below each change what would be asked, in order.
//!
//! Must never: show what signs a request in; the requests never had it.

use std::io::{self, Write};

use super::style::{BAD, QUIET, STRONG, paint};
use super::{headline, safe};
use crate::model::{Plan, Rehearsed, RehearsedChange};

/// Longer contents are cut for people; the JSON view has them whole.
const SHOWN: usize = 2_000;

/// All of them, below their changes.
pub fn write(plan: &Plan, all: &[RehearsedChange], out: &mut dyn Write) -> io::Result<()> {
    for one in all {
        if let Some(change) = plan.changes.get(one.change.0 as usize) {
            writeln!(out, "{}", paint(STRONG, safe::line(&headline(change))))?;
            of_change(&one.rehearsed, out)?;
        }
    }
    if all.is_empty() {
        writeln!(out, "No change of this plan is a request.")?;
    }
    Ok(())
}

/// The requests of one change.
pub fn of_change(one: &Rehearsed, out: &mut dyn Write) -> io::Result<()> {
    for request in &one.requests {
        writeln!(out, "  {} {}", request.method, safe::line(&request.url))?;
        if let Some(body) = &request.body {
            let text = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
            let cut: String = text.chars().take(SHOWN).collect();
            let more = if cut.len() < text.len() { "…" } else { "" };
            writeln!(out, "    {}{more}", paint(QUIET, safe::line(&cut)))?;
        }
    }
    match &one.stops {
        Some(words) => writeln!(out, "  {} {}", paint(BAD, "not known:"), safe::line(words)),
        None => Ok(()),
    }
}
