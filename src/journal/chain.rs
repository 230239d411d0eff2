//! The chain: each entry's hash covers its text and the hash before it, so that nothing can be changed, dropped or put between unseen.

use std::io::Write;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::event::{Event, Intent};
use super::personal::{self, Part};
use crate::state::{BEGINNING, ChainLine, EntryDraft, Fact, Hash, Head, Heads, SealedPart, StateError, Store, hex, link};

/// One entry. Its canonical text is its JSON with the fields in this order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// from 1, without gaps
    pub seq: u64,
    /// when
    pub at: Timestamp,
    /// the run it belongs to
    pub run: String,
    /// what happened
    #[serde(flatten)]
    pub event: Event,
}

/// A whole chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// how many entries there ever were: the number of the last one
    pub entries: u64,
    /// the first of them that is still there, where older ones were cut off
    pub since: Option<u64>,
    /// the last entry's hash, in hex: noted elsewhere, it proves that nothing was cut off
    pub head: String,
    /// whether the last entry was kept apart, so that an end that is cut off is missed
    pub apart: bool,
}

/// Why the journal can't be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// an entry is not as it was written
    #[error("the journal is broken at entry {seq}: {why}; everything from there on proves nothing")]
    Broken {
        /// the first entry that does not fit
        seq: u64,
        /// how
        why: String,
    },
    /// the file could not be read
    #[error(transparent)]
    State(#[from] StateError),
    /// what notes how far it was can't be read
    #[error("{path}, which notes how far the journal was, can't be read: {why}", path = path.display())]
    Anchor {
        /// the file
        path: std::path::PathBuf,
        /// why
        why: String,
    },
    /// the export could not be written
    #[error("the journal could not be written out")]
    Export(#[from] std::io::Error),
}

/// So many entries are asked for their time: what is written while the clock is wrong is a revocation or two.
const LOOKED_BACK: u64 = 1000;

/// How one line is looked at: it, its number, and the hash before it.
type CheckLine = fn(&ChainLine, u64, &Hash) -> Result<Hash, JournalError>;

/// The journal of a state.
#[derive(Clone, Copy, Debug)]
pub struct Journal<'a> {
    store: &'a dyn Store,
}

/// An event of a run, as a fact to remember: its line follows on those before it.
pub fn entry(run: &Arc<str>, at: Timestamp, event: &Event) -> Fact {
    let (name, quoted) = (event.name(), serde_json::Value::from(run.as_ref()));
    let mut rest = format!("\"at\":\"{at}\",\"run\":{quoted},");
    let (clear, parts) = personal::split(event).map_or((None, Vec::new()), |(clear, parts)| (Some(clear), parts));
    // An event is an object of its own, and goes on where ours stopped. It is plain data, which has a JSON.
    let text = serde_json::to_string(clear.as_ref().unwrap_or(event)).unwrap_or_default();
    rest.push_str(text.strip_prefix('{').unwrap_or("}"));
    let personal = parts.into_iter().map(|(whom, part)| (whom, serde_json::to_string(&part).unwrap_or_default())).collect();
    Fact::Line(EntryDraft { run: run.clone(), event: name.into(), change: event.change(), rest, personal })
}

impl<'a> Journal<'a> {
    /// The journal in a state.
    pub fn new(store: &'a dyn Store) -> Self {
        Self { store }
    }

    /// Walks the chain from its beginning to the end that is kept apart, and looks at every entry.
    pub async fn verify(&self) -> Result<Verified, JournalError> {
        self.whole(checked).await
    }

    /// The same, but for what an entry says: what a run asks before it adds to the chain.
    pub async fn verify_chain(&self) -> Result<Verified, JournalError> {
        self.whole(chained).await
    }

    /// The chain behind an entry that was looked at before, to its end; the whole of it where that one was cut off.
    pub async fn verify_behind(&self, known: &Head) -> Result<Verified, JournalError> {
        let heads = self.store.heads().await?;
        let last = heads.written.as_ref().map_or(0, |head| head.seq);
        if last < known.seq {
            let why = format!("it is missing: {} entries were there a while ago, and {last} are now", known.seq);
            return Err(JournalError::Broken { seq: last + 1, why });
        }
        match heads.checkpoint.as_ref().is_some_and(|checkpoint| checkpoint.seq > known.seq) {
            true => self.verify_chain().await,
            false => self.check(&heads, Some(known), chained).await,
        }
    }

    /// The latest time that its last entries have, since somebody said that the clock is right; nothing where there are none.
    pub async fn latest(&self) -> Result<Option<Timestamp>, JournalError> {
        let Some(head) = self.store.heads().await?.written else { return Ok(None) };
        let lines = self.store.lines(head.seq.saturating_sub(LOOKED_BACK), None).await?;
        let mut latest = None;
        for line in lines.iter().rev() {
            let entry = written(line)?.entry;
            latest = latest.max(Some(entry.at));
            if matches!(entry.event, Event::ClockAccepted { .. }) {
                break;
            }
        }
        Ok(latest)
    }

