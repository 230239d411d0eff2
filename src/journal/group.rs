//! Group commit: many writers, one fsync. What waits while a commit is under way goes into the next one together.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::state::{StateError, Store};

/// Most writes that share a transaction: bounds how much a failed one takes with it.
const MOST: usize = 512;

type Write = Box<dyn FnOnce(&Connection) -> rusqlite::Result<()> + Send>;

struct Waiting {
    write: Write,
    done: oneshot::Sender<Result<(), Arc<StateError>>>,
}

/// A thread that owns the writing end of a state. Ends when it is dropped.
#[derive(Debug)]
pub struct GroupCommit {
    queue: Sender<Waiting>,
}

impl GroupCommit {
    /// Starts the thread.
    pub fn start(store: Arc<Store>) -> std::io::Result<Self> {
        let (queue, waiting) = channel();
        std::thread::Builder::new().name("journal".into()).spawn(move || serve(&store, &waiting))?;
        Ok(Self { queue })
    }

    /// Makes a write durable together with whatever else waits; returns when it is, or with the error that undid all of them.
    pub async fn write(&self, write: impl FnOnce(&Connection) -> rusqlite::Result<()> + Send + 'static) -> Result<(), Arc<StateError>> {
        let (done, answer) = oneshot::channel();
        let sent = self.queue.send(Waiting { write: Box::new(write), done });
        match sent {
            Ok(()) => answer.await.unwrap_or_else(|_| Err(Arc::new(StateError::Stopped))),
            Err(_) => Err(Arc::new(StateError::Stopped)),
        }
    }
}

fn serve(store: &Store, waiting: &Receiver<Waiting>) {
    while let Ok(first) = waiting.recv() {
        let batch: Vec<_> = std::iter::once(first).chain(waiting.try_iter().take(MOST - 1)).collect();
        let (writes, answers): (Vec<_>, Vec<_>) = batch.into_iter().map(|waiting| (waiting.write, waiting.done)).unzip();
        let result = store.write(|transaction| writes.into_iter().try_for_each(|write| write(transaction))).map_err(Arc::new);
        for answer in answers {
            // Whoever asked may be gone; the write is durable all the same.
            let _ = answer.send(result.clone());
        }
    }
}
