//! The lock of a run where it does not go with its process: held for as long as signs of life arrive, wherever they are written down.
//!
//! No two clocks are compared: whoever waits counts by its own how long the lock stays as it is, and its holder stops by its own before anybody may take it.
//! Must never: say that it is held when it may not be, or be held again once it was lost.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use super::LeaseTerms;
use super::clock::{ClockReading, LeaseClock};
use super::lock::Kept;
use crate::fence::Tenure;

/// By which clock a lock is kept, and for how long.
#[derive(Clone, Debug)]
pub(super) struct LeaseTime {
    pub(super) clock: Arc<dyn LeaseClock>,
    pub(super) terms: LeaseTerms,
}

/// The lock, held: asked before everything that is sent.
#[derive(Debug)]
pub(super) struct Lease {
    time: LeaseTime,
    epoch: Option<u64>,
    /// when the last sign of life that arrived was sent
    sent: Mutex<ClockReading>,
    lost: Mutex<Option<String>>,
    gone: AtomicBool,
    stop: Notify,
}

impl Tenure for Lease {
    fn lost(&self) -> Option<String> {
        if let Some(why) = self.taken_away() {
            return Some(why);
        }
        let sent = *self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        let valid = self.time.terms.valid;
        let over = self.time.clock.now().at_most_since(&sent) >= valid;
        over.then(|| format!("no sign of life of this run arrived for {} s, so another one may have begun", valid.as_secs_f64()))
    }
}

impl Kept for Lease {
    fn let_go(&self) {
        self.gone.store(true, Ordering::Release);
        self.stop.notify_one();
    }

    fn epoch(&self) -> Option<u64> {
        self.epoch
    }
}

impl Lease {
    /// It was taken by what was sent at that moment. `epoch`: which holder this is, where they are counted.
    pub(super) fn taken(time: &LeaseTime, sent: ClockReading, epoch: Option<u64>) -> Arc<Self> {
        let (time, sent) = (time.clone(), Mutex::new(sent));
        Arc::new(Self { time, epoch, sent, lost: Mutex::default(), gone: AtomicBool::new(false), stop: Notify::new() })
    }

    /// What it is held by.
    pub(super) fn time(&self) -> &LeaseTime {
        &self.time
    }

    /// Why it is known to be somebody else's, if it is.
    pub(super) fn taken_away(&self) -> Option<String> {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// It is somebody else's.
    pub(super) fn lose(&self, why: String) {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(why);
    }

    /// A sign of life arrived that was sent at that moment.
    pub(super) fn renew(&self, sent: ClockReading) {
        *self.sent.lock().unwrap_or_else(PoisonError::into_inner) = sent;
    }

    /// Whether its holder let it go.
    pub(super) fn is_let_go(&self) -> bool {
        self.gone.load(Ordering::Acquire)
    }

    /// Waits until there are to be no more signs of life.
    pub(super) async fn stopped(&self) {
        self.stop.notified().await;
    }
}
