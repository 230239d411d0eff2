//! A review as one comment of a pull request, within its budget whatever the size of the plan.
//!
//! Must never: name in what falls due who comes or goes, since many read it and not everybody has been told; pass its budget; or leave a fence open.

mod noticed;
mod piece;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use super::ReviewOptions;
use super::fit::{as_many, fit};
use super::links::References;
use super::pieces::{self, Piece, Section};
use super::totals::{FIGURES, figures, read, title, unread};
use super::words::{self, Phrase, Sentence};
use crate::render::marker::Marker;
use crate::render::markup::{cell, code, name, prose, summary};
use crate::render::summary::number;
use crate::render::value::DisplayNames;
use crate::render::{forecast, upcoming};
use crate::review::{DocumentChange, DocumentDifference, Review, ReviewRisk, Revision, RiskKind, VerdictLevel};

/// Bytes of a comment: hosts cut or refuse longer ones.
pub const COMMENT_BUDGET: usize = 60_000;
/// Bytes of a job's summary.
pub const SUMMARY_BUDGET: usize = 900_000;
/// For saying what was left out, and for closing what is open.
const RESERVE: usize = 1_500;
/// What links may take at the end.
const REFERENCES: usize = 6_000;
/// What is pending may take this much of a comment; of something larger in proportion.
const PENDING: usize = 8_000;
/// A comment of so many lines has nothing folded.
const SHORT: usize = 60;

/// The page.
pub fn page(review: &Review, options: &ReviewOptions<'_>) -> String {
    let page = |open| Page::new(review, options, open).text();
    let folded = page(false);
    let pending = folded.find("<details><summary><b>").unwrap_or(folded.len());
    // What is short needs no folding; what is pending stays folded, since it is not what is reviewed.
    let short = folded.get(..pending).is_some_and(|effect| effect.contains("<details>") && effect.lines().count() <= SHORT);
    if short { Some(page(true)).filter(|open| open.lines().count() <= SHORT * 2).unwrap_or(folded) } else { folded }
}

/// A page that is written.
struct Page<'a> {
    review: &'a Review,
    options: &'a ReviewOptions<'a>,
    names: DisplayNames<'a>,
    links: References<'a>,
    /// nothing is folded
    open: bool,
}

impl<'a> Page<'a> {
    fn new(review: &'a Review, options: &'a ReviewOptions<'a>, open: bool) -> Self {
        let head = review.branch.as_ref().and_then(|branch| branch.head.commit.as_deref());
        let links = References::new(options.forge, head, options.budget.min(COMMENT_BUDGET) * REFERENCES / COMMENT_BUDGET);
        Self { review, options, names: DisplayNames::of_review(review), links, open }
    }

    fn text(mut self) -> String {
        let head = self.head();
        let waiting = pieces::pending(self.review);
        let waits = self.pending_title(&waiting);
        let foot = [self.personas(), self.notes(), self.dues(), self.applied(), self.foot()].concat();
        let fixed = head.len() + waits.len() + foot.len() + self.links.most() + RESERVE;
        let room = self.options.budget.saturating_sub(fixed);
        let sections = pieces::effect(self.review);
        let effect = self.effect(&sections, room / 5 * 4);
        let left = room.saturating_sub(effect.len()).min(PENDING * self.options.budget / COMMENT_BUDGET);
        let pending = self.pending(&waits, &waiting, left);
        let references = self.links.block();
        let space = if references.is_empty() { "" } else { "\n" };
        [head, effect, pending, foot].concat().trim_end().to_owned() + "\n" + space + &references
    }

    /// What comes before what the branch does.
    fn head(&mut self) -> String {
        let review = self.review;
        let marker = Marker::of_review(review, self.options.path).line();
        let mut text = format!("{marker}\n### headcount · {}: {}\n\n", prose(&review.workspace), prose(&title(review)));
        text.push_str(&self.alert());
        let part = part(review);
        if !part.is_empty() {
            let _ = write!(text, "Only a part of it: {part}.\n\n");
        }
        text.push_str(&self.missing());
        text.push_str(&self.refused());
        text.push_str(&self.undecided());
        text.push_str(&self.check());
        text.push_str(&self.left_out());
        text.push_str(&table(review));
        text
    }

