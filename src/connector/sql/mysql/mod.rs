//! Tables of a MySQL or MariaDB database. Its client makes its sockets itself, so leave to write is asked for right before each statement that changes something.
//!
//! Must never: let the server cut a value to fit, wait without an end, or call something done whose COMMIT nobody confirmed.

pub(super) mod catalog;
mod told;

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mysql_async::consts::{ColumnFlags, ColumnType};
use mysql_async::prelude::Queryable;
use mysql_async::{Params, Row, Value};
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::dialect::Dialect;
use super::log;
use super::session::{Answered, Each, Line, Mode, Session, Sql, SqlRef, writes};
use crate::fence::Fence;
use crate::model::SystemError;
use crate::mysql::{MysqlServer, MysqlSession};

/// Rows that are taken at once.
const CHUNK: usize = 256;
/// With these the server goes, or ends the connection.
const GOING: [u16; 3] = [1053, 1317, 1927];
/// The transaction may only read.
const READ_ONLY: u16 = 1792;
/// Whoever answers at all answers a sign of life sooner.
const LIFE: Duration = Duration::from_secs(5);

/// A database, and how it is used.
#[derive(Clone, Debug)]
pub(super) struct MySqlTables {
    pub(super) server: MysqlServer,
    /// what messages call it
    pub(super) name: Arc<str>,
    /// the Source's or Target's name, for the log
    pub(super) system: Arc<str>,
    pub(super) timeout: Duration,
    pub(super) lock_timeout: Duration,
}

/// A connection.
struct OpenMySql {
    tables: MySqlTables,
    session: RefCell<MysqlSession>,
    fence: Fence,
    runtime: Handle,
    /// a transaction was begun and has not ended
    open: Cell<bool>,
    /// in which nothing can be written
    reads: Cell<bool>,
    /// an answer was left behind
    broken: Cell<bool>,
    /// what was asked last may have been done or not
    lost: Cell<bool>,
    last_key: Cell<Option<u64>>,
}

impl MySqlTables {
    /// A connection that changes nothing any more once the fence is closed.
    pub(super) fn connect(&self, fence: &Fence) -> Result<Box<dyn Session>, SystemError> {
        let runtime = Handle::current();
        let session = runtime.block_on(self.server.connect(fence));
        let session = session.map_err(|error| SystemError::from(error).map_words(|words| format!("{}: {words}", self.name)))?;
        let (session, fence) = (RefCell::new(session), fence.clone());
        let (open, reads, broken, lost, last_key) = Default::default();
        let opened = OpenMySql { tables: self.clone(), session, fence, runtime, open, reads, broken, lost, last_key };
        // What does not fit is refused and not cut; what stands in double quotes is a text, as MySQL has it.
        opened.command("SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', time_zone = '+00:00', autocommit = 1")?;
        let lock = self.lock_timeout.as_secs().max(1);
        opened.command(&format!("SET SESSION lock_wait_timeout = {lock}, innodb_lock_wait_timeout = {lock}"))?;
        opened.command("SET NAMES utf8mb4")?;
        Ok(Box::new(opened))
    }
}

impl OpenMySql {
    /// Waits for an answer, and no longer than one may take.
    fn wait<T>(&self, answer: impl Future<Output = Result<T, mysql_async::Error>>) -> Result<T, SystemError> {
        let most = self.tables.timeout + self.tables.lock_timeout;
        match self.runtime.block_on(async { timeout(most, answer).await }) {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => {
                match &error {
                    // A deadlock undoes the whole transaction.
                    mysql_async::Error::Server(said) if said.code == 1213 => self.open.set(false),
                    mysql_async::Error::Server(_) => {}
                    _ => self.broken.set(true),
                }
                self.lost.set(!matches!(&error, mysql_async::Error::Server(said) if !GOING.contains(&said.code)));
                let written = match &error {
                    mysql_async::Error::Server(said) if said.code == READ_ONLY && self.reads.get() => Some(writes(&said.message)),
                    _ => None,
                };
                Err(written.unwrap_or_else(|| told::of(error)).map_words(|words| format!("{}: {words}", self.tables.name)))
            }
            Err(_) => {
                self.broken.set(true);
                self.lost.set(true);
                Err(SystemError::Unavailable(format!("{}: no answer came within {} s; see `timeout`", self.tables.name, most.as_secs())))
            }
        }
    }

