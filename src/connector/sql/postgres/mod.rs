//! Tables of a PostgreSQL database. Statements have no names at the server, and what is set is set for a transaction, so that they go through whatever pools
//! connections in front of it. Values go as text, and the server takes each for what its column is.
//!
//! Must never: let row-level security hide rows in silence, wait without an end, or call something done whose COMMIT nobody confirmed.

pub(super) mod catalog;
mod told;

use std::cell::Cell;
use std::error::Error as StdError;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{BufMut, BytesMut};
use futures_util::{StreamExt, TryStreamExt};
use tokio::runtime::Handle;
use tokio::time::timeout;
use tokio_postgres::Row;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{Format, IsNull, ToSql, Type, to_sql_checked};

use super::dialect::Dialect;
use super::log;
use super::session::{Answered, Each, Line, Mode, Session, Sql, SqlRef, writes};
use crate::fence::Fence;
use crate::model::SystemError;
use crate::postgres::{PostgresServer, PostgresSession};

/// Rows that are taken at once, where so many are there.
const CHUNK: usize = 256;

/// A database, and how it is used.
#[derive(Clone, Debug)]
pub(super) struct PostgresTables {
    pub(super) server: PostgresServer,
    /// what messages call it
    pub(super) name: Arc<str>,
    /// the Source's or Target's name, for the log
    pub(super) system: Arc<str>,
    pub(super) schema: Arc<str>,
    pub(super) timeout: Duration,
    pub(super) lock_timeout: Duration,
}

/// A connection.
struct OpenPostgres {
    tables: PostgresTables,
    session: PostgresSession,
    runtime: Handle,
    /// a transaction was begun and has not ended
    open: Cell<bool>,
    /// in which nothing can be written
    reads: Cell<bool>,
    /// a statement of it was refused, and so all until it is undone
    failed: Cell<bool>,
    /// an answer was left behind
    broken: Cell<bool>,
    /// what was asked last may have been done or not
    lost: Cell<bool>,
}

impl PostgresTables {
    /// A connection that writes nothing any more once the fence is closed.
    pub(super) fn connect(&self, fence: &Fence) -> Result<Box<dyn Session>, SystemError> {
        let runtime = Handle::current();
        let session = runtime.block_on(self.server.connect(fence));
        let session = session.map_err(|error| SystemError::from(error).map_words(|words| format!("{}: {words}", self.name)))?;
        let (open, reads, failed, broken, lost) = Default::default();
        Ok(Box::new(OpenPostgres { tables: self.clone(), session, runtime, open, reads, failed, broken, lost }))
    }

    /// What holds for a transaction.
    fn begins(&self, mode: Mode) -> String {
        let (lock, statement) = (self.lock_timeout.as_millis(), self.timeout.as_millis());
        let all = format!(
            "SET LOCAL lock_timeout = {lock}; SET LOCAL row_security = off; SET LOCAL datestyle = 'ISO'; SET LOCAL timezone = 'UTC'; \
             SET LOCAL extra_float_digits = 1"
        );
        match mode {
            // A long list may take its time, as long as something comes; a query of somebody's own finds its tables.
            Mode::Snapshot => format!(
                "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; {all}; SET LOCAL statement_timeout = 0; SET LOCAL search_path = {}, pg_temp",
                Dialect::Postgres.quoted(&self.schema)
            ),
            Mode::Write => format!("BEGIN ISOLATION LEVEL READ COMMITTED; {all}; SET LOCAL statement_timeout = {statement}"),
        }
    }
}

impl OpenPostgres {
    /// Waits for an answer, and no longer than one may take.
    fn wait<T>(&self, answer: impl Future<Output = Result<T, tokio_postgres::Error>>) -> Result<T, SystemError> {
        // The server gives up by itself first, and says why.
        let most = self.tables.timeout + self.tables.lock_timeout;
        match self.runtime.block_on(async { timeout(most, answer).await }) {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(self.refused(error)),
            Err(_) => {
                self.broken.set(true);
                self.lost.set(true);
                Err(SystemError::Unavailable(format!("{}: no answer came within {} s; see `timeout`", self.tables.name, most.as_secs())))
            }
        }
    }

    /// A statement was refused, at once or behind some of its rows: what comes after it is refused until it is undone.
    fn refused(&self, error: tokio_postgres::Error) -> SystemError {
        self.failed.set(true);
        // Words of the server's own say that it is not done; but not those with which it goes.
        let code = error.code().map(|code| code.code().to_owned());
        self.lost.set(code.is_none_or(|code| code.starts_with("08") || code.starts_with("57P")));
        self.told(error)
    }

    fn told(&self, error: tokio_postgres::Error) -> SystemError {
        if let Some(said) = error.as_db_error().filter(|said| self.reads.get() && *said.code() == SqlState::READ_ONLY_SQL_TRANSACTION) {
            return writes(said.message()).map_words(|words| format!("{}: {words}", self.tables.name));
        }
        let error = self.session.gate.refused().map_or_else(|| told::of(error), |why| SystemError::NotSent(why.to_owned()));
        error.map_words(|words| format!("{}: {words}", self.tables.name))
    }

    fn command(&self, statement: &str) -> Result<(), SystemError> {
        self.wait(self.session.client.batch_execute(statement))
    }

    fn took(&self, sql: &str, since: Instant) {
        log::statement_took(&self.tables.system, sql, since.elapsed());
    }
}

/// Values with types that the server finds out.
fn parameters(values: &[Sql]) -> impl Iterator<Item = (&(dyn ToSql + Sync), Type)> {
    values.iter().map(|value| (value as &(dyn ToSql + Sync), Type::UNKNOWN))
}

