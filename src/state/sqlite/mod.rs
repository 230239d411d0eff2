//! The state in SQLite, one file a workspace: a thread of its own holds the connection and does in order what it is asked for, so that nobody else's thread ever
//! waits for a disk.
//!
//! Must never: answer that something is remembered before it is durable.

mod facts;
mod head;
mod layout;
mod left;
mod lines;
mod look;
mod migrate;
mod open;
mod recall;
mod revocations;
mod rows;
mod schema;
mod shelves;
mod subjects;
#[cfg(test)]
mod tests;
mod unheard;
mod watch;
mod written;

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, TransactionBehavior};
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::lock;
use super::record::Elsewhere;
use super::touched::CommitLog;
use super::{
    About, ChainLine, Fact, Heads, KeptKey, LinkName, OpenRun, RunLock, Shelf, Shelved, StateError, Store, StoreAnswer, Subjects, UnderWay,
    Watch,
};
use crate::model::{Left, Link, Memory, Recollection};
pub(super) use facts::GENERATION;
use head::Apart;
pub(super) use head::HEAD;
pub(super) use layout::{Column, ColumnKind, NewFile, TableLayout, new_file, tables};
pub(super) use lines::CHECKPOINT;
pub(super) use open::WORKSPACE;
pub(super) use open::{look, look_at, open, open_beside, passing, passing_with, put};
pub(super) use rows::word;
pub use schema::VERSION as SCHEMA_VERSION;
use watch::{FileWatch, MemoryWatch};
pub(super) use written::unpacked;

/// A connection, and the private copy that it reads where there is one.
struct Opened {
    connection: Connection,
    _copy: Option<TempDir>,
}

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// One state, open.
#[derive(Debug)]
struct Sqlite {
    path: PathBuf,
    /// it is a file, and not only in memory
    kept: bool,
    /// the journal's last entry, beside that file
    apart: Arc<Apart>,
    jobs: Option<Sender<Job>>,
    /// where it is decided who writes, besides
    elsewhere: Option<Arc<Elsewhere>>,
    /// who is revoked, where it is only in memory
    watch: Option<MemoryWatch>,
    /// what was written by this process
    commits: Arc<CommitLog>,
    /// says by its end that the state is closed
    closed: Mutex<Receiver<()>>,
}

/// How long a state that is let go of is waited for: a disk that hangs holds nobody up.
const LINGER: Duration = Duration::from_secs(2);

impl Sqlite {
    /// Starts the thread, which opens the state itself.
    async fn start(
        path: &Path,
        (kept, elsewhere): (bool, Option<Arc<Elsewhere>>),
        open: impl FnOnce() -> Result<Option<Opened>, StateError> + Send + 'static,
    ) -> Result<Option<Arc<dyn Store>>, StateError> {
        let (jobs, waiting) = channel();
        let (tell, told) = oneshot::channel();
        let (open_still, closed) = channel();
        let apart = Arc::new(Apart::of(path));
        let settled = apart.clone();
        let serve = move || {
            let _open_still: Sender<()> = open_still;
            match open() {
                Ok(Some(mut opened)) => {
                    // Whoever asked may be gone; then nobody asks for anything.
                    drop(tell.send(Ok(true)));
                    serve(&mut opened.connection, &waiting, &settled);
                }
                other => drop(tell.send(other.map(|opened| opened.is_some()))),
            }
        };
        let thread = std::thread::Builder::new().name("state".into()).spawn(serve);
        thread.map_err(|source| StateError::Open { path: path.to_path_buf(), source })?;
        let there = told.await.map_err(|_| StateError::Stopped)??;
        let watch = (!kept).then(MemoryWatch::default);
        let commits = Arc::default();
        let state = Self { path: path.to_path_buf(), kept, apart, elsewhere, watch, commits, jobs: Some(jobs), closed: Mutex::new(closed) };
        Ok(there.then(|| Arc::new(state) as Arc<dyn Store>))
    }

