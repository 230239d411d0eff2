//! The chain: each entry's hash covers its text and the hash before it, so that nothing can be changed, dropped or put between unseen.

use std::io::Write;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::state::{BEGINNING, ChainLine, EntryDraft, Fact, Hash, StateError, Store, hex, link};

use super::event::{Event, Intent};

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
    /// how many entries
    pub entries: u64,
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
    /// the export could not be written
    #[error("the journal could not be written out")]
    Export(#[from] std::io::Error),
}

/// The journal of a state.
#[derive(Clone, Copy, Debug)]
pub struct Journal<'a> {
    store: &'a dyn Store,
}

/// An event of a run, as a fact to remember: its line follows on those before it.
pub fn entry(run: &Arc<str>, at: Timestamp, event: &Event) -> Fact {
    let (name, quoted) = (event.name(), serde_json::Value::from(run.as_ref()));
    let mut rest = format!("\"at\":\"{at}\",\"run\":{quoted},");
    // An event is an object of its own, and goes on where ours stopped. It is plain data, which has a JSON.
    rest.push_str(serde_json::to_string(event).unwrap_or_default().strip_prefix('{').unwrap_or("}"));
    Fact::Line(EntryDraft { run: run.clone(), event: name.into(), change: event.change(), rest })
}

impl<'a> Journal<'a> {
    /// The journal in a state.
    pub fn new(store: &'a dyn Store) -> Self {
        Self { store }
    }

    /// Walks the chain from its beginning to the end that is kept apart, and looks at every entry.
    pub async fn verify(&self) -> Result<Verified, JournalError> {
        self.check(checked).await
    }

    /// The same, but for what an entry says: what a run asks before it adds to the chain.
    pub async fn verify_chain(&self) -> Result<Verified, JournalError> {
        self.check(chained).await
    }

    async fn check(&self, check: fn(&ChainLine, u64, &Hash) -> Result<Hash, JournalError>) -> Result<Verified, JournalError> {
        // First: a writer beside us is ahead of what we knew of it.
        let heads = self.store.heads().await?;
        let known = [&heads.apart, &heads.written];
        let (mut previous, mut entries) = (BEGINNING, 0);
        self.walk(None, |line| {
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
            _ => Ok(Verified { entries, head: hex(&previous), apart: heads.apart.is_some() }),
        }
    }

    /// Visits the entries in order, of one run or of all.
    pub async fn each(&self, run: Option<&str>, mut visit: impl FnMut(Entry)) -> Result<(), JournalError> {
        self.walk(run, |line| {
            visit(read(line)?);
            Ok(())
        })
        .await
    }

    /// All entries as JSON lines, each with its hash, just as they were written.
    pub async fn export(&self, out: &mut dyn Write) -> Result<(), JournalError> {
        self.walk(None, |line| {
            let open = line.body.strip_suffix('}').unwrap_or(&line.body);
            writeln!(out, "{open},\"hash\":\"{}\"}}", hex(&line.hash))?;
            Ok(())
        })
        .await
    }

    /// Intents of runs that never ended: what a killed run may or may not have done.
    pub async fn unfinished(&self) -> Result<Vec<(String, Intent)>, JournalError> {
        let mut found = Vec::new();
        let open = self.store.open_runs().await?;
        let mut lines: Vec<_> = open.iter().flat_map(|run| &run.intents).collect();
        lines.sort_by_key(|line| line.seq);
        for line in lines {
            let entry = read(line)?;
            if let Event::Intent(intent) = entry.event {
                found.push((entry.run, intent));
            }
        }
        Ok(found)
    }

    async fn walk(&self, run: Option<&str>, mut visit: impl FnMut(&ChainLine) -> Result<(), JournalError>) -> Result<(), JournalError> {
        let run = run.map(Arc::from);
        let mut after = 0;
        loop {
            let lines = self.store.lines(after, run.clone()).await?;
            let Some(last) = lines.last() else { return Ok(()) };
            after = last.seq;
            lines.iter().try_for_each(&mut visit)?;
        }
    }
}

/// What a line says.
pub(super) fn read(line: &ChainLine) -> Result<Entry, JournalError> {
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
    let entry = read(line)?;
    if entry.seq != seq || entry.run != line.run || entry.event.name() != line.event {
        return Err(broken(line, "its columns do not say what its text says".into()));
    }
    Ok(hash)
}

fn broken(line: &ChainLine, why: String) -> JournalError {
    JournalError::Broken { seq: line.seq, why }
}
