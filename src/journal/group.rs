//! Group commit: what is handed over while a commit is under way goes into the next one together, in order, with one fsync. Whoever hands something over may go
//! on at once, and asks later whether it is durable. Where nobody asks yet, a commit waits a moment for what else comes: each one costs as much as many records.
//!
//! Must never: say that something is durable before it is, or change the order.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::sleep;

use crate::state::{Fact, StateError, Store};

/// Most records that share a transaction: bounds how much a failed one takes with it.
const MOST: usize = 1024;
/// So many are worth a commit.
const WORTH: usize = 32;
/// Fewer wait for others, for so long.
const MOMENT: Duration = Duration::from_millis(1);

/// A place in the order of what was handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(u64);

impl Ticket {
    /// That of what is handed over first.
    pub const FIRST: Self = Self(1);
}

/// A task that writes what one run hands over. Ends when this is dropped, once everything is written.
#[derive(Debug)]
pub struct GroupCommit {
    queue: UnboundedSender<Vec<Fact>>,
    given: AtomicU64,
    shared: Arc<Shared>,
}

/// How far the task is.
#[derive(Debug, Default)]
struct Shared {
    /// up to here everything is written, or failed
    done: AtomicU64,
    /// what failed: the first and the last of a group, and why
    failed: Mutex<Vec<(u64, u64, Arc<StateError>)>>,
    moved: Notify,
    /// up to here somebody waits for it
    wanted: AtomicU64,
    asked: Notify,
}

/// Says, however the task ends, that nothing more will be written.
struct Ended(Arc<Shared>);

impl GroupCommit {
    /// Starts the task. `failed` hears of what could not be written.
    pub fn start(store: Arc<dyn Store>, failed: impl Fn(&Arc<StateError>) + Send + 'static) -> Self {
        let (queue, waiting) = unbounded_channel();
        let shared = Arc::new(Shared::default());
        tokio::spawn(serve(store, waiting, Ended(shared.clone()), failed));
        Self { queue, given: AtomicU64::new(0), shared }
    }

    /// Hands over what becomes durable together. What comes first is durable first. Must not be called by several at once: they would not know whose place is
    /// whose.
    pub fn submit(&self, facts: Vec<Fact>) -> Ticket {
        let ticket = Ticket(self.given.fetch_add(1, Ordering::Relaxed) + 1);
        // Where the task is gone, nothing becomes durable, and whoever asks is told so.
        let _ = self.queue.send(facts);
        ticket
    }

    /// Whether it is known by now what became of a record.
    pub fn is_settled(&self, ticket: Ticket) -> bool {
        self.shared.done.load(Ordering::Acquire) >= ticket.0
    }

    /// Waits until a record is durable; else the error that undid its group.
    pub async fn durable(&self, ticket: Ticket) -> Result<(), Arc<StateError>> {
        loop {
            // Before the look: what moves in between is not missed.
            let moved = self.shared.moved.notified();
            if self.is_settled(ticket) {
                return self.shared.failure(ticket).map_or(Ok(()), Err);
            }
            self.shared.want(ticket);
            moved.await;
        }
    }

    /// Waits until it is known of everything what became of it.
    pub async fn flush(&self) {
        // What failed was told when it did.
        let _ = self.durable(Ticket(self.given.load(Ordering::Relaxed))).await;
    }
}

impl Shared {
    fn want(&self, ticket: Ticket) {
        if self.wanted.fetch_max(ticket.0, Ordering::AcqRel) < ticket.0 {
            self.asked.notify_one();
        }
    }

    /// Whether somebody waits for what comes after so many.
    fn is_wanted(&self, done: u64) -> bool {
        self.wanted.load(Ordering::Acquire) > done
    }

    fn settle(&self, upto: u64) {
        self.done.store(upto, Ordering::Release);
        self.moved.notify_waiters();
    }

    fn fail(&self, first: u64, last: u64, error: Arc<StateError>) {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).push((first, last, error));
    }

    fn failure(&self, ticket: Ticket) -> Option<Arc<StateError>> {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.iter().find(|(first, last, _)| (*first..=*last).contains(&ticket.0)).map(|(.., error)| error.clone())
    }
}

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.fail(self.0.done.load(Ordering::Acquire) + 1, u64::MAX, Arc::new(StateError::Stopped));
        self.0.settle(u64::MAX);
    }
}

async fn serve(
    store: Arc<dyn Store>,
    mut waiting: UnboundedReceiver<Vec<Fact>>,
    ended: Ended,
    failed: impl Fn(&Arc<StateError>) + Send + 'static,
) {
    let shared = &ended.0;
    let (mut group, mut done) = (Vec::new(), 0);
    while waiting.recv_many(&mut group, MOST).await > 0 {
        let mut moment = std::pin::pin!(sleep(MOMENT));
        while group.len() < WORTH && !shared.is_wanted(done) {
            tokio::select! {
                more = waiting.recv_many(&mut group, MOST) => if more == 0 { break },
                () = shared.asked.notified() => {}
                () = &mut moment => break,
            }
        }
        let upto = done + group.len() as u64;
        if let Err(error) = store.commit(group.drain(..).flatten().collect()).await {
            let error = Arc::new(error);
            shared.fail(done + 1, upto, error.clone());
            failed(&error);
        }
        done = upto;
        shared.settle(done);
    }
}