    async fn whole(&self, check: CheckLine) -> Result<Verified, JournalError> {
        loop {
            // First: a writer beside us is ahead of what we knew of it.
            let heads = self.store.heads().await?;
            let checked = self.check(&heads, heads.checkpoint.as_ref(), check).await;
            // Somebody cut it off while it was looked at.
            if checked.is_err() && self.store.heads().await?.checkpoint != heads.checkpoint {
                continue;
            }
            return checked;
        }
    }

    /// `from`: what the first line follows on.
    async fn check(&self, heads: &Heads, from: Option<&Head>, check: CheckLine) -> Result<Verified, JournalError> {
        let known = [&heads.apart, &heads.written];
        let (mut previous, mut entries) = match from {
            Some(head) => (head.bytes().ok_or_else(|| unreadable(head))?, head.seq),
            None => (BEGINNING, 0),
        };
        self.walk((entries, None), |line| {
            entries += 1;
            previous = check(line, entries, &previous)?;
            for head in known.into_iter().flatten().filter(|head| head.seq == entries) {
                if head.hash != hex(&previous) {
                    return Err(broken(line, "another entry was written here: what was kept apart of it does not fit".into()));
                }
            }
            Ok(())
        })
        .await?;
        let most = known.into_iter().flatten().map(|head| head.seq).max();
        match most {
            Some(last) if last > entries => {
                let why = format!("it is missing, and so is what follows: {last} entries were written, and the first {entries} are there");
                Err(JournalError::Broken { seq: entries + 1, why })
            }
            _ => {
                let since = heads.checkpoint.as_ref().map(|checkpoint| checkpoint.seq + 1);
                Ok(Verified { entries, since, head: hex(&previous), apart: heads.apart.is_some() })
            }
        }
    }

    /// Visits the entries in order, of one run or of all.
    pub async fn each(&self, run: Option<&str>, mut visit: impl FnMut(Entry)) -> Result<(), JournalError> {
        let run = run.map(Arc::from);
        let mut after = 0;
        loop {
            let lines = self.store.lines(after, run.clone()).await?;
            let Some(last) = lines.last() else { return Ok(()) };
            after = last.seq;
            read(self.store, &lines).await?.into_iter().for_each(&mut visit);
        }
    }

    /// Visits the lines behind one, of a run or of all, as they stand: nothing is opened, and nothing is read but what the visitor reads.
    pub(super) async fn each_line(
        &self,
        from: (u64, Option<&str>),
        visit: impl FnMut(&ChainLine) -> Result<(), JournalError>,
    ) -> Result<(), JournalError> {
        self.walk(from, visit).await
    }

    /// As many lines behind one as come at once; none where that was the last.
    pub(super) async fn lines(&self, after: u64) -> Result<Vec<ChainLine>, JournalError> {
        Ok(self.store.lines(after, None).await?)
    }