    /// Has the thread do something. It is in the row from now on, whether or not anybody waits for the answer.
    fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection, &Path) -> Result<T, StateError> + Send + 'static,
    ) -> StoreAnswer<'static, T> {
        let (tell, told) = oneshot::channel();
        let path = self.path.clone();
        // Where the thread is gone the answer says so.
        drop(self.jobs.as_ref().map(|jobs| jobs.send(Box::new(move |connection| drop(tell.send(work(connection, &path)))))));
        Box::pin(async move { told.await.unwrap_or(Err(StateError::Stopped)) })
    }

    /// Reads in one consistent view.
    fn read<T: Send + 'static>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static) -> StoreAnswer<'static, T> {
        self.ask(move |connection, path| {
            let view = connection.transaction().map_err(|source| sqlite_error(path, source))?;
            read(&view).map_err(|source| sqlite_error(path, source))
        })
    }
}

impl Store for Sqlite {
    fn place(&self) -> &Path {
        &self.path
    }

    fn head_place(&self) -> String {
        head::path(&self.path).display().to_string()
    }

    fn is_kept(&self) -> bool {
        self.kept
    }

    fn load(&self) -> StoreAnswer<'_, Memory> {
        self.read(rows::load)
    }

    fn recollect(&self, known: Option<u64>) -> StoreAnswer<'_, Recollection> {
        let commits = self.commits.clone();
        self.read(move |connection| {
            let generation = facts::generation(connection)?;
            let of = commits.since(known, generation);
            let memory = match &of {
                Some(touched) => recall::load_touched(connection, touched)?,
                None => rows::load(connection)?,
            };
            Ok(Recollection { generation, memory, of })
        })
    }

    fn load_about(&self, about: About) -> StoreAnswer<'_, Memory> {
        self.read(move |connection| rows::load_about(connection, &about))
    }

    fn links_by_id(&self, target: Arc<str>, ids: Vec<Arc<str>>) -> StoreAnswer<'_, Vec<Link>> {
        self.read(move |connection| rows::links_by_id(connection, &target, &ids))
    }

    fn link_ids(&self, wanted: Vec<LinkName>) -> StoreAnswer<'_, Vec<Option<Arc<str>>>> {
        self.read(move |connection| wanted.iter().map(|name| rows::link_id(connection, name)).collect())
    }

    fn left(&self) -> StoreAnswer<'_, Vec<Left>> {
        self.read(left::load_left)
    }

    fn shelf(&self, shelf: Shelf) -> StoreAnswer<'_, Vec<Shelved>> {
        self.read(move |connection| shelves::load_shelf(connection, shelf))
    }

    fn subjects(&self, which: Subjects) -> StoreAnswer<'_, Vec<KeptKey>> {
        self.read(move |connection| subjects::load(connection, &which))
    }

    fn watch(&self) -> StoreAnswer<'_, Box<dyn Watch>> {
        let watch = self.watch.clone();
        self.ask(move |connection, path| match watch {
            None => Ok(Box::new(FileWatch::open(path)?) as Box<dyn Watch>),
            Some(watch) => {
                watch.renew(connection).map_err(|source| sqlite_error(path, source))?;
                Ok(Box::new(watch) as Box<dyn Watch>)
            }
        })
    }

    fn commit(&self, facts: Vec<Fact>) -> StoreAnswer<'_, ()> {
        let (watch, apart) = (self.watch.clone(), self.kept.then(|| self.apart.clone()));
        let commits = self.commits.clone();
        let erases = facts.iter().any(|fact| matches!(fact, Fact::Erased(_)));
        self.ask(move |connection, path| {
            let touch = commits.touches(&facts).filter(|_| !facts.is_empty());
            let run = || {
                let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                let news = facts::keep(&transaction, facts)?;
                let noted = touch.map(|touch| facts::generation(&transaction).map(|generation| (generation, touch))).transpose()?;
                transaction.commit()?;
                noted.into_iter().for_each(|(generation, touch)| commits.note(generation, touch));
                watch.as_ref().map_or(Ok(()), |watch| watch.renew(connection))?;
                Ok(news)
            };
            let news = run().map_err(|source| sqlite_error(path, source))?;
            apart.iter().zip(news).for_each(|(apart, head)| apart.keep(head));
            if erases { subjects::leave_nothing(connection, path) } else { Ok(()) }
        })
    }

    fn lines(&self, after: u64, run: Option<Arc<str>>) -> StoreAnswer<'_, Vec<ChainLine>> {
        self.read(move |connection| lines::lines(connection, after, run.as_deref()))
    }

    fn open_runs(&self) -> StoreAnswer<'_, Vec<OpenRun>> {
        self.read(lines::open_runs)
    }

    fn heads(&self) -> StoreAnswer<'_, Heads> {
        let ours = self.apart.clone();
        self.ask(move |connection, path| {
            ours.settle();
            // First: a writer beside us is ahead of what we knew of it.
            let apart = head::read(path).map_err(|source| StateError::Open { path: head::path(path), source })?;
            let written = head::row(connection).map_err(|source| sqlite_error(path, source))?;
            let checkpoint = lines::checkpoint(connection).map_err(|source| sqlite_error(path, source))?;
            Ok(Heads { apart, written, checkpoint })
        })
    }

    fn generation(&self) -> StoreAnswer<'_, u64> {
        self.read(facts::generation)
    }

    fn copy_to(&self, file: PathBuf) -> StoreAnswer<'_, ()> {
        self.ask(move |connection, path| open::copy(connection, path, &file))
    }

    fn lock(&self, who: &str) -> StoreAnswer<'_, RunLock> {
        let who = who.to_owned();
        let Some(elsewhere) = self.elsewhere.clone() else { return self.ask(move |_, path| RunLock::take(path, &who)) };
        Box::pin(async move {
            let taken = elsewhere.take(&who).await?;
            match self.ask(move |_, path| RunLock::take(path, &who)).await {
                Ok(lock) => Ok(taken.with(lock)),
                Err(error) => {
                    taken.let_go();
                    elsewhere.released().await;
                    Err(error)
                }
            }
        })
    }

    fn release(&self, lock: RunLock) -> StoreAnswer<'_, ()> {
        drop(lock);
        let elsewhere = self.elsewhere.clone();
        Box::pin(async move {
            if let Some(elsewhere) = elsewhere {
                elsewhere.released().await;
            }
            Ok(())
        })
    }

    fn lock_beside(&self) -> StoreAnswer<'_, RunLock> {
        let kept = self.kept;
        self.ask(move |_, path| if kept { RunLock::beside(path) } else { Ok(RunLock::of_nothing()) })
    }

    fn under_way(&self) -> StoreAnswer<'_, UnderWay> {
        let kept = self.kept;
        self.ask(move |_, path| {
            let is_held = |by| kept && lock::is_held(path, by);
            Ok(UnderWay { run: is_held(lock::RUN), revocation: is_held(lock::REVOCATION) })
        })
    }
}

/// Whoever lets go of a state finds it closed.
impl Drop for Sqlite {
    fn drop(&mut self) {
        self.jobs = None;
        // It ends by its sender's end; nothing is ever sent.
        let _ = self.closed.get_mut().unwrap_or_else(PoisonError::into_inner).recv_timeout(LINGER);
    }
}

fn serve(connection: &mut Connection, waiting: &Receiver<Job>, apart: &Apart) {
    loop {
        let next = match apart.lags_for() {
            Some(moment) => waiting.recv_timeout(moment),
            None => waiting.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match next {
            Ok(job) => job(connection),
            Err(RecvTimeoutError::Timeout) => apart.settle(),
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    apart.settle();
}

fn sqlite_error(path: &Path, source: rusqlite::Error) -> StateError {
    match source.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => StateError::Foreign { path: path.to_path_buf() },
        _ => StateError::Sqlite { path: path.to_path_buf(), source },
    }
}
