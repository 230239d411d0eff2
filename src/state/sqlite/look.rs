//! A state opened to be looked at: beside any writer, on a file system that can't be written, and with what a killed writer left behind.
//!
//! Must never: write to it, or take a state that can't be reached for none.

use std::fs::{self, Metadata};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rusqlite::{Connection, ErrorCode, OpenFlags};
use tempfile::TempDir;

use super::open::{BUSY, another_version};
use super::schema::{self, Found};
use super::{Opened, migrate, sqlite_error};
use crate::state::StateError;

/// How often a copy is begun again because a writer was at work meanwhile.
const TRIES: usize = 5;

/// Opens a state to look at it; nothing where there is none.
pub(super) fn open(path: &Path) -> Result<Option<Opened>, StateError> {
    match fs::metadata(path) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(StateError::Open { path: path.to_path_buf(), source }),
    }
    refuse_device(path)?;
    let opened = match live(path) {
        // SQLite wants to keep an index of the write-ahead log beside the file, and can't.
        Err(error) if is_unwritable(&error) => beside(path)?,
        other => Opened { connection: other.map_err(|source| sqlite_error(path, source))?, _copy: None },
    };
    let opened = match schema::look(&opened.connection).map_err(|source| sqlite_error(path, source))? {
        Found::Fresh => return Ok(None),
        Found::Ours => opened,
        Found::Older(_) => migrate::copy(path, &opened.connection)?,
        Found::Foreign => return Err(StateError::Foreign { path: path.to_path_buf() }),
        Found::Newer(found) => return Err(another_version(path, found)),
    };
    opened.connection.pragma_update(None, "query_only", true).map_err(|source| sqlite_error(path, source))?;
    Ok(Some(opened))
}

/// Whoever opens a pipe may wait for ever for its other end.
pub(super) fn refuse_device(path: &Path) -> Result<(), StateError> {
    match fs::metadata(path) {
        Ok(found) if !found.is_file() && !found.is_dir() => Err(StateError::Foreign { path: path.to_path_buf() }),
        _ => Ok(()),
    }
}

fn live(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY)?;
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Ok(connection)
}

fn is_unwritable(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly))
}

/// A copy of the file, and of the log that a writer left or writes, in a private folder: there SQLite reads both as one.
fn beside(path: &Path) -> Result<Opened, StateError> {
    let failed = |source| StateError::Open { path: path.to_path_buf(), source };
    let copy = copied(path).map_err(failed)?;
    let connection = Connection::open(copy.path().join("state.db")).map_err(|source| sqlite_error(path, source))?;
    Ok(Opened { connection, _copy: Some(copy) })
}

fn copied(path: &Path) -> io::Result<TempDir> {
    let copy = tempfile::Builder::new().prefix("headcount-").tempdir()?;
    let log = log_of(path);
    for _ in 0..TRIES {
        let before = stamps(path, &log)?;
        fs::copy(path, copy.path().join("state.db"))?;
        let copied_log = copy.path().join("state.db-wal");
        match fs::copy(&log, &copied_log) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => drop(fs::remove_file(&copied_log)),
            Err(error) => return Err(error),
        }
        if stamps(path, &log)? == before {
            return Ok(copy);
        }
    }
    Err(io::Error::new(ErrorKind::ResourceBusy, "it is being written all the time"))
}

fn log_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    PathBuf::from(name)
}

type Stamp = Option<(u64, Option<SystemTime>)>;

fn stamps(path: &Path, log: &Path) -> io::Result<(Stamp, Stamp)> {
    let stamp = |found: io::Result<Metadata>| match found {
        Ok(found) => Ok(Some((found.len(), found.modified().ok()))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    };
    Ok((stamp(fs::metadata(path))?, stamp(fs::metadata(log))?))
}
