//! Who is revoked at this very moment: asked right before each request, so it must cost next to nothing. A connection of its own sees by SQLite's data version
//! whether anybody committed anything since; only then the keys are read again.
//!
//! Must never: answer with what was true before a commit that has returned, or wait for anybody: readers of a write-ahead log wait for nobody.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::revocations::revoked_keys;
use super::sqlite_error;
use crate::state::{StateError, StoreAnswer, Watch};

/// For the moment in which another process closes the log.
const BUSY: Duration = Duration::from_millis(500);

/// Watches one file.
pub(super) struct FileWatch {
    path: PathBuf,
    seen: Mutex<Seen>,
}

struct Seen {
    connection: Connection,
    version: Option<i64>,
    keys: Arc<BTreeSet<Arc<str>>>,
}

impl FileWatch {
    /// Begins to watch.
    pub(super) fn open(path: &Path) -> Result<Self, StateError> {
        let failed = |source| sqlite_error(path, source);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
        connection.busy_timeout(BUSY).map_err(failed)?;
        let mut seen = Seen { connection, version: None, keys: Arc::default() };
        seen.look().map_err(failed)?;
        Ok(Self { path: path.to_path_buf(), seen: Mutex::new(seen) })
    }
}

impl Watch for FileWatch {
    fn revoked(&self) -> StoreAnswer<'_, Arc<BTreeSet<Arc<str>>>> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let keys = seen.look().map_err(|source| sqlite_error(&self.path, source));
        Box::pin(std::future::ready(keys))
    }
}

impl Seen {
    /// The version first: what is committed in between is seen with the next look.
    fn look(&mut self) -> rusqlite::Result<Arc<BTreeSet<Arc<str>>>> {
        let version: i64 = self.connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?;
        if self.version != Some(version) {
            self.keys = Arc::new(revoked_keys(&self.connection)?);
            self.version = Some(version);
        }
        Ok(self.keys.clone())
    }
}

/// Of a state in memory, which is its own process's alone: what it said when it was last written.
#[derive(Clone, Debug, Default)]
pub(super) struct MemoryWatch(Arc<Mutex<Arc<BTreeSet<Arc<str>>>>>);

impl MemoryWatch {
    /// It was written.
    pub(super) fn renew(&self, connection: &Connection) -> rusqlite::Result<()> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(revoked_keys(connection)?);
        Ok(())
    }
}

impl Watch for MemoryWatch {
    fn revoked(&self) -> StoreAnswer<'_, Arc<BTreeSet<Arc<str>>>> {
        let keys = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Box::pin(std::future::ready(Ok(keys)))
    }
}
