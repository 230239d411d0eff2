//! The plan as one comment of a pull request: verdict, table, risks, findings, then details as far as they fit. Personal values stay out.

use std::fmt::Write;

use super::markup::{block, cell, code, prose};
use super::summary::{self, Counts, Targets, is_membership, number, severity};
use super::value::{Names, sides, visibility};
use super::words::{Piece, reason, risk, sentence};
use crate::model::{Action, AttributeChange, Change, Finding, ObjectKind, Plan, Severity, Visibility};

/// A comment is found again by this line and updated in place.
pub const MARKER: &str = "<!-- headcount -->";
/// Hosts cut or refuse longer comments.
const LIMIT: usize = 60_000;
/// What the head of the page (table, risks, findings) may take of it, each.
const PART: usize = 12_000;
/// For closing what is open, and for saying what was left out.
const RESERVE: usize = 1_000;

/// The page.
pub fn page(plan: &Plan) -> String {
    let targets = summary::targets(plan);
    let mut page = Page { text: String::new(), limit: LIMIT - RESERVE };
    page.always(&format!("{MARKER}\n### headcount: {}\n\n{}\n\n", title(plan), verdict(plan)));
    if let Some(part) = part(plan) {
        page.always(&format!("Only a part of it: {part}.\n\n"));
    }
    unread(plan, &mut page);
    table(&targets, &mut page);
    risks(plan, &mut page);
    findings(plan, &mut page);
    coming_up(plan, &mut page);
    let foot = foot(plan);
    page.limit = page.limit.saturating_sub(foot.len());
    details(plan, &targets, &mut page);
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
            let _ = write!(self.text, "\n… and {} more.\n", number(left as u64));
        }
        self.always("\n");
    }
}

fn title(plan: &Plan) -> String {
    let counts = Counts::of(&plan.changes);
    if counts.is_empty() { "no changes".to_owned() } else { counts.words() }
}

