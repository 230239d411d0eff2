//! One block of a comment, in growing length: its line, some names, a list. Who loses or gets something stands in a fence, where hosts colour it.
//!
//! Must never: cut a name, or let a line of a fence be wider than a page shows.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use unicode_width::UnicodeWidthStr;

use super::{Page, spans};
use crate::model::Key;
use crate::render::markup::{code, fenced, html, name, summary};
use crate::render::review::fit::Detail;
use crate::render::review::pieces::{FEW, Piece, PieceKind, ValueRow};
use crate::render::review::words::{self, Phrase, Sentence};
use crate::render::safe;
use crate::render::summary::{number, people};
use crate::render::value;
use crate::review::{Along, AtomGroup, Divergence, PersonLine};

/// Names of a list.
const LISTED: usize = 150;
/// Names in a line of prose.
const SHOWN: usize = 5;
/// Columns of a fence: 760 pixels show them without scrolling.
const WIDE: usize = 74;
/// A list of so many lines is never folded.
const OPEN: usize = 7;

/// Of a list without room for it behind each name: how many have what along, the most frequent first.
fn along_with(group: &AtomGroup) -> String {
    const NAMED: usize = 12;
    let mut counts: BTreeMap<&Along, u64> = BTreeMap::new();
    group
        .who
        .iter()
        .filter(|_| group.who.len() > FEW)
        .flat_map(|line| &line.along)
        .for_each(|along| *counts.entry(along).or_default() += 1);
    let mut counts: Vec<(&Along, u64)> = counts.into_iter().collect();
    counts.sort_by_key(|(along, count)| (std::cmp::Reverse(*count), *along));
    let told = counts
        .iter()
        .take(NAMED)
        .map(|(along, count)| format!("{} {}", number(*count), spans(&words::along_words(std::slice::from_ref(along), *count != 1))));
    let told: Vec<String> = told.collect();
    match (told.is_empty(), counts.len().saturating_sub(NAMED)) {
        (true, _) => String::new(),
        (false, 0) => format!("\nOf them {}.\n", told.join(", ")),
        (false, more) => format!("\nOf them {}, and so on for {} more.\n", told.join(", "), number(more as u64)),
    }
}

