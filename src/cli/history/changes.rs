//! What the journal tells of one person, one group or one target: each change with its reason, who ran it, and what came of it.
//!
//! Must never: show a value in the table; the JSON has what the journal has.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;
use unicode_width::UnicodeWidthStr;

use super::{Form, failure};
use crate::cli::outcome;
use crate::cli::report::{self, Failure};
use crate::journal::{Entry, Event, Intent, Journal, ResultWord};
use crate::model::{Action, Change, ChangeId, Key, Reason, Value};
use crate::render::style::{BAD, GOOD, QUIET, STRONG, paint};
use crate::render::{paragraph, safe, what, why};

/// What is asked for.
pub struct ChangeQuery<'a> {
    /// a key or an account's name
    pub person: Option<&'a str>,
    /// a Target's name
    pub target: Option<&'a str>,
    /// not before
    pub since: Option<Timestamp>,
    /// not after
    pub until: Option<Timestamp>,
}

/// One change, from its first intent to its outcome.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    at: Timestamp,
    run: String,
    who: String,
    #[serde(flatten)]
    intent: Intent,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<ResultWord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

/// What was found, in order of time.
#[derive(Default)]
struct Found {
    changes: Vec<Told>,
    /// what is no change: somebody was cut off, and what came of it
    revocations: Vec<Entry>,
    /// what people asked for at a target, or said about a plan that waits there
    acts: Vec<Entry>,
    at: BTreeMap<(String, ChangeId), usize>,
    who: BTreeMap<String, String>,
}

/// Shows it.
pub async fn show(journal: &Journal<'_>, wanted: &ChangeQuery<'_>, form: Form) -> Result<(), Failure> {
    let keys = match wanted.person {
        Some(person) => Some(keys(journal, person).await?),
        None => None,
    };
    let mut found = Found::default();
    journal.each(None, |entry| found.take(entry, wanted, keys.as_ref())).await.map_err(failure)?;
    let mut out = report::stdout();
    match form {
        Form::Json => writeln!(
            out,
            "{:#}",
            json!({"formatVersion": 1, "changes": found.changes, "revocations": found.revocations, "acts": found.acts})
        )?,
        Form::Ndjson => {
            found.changes.iter().try_for_each(|told| writeln!(out, "{}", json!(told)))?;
            found.revocations.iter().chain(&found.acts).try_for_each(|entry| writeln!(out, "{}", json!(entry)))?;
        }
        Form::Text => text(&found, &mut out)?,
    }
    out.flush()?;
    Ok(())
}

/// What the journal knows somebody by.
#[derive(Default)]
struct Known {
    /// keys, with every name that their accounts and groups had, in small letters
    names: BTreeMap<Arc<str>, BTreeSet<String>>,
}

/// Attributes of an account whose values people go by.
const NAMES: [&str; 3] = ["userName", "displayName", "emails"];
/// Keys that an error names.
const MOST: usize = 5;

/// The keys of whoever is meant: the key itself, else whoever has that name or record, else the one person of whose names it is a word.
async fn keys(journal: &Journal<'_>, who: &str) -> Result<BTreeSet<Arc<str>>, Failure> {
    let mut known = Known::default();
    journal.each(None, |entry| known.take(entry)).await.map_err(failure)?;
    let who_small = who.to_lowercase();
    let called = |fits: &dyn Fn(&str) -> bool| -> BTreeSet<Arc<str>> {
        known.names.iter().filter(|(_, names)| names.iter().any(|name| fits(name))).map(|(key, _)| key.clone()).collect()
    };
    if known.names.contains_key(who) {
        return Ok(BTreeSet::from([Arc::from(who)]));
    }
    let mut exact = called(&|name| name == who_small);
    exact.extend(known.names.keys().filter(|key| Key::of_identity(key).is_some_and(|(_, record)| record == who)).cloned());
    if !exact.is_empty() {
        return Ok(exact);
    }
    let is_word = |name: &str| name.split(|sign: char| !sign.is_alphanumeric()).any(|word| word == who_small);
    let found = called(&is_word);
    match found.len() {
        0 => Err(Failure::new(format!("the journal has nothing about {who:?}"))
            .hint("name a key (hr/10023, user/jane, group/NAME) or a user name; `headcount explain` finds it")),
        1 => Ok(found),
        several => {
            let shown: Vec<String> = found.iter().take(MOST).map(|key| known.told(key)).collect();
            let more = if several > MOST { format!(" and {} more", several - MOST) } else { String::new() };
            Err(Failure::new(format!("{who:?} may be any of {}{more}", shown.join(", "))).hint("name one of these keys"))
        }
    }
}

