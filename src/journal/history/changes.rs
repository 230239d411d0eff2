//! What the journal tells of one person, one group or one target: each change with its reason, who ran it, and what came of it.
//!
//! Must never: take one person for another where a name may be several people's.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::read_line;

use crate::journal::{Entry, Event, Intent, Journal, JournalError, ResultWord};
use crate::model::{Action, Change, ChangeId, Key, Reason, Value};
use crate::render::{safe, what, why};
use crate::state::ChainLine;

/// Whose keys seal what, as far as it was found out: a key is somebody's for ever.
#[derive(Clone, Debug, Default)]
pub struct KnownSubjects(HashMap<Arc<str>, Arc<str>>);

/// As many are remembered.
const REMEMBERED: usize = 200_000;

impl KnownSubjects {
    /// False where a key can't be used, so that nobody knows whose it is.
    pub(super) async fn learn(&mut self, journal: &Journal<'_>, subjects: impl Iterator<Item = &Arc<str>>) -> Result<bool, JournalError> {
        let unknown: BTreeSet<Arc<str>> = subjects.filter(|subject| !self.0.contains_key(*subject)).cloned().collect();
        if unknown.is_empty() {
            return Ok(true);
        }
        if self.0.len() + unknown.len() > REMEMBERED {
            self.0.clear();
        }
        let Some(known) = journal.whose(unknown.iter().cloned().collect()).await? else { return Ok(false) };
        // Of a key that was destroyed nobody will ever know more.
        self.0.extend(unknown.into_iter().map(|subject| (subject, Arc::from(""))));
        self.0.extend(known);
        Ok(true)
    }

    /// Whose it is; itself where nobody can tell any more.
    pub(super) fn key<'a>(&'a self, subject: &'a Arc<str>) -> &'a Arc<str> {
        self.0.get(subject).filter(|key| !key.is_empty()).unwrap_or(subject)
    }

    fn is(&self, subject: &str, key: &str) -> bool {
        self.0.get(subject).is_some_and(|known| **known == *key)
    }

    fn is_group(&self, subject: &str) -> bool {
        self.0.get(subject).is_some_and(|known| Key::is_group(known))
    }
}

/// By which keys something of a line is sealed.
pub(super) fn subjects(line: &ChainLine) -> Vec<Arc<str>> {
    let sealed: Vec<(Arc<str>, serde::de::IgnoredAny)> = line.sealed().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    sealed.into_iter().map(|(subject, _)| subject).collect()
}

/// What is asked for.
#[derive(Clone, Copy, Debug, Default)]
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
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordedChange {
    /// the number of the entry by which it was first meant
    #[serde(skip)]
    pub seq: u64,
    /// when it was first meant
    pub at: Timestamp,
    /// the run's name
    pub run: String,
    /// who ran it
    pub who: String,
    /// what was meant
    #[serde(flatten)]
    pub intent: Intent,
    /// what came of it; none: the run was killed before it heard, or still runs
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<ResultWord>,
    /// what is missing or went wrong
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// What was found, in order of time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecordedChanges {
    /// changes
    pub changes: Vec<RecordedChange>,
    /// what is no change: somebody was cut off, and what came of it
    pub revocations: Vec<Entry>,
    /// what people asked for at a target, or said about a plan that waits there
    pub acts: Vec<Entry>,
    at: BTreeMap<(String, ChangeId), usize>,
    who: BTreeMap<String, String>,
}

/// Why nobody is meant.
#[derive(Debug, thiserror::Error)]
pub enum WhoError {
    /// the journal can't be read
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// nobody is known so
    #[error("the journal has nothing about {0:?}")]
    Nobody(String),
    /// several people are
    #[error("{name:?} may be any of {those}")]
    Several {
        /// what was asked
        name: String,
        /// the first of those whom it may mean
        those: String,
    },
}

impl RecordedChanges {
    /// Looks through the journal.
    pub async fn read(journal: &Journal<'_>, wanted: &ChangeQuery<'_>) -> Result<Self, WhoError> {
        let keys = match wanted.person {
            Some(person) => Some(keys_of(journal, (0, u64::MAX), person).await?),
            None => None,
        };
        let mut found = Self::default();
        journal.each(None, |entry| found.take(entry, wanted, keys.as_ref())).await?;
        Ok(found)
    }

    /// What was meant, done or said among the entries behind one and up to another: of whoever has one of these keys, or of all. Of others nothing is opened: whose each
    /// line is, the keys that seal it say. What came of a change is looked for to the journal's end.
    pub async fn within(
        journal: &Journal<'_>,
        (mut after, last): (u64, u64),
        keys: Option<&BTreeSet<Arc<str>>>,
        wanted: &ChangeQuery<'_>,
        whose: &mut KnownSubjects,
    ) -> Result<Self, JournalError> {
        let mut found = Self::default();
        loop {
            let lines = journal.lines(after).await?;
            let Some(end) = lines.last() else { return Ok(found) };
            after = end.seq;
            let theirs = theirs(journal, lines, keys, wanted.target, whose).await?;
            let open = |line: &ChainLine| line.seq <= last || found.awaits(line);
            let theirs: Vec<ChainLine> = theirs.into_iter().filter(open).collect();
            for entry in journal.opened(&theirs).await? {
                found.take(entry, wanted, keys);
            }
            if after >= last && found.changes.iter().all(|change| change.result.is_some()) {
                return Ok(found);
            }
        }
    }