impl Page<'_> {
    /// A piece, at a level.
    pub(super) fn piece(&mut self, piece: &Piece<'_>, level: Detail) -> String {
        let heading = self.heading(piece);
        match piece.kind {
            PieceKind::Names => self.names(piece, level, heading),
            PieceKind::Values => self.values(piece, level, heading),
            PieceKind::Persons => self.persons(piece, level, heading),
        }
    }

    fn heading(&self, piece: &Piece<'_>) -> Sentence {
        let mut heading = words::heading(piece);
        let waits = piece.waits();
        if !waits.is_empty() {
            heading.push(Phrase::Words(waits.into()));
        }
        heading
    }

    /// The line behind a piece, where it is not the document's that it stands below.
    fn behind(&mut self, piece: &Piece<'_>) -> String {
        let Some(group) = piece.groups.first() else { return String::new() };
        let document = group.cause.and_then(|at| self.review.intent.get(at)).and_then(|change| change.head.as_ref());
        let own = |place: &&crate::diagnostic::Place| {
            document.is_some_and(|lines| lines.file == place.file && (lines.first..=lines.last).contains(&place.line))
        };
        group.places.iter().find(|place| !own(place)).map(|place| format!(" ({})", self.links.place(place))).unwrap_or_default()
    }

    fn names(&mut self, piece: &Piece<'_>, level: Detail, heading: Sentence) -> String {
        let behind = self.behind(piece);
        let line = spans(&heading);
        let Some(group) = piece.groups.first() else { return String::new() };
        let colours = group.effect.is_of_people() && words::sign(group.effect, group.how) != '&';
        let names: Vec<Arc<str>> = group.who.iter().map(|line| line.who.name.clone()).collect();
        match level {
            0 => format!("{line}{behind}.\n\n"),
            1 => format!("{line}{behind}: {}.\n\n", spans(&words::listed(&names, SHOWN, ""))),
            _ if !colours => format!("{line}{behind}: {}.\n\n", spans(&words::listed(&names, LISTED, ""))),
            _ => {
                let lines = self.lines(group);
                let folds = lines.len() > OPEN && !self.open;
                let body = fenced("diff", lines.into_iter().map(Cow::Owned), "") + &along_with(group);
                if folds { folded(&heading, &behind, &body) } else { format!("{line}{behind}:\n\n{body}\n") }
            }
        }
    }

    /// Few people one a line with what goes along; many in columns.
    fn lines(&self, group: &AtomGroup) -> Vec<String> {
        let sign = words::sign(group.effect, group.how);
        let shown = group.who.get(..LISTED).unwrap_or(&group.who);
        let called: Vec<String> = shown.iter().map(called).collect();
        let wide = called.iter().map(|name| name.width()).max().unwrap_or_default() + 3;
        let pad = |name: &str| format!("{name}{}", " ".repeat(wide.saturating_sub(name.width())));
        let mut lines: Vec<String> = if shown.len() <= FEW {
            let whole = |(line, name): (&PersonLine, &String)| cut(format!("{sign} {}{}", pad(name), self.beside(line)).trim_end(), WIDE);
            shown.iter().zip(&called).map(whole).collect()
        } else {
            let row = |names: &[String]| format!("{sign} {}", names.iter().map(|name| pad(name)).collect::<String>()).trim_end().to_owned();
            called.chunks((WIDE / wide).max(1)).map(row).collect()
        };
        if let Some(left) = group.who.len().checked_sub(shown.len()).filter(|left| *left > 0) {
            lines.push(format!("# and {} more", number(left as u64)));
        }
        lines
    }

    /// What goes along with somebody, and who they are.
    fn beside(&self, line: &PersonLine) -> String {
        let title = self.review.people.get(&line.who.key).and_then(|card| card.title.as_deref());
        let along = words::along_words(&line.along, false);
        let along: String = along.iter().map(plain).collect();
        match (title, along.is_empty()) {
            (Some(title), true) => title.to_owned(),
            (Some(title), false) => format!("{title}; {along}"),
            (None, _) => along,
        }
    }

    fn values(&mut self, piece: &Piece<'_>, level: Detail, heading: Sentence) -> String {
        let line = spans(&heading) + &self.behind(piece);
        let rows = piece.rows(&self.names);
        let (most, names) = match level {
            0 => (0, 0),
            1 => (8, 3),
            _ => (40, 8),
        };
        match rows.as_slice() {
            [only] if only.sides.is_none() => {
                let names: Vec<Arc<str>> = only.group.who.iter().map(|line| line.who.name.clone()).collect();
                let named =
                    if level == 0 { String::new() } else { format!(": {}", spans(&words::listed(&names, SHOWN.max(names_of(level)), ""))) };
                return format!("{line}, with values that are not shown here{named}.\n\n");
            }
            [_, _, ..] if level == 0 => return format!("{line}, in {} ways.\n\n", number(rows.len() as u64)),
            _ if level == 0 => return format!("{line}.\n\n"),
            _ => {}
        }
        let left: u64 = rows.iter().skip(most).map(|row| row.group.people).sum();
        let mut lines: Vec<String> = rows.iter().take(most).map(|row| value_row(row, names)).collect();
        if let Some(more) = rows.len().checked_sub(most).filter(|more| *more > 0) {
            lines.push(format!("- {} more ways for {}\n", number(more as u64), people(left)));
        }
        let beyond = rows.iter().skip(SHOWN).map(|row| row.group.people).sum();
        self.bullets(line, lines, &format!("{} more ways for {}", number((rows.len().saturating_sub(SHOWN)) as u64), people(beyond)))
    }

    fn persons(&mut self, piece: &Piece<'_>, level: Detail, heading: Sentence) -> String {
        let line = spans(&heading) + &self.behind(piece);
        let (most, values) = match level {
            0 => return format!("{line}.\n\n"),
            1 => (5, 3),
            _ => (LISTED, 10),
        };
        let persons = piece.persons();
        let targets = piece.targets();
        let mut lines: Vec<String> = Vec::new();
        for (who, groups) in persons.iter().take(most) {
            let shown: Vec<String> = groups.iter().take(values).map(|group| self.value(group, &targets)).collect();
            let more = groups.len().saturating_sub(values);
            let more = if more > 0 { format!(", and {} more", number(more as u64)) } else { String::new() };
            lines.push(format!("- {}: {}{more}\n", name(&who.name), shown.join(", ")));
        }
        if let Some(more) = persons.len().checked_sub(most).filter(|more| *more > 0) {
            lines.push(format!("- and {} more\n", people(more as u64)));
        }
        let beyond = people(persons.len().saturating_sub(SHOWN) as u64);
        self.bullets(line, lines, &format!("{beyond} more"))
    }

    /// `title Engineer → Staff Engineer`, with the target where it is not everywhere the same.
    fn value(&self, group: &AtomGroup, targets: &[Arc<str>]) -> String {
        let what: String = spans(&words::object(group));
        let place = if group.targets == targets { String::new() } else { spans(&words::at(&group.targets)) };
        if group.hidden {
            return format!("{what}{place} (not shown here)");
        }
        let (before, after) = value::both(&group.before, &group.after, &self.names);
        format!("{what} {} → {}{place}", shown(&before), shown(&after))
    }

    /// A line with bullets below it; of many the rest is folded.
    fn bullets(&self, line: String, lines: Vec<String>, rest: &str) -> String {
        if lines.len() <= SHOWN + 1 || self.open {
            return format!("{line}:\n\n{}\n", lines.concat());
        }
        let (first, more) = lines.split_at(SHOWN);
        format!("{line}:\n\n{}\n<details><summary>{}</summary>\n\n{}\n</details>\n\n", first.concat(), html(rest), more.concat())
    }
}

