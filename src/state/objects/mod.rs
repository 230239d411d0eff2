//! The state as objects of a bucket: a SQLite file on this machine that begins as the image there, everything durable there before anybody is told so, and an image
//! again at the end. A task on a thread of its own does in order what it is asked for, and keeps the lock.
//!
//! Must never: answer that something is remembered before it stands in the bucket, or let two runs write one state.

mod bucket;
mod image;
mod lease;
mod segment;
#[cfg(test)]
mod tests;
mod worker;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::runtime::Builder;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

use super::clock::MachineClock;
use super::lease::LeaseTime;
use super::lock::Holder;
use super::running::RunningTask;
use super::{
    About, ChainLine, Fact, Heads, KeptKey, LeaseTerms, LinkName, OpenRun, Replacement, RunLock, Shelf, Shelved, StateError, Store,
    StoreAnswer, Subjects, UnderWay, Watch,
};
use crate::model::{Left, Link, Memory, Recollection};
pub(super) use bucket::{Bucket, shown};
use worker::Worker;

/// Where the journal's last entry is kept apart.
const HEAD: &str = "head";

type Job = Box<dyn for<'w> FnOnce(&'w mut Worker) -> BoxFuture<'w, ()> + Send>;

/// One state, open.
#[derive(Debug)]
struct Objects {
    place: PathBuf,
    head: String,
    jobs: UnboundedSender<Job>,
    /// behind the channel: that is closed first
    _running: RunningTask,
}

/// Opens the state of a workspace, which is made by the first run's end.
pub(super) async fn open(bucket: Arc<Bucket>, workspace: &str, terms: LeaseTerms) -> Result<Arc<dyn Store>, StateError> {
    open_by(bucket, workspace, by_the_machine(terms)).await
}

pub(super) async fn open_by(bucket: Arc<Bucket>, workspace: &str, time: LeaseTime) -> Result<Arc<dyn Store>, StateError> {
    let (place, workspace) = (bucket.shown(), workspace.to_owned());
    let store = start(bucket.clone(), async move { Worker::open(bucket, &workspace, time).await.map(Some) }).await?;
    store.ok_or(StateError::Missing { path: place })
}

/// Opens a state to look at it, as it is now; nothing where there is none. Takes no lock, and may only read.
pub(super) async fn look(bucket: Arc<Bucket>, workspace: Option<&str>) -> Result<Option<Arc<dyn Store>>, StateError> {
    let workspace = workspace.map(str::to_owned);
    start(bucket.clone(), async move { Worker::look(bucket, workspace.as_deref(), by_the_machine(LeaseTerms::default())).await }).await
}

/// Takes the lock away from the run that is named; says who held it.
pub(super) async fn unlock(bucket: &Bucket, run: &str) -> Result<Holder, StateError> {
    lease::unlock(bucket, run).await
}

/// Who holds the lock.
pub(super) async fn holder(bucket: &Bucket) -> Result<Option<Holder>, StateError> {
    lease::holder(bucket).await
}

/// Puts a file in the place of the state.
pub(super) async fn put(bucket: Arc<Bucket>, replacement: Replacement<'_>) -> Result<(), StateError> {
    Worker::put(bucket, by_the_machine(LeaseTerms::default()), replacement).await
}

fn by_the_machine(terms: LeaseTerms) -> LeaseTime {
    LeaseTime { clock: Arc::new(MachineClock), terms }
}

async fn start(
    bucket: Arc<Bucket>,
    worker: impl Future<Output = Result<Option<Worker>, StateError>> + Send + 'static,
) -> Result<Option<Arc<dyn Store>>, StateError> {
    let (place, head) = (bucket.shown(), bucket.object(HEAD));
    // Of its own: signs of life wait for nobody's planning, and connections outlive whoever asked first.
    let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("state").enable_all().build();
    let runtime = runtime.map_err(|source| StateError::Open { path: place.clone(), source })?;
    let opened = runtime.spawn(worker).await.unwrap_or(Err(StateError::Stopped)).map_err(|error| error.at(&place));
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
    Ok(Some(Arc::new(Objects { place, head, jobs, _running: RunningTask::of(runtime, task) })))
}

