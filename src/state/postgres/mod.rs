//! The state in a PostgreSQL database, which any number of workspaces and replicas share: each verb one transaction, each writing one in its turn, and those of a run
//! only as long as it holds the lock. A task on threads of its own does in order what it is asked for.
//!
//! Must never: answer that something is remembered before it is durable, or take a server that does not answer for an empty state.

mod connect;
mod copy;
mod facts;
mod lease;
mod line;
mod links;
mod migrate;
mod objects;
mod people;
mod put;
mod read;
mod rest;
mod statement;
mod subjects;
#[cfg(test)]
mod tests;
mod watch;
mod worker;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::runtime::Builder;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::clock::MachineClock;
use super::lease::LeaseTime;
use super::lock::Holder;
use super::running::RunningTask;
use super::{
    About, ChainLine, Fact, Heads, KeptKey, LeaseTerms, LinkName, OpenRun, Replacement, RunLock, Shelf, Shelved, StateError, Store,
    StoreAnswer, Subjects, UnderWay, Watch,
};
use crate::model::{Left, Link, Memory, Recollection};
pub use connect::PostgresPlace;
use line::Line;
use worker::Worker;

type Job = Box<dyn for<'w> FnOnce(&'w mut Worker) -> BoxFuture<'w, ()> + Send>;

/// One state, open.
#[derive(Debug)]
struct Postgres {
    place: PathBuf,
    jobs: UnboundedSender<Job>,
    /// behind the channel: that is closed first
    _running: RunningTask,
}

/// How often a revocation tells others of itself.
const BESIDE: Duration = Duration::from_secs(15);

/// Opens the state of a workspace, or makes it.
pub(super) async fn open(place: PostgresPlace, terms: LeaseTerms) -> Result<Arc<dyn Store>, StateError> {
    open_by(place, by_the_machine(terms)).await
}

fn by_the_machine(terms: LeaseTerms) -> LeaseTime {
    LeaseTime { clock: Arc::new(MachineClock), terms }
}

pub(super) async fn open_by(place: PostgresPlace, time: LeaseTime) -> Result<Arc<dyn Store>, StateError> {
    let place = Arc::new(place);
    let worker = {
        let place = place.clone();
        async move { Worker::open(place, time).await.map(Some) }
    };
    start(&place, worker).await?.ok_or_else(|| StateError::Missing { path: place.shown() })
}

/// Opens a state to look at it; nothing where there is none. Takes no lock, and only reads.
pub(super) async fn look(place: PostgresPlace) -> Result<Option<Arc<dyn Store>>, StateError> {
    let place = Arc::new(place);
    let worker = {
        let place = place.clone();
        async move { Worker::look(place, by_the_machine(LeaseTerms::QUICK)).await }
    };
    start(&place, worker).await
}

/// Takes the lock away from the run that is named; says who held it.
pub(super) async fn unlock(place: PostgresPlace, run: &str) -> Result<Holder, StateError> {
    let mut line = Line::new(Arc::new(place));
    migrate::look(&mut line).await?;
    lease::unlock(&mut line, run).await
}

/// Who holds the lock.
pub(super) async fn holder(place: PostgresPlace) -> Result<Option<Holder>, StateError> {
    let mut line = Line::new(Arc::new(place));
    if migrate::look(&mut line).await? { lease::holder(&mut line).await } else { Ok(None) }
}

/// Puts a file in the place of the state, as a run of its own.
pub(super) async fn put(place: PostgresPlace, replacement: Replacement<'_>) -> Result<(), StateError> {
    let shown = place.shown();
    let folder = tempfile::Builder::new().prefix("headcount-state-").tempdir();
    let folder = folder.map_err(|source| StateError::Folder { path: shown.clone(), source })?;
    let file = folder.path().join("state.db");
    let comes_in = super::sqlite::look_at(replacement.file, replacement.workspace).await?;
    // As a state of our version, whatever it was.
    comes_in.ok_or_else(|| StateError::Missing { path: replacement.file.to_path_buf() })?.copy_to(file.clone()).await?;
    let store = open_here(place).await?;
    let lock = store.lock(replacement.who).await?;
    let done = match replacement.check(&store, &shown).await {
        Ok(()) => store.ask(move |worker| Box::pin(worker.put(file))).await,
        refused => refused,
    };
    let released = store.release(lock).await;
    done.and(released)
}

