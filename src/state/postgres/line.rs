//! One connection, opened when it is needed and again when it was lost, and transactions on it.
//!
//! Must never: wait for a server without an end, or leave a transaction open behind it.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, join3};
use tokio::time::timeout;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error, Row};

use super::connect::{NETWORK, PostgresPlace};
use super::read::{ReadError, Reader};
use super::statement::Statement;
use crate::postgres::PostgresSession;
use crate::state::StateError;

/// A state of ten million people is read sooner.
const READ: Duration = Duration::from_secs(600);
/// What is small is answered sooner.
const SMALL: Duration = Duration::from_secs(20);

/// A connection of its own, or none yet.
#[derive(Debug)]
pub(super) struct Line {
    place: Arc<PostgresPlace>,
    session: Option<PostgresSession>,
}

impl Line {
    /// Opened when it is needed.
    pub(super) fn new(place: Arc<PostgresPlace>) -> Self {
        Self { place, session: None }
    }

    pub(super) fn place(&self) -> &PostgresPlace {
        &self.place
    }

    /// The connection, which whoever takes it gives back when it is as it was.
    pub(super) async fn take(&mut self) -> Result<PostgresSession, StateError> {
        match self.session.take().filter(|session| !session.client.is_closed()) {
            Some(session) => Ok(session),
            None => self.place.connect().await,
        }
    }

    pub(super) fn give_back(&mut self, session: PostgresSession) {
        self.session = Some(session);
    }

    /// How a transaction begins: nothing of it stays at the connection, which may be another one behind a pooler each time. A commit is durable whatever the server's
    /// default is, and whoever falls silent within one is not waited for.
    pub(super) fn begin(&self, kind: &str, statement: Duration) -> String {
        let (schema, limit) = (self.place.schema(), statement.as_millis());
        format!(
            "BEGIN {kind}; SET LOCAL search_path = {schema}, pg_temp; SET LOCAL statement_timeout = {limit}; SET LOCAL lock_timeout = 10000; \
             SET LOCAL idle_in_transaction_session_timeout = 5000; \
             SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') IN ('off', 'local')"
        )
    }

    /// Reads in one consistent view.
    pub(super) async fn read<T>(
        &mut self,
        read: impl for<'r> Fn(&'r Reader<'r>) -> BoxFuture<'r, Result<T, ReadError>>,
    ) -> Result<T, StateError> {
        let begin = self.begin("ISOLATION LEVEL REPEATABLE READ READ ONLY", READ);
        let mut again = true;
        loop {
            let session = self.take().await?;
            let reader = Reader { client: &session.client, workspace: self.place.workspace() };
            let reading = async {
                session.client.batch_execute(&begin).await?;
                let read = read(&reader).await;
                session.client.batch_execute("COMMIT").await?;
                read
            };
            match timeout(READ, reading).await {
                Ok(Ok(read)) => {
                    self.give_back(session);
                    return Ok(read);
                }
                Ok(Err(ReadError::Server(error))) if is_lost(&error) && again => again = false,
                Ok(Err(ReadError::Server(error))) => return Err(self.place.told(error)),
                Ok(Err(ReadError::Row(why))) => {
                    return Err(self.place.unreachable(why, "put a copy back in its place: headcount state push"));
                }
                Err(_) => return Err(self.place.unreachable("it did not answer in time".to_owned(), NETWORK)),
            }
        }
    }

    /// One small statement, in a transaction of its own. Done twice it must come to the same: where an answer got lost it is asked again.
    pub(super) async fn ask(&mut self, statement: &Statement) -> Result<Vec<Row>, StateError> {
        let begin = self.begin("", SMALL);
        let mut again = true;
        loop {
            let session = self.take().await?;
            let asked =
                join3(session.client.batch_execute(&begin), statement.rows(&session.client), session.client.batch_execute("COMMIT"));
            match timeout(SMALL, asked).await {
                Ok((Ok(()), Ok(rows), Ok(()))) => {
                    self.give_back(session);
                    return Ok(rows);
                }
                Ok((begun, asked, ended)) => {
                    let Some(error) = begun.err().or(asked.err()).or(ended.err()) else { continue };
                    if !is_lost(&error) || !again {
                        return Err(self.place.told(error));
                    }
                    again = false;
                }
                Err(_) => return Err(self.place.unreachable("it did not answer in time".to_owned(), NETWORK)),
            }
        }
    }
}

/// Whether the connection is gone, or the server is going: what was under way may have arrived or not.
pub(super) fn is_lost(error: &Error) -> bool {
    match error.code() {
        None => true,
        Some(code) => {
            [SqlState::ADMIN_SHUTDOWN, SqlState::CRASH_SHUTDOWN, SqlState::CANNOT_CONNECT_NOW, SqlState::READ_ONLY_SQL_TRANSACTION]
                .contains(code)
                || code.code().starts_with("08")
                || code.code() == "25P03"
        }
    }
}

/// Ends a transaction that did not come to its end; whether that worked says whether the connection can be used again.
pub(super) async fn roll_back(client: &Client) -> bool {
    matches!(timeout(SMALL, client.batch_execute("ROLLBACK")).await, Ok(Ok(())))
}
