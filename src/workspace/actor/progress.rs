//! How far a run is.
//!
//! Must never: hold the work up.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::model::Plan;
use crate::pipeline::{Hear, News};
use crate::workspace::told::Observer;

/// Passes on what happens, and counts what a run did.
pub(super) struct Running {
    observer: Arc<dyn Observer>,
    /// all of a run, and what of it is done
    by_target: Mutex<BTreeMap<Arc<str>, (u64, u64)>>,
}

impl Running {
    /// For whoever observes.
    pub fn new(observer: Arc<dyn Observer>) -> Self {
        Self { observer, by_target: Mutex::default() }
    }

    /// A run begins.
    pub fn begin(&self, plan: &Plan) {
        let mut counts = BTreeMap::new();
        for change in plan.changes.iter().filter(|change| change.runs()) {
            counts.entry(change.target.clone()).or_insert((0, 0)).0 += 1;
        }
        *self.by_target.lock().unwrap_or_else(PoisonError::into_inner) = counts;
    }

    /// It is over.
    pub fn end(&self) {
        self.by_target.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Of each target how many changes, and how many are done.
    pub fn now(&self) -> BTreeMap<Arc<str>, (u64, u64)> {
        self.by_target.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Hear for Running {
    fn hear(&self, news: News<'_>) {
        if let News::Finished { change, .. } = news
            && let Some(count) = self.by_target.lock().unwrap_or_else(PoisonError::into_inner).get_mut(&change.target)
        {
            count.1 += 1;
        }
        self.observer.hear(news);
    }
}

impl Observer for Running {}
