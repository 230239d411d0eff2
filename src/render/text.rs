//! The plan for a person at a terminal: what could not be read first, then the targets with what changes, findings, and the total.

use std::io::{self, Write};

use unicode_width::UnicodeWidthStr;

use super::Look;
use super::difference;
use super::style::{BAD, QUIET, RISK, STRONG, of_action, of_severity, paint};
use super::summary::{self, Counts, Targets, is_membership, number, severity, word};
use super::value::{Names, sides};
use super::words::{Piece, reason, risk, said, sentence};
use super::wrap::{columns, flow, paragraph};
use super::{risks, safe, upcoming};
use crate::model::{Action, Change, Finding, MemberChange, ObjectKind, ObjectRef, Plan, Severity};

const NOTHING: &str = "No changes. Everything is as declared.";
/// Findings of one kind beyond this are counted; the JSON view holds them all.
const FINDINGS_SHOWN: usize = 30;

/// What only follows from a finding, before it is counted.
const FOLLOWING_SHOWN: usize = 5;

/// Writes the view.
pub fn write(plan: &Plan, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let view = View { plan, names: Names::of(plan), width: look.width, left_out: look.left_out, numbers: numbers(plan) };
    view.unread(out)?;
    let targets = summary::targets(plan);
    for (target, changes) in &targets {
        view.target(target, changes, out)?;
    }
    view.findings(out)?;
    risks::write(plan, look.width, out)?;
    upcoming::write(plan, look.width, out)?;
    view.totals(&targets, out)
}

struct View<'a> {
    plan: &'a Plan,
    names: Names<'a>,
    width: usize,
    left_out: usize,
    /// by the findings' positions in the plan, their numbers as they are shown
    numbers: Vec<usize>,
}