    /// Whether a line says what came of a change that was found.
    fn awaits(&self, line: &ChainLine) -> bool {
        line.event == "outcome" && self.at.keys().any(|(run, _)| *run == line.run)
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.revocations.is_empty() && self.acts.is_empty()
    }

    /// As JSON.
    pub fn document(&self) -> serde_json::Value {
        json!({"formatVersion": 1, "changes": self.changes, "revocations": self.revocations, "acts": self.acts})
    }
}

/// Lines that may be of whoever has one of these keys, and at a target.
async fn theirs(
    journal: &Journal<'_>,
    lines: Vec<ChainLine>,
    keys: Option<&BTreeSet<Arc<str>>>,
    target: Option<&str>,
    whose: &mut KnownSubjects,
) -> Result<Vec<ChainLine>, JournalError> {
    let lines: Vec<ChainLine> = lines.into_iter().filter(|line| target.is_none_or(|target| is_at(line, target))).collect();
    let Some(keys) = keys else { return Ok(lines) };
    let subjects: Vec<Vec<Arc<str>>> = lines.iter().map(subjects).collect();
    let locked = !whose.learn(journal, subjects.iter().flatten()).await?;
    // What became of a group's change is sealed under no member's key.
    let of_group = |subjects: &[Arc<str>]| subjects.iter().all(|subject| whose.is_group(subject));
    let about = |(line, subjects): &(ChainLine, Vec<Arc<str>>)| match line.event.as_str() {
        "started" => true,
        "outcome" if of_group(subjects) => true,
        _ => locked || subjects.iter().any(|subject| keys.iter().any(|key| whose.is(subject, key))),
    };
    Ok(lines.into_iter().zip(subjects).filter(about).map(|(line, _)| line).collect())
}

/// Of a line the targets that it is about, which stand in the clear.
#[derive(Deserialize)]
struct Aimed {
    #[serde(default)]
    target: Option<Arc<str>>,
    #[serde(default)]
    targets: serde_json::Value,
}

/// Whether a line is about a target, or says who runs what.
fn is_at(line: &ChainLine, target: &str) -> bool {
    if line.event == "started" {
        return true;
    }
    let Ok(Aimed { target: one, targets }) = read_line::<Aimed>(line) else { return true };
    one.is_some_and(|one| *one == *target) || targets.as_array().is_some_and(|all| all.iter().any(|one| one.as_str() == Some(target)))
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

/// The keys of whoever is meant among the entries behind one and up to another: the key itself, else whoever has that name or record, else the one person of whose
/// names it is a word.
pub async fn keys_of(journal: &Journal<'_>, (mut after, last): (u64, u64), who: &str) -> Result<BTreeSet<Arc<str>>, WhoError> {
    let mut known = Known::default();
    while after < last {
        let entries = journal.page(after).await?;
        let Some(end) = entries.last() else { break };
        after = end.seq;
        entries.into_iter().filter(|entry| entry.seq <= last).for_each(|entry| known.take(entry));
    }
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
        0 => Err(WhoError::Nobody(who.to_owned())),
        1 => Ok(found),
        several => {
            let shown: Vec<String> = found.iter().take(MOST).map(|key| known.told(key)).collect();
            let more = if several > MOST { format!(" and {} more", several - MOST) } else { String::new() };
            Err(WhoError::Several { name: who.to_owned(), those: format!("{}{more}", shown.join(", ")) })
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

impl RecordedChanges {
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
        self.changes.push(RecordedChange {
            seq: entry.seq,
            at: entry.at,
            run: entry.run.clone(),
            who,
            intent,
            result: None,
            message: None,
        });
    }
}

/// Why it was meant, where the journal says so.
pub fn why_meant(intent: &Intent) -> Option<String> {
    intent.reason.and_then(|_| why(&change(intent)))
}

/// The change that an intent was of, without its values.
fn change(intent: &Intent) -> Change {
    let (object, reason) = (intent.object.clone(), intent.reason.unwrap_or(Reason::Mover));
    let (entitlement, mandate) = (intent.entitlement.clone(), intent.mandate);
    Change { entitlement, mandate, ..Change::new(&intent.target, intent.action, object, reason) }
}

impl RecordedChange {
    /// `ada (hr/1) is updated: department`, `group Engineering gets hr/1`.
    pub fn words(&self) -> String {
        told_words(&self.intent)
    }
}

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

/// So many names are listed.
pub const LISTED: usize = 3;

/// The first few of them.
fn listed(names: &[Arc<str>]) -> String {
    let words = match names.split_at_checked(LISTED) {
        Some((first, rest)) if !rest.is_empty() => format!("{} and {} more", first.join(", "), rest.len()),
        _ => names.join(", "),
    };
    safe::line(&words).into_owned()
}