    fn command(&self, statement: &str) -> Result<(), SystemError> {
        let mut session = self.session.borrow_mut();
        self.wait(session.connection().query_drop(statement))
    }

    /// Whether it may still change anything.
    fn may_write(&self) -> Result<(), SystemError> {
        self.fence.lost().map_or(Ok(()), |why| Err(SystemError::NotSent(why)))
    }

    fn took(&self, sql: &str, since: Instant) {
        log::statement_took(&self.tables.system, sql, since.elapsed());
    }
}

/// Values in the order of their places.
fn parameters(values: &[Sql], order: &[usize]) -> Params {
    let value = |at: &usize| match values.get(*at) {
        None | Some(Sql::Null) => Value::NULL,
        Some(Sql::Integer(number)) => Value::Int(*number),
        Some(Sql::Real(number)) => Value::Double(*number),
        Some(Sql::Text(text)) => Value::Bytes(text.as_bytes().to_vec()),
    };
    match order.is_empty() {
        true => Params::Empty,
        false => Params::Positional(order.iter().map(value).collect()),
    }
}

impl Session for OpenMySql {
    fn dialect(&self) -> Dialect {
        Dialect::MySql
    }

    fn only_reads(&self) -> Result<Option<String>, SystemError> {
        catalog::only_reads(self)
    }

    /// Whoever asks for no row locks the tables' names until the transaction ends, and begins no snapshot. Once there is one, another table may come in the place of one
    /// that was not asked for yet: RENAME TABLE, by which tables take turns, is not among what the server refuses to read then (error 1412).
    fn hold(&self, sql: &str, values: &[Sql]) -> Result<(), SystemError> {
        self.query(&format!("{sql} LIMIT 0"), values, &mut |_| Ok(()))
    }

    fn query(&self, sql: &str, values: &[Sql], each: Each<'_>) -> Result<(), SystemError> {
        let (began, (placed, order)) = (Instant::now(), Dialect::MySql.placed(sql, values.len()));
        let mut session = self.session.borrow_mut();
        let mut rows = self.wait(session.connection().exec_iter(placed.as_ref(), parameters(values, &order)))?;
        loop {
            let chunk = self.wait(async {
                let mut chunk = Vec::new();
                while chunk.len() < CHUNK
                    && let Some(row) = rows.next().await?
                {
                    chunk.push(MySqlLine::of(row));
                }
                Ok(chunk)
            })?;
            let last = chunk.len() < CHUNK;
            for line in &chunk {
                if let Err(error) = each(line) {
                    // The rest of the answer is on its way.
                    self.broken.set(true);
                    return Err(error);
                }
            }
            if last {
                break;
            }
        }
        self.wait(rows.drop_result())?;
        self.took(sql, began);
        Ok(())
    }

    fn execute(&self, sql: &str, values: &[Sql]) -> Result<u64, SystemError> {
        self.may_write()?;
        let (began, (placed, order)) = (Instant::now(), Dialect::MySql.placed(sql, values.len()));
        let mut session = self.session.borrow_mut();
        let connection = session.connection();
        self.wait(connection.exec_drop(placed.as_ref(), parameters(values, &order)))?;
        self.last_key.set(connection.last_insert_id().filter(|key| *key > 0));
        self.took(sql, began);
        Ok(connection.affected_rows())
    }

    fn columns(&self, sql: &str) -> Result<Vec<Answered>, SystemError> {
        let mut session = self.session.borrow_mut();
        let statement = self.wait(session.connection().prep(sql))?;
        let columns = statement.columns();
        let named = columns.iter();
        Ok(named
            .map(|column| {
                let is_binary = column.character_set() == 63 && column.flags().contains(ColumnFlags::BINARY_FLAG);
                Answered { name: column.name_str().into_owned(), kind: kind(column.column_type(), is_binary).to_owned() }
            })
            .collect())
    }

    fn begin(&self, mode: Mode) -> Result<(), SystemError> {
        let began = Instant::now();
        match mode {
            Mode::Snapshot => {
                self.command("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")?;
                // The snapshot begins with the first row that is read (`hold`).
                self.command("START TRANSACTION READ ONLY")?;
            }
            Mode::Write => {
                self.may_write()?;
                self.command("START TRANSACTION")?;
            }
        }
        self.open.set(true);
        self.reads.set(mode == Mode::Snapshot);
        self.took("BEGIN", began);
        Ok(())
    }

