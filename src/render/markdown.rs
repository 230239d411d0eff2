//! The plan as one comment of a pull request: verdict, table, risks, findings, then details as far as they fit. Personal values stay out.

use std::fmt::Write;

use super::ViewOptions;
use super::blocks::{HOW, SHOWN, in_sentence, shown};
use super::layout::{self, Block, Entry};
use super::marker::Marker;
use super::markup::{block, cell, code, prose};
use super::summary::{self, Counts, Targets, number, severity, told};
use super::value::{DisplayNames, sides, visibility};
use super::words::{Piece, further, of_many, reason, risk, sentence};
use crate::diagnostic::Place;
use crate::model::{Action, AttributeChange, Change, Finding, ObjectKind, Plan, Severity, Visibility};

/// Hosts cut or refuse longer comments.
const LIMIT: usize = 60_000;
/// What the head of the page (table, risks, findings) may take of it, each.
const PART: usize = 12_000;
/// For closing what is open, and for saying what was left out.
const RESERVE: usize = 1_000;

/// The page.
pub fn page(plan: &Plan, look: ViewOptions<'_>) -> String {
    let targets = summary::targets(plan);
    let mut page = Page { text: String::new(), limit: LIMIT - RESERVE };
    page.always(&format!("{}\n### headcount: {}\n\n{}\n\n", Marker::of_plan(plan).line(), title(plan), verdict(plan)));
    if let Some(part) = part(plan) {
        page.always(&format!("Only a part of it: {part}.\n\n"));
    }
    unread(plan, &mut page);
    table(&targets, &mut page);
    risks(plan, &mut page);
    findings(plan, look, &mut page);
    coming_up(plan, &mut page);
    takes(look, &mut page);
    let foot = foot(plan);
    page.limit = page.limit.saturating_sub(foot.len());
    details(plan, look, &targets, &mut page);
    page.always(&foot);
    page.text
}

/// The options that the plan was made with; what a pattern says may name somebody, as the plan itself does.
fn part(plan: &Plan) -> Option<String> {
    let options = |option: &str, values: &[String]| values.iter().map(|value| code(&format!("{option} {value}"))).collect::<Vec<_>>();
    let all = [options("--target", &plan.filter.targets), options("--select", &plan.filter.select)].concat();
    (!all.is_empty()).then(|| all.join(" "))
}

/// What stands for personal values, which a comment shows to more people than need them.
const UNSEEN: &str = "(not shown here)";

/// Text that never grows beyond its limit.
struct Page {
    text: String,
    limit: usize,
}

impl Page {
    fn always(&mut self, piece: &str) {
        self.text.push_str(piece);
    }

    /// Adds a piece if it fits below the limit and the part's own end.
    fn fits(&mut self, piece: &str, end: usize) -> bool {
        let fits = self.text.len() + piece.len() <= end.min(self.limit);
        if fits {
            self.text.push_str(piece);
        }
        fits
    }

    /// Adds lines as long as they fit, and says how many did not.
    fn lines(&mut self, lines: impl Iterator<Item = String>, part: usize) {
        let end = self.text.len() + part;
        let mut lines = lines.peekable();
        while let Some(line) = lines.next_if(|line| self.fits(line, end)) {
            drop(line);
        }
        let left = lines.count();
        if left > 0 {
            let _ = write!(self.text, "\n… and {} more; `headcount plan` shows them.\n", number(left as u64));
        }
        self.always("\n");
    }
}

fn title(plan: &Plan) -> String {
    let counts = Counts::of(&plan.changes);
    match counts.is_empty() {
        false => counts.words(),
        true if summary::incomplete(plan) => "no changes in what could be read".to_owned(),
        true if !plan.decided() || plan.refused() => "no changes, but not everything could be decided".to_owned(),
        true => "no changes".to_owned(),
    }
}

fn verdict(plan: &Plan) -> String {
    let mut sentences = Vec::new();
    if plan.refused() {
        sentences.push("**A guardrail refuses part of this plan.** What it withholds will not run.");
    }
    if summary::incomplete(plan) {
        sentences.push("**The plan is incomplete**: not everything could be read. What depends on it keeps its observed value.");
    } else if !plan.decided() {
        sentences.push("**Some of it could not be decided** and stays as it is: see the findings.");
    }
    if sentences.is_empty() {
        let all = plan.changes.is_empty();
        sentences.push(if all { "Everything is as declared." } else { "Everything was read, and no guardrail objects." });
    }
    sentences.join("\n")
}