    /// The verdict, in the host's own frame for it.
    fn alert(&self) -> String {
        let verdict = &self.review.verdict;
        let kind = match verdict.level {
            VerdictLevel::Blocked | VerdictLevel::Incomplete => "CAUTION",
            VerdictLevel::Undecided | VerdictLevel::Check => "WARNING",
            VerdictLevel::Clean => "TIP",
            VerdictLevel::None | VerdictLevel::Intent => "NOTE",
        };
        let sentence = format!("**{}**", prose(&verdict.sentence));
        let read = read(self.review);
        let more = if read.is_empty() { String::new() } else { format!("\n> {}", prose(read)) };
        match self.options.forge.plain_alerts {
            true => format!("> {sentence}{more}\n\n"),
            false => format!("> [!{kind}]\n> {sentence}{more}\n\n"),
        }
    }

    /// What to look at twice.
    fn check(&mut self) -> String {
        if self.review.risks.is_empty() {
            return String::new();
        }
        let lines: Vec<String> = self.review.risks.iter().map(|risk| self.risk(risk)).collect();
        let (lines, left) = as_many(lines.into_iter(), self.part(6_000));
        format!("#### Please check\n\n{lines}{}\n", more(left, "of these", self.report_words()))
    }

    fn risk(&mut self, risk: &ReviewRisk) -> String {
        const NAMES: usize = 10;
        let place = risk.places.first().map(|place| format!(" ({})", self.links.place(place))).unwrap_or_default();
        let sentence = spans(&words::risk(risk));
        let names: Vec<Arc<str>> = risk.who.iter().map(|who| who.name.clone()).collect();
        let named = risk.risk == RiskKind::GroupEmpties || names.len() <= 1;
        let names = if named { String::new() } else { format!(": {}", spans(&words::listed(&names, NAMES, ""))) };
        let because = spans(&words::because_of(risk));
        let advice = words::advice(risk.risk);
        let advice = if advice.is_empty() { String::new() } else { format!(" {advice}") };
        format!("- {sentence}{because}{place}{names}.{advice}\n")
    }

