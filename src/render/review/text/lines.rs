//! One block of the text view: its line, and below it names, values or persons, at most twelve lines of them.
//!
//! Must never: count somebody who is named, or name somebody who is counted.

use std::io::{self, Write};
use std::sync::Arc;

use super::{View, painted, signed};
use crate::model::Key;
use crate::render::review::pieces::{Piece, PieceKind, ValueRow};
use crate::render::review::words::{self, Phrase};
use crate::render::style::{QUIET, STRONG, paint};
use crate::render::summary::{number, people};
use crate::render::wrap::{columns, paragraph};
use crate::render::{safe, value};
use crate::review::{AtomGroup, Divergence, PersonLine};

/// Lines of a block before the rest is counted.
const LINES: usize = 12;
/// Names of a line.
const NAMES: usize = 5;

impl View<'_> {
    /// A piece.
    pub(super) fn piece(&self, piece: &Piece<'_>, out: &mut dyn Write) -> io::Result<()> {
        let Some(group) = piece.groups.first() else { return Ok(()) };
        let withheld = piece.waits();
        let sign = signed(group.effect, group.how);
        let places = || group.places.iter().find(|place| !self.stands_in_cause(group, place));
        match (piece.kind, group.who.as_slice()) {
            (PieceKind::Names, [one]) => {
                let line = format!("  {sign} {}{withheld}", painted(&self.alone(piece, one)));
                self.placed(&line, "      ", places(), out)
            }
            _ => {
                let line = format!("  {sign} {}{withheld}", painted(&words::heading(piece)));
                self.placed(&line, "      ", places(), out)?;
                match piece.kind {
                    PieceKind::Names => self.names(group, out),
                    PieceKind::Values => self.values(piece, out),
                    PieceKind::Persons => self.persons(piece, out),
                }
            }
        }
    }

    fn stands_in_cause(&self, group: &AtomGroup, place: &crate::diagnostic::Place) -> bool {
        let document = group.cause.and_then(|at| self.review.intent.get(at)).and_then(|change| change.head.as_ref());
        document.is_some_and(|lines| lines.file == place.file && (lines.first..=lines.last).contains(&place.line))
    }

    fn most(&self) -> usize {
        if self.options.full { usize::MAX } else { LINES }
    }

    /// `sam.keller loses sign-in at chat; leaves On Call`
    fn alone(&self, piece: &Piece<'_>, one: &PersonLine) -> Vec<Phrase> {
        let mut sentence = words::heading(piece);
        let would = if piece.withheld() { " would " } else { " " };
        if let Some(first) = sentence.first_mut() {
            *first = Phrase::Name(called(one, true).into());
        }
        sentence.insert(1, Phrase::Words(would.into()));
        if !one.along.is_empty() {
            sentence.push(words::words("; "));
            sentence.extend(words::along_words(&one.along, false));
        }
        sentence
    }

    fn names(&self, group: &AtomGroup, out: &mut dyn Write) -> io::Result<()> {
        let title = |line: &PersonLine| self.review.people.get(&line.who.key).and_then(|card| card.title.clone());
        let single = group.who.iter().any(|line| !line.along.is_empty()) && (self.options.full || group.who.len() <= LINES);
        if !single {
            let names: Vec<Arc<str>> = group.who.iter().map(|line| called(line, group.effect.is_of_people()).into()).collect();
            let most = if self.options.full { usize::MAX } else { LINES };
            return paragraph(self.options.width, &format!("      {}", painted(&words::listed(&names, most, ""))), "      ", out);
        }
        let wide = group.who.iter().map(|line| columns(&called(line, true))).max().unwrap_or_default() + 2;
        for line in &group.who {
            let name = called(line, true);
            let space = " ".repeat(wide.saturating_sub(columns(&name)));
            let along = painted(&words::along_words(&line.along, false));
            let beside = match title(line).map(|title| safe::line(&title).into_owned()) {
                Some(title) if along.is_empty() => title,
                Some(title) => format!("{title}; {along}"),
                None => along,
            };
            let line = format!("      {}{space}{beside}", paint(STRONG, name));
            paragraph(self.options.width, line.trim_end(), &" ".repeat(8), out)?;
        }
        Ok(())
    }

    fn values(&self, piece: &Piece<'_>, out: &mut dyn Write) -> io::Result<()> {
        let rows = piece.rows(&self.names);
        let shown: Vec<(&ValueRow<'_>, String)> = rows.iter().take(self.most()).map(|row| (row, sides(row))).collect();
        let wide = shown.iter().map(|(_, sides)| columns(sides)).max().unwrap_or_default().min(48);
        for (row, sides) in &shown {
            let names: Vec<Arc<str>> = row.group.who.iter().map(|line| line.who.name.clone()).collect();
            let most = if self.options.full { usize::MAX } else { NAMES };
            let space = " ".repeat(wide.saturating_sub(columns(sides)));
            let instead = row.instead.as_ref().map(|instead| format!(", {instead} without this branch")).unwrap_or_default();
            // A user name that changes says itself whose it is.
            let own = matches!((names.as_slice(), &row.sides), ([one], Some((before, _))) if before.as_str() == one.as_ref());
            let names = if own { String::new() } else { format!("  {}", painted(&words::listed(&names, most, ""))) };
            let count = if row.group.who.len() > 1 { format!("  {}", people(row.group.people)) } else { String::new() };
            paragraph(self.options.width, &format!("      {sides}{space}{count}{names}{instead}"), "        ", out)?;
        }
        let left: u64 = rows.iter().skip(shown.len()).map(|row| row.group.people).sum();
        match rows.len() - shown.len() {
            0 => Ok(()),
            more => writeln!(out, "      {} more ways for {}", number(more as u64), people(left)),
        }
    }

    fn persons(&self, piece: &Piece<'_>, out: &mut dyn Write) -> io::Result<()> {
        let persons = piece.persons();
        let targets = piece.targets();
        for (who, groups) in persons.iter().take(self.most()) {
            let values: Vec<String> = groups.iter().map(|group| self.value(group, &targets)).collect();
            let line = format!("      {}  {}", paint(STRONG, safe::line(&who.name)), values.join(", "));
            paragraph(self.options.width, &line, "        ", out)?;
        }
        match persons.len().saturating_sub(self.most()) {
            0 => Ok(()),
            more => writeln!(out, "      and {} more", people(more as u64)),
        }
    }

    fn value(&self, group: &AtomGroup, targets: &[Arc<str>]) -> String {
        let what = painted(&words::object(group));
        let place = if group.targets == targets { String::new() } else { painted(&words::at(&group.targets)) };
        if group.hidden {
            return format!("{what}{place} {}", paint(QUIET, "(not shown)"));
        }
        let (before, after) = value::both(&group.before, &group.after, &self.names);
        format!("{what} {before} → {after}{place}")
    }
}

fn sides(row: &ValueRow<'_>) -> String {
    match (&row.sides, row.group.how) {
        (None, _) => "values are not shown".to_owned(),
        (Some((before, after)), Divergence::Cancels) => format!("{before}, not {after}"),
        (Some((before, after)), _) => format!("{before} → {after}"),
    }
}

/// A group among people is called one.
fn called(line: &PersonLine, among_people: bool) -> String {
    let name = safe::line(&line.who.name);
    if among_people && Key::is_group(&line.who.key) { format!("group {name}") } else { name.into_owned() }
}