fn unread(plan: &Plan, page: &mut Page) {
    let lines = summary::untold_reads(plan).map(|(system, how, reason)| format!("- {} {how}: {}\n", code(system), prose(reason)));
    let mut lines = lines.peekable();
    if lines.peek().is_some() {
        page.lines(lines, PART);
    }
}

/// What is counted by target. A column that would be empty is left out: a wide table hides its end, and there stands what is withheld.
const COLUMNS: &[&str] = &[
    "created",
    "taken over",
    "updated",
    "sign-in back",
    "signed out",
    "sign-in lost",
    "deleted",
    "groups",
    "+ members",
    "− members",
    "entitlements",
    "withheld",
];

fn table(targets: &Targets<'_>, page: &mut Page) {
    if targets.is_empty() {
        return;
    }
    let rows: Vec<(&str, Vec<String>)> = targets.iter().map(|(target, changes)| (*target, figures(changes))).collect();
    let some = |column: &usize| rows.iter().any(|(_, figures)| figures.get(*column).is_some_and(|figure| !figure.is_empty()));
    let columns: Vec<usize> = (0..COLUMNS.len()).filter(some).collect();
    let cells = |cell: &dyn Fn(usize) -> String| columns.iter().map(|column| format!("{}|", cell(*column))).collect::<String>();
    page.always(&format!("| Target |{}\n", cells(&|column| format!(" {} ", COLUMNS.get(column).unwrap_or(&"")))));
    page.always(&format!("|:--|{}\n", cells(&|_| "--:".to_owned())));
    let figure = |figures: &[String], column: usize| figures.get(column).map_or_else(String::new, |figure| format!(" {figure} "));
    let rows = rows.iter().map(|(target, figures)| format!("| {} |{}\n", cell(target), cells(&|column| figure(figures, column))));
    page.lines(rows, PART);
}

/// The figures of a target in the order of [`COLUMNS`]; nothing for none.
fn figures(changes: &[&Change]) -> Vec<String> {
    let counts = Counts::of(changes.iter().copied());
    let groups: u64 = summary::ACTIONS.iter().map(|action| counts.get(ObjectKind::Group, *action)).sum();
    let accounts = summary::ACTIONS.iter().map(|action| counts.get(ObjectKind::Account, *action));
    let members = [Action::AddMembers, Action::RemoveMembers].map(|action| counts.get(ObjectKind::Group, action));
    let figure = |count: u64| if count == 0 { String::new() } else { number(count) };
    let figures = accounts.chain([groups]).chain(members).map(figure);
    figures.chain([summary::entitlements(&counts), figure(counts.withheld)]).collect()
}

fn risks(plan: &Plan, page: &mut Page) {
    let mut lines = plan.changes.iter().filter(|change| !change.risks.is_empty()).map(|change| {
        let risks: Vec<_> = change.risks.iter().map(|known| risk(change, *known)).collect();
        format!("- **{}**: {} {}{}\n", risks.join(", "), headline(change), at(change), withheld(change))
    });
    let Some(first) = lines.next() else { return };
    page.always("#### Look at these twice\n\n");
    page.lines(std::iter::once(first).chain(lines), PART);
}

fn findings(plan: &Plan, look: ViewOptions<'_>, page: &mut Page) {
    let (known, mut findings): (Vec<_>, Vec<_>) = plan.findings.iter().partition(|finding| look.knows(finding));
    findings.sort_by_key(|finding| (std::cmp::Reverse(finding.severity), finding.follows, finding.code));
    if !findings.is_empty() {
        page.always("#### Findings\n\n");
        page.lines(findings.iter().map(|finding| finding_lines(finding)), PART);
    }
    if !known.is_empty() {
        page.always(&format!("{}\n\n", summary::known(known.len() as u64)));
    }
}

fn finding_lines(finding: &Finding) -> String {
    if finding.follows {
        return format!("  - because of that: {}\n", prose(&finding.message));
    }
    let mark = if finding.severity >= Severity::Error { "**" } else { "" };
    let mut lines = format!("- {mark}{}{mark}: {}", severity(finding.severity), prose(&told(finding)));
    if let Some(place) = &finding.place {
        let _ = write!(lines, " ({})", code(&place.to_string()));
    }
    lines.push('\n');
    match &finding.hint {
        // Several lines are something to paste.
        Some(hint) if hint.contains('\n') => lines.push_str(&block(hint, "  ")),
        Some(hint) => lines.push_str(&format!("  Next: {}\n", prose(hint))),
        None => {}
    }
    lines
}

fn takes(look: ViewOptions<'_>, page: &mut Page) {
    let lines: Vec<String> = super::forecast::lines(look.forecast).map(|line| format!("- {}\n", prose(&line))).collect();
    if !lines.is_empty() {
        page.always("Forecast:\n\n");
        page.lines(lines.into_iter(), PART);
        page.always("\n");
    }
}