impl Session for OpenPostgres {
    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    fn schema(&self) -> &str {
        &self.tables.schema
    }

    fn only_reads(&self) -> Result<Option<String>, SystemError> {
        catalog::only_reads(self)
    }

    fn replaced(&self) -> Result<Vec<String>, SystemError> {
        catalog::replaced(self)
    }

    fn query(&self, sql: &str, values: &[Sql], each: Each<'_>) -> Result<(), SystemError> {
        let (began, (placed, _)) = (Instant::now(), Dialect::Postgres.placed(sql, values.len()));
        let rows = self.wait(self.session.client.query_typed_raw(&placed, parameters(values)))?;
        let mut rows = pin!(rows.ready_chunks(CHUNK));
        while let Some(chunk) = self.wait(async { Ok(rows.next().await) })? {
            for row in chunk {
                let row = row.map_err(|error| self.refused(error))?;
                if let Err(error) = each(&PostgresLine(row)) {
                    // The rest of the answer is on its way.
                    self.broken.set(true);
                    return Err(error);
                }
            }
        }
        self.took(sql, began);
        Ok(())
    }

    fn execute(&self, sql: &str, values: &[Sql]) -> Result<u64, SystemError> {
        let (began, (placed, _)) = (Instant::now(), Dialect::Postgres.placed(sql, values.len()));
        let changed = self.wait(async {
            let mut rows = pin!(self.session.client.query_typed_raw(&placed, parameters(values)).await?);
            while rows.try_next().await?.is_some() {}
            Ok(rows.rows_affected().unwrap_or_default())
        })?;
        self.took(sql, began);
        Ok(changed)
    }

    fn columns(&self, sql: &str) -> Result<Vec<Answered>, SystemError> {
        let statement = self.wait(self.session.client.prepare(sql))?;
        let named = statement.columns().iter();
        Ok(named.map(|column| Answered { name: column.name().to_owned(), kind: column.type_().name().to_owned() }).collect())
    }

    fn begin(&self, mode: Mode) -> Result<(), SystemError> {
        let began = Instant::now();
        // Where a part of it is refused, a transaction may stand all the same.
        self.open.set(true);
        self.reads.set(mode == Mode::Snapshot);
        self.failed.set(false);
        self.command(&self.tables.begins(mode))?;
        self.took("BEGIN", began);
        Ok(())
    }

    fn commit(&self) -> Result<(), SystemError> {
        if self.failed.get() {
            // It would be undone, and answered as if it were done.
            self.roll_back()?;
            return Err(SystemError::Protocol(format!(
                "{}: a refused statement was not undone; this is a defect of headcount",
                self.tables.name
            )));
        }
        let (began, before) = (Instant::now(), self.session.gate.sent());
        let committed = self.command("COMMIT");
        self.open.set(false);
        self.took("COMMIT", began);
        committed.map_err(|error| match error {
            // Whoever may not write has not sent it.
            SystemError::NotSent(_) if self.session.gate.sent() == before => error,
            // What ended the server, or the connection, may have come before it or behind.
            SystemError::Unavailable(words) | SystemError::NotSent(words) if self.lost.get() => {
                SystemError::Uncertain(format!("{words}; whether it was done is looked up"))
            }
            other => other,
        })
    }

    fn roll_back(&self) -> Result<(), SystemError> {
        self.open.set(false);
        let undone = if self.broken.get() { Ok(()) } else { self.command("ROLLBACK") };
        self.broken.set(self.broken.get() || undone.is_err());
        undone
    }

    fn mark(&self, statement: &'static str) -> Result<(), SystemError> {
        self.command(statement)?;
        self.failed.set(false);
        Ok(())
    }

    fn is_open(&self) -> bool {
        self.open.get() && !self.broken.get() && !self.session.client.is_closed()
    }

    fn is_usable(&self) -> bool {
        !self.open.get() && !self.broken.get() && !self.session.client.is_closed()
    }
}

struct PostgresLine(Row);

impl Line for PostgresLine {
    fn width(&self) -> usize {
        self.0.len()
    }

    fn at(&self, place: usize) -> Result<SqlRef<'_>, SystemError> {
        let other = Ok(SqlRef::Other("a value of a type that is not read"));
        let Some(column) = self.0.columns().get(place) else { return other };
        let read = match *column.type_() {
            Type::BOOL => self.0.try_get::<_, Option<bool>>(place).map(|value| value.map(|yes| SqlRef::Integer(yes.into()))),
            Type::INT2 => self.0.try_get::<_, Option<i16>>(place).map(|value| value.map(|number| SqlRef::Integer(number.into()))),
            Type::INT4 => self.0.try_get::<_, Option<i32>>(place).map(|value| value.map(|number| SqlRef::Integer(number.into()))),
            Type::INT8 => self.0.try_get::<_, Option<i64>>(place).map(|value| value.map(SqlRef::Integer)),
            Type::TEXT | Type::VARCHAR => self.0.try_get::<_, Option<&str>>(place).map(|value| value.map(SqlRef::Text)),
            Type::BYTEA => Ok(Some(SqlRef::Other("binary data"))),
            _ => return other,
        };
        read.map(|value| value.unwrap_or(SqlRef::Null)).map_err(told::of)
    }
}

impl ToSql for Sql {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        match self {
            Self::Null => return Ok(IsNull::Yes),
            Self::Integer(number) => out.put_slice(number.to_string().as_bytes()),
            Self::Real(number) => out.put_slice(number.to_string().as_bytes()),
            Self::Text(text) => out.put_slice(text.as_bytes()),
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    to_sql_checked!();
}
