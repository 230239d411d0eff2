//! What needs somebody, the worst first, each with a command that goes on from there; or one calm sentence.

use std::io::{self, Write};

use anstyle::Style;

use super::{StatusView, count, number};
use crate::model::{Need, NeedKind, Status, SystemRole, SystemState};
use crate::render::safe;
use crate::render::style::{BAD, GOOD, RISK, STRONG, paint};
use crate::render::wrap::{columns, paragraph};

/// Between the columns.
const GAP: &str = "  ";
/// Reasons for which manifests are refused, before the rest is counted.
const REASONS: usize = 10;

/// One of them, ready to be written.
struct NeedLine {
    kind: String,
    about: String,
    words: String,
    next: String,
    /// what else there is to say, each on a line
    more: Vec<String>,
}

/// Writes them.
pub fn write(view: &StatusView<'_>, out: &mut dyn Write) -> io::Result<()> {
    let lines = lines(view);
    if lines.is_empty() {
        return calm(view, out);
    }
    let many = lines.len() as u64;
    let (things, need) = match (many, view.is_silent()) {
        (1, false) => ("1 thing".to_owned(), "needs somebody"),
        (1, true) => ("1 thing".to_owned(), "needed somebody then"),
        (many, silent) => (format!("{} things", number(many)), if silent { "needed somebody then" } else { "need somebody" }),
    };
    writeln!(out, "{}", paint(STRONG, format_args!("{things} {need}")))?;
    let wide = |of: fn(&NeedLine) -> &str| lines.iter().map(|line| columns(of(line))).max().unwrap_or_default();
    let (kind, about, words) = (wide(|line| &line.kind), wide(|line| &line.about), wide(|line| &line.words));
    let whole = GAP.len() * 4 + kind + about + words + wide(|line| &line.next);
    let indent = " ".repeat(GAP.len() * 3 + kind + about);
    for line in &lines {
        let start = format!("{GAP}{}{GAP}{}{GAP}", padded(&line.kind, kind), padded(&line.about, about));
        if view.look.width.is_none_or(|width| whole <= width) {
            writeln!(out, "{start}{}{GAP}{}", padded(&line.words, words), line.next)?;
        } else {
            paragraph(view.width(), &format!("{start}{}", line.words), &indent, out)?;
            writeln!(out, "{indent}{} {}", paint(STRONG, "next:"), line.next)?;
        }
        line.more.iter().try_for_each(|more| paragraph(view.width(), &format!("{indent}- {more}"), &format!("{indent}  "), out))?;
    }
    Ok(())
}

fn lines(view: &StatusView<'_>) -> Vec<NeedLine> {
    let about = |need: &&Need| view.look.systems.is_empty() || view.look.systems.contains(&need.about);
    let mut lines: Vec<NeedLine> = view.status.needs.iter().filter(about).map(|need| line(view, need)).collect();
    // Whoever wrote the status may not have told it as a need.
    let told = view.status.needs.iter().any(|need| need.kind == NeedKind::RevisionRefused);
    if let Some(refused) = view.status.refused.as_ref().filter(|_| !told && view.look.systems.is_empty()) {
        let words = refused.why.first().cloned().unwrap_or_else(|| "these manifests are not used".to_owned());
        let (about, next) = (refused.revision.name.clone(), "headcount validate".to_owned());
        lines.push(line(view, &Need { kind: NeedKind::RevisionRefused, about, words, next, since: refused.since }));
    }
    lines
}

fn line(view: &StatusView<'_>, need: &Need) -> NeedLine {
    let (word, style) = word(view.status, need);
    let why = view.status.refused.iter().filter(|_| need.kind == NeedKind::RevisionRefused).flat_map(|refused| &refused.why);
    let more: Vec<String> = why.filter(|why| !need.words.contains(why.as_str())).map(|why| safe::line(why).into_owned()).collect();
    NeedLine {
        kind: paint(style, word),
        about: safe::line(&need.about).into_owned(),
        words: format!("{} (since {})", safe::line(&need.words), view.clock.at(need.since)),
        next: view.command(&need.next),
        more: cut(more),
    }
}

fn cut(mut reasons: Vec<String>) -> Vec<String> {
    let left = reasons.len().saturating_sub(REASONS);
    if left > 0 {
        reasons.truncate(REASONS);
        reasons.push(format!("… and {} more; `headcount validate` shows them", number(left as u64)));
    }
    reasons
}

fn padded(cell: &str, wide: usize) -> String {
    format!("{cell}{}", " ".repeat(wide.saturating_sub(columns(cell))))
}

/// What a need is, in a word, and how that looks.
pub fn word(status: &Status, need: &Need) -> (&'static str, Style) {
    let in_part = || status.systems.iter().any(|system| *system.name == need.about && super::is_in_part(system));
    match need.kind {
        NeedKind::RevocationOpen => ("not cut off", BAD),
        NeedKind::Stalled => ("stalled", BAD),
        NeedKind::Held => ("held", BAD),
        NeedKind::Undecided => ("undecided", BAD),
        NeedKind::Waits => ("waits", RISK),
        NeedKind::RevisionRefused => ("refused", BAD),
        NeedKind::Unreadable if in_part() => ("read in part", BAD),
        NeedKind::Unreadable => ("unreadable", BAD),
        NeedKind::Contested => ("contested", RISK),
        NeedKind::Undeclared => ("undeclared", RISK),
        NeedKind::Untold => ("untold", RISK),
        NeedKind::Unsubscribed => ("unsubscribed", RISK),
    }
}

/// Nothing needs anybody. What is not well goes on by itself, or was stopped by somebody who is named above.
fn calm(view: &StatusView<'_>, out: &mut dyn Write) -> io::Result<()> {
    let nothing = if view.is_silent() { "Nothing needed somebody then" } else { "Nothing needs somebody" };
    let rest = calm_words(view.status);
    let style = if view.is_silent() || view.status.brake.is_some() { STRONG } else { GOOD.bold() };
    paragraph(view.width(), &format!("{}{rest}", paint(style, nothing)), "", out)
}

/// How a sentence goes on that nothing needs anybody.
pub fn calm_words(status: &Status) -> String {
    let of = |role| status.systems.iter().filter(move |system| system.role == role);
    let (targets, sources) = (of(SystemRole::Target).count() as u64, of(SystemRole::Source).count() as u64);
    let unknown = status.systems.iter().any(|system| system.state == SystemState::Unknown);
    let well = status.systems.iter().all(|system| system.state == SystemState::AsDeclared);
    let people = if status.identities == 1 { "1 person".to_owned() } else { format!("{} people", number(status.identities)) };
    match (status.systems.is_empty() || unknown, well) {
        (true, _) => " yet: it is not known of every system how it stands.".to_owned(),
        (_, true) => {
            format!(": everything is as declared, for {people} from {} at {}.", count(sources, "source"), count(targets, "target"))
        }
        (_, false) => ".".to_owned(),
    }
}
