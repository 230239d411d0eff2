//! PostgreSQL's roles: connections, and what the account may do there.
//!
//! Must never: use a connection behind another fence than the one that gave leave.

mod read;
mod rights;
mod statements;
mod write;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::timeout;
use tokio_postgres::{SimpleQueryMessage, SimpleQueryRow};

use crate::fence::Fence;
use crate::model::SystemError;
use crate::postgres::{PostgresError, PostgresServer, PostgresSession};
use crate::secret::SecretString;

/// A lock that somebody holds is waited for so long.
const LOCK: Duration = Duration::from_secs(10);

/// A server.
#[derive(Debug)]
pub(super) struct Postgres {
    pub(super) way: PostgresServer,
    pub(super) protected: Vec<String>,
    pub(super) initial_password: Option<SecretString>,
    pub(super) deadline: Duration,
    pub(super) sessions: Sessions,
}

/// What is open; each is used by one at a time.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    reading: Mutex<Option<PostgresSession>>,
    writing: Mutex<Option<PostgresSession>>,
}

/// Rows of one answer.
type Rows = Vec<SimpleQueryRow>;

impl Postgres {
    /// Asks something that changes nothing: all of it in one transaction that may only read, and at one moment.
    async fn ask(&self, statements: &str) -> Result<Rows, SystemError> {
        let mut held = self.sessions.reading.lock().await;
        // One that was idle may have been closed meanwhile; then a fresh one is asked.
        let kept = held.take().filter(|session| !session.client.is_closed());
        let may_try_again = kept.is_some();
        let session = match kept {
            Some(session) => session,
            None => self.way.connect(&Fence::open()).await?,
        };
        let text = format!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {} {statements}; COMMIT", self.limits());
        match self.answered(&session, &text).await {
            Ok(rows) => {
                *held = Some(session);
                Ok(rows)
            }
            Err(error) if may_try_again && error.is_lost() => {
                let session = self.way.connect(&Fence::open()).await?;
                let rows = self.answered(&session, &text).await?;
                *held = Some(session);
                Ok(rows)
            }
            // A transaction that failed goes with its connection.
            Err(error) => Err(error.into()),
        }
    }

    /// One string of statements, as one message and one transaction.
    async fn answered(&self, session: &PostgresSession, text: &str) -> Result<Rows, PostgresError> {
        let answer = timeout(self.deadline + LOCK, session.client.simple_query(text)).await;
        let messages = answer.map_err(|_| PostgresError::Late)??;
        let rows = messages.into_iter().filter_map(|message| if let SimpleQueryMessage::Row(row) = message { Some(row) } else { None });
        Ok(rows.collect())
    }

    /// How long each statement may take; it holds as long as the transaction.
    fn limits(&self) -> String {
        format!("SET LOCAL statement_timeout = {}; SET LOCAL lock_timeout = {};", self.deadline.as_millis(), LOCK.as_millis())
    }
}

/// A column of a row as text; none where it is null or not there.
fn cell(row: &SimpleQueryRow, at: usize) -> Option<&str> {
    row.try_get(at).ok().flatten()
}

/// Whether a column says yes.
fn yes(row: &SimpleQueryRow, at: usize) -> bool {
    cell(row, at) == Some("t")
}

fn id(text: Option<&str>) -> Result<Arc<str>, SystemError> {
    text.map(Arc::from).ok_or_else(|| SystemError::Protocol("a role came without its number".into()))
}
