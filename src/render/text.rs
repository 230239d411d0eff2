//! The plan for a person at a terminal: what could not be read first, then the targets with what changes, findings, and the total.

use std::io::{self, Write};

use unicode_width::UnicodeWidthStr;

use super::ViewOptions;
use super::blocks::Blocks;
use super::layout::{self, Entry};
use super::style::{BAD, QUIET, STRONG, of_severity, paint};
use super::summary::{self, Counts, number, severity, word};
use super::value::DisplayNames;
use super::wrap::{next_step, paragraph};
use super::{forecast, risks, safe, upcoming};
use crate::model::{Finding, Plan, Severity};

const NOTHING: &str = "No changes. Everything is as declared.";
/// Findings of one kind beyond this are counted; the JSON view holds them all.
const FINDINGS_SHOWN: usize = 30;

/// What only follows from a finding, before it is counted.
const FOLLOWING_SHOWN: usize = 5;

/// Writes the view.
pub fn write(plan: &Plan, look: ViewOptions<'_>, out: &mut dyn Write) -> io::Result<()> {
    written(plan, look, risks::write, out)
}

/// The same for whoever is to approve it: what to look at twice stands first, however short the plan is.
pub fn write_risks_first(plan: &Plan, look: ViewOptions<'_>, out: &mut dyn Write) -> io::Result<()> {
    risks::write_all(plan, look.width, out)?;
    written(plan, look, |_, _, _| Ok(()), out)
}

fn written(
    plan: &Plan,
    look: ViewOptions<'_>,
    risks: fn(&Plan, usize, &mut dyn Write) -> io::Result<()>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let numbers = numbers_as_told(plan, look);
    let blocks = Blocks { names: DisplayNames::of(plan, look.lines), look, numbers: &numbers };
    let view = View { plan, blocks, width: look.width, left_out: look.left_out, numbers: &numbers };
    view.unread(out)?;
    for (target, entries) in &layout::targets(plan, look.full) {
        view.target(target, entries, out)?;
    }
    view.findings(out)?;
    risks(plan, look.width, out)?;
    upcoming::write(&plan.upcoming, look.width, out)?;
    view.totals(out)
}

struct View<'a> {
    plan: &'a Plan,
    blocks: Blocks<'a>,
    width: usize,
    left_out: usize,
    /// by the findings' positions in the plan, their numbers as they are shown
    numbers: &'a [usize],
}