fn verdict(plan: &Plan) -> String {
    let mut sentences = Vec::new();
    if plan.refused() {
        sentences.push("**A guardrail refuses part of this plan.** What it withholds will not run.");
    }
    if !plan.complete() {
        sentences.push("**The plan is incomplete**: not everything could be read. What depends on it keeps its observed value.");
    }
    if plan.changes.is_empty() && plan.decided() && !plan.refused() {
        sentences.push("Everything is as declared.");
    } else if plan.complete() && !plan.decided() {
        sentences.push("**Some of it could not be decided** and stays as it is: see the findings.");
    } else if sentences.is_empty() {
        sentences.push("Everything was read, and no guardrail objects.");
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

fn table(targets: &Targets<'_>, page: &mut Page) {
    if targets.is_empty() {
        return;
    }
    // Most targets know no entitlements: the column is there where there are some.
    let entitled = targets.values().flatten().any(|change| change.entitlement.is_some());
    let (heading, line) = if entitled { (" entitlements |", "--:|") } else { ("", "") };
    page.always(&format!(
        "| Target | created | taken over | updated | sign-in back | signed out | sign-in lost | deleted | groups | + members | − members |{heading} withheld |\n"
    ));
    page.always(&format!("|:--|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|{line}--:|\n"));
    let rows = targets.iter().map(|(target, changes)| {
        let counts = Counts::of(changes.iter().copied());
        let mut row = format!("| {} |", cell(target));
        let groups: u64 = summary::ACTIONS.iter().map(|action| counts.get(ObjectKind::Group, *action)).sum();
        let accounts = summary::ACTIONS.iter().map(|action| counts.get(ObjectKind::Account, *action));
        let members = [Action::AddMembers, Action::RemoveMembers].map(|action| counts.get(ObjectKind::Group, action));
        let figure = |count: u64| if count == 0 { String::new() } else { number(count) };
        let figures = accounts.chain([groups]).chain(members).map(figure);
        let entitlements = entitled.then(|| summary::entitlements(&counts));
        for figure in figures.chain(entitlements).chain([figure(counts.withheld)]) {
            let _ = write!(row, " {figure} |");
        }
        row + "\n"
    });
    page.lines(rows, PART);
}

fn risks(plan: &Plan, page: &mut Page) {
    let mut lines = plan.changes.iter().filter(|change| !change.risks.is_empty()).map(|change| {
        let risks: Vec<_> = change.risks.iter().map(|known| risk(*known)).collect();
        format!("- **{}**: {} {}\n", risks.join(", "), headline(change), at(change))
    });
    let Some(first) = lines.next() else { return };
    page.always("#### Look at these twice\n\n");
    page.lines(std::iter::once(first).chain(lines), PART);
}

fn findings(plan: &Plan, page: &mut Page) {
    let mut findings: Vec<_> = plan.findings.iter().collect();
    findings.sort_by_key(|finding| (std::cmp::Reverse(finding.severity), finding.follows, finding.code));
    if !findings.is_empty() {
        page.always("#### Findings\n\n");
        page.lines(findings.iter().map(|finding| finding_lines(finding)), PART);
    }
}

fn finding_lines(finding: &Finding) -> String {
    if finding.follows {
        return format!("  - because of that: {}\n", prose(&finding.message));
    }
    let mark = if finding.severity >= Severity::Error { "**" } else { "" };
    let mut lines = format!("- {mark}{}{mark}: {}", severity(finding.severity), prose(&finding.message));
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

fn coming_up(plan: &Plan, page: &mut Page) {
    let days = super::upcoming::days(plan);
    if days.is_empty() {
        return;
    }
    page.always("<details><summary>Coming up</summary>\n\n");
    page.lines(days.into_iter(), PART);
    page.always("</details>\n\n");
}

fn details(plan: &Plan, targets: &Targets<'_>, page: &mut Page) {
    let names = Names::of(plan);
    for (target, changes) in targets {
        let counts = Counts::of(changes.iter().copied());
        let heading = format!("<details><summary>{}: {}</summary>\n\n", html(target), counts.words());
        if !page.fits(&heading, usize::MAX) {
            page.always("\nThe details of further targets don't fit: `headcount plan` shows them.\n");
            return;
        }
        page.lines(changes.iter().map(|change| change_lines(change, &names)), LIMIT);
        page.always("</details>\n\n");
        // Each closed block takes a little of the reserve's place.
        page.limit = page.limit.saturating_sub("</details>\n\n\n… and 000,000,000 more.\n".len());
    }
}

fn change_lines(change: &Change, names: &Names<'_>) -> String {
    let why = reason(change).map(|why| format!(" ({})", prose(&why))).unwrap_or_default();
    let mut lines = format!("- {}{why}", headline(change));
    if change.withheld.is_some() {
        lines.push_str(" **withheld**");
    }
    lines.push('\n');
    match change.action {
        // All of it is new: one line says it.
        Action::Create | Action::AddEntitlement if !change.attributes.is_empty() => {
            let pairs = change.attributes.iter().map(|changed| match visibility(change, changed) {
                Visibility::Public => format!("{} {}", prose(&changed.attribute), code(&sides(changed, names).1)),
                _ => format!("{} {UNSEEN}", prose(&changed.attribute)),
            });
            let _ = writeln!(lines, "  {}", pairs.collect::<Vec<_>>().join(" · "));
        }
        _ => change.attributes.iter().for_each(|changed| attribute_line(change, changed, names, &mut lines)),
    }
    if is_membership(change) {
        let members = change.members.iter().map(|changed| code(&changed.member.name));
        let _ = writeln!(lines, "  {}", members.collect::<Vec<_>>().join(", "));
    }
    if !change.losers.is_empty() {
        let losers = change.losers.iter().map(|changed| code(&changed.member.name));
        let _ = writeln!(lines, "  lost by {}: {}", summary::people(change.people_who_lose()), losers.collect::<Vec<_>>().join(", "));
    }
    lines
}

fn attribute_line(change: &Change, changed: &AttributeChange, names: &Names<'_>, lines: &mut String) {
    let (before, after) = sides(changed, names);
    let _ = match visibility(change, changed) {
        Visibility::Public => writeln!(lines, "  - {}: {} → {}", prose(&changed.attribute), code(&before), code(&after)),
        _ => writeln!(lines, "  - {}: {UNSEEN}", prose(&changed.attribute)),
    };
}

fn headline(change: &Change) -> String {
    let pieces = sentence(change).into_iter().map(|piece| match piece {
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