fn names_of(level: Detail) -> usize {
    if level > 1 { 40 } else { 0 }
}

/// `- 5000 → 6000 for 9: ada.okafor, grace.mwangi and 7 more`
fn value_row(row: &ValueRow<'_>, most: usize) -> String {
    let group = row.group;
    let sides = row.sides.as_ref().map(|(before, after)| match group.how {
        Divergence::Cancels => format!("{}, not {}", shown(before), shown(after)),
        _ => format!("{} → {}", shown(before), shown(after)),
    });
    let mut text = format!("- {}", sides.clone().unwrap_or_else(|| "not shown here".to_owned()));
    let names: Vec<Arc<str>> = group.who.iter().map(|line| line.who.name.clone()).collect();
    match names.as_slice() {
        [one] if group.people == 1 => {
            let says = row.sides.as_ref().is_some_and(|(before, _)| before.as_str() == one.as_ref());
            if !says {
                let _ = write!(text, " for {}", name(one));
            }
        }
        names => {
            let _ = write!(text, " for {}: {}", number(group.people), spans(&words::listed(names, most, "")));
        }
    }
    if let Some(instead) = &row.instead {
        let _ = write!(text, " ({} without this branch)", shown(instead));
    }
    text.push('\n');
    text
}

/// A value, not longer than a line shows.
fn shown(text: &str) -> String {
    const LONG: usize = 60;
    let text = cut(text, LONG);
    if text.starts_with('(') && text.ends_with(')') { text.trim_matches(['(', ')']).to_owned() } else { name_or_code(&text) }
}

fn name_or_code(text: &str) -> String {
    if text.chars().all(|sign| sign.is_alphanumeric() || " .-'".contains(sign)) { name(text) } else { code(text) }
}

/// What stands in a line for somebody: a nested group is called one.
fn called(line: &PersonLine) -> String {
    let name = safe::line(&line.who.name);
    if Key::is_group(&line.who.key) { format!("group {name}") } else { name.into_owned() }
}

fn folded(heading: &Sentence, behind: &str, body: &str) -> String {
    let mut open = false;
    let title: String = heading
        .iter()
        .map(|span| match span {
            Phrase::Words(words) => summary(words),
            Phrase::Name(name) => summary(name),
            Phrase::Strong => {
                open = !open;
                if open { "<b>".to_owned() } else { "</b>".to_owned() }
            }
        })
        .collect();
    let behind = if behind.is_empty() { String::new() } else { format!("{}\n\n", behind.trim()) };
    format!("<details><summary>{title}</summary>\n\n{behind}{body}\n</details>\n\n")
}

fn plain(span: &Phrase) -> String {
    match span {
        Phrase::Words(words) => words.to_string(),
        Phrase::Name(name) => safe::line(name).into_owned(),
        Phrase::Strong => String::new(),
    }
}

/// Not wider than so many columns; what is cut says so.
fn cut(text: &str, wide: usize) -> String {
    if text.width() <= wide {
        return text.to_owned();
    }
    let mut used = 0;
    let kept: String = text
        .chars()
        .take_while(|letter| {
            used += unicode_width::UnicodeWidthChar::width(*letter).unwrap_or_default();
            used < wide
        })
        .collect();
    kept + "…"
}
