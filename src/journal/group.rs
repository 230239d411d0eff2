//! Group commit: many writers, one fsync. What waits while a commit is under way goes into the next one together.

use std::sync::Arc;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

use crate::state::{Fact, StateError, Store};

/// Most writes that share a transaction: bounds how much a failed one takes with it.
const MOST: usize = 512;

struct Waiting {
    facts: Vec<Fact>,
    done: oneshot::Sender<Result<(), Arc<StateError>>>,
}

/// A task that owns the writing end of a state. Ends when this is dropped.
#[derive(Debug)]
pub struct GroupCommit {
    queue: UnboundedSender<Waiting>,
}

impl GroupCommit {
    /// Starts the task.
    pub fn start(store: Arc<dyn Store>) -> Self {
        let (queue, waiting) = unbounded_channel();
        tokio::spawn(serve(store, waiting));
        Self { queue }
    }

    /// Makes facts durable together with whatever else waits; returns when they are, or with the error that undid all of them.
    pub async fn write(&self, facts: Vec<Fact>) -> Result<(), Arc<StateError>> {
        let (done, answer) = oneshot::channel();
        let sent = self.queue.send(Waiting { facts, done });
        match sent {
            Ok(()) => answer.await.unwrap_or_else(|_| Err(Arc::new(StateError::Stopped))),
            Err(_) => Err(Arc::new(StateError::Stopped)),
        }
    }
}

async fn serve(store: Arc<dyn Store>, mut waiting: UnboundedReceiver<Waiting>) {
    let mut batch = Vec::new();
    while waiting.recv_many(&mut batch, MOST).await > 0 {
        let (facts, answers): (Vec<_>, Vec<_>) = batch.drain(..).map(|waiting| (waiting.facts, waiting.done)).unzip();
        let result = store.commit(facts.into_iter().flatten().collect()).await.map_err(Arc::new);
        for answer in answers {
            // Whoever asked may be gone; the write is durable all the same.
            let _ = answer.send(result.clone());
        }
    }
}