async fn open_here(place: PostgresPlace) -> Result<Postgres, StateError> {
    let place = Arc::new(place);
    let worker = {
        let place = place.clone();
        async move { Worker::open(place, by_the_machine(LeaseTerms::QUICK)).await.map(Some) }
    };
    started(&place, worker).await?.ok_or_else(|| StateError::Missing { path: place.shown() })
}

async fn start(
    place: &PostgresPlace,
    worker: impl Future<Output = Result<Option<Worker>, StateError>> + Send + 'static,
) -> Result<Option<Arc<dyn Store>>, StateError> {
    Ok(started(place, worker).await?.map(|state| Arc::new(state) as Arc<dyn Store>))
}

async fn started(
    place: &PostgresPlace,
    worker: impl Future<Output = Result<Option<Worker>, StateError>> + Send + 'static,
) -> Result<Option<Postgres>, StateError> {
    let shown = place.shown();
    // Of its own: signs of life wait for nobody's planning, nor for a large answer that is read beside them.
    let runtime = Builder::new_multi_thread().worker_threads(2).thread_name("state").enable_all().build();
    let runtime = runtime.map_err(|source| StateError::Open { path: shown.clone(), source })?;
    let opened = runtime.spawn(worker).await.unwrap_or(Err(StateError::Stopped));
    let Ok(Some(mut worker)) = opened else {
        runtime.shutdown_background();
        return opened.map(|_| None);
    };
    let (jobs, mut waiting) = unbounded_channel::<Job>();
    let task = runtime.spawn(async move {
        while let Some(job) = waiting.recv().await {
            job(&mut worker).await;
        }
    });
    Ok(Some(Postgres { place: shown, jobs, _running: RunningTask::of(runtime, task) }))
}

impl Postgres {
    /// Has the task do something. It is in the row from now on, whether or not anybody waits for the answer.
    fn ask<T: Send + 'static>(
        &self,
        work: impl for<'w> FnOnce(&'w mut Worker) -> BoxFuture<'w, Result<T, StateError>> + Send + 'static,
    ) -> StoreAnswer<'static, T> {
        let (tell, told) = oneshot::channel();
        let job: Job = Box::new(move |worker| {
            Box::pin(async move {
                let done = work(worker).await;
                // Whoever asked may be gone.
                drop(tell.send(done));
            })
        });
        // Where the task is gone the answer says so.
        drop(self.jobs.send(job));
        Box::pin(async move { told.await.unwrap_or(Err(StateError::Stopped)) })
    }
}

impl Store for Postgres {
    fn place(&self) -> &Path {
        &self.place
    }

    fn head_place(&self) -> String {
        format!("the table `workspaces` of {}", self.place.display())
    }

    fn is_kept(&self) -> bool {
        true
    }