impl View<'_> {
    /// What could not be read stands first: everything below is to be read with it in mind.
    fn unread(&self, out: &mut dyn Write) -> io::Result<()> {
        let incomplete = |finding: &(usize, &Finding)| finding.1.severity == Severity::Incomplete;
        let findings: Vec<_> = in_order(self.plan).into_iter().filter(incomplete).collect();
        for (system, how, reason) in summary::untold_reads(self.plan) {
            let words = format!("{} {how}: {}", safe::line(system), safe::lines(reason));
            paragraph(self.width, &format!("{} {words}\n", paint(BAD.bold(), "incomplete:")), "", out)?;
        }
        self.list(&findings, out)
    }

    fn target(&self, target: &str, changes: &[&Change], out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{}\n", paint(STRONG, format_args!("Target {}", safe::line(target))))?;
        let mut last_group = None;
        for (at, change) in changes.iter().enumerate() {
            if is_membership(change) {
                if last_group != Some(&change.object) {
                    let same = changes[at..].iter().take_while(|next| next.object == change.object);
                    self.group_heading(&change.object, &Counts::of(same.copied()), out)?;
                    last_group = Some(&change.object);
                }
                self.members(change, out)?;
            } else {
                self.heading(change, out)?;
                self.attributes(change, out)?;
                self.losers(change, out)?;
            }
        }
        writeln!(out)
    }

    fn heading(&self, change: &Change, out: &mut dyn Write) -> io::Result<()> {
        let style = of_action(change.action);
        let pieces = sentence(change).into_iter().map(|piece| match piece {
            Piece::Words(words) => paint(style, words),
            Piece::Name(name) => paint(STRONG, safe::line(name)),
        });
        let behind = Some(behind(change)).filter(|behind| !behind.is_empty());
        let behind = behind.map(|behind| paint(QUIET, format_args!(" ({behind})"))).unwrap_or_default();
        let line = format!("  {} {}{behind}{}", paint(style, change.action.symbol()), pieces.collect::<String>(), self.marks(change));
        paragraph(self.width, &line, "    ", out)
    }

    /// Risks, and what withholds the change.
    fn marks(&self, change: &Change) -> String {
        let mut marks: Vec<_> = change
            .risks
            .iter()
            .filter(|known| !said(change, **known))
            .map(|known| paint(RISK, format_args!("[{}]", risk(*known))))
            .collect();
        if let Some(withheld) = &change.withheld {
            marks.push(paint(BAD.bold(), format_args!("[withheld: see finding {}]", self.number(withheld.finding as usize))));
        }
        marks.iter().map(|mark| format!(" {mark}")).collect()
    }

    fn attributes(&self, change: &Change, out: &mut dyn Write) -> io::Result<()> {
        let widest = change.attributes.iter().map(|changed| safe::line(&changed.attribute).width()).max().unwrap_or_default();
        if matches!(change.action, Action::Create | Action::AddEntitlement) {
            let pairs = change.attributes.iter().map(|changed| {
                let name = paint(QUIET, format_args!("{}:", safe::line(&changed.attribute)));
                format!("{name} {}", sides(changed, &self.names).1)
            });
            return flow(self.width, pairs, " · ", "      ", out);
        }
        for changed in &change.attributes {
            let (before, after) = sides(changed, &self.names);
            let name = safe::line(&changed.attribute);
            let padded = format!("{name}{}", " ".repeat(widest.saturating_sub(name.width())));
            let line = format!("      {padded}  {before} {} {after}", paint(STRONG, "→"));
            let fits = columns(&line) <= self.width && !spans_lines(changed);
            match difference::lines(changed, &self.names).filter(|_| !fits) {
                None => paragraph(self.width, &line, "        ", out)?,
                Some(lines) => {
                    writeln!(out, "      {name}")?;
                    lines.iter().try_for_each(|line| paragraph(self.width, &format!("        {line}"), "          ", out))?;
                }
            }
        }
        Ok(())
    }

    fn group_heading(&self, group: &ObjectRef, counts: &Counts, out: &mut dyn Write) -> io::Result<()> {
        let heading = format!(
            "  members of {} {}: {}",
            paint(STRONG, safe::line(&group.name)),
            paint(QUIET, format_args!("({})", safe::line(&group.key))),
            member_words(counts)
        );
        paragraph(self.width, &heading, "    ", out)
    }

    /// Who loses a group with it.
    fn losers(&self, change: &Change, out: &mut dyn Write) -> io::Result<()> {
        if change.losers.is_empty() {
            return Ok(());
        }
        writeln!(out, "      {}", paint(QUIET, format_args!("lost by {}:", summary::people(change.people_who_lose()))))?;
        self.names(change, &change.losers, out)
    }

    fn names(&self, change: &Change, members: &[MemberChange], out: &mut dyn Write) -> io::Result<()> {
        let style = of_action(change.action);
        let names = members.iter().map(|changed| {
            let people = match changed.member.kind {
                ObjectKind::Group => format!(" ({} people)", number(u64::from(changed.people))),
                _ => String::new(),
            };
            format!("{} {}{people}", paint(style, change.action.symbol()), object(&changed.member))
        });
        flow(self.width, names, "  ", "      ", out)
    }

    fn members(&self, change: &Change, out: &mut dyn Write) -> io::Result<()> {
        self.names(change, &change.members, out)?;
        match self.marks(change) {
            marks if marks.is_empty() => Ok(()),
            marks => writeln!(out, "       {marks}"),
        }
    }

    fn findings(&self, out: &mut dyn Write) -> io::Result<()> {
        let findings: Vec<_> = in_order(self.plan).into_iter().filter(|(_, finding)| finding.severity != Severity::Incomplete).collect();
        if !findings.is_empty() {
            writeln!(out, "{}\n", paint(STRONG, "Findings"))?;
        }
        self.list(&findings, out)
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
            safe::lines(&finding.message),
            paint(QUIET, format_args!("[{}]", word(&finding.code)))
        );
        paragraph(self.width, &line, "     ", out)?;
        if let Some(place) = &finding.place {
            writeln!(out, "     {}", paint(QUIET, format_args!("at {}", safe::line(&place.to_string()))))?;
        }
        if let Some(hint) = &finding.hint {
            // A hint may be YAML to paste: its lines stay as they are.
            let indented = safe::lines(hint).replace('\n', "\n     ");
            writeln!(out, "     {} {indented}", paint(STRONG, "next:"))?;
        }
        writeln!(out)
    }

    fn totals(&self, targets: &Targets<'_>, out: &mut dyn Write) -> io::Result<()> {
        if targets.len() > 1 {
            let widest = targets.keys().map(|target| safe::line(target).width()).max().unwrap_or_default();
            for (target, changes) in targets {
                let name = safe::line(target);
                let pad = " ".repeat(widest.saturating_sub(name.width()));
                paragraph(self.width, &format!("{name}{pad}  {}", Counts::of(changes.iter().copied()).words()), "    ", out)?;
            }
        }
        let total = format!("{}{}", self.total(), self.notes());
        paragraph(self.width, &paint(STRONG, total), "    ", out)
    }

    fn total(&self) -> String {
        let counts = Counts::of(&self.plan.changes);
        let open = self.plan.findings.iter().filter(|finding| matches!(finding.severity, Severity::Error | Severity::Refused)).count();
        match (counts.is_empty(), self.left_out, open) {
            (false, ..) => format!("Plan: {}.", counts.words()),
            (true, 1.., _) => "No changes in this selection.".to_owned(),
            (true, 0, _) if !self.plan.complete() => "No changes in what could be read.".to_owned(),
            (true, 0, 0) => NOTHING.to_owned(),
            (true, 0, 1) => "No changes, but one thing could not be decided: see the finding.".to_owned(),
            (true, 0, open) => format!("No changes, but {} things could not be decided: see the findings.", number(open as u64)),
        }
    }

    fn notes(&self) -> String {
        let left_out = match self.left_out {
            0 => String::new(),
            left_out => format!(" The whole plan has {} more.", number(left_out as u64)),
        };
        let incomplete = if self.plan.complete() { "" } else { " The plan is incomplete." };
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

/// The numbers that people see, from 1 in the order of reading.
fn numbers(plan: &Plan) -> Vec<usize> {
    let mut numbers = vec![0; plan.findings.len()];
    for (number, (at, _)) in (1..).zip(in_order(plan)) {
        if let Some(place) = numbers.get_mut(at) {
            *place = number;
        }
    }
    numbers
}

/// The key, the former one, and why.
fn behind(change: &Change) -> String {
    let key =
        (change.action != Action::Adopt || change.object.kind == ObjectKind::Group).then(|| safe::line(&change.object.key).into_owned());
    let was = change.former_key.as_deref().map(|key| format!("was {}", safe::line(key)));
    let pieces: Vec<String> = key.into_iter().chain(was).chain(reason(change).map(Into::into)).collect();
    pieces.join(", ")
}

/// A group says that it is one; an account is what a plan is mostly about.
fn object(object: &ObjectRef) -> String {
    let name = paint(STRONG, safe::line(&object.name));
    if object.kind == ObjectKind::Group { format!("group {name}") } else { name }
}

/// Below a heading that says "members", the word need not come again.
fn member_words(counts: &Counts) -> String {
    counts.words().replace(" memberships to ", " to ").replace(" membership to ", " to ")
}

fn spans_lines(change: &crate::model::AttributeChange) -> bool {
    let many =
        |value: &Option<crate::model::Value>| value.as_ref().and_then(|value| value.as_text()).is_some_and(|text| text.contains('\n'));
    many(&change.before) || many(&change.after)
}

#[cfg(test)]
#[path = "text_tests.rs"]
mod tests;