    fn commit(&self) -> Result<(), SystemError> {
        self.may_write()?;
        if !self.open.get() {
            return Err(SystemError::Unavailable(format!("{}: the server undid the transaction", self.tables.name)));
        }
        let began = Instant::now();
        let committed = self.command("COMMIT");
        self.open.set(false);
        self.took("COMMIT", began);
        committed.map_err(|error| match error {
            // What ended the server, or the connection, may have come before it or behind.
            SystemError::Unavailable(words) if self.lost.get() => {
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
        self.command(statement)
    }

    fn is_open(&self) -> bool {
        self.open.get() && !self.broken.get()
    }

    fn is_usable(&self) -> bool {
        let mut session = self.session.borrow_mut();
        if self.open.get() || self.broken.get() || !session.is_usable() {
            return false;
        }
        self.runtime.block_on(async { timeout(LIFE, session.connection().ping()).await }).is_ok_and(|answer| answer.is_ok())
    }

    fn last_key(&self) -> Option<String> {
        self.last_key.get().map(|key| key.to_string())
    }
}

/// A row, its values as every database has them.
struct MySqlLine(Vec<Result<Sql, &'static str>>);

impl MySqlLine {
    fn of(row: Row) -> Self {
        let kinds: Vec<ColumnType> = row.columns_ref().iter().map(|column| column.column_type()).collect();
        let values = row.unwrap_raw().into_iter().zip(kinds);
        Self(values.map(|(value, kind)| plain(value.unwrap_or(Value::NULL), kind)).collect())
    }
}

fn plain(value: Value, kind: ColumnType) -> Result<Sql, &'static str> {
    Ok(match value {
        Value::NULL => Sql::Null,
        Value::Int(number) => Sql::Integer(number),
        Value::UInt(number) => i64::try_from(number).map_or_else(|_| Sql::Text(number.to_string()), Sql::Integer),
        Value::Float(number) => Sql::Text(number.to_string()),
        Value::Double(number) => Sql::Real(number),
        Value::Bytes(bits) if kind == ColumnType::MYSQL_TYPE_BIT => match bits.as_slice() {
            [bit] => Sql::Integer((*bit).into()),
            _ => return Err("bits"),
        },
        Value::Bytes(bytes) => Sql::Text(String::from_utf8(bytes).map_err(|_| "binary data")?),
        Value::Date(year, month, day, ..) if kind == ColumnType::MYSQL_TYPE_DATE => Sql::Text(format!("{year:04}-{month:02}-{day:02}")),
        Value::Date(year, month, day, hour, minute, second, micro) => {
            Sql::Text(format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}{}", fraction(micro)))
        }
        Value::Time(negative, days, hours, minutes, seconds, micro) => {
            let (sign, hours) = (if negative { "-" } else { "" }, days * 24 + u32::from(hours));
            Sql::Text(format!("{sign}{hours:02}:{minutes:02}:{seconds:02}{}", fraction(micro)))
        }
    })
}

fn fraction(micro: u32) -> String {
    if micro == 0 { String::new() } else { format!(".{micro:06}").trim_end_matches('0').to_owned() }
}

impl Line for MySqlLine {
    fn width(&self) -> usize {
        self.0.len()
    }

    fn at(&self, place: usize) -> Result<SqlRef<'_>, SystemError> {
        Ok(match self.0.get(place) {
            Some(Ok(value)) => value.borrowed(),
            Some(Err(what)) => SqlRef::Other(what),
            None => SqlRef::Null,
        })
    }
}

/// What the type of an answer's column is called where a table declares it.
fn kind(kind: ColumnType, is_binary: bool) -> &'static str {
    use ColumnType::*;
    match kind {
        MYSQL_TYPE_TINY | MYSQL_TYPE_SHORT | MYSQL_TYPE_LONG | MYSQL_TYPE_LONGLONG | MYSQL_TYPE_INT24 => "bigint",
        MYSQL_TYPE_DECIMAL | MYSQL_TYPE_NEWDECIMAL | MYSQL_TYPE_FLOAT | MYSQL_TYPE_DOUBLE => "decimal",
        MYSQL_TYPE_TIMESTAMP | MYSQL_TYPE_DATE | MYSQL_TYPE_TIME | MYSQL_TYPE_DATETIME | MYSQL_TYPE_NEWDATE => "datetime",
        MYSQL_TYPE_BIT => "bit",
        MYSQL_TYPE_JSON => "json",
        _ if is_binary => "blob",
        _ => "text",
    }
}
