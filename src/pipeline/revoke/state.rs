//! The state that a revocation writes to: the kept one as long as it can be used, and a passing one from then on.
//!
//! Must never: keep somebody from being cut off because that can't be remembered.

use std::sync::{Arc, Mutex, PoisonError};

use crate::pipeline::news::{Hear, News};
use crate::state::{self, StateError, StatePlace, Store};

/// The state as long as it can be written, and a passing one from then on: being cut off comes before being remembered.
pub struct State {
    store: Mutex<Arc<dyn Store>>,
    place: StatePlace,
    workspace: Arc<str>,
    lost: Mutex<Option<String>>,
}

impl State {
    /// The state at its place, or a passing one where it can't be used: that is told.
    pub async fn open(place: impl Into<StatePlace>, workspace: &Arc<str>, hear: &dyn Hear) -> Result<Self, StateError> {
        let place = place.into();
        let error = match state::open(&place, workspace).await {
            Ok(store) => return Ok(Self::of(store, place, workspace, None)),
            Err(error) => error,
        };
        let store = state::passing(&place, workspace, !matches!(error, StateError::OtherWorkspace { .. })).await?;
        hear.hear(News::StateLost(&error));
        Ok(Self::of(store, place, workspace, Some(&error)))
    }

    /// None is kept: what there is tells what it knows.
    pub async fn passing(place: impl Into<StatePlace>, workspace: &Arc<str>) -> Result<Self, StateError> {
        let place = place.into();
        Ok(Self::of(state::passing(&place, workspace, true).await?, place, workspace, None))
    }

    /// One that is open already.
    pub fn kept(store: Arc<dyn Store>, place: impl Into<StatePlace>, workspace: &Arc<str>) -> Self {
        Self::of(store, place.into(), workspace, None)
    }

    /// It opens and can't be read: another one in its place.
    pub(super) async fn unread(&self, error: &StateError, hear: &dyn Hear) -> Result<Self, StateError> {
        hear.hear(News::StateLost(error));
        let store = state::passing(&self.place, &self.workspace, true).await?;
        Ok(Self::of(store, self.place.clone(), &self.workspace, Some(error)))
    }

    fn of(store: Arc<dyn Store>, place: StatePlace, workspace: &Arc<str>, error: Option<&StateError>) -> Self {
        let lost = Mutex::new(error.map(ToString::to_string));
        Self { store: Mutex::new(store), place, workspace: workspace.clone(), lost }
    }

    /// What is written to now.
    pub fn store(&self) -> Arc<dyn Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Why the state could not be used, if it could not.
    pub fn lost(&self) -> Option<String> {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// It can't be written any more. Says whether there is another one now, which goes with the process.
    pub(super) async fn give_up(&self, failed: &Arc<dyn Store>, error: &StateError) -> bool {
        if !Arc::ptr_eq(&self.store(), failed) {
            return true;
        }
        if !failed.is_kept() {
            return false;
        }
        let Ok(passing) = state::passing(&self.place, &self.workspace, true).await else { return false };
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        // Several targets may find out at once: one passing state serves all of them.
        if Arc::ptr_eq(&store, failed) {
            *store = passing;
            self.lost.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| error.to_string());
        }
        true
    }
}
