//! Which database it is, and connections to it for as long as a piece of work needs them.
//!
//! Must never: write on a connection behind another fence than the one that gave leave, or use one again whose last transaction did not end.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::mysql::MySqlTables;
use super::postgres::PostgresTables;
use super::session::Session;
use super::sqlite::SqliteDatabase;
use crate::connector::budget::Budget;
use crate::fence::Fence;
use crate::model::SystemError;

/// A connection that nobody used for so long is made anew: what lies between may have forgotten it.
const IDLE: Duration = Duration::from_secs(60);
/// So many are kept.
const MOST_KEPT: usize = 5;

/// A database.
#[derive(Clone, Debug)]
pub(super) struct Database {
    /// what messages call it
    pub(super) name: Arc<str>,
    /// what rows may take
    pub(super) budget: Budget,
    pub(super) place: Place,
}

/// Where it is.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// opened anew for each piece of work
    Sqlite(SqliteDatabase),
    Postgres(PostgresTables, Arc<Kept>),
    MySql(MySqlTables, Arc<Kept>),
}

/// Connections that nobody uses just now.
#[derive(Default)]
pub(super) struct Kept(Mutex<Vec<Idle>>);

struct Idle {
    session: Box<dyn Session>,
    fence: Fence,
    since: Instant,
}

impl Database {
    /// Has something done with a connection for reading.
    pub(super) fn reading<T>(&self, work: impl FnOnce(&dyn Session) -> T) -> Result<T, SystemError> {
        match &self.place {
            Place::Sqlite(file) => Ok(work(&*file.read()?)),
            _ => self.with(&Fence::open(), work),
        }
    }

    /// Has something done with a connection for writing, under this fence.
    pub(super) fn writing<T>(&self, fence: &Fence, work: impl FnOnce(&dyn Session) -> T) -> Result<T, SystemError> {
        match &self.place {
            Place::Sqlite(file) => Ok(work(&*file.write()?)),
            _ => self.with(fence, work),
        }
    }

    fn with<T>(&self, fence: &Fence, work: impl FnOnce(&dyn Session) -> T) -> Result<T, SystemError> {
        let (session, kept) = match &self.place {
            Place::Sqlite(file) => return Ok(work(&*file.write()?)),
            Place::Postgres(server, kept) => (kept.take(fence).map_or_else(|| server.connect(fence), Ok)?, kept),
            Place::MySql(server, kept) => (kept.take(fence).map_or_else(|| server.connect(fence), Ok)?, kept),
        };
        let done = work(&*session);
        kept.keep(session, fence);
        Ok(done)
    }
}

impl Kept {
    fn take(&self, fence: &Fence) -> Option<Box<dyn Session>> {
        loop {
            let found = {
                let mut idle = self.idle();
                idle.retain(|idle| idle.since.elapsed() < IDLE);
                let at = idle.iter().position(|idle| idle.fence.is_same(fence))?;
                idle.swap_remove(at).session
            };
            // Asked without the others waiting for it.
            if found.is_usable() {
                return Some(found);
            }
        }
    }

    fn keep(&self, session: Box<dyn Session>, fence: &Fence) {
        if !session.is_open() && session.is_usable() {
            let mut idle = self.idle();
            idle.push(Idle { session, fence: fence.clone(), since: Instant::now() });
            let over = idle.len().saturating_sub(MOST_KEPT);
            idle.drain(..over);
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Kept({})", self.idle().len())
    }
}