impl Known {
    fn take(&mut self, entry: Entry) {
        match entry.event {
            Event::Intent(intent) => {
                let values = intent.attributes.iter().filter(|changed| NAMES.contains(&changed.attribute.as_ref()));
                let values: Vec<String> = values.flat_map(|changed| changed.before.iter().chain(&changed.after)).flat_map(texts).collect();
                let names = self.names.entry(intent.object.key).or_default();
                names.insert(intent.object.name.to_lowercase());
                names.extend(values);
                intent.members.into_iter().for_each(|member| {
                    self.names.entry(member).or_default();
                });
            }
            Event::Revoked { keys, .. } | Event::Lifted { keys, .. } => keys.into_iter().for_each(|key| {
                self.names.entry(key).or_default();
            }),
            _ => {}
        }
    }

    /// `ada.okafor (hr/1002)`
    fn told(&self, key: &str) -> String {
        match self.names.get(key).and_then(BTreeSet::first) {
            Some(name) => format!("{name} ({key})"),
            None => key.to_owned(),
        }
    }
}

/// The texts in a value, in small letters: of several addresses each.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Text(text) => vec![text.to_lowercase()],
        Value::List(items) => items.iter().flat_map(texts).collect(),
        Value::Map(fields) => fields.get("value").map(texts).unwrap_or_default(),
        _ => Vec::new(),
    }
}

impl Found {
    fn take(&mut self, entry: Entry, wanted: &ChangeQuery<'_>, keys: Option<&BTreeSet<Arc<str>>>) {
        let known = |key: &Arc<str>| keys.is_none_or(|keys| keys.contains(key));
        let here = |target: &str| wanted.target.is_none_or(|wanted| wanted == target);
        let then = wanted.since.is_none_or(|since| entry.at >= since) && wanted.until.is_none_or(|until| entry.at <= until);
        match &entry.event {
            Event::Started { who, .. } => {
                self.who.insert(entry.run.clone(), who.clone());
            }
            Event::Outcome { change, result, message, .. } => {
                let told = self.at.get(&(entry.run, *change)).and_then(|at| self.changes.get_mut(*at));
                if let Some(told) = told {
                    (told.result, told.message) = (Some(*result), message.clone());
                }
            }
            Event::Intent(intent) => self.intend(&entry, intent, then && here(&intent.target), keys),
            Event::Revoked { keys: all, .. } | Event::Lifted { keys: all, .. }
                if then && wanted.target.is_none() && all.iter().any(known) =>
            {
                self.revocations.push(entry);
            }
            Event::Receipt { key, target, .. } if then && here(target) && known(key) => self.revocations.push(entry),
            Event::Approved(word) | Event::Rejected(word) if then && keys.is_none() && here(&word.target) => self.acts.push(entry),
            Event::Asked { targets, .. } if then && keys.is_none() && targets.iter().any(|target| here(target)) => self.acts.push(entry),
            _ => {}
        }
    }

    /// Another attempt belongs to the first, which has what it is about.
    fn intend(&mut self, entry: &Entry, intent: &Intent, wanted: bool, keys: Option<&BTreeSet<Arc<str>>>) {
        let at = (entry.run.clone(), intent.change);
        if let Some(told) = self.at.get(&at).and_then(|at| self.changes.get_mut(*at)) {
            told.intent.attempt = intent.attempt;
            return;
        }
        let mine = |key: &Arc<str>| keys.is_none_or(|keys| keys.contains(key));
        let about = mine(&intent.object.key);
        if !wanted || !(about || intent.members.iter().any(mine)) {
            return;
        }
        let mut intent = intent.clone();
        if !about {
            intent.members.retain(mine);
        }
        let who = self.who.get(&entry.run).cloned().unwrap_or_default();
        self.at.insert(at, self.changes.len());
        self.changes.push(Told { at: entry.at, run: entry.run.clone(), who, intent, result: None, message: None });
    }
}

const COLUMNS: [&str; 7] = ["WHEN", "TARGET", "CHANGE", "REASON", "RESULT", "WHO", "RUN"];

