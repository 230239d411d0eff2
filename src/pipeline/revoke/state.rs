//! The state that a revocation writes to: the kept one as long as it can be used, and a passing one from then on.
//!
//! Must never: keep somebody from being cut off because that can't be remembered.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crate::pipeline::news::{Hear, News};
use crate::state::{StateError, Store};

/// The state as long as it can be written, and a passing one from then on: being cut off comes before being remembered.
pub struct State {
    store: Mutex<Arc<Store>>,
    workspace: Arc<str>,
    lost: Mutex<Option<String>>,
}

impl State {
    /// The state at a path, or a passing one in its place where it can't be used: that is told.
    pub fn open(path: &Path, workspace: &Arc<str>, hear: &dyn Hear) -> Result<Self, StateError> {
        let (store, error) = match Store::open(path, workspace) {
            Ok(store) => (store, None),
            Err(error) => (Store::passing(path, workspace, !matches!(error, StateError::OtherWorkspace { .. }))?, Some(error)),
        };
        error.iter().for_each(|error| hear.hear(News::StateLost(error)));
        Ok(Self::of(store, workspace, error.as_ref()))
    }

    /// None is kept: what there is tells what it knows.
    pub fn passing(path: &Path, workspace: &Arc<str>) -> Result<Self, StateError> {
        Ok(Self::of(Store::passing(path, workspace, true)?, workspace, None))
    }

    /// It opens and can't be read: another one in its place.
    pub(super) fn unread(&self, error: &StateError, hear: &dyn Hear) -> Result<Self, StateError> {
        hear.hear(News::StateLost(error));
        Ok(Self::of(Store::passing(self.store().path(), &self.workspace, true)?, &self.workspace, Some(error)))
    }

    fn of(store: Store, workspace: &Arc<str>, error: Option<&StateError>) -> Self {
        let lost = Mutex::new(error.map(ToString::to_string));
        Self { store: Mutex::new(Arc::new(store)), workspace: workspace.clone(), lost }
    }

    /// What is written to now.
    pub fn store(&self) -> Arc<Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Why the state could not be used, if it could not.
    pub fn lost(&self) -> Option<String> {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// It can't be written any more. Says whether there is another one now, which goes with the process.
    pub(super) fn give_up(&self, failed: &Arc<Store>, error: &StateError) -> bool {
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        if !Arc::ptr_eq(&store, failed) {
            return true;
        }
        let Some(passing) = failed.is_kept().then(|| Store::passing(failed.path(), &self.workspace, true).ok()).flatten() else {
            return false;
        };
        *store = Arc::new(passing);
        self.lost.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| error.to_string());
        true
    }
}