impl Objects {
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
        let place = self.place.clone();
        Box::pin(async move { told.await.unwrap_or(Err(StateError::Stopped)).map_err(|error| error.at(&place)) })
    }
}

impl Store for Objects {
    fn place(&self) -> &Path {
        &self.place
    }

    fn head_place(&self) -> String {
        self.head.clone()
    }

    fn is_kept(&self) -> bool {
        true
    }

    fn load(&self) -> StoreAnswer<'_, Memory> {
        self.ask(|worker| Box::pin(async move { worker.heard().await?.load().await }))
    }

    fn recollect(&self, known: Option<u64>) -> StoreAnswer<'_, Recollection> {
        self.ask(move |worker| Box::pin(async move { worker.heard().await?.recollect(known).await }))
    }

    fn load_about(&self, about: About) -> StoreAnswer<'_, Memory> {
        self.ask(|worker| Box::pin(async move { worker.heard().await?.load_about(about).await }))
    }

    fn left(&self) -> StoreAnswer<'_, Vec<Left>> {
        self.ask(|worker| Box::pin(async move { worker.heard().await?.left().await }))
    }

    fn shelf(&self, shelf: Shelf) -> StoreAnswer<'_, Vec<Shelved>> {
        self.ask(move |worker| Box::pin(async move { worker.heard().await?.shelf(shelf).await }))
    }

    fn links_by_id(&self, target: Arc<str>, ids: Vec<Arc<str>>) -> StoreAnswer<'_, Vec<Link>> {
        self.ask(|worker| Box::pin(async move { worker.local().links_by_id(target, ids).await }))
    }

    fn link_ids(&self, wanted: Vec<LinkName>) -> StoreAnswer<'_, Vec<Option<Arc<str>>>> {
        self.ask(|worker| Box::pin(async move { worker.local().link_ids(wanted).await }))
    }

    fn subjects(&self, which: Subjects) -> StoreAnswer<'_, Vec<KeptKey>> {
        self.ask(move |worker| Box::pin(async move { worker.heard().await?.subjects(which).await }))
    }

    fn watch(&self) -> StoreAnswer<'_, Box<dyn Watch>> {
        self.ask(|worker| Box::pin(async move { worker.heard().await?.watch().await }))
    }

    fn commit(&self, facts: Vec<Fact>) -> StoreAnswer<'_, ()> {
        self.ask(|worker| Box::pin(worker.commit(facts)))
    }

    fn lines(&self, after: u64, run: Option<Arc<str>>) -> StoreAnswer<'_, Vec<ChainLine>> {
        self.ask(move |worker| {
            Box::pin(async move {
                let local = if after == 0 { worker.heard().await? } else { worker.local() };
                local.lines(after, run).await
            })
        })
    }

    fn open_runs(&self) -> StoreAnswer<'_, Vec<OpenRun>> {
        self.ask(|worker| Box::pin(async move { worker.heard().await?.open_runs().await }))
    }

    fn heads(&self) -> StoreAnswer<'_, Heads> {
        self.ask(|worker| Box::pin(worker.heads()))
    }

    fn generation(&self) -> StoreAnswer<'_, u64> {
        self.ask(|worker| Box::pin(async move { worker.heard().await?.generation().await }))
    }

    fn copy_to(&self, file: PathBuf) -> StoreAnswer<'_, ()> {
        self.ask(|worker| Box::pin(async move { worker.heard().await?.copy_to(file).await }))
    }

    fn lock(&self, who: &str) -> StoreAnswer<'_, RunLock> {
        let who = who.to_owned();
        self.ask(move |worker| Box::pin(async move { worker.lock(&who).await }))
    }

    fn lock_beside(&self) -> StoreAnswer<'_, RunLock> {
        // Whoever takes the lock closes what it writes to, and it goes on with another stream: there is nothing to hold.
        Box::pin(std::future::ready(Ok(RunLock::of_nothing())))
    }

    fn release(&self, lock: RunLock) -> StoreAnswer<'_, ()> {
        self.ask(|worker| Box::pin(worker.release(lock)))
    }

    fn under_way(&self) -> StoreAnswer<'_, UnderWay> {
        self.ask(|worker| Box::pin(async move { Ok(worker.under_way().await) }))
    }
}
