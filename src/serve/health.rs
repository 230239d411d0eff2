//! Whether the loop lives, and whether this process may be asked: heartbeats that it gives, and what is made of them.
//!
//! Must never: take a clock that was set for a loop that stands still, or a replica that only waits for its turn for one that is not ready.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A loop that has not turned for so long stands still.
const STILL: Duration = Duration::from_secs(60);
/// Opening the state, with everything that it brings up to date, takes no longer.
const BEGINNING: Duration = Duration::from_secs(600);

/// The heart of one process. A copy is the same.
#[derive(Clone, Debug)]
pub struct Health(Arc<Mutex<Signs>>);

#[derive(Clone, Copy, Debug)]
struct Signs {
    began: Instant,
    turned: Option<Instant>,
    has_manifests: bool,
    /// none: it was not asked yet
    state_answers: Option<bool>,
}

impl Health {
    /// Of a process that begins now.
    pub fn new(now: Instant) -> Self {
        Self(Arc::new(Mutex::new(Signs { began: now, turned: None, has_manifests: false, state_answers: None })))
    }

    /// The loop turned, with or without something to do.
    pub fn turned(&self, now: Instant) {
        self.signs().turned = Some(now);
    }

    /// Manifests were loaded, and are good.
    pub fn loaded(&self) {
        self.signs().has_manifests = true;
    }

    /// The state answered, or did not.
    pub fn state(&self, answers: bool) {
        self.signs().state_answers = Some(answers);
    }

    /// Whether the loop lives; else why not.
    pub fn lives(&self, now: Instant) -> Result<(), String> {
        let signs = *self.signs();
        let (since, most) = signs.turned.map_or((signs.began, BEGINNING), |turned| (turned, STILL));
        let still = now.saturating_duration_since(since);
        if still <= most {
            return Ok(());
        }
        Err(match signs.turned {
            Some(_) => format!("the loop has not turned for {} seconds", still.as_secs()),
            None => format!("the loop has not begun in {} seconds", still.as_secs()),
        })
    }

    /// Whether this process may be asked; else what is missing.
    pub fn is_ready(&self) -> Result<(), String> {
        let signs = *self.signs();
        match (signs.state_answers, signs.has_manifests) {
            (None, _) => Err("the state is not open yet".into()),
            (Some(false), _) => Err("the state does not answer".into()),
            (Some(true), false) => Err("no manifests were loaded yet".into()),
            (Some(true), true) => Ok(()),
        }
    }

    fn signs(&self) -> MutexGuard<'_, Signs> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
