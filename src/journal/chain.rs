//! The chain: each entry's hash covers its text and the hash before it, so that nothing can be changed, dropped or put between unseen.

use std::io::Write;

use aws_lc_rs::digest::{Context, SHA256};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

use crate::state::{Head, StateError, Store, record_head};

use super::event::{Event, Intent};

const HASH_LENGTH: usize = 32;
type Hash = [u8; HASH_LENGTH];
/// The hash before the first entry.
const BEGINNING: Hash = [0; HASH_LENGTH];

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
    store: &'a Store,
}

/// Adds events of a run, in order. Part of the caller's transaction: durable when that is.
pub fn append(connection: &Connection, run: &str, at: Timestamp, events: &[Event]) -> rusqlite::Result<()> {
    let (mut seq, mut hash) = head(connection)?;
    let mut insert =
        connection.prepare_cached("INSERT INTO journal (seq, run, event, change, body, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
    for event in events {
        seq += 1;
        let (name, change) = (event.name(), event.change());
        let entry = Entry { seq, at, run: run.to_owned(), event: event.clone() };
        let body = serde_json::to_string(&entry).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
        hash = link(&hash, &body);
        insert.execute(params![seq.cast_signed(), run, name, change, body, hash.as_slice()])?;
    }
    if events.is_empty() { Ok(()) } else { record_head(connection, &Head { seq, hash: hex(&hash) }) }
}

impl<'a> Journal<'a> {
    /// The journal in a state.
    pub fn new(store: &'a Store) -> Self {
        Self { store }
    }

    /// Walks the chain from its beginning to the end that is kept apart, and looks at every entry.
    pub fn verify(&self) -> Result<Verified, JournalError> {
        self.check(Raw::check)
    }

    /// The same, but for what an entry says: what a run asks before it adds to the chain.
    pub fn verify_chain(&self) -> Result<Verified, JournalError> {
        self.check(Raw::chained)
    }

    fn check(&self, check: fn(&Raw, u64, &Hash) -> Result<Hash, JournalError>) -> Result<Verified, JournalError> {
        // First: a writer beside us is ahead of what we knew of it.
        let apart = self.store.kept_head()?;
        let written = self.store.written_head()?;
        let (mut previous, mut entries) = (BEGINNING, 0);
        self.walk(None, |raw| {
            entries += 1;
            previous = check(&raw, entries, &previous)?;
            for head in [&apart, &written].into_iter().flatten().filter(|head| head.seq == entries) {
                if head.hash != hex(&previous) {
                    return Err(raw.broken("another entry was written here: what was kept apart of it does not fit".into()));
                }
            }
            Ok(())
        })?;
        let most = [&apart, &written].into_iter().flatten().map(|head| head.seq).max();
        match most {
            Some(last) if last > entries => {
                let why = format!("it is missing, and so is what follows: {last} entries were written, and the first {entries} are there");
                Err(JournalError::Broken { seq: entries + 1, why })
            }
            _ => Ok(Verified { entries, head: hex(&previous), apart: apart.is_some() }),
        }
    }

    /// Visits the entries in order, of one run or of all.
    pub fn each(&self, run: Option<&str>, mut visit: impl FnMut(Entry)) -> Result<(), JournalError> {
        self.walk(run, |raw| {
            visit(raw.entry()?);
            Ok(())
        })
    }

    /// All entries as JSON lines, each with its hash, just as they were written.
    pub fn export(&self, out: &mut dyn Write) -> Result<(), JournalError> {
        self.walk(None, |raw| {
            let open = raw.body.strip_suffix('}').unwrap_or(&raw.body);
            writeln!(out, "{open},\"hash\":\"{}\"}}", hex(&raw.hash))?;
            Ok(())
        })
    }

    /// Intents of runs that never ended: what a killed run may or may not have done.
    pub fn unfinished(&self) -> Result<Vec<(String, Intent)>, JournalError> {
        let query = "SELECT seq, body, hash, run, event FROM journal AS intent WHERE event = 'intent' \
            AND run IN (SELECT run FROM journal AS start WHERE event = 'started' \
                AND NOT EXISTS (SELECT 1 FROM journal WHERE event = 'finished' AND run = start.run)) \
            AND NOT EXISTS (SELECT 1 FROM journal WHERE event = 'outcome' AND run = intent.run AND change = intent.change) ORDER BY seq";
        let mut found = Vec::new();
        self.query(query, [], |raw| {
            let entry = raw.entry()?;
            if let Event::Intent(intent) = entry.event {
                found.push((entry.run, intent));
            }
            Ok(())
        })?;
        Ok(found)
    }

    fn walk(&self, run: Option<&str>, visit: impl FnMut(Raw) -> Result<(), JournalError>) -> Result<(), JournalError> {
        let query = "SELECT seq, body, hash, run, event FROM journal WHERE ?1 IS NULL OR run = ?1 ORDER BY seq";
        self.query(query, [run], visit)
    }

    fn query(
        &self,
        query: &str,
        parameters: impl rusqlite::Params,
        mut visit: impl FnMut(Raw) -> Result<(), JournalError>,
    ) -> Result<(), JournalError> {
        let mut stopped = None;
        self.store.read(|connection| {
            let mut statement = connection.prepare(query)?;
            let mut rows = statement.query(parameters)?;
            while let Some(row) = rows.next()? {
                if let Err(error) = visit(Raw::read(row)?) {
                    stopped = Some(error);
                    break;
                }
            }
            Ok(())
        })?;
        stopped.map_or(Ok(()), Err)
    }
}

/// An entry as it stands in the file.
struct Raw {
    seq: u64,
    body: String,
    hash: Vec<u8>,
    run: String,
    event: String,
}

impl Raw {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let seq = row.get::<_, i64>(0)?.cast_unsigned();
        Ok(Self { seq, body: row.get(1)?, hash: row.get(2)?, run: row.get(3)?, event: row.get(4)? })
    }

    fn entry(&self) -> Result<Entry, JournalError> {
        serde_json::from_str(&self.body).map_err(|error| self.broken(format!("it can't be read ({error})")))
    }

    /// Gives the entry's hash if it follows on the one before.
    fn chained(&self, seq: u64, previous: &Hash) -> Result<Hash, JournalError> {
        if self.seq != seq {
            return Err(JournalError::Broken { seq, why: format!("it is missing, entry {} follows", self.seq) });
        }
        let hash = link(previous, &self.body);
        if self.hash != hash {
            return Err(self.broken("its hash does not fit its text and the entry before it".into()));
        }
        Ok(hash)
    }

    /// Gives the entry's hash if everything about it fits.
    fn check(&self, seq: u64, previous: &Hash) -> Result<Hash, JournalError> {
        let hash = self.chained(seq, previous)?;
        let entry = self.entry()?;
        if entry.seq != seq || entry.run != self.run || entry.event.name() != self.event {
            return Err(self.broken("its columns do not say what its text says".into()));
        }
        Ok(hash)
    }

    fn broken(&self, why: String) -> JournalError {
        JournalError::Broken { seq: self.seq, why }
    }
}

fn head(connection: &Connection) -> rusqlite::Result<(u64, [u8; HASH_LENGTH])> {
    let mut last = connection.prepare_cached("SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1")?;
    let found = last.query_row([], |row| Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get::<_, [u8; HASH_LENGTH]>(1)?))).optional()?;
    Ok(found.unwrap_or((0, BEGINNING)))
}

fn link(previous: &[u8; HASH_LENGTH], body: &str) -> [u8; HASH_LENGTH] {
    let mut context = Context::new(&SHA256);
    context.update(previous);
    context.update(body.as_bytes());
    let mut hash = BEGINNING;
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