    /// What the branch does, by document.
    fn effect(&mut self, sections: &[Section<'_>], room: usize) -> String {
        let offline = self.review.branch.as_ref().is_some_and(|branch| branch.offline);
        let title = match &self.review.branch {
            _ if offline => "#### What changes in the manifests\n\n",
            Some(_) if sections.is_empty() => "",
            Some(_) => "#### What this branch does\n\n",
            None => "#### What changes\n\n",
        };
        let silent = self.silent_documents();
        if self.review.effect.is_empty() && silent.is_empty() {
            return String::new();
        }
        let headings: Vec<String> = sections.iter().map(|section| self.cause(section)).collect();
        let order = by_risk(sections);
        let room = room.saturating_sub(title.len() + silent.len());
        let opens = |at: usize| match order.get(at) {
            // The first piece of a document brings its heading.
            Some((section, _)) if order.iter().position(|(other, _)| other == section) == Some(at) => {
                headings.get(*section).map_or(0, String::len)
            }
            _ => 0,
        };
        let costs: Vec<usize> = (0..order.len()).map(opens).collect();
        let piece = |(section, place): &(usize, usize)| sections.get(*section).and_then(|section| section.pieces.get(*place));
        let texts = fit(
            order.len(),
            room,
            |at| costs.get(at).copied().unwrap_or_default(),
            |at, level| order.get(at).and_then(piece).map(|piece| self.piece(piece, level)).unwrap_or_default(),
        );
        let left: Vec<&Piece<'_>> =
            order.iter().zip(&texts).filter(|(_, text)| text.is_none()).filter_map(|(place, _)| piece(place)).collect();
        let mut shown: BTreeMap<(usize, usize), String> =
            order.iter().copied().zip(texts).filter_map(|(at, text)| Some((at, text?))).collect();
        let mut text = title.to_owned();
        for (at, heading) in headings.iter().enumerate() {
            let own: Vec<(usize, usize)> = shown.keys().filter(|(section, _)| *section == at).copied().collect();
            if !own.is_empty() {
                text.push_str(heading);
            }
            own.iter().filter_map(|place| shown.remove(place)).for_each(|piece| text.push_str(&piece));
        }
        text.push_str(&self.uncounted(&left));
        text + &silent
    }

    /// What has no room, in numbers.
    fn uncounted(&self, left: &[&Piece<'_>]) -> String {
        if left.is_empty() {
            return String::new();
        }
        let atoms = left.iter().map(|piece| piece.atoms()).sum();
        let groups = number(left.len() as u64);
        format!("{} more in {groups} groups of equal ones have no room here: {}.\n\n", words::changes(atoms), self.report_words())
    }

    /// Where everything stands.
    fn report_words(&self) -> &'static str {
        if self.review.branch.is_some() { "`-o html=report.html` and `-o json` have all" } else { "`headcount plan --full` shows all" }
    }

    /// What a document says differently.
    fn cause(&mut self, section: &Section<'_>) -> String {
        let Some(change) = section.cause.and_then(|at| self.review.intent.get(at)) else {
            let others = self.review.branch.is_some() && section.cause.is_none() && !self.review.intent.is_empty();
            return if others { "**Other effects**\n\n".to_owned() } else { String::new() };
        };
        format!("{}\n\n", self.document(change))
    }

    fn document(&mut self, change: &DocumentChange) -> String {
        let mut text = format!("**{} {}**", prose(&change.document.kind), name(&change.document.name));
        let what = words::of_document(change, &code);
        if !what.is_empty() {
            let _ = write!(text, " · {what}");
        }
        let place = change.fields.iter().find_map(|field| field.place.clone()).or_else(|| words::place_of(change));
        if let Some(place) = place {
            let _ = write!(text, " · {}", self.links.place(&place));
        }
        if let Some(other) = &change.looks_like {
            let _ = write!(
                text,
                "\n\nIt looks like {} {} under another name; `previousNames` keeps what it has made.",
                prose(&other.kind),
                name(&other.name)
            );
        }
        text
    }

    /// Documents that say something else and change nothing for anybody yet; and those that say the same otherwise.
    fn silent_documents(&mut self) -> String {
        let known: std::collections::BTreeSet<usize> = self.review.effect.iter().flat_map(|one| one.causes.iter().copied()).collect();
        let mut silent = Vec::new();
        let mut same: Vec<Arc<str>> = Vec::new();
        for (at, change) in self.review.intent.iter().enumerate() {
            match change.what {
                DocumentDifference::Moved | DocumentDifference::Cosmetic => {
                    same.push(format!("{} {}", change.document.kind, change.document.name).into());
                }
                _ if !known.contains(&at) => silent.push(format!("- {}\n", self.document(change))),
                _ => {}
            }
        }
        let mut text = String::new();
        if !silent.is_empty() {
            let offline = self.review.branch.as_ref().is_some_and(|branch| branch.offline);
            let title = match self.review.verdict.level {
                _ if offline => "These manifests say something else:",
                _ if !self.review.is_whole() => "These manifests say something else, and nothing is known to change by it:",
                VerdictLevel::Incomplete => "These manifests say something else, and nothing is known to change by it:",
                _ => "These manifests say something else, and nothing changes by it now:",
            };
            let (lines, left) = as_many(silent.into_iter(), self.part(6_000));
            let _ = write!(text, "{title}\n\n{lines}{}\n", more(left, "of them", "the diff shows them"));
        }
        if !same.is_empty() {
            let (are, mean) = if same.len() == 1 { ("manifest is", "means") } else { ("manifests are", "mean") };
            let names = spans(&words::listed(&same, 8, ""));
            let _ = write!(text, "{} {are} written or placed differently and {mean} the same: {names}.\n\n", number(same.len() as u64));
        }
        text
    }

    fn pending_title(&self, waiting: &[Piece<'_>]) -> String {
        if waiting.is_empty() && self.standing_findings().next().is_none() {
            return String::new();
        }
        format!(
            "<details><summary><b>Pending without this branch</b>: {}</summary>\n\n",
            summary(&words::pending(&self.review.pending_totals))
        )
    }

    fn pending(&mut self, title: &str, waiting: &[Piece<'_>], room: usize) -> String {
        if title.is_empty() {
            return String::new();
        }
        let mut text = title.to_owned();
        if !waiting.is_empty() {
            let base = self.review.branch.as_ref().map(|branch| branch.base.name.as_str()).unwrap_or_default();
            let held = if self.review.pending_totals.held > 0 { ", but for what is held" } else { "" };
            let _ = write!(text, "The next run of {} does these{held}, whether or not this is merged.\n\n", code(base));
        }
        let findings = self.standing();
        let room = room.saturating_sub(findings.len());
        let texts = fit(waiting.len(), room, |_| 0, |at, level| waiting.get(at).map(|piece| self.piece(piece, level)).unwrap_or_default());
        let left: Vec<&Piece<'_>> = waiting.iter().zip(&texts).filter(|(_, text)| text.is_none()).map(|(piece, _)| piece).collect();
        texts.iter().flatten().for_each(|piece| text.push_str(piece));
        text.push_str(&self.uncounted(&left));
        text.push_str(&findings);
        text.push_str("</details>\n\n");
        text
    }

    /// What sample people get otherwise, where nobody was looked up.
    fn personas(&self) -> String {
        if self.review.personas.is_empty() {
            return String::new();
        }
        let lines = self.review.personas.iter().map(|line| format!("- {}\n", prose(line)));
        let (lines, left) = as_many(lines, self.part(8_000));
        format!("#### What it means for the personas\n\n{lines}{}\n", more(left, "lines", "`headcount test` shows them"))
    }

    /// What falls due, in numbers.
    fn dues(&self) -> String {
        let days = upcoming::days(&self.review.upcoming);
        if days.is_empty() {
            return String::new();
        }
        let count = self.review.upcoming.dues.len() as u64 + self.review.upcoming.more.values().sum::<u64>();
        let (lines, left) = as_many(days.into_iter(), self.part(4_000));
        let more = more(left, "days", "`headcount plan` shows them");
        format!("<details><summary><b>Falls due</b>: {}</summary>\n\n{lines}{more}\n</details>\n\n", crate::render::count(count, "thing"))
    }

    /// How it is run.
    fn applied(&mut self) -> String {
        let review = self.review;
        let mut text = String::new();
        let lines: Vec<String> = forecast::lines(self.options.forecast).map(|line| format!("- {}\n", prose(&line))).collect();
        if !lines.is_empty() {
            let (lines, left) = as_many(lines.into_iter(), self.part(4_000));
            let _ = write!(text, "How long it takes:\n\n{lines}{}\n", more(left, "targets", "`headcount plan` shows them"));
        }
        let plan = self.links.named("plan", "the plan of this run", self.options.forge.plan.as_deref());
        match &review.branch {
            _ if review.totals.changes == 0 => {}
            Some(branch) if branch.offline => {}
            Some(_) => {
                text.push_str("**When this is merged**, the next `headcount apply` does what is shown here, and what is pending by then.");
                if let Some(plan) = plan {
                    let _ = write!(text, " By hand: `headcount apply plan.json`, with {plan}.");
                }
                text.push_str("\n\n");
            }
            None => match plan {
                Some(plan) => {
                    let _ = write!(text, "To run exactly this: `headcount apply plan.json`, with {plan}.\n\n");
                }
                None => text
                    .push_str("To save and run exactly this:\n\n```sh\nheadcount plan --out plan.json\nheadcount apply plan.json\n```\n\n"),
            },
        }
        text
    }

    /// Commits, day, hash and where else to look.
    fn foot(&mut self) -> String {
        let mut parts = Vec::new();
        if let Some(branch) = &self.review.branch {
            let (head, base) = (self.revision("head", &branch.head), self.revision("base", &branch.base));
            let new = if branch.is_new { ", which does not have this workspace yet" } else { "" };
            parts.push(format!("{head} on {} {base}{new}", name(&branch.base.name)));
            if branch.offline {
                parts.push("offline".to_owned());
            }
        }
        parts.push(format!("planned for {}", self.review.as_of.strftime("%-d %b %Y")));
        let hash: String = self.review.hash.chars().take(16).collect();
        parts.push(format!("review {}", code(&hash)));
        let forge = self.options.forge;
        parts.extend(self.links.named("report", "full report", forge.report.as_deref()));
        parts.extend(self.links.named("run", "run", forge.run.as_deref()));
        format!("<sub>{}</sub>\n\n", parts.join(" · "))
    }

    fn revision(&mut self, label: &str, revision: &Revision) -> String {
        match &revision.commit {
            Some(commit) => self.links.commit(label, commit),
            None => name(&revision.name),
        }
    }

    /// The share of a part that takes so much of a comment.
    fn part(&self, bytes: usize) -> usize {
        bytes * self.options.budget / COMMENT_BUDGET
    }
}

/// The options that asked for a part.
fn part(review: &Review) -> String {
    let options = |option: &str, values: &[String]| values.iter().map(|value| code(&format!("{option} {value}"))).collect::<Vec<_>>();
    [options("--target", &review.filter.targets), options("--select", &review.filter.select)].concat().join(" ")
}

/// All pieces by how grave they are: the order in which they are to fit.
fn by_risk(sections: &[Section<'_>]) -> Vec<(usize, usize)> {
    let all = sections.iter().enumerate().flat_map(|(at, section)| (0..section.pieces.len()).map(move |place| (at, place)));
    let mut all: Vec<(usize, usize)> = all.collect();
    let effect = |(section, place): &(usize, usize)| {
        let piece = sections.get(*section).and_then(|section| section.pieces.get(*place));
        piece.and_then(|piece| piece.groups.first()).map(|group| group.effect)
    };
    all.sort_by_key(effect);
    all
}

/// A sentence with its names disarmed.
pub(super) fn spans(sentence: &Sentence) -> String {
    let parts = sentence.iter().map(|span| match span {
        Phrase::Words(words) => words.to_string(),
        Phrase::Name(text) => name(text),
        Phrase::Strong => "**".to_owned(),
    });
    parts.collect()
}

fn more(left: usize, what: &str, how: &str) -> String {
    if left == 0 { String::new() } else { format!("- and {} more {what}: {how}\n", number(left as u64)) }
}

/// Numbers by target, in columns that hold something: a wide table hides its end on a phone.
fn table(review: &Review) -> String {
    const ROWS: usize = 20;
    const FROM: u64 = 6;
    let unread: Vec<&Arc<str>> = unread(review).map(|read| &read.system).collect();
    let rows: Vec<(&Arc<str>, [String; 6])> = review.targets.iter().map(|target| (&target.target, figures(target))).collect();
    if rows.len() < 2 || review.totals.changes + review.totals.withheld < FROM {
        return String::new();
    }
    let used: Vec<usize> = (0..6).filter(|at| rows.iter().any(|(_, cells)| cells.get(*at).is_some_and(|cell| !cell.is_empty()))).collect();
    let cells = |told: &dyn Fn(usize) -> String| used.iter().map(|at| format!(" {} |", told(*at))).collect::<String>();
    let mut text = format!("| Target |{}\n", cells(&|at| FIGURES.get(at).map(|title| (*title).to_owned()).unwrap_or_default()));
    let _ = writeln!(text, "|:--|{}", ":--|".repeat(used.len()));
    for (target, figures) in rows.iter().take(ROWS) {
        let note = if unread.contains(target) { ", not wholly read" } else { "" };
        let _ = writeln!(text, "| {}{note} |{}", cell(target), cells(&|at| figures.get(at).cloned().unwrap_or_default()));
    }
    if let Some(more) = rows.len().checked_sub(ROWS).filter(|more| *more > 0) {
        let _ = writeln!(text, "| {} more targets |{}", number(more as u64), cells(&|_| String::new()));
    }
    text + "\n"
}

#[cfg(test)]
#[path = "markdown_tests.rs"]
mod tests;
