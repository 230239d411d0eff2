//! Ways to open a state: to work on it, to look at it, and in memory where it can't be written.
//!
//! Must never: make a state of another workspace ours.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::backup::Backup;
use rusqlite::{Connection, OpenFlags};

use super::look as looking;
use super::schema::{self, Found};
use super::{Opened, Sqlite, facts, head, migrate, rows, sqlite_error};
use crate::files;
use crate::model::Memory;
use crate::state::record::Elsewhere;
use crate::state::{Fact, LeaseRecord, Replacement, StateError, Store};

/// The `meta` row with the workspace's id.
pub(in crate::state) const WORKSPACE: &str = "workspace";
/// How long to wait for another process's short transaction.
pub(super) const BUSY: Duration = Duration::from_secs(20);
/// Pages of the log before they are written to their places: 16 MiB.
const CHECKPOINT: u32 = 4096;
/// More than there are.
const STATEMENTS: usize = 128;

/// Opens the state of a workspace, or makes it, readable by its owner alone. One of an older version becomes one of ours.
pub async fn open(path: &Path, workspace: &str) -> Result<Arc<dyn Store>, StateError> {
    open_with(path, workspace, None).await
}

/// The same; who writes is decided elsewhere.
pub async fn open_beside(path: &Path, workspace: &str, record: Arc<dyn LeaseRecord>) -> Result<Arc<dyn Store>, StateError> {
    open_with(path, workspace, Some(Arc::new(Elsewhere::new(record)))).await
}

async fn open_with(path: &Path, workspace: &str, elsewhere: Option<Arc<Elsewhere>>) -> Result<Arc<dyn Store>, StateError> {
    let (at, workspace) = (path.to_path_buf(), workspace.to_owned());
    let store = Sqlite::start(path, (true, elsewhere), move || opened(&at, &workspace).map(Some)).await?;
    store.ok_or_else(|| StateError::Missing { path: path.to_path_buf() })
}

/// Opens a state of whatever workspace to look at it, and writes nothing, not even beside it; nothing where there is none. One of an older version is looked at
/// as it would be.
pub async fn look(path: &Path) -> Result<Option<Arc<dyn Store>>, StateError> {
    let at = path.to_path_buf();
    Sqlite::start(path, (true, None), move || looking::open(&at)).await
}

/// The same of a workspace's own state.
pub async fn look_at(path: &Path, workspace: &str) -> Result<Option<Arc<dyn Store>>, StateError> {
    let (at, workspace) = (path.to_path_buf(), workspace.to_owned());
    let own = move || {
        let Some(opened) = looking::open(&at)? else { return Ok(None) };
        match schema::meta(&opened.connection, WORKSPACE).map_err(|source| sqlite_error(&at, source))? {
            Some(found) if found != workspace => Err(of_another(&at, found, &workspace)),
            _ => Ok(Some(opened)),
        }
    };
    Sqlite::start(path, (true, None), own).await
}

/// A state that is gone with the process, in the place of one that can't be written. `look`: with what that one still tells, read without writing.
pub async fn passing(path: &Path, workspace: &str, look: bool) -> Result<Arc<dyn Store>, StateError> {
    let (at, workspace) = (path.to_path_buf(), workspace.to_owned());
    let memory = move |path: &Path| if look { salvaged(path) } else { Memory::default() };
    let store = Sqlite::start(path, (false, None), move || in_memory(&at, &workspace, memory(&at)).map(Some)).await?;
    store.ok_or(StateError::Stopped)
}

/// The same, with what is known otherwise.
pub async fn passing_with(path: &Path, workspace: &str, memory: Memory) -> Result<Arc<dyn Store>, StateError> {
    let (at, workspace) = (path.to_path_buf(), workspace.to_owned());
    let store = Sqlite::start(path, (false, None), move || in_memory(&at, &workspace, memory).map(Some)).await?;
    store.ok_or(StateError::Stopped)
}

/// Puts a state's file in the place of another one, which must not be in use.
pub async fn put(path: &Path, replacement: Replacement<'_>) -> Result<(), StateError> {
    let store = open(path, replacement.workspace).await?;
    let lock = store.lock(replacement.who).await?;
    replacement.check(store.as_ref(), path).await?;
    let (at, from, workspace) = (path.to_path_buf(), replacement.file.to_path_buf(), replacement.workspace.to_owned());
    let put = move || {
        // What comes in is migrated and looked at first, then it takes the place of every page at once.
        let looked = looking::open(&from)?.ok_or_else(|| StateError::Missing { path: from.clone() })?;
        let failed = |source| sqlite_error(&at, source);
        match schema::meta(&looked.connection, WORKSPACE).map_err(failed)? {
            Some(found) if found != workspace => return Err(of_another(&from, found, &workspace)),
            _ => {}
        }
        let mut into = Connection::open(&at).map_err(failed)?;
        into.busy_timeout(BUSY).map_err(failed)?;
        Backup::new(&looked.connection, &mut into)
            .and_then(|backup| backup.run_to_completion(PAGES, Duration::ZERO, None))
            .map_err(failed)?;
        head::follow(&into, &at).map_err(failed)
    };
    let done = tokio::task::spawn_blocking(put).await.unwrap_or(Err(StateError::Stopped));
    drop(lock);
    done
}

/// Pages that are copied at a time.
const PAGES: i32 = 4096;

