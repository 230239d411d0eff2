//! What a report says without its script: numbers, what is missing or refused, what to check, each target, limits, sizes of groups, what falls due.
//!
//! Must never: say by a picture what no word beside it says.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use jiff::ToSpan as _;

use crate::diagnostic::Place;
use crate::model::Severity;
use crate::render::in_html;
use crate::render::markup::html;
use crate::render::review::links::References;
use crate::render::review::totals::{FIGURES, figures, left_out, limit_words, unread};
use crate::render::review::words::{self, Phrase};
use crate::render::summary::{number, told, word};
use crate::render::upcoming;
use crate::review::{AtomGroup, EffectKind, NotUsed, Review, RiskKind};

/// More of a list than this is left to the JSON.
const LISTED: usize = 200;

/// In the order of every view.
pub(super) fn parts(review: &Review, links: &References<'_>) -> String {
    let found = |title: &str, wanted: &dyn Fn(Severity) -> bool| findings(review, links, title, wanted);
    [
        found("What is missing", &|severity| severity == Severity::Incomplete),
        unread_systems(review),
        found("What is refused", &|severity| severity == Severity::Refused),
        tiles(review),
        check(review, links),
        not_used(review, links),
        found("Not decided", &|severity| severity == Severity::Error),
        numbers(review),
        personas(review),
        found("Noticed", &|severity| matches!(severity, Severity::Warning | Severity::Note)),
    ]
    .concat()
}

fn section(title: &str, body: &str) -> String {
    if body.is_empty() { String::new() } else { format!("<section>\n<h2>{title}</h2>\n{body}</section>\n") }
}

fn listed(items: Vec<String>) -> String {
    if items.is_empty() {
        return String::new();
    }
    let more = items.len().saturating_sub(LISTED);
    let mut list = format!("<ul class=\"told\">{}", items.into_iter().take(LISTED).collect::<String>());
    if more > 0 {
        let _ = write!(list, "<li>and {} more</li>", number(more as u64));
    }
    list + "</ul>\n"
}

fn findings(review: &Review, links: &References<'_>, title: &str, wanted: &dyn Fn(Severity) -> bool) -> String {
    let found = review.findings.iter().filter(|one| wanted(one.finding.severity));
    let items = found.map(|one| {
        let finding = &one.finding;
        let place = finding.place.as_ref().map(|place| format!(" {}", link(place, links))).unwrap_or_default();
        let whose = if review.branch.is_some() && !one.by_branch { " <small>(not by this branch)</small>" } else { "" };
        let withheld = match one.withholds.len() {
            0 => String::new(),
            count => format!(" Withheld: {}.", crate::render::count(count as u64, "change")),
        };
        let hint = match &finding.hint {
            Some(hint) if hint.contains('\n') => format!("<pre>{}</pre>", in_html(hint)),
            Some(hint) => format!("<br>Next: {}", html(hint)),
            None => String::new(),
        };
        format!("<li>{}{place}{withheld}{whose}{hint}</li>", html(&told(finding)))
    });
    section(title, &listed(items.collect()))
}

fn unread_systems(review: &Review) -> String {
    let known = |system: &str| {
        review
            .findings
            .iter()
            .any(|one| one.finding.severity == Severity::Incomplete && one.finding.subject.system.as_deref() == Some(system))
    };
    let mut items: Vec<String> = unread(review)
        .filter(|read| !known(&read.system))
        .map(|read| format!("<li>{}: {}</li>", html(&read.system), html(read.evidence.reason().unwrap_or_default())))
        .collect();
    items.dedup();
    section("Not read to its end", &listed(items))
}

/// How many people each thing happens to; each is a filter.
fn tiles(review: &Review) -> String {
    let mut who: BTreeMap<EffectKind, BTreeSet<&Arc<str>>> = BTreeMap::new();
    for group in review.groups.iter().filter(|group| runs(group)) {
        who.entry(group.effect).or_default().extend(group.who.iter().map(|line| &line.who.key));
    }
    let tiles: String = who
        .iter()
        .map(|(effect, who)| {
            let count = number(who.len() as u64);
            format!(
                "<button type=\"button\" class=\"tile {}\" data-kind=\"{}\" aria-pressed=\"false\"><b>{count}</b> {}</button>",
                words::side(*effect),
                word(effect),
                words::picked(*effect, who.len() as u64)
            )
        })
        .collect();
    if tiles.is_empty() { tiles } else { format!("<section aria-label=\"Numbers\"><div class=\"tiles\">{tiles}</div></section>\n") }
}