fn coming_up(plan: &Plan, page: &mut Page) {
    let days = super::upcoming::days(&plan.upcoming);
    if days.is_empty() {
        return;
    }
    page.always("<details><summary>Coming up</summary>\n\n");
    page.lines(days.into_iter(), PART);
    page.always("</details>\n\n");
}

fn details(plan: &Plan, look: ViewOptions<'_>, targets: &Targets<'_>, page: &mut Page) {
    let view = Details { names: DisplayNames::of(plan, look.lines), look };
    for (target, entries) in layout::targets(plan, look.full) {
        let counts = Counts::of(targets.get(target).into_iter().flatten().copied());
        let heading = format!("<details><summary>{}: {}</summary>\n\n", html(target), counts.words());
        if !page.fits(&heading, usize::MAX) {
            page.always("\nThe details of further targets don't fit: `headcount plan` shows them.\n");
            return;
        }
        page.lines(entries.iter().map(|entry| view.entry(entry)), LIMIT);
        page.always("</details>\n\n");
        // Each closed block takes a little of the reserve's place.
        page.limit = page.limit.saturating_sub("</details>\n\n\n… and 000,000,000 more; `headcount plan` shows them.\n".len());
    }
}

/// The changes of a target as list items, as `layout` puts them.
struct Details<'a> {
    names: DisplayNames<'a>,
    look: ViewOptions<'a>,
}

impl Details<'_> {
    fn entry(&self, entry: &Entry<'_>) -> String {
        match entry {
            Entry::One(block) => self.block(block),
            Entry::Alike(blocks) => self.alike(blocks),
        }
    }

    fn block(&self, block: &Block<'_>) -> String {
        let mut lines = String::new();
        for (at, change) in block.steps.iter().enumerate() {
            let same = at > 0 && block.steps.first().is_some_and(|first| first.object == change.object);
            self.change(change, same, &mut lines);
        }
        let what = if block.is_group() { "members" } else { "groups" };
        let moves = || self.moves(block);
        if block.steps.is_empty() {
            // On a line of its own the first sign would begin a list.
            let _ = writeln!(lines, "- {what} of {}: {}: {}", code(&block.about.name), summary::moves(&block.moves), moves());
        } else if !block.moves.is_empty() {
            let _ = writeln!(lines, "  - {what}: {}", moves());
        }
        lines
    }

    fn change(&self, change: &Change, same: bool, lines: &mut String) {
        let indent = if same { "  " } else { "" };
        let why = reason(change).map(|why| format!(" ({})", prose(&why))).unwrap_or_default();
        let place = place(self.look.lines.and_then(|known| known.of(change)));
        let withheld = withheld(change);
        let headline = pieces(if same { further(change) } else { sentence(change) }, change);
        let _ = writeln!(lines, "{indent}- {headline}{why}{place}{withheld}");
        let told: Vec<_> = change.attributes.iter().filter(|changed| !in_sentence(change, changed)).collect();
        match change.action {
            // All of it is new: one line says it.
            Action::Create | Action::AddEntitlement if !told.is_empty() => {
                let _ = writeln!(lines, "{indent}  - {}", self.pairs(change, told.into_iter()));
            }
            _ => told.iter().for_each(|changed| self.attribute(change, changed, indent, lines)),
        }
        if !change.losers.is_empty() {
            let losers = change.losers.iter().map(|changed| code(&changed.member.name));
            let _ = writeln!(lines, "  lost by {}: {}", summary::people(change.people_who_lose()), losers.collect::<Vec<_>>().join(", "));
        }
    }

    fn pairs<'c>(&self, change: &Change, all: impl Iterator<Item = &'c AttributeChange>) -> String {
        let pairs = all.map(|changed| match visibility(change, changed) {
            Visibility::Public => format!("{} {}", prose(&changed.attribute), code(&sides(changed, &self.names).1)),
            _ => format!("{} {UNSEEN}", prose(&changed.attribute)),
        });
        pairs.collect::<Vec<_>>().join(" · ")
    }

    fn attribute(&self, change: &Change, changed: &AttributeChange, indent: &str, lines: &mut String) {
        let (before, after) = sides(changed, &self.names);
        let _ = match visibility(change, changed) {
            Visibility::Public => writeln!(lines, "{indent}  - {}: {} → {}", prose(&changed.attribute), code(&before), code(&after)),
            _ => writeln!(lines, "{indent}  - {}: {UNSEEN}", prose(&changed.attribute)),
        };
    }

    /// Memberships side by side, what many have behind them once at their end; of a group in a group how many people it has.
    fn moves(&self, block: &Block<'_>) -> String {
        let (shown, left) = shown(&block.moves, self.look.full);
        let mut behind: Vec<(String, Vec<String>)> = Vec::new();
        for one in shown {
            let sign = if one.change.action.removes() { "−" } else { "+" };
            let people = match one.member.member.kind {
                ObjectKind::Group if block.is_group() => format!(" ({})", summary::people(u64::from(one.member.people))),
                _ => String::new(),
            };
            let piece = format!("{sign} {}{people}", code(&one.other(block.about).name));
            let tail = format!("{}{}", place(block.line(one, &self.look)), withheld(one.change));
            match behind.iter_mut().find(|(known, _)| *known == tail) {
                Some((_, pieces)) => pieces.push(piece),
                None => behind.push((tail, vec![piece])),
            }
        }
        let mut parts: Vec<String> = behind.into_iter().map(|(tail, pieces)| format!("{}{tail}", pieces.join(", "))).collect();
        if left > 0 {
            parts.push(format!("… and {} more; {HOW}", number(left as u64)));
        }
        parts.join("; ")
    }

    /// Many that say the same: what, how many, what they have in common, and the first names.
    fn alike(&self, blocks: &[Block<'_>]) -> String {
        let Some((steps, first)) = blocks.first().and_then(|block| Some((&block.steps, *block.steps.first()?))) else {
            return String::new();
        };
        let why = reason(first).map(|why| format!(" ({})", prose(&why))).unwrap_or_default();
        let mut lines = format!("- {}{why}\n", prose(&of_many(blocks.len() as u64, steps)));
        for (at, step) in steps.iter().enumerate() {
            let (shared, own) = layout::shared(blocks, at);
            if own.is_empty() && !matches!(step.action, Action::Create | Action::AddEntitlement) {
                step.attributes.iter().for_each(|changed| self.attribute(step, changed, "", &mut lines));
                continue;
            }
            if !shared.is_empty() {
                let _ = writeln!(lines, "  - in common: {}", self.pairs(step, shared.into_iter()));
            }
            if !own.is_empty() {
                let own: Vec<_> = own.into_iter().map(prose).collect();
                let _ = writeln!(lines, "  - each their own: {}", own.join(", "));
            }
        }
        let mut names: Vec<_> = blocks
            .iter()
            .take(SHOWN)
            .map(|block| match block.moves.len() as u64 {
                0 => code(&block.about.name),
                members => format!("{} ({})", code(&block.about.name), super::count(members, "member")),
            })
            .collect();
        let left = blocks.len().saturating_sub(SHOWN) as u64;
        names.push(if left > 0 { format!("… and {} more; {HOW}", number(left)) } else { format!("({HOW})") });
        let _ = writeln!(lines, "  - {}", names.join(", "));
        lines
    }
}

