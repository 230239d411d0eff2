//! What waits for a system: the machine's clock, or one that skips what would be waited for, so that recorded exchanges are over at once.
//!
//! Must never: skip a wait while a real system is asked.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{self, Instant};

/// A clock. A copy is the same.
#[derive(Clone, Debug, Default)]
pub struct WaitClock(Option<Arc<Mutex<Duration>>>);

impl WaitClock {
    /// One that nobody waits for.
    pub fn skipping() -> Self {
        Self(Some(Arc::default()))
    }

    /// What it skipped so far.
    pub fn skipped(&self) -> Duration {
        self.0.as_ref().map_or(Duration::ZERO, |skipped| *held(skipped))
    }

    /// What it is.
    pub fn now(&self) -> Instant {
        let now = Instant::now();
        now.checked_add(self.skipped()).unwrap_or(now)
    }

    /// Waits for so long.
    pub async fn sleep(&self, pause: Duration) {
        match &self.0 {
            None => time::sleep(pause).await,
            Some(skipped) => {
                let mut skipped = held(skipped);
                *skipped = skipped.saturating_add(pause);
            }
        }
    }

    /// Waits until then.
    pub async fn sleep_until(&self, until: Instant) {
        self.sleep(until.saturating_duration_since(self.now())).await;
    }
}

fn held(skipped: &Mutex<Duration>) -> MutexGuard<'_, Duration> {
    skipped.lock().unwrap_or_else(PoisonError::into_inner)
}