fn runs(group: &AtomGroup) -> bool {
    group.of_effect && !group.withheld && group.how != crate::review::Divergence::Cancels
}

fn check(review: &Review, links: &References<'_>) -> String {
    const NAMES: usize = 20;
    let items = review.risks.iter().map(|risk| {
        let place = risk.places.first().map(|place| format!(" ({})", link(place, links))).unwrap_or_default();
        let names: Vec<Arc<str>> = risk.who.iter().map(|who| who.name.clone()).collect();
        let named = risk.risk == RiskKind::GroupEmpties || names.len() <= 1;
        let names = if named { String::new() } else { format!(": {}", sentence(&words::listed(&names, NAMES, ""))) };
        let advice = words::advice(risk.risk);
        format!("<li>{}{}{place}{names}. {advice}</li>", sentence(&words::risk(risk)), sentence(&words::because_of(risk)))
    });
    section("Please check", &listed(items.collect()))
}

fn personas(review: &Review) -> String {
    section("What personas get otherwise", &listed(review.personas.iter().map(|line| format!("<li>{}</li>", html(line))).collect()))
}

fn not_used(review: &Review, links: &References<'_>) -> String {
    let told = |one: &NotUsed| {
        let place = one.place.as_ref().map(|place| format!(" ({})", link(place, links))).unwrap_or_default();
        format!("<li>{}{place}</li>", html(&one.words))
    };
    left_out(review).into_iter().map(|(title, all)| section(title, &listed(all.into_iter().map(told).collect()))).collect()
}

fn numbers(review: &Review) -> String {
    let left = [targets(review), limits(review), sizes(review)].concat();
    let due = due(review);
    match (left.is_empty(), due.is_empty()) {
        (true, true) => String::new(),
        (false, true) => format!("<section>\n{left}</section>\n"),
        (true, false) => format!("<section>\n{due}</section>\n"),
        (false, false) => format!("<section class=\"two\">\n<div>{left}</div>\n<div>{due}</div>\n</section>\n"),
    }
}

