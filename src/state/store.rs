//! The open state: one connection, used by one thread at a time.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};

use crate::files;
use crate::model::{Baseline, Deactivation, Link, Memory, ObjectKind, RecordLink, Repeat};

use super::error::StateError;
use super::head::{self, Head};
use super::lock::{self, RunLock};
use super::look::{self, Looking};
use super::rows;
use super::schema::{self, Found};
use super::written::forget_repeat;

/// The `meta` row with the workspace's id.
const WORKSPACE: &str = "workspace";
/// How long to wait for another process's short transaction.
pub(super) const BUSY: Duration = Duration::from_secs(20);

/// What one workspace remembers.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    connection: Mutex<Connection>,
    /// it is a file, and not only in memory
    kept: bool,
    _copy: Option<tempfile::TempDir>,
}

impl Store {
    /// Opens the state of a workspace, or makes it, readable by its owner alone.
    pub fn open(path: &Path, workspace: &str) -> Result<Self, StateError> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(|source| StateError::Folder { path: path.to_path_buf(), source })?;
        }
        look::refuse_device(path)?;
        make_private(path).map_err(|source| StateError::Open { path: path.to_path_buf(), source })?;
        let store = Self::connect(path)?;
        store.bind(workspace)?;
        Ok(store)
    }

    /// Opens a state of whatever workspace to look at it, and writes nothing, not even beside it; nothing where there is none.
    pub fn look(path: &Path) -> Result<Option<Self>, StateError> {
        let looking = look::open(path)?;
        Ok(looking.map(|Looking { connection, copy }| Self {
            path: path.to_path_buf(),
            connection: Mutex::new(connection),
            kept: true,
            _copy: copy,
        }))
    }

    /// The same of a workspace's own state.
    pub fn look_at(path: &Path, workspace: &str) -> Result<Option<Self>, StateError> {
        let Some(store) = Self::look(path)? else { return Ok(None) };
        match store.read(|connection| schema::meta(connection, WORKSPACE))? {
            Some(found) if found != workspace => Err(store.of_another(found, workspace)),
            _ => Ok(Some(store)),
        }
    }

    /// The journal's last entry as it is kept apart: in the file beside the state, which is read first, and in the state.
    pub fn kept_head(&self) -> Result<Option<Head>, StateError> {
        head::read(&self.path).map_err(|source| StateError::Open { path: head::path(&self.path), source })
    }

    /// The file beside the state that keeps the journal's last entry.
    pub fn head_path(&self) -> PathBuf {
        head::path(&self.path)
    }

    /// The journal's last entry as the state itself says.
    pub fn written_head(&self) -> Result<Option<Head>, StateError> {
        self.read(head::row)
    }

    /// A state that is gone with the process, in the place of one that can't be written: with what that one still tells, read without writing.
    pub fn passing(path: &Path, workspace: &str, look: bool) -> Result<Self, StateError> {
        let failed = |source| sqlite_error(path, source);
        let mut connection = Connection::open_in_memory().map_err(failed)?;
        schema::prepare(&mut connection).map_err(failed)?;
        let store = Self { path: path.to_path_buf(), connection: Mutex::new(connection), kept: false, _copy: None };
        store.bind(workspace)?;
        let memory = if look { salvaged(path) } else { Memory::default() };
        store.write(|transaction| {
            memory.links.iter().try_for_each(|link| rows::record_link(transaction, link))?;
            memory.records.iter().try_for_each(|link| rows::record_record(transaction, link))?;
            memory.cut_off.iter().try_for_each(|cut_off| super::record_cut_off(transaction, cut_off))
        })?;
        Ok(store)
    }

    /// Whether it outlives the process.
    pub fn is_kept(&self) -> bool {
        self.kept
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Everything remembered.
    pub fn load(&self) -> Result<Memory, StateError> {
        self.read(rows::load)
    }

    /// What is remembered of a few people, by any of their keys.
    pub fn load_about(&self, sources: &[Arc<str>], targets: &[Arc<str>], keys: &[Arc<str>]) -> Result<Memory, StateError> {
        self.read(|connection| rows::load_about(connection, sources, targets, keys))
    }

    /// Whose accounts these are, by the target's ids.
    pub fn links_by_id(&self, target: &str, ids: &[Arc<str>]) -> Result<Vec<Link>, StateError> {
        self.read(|connection| rows::links_by_id(connection, target, ids))
    }

    /// The id of one object of ours.
    pub fn link_id(&self, target: &str, kind: ObjectKind, key: &str) -> Result<Option<Arc<str>>, StateError> {
        self.read(|connection| rows::link_id(connection, target, kind, key))
    }

    /// Keeps others from running on this state until the lock is dropped; says who holds it otherwise.
    pub fn lock(&self, who: &str) -> Result<RunLock, StateError> {
        RunLock::take(&self.path, who)
    }

    /// For a revocation, which waits for no run and holds none up.
    pub fn lock_beside(&self) -> Result<RunLock, StateError> {
        if self.kept { RunLock::beside(&self.path) } else { Ok(RunLock::of_nothing()) }
    }

    /// Whether a run is under way, in this process or in another.
    pub fn is_running(&self) -> bool {
        self.kept && lock::is_held(&self.path, lock::RUN)
    }

    /// Whether a revocation is under way.
    pub fn is_revoking(&self) -> bool {
        self.kept && lock::is_held(&self.path, lock::REVOCATION)
    }

    /// Remembers complete reads.
    pub fn record_baselines(&self, baselines: &[Baseline]) -> Result<(), StateError> {
        self.write(|transaction| baselines.iter().try_for_each(|baseline| rows::record_baseline(transaction, baseline)))
    }

    /// Remembers whose records they are.
    pub fn record_records(&self, records: &[RecordLink]) -> Result<(), StateError> {
        self.write(|transaction| records.iter().try_for_each(|link| rows::record_record(transaction, link)))
    }

    /// Remembers what is ours by its mark.
    pub fn record_links(&self, links: &[Link]) -> Result<(), StateError> {
        if links.is_empty() {
            return Ok(());
        }
        self.write(|transaction| links.iter().try_for_each(|link| rows::record_link(transaction, link)))
    }

    /// Remembers that objects of ours have other keys from now on.
    pub fn carry_links(&self, links: &[Link]) -> Result<(), StateError> {
        if links.is_empty() {
            return Ok(());
        }
        self.write(|transaction| links.iter().try_for_each(|link| rows::carry_link(transaction, link)))
    }

    /// Drops our deactivations that somebody undid.
    pub fn forget_deactivations(&self, undone: &[&Deactivation]) -> Result<(), StateError> {
        self.write(|tx| undone.iter().try_for_each(|undone| rows::forget_deactivation(tx, &undone.target, undone.kind, &undone.id)))
    }

    /// Values that are kept after all.
    pub fn forget_repeats(&self, kept: &[&Repeat]) -> Result<(), StateError> {
        if kept.is_empty() {
            return Ok(());
        }
        self.write(|transaction| kept.iter().try_for_each(|repeat| forget_repeat(transaction, repeat)))
    }

    /// A Source has another name: what is remembered of its keys is of the new ones.
    pub fn rename_source(&self, old: &str, new: &str) -> Result<(), StateError> {
        self.write(|transaction| rows::rename_source(transaction, old, new))
    }

    /// Drops window entries that are older than any window.
    pub fn prune_windows(&self, before: Timestamp) -> Result<usize, StateError> {
        self.write(|transaction| rows::prune_windows(transaction, before))
    }

    /// Reads in one consistent view.
    pub fn read<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StateError> {
        let mut connection = self.connection();
        let view = connection.transaction().map_err(|source| self.failed(source))?;
        read(&view).map_err(|source| self.failed(source))
    }

    /// Writes in one durable transaction: all of it or nothing.
    pub fn write<T>(&self, write: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>) -> Result<T, StateError> {
        let mut connection = self.connection();
        let run = || {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let before = head::last(&transaction)?;
            let result = write(&transaction)?;
            let news = if head::last(&transaction)? == before { None } else { head::row(&transaction)? };
            transaction.commit()?;
            // One that could not be written lags behind, and proves less.
            news.into_iter().filter(|_| self.kept).for_each(|head| drop(head::write(&self.path, &head)));
            Ok(result)
        };
        let result = run();
        drop(connection);
        result.map_err(|source| self.failed(source))
    }

    fn connect(path: &Path) -> Result<Self, StateError> {
        let failed = |source| sqlite_error(path, source);
        let mut connection = Connection::open(path).map_err(failed)?;
        connection.busy_timeout(BUSY).map_err(failed)?;
        match schema::prepare(&mut connection).map_err(failed)? {
            Found::Fresh | Found::Ours => {}
            Found::Foreign => return Err(StateError::Foreign { path: path.to_path_buf() }),
            Found::Version(found) => {
                return Err(StateError::Version { path: path.to_path_buf(), found, known: schema::VERSION });
            }
        }
        // WAL keeps readers and the writer apart; FULL makes a commit survive a power cut, which intents rely on.
        connection.pragma_update(None, "journal_mode", "WAL").map_err(failed)?;
        connection.pragma_update(None, "synchronous", "FULL").map_err(failed)?;
        Ok(Self { path: path.to_path_buf(), connection: Mutex::new(connection), kept: true, _copy: None })
    }

    fn bind(&self, workspace: &str) -> Result<(), StateError> {
        let found = self.write(|transaction| match schema::meta(transaction, WORKSPACE)? {
            Some(found) => Ok(found),
            None => schema::set_meta(transaction, WORKSPACE, workspace).map(|()| workspace.to_owned()),
        })?;
        if found == workspace {
            return Ok(());
        }
        Err(self.of_another(found, workspace))
    }

    fn of_another(&self, found: String, wanted: &str) -> StateError {
        StateError::OtherWorkspace { path: self.path.clone(), found, wanted: wanted.to_owned() }
    }

    /// A panic in another thread leaves no half transaction behind: SQLite rolled it back.
    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, source: rusqlite::Error) -> StateError {
        sqlite_error(&self.path, source)
    }
}

/// What a state tells to somebody who must not write a byte: another version's, a damaged one, one on a file system that can't be written.
fn salvaged(path: &Path) -> Memory {
    if look::refuse_device(path).is_err() {
        return Memory::default();
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

pub(super) fn sqlite_error(path: &Path, source: rusqlite::Error) -> StateError {
    match source.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => StateError::Foreign { path: path.to_path_buf() },
        _ => StateError::Sqlite { path: path.to_path_buf(), source },
    }
}

/// Makes the file before SQLite does, so that it is never open to others; SQLite gives its side files the same mode.
fn make_private(path: &Path) -> std::io::Result<()> {
    files::open_private(path).map(drop)
}
