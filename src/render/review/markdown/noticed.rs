//! What a comment says of what could not be read, what is refused and what is not decided: before anything else, since all the rest is to be read with it.
//!
//! Must never: hide a refusal's override, or tell twice what follows from something told.

use std::fmt::Write as _;

use super::{Page, more};
use crate::model::Severity;
use crate::render::markup::{block, code, prose};
use crate::render::review::fit::as_many;
use crate::render::review::totals::{left_out, unread};
use crate::render::summary::told;
use crate::review::ReviewFinding;

impl<'a> Page<'a> {
    /// What could not be read, and what is not known because of it.
    pub(super) fn missing(&mut self) -> String {
        let found = self.own(|severity| severity == Severity::Incomplete, true);
        let known: Vec<&str> = found.iter().filter_map(|one| one.finding.subject.system.as_deref()).collect();
        let untold = unread(self.review).filter(|read| !known.contains(&read.system.as_ref()));
        let mut untold: Vec<String> = untold
            .map(|read| {
                format!("- {} was not read to its end: {}\n", code(&read.system), prose(read.evidence.reason().unwrap_or_default()))
            })
            .collect();
        untold.dedup();
        let lines: Vec<String> = found.into_iter().map(|one| self.finding(one)).chain(untold).collect();
        self.titled("What is missing", lines, 2_000)
    }

    /// What a guardrail withholds, each with the override that would let it through.
    pub(super) fn refused(&mut self) -> String {
        let found = self.own(|severity| severity == Severity::Refused, false);
        let lines: Vec<String> = found.into_iter().map(|one| self.finding(one)).collect();
        self.titled("What is refused", lines, 8_000)
    }

    /// What stays as it is, and what somebody should look at.
    pub(super) fn undecided(&mut self) -> String {
        let errors = self.own(|severity| severity == Severity::Error, false);
        let errors: Vec<String> = errors.into_iter().map(|one| self.finding(one)).collect();
        let warnings = self.own(|severity| severity == Severity::Warning, false);
        let warnings: Vec<String> = warnings.into_iter().map(|one| self.finding(one)).collect();
        self.titled("Not decided", errors, 6_000) + &self.titled("Noticed", warnings, 4_000)
    }

    /// Notes in a fold; those that an earlier run told are counted.
    pub(super) fn notes(&mut self) -> String {
        let notes = self.own(|severity| severity == Severity::Note, false);
        let (known, new): (Vec<_>, Vec<_>) = notes.into_iter().partition(|one| self.options.knows(&one.finding));
        let mut text = String::new();
        if !new.is_empty() {
            let count = crate::render::count(new.len() as u64, "note");
            let lines: Vec<String> = new.into_iter().map(|one| self.finding(one)).collect();
            let (lines, left) = as_many(lines.into_iter(), self.part(4_000));
            let _ =
                write!(text, "<details><summary>{count}</summary>\n\n{lines}{}\n</details>\n\n", more(left, "notes", "`-o json` has them"));
        }
        if !known.is_empty() {
            let _ = write!(text, "{}\n\n", crate::render::summary::known(known.len() as u64));
        }
        text
    }

    /// What of the branch a preview does not use, and what it loosens.
    pub(super) fn left_out(&mut self) -> String {
        let mut text = String::new();
        for (title, all) in left_out(self.review) {
            let lines: Vec<String> = all
                .into_iter()
                .map(|one| {
                    let place = one.place.as_ref().map(|place| format!(" ({})", self.links.place(place))).unwrap_or_default();
                    format!("- {}{place}\n", prose(&one.words))
                })
                .collect();
            text.push_str(&self.titled(title, lines, 4_000));
        }
        text
    }

    /// What is not decided whatever becomes of the branch, at the end of what is pending.
    pub(super) fn standing(&mut self) -> String {
        let found: Vec<&ReviewFinding> = self.standing_findings().collect();
        let lines: Vec<String> = found.into_iter().map(|one| self.finding(one)).collect();
        if lines.is_empty() {
            return String::new();
        }
        let (lines, left) = as_many(lines.into_iter(), self.part(3_000));
        format!("**Noticed, and not by this branch:**\n\n{lines}{}\n", more(left, "of these", "`headcount plan` shows them"))
    }

    /// Refusals, warnings and what is not decided, where the branch does not bring them.
    pub(super) fn standing_findings(&self) -> impl Iterator<Item = &'a ReviewFinding> + use<'a> {
        let branch = self.review.branch.is_some();
        let waits = |severity| matches!(severity, Severity::Refused | Severity::Error | Severity::Warning);
        let review: &'a _ = self.review;
        review.findings.iter().filter(move |one| branch && !one.by_branch && waits(one.finding.severity))
    }

    /// The branch's own, or all of a plan without one; and what is to be known in either case.
    fn own(&self, wanted: impl Fn(Severity) -> bool, always: bool) -> Vec<&'a ReviewFinding> {
        let all = always || self.review.branch.is_none();
        let review: &'a _ = self.review;
        review.findings.iter().filter(|one| (all || one.by_branch) && wanted(one.finding.severity)).collect()
    }

    fn titled(&self, title: &str, lines: Vec<String>, bytes: usize) -> String {
        if lines.is_empty() {
            return String::new();
        }
        let (lines, left) = as_many(lines.into_iter(), self.part(bytes));
        format!("#### {title}\n\n{lines}{}\n", more(left, "of these", self.report_words()))
    }

    fn finding(&mut self, one: &ReviewFinding) -> String {
        let finding = &one.finding;
        if finding.follows {
            return format!("  - because of that: {}\n", spoken(&finding.message));
        }
        let mut lines = format!("- {}", spoken(&told(finding)));
        if let Some(place) = &finding.place {
            let _ = write!(lines, " ({})", self.links.place(place));
        }
        if !one.withholds.is_empty() {
            let _ = write!(lines, " Withheld: {}.", crate::render::count(one.withholds.len() as u64, "change"));
        }
        lines.push('\n');
        // Several lines are a sentence, and something to paste.
        let _ = match finding.hint.as_deref().map(|hint| (hint, hint.split_once('\n'))) {
            Some((_, Some((first, rest)))) => write!(lines, "  Next: {}\n\n{}", spoken(first), block(rest, "  ")),
            Some((hint, None)) => writeln!(lines, "  Next: {}", spoken(hint)),
            None => Ok(()),
        };
        lines
    }
}

/// Words with commands in backticks, as the findings have them.
fn spoken(text: &str) -> String {
    if text.matches('`').count() % 2 == 1 {
        return prose(text);
    }
    let parts = text.split('`').enumerate().map(|(at, part)| if at % 2 == 1 { code(part) } else { prose(part) });
    parts.collect()
}
