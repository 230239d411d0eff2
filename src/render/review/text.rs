//! A review for a terminal: what is missing, refused and to be checked first, equal changes in one line, and the verdict where the eye ends.
//!
//! Must never: be wider than the terminal, cut a name, or say by a colour what no word or sign says.

mod lines;

use std::io::{self, Write};
use std::sync::Arc;

use super::ReviewOptions;
use super::pieces::{self, Piece};
use super::totals::{FIGURES, figures, left_out, limit_words, loosens, title, unread};
use super::words::{self, Phrase};
use crate::diagnostic::Place;
use crate::model::Severity;
use crate::render::style::{BAD, CHANGED, GOOD, QUIET, RISK, STRONG, paint};
use crate::render::summary::{at_line, number, told};
use crate::render::value::DisplayNames;
use crate::render::wrap::{columns, next_step, paragraph};
use crate::render::{forecast, safe, upcoming};
use crate::review::{Divergence, DocumentChange, DocumentDifference, EffectKind, Review, ReviewFinding, Revision, RiskKind, VerdictLevel};

/// The view.
pub fn write(review: &Review, options: &ReviewOptions<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut text = Vec::new();
    let view = View { review, options, names: DisplayNames::of_review(review) };
    view.all(&mut text)?;
    let lines = text.iter().filter(|byte| **byte == b'\n').count();
    out.write_all(&text)?;
    // Whoever sees the end of something long sees the risks again.
    if options.rows.is_some_and(|rows| lines > rows) && !review.risks.is_empty() {
        writeln!(out, "Again, because the top may be out of sight:")?;
        view.risks(5, out)?;
        writeln!(out)?;
    }
    view.end(out)
}

struct View<'a> {
    review: &'a Review,
    options: &'a ReviewOptions<'a>,
    names: DisplayNames<'a>,
}