impl View<'_> {
    /// What could not be read stands first: everything below is to be read with it in mind.
    fn unread(&self, out: &mut dyn Write) -> io::Result<()> {
        let incomplete = |finding: &(usize, &Finding)| finding.1.severity == Severity::Incomplete;
        let findings: Vec<_> = in_order(self.plan).into_iter().filter(incomplete).collect();
        for (system, how, reason) in summary::untold_reads(self.plan) {
            let words = format!("{} {how}: {}", safe::line(system), safe::lines(reason));
            paragraph(self.width, &format!("{} {words}\n", paint(BAD, "incomplete:")), "", out)?;
        }
        self.list(&findings, out)
    }

    fn target(&self, target: &str, entries: &[Entry<'_>], out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{}\n", paint(STRONG, format_args!("Target {}", safe::line(target))))?;
        entries.iter().try_for_each(|entry| self.blocks.write(entry, out))?;
        writeln!(out)
    }

    fn findings(&self, out: &mut dyn Write) -> io::Result<()> {
        let findings = in_order(self.plan).into_iter().filter(|(_, finding)| finding.severity != Severity::Incomplete);
        let (known, findings): (Vec<_>, Vec<_>) = findings.partition(|(_, finding)| self.blocks.look.knows(finding));
        if !findings.is_empty() {
            writeln!(out, "{}\n", paint(STRONG, "Findings"))?;
        }
        self.list(&findings, out)?;
        match known.len() as u64 {
            0 => Ok(()),
            known => paragraph(self.width, &format!("{}\n", summary::known(known)), "", out),
        }
    }

    fn list(&self, findings: &[(usize, &Finding)], out: &mut dyn Write) -> io::Result<()> {
        for same in
            findings.chunk_by(|(_, one), (_, next)| (one.severity, one.code, one.follows) == (next.severity, next.code, next.follows))
        {
            if same.iter().all(|(_, finding)| finding.follows) {
                self.followed(same, out)?;
                continue;
            }
            for (at, finding) in same.iter().take(FINDINGS_SHOWN) {
                self.finding(*at, finding, out)?;
            }
            if let (Some(more @ 1..), Some((_, first))) = (same.len().checked_sub(FINDINGS_SHOWN), same.first()) {
                writeln!(out, "  … and {} more of {}; `-o json` has them all\n", number(more as u64), word(&first.code))?;
            }
        }
        Ok(())
    }

    /// What only follows from the causes above: a line each, and the rest counted.
    fn followed(&self, findings: &[(usize, &Finding)], out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "     {}", paint(STRONG, format_args!("because of that ({}):", super::count(findings.len() as u64, "thing"))))?;
        for (_, finding) in findings.iter().take(FOLLOWING_SHOWN) {
            paragraph(self.width, &format!("     - {}", safe::lines(&finding.message)), "       ", out)?;
        }
        let left = findings.len().saturating_sub(FOLLOWING_SHOWN);
        if left > 0 {
            writeln!(out, "     … and {} more; `-o json` has them all", number(left as u64))?;
        }
        writeln!(out)
    }

    fn number(&self, at: usize) -> usize {
        self.numbers.get(at).copied().unwrap_or_default()
    }

    fn finding(&self, at: usize, finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
        let level = paint(of_severity(finding.severity), format_args!("{}:", severity(finding.severity)));
        let line = format!(
            "{:>3}. {level} {} {}",
            self.number(at),
            safe::lines(&summary::told(finding)),
            paint(QUIET, format_args!("[{}]", word(&finding.code)))
        );
        paragraph(self.width, &line, "     ", out)?;
        if let Some(place) = &finding.place {
            writeln!(out, "     {}", paint(QUIET, format_args!("at {}", safe::line(&place.to_string()))))?;
        }
        if let Some(hint) = &finding.hint {
            next_step(self.width, &format!("     {}", paint(STRONG, "next:")), &safe::lines(hint), "     ", out)?;
        }
        writeln!(out)
    }

    fn totals(&self, out: &mut dyn Write) -> io::Result<()> {
        let targets = summary::targets(self.plan);
        if targets.len() > 1 {
            let widest = targets.keys().map(|target| safe::line(target).width()).max().unwrap_or_default();
            for (target, changes) in &targets {
                let name = safe::line(target);
                let pad = " ".repeat(widest.saturating_sub(name.width()));
                paragraph(self.width, &format!("{name}{pad}  {}", Counts::of(changes.iter().copied()).words()), "    ", out)?;
            }
        }
        let total = format!("{}{}", self.total(), self.notes());
        paragraph(self.width, &paint(STRONG, total), "    ", out)?;
        let mut lines = forecast::lines(self.blocks.look.forecast).peekable();
        if lines.peek().is_some() {
            writeln!(out, "\n{}", paint(STRONG, "Forecast"))?;
        }
        lines.try_for_each(|line| paragraph(self.width, &format!("  {line}"), "    ", out))
    }

    fn total(&self) -> String {
        let counts = Counts::of(&self.plan.changes);
        let open = self.plan.findings.iter().filter(|finding| matches!(finding.severity, Severity::Error | Severity::Refused)).count();
        match (counts.is_empty(), self.left_out, open) {
            (false, ..) => format!("Plan: {}.", counts.words()),
            (true, 1.., _) => "No changes in this selection.".to_owned(),
            (true, 0, _) if summary::incomplete(self.plan) => "No changes in what could be read.".to_owned(),
            (true, 0, 0) => NOTHING.to_owned(),
            (true, 0, 1) => "No changes, but one thing could not be decided: see the finding.".to_owned(),
            (true, 0, open) => format!("No changes, but {} things could not be decided: see the findings.", number(open as u64)),
        }
    }

    fn notes(&self) -> String {
        let left_out = match self.left_out {
            0 => String::new(),
            left_out => format!(" The whole plan has {}.", super::count(left_out as u64, "more change")),
        };
        let incomplete = if summary::incomplete(self.plan) { " The plan is incomplete." } else { "" };
        format!("{left_out}{incomplete}")
    }
}

/// Findings as they are shown, with their positions: what could not be read, then the graver first.
fn in_order(plan: &Plan) -> Vec<(usize, &Finding)> {
    let mut findings: Vec<_> = plan.findings.iter().enumerate().collect();
    let later = |finding: &Finding| finding.severity != Severity::Incomplete;
    findings.sort_by_key(|(at, finding)| (later(finding), std::cmp::Reverse(finding.severity), finding.follows, finding.code, *at));
    findings
}

/// The numbers that people see, from 1 in the order of reading. What keeps something back has the same ones whatever is only counted: a note comes last.
pub(super) fn numbers(plan: &Plan) -> Vec<usize> {
    numbers_as_told(plan, ViewOptions::wide(0))
}

fn numbers_as_told(plan: &Plan, look: ViewOptions<'_>) -> Vec<usize> {
    let mut numbers = vec![0; plan.findings.len()];
    let shown = in_order(plan).into_iter().filter(|(_, finding)| !look.knows(finding));
    for (number, (at, _)) in (1..).zip(shown) {
        if let Some(place) = numbers.get_mut(at) {
            *place = number;
        }
    }
    numbers
}

#[cfg(test)]
#[path = "text_tests.rs"]
mod tests;