fn withheld(change: &Change) -> &'static str {
    if change.runs() { "" } else { " **withheld**" }
}

fn place(place: Option<Place>) -> String {
    place.map(|place| format!(" at {}", code(&summary::at_line(&place)))).unwrap_or_default()
}

fn headline(change: &Change) -> String {
    pieces(sentence(change), change)
}

fn pieces(pieces: Vec<Piece<'_>>, change: &Change) -> String {
    let pieces = pieces.into_iter().map(|piece| match piece {
        Piece::Words(words) => words.into_owned(),
        Piece::Name(name) => code(name),
    });
    let was = change.former_key.as_deref().map(|key| format!(" (was {})", code(key))).unwrap_or_default();
    format!("{}{was}", pieces.collect::<String>())
}

fn at(change: &Change) -> String {
    format!("at {}", code(&change.target))
}

fn foot(plan: &Plan) -> String {
    let hash = plan.hash();
    if !plan.applyable() {
        return format!("Plan `{hash}` for {}.\n", plan.as_of);
    }
    format!(
        "Plan `{hash}` for {}. To save and run exactly this:\n\n```sh\nheadcount plan --out plan.json\nheadcount apply plan.json\n```\n",
        plan.as_of
    )
}

/// Inside an HTML tag Markdown's code spans don't count.
fn html(text: &str) -> String {
    super::safe::line(text).chars().fold(String::new(), |mut safe, character| {
        match character {
            character if character.is_alphanumeric() || matches!(character, ' ' | '-' | '.') => safe.push(character),
            other => {
                let _ = write!(safe, "&#{};", u32::from(other));
            }
        }
        safe
    })
}

#[cfg(test)]
#[path = "markdown_tests.rs"]
mod tests;