/// A target's figures in words, and how much is taken, changed and given.
type TargetRow<'a> = (&'a Arc<str>, [String; 6], [(&'a str, u64); 3]);

/// Numbers by target, with a bar of what is taken, changed and given.
fn targets(review: &Review) -> String {
    let rows: Vec<TargetRow<'_>> = review
        .targets
        .iter()
        .map(|target| {
            let sum = |sides: &[&str]| {
                let of = target.counts.iter().filter(|(kind, _)| sides.contains(&words::side(**kind)));
                of.map(|(_, count)| *count).sum::<u64>()
            };
            (&target.target, figures(target), [("lose", sum(&["lose"])), ("edit", sum(&["edit"])), ("gain", sum(&["gain", "warn"]))])
        })
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    let used: Vec<usize> =
        (0..FIGURES.len()).filter(|at| rows.iter().any(|(_, cells, _)| cells.get(*at).is_some_and(|cell| !cell.is_empty()))).collect();
    let titles: String = used.iter().filter_map(|at| FIGURES.get(*at)).map(|title| format!("<th scope=\"col\">{title}</th>")).collect();
    let most = rows.iter().map(|(.., sides)| sides.iter().map(|(_, count)| count).sum::<u64>()).max().unwrap_or(1).max(1);
    let body: String = rows
        .iter()
        .map(|(target, cells, sides)| {
            let cells: String = used.iter().filter_map(|at| cells.get(*at)).map(|cell| format!("<td>{}</td>", html(cell))).collect();
            format!("<tr><th scope=\"row\">{}{}</th>{cells}</tr>\n", html(target), bar(sides, most))
        })
        .collect();
    format!(
        "<h2>At each target</h2>\n<div class=\"scroll\"><table><caption>Bars: taken red, changed grey, given green</caption><thead><tr><th scope=\"col\">Target</th>{titles}</tr></thead><tbody>{body}</tbody></table></div>\n"
    )
}

/// Parts of a whole, side by side. Whatever it shows stands in words beside it.
fn bar(parts: &[(&str, u64)], most: u64) -> String {
    let mut at = 0;
    let mut rects = String::new();
    for (kind, count) in parts.iter().filter(|(_, count)| *count > 0) {
        let wide = (count * 1000 / most.max(1)).max(6);
        let _ = write!(rects, "<rect class=\"{kind}\" x=\"{at}\" y=\"0\" width=\"{wide}\" height=\"14\"/>");
        at += wide;
    }
    format!("<svg class=\"picture\" viewBox=\"0 0 1000 14\" preserveAspectRatio=\"none\" aria-hidden=\"true\">{rects}</svg>")
}

fn limits(review: &Review) -> String {
    let rows: String = review
        .limits
        .iter()
        .filter(|limit| limit.planned > 0)
        .map(|limit| {
            let used = limit.planned + limit.done.unwrap_or_default();
            let kind = if used * 4 > limit.allowed * 3 { "lose" } else { "edit" };
            format!(
                "<tr><th scope=\"row\">{}</th><td class=\"wide\">{}</td><td>{}</td></tr>\n",
                html(&limit_words(limit.guardrail, &limit.target)),
                bar(&[(kind, used.min(limit.allowed))], limit.allowed),
                html(&format!("{} of {}", number(used), number(limit.allowed)))
            )
        })
        .collect();
    if rows.is_empty() { rows } else { format!("<h2>Guardrails, with what is pending</h2>\n<table><tbody>{rows}</tbody></table>\n") }
}

fn sizes(review: &Review) -> String {
    const SHOWN: usize = 12;
    let mut sizes: Vec<_> = review.group_sizes.iter().filter(|size| size.before != size.after).collect();
    sizes.sort_by_key(|size| std::cmp::Reverse(size.before.abs_diff(size.after)));
    let most = sizes.iter().take(SHOWN).map(|size| size.before.max(size.after)).max().unwrap_or(1);
    let rows: String = sizes
        .iter()
        .take(SHOWN)
        .map(|size| {
            let (kind, stays) = if size.after < size.before { ("lose", size.after) } else { ("gain", size.before) };
            format!(
                "<tr><th scope=\"row\">{} at {}</th><td class=\"wide\">{}</td><td>{} → {}</td></tr>\n",
                html(&size.group.name),
                html(&size.target),
                bar(&[("was", stays), (kind, size.before.abs_diff(size.after))], most),
                number(size.before),
                number(size.after)
            )
        })
        .collect();
    if rows.is_empty() { rows } else { format!("<h2>Members of the groups that change most</h2>\n<table><tbody>{rows}</tbody></table>\n") }
}

/// What falls due, in numbers: not everybody has been told who leaves.
fn due(review: &Review) -> String {
    let days = upcoming::in_words(&review.upcoming, &|name| html(name), &|words| html(words));
    let Some((last, _)) = days.last() else { return String::new() };
    let mut counts: BTreeMap<jiff::civil::Date, u64> = review.upcoming.more.iter().map(|(day, more)| (*day, *more)).collect();
    review.upcoming.dues.iter().for_each(|due| *counts.entry(due.day).or_default() += 1);
    let most = counts.values().copied().max().unwrap_or(1).max(1);
    let span = review.as_of.until(*last).map(|span| span.get_days()).unwrap_or_default().clamp(1, 120);
    let mut bars = String::new();
    for at in 0..=span {
        let Ok(day) = review.as_of.checked_add(at.days()) else { break };
        let high = 34 * counts.get(&day).copied().unwrap_or_default() / most;
        if high > 0 {
            let _ = write!(bars, "<rect x=\"{}\" y=\"{}\" width=\"8\" height=\"{high}\"/>", at * 10 + 1, 40 - high);
        }
        if at % 7 == 0 {
            let _ = write!(bars, "<text x=\"{}\" y=\"51\">{}</text>", at * 10 + 1, html(&day.strftime("%-d %b").to_string()));
        }
    }
    let wide = (span + 1) * 10;
    let list: String = days
        .iter()
        .take(LISTED)
        .map(|(day, words)| format!("<li><time datetime=\"{day}\">{}</time> {words}</li>", html(&day.strftime("%-d %b %Y").to_string())))
        .collect();
    format!(
        "<h2>Falls due</h2>\n<svg class=\"due\" viewBox=\"0 0 {wide} 54\" aria-hidden=\"true\"><line x1=\"0\" x2=\"{wide}\" y1=\"40.5\" y2=\"40.5\"/>{bars}</svg>\n<ul class=\"days\">{list}</ul>\n"
    )
}

fn sentence(spans: &[Phrase]) -> String {
    let mut open = false;
    let parts = spans.iter().map(|span| match span {
        Phrase::Words(words) => html(words),
        Phrase::Name(name) => html(name),
        Phrase::Strong => {
            open = !open;
            if open { "<b>".to_owned() } else { "</b>".to_owned() }
        }
    });
    parts.collect()
}

fn link(place: &Place, links: &References<'_>) -> String {
    let words = html(&format!("{}:{}", place.file, place.line));
    match links.address(place) {
        Some(address) => format!("<a href=\"{}\">{words}</a>", html(&address)),
        None => format!("<code>{words}</code>"),
    }
}