impl View<'_> {
    fn all(&self, out: &mut dyn Write) -> io::Result<()> {
        self.head(out)?;
        self.findings("INCOMPLETE", |one| one.finding.severity == Severity::Incomplete, true, out)?;
        self.untold(out)?;
        self.findings("REFUSED", |one| one.finding.severity == Severity::Refused, false, out)?;
        if !self.review.risks.is_empty() {
            writeln!(out, "{}", paint(STRONG, "Please check"))?;
            self.risks(if self.options.full { usize::MAX } else { 12 }, out)?;
            writeln!(out)?;
        }
        self.not_used(out)?;
        self.table(out)?;
        self.effect(out)?;
        self.personas(out)?;
        self.findings("Not decided", |one| one.finding.severity == Severity::Error, false, out)?;
        self.findings("Noticed", |one| one.finding.severity == Severity::Warning, false, out)?;
        self.notes(out)?;
        self.pending(out)?;
        upcoming::write(&self.review.upcoming, self.options.width, out)?;
        let lines: Vec<String> = forecast::lines(self.options.forecast).collect();
        lines.iter().try_for_each(|line| writeln!(out, "Takes {line}"))?;
        if lines.is_empty() { Ok(()) } else { writeln!(out) }
    }

    fn head(&self, out: &mut dyn Write) -> io::Result<()> {
        let against = match &self.review.branch {
            Some(branch) => {
                let new = if branch.is_new { ", which does not have this workspace yet" } else { "" };
                format!("{} against {}{new}", revision(&branch.head), revision(&branch.base))
            }
            None => self.review.as_of.strftime("%-d %B %Y").to_string(),
        };
        let line = format!("{}, {against}: {}", paint(STRONG, safe::line(&self.review.workspace)), paint(STRONG, title(self.review)));
        paragraph(self.options.width, &line, "  ", out)?;
        let filter = &self.review.filter;
        let options = |option: &'static str, values: &[String]| {
            values.iter().map(move |value| format!("{option} {}", safe::line(value))).collect::<Vec<_>>()
        };
        let part = [options("--target", &filter.targets), options("--select", &filter.select)].concat();
        if !part.is_empty() {
            paragraph(self.options.width, &format!("Only a part of it: {}", part.join(" ")), "  ", out)?;
        }
        writeln!(out)
    }

    /// What to look at twice, one a line.
    fn risks(&self, most: usize, out: &mut dyn Write) -> io::Result<()> {
        const NAMES: usize = 5;
        for risk in self.review.risks.iter().take(most) {
            let effect = risk.effect.unwrap_or(EffectKind::LosesSignIn);
            let how = if risk.risk == RiskKind::KeepsAccess { Divergence::Cancels } else { Divergence::Adds };
            let sign = match risk.risk {
                RiskKind::Loosened | RiskKind::NotPreviewed => paint(RISK, "!"),
                _ => signed(effect, how),
            };
            let names: Vec<Arc<str>> = risk.who.iter().map(|who| who.name.clone()).collect();
            let named = risk.risk == RiskKind::GroupEmpties || names.len() <= 1;
            let names = if named { String::new() } else { format!(": {}", painted(&words::listed(&names, NAMES, ""))) };
            let line = format!("  {sign} {}{}{names}", painted(&words::risk(risk)), painted(&words::because_of(risk)));
            self.placed(&line, "    ", risk.places.first(), out)?;
        }
        match self.review.risks.len().saturating_sub(most) {
            0 => Ok(()),
            more => writeln!(out, "  and {} more; `--full` shows them", number(more as u64)),
        }
    }

    fn findings(&self, title: &str, wanted: impl Fn(&ReviewFinding) -> bool, out_dim: bool, out: &mut dyn Write) -> io::Result<()> {
        let mine = |one: &&ReviewFinding| self.review.branch.is_none() || one.by_branch || out_dim;
        let found: Vec<&ReviewFinding> = self.review.findings.iter().filter(|one| wanted(one)).filter(mine).collect();
        if found.is_empty() {
            return Ok(());
        }
        let grave = title.chars().all(char::is_uppercase);
        if !grave {
            writeln!(out, "{}", paint(STRONG, title))?;
        }
        for one in &found {
            self.finding(one, if grave { title } else { "" }, out)?;
        }
        if grave { Ok(()) } else { writeln!(out) }
    }

    fn finding(&self, one: &ReviewFinding, word: &str, out: &mut dyn Write) -> io::Result<()> {
        let finding = &one.finding;
        if finding.follows {
            return paragraph(self.options.width, &format!("    because of that: {}", safe::line(&finding.message)), "      ", out);
        }
        let start = if word.is_empty() { format!("  {}", paint(RISK, "!")) } else { format!("{} ", paint(BAD, word)) };
        self.placed(&format!("{start} {}", safe::line(&told(finding))), "    ", finding.place.as_ref(), out)?;
        if !one.withholds.is_empty() {
            writeln!(out, "    Withheld: {}", words::changes(one.withholds.len() as u64))?;
        }
        if let Some(hint) = &finding.hint {
            next_step(self.options.width, "    Next:", &safe::lines(hint), "    ", out)?;
        }
        if word.is_empty() { Ok(()) } else { writeln!(out) }
    }

    /// Systems of which no finding tells.
    fn untold(&self, out: &mut dyn Write) -> io::Result<()> {
        let known = |system: &str| {
            let of =
                |one: &ReviewFinding| one.finding.severity == Severity::Incomplete && one.finding.subject.system.as_deref() == Some(system);
            self.review.findings.iter().any(of)
        };
        for read in unread(self.review).filter(|read| !known(&read.system)) {
            let reason = safe::line(read.evidence.reason().unwrap_or_default());
            let line = format!("{}  {} was not read to its end: {reason}", paint(BAD, "INCOMPLETE"), safe::line(&read.system));
            paragraph(self.options.width, &line, "    ", out)?;
        }
        Ok(())
    }

    fn notes(&self, out: &mut dyn Write) -> io::Result<()> {
        let mine = |one: &&ReviewFinding| one.finding.severity == Severity::Note && (self.review.branch.is_none() || one.by_branch);
        let (known, new): (Vec<_>, Vec<_>) = self.review.findings.iter().filter(mine).partition(|one| self.options.knows(&one.finding));
        for one in &new {
            let line = format!("{} {}", paint(STRONG, "Note:"), safe::line(&told(&one.finding)));
            self.placed(&line, "  ", one.finding.place.as_ref(), out)?;
        }
        if !known.is_empty() {
            writeln!(out, "{}", crate::render::summary::known(known.len() as u64))?;
        }
        if known.is_empty() && new.is_empty() { Ok(()) } else { writeln!(out) }
    }

    /// What of the branch is not used here, and what it loosens.
    fn not_used(&self, out: &mut dyn Write) -> io::Result<()> {
        for (title, all) in left_out(self.review).into_iter().filter(|(_, all)| !all.is_empty()) {
            writeln!(out, "{}", paint(STRONG, title))?;
            for one in all {
                self.placed(&format!("  {} {}", paint(RISK, "!"), safe::line(&one.words)), "    ", one.place.as_ref(), out)?;
            }
            writeln!(out)?;
        }
        Ok(())
    }

    /// Numbers by target: a table where there is room, else a sentence each.
    fn table(&self, out: &mut dyn Write) -> io::Result<()> {
        const SHOWN: usize = 40;
        let rows: Vec<(String, [String; 6], String)> = self
            .review
            .targets
            .iter()
            .take(SHOWN)
            .map(|target| (safe::line(&target.target).into_owned(), figures(target), self.limits(&target.target)))
            .collect();
        if rows.is_empty() {
            return Ok(());
        }
        let used: Vec<usize> =
            (0..FIGURES.len()).filter(|at| rows.iter().any(|(_, cells, _)| cells.get(*at).is_some_and(|cell| !cell.is_empty()))).collect();
        let wide = |at: usize| {
            let title = FIGURES.get(at).map_or(0, |title| title.len());
            rows.iter().filter_map(|(_, cells, _)| cells.get(at)).map(|cell| columns(cell)).chain([title]).max().unwrap_or_default()
        };
        let names = rows.iter().map(|(name, ..)| columns(name)).max().unwrap_or_default();
        let total = 2 + names + used.iter().map(|at| wide(*at) + 3).sum::<usize>();
        let pad = |text: &str, wide: usize| format!("{text}{}", " ".repeat(wide.saturating_sub(columns(text))));
        if self.options.width < 90 || total > self.options.width {
            for (name, cells, limits) in &rows {
                let told = used.iter().filter_map(|at| Some((FIGURES.get(*at)?, cells.get(*at)?))).filter(|(_, cell)| !cell.is_empty());
                let told: Vec<String> = told.map(|(title, cell)| format!("{} {cell}", title.to_lowercase())).collect();
                let limits = if limits.is_empty() { String::new() } else { format!("; {limits}") };
                paragraph(self.options.width, &format!("  {}  {}{limits}", paint(STRONG, pad(name, names)), told.join(", ")), "    ", out)?;
            }
            return writeln!(out);
        }
        let limited = rows.iter().any(|(.., limits)| !limits.is_empty()) && total + 24 < self.options.width;
        let titles: String =
            used.iter().map(|at| pad(&FIGURES.get(*at).map(|title| title.to_lowercase()).unwrap_or_default(), wide(*at) + 3)).collect();
        let guard = if limited { "guardrails, with what is pending" } else { "" };
        writeln!(out, "{}", paint(QUIET, format!("  {}{titles}{guard}", " ".repeat(names + 3)).trim_end()))?;
        for (name, cells, limits) in &rows {
            let cells: String = used.iter().filter_map(|at| Some(pad(cells.get(*at)?, wide(*at) + 3))).collect();
            let line = format!("  {}   {cells}{}", paint(STRONG, pad(name, names)), if limited { limits } else { "" });
            paragraph(self.options.width, line.trim_end(), &" ".repeat(total + 3), out)?;
        }
        if self.review.targets.len() > SHOWN {
            writeln!(out, "  and {} more targets", number((self.review.targets.len() - SHOWN) as u64))?;
        }
        writeln!(out)
    }

    /// `3 of 5 deactivations`: of the limits that are used to a half and more.
    fn limits(&self, target: &Arc<str>) -> String {
        let of = self.review.limits.iter().filter(|limit| limit.target == *target && limit.planned > 0);
        let near = of.filter(|limit| (limit.planned + limit.done.unwrap_or_default()) * 2 >= limit.allowed);
        let words = near.map(|limit| {
            let used = limit.planned + limit.done.unwrap_or_default();
            format!("{} of {} {}", number(used), number(limit.allowed), limit_words(limit.guardrail, ""))
        });
        words.collect::<Vec<_>>().join(", ")
    }

    /// What the branch does, by document.
    fn effect(&self, out: &mut dyn Write) -> io::Result<()> {
        for section in pieces::effect(self.review) {
            match section.cause.and_then(|at| self.review.intent.get(at)) {
                Some(change) => self.document(change, out)?,
                None if self.review.intent.is_empty() => writeln!(out, "{}", paint(STRONG, "Changes"))?,
                None => writeln!(out, "{}", paint(STRONG, "Other effects"))?,
            }
            self.pieces(&section.pieces, out)?;
            writeln!(out)?;
        }
        self.silent(out)
    }

    fn pieces(&self, pieces: &[Piece<'_>], out: &mut dyn Write) -> io::Result<()> {
        const SHOWN: usize = 60;
        let most = if self.options.full { usize::MAX } else { SHOWN };
        pieces.iter().take(most).try_for_each(|piece| self.piece(piece, out))?;
        let left: u64 = pieces.iter().skip(most).map(|piece| piece.atoms()).sum();
        if left == 0 { Ok(()) } else { writeln!(out, "  and {} more; `--full` shows them", words::changes(left)) }
    }

    fn document(&self, change: &DocumentChange, out: &mut dyn Write) -> io::Result<()> {
        let name = format!("{} {}", safe::line(&change.document.kind), safe::line(&change.document.name));
        let what = words::of_document(change, &|text| format!("`{}`", safe::line(text)));
        let what = if what.is_empty() { String::new() } else { format!(": {what}") };
        let place = change.fields.iter().find_map(|field| field.place.clone()).or_else(|| words::place_of(change));
        self.placed(&format!("{}{what}", paint(STRONG, name)), "  ", place.as_ref(), out)?;
        match &change.looks_like {
            Some(other) => {
                let line = format!(
                    "  It looks like {} {} under another name; `previousNames` keeps what it has made.",
                    safe::line(&other.kind),
                    safe::line(&other.name)
                );
                paragraph(self.options.width, &line, "  ", out)
            }
            None => Ok(()),
        }
    }

    /// Documents that say something else and change nothing for anybody yet; and those that say the same otherwise.
    fn silent(&self, out: &mut dyn Write) -> io::Result<()> {
        let known: std::collections::BTreeSet<usize> = self.review.effect.iter().flat_map(|one| one.causes.iter().copied()).collect();
        let mut same: Vec<Arc<str>> = Vec::new();
        for (at, change) in self.review.intent.iter().enumerate() {
            match change.what {
                DocumentDifference::Moved | DocumentDifference::Cosmetic => {
                    same.push(format!("{} {}", change.document.kind, change.document.name).into());
                }
                _ if !known.contains(&at) => {
                    self.document(change, out)?;
                    match self.review.verdict.level {
                        VerdictLevel::Intent => {}
                        _ if !self.review.is_whole() => writeln!(out, "  Nothing is known to change by it.")?,
                        VerdictLevel::Incomplete => writeln!(out, "  Nothing is known to change by it.")?,
                        _ if loosens(self.review, &change.document) => {
                            writeln!(out, "  Nobody is touched by it now; it allows more than before.")?
                        }
                        _ => writeln!(out, "  Nothing changes by it now.")?,
                    }
                    writeln!(out)?;
                }
                _ => {}
            }
        }
        if same.is_empty() {
            return Ok(());
        }
        let (are, mean) = if same.len() == 1 { ("manifest is", "means") } else { ("manifests are", "mean") };
        let names = painted(&words::listed(&same, 12, ""));
        let line = format!("{} {are} written or placed differently and {mean} the same: {names}", number(same.len() as u64));
        paragraph(self.options.width, &line, "  ", out)?;
        writeln!(out)
    }

    fn personas(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.review.personas.is_empty() {
            return Ok(());
        }
        writeln!(out, "{}", paint(STRONG, "What personas get otherwise"))?;
        for line in &self.review.personas {
            paragraph(self.options.width, &format!("  {}", safe::line(line)), "    ", out)?;
        }
        writeln!(out)
    }

    fn pending(&self, out: &mut dyn Write) -> io::Result<()> {
        let waiting = pieces::pending(self.review);
        if waiting.is_empty() {
            return Ok(());
        }
        let line = format!("{}: {}", paint(STRONG, "Pending without this branch"), words::pending(&self.review.pending_totals));
        if !self.options.full {
            paragraph(self.options.width, &format!("{line}. `--full` shows them"), "  ", out)?;
            return writeln!(out);
        }
        writeln!(out, "{line}")?;
        self.pieces(&waiting, out)?;
        writeln!(out)
    }

    /// The verdict.
    fn end(&self, out: &mut dyn Write) -> io::Result<()> {
        let style = match self.review.verdict.level {
            VerdictLevel::None | VerdictLevel::Clean | VerdictLevel::Intent => GOOD,
            VerdictLevel::Check | VerdictLevel::Undecided => RISK,
            VerdictLevel::Blocked | VerdictLevel::Incomplete => BAD,
        };
        let word = paint(style, words::level(self.review.verdict.level));
        let hash: String = self.review.hash.chars().take(16).collect();
        paragraph(self.options.width, &format!("{word}: {} Review {hash}", safe::line(&self.review.verdict.sentence)), "  ", out)
    }

    /// A line with its place at the right, or below where there is no room.
    fn placed(&self, line: &str, indent: &str, place: Option<&Place>, out: &mut dyn Write) -> io::Result<()> {
        const COLUMN: usize = 80;
        let Some(place) = place.map(|place| safe::line(&at_line(place)).into_owned()) else {
            return paragraph(self.options.width, line, indent, out);
        };
        let (used, wide) = (columns(line), columns(&place));
        let at = COLUMN.min(self.options.width.saturating_sub(wide)).max(used + 2);
        if at + wide <= self.options.width {
            return writeln!(out, "{line}{}{}", " ".repeat(at - used), paint(QUIET, place));
        }
        paragraph(self.options.width, line, indent, out)?;
        writeln!(out, "{indent}{}", paint(QUIET, place))
    }
}

/// `main (b159508)`
fn revision(revision: &Revision) -> String {
    let commit = revision.commit.as_deref().map(|commit| format!(" ({})", safe::line(commit.get(..7).unwrap_or(commit))));
    format!("{}{}", safe::line(&revision.name), commit.unwrap_or_default())
}

fn signed(effect: EffectKind, how: Divergence) -> String {
    let sign = words::sign(effect, how);
    let style = match sign {
        '-' => BAD,
        '+' => GOOD,
        _ => CHANGED,
    };
    paint(style, sign)
}

/// A sentence, its names bold.
fn painted(sentence: &[Phrase]) -> String {
    let parts = sentence.iter().map(|span| match span {
        Phrase::Words(words) => words.to_string(),
        Phrase::Name(name) => paint(STRONG, safe::line(name)),
        Phrase::Strong => String::new(),
    });
    parts.collect()
}

#[cfg(test)]
#[path = "text_tests.rs"]
mod tests;