fn text(found: &Found, out: &mut impl Write) -> std::io::Result<()> {
    if found.changes.is_empty() && found.revocations.is_empty() && found.acts.is_empty() {
        return writeln!(out, "No changes.");
    }
    let rows: Vec<[String; 7]> = found.changes.iter().map(row).collect();
    let width = |at: usize| rows.iter().map(|row| row[at].width()).chain([COLUMNS[at].len()]).max().unwrap_or_default();
    let widths: Vec<usize> = (0..COLUMNS.len()).map(width).collect();
    let pad = |cell: &String, wide: usize| format!("{cell}{}", " ".repeat(wide.saturating_sub(cell.width())));
    let padded = |cells: &[String]| -> Vec<String> { cells.iter().zip(&widths).map(|(cell, wide)| pad(cell, *wide)).collect() };
    // A table that is wider than the terminal is no table: there each change is a few lines.
    let narrow = report::screen().filter(|columns| widths.iter().sum::<usize>() + 2 * (COLUMNS.len() - 1) > *columns);
    if !rows.is_empty() && narrow.is_none() {
        let heading = padded(&COLUMNS.map(str::to_owned)).join("  ");
        writeln!(out, "{}", paint(STRONG, heading.trim_end()))?;
    }
    for (told, row) in found.changes.iter().zip(&rows) {
        let good = matches!(told.result, Some(ResultWord::Done | ResultWord::AlreadySo));
        let result = |cell: &str| paint(if good { GOOD } else { BAD }, cell);
        if let Some(columns) = narrow {
            in_lines(row, &result, columns, out)?;
        } else {
            let mut cells = padded(row);
            if let Some(cell) = cells.get_mut(4) {
                *cell = result(cell.as_str());
            }
            writeln!(out, "{}", cells.join("  ").trim_end())?;
        }
        if let Some(message) = &told.message {
            writeln!(out, "    {}", safe::line(message))?;
        }
    }
    for entry in found.revocations.iter().chain(&found.acts) {
        super::entry_line(entry, out)?;
    }
    if found.changes.iter().any(|told| told.result.is_none()) {
        writeln!(out, "{}", paint(QUIET, UNANSWERED))?;
    }
    Ok(())
}

/// A change below its time, for a terminal that has no room for the table.
fn in_lines(row: &[String; 7], result: &dyn Fn(&str) -> String, columns: usize, out: &mut impl Write) -> std::io::Result<()> {
    let [when, target, change, reason, came, who, run] = row;
    let reason = if reason.is_empty() { String::new() } else { format!(" ({reason})") };
    paragraph(columns, &format!("{when}  {change} at {target}{reason}: {}", result(came)), "    ", out)?;
    paragraph(columns, &format!("    by {who}, run {run}"), "      ", out)
}

const UNANSWERED: &str = "unanswered: the run was killed before it heard, or still runs; `headcount plan` shows what became of it";

fn row(told: &Told) -> [String; 7] {
    let intent = &told.intent;
    let result = told.result.map_or("unanswered", outcome::word);
    let again = if intent.attempt > 1 { format!(" ({} attempts)", intent.attempt) } else { String::new() };
    let line = |text: &str| safe::line(text).into_owned();
    [
        format!("{:.0}", told.at),
        line(&intent.target),
        told_words(intent),
        reason(intent).unwrap_or_default(),
        format!("{result}{again}"),
        line(&told.who),
        line(&told.run),
    ]
}

/// Why it was meant, where the journal says so.
pub fn reason(intent: &Intent) -> Option<String> {
    intent.reason.and_then(|_| why(&change(intent)))
}

/// The change that an intent was of, without its values.
fn change(intent: &Intent) -> Change {
    let (object, reason) = (intent.object.clone(), intent.reason.unwrap_or(Reason::Mover));
    let (entitlement, mandate) = (intent.entitlement.clone(), intent.mandate);
    Change { entitlement, mandate, ..Change::new(&intent.target, intent.action, object, reason) }
}

/// `ada (hr/1) is updated: department`, `group Engineering gets hr/1`.
fn told_words(intent: &Intent) -> String {
    let name = safe::line(&intent.object.name);
    match intent.action {
        Action::AddMembers => format!("group {name} gets {}", listed(&intent.members)),
        Action::RemoveMembers => format!("group {name} loses {}", listed(&intent.members)),
        Action::Update if !intent.attributes.is_empty() => {
            let named: Vec<_> = intent.attributes.iter().map(|changed| changed.attribute.clone()).collect();
            format!("{}: {}", what(&change(intent)), listed(&named))
        }
        _ => what(&change(intent)),
    }
}

/// The first few of them.
fn listed(names: &[Arc<str>]) -> String {
    let words = match names {
        [first, second, third, rest @ ..] if !rest.is_empty() => format!("{first}, {second}, {third} and {} more", rest.len()),
        names => names.join(", "),
    };
    safe::line(&words).into_owned()
}