/// A copy of the state as it is now, in one file. Nothing may stand there.
pub(super) fn copy(connection: &Connection, path: &Path, file: &Path) -> Result<(), StateError> {
    let failed = |source| StateError::Copy { path: file.to_path_buf(), source };
    if file.exists() {
        return Err(failed(std::io::ErrorKind::AlreadyExists.into()));
    }
    make_private(file).map_err(failed)?;
    let copied = || {
        let mut into = Connection::open(file)?;
        Backup::new(connection, &mut into)?.run_to_completion(PAGES, Duration::ZERO, None)?;
        // One file, with nothing beside it.
        into.pragma_update(None, "journal_mode", "DELETE")
    };
    copied().map_err(|source| sqlite_error(path, source))
}

fn opened(path: &Path, workspace: &str) -> Result<Opened, StateError> {
    let failed = |source| sqlite_error(path, source);
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|source| StateError::Folder { path: path.to_path_buf(), source })?;
    }
    looking::refuse_device(path)?;
    make_private(path).map_err(|source| StateError::Open { path: path.to_path_buf(), source })?;
    let mut connection = Connection::open(path).map_err(failed)?;
    connection.busy_timeout(BUSY).map_err(failed)?;
    if let Found::Older(_) = schema::look(&connection).map_err(failed)? {
        migrate::file(path, &mut connection)?;
    }
    match schema::prepare(&mut connection).map_err(failed)? {
        Found::Fresh | Found::Ours => {}
        Found::Foreign => return Err(StateError::Foreign { path: path.to_path_buf() }),
        Found::Older(found) | Found::Newer(found) => return Err(another_version(path, found)),
    }
    // WAL keeps readers and the writer apart; FULL makes a commit survive a power cut, which intents rely on.
    connection.pragma_update(None, "journal_mode", "WAL").map_err(failed)?;
    connection.pragma_update(None, "synchronous", "FULL").map_err(failed)?;
    // A run writes little and often: the log is folded in when it is worth it, and no statement is compiled twice.
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT).map_err(failed)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    bind(path, &connection, workspace)?;
    Ok(Opened { connection, _copy: None })
}

fn in_memory(path: &Path, workspace: &str, memory: Memory) -> Result<Opened, StateError> {
    let failed = |source| sqlite_error(path, source);
    let mut connection = Connection::open_in_memory().map_err(failed)?;
    schema::prepare(&mut connection).map_err(failed)?;
    bind(path, &connection, workspace)?;
    let Memory { links, records, cut_off, .. } = memory;
    let facts =
        links.into_iter().map(Fact::Linked).chain(records.into_iter().map(Fact::Record)).chain(cut_off.into_iter().map(Fact::CutOff));
    let transaction = connection.transaction().map_err(failed)?;
    facts::keep(&transaction, facts.collect()).map_err(failed)?;
    transaction.commit().map_err(failed)?;
    Ok(Opened { connection, _copy: None })
}

pub(super) fn another_version(path: &Path, found: i64) -> StateError {
    StateError::Version { path: path.to_path_buf(), found, known: schema::VERSION }
}

fn bind(path: &Path, connection: &Connection, workspace: &str) -> Result<(), StateError> {
    let failed = |source| sqlite_error(path, source);
    match schema::meta(connection, WORKSPACE).map_err(failed)? {
        Some(found) if found == workspace => Ok(()),
        Some(found) => Err(of_another(path, found, workspace)),
        None => {
            // Two processes may meet here: the first has said whose it is.
            schema::set_first(connection, WORKSPACE, workspace).map_err(failed)?;
            match schema::meta(connection, WORKSPACE).map_err(failed)? {
                Some(found) if found != workspace => Err(of_another(path, found, workspace)),
                _ => Ok(()),
            }
        }
    }
}

fn of_another(path: &Path, found: String, wanted: &str) -> StateError {
    StateError::OtherWorkspace { path: path.to_path_buf(), found, wanted: wanted.to_owned() }
}

/// What a state tells to somebody who must not write a byte: one that is well and only can't be written, a damaged one, a newer version's.
fn salvaged(path: &Path) -> Memory {
    if looking::refuse_device(path).is_err() {
        return Memory::default();
    }
    if let Ok(Some(opened)) = looking::open(path) {
        return rows::salvage(&opened.connection);
    }
    let read_only = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let beside = Connection::open_with_flags(path, read_only).ok().map(|connection| rows::salvage(&connection));
    if let Some(memory) = beside.filter(|memory| *memory != Memory::default()) {
        return memory;
    }
    // Where not even the side files can be made it is read as it lies there.
    let Some(uri) = immutable_uri(path) else { return Memory::default() };
    Connection::open_with_flags(uri, read_only).map(|connection| rows::salvage(&connection)).unwrap_or_default()
}

fn immutable_uri(path: &Path) -> Option<String> {
    let mut uri = String::from("file:");
    for byte in path.to_str()?.bytes() {
        match byte {
            b'%' | b'?' | b'#' => uri.push_str(&format!("%{byte:02x}")),
            byte if byte.is_ascii_graphic() => uri.push(char::from(byte)),
            byte => uri.push_str(&format!("%{byte:02x}")),
        }
    }
    uri.push_str("?immutable=1");
    Some(uri)
}

/// Makes the file before SQLite does, so that it is never open to others; SQLite gives its side files the same mode.
pub(super) fn make_private(path: &Path) -> std::io::Result<()> {
    files::open_private(path).map(drop)
}