    /// Whose keys these are, as far as they are there; nothing where one can't be used.
    pub(super) async fn whose(&self, subjects: Vec<Arc<str>>) -> Result<Option<Vec<(Arc<str>, Arc<str>)>>, JournalError> {
        match self.store.whose(subjects).await {
            Ok(known) => Ok(Some(known)),
            Err(StateError::Locked { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// What lines say, with what can be opened of it.
    pub(super) async fn opened(&self, lines: &[ChainLine]) -> Result<Vec<Entry>, JournalError> {
        read(self.store, lines).await
    }

    /// The number of the last entry that is not after a moment; 0 where there is none. Clocks may go back a little, and so may what is found.
    pub async fn last_until(&self, moment: Timestamp) -> Result<u64, JournalError> {
        let heads = self.store.heads().await?;
        let first = heads.checkpoint.map_or(0, |head| head.seq);
        let (mut from, mut to) = (first, heads.written.map_or(first, |head| head.seq));
        while from < to {
            let middle = from + (to - from).div_ceil(2);
            let there = self.at(middle).await?.is_none_or(|at| at <= moment);
            (from, to) = if there { (middle, to) } else { (from, middle - 1) };
        }
        Ok(if from == first { 0 } else { from })
    }

    /// When an entry was written; none where there is none.
    pub async fn at(&self, seq: u64) -> Result<Option<Timestamp>, JournalError> {
        let lines = self.store.lines(seq.saturating_sub(1), None).await?;
        let Some(line) = lines.first().filter(|line| line.seq == seq) else { return Ok(None) };
        Ok(Some(written(line)?.entry.at))
    }

    /// The entries behind one, as many as come at once, opened; none where that was the last.
    pub async fn page(&self, after: u64) -> Result<Vec<Entry>, JournalError> {
        read(self.store, &self.store.lines(after, None).await?).await
    }

    /// All entries as JSON lines, each with its hash, just as they were written.
    pub async fn export(&self, out: &mut dyn Write) -> Result<(), JournalError> {
        self.walk((0, None), |line| Ok(out.write_all(exported(line).as_bytes())?)).await
    }

    /// Intents of runs that never ended: what a killed run may or may not have done.
    pub async fn unfinished(&self) -> Result<Vec<(String, Intent)>, JournalError> {
        let mut found = Vec::new();
        let open = self.store.open_runs().await?;
        let mut lines: Vec<_> = open.iter().flat_map(|run| &run.intents).collect();
        lines.sort_by_key(|line| line.seq);
        let lines: Vec<ChainLine> = lines.into_iter().cloned().collect();
        for entry in read(self.store, &lines).await? {
            if let Event::Intent(intent) = entry.event {
                found.push((entry.run, intent));
            }
        }
        Ok(found)
    }

    async fn walk(
        &self,
        (mut after, run): (u64, Option<&str>),
        mut visit: impl FnMut(&ChainLine) -> Result<(), JournalError>,
    ) -> Result<(), JournalError> {
        let run = run.map(Arc::from);
        loop {
            let lines = self.store.lines(after, run.clone()).await?;
            let Some(last) = lines.last() else { return Ok(()) };
            after = last.seq;
            lines.iter().try_for_each(&mut visit)?;
        }
    }
}

/// A line, as far as it stands in the clear.
#[derive(Deserialize)]
pub(super) struct Written {
    #[serde(flatten)]
    pub(super) entry: Entry,
    /// by what name a key is kept, and what is sealed with it
    #[serde(default)]
    sealed: Vec<(Arc<str>, String)>,
}

/// What lines say, with what can be opened of it.
pub(super) async fn read(store: &dyn Store, lines: &[ChainLine]) -> Result<Vec<Entry>, JournalError> {
    let (mut entries, mut parts, mut counts) = (Vec::with_capacity(lines.len()), Vec::new(), Vec::with_capacity(lines.len()));
    for line in lines {
        let Written { entry, sealed } = written(line)?;
        let with: Arc<str> = if sealed.is_empty() { "".into() } else { line.clear().into() };
        counts.push(sealed.len());
        parts.extend(sealed.into_iter().map(|(subject, text)| SealedPart { subject, text, with: with.clone() }));
        entries.push(entry);
    }
    if parts.is_empty() {
        return Ok(entries);
    }
    let names: Vec<Arc<str>> = parts.iter().map(|part| part.subject.clone()).collect();
    let opened = store.unseal(parts).await?;
    let mut opened = names.into_iter().zip(opened).map(|(subject, opened)| Part { subject, opened });
    for (entry, count) in entries.iter_mut().zip(counts).filter(|(_, count)| *count > 0) {
        personal::join(&mut entry.event, opened.by_ref().take(count).collect());
    }
    Ok(entries)
}

/// A line as it stands in an export, with its hash.
pub(super) fn exported(line: &ChainLine) -> String {
    let open = line.body.strip_suffix('}').unwrap_or(&line.body);
    format!("{open},\"hash\":\"{}\"}}\n", hex(&line.hash))
}

/// By what names the keys are kept with which something of a line is sealed.
pub(super) fn sealed_by(line: &ChainLine) -> Result<impl Iterator<Item = Arc<str>>, JournalError> {
    Ok(written(line)?.sealed.into_iter().map(|(subject, _)| subject))
}

pub(super) fn written(line: &ChainLine) -> Result<Written, JournalError> {
    serde_json::from_str(&line.body).map_err(|error| broken(line, format!("it can't be read ({error})")))
}

/// Gives the line's hash if it follows on the one before.
fn chained(line: &ChainLine, seq: u64, previous: &Hash) -> Result<Hash, JournalError> {
    if line.seq != seq {
        return Err(JournalError::Broken { seq, why: format!("it is missing, entry {} follows", line.seq) });
    }
    let hash = link(previous, &line.body);
    if line.hash != hash {
        return Err(broken(line, "its hash does not fit its text and the entry before it".into()));
    }
    Ok(hash)
}

/// Gives the line's hash if everything about it fits.
fn checked(line: &ChainLine, seq: u64, previous: &Hash) -> Result<Hash, JournalError> {
    let hash = chained(line, seq, previous)?;
    let entry = written(line)?.entry;
    if entry.seq != seq || entry.run != line.run || entry.event.name() != line.event {
        return Err(broken(line, "its columns do not say what its text says".into()));
    }
    Ok(hash)
}

fn unreadable(head: &Head) -> JournalError {
    JournalError::Broken { seq: head.seq, why: "the hash that it begins with is none".into() }
}

fn broken(line: &ChainLine, why: String) -> JournalError {
    JournalError::Broken { seq: line.seq, why }
}
