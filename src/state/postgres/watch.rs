//! Who is revoked at this very moment, asked over a connection of its own: one number says whether anybody changed anything since, and only then the keys come along.
//! A message from the server would not do: it may be on its way still when the commit that it tells of has returned.
//!
//! Must never: answer with what was read before the question came.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio_postgres::{Error, Row};

use super::line::Line;
use super::statement::Statement;
use crate::state::{StateError, StoreAnswer, Watch};

type Keys = Arc<BTreeSet<Arc<str>>>;
type Asker = oneshot::Sender<Result<Keys, StateError>>;

const CHANGED: &str = "SELECT w.revocations, CASE WHEN w.revocations <> $2 THEN ARRAY (SELECT key FROM revocations WHERE workspace = $1 \
    UNION SELECT key FROM revoked_as WHERE workspace = $1) END FROM workspaces w WHERE id = $1";

/// Watches one workspace.
pub(super) struct TableWatch {
    ask: UnboundedSender<Asker>,
}

impl TableWatch {
    /// Begins to watch, on a task of its own.
    pub(super) fn start(line: Line) -> Self {
        let (ask, asked) = unbounded_channel();
        tokio::spawn(answer(line, asked));
        Self { ask }
    }
}

impl Watch for TableWatch {
    fn revoked(&self) -> StoreAnswer<'_, Keys> {
        let (tell, told) = oneshot::channel();
        // Where the task is gone the answer says so.
        drop(self.ask.send(tell));
        Box::pin(async move { told.await.unwrap_or(Err(StateError::Stopped)) })
    }
}

/// Everybody who asked by now gets one answer; whoever asks while it is on its way gets the next one.
async fn answer(mut line: Line, mut asked: UnboundedReceiver<Asker>) {
    let mut known = (-1, Keys::default());
    let mut askers = Vec::new();
    while asked.recv_many(&mut askers, usize::MAX).await > 0 {
        let read = look(&mut line, &mut known).await;
        for asker in askers.drain(..) {
            let told = match &read {
                Ok(keys) => Ok(keys.clone()),
                Err(StateError::Unreachable { path, why, hint }) => {
                    Err(StateError::Unreachable { path: path.clone(), why: why.clone(), hint })
                }
                Err(_) => Err(StateError::Stopped),
            };
            // Whoever asked may be gone.
            drop(asker.send(told));
        }
    }
}

async fn look(line: &mut Line, known: &mut (i64, Keys)) -> Result<Keys, StateError> {
    let changed = Statement::new(CHANGED, line.place().workspace()).number(known.0);
    let rows = line.ask(&changed).await?;
    let told = |error: Error| line.place().told(error);
    let (version, keys) =
        rows.first().map(news).transpose().map_err(told)?.ok_or_else(|| StateError::Missing { path: line.place().shown() })?;
    if let Some(keys) = keys {
        *known = (version, keys);
    }
    Ok(known.1.clone())
}

fn news(row: &Row) -> Result<(i64, Option<Keys>), Error> {
    let keys: Option<Vec<&str>> = row.try_get(1)?;
    Ok((row.try_get(0)?, keys.map(|keys| Arc::new(keys.into_iter().map(Arc::from).collect()))))
}
