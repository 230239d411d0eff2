//! A whole state at once: out into a file, and in from one.
//!
//! Must never: put one in the place of another while a run may write to that.

use std::path::PathBuf;
use std::time::Duration;

use super::copy::{self, CopyError};
use super::lease;
use super::line::{is_lost, roll_back};
use super::worker::{WRITE, Worker};
use crate::fence::Tenure;
use crate::state::StateError;

/// A state of ten million people is copied sooner.
const COPY: Duration = Duration::from_secs(3600);

impl Worker {
    /// A copy of the state as it is now, in one file. Nothing may stand there.
    pub(super) async fn copy_to(&mut self, file: PathBuf) -> Result<(), StateError> {
        let begin = self.line.begin("ISOLATION LEVEL REPEATABLE READ READ ONLY", COPY);
        let session = self.line.take().await?;
        session.client.batch_execute(&begin).await.map_err(|error| self.place.told(error))?;
        let copied = copy::write(&session.client, &self.place, &file).await;
        if roll_back(&session.client).await {
            self.line.give_back(session);
        }
        copied.map_err(|error| self.copy_error(error))
    }

    /// Puts a file's rows in the place of all that stands there, under the lock that is held.
    pub(super) async fn put(&mut self, file: PathBuf) -> Result<(), StateError> {
        let lost = |why: String| StateError::LostLock { path: self.place.shown(), why };
        let Some(held) = &self.held else { return Err(lost("it is not held".to_owned())) };
        if let Some(why) = held.lease.lost() {
            return Err(lost(why));
        }
        let fence = self.of_ours(lease::FENCE).text(&held.run).number(held.epoch);
        let write = self.of_ours(WRITE);
        let begin = self.line.begin("", COPY);
        let session = self.line.take().await?;
        let client = &session.client;
        let put = async {
            client.batch_execute(&begin).await?;
            if fence.rows(client).await?.is_empty() {
                return Err(CopyError::State(lost("another run took it over".to_owned())));
            }
            write.rows(client).await?;
            copy::read(client, &self.place, file).await?;
            Ok(client.batch_execute("COMMIT").await?)
        };
        let put = put.await;
        match &put {
            Err(CopyError::Server(error)) if is_lost(error) => {}
            Err(_) if !roll_back(client).await => {}
            _ => self.line.give_back(session),
        }
        put.map_err(|error| self.copy_error(error))
    }

    fn copy_error(&self, error: CopyError) -> StateError {
        match error {
            CopyError::Server(error) => self.place.told(error),
            CopyError::State(error) => error,
        }
    }
}
