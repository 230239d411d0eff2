//! The journal's last entry, kept apart from it in a small file beside the state: an end that was cut off is missed.
//!
//! Must never: run ahead of what is durable. One that lags behind proves less, and nothing wrong.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::schema::{meta, set_meta};
use crate::files;
use crate::state::Head;

/// The `meta` row that says the same, in the same transaction as the entry.
pub(in crate::state) const HEAD: &str = "journal_head";
/// Longest text that such a file is believed to hold.
const LIMIT: u64 = 256;
/// A file is made and renamed for it, so it is not written for each of many commits in a row.
const EVERY: Duration = Duration::from_millis(50);

/// The file of one state that is being written: where one entry follows close upon another, it is brought up to date a moment later.
#[derive(Debug)]
pub(super) struct Apart {
    state: PathBuf,
    lags: Mutex<Lags>,
}

#[derive(Debug, Default)]
struct Lags {
    /// when it was written last
    at: Option<Instant>,
    /// what it does not say yet
    head: Option<Head>,
}

impl Apart {
    /// Beside this state.
    pub(super) fn of(state: &Path) -> Self {
        Self { state: state.to_path_buf(), lags: Mutex::default() }
    }

    /// This is durable.
    pub(super) fn keep(&self, head: Head) {
        let mut lags = self.lags();
        lags.head = Some(head);
        if lags.at.is_none_or(|at| at.elapsed() >= EVERY) {
            self.write(&mut lags);
        }
    }

    /// How long it may lag; nothing where it does not.
    pub(super) fn lags_for(&self) -> Option<Duration> {
        let lags = self.lags();
        lags.head.as_ref().map(|_| EVERY.saturating_sub(lags.at.map_or(EVERY, |at| at.elapsed())))
    }

    /// Brings it up to date.
    pub(super) fn settle(&self) {
        self.write(&mut self.lags());
    }

    /// One that could not be written lags behind, and proves less.
    fn write(&self, lags: &mut Lags) {
        if let Some(head) = lags.head.take() {
            drop(write(&self.state, &head));
            lags.at = Some(Instant::now());
        }
    }

    fn lags(&self) -> MutexGuard<'_, Lags> {
        self.lags.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Remembers the last entry, in the transaction that adds it.
pub(super) fn record_head(connection: &Connection, head: &Head) -> rusqlite::Result<()> {
    set_meta(connection, HEAD, &head.text())
}

/// The last entry, as the row says.
pub(super) fn row(connection: &Connection) -> rusqlite::Result<Option<Head>> {
    Ok(meta(connection, HEAD)?.as_deref().and_then(Head::parse))
}

/// Another state stands there now: the file says what that one says.
pub(super) fn follow(connection: &Connection, state: &Path) -> rusqlite::Result<()> {
    match row(connection)? {
        // One that could not be written lags behind, which is told when the chain is looked at.
        Some(head) => drop(write(state, &head)),
        None => drop(fs::remove_file(path(state))),
    }
    Ok(())
}

/// Where the file is.
pub(super) fn path(state: &Path) -> PathBuf {
    let mut name = state.as_os_str().to_owned();
    name.push(".head");
    PathBuf::from(name)
}

/// What the file says; nothing where there is none, or where a power cut left half of one.
pub(super) fn read(state: &Path) -> io::Result<Option<Head>> {
    match files::read_text(&path(state), LIMIT) {
        Ok(text) => Ok(Head::parse(&text)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::InvalidData) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Puts another one in its place at once, so that nobody reads half of it.
fn write(state: &Path, head: &Head) -> io::Result<()> {
    let place = path(state);
    let mut name = place.as_os_str().to_owned();
    name.push(format!(".{}", std::process::id()));
    let draft = PathBuf::from(name);
    let mut file = files::open_private(&draft)?;
    file.set_len(0)?;
    file.write_all(format!("{}\n", head.text()).as_bytes())?;
    fs::rename(&draft, &place)
}