    fn load(&self) -> StoreAnswer<'_, Memory> {
        self.ask(|worker| Box::pin(worker.line.read(|reader| Box::pin(reader.memory()))))
    }

    fn recollect(&self, _known: Option<u64>) -> StoreAnswer<'_, Recollection> {
        self.ask(|worker| Box::pin(worker.line.read(|reader| Box::pin(reader.recollection()))))
    }

    fn load_about(&self, about: About) -> StoreAnswer<'_, Memory> {
        self.ask(|worker| {
            Box::pin(async move {
                let about = Arc::new(about);
                worker
                    .line
                    .read(move |reader| {
                        let about = about.clone();
                        Box::pin(async move { reader.memory_about(&about).await })
                    })
                    .await
            })
        })
    }

    fn links_by_id(&self, target: Arc<str>, ids: Vec<Arc<str>>) -> StoreAnswer<'_, Vec<Link>> {
        self.ask(|worker| {
            Box::pin(async move {
                let asked = Arc::new((target, ids));
                worker
                    .line
                    .read(move |reader| {
                        let asked = asked.clone();
                        Box::pin(async move { reader.links_by_id(&asked.0, &asked.1).await })
                    })
                    .await
            })
        })
    }

    fn link_ids(&self, wanted: Vec<LinkName>) -> StoreAnswer<'_, Vec<Option<Arc<str>>>> {
        self.ask(|worker| {
            Box::pin(async move {
                let wanted = Arc::new(wanted);
                worker
                    .line
                    .read(move |reader| {
                        let wanted = wanted.clone();
                        Box::pin(async move { reader.link_ids(&wanted).await })
                    })
                    .await
            })
        })
    }

    fn left(&self) -> StoreAnswer<'_, Vec<Left>> {
        self.ask(|worker| Box::pin(worker.line.read(|reader| Box::pin(reader.left()))))
    }

    fn shelf(&self, shelf: Shelf) -> StoreAnswer<'_, Vec<Shelved>> {
        self.ask(move |worker| Box::pin(worker.line.read(move |reader| Box::pin(reader.shelf(shelf)))))
    }

    fn subjects(&self, which: Subjects) -> StoreAnswer<'_, Vec<KeptKey>> {
        self.ask(move |worker| {
            Box::pin(worker.line.read(move |reader| {
                let which = which.clone();
                Box::pin(async move { reader.subjects(&which).await })
            }))
        })
    }

    fn watch(&self) -> StoreAnswer<'_, Box<dyn Watch>> {
        self.ask(|worker| {
            Box::pin(async move {
                let watch = worker.watch();
                // What can't be asked is told now, and not at the first change.
                watch.revoked().await?;
                Ok(watch)
            })
        })
    }

    fn commit(&self, facts: Vec<Fact>) -> StoreAnswer<'_, ()> {
        self.ask(|worker| Box::pin(worker.commit(facts)))
    }

    fn lines(&self, after: u64, run: Option<Arc<str>>) -> StoreAnswer<'_, Vec<ChainLine>> {
        self.ask(move |worker| {
            Box::pin(worker.line.read(move |reader| {
                let run = run.clone();
                Box::pin(async move { reader.lines(after, run.as_deref()).await })
            }))
        })
    }

    fn open_runs(&self) -> StoreAnswer<'_, Vec<OpenRun>> {
        self.ask(|worker| Box::pin(worker.line.read(|reader| Box::pin(reader.open_runs()))))
    }

    fn heads(&self) -> StoreAnswer<'_, Heads> {
        self.ask(|worker| Box::pin(worker.heads()))
    }

    fn generation(&self) -> StoreAnswer<'_, u64> {
        self.ask(|worker| Box::pin(worker.generation()))
    }

    fn copy_to(&self, file: PathBuf) -> StoreAnswer<'_, ()> {
        self.ask(|worker| Box::pin(worker.copy_to(file)))
    }

    fn lock(&self, who: &str) -> StoreAnswer<'_, RunLock> {
        let who = who.to_owned();
        let taking = self.ask(move |worker| Box::pin(async move { worker.take(&who).await }));
        Box::pin(async move {
            let kept = taking.await?.await.unwrap_or(Err(StateError::Stopped))?;
            self.ask(|worker| Box::pin(async move { Ok(worker.hold(kept)) })).await
        })
    }

    fn release(&self, lock: RunLock) -> StoreAnswer<'_, ()> {
        self.ask(|worker| {
            Box::pin(async move {
                worker.release(lock).await;
                Ok(())
            })
        })
    }

    fn lock_beside(&self) -> StoreAnswer<'_, RunLock> {
        let jobs = self.jobs.clone();
        self.ask(move |worker| {
            Box::pin(async move {
                worker.only_looked()?;
                let name = format!("{:016x}", fastrand::u64(..));
                worker.begin_beside(&name).await?;
                let (alive, mut ended) = oneshot::channel();
                tokio::spawn(async move {
                    while timeout(BESIDE, &mut ended).await.is_err() {
                        let name = name.clone();
                        let again: Job = Box::new(move |worker| Box::pin(async move { drop(worker.begin_beside(&name).await) }));
                        drop(jobs.send(again));
                    }
                    let end: Job = Box::new(move |worker| Box::pin(async move { drop(worker.end_beside(&name).await) }));
                    drop(jobs.send(end));
                });
                Ok(RunLock::beside_until(alive))
            })
        })
    }

    fn under_way(&self) -> StoreAnswer<'_, UnderWay> {
        self.ask(|worker| Box::pin(async move { Ok(worker.under_way().await) }))
    }
}
