//! MariaDB's accounts and roles. MySQL's roles are kept in other tables and are not spoken to.
//!
//! Must never: make an account that anybody may use without a password.

mod read;
mod rights;
mod sessions;
mod write;

use std::time::Duration;

use mysql_async::Row;
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::fence::Fence;
use crate::model::SystemError;
use crate::mysql::{MysqlError, MysqlServer, MysqlSession};
use crate::secret::SecretString;

/// A server.
#[derive(Debug)]
pub(super) struct MariaDb {
    pub(super) way: MysqlServer,
    pub(super) protected: Vec<String>,
    pub(super) initial_password: Option<SecretString>,
    /// from where accounts sign in
    pub(super) host: String,
    pub(super) deadline: Duration,
    pub(super) sessions: Sessions,
}

/// What is open; each is used by one at a time.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    reading: Mutex<Option<MysqlSession>>,
    writing: Mutex<Option<MysqlSession>>,
}

impl MariaDb {
    /// Asks something that changes nothing.
    async fn ask(&self, statement: &str) -> Result<Vec<Row>, SystemError> {
        let mut held = self.sessions.reading.lock().await;
        // One that was idle may have been closed meanwhile; then a fresh one is asked.
        if let Some(mut session) = held.take().filter(MysqlSession::is_usable) {
            match self.answered(&mut session, statement).await {
                Ok(rows) => {
                    *held = Some(session);
                    return Ok(rows);
                }
                Err(error) if !error.is_lost() => return Err(error.into()),
                Err(_) => {}
            }
        }
        let mut session = self.open(&Fence::open()).await?;
        let rows = self.answered(&mut session, statement).await?;
        *held = Some(session);
        Ok(rows)
    }

    /// What became of a connection that nobody used shows only once it is used.
    async fn answered(&self, session: &mut MysqlSession, statement: &str) -> Result<Vec<Row>, MysqlError> {
        timeout(self.deadline, session.read(statement, ())).await.unwrap_or(Err(MysqlError::Late))
    }

    async fn open(&self, fence: &Fence) -> Result<MysqlSession, SystemError> {
        let mut session = self.way.connect(fence).await?;
        session.read(&format!("SET SESSION max_statement_time = {}", self.deadline.as_secs().max(1)), ()).await?;
        Ok(session)
    }
}

/// A column of a row as text; none where it is null or not there.
fn cell(row: &Row, at: usize) -> Option<String> {
    row.get_opt::<Option<String>, _>(at)?.ok().flatten()
}
