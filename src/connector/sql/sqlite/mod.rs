//! SQLite files: how one is opened, and what its errors mean. A program that was killed while it wrote leaves a journal behind, and whoever opens the file next has to
//! undo what it had begun; a connection that may only read can't.
//!
//! Must never: create a database, or wait for a lock without an end.

pub(super) mod catalog;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, Error, ErrorCode, OpenFlags, Row, ToSql, ffi, params_from_iter};

use super::dialect::Dialect;
use super::log;
use super::session::{Answered, Each, Line, Mode, Session, Sql, SqlRef};
use crate::model::SystemError;

/// How long another program may hold a lock.
const BUSY: Duration = Duration::from_secs(if cfg!(test) { 0 } else { 10 });

/// A SQLite file. It is opened anew for each piece of work, so a file that was replaced is never written to by mistake.
#[derive(Clone, Debug)]
pub(super) struct SqliteDatabase {
    pub(super) path: PathBuf,
    /// as the manifest names it
    pub(super) name: Arc<str>,
    /// the Source's or Target's name, for the log
    pub(super) system: Arc<str>,
}

/// An open file.
struct SqliteSession {
    connection: Connection,
    name: Arc<str>,
}

impl SqliteDatabase {
    /// For reading; nothing can be written through it.
    pub(super) fn read(&self) -> Result<Box<dyn Session>, SystemError> {
        self.reading().map(|connection| self.session(connection))
    }

    fn session(&self, connection: Connection) -> Box<dyn Session> {
        Box::new(SqliteSession { connection, name: self.name.clone() })
    }

    fn reading(&self) -> Result<Connection, SystemError> {
        let connection = self.open(OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        match look(&connection) {
            Ok(()) => Ok(connection),
            Err(error) if is_left_behind(&error) => {
                drop(connection);
                self.recover()?;
                self.open(OpenFlags::SQLITE_OPEN_READ_ONLY)
            }
            Err(error) => Err(self.error(&error)),
        }
    }

    /// Undoes what a killed program had begun, as any program does that opens the file for writing. SQLite itself looks whether it is still alive.
    fn recover(&self) -> Result<(), SystemError> {
        let recovered = self.open(OpenFlags::SQLITE_OPEN_READ_WRITE).and_then(|connection| {
            look(&connection).map_err(|error| self.error(&error))?;
            Ok(connection)
        });
        match recovered {
            Ok(_) => Ok(()),
            Err(SystemError::Unavailable(words)) if words.ends_with(LOCKED) => Err(SystemError::Unavailable(words)),
            Err(_) => Err(SystemError::Forbidden(format!(
                "{name}: a program was cut off while it wrote, and left `{name}-journal` or `{name}-wal` behind; before anybody can read it, what was begun must be \
                 undone. Let headcount write to the file and its folder for one run, or open it once with a program that may: sqlite3 {name} .tables",
                name = self.name
            ))),
        }
    }

    /// For writing, with references enforced as the tables declare them.
    pub(super) fn write(&self) -> Result<Box<dyn Session>, SystemError> {
        let connection = self.open(OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection.pragma_update(None, "foreign_keys", true).map_err(|error| self.error(&error))?;
        Ok(self.session(connection))
    }

    fn open(&self, flags: OpenFlags) -> Result<Connection, SystemError> {
        if !self.path.is_file() {
            return Err(SystemError::NotFound(format!("there is no database {}", self.name)));
        }
        let open = || {
            let mut connection = Connection::open_with_flags(&self.path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
            connection.busy_timeout(BUSY)?;
            log::watch(&mut connection, &self.system);
            Ok(connection)
        };
        open().map_err(|error: Error| self.error(&error))
    }

    fn error(&self, error: &Error) -> SystemError {
        classified(&self.name, error)
    }
}

/// The class of an error. SQLite names tables, columns and constraints, never values.
fn classified(name: &str, error: &Error) -> SystemError {
    let words = format!("{}: {}", name, words(error));
    match error.sqlite_error().map(|failure| (failure.code, failure.extended_code)) {
        Some((ErrorCode::ConstraintViolation, kind)) if is_taken(kind) => SystemError::Conflict(words),
        Some((ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch | ErrorCode::TooBig, _)) => SystemError::Rejected(words),
        Some((ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked, _)) => SystemError::Unavailable(format!("{}: {LOCKED}", name)),
        Some((ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::AuthorizationForStatementDenied, _)) => {
            SystemError::Forbidden(words)
        }
        Some((ErrorCode::CannotOpen | ErrorCode::DiskFull | ErrorCode::SystemIoFailure | ErrorCode::OperationInterrupted, _)) => {
            SystemError::Unavailable(words)
        }
        _ => SystemError::Protocol(words),
    }
}

const LOCKED: &str = "another program has it locked";

/// Takes part in the database once, so that whatever keeps it from being read shows.
fn look(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
}

/// A journal that must be undone, or a write-ahead log whose index must be made anew: neither can be done without writing.
fn is_left_behind(error: &Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen))
}

/// A unique value that another row has.
fn is_taken(extended: i32) -> bool {
    [ffi::SQLITE_CONSTRAINT_UNIQUE, ffi::SQLITE_CONSTRAINT_PRIMARYKEY, ffi::SQLITE_CONSTRAINT_ROWID].contains(&extended)
}

/// What SQLite says in its own way only.
fn plain(error: &Error) -> Option<&'static str> {
    Some(match error.sqlite_error_code()? {
        ErrorCode::NotADatabase => "it is no SQLite database (or an encrypted one); name the file that the application itself opens",
        ErrorCode::DatabaseCorrupt => {
            "the database is damaged; `PRAGMA integrity_check` in sqlite3 says where, and a backup has what is lost"
        }
        ErrorCode::DiskFull => "the disk is full; make room and run again",
        ErrorCode::ReadOnly => "it can't be written; let headcount write to the file and to its folder",
        ErrorCode::PermissionDenied | ErrorCode::CannotOpen => "it can't be opened; let headcount read the file and its folder",
        ErrorCode::SystemIoFailure => "the disk or the network that it lies on failed; look at them and run again",
        _ => return None,
    })
}

fn words(error: &Error) -> String {
    if let Some(said) = plain(error) {
        return said.to_owned();
    }
    match error {
        Error::SqliteFailure(failure, Some(words)) if failure.extended_code == ffi::SQLITE_CONSTRAINT_FOREIGNKEY => {
            format!("{words}: a row of another table still refers to it, or what it refers to is not there")
        }
        Error::SqliteFailure(_, Some(words)) => words.clone(),
        other => other.to_string(),
    }
}

impl SqliteSession {
    fn told<T>(&self, result: rusqlite::Result<T>) -> Result<T, SystemError> {
        result.map_err(|error| classified(&self.name, &error))
    }
}

impl Session for SqliteSession {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn query(&self, sql: &str, values: &[Sql], each: Each<'_>) -> Result<(), SystemError> {
        let mut statement = self.told(self.connection.prepare_cached(sql))?;
        let mut rows = self.told(statement.query(params_from_iter(values)))?;
        while let Some(row) = self.told(rows.next())? {
            each(&SqliteLine { row, name: &self.name })?;
        }
        Ok(())
    }

    fn execute(&self, sql: &str, values: &[Sql]) -> Result<u64, SystemError> {
        let mut statement = self.told(self.connection.prepare_cached(sql))?;
        self.told(statement.execute(params_from_iter(values))).map(|changed| changed as u64)
    }

    fn columns(&self, sql: &str) -> Result<Vec<Answered>, SystemError> {
        let statement = self.told(self.connection.prepare(sql))?;
        // What they hold is each value's own affair.
        let named = statement.column_names();
        Ok(named.map(|name| Answered { name: name.to_owned(), kind: String::new() }).collect())
    }

    fn begin(&self, mode: Mode) -> Result<(), SystemError> {
        self.mark(match mode {
            // From its first SELECT on, a transaction sees one state of the database.
            Mode::Snapshot => "BEGIN",
            Mode::Write => "BEGIN IMMEDIATE",
        })
    }

    fn commit(&self) -> Result<(), SystemError> {
        self.connection.execute_batch("COMMIT").map_err(|error| match error.sqlite_error_code() {
            Some(ErrorCode::SystemIoFailure) => SystemError::Uncertain(format!("{}: {error}", self.name)),
            _ => classified(&self.name, &error),
        })
    }

    fn roll_back(&self) -> Result<(), SystemError> {
        self.mark("ROLLBACK")
    }

    fn mark(&self, statement: &'static str) -> Result<(), SystemError> {
        self.told(self.connection.execute_batch(statement))
    }

    fn is_open(&self) -> bool {
        !self.connection.is_autocommit()
    }

    fn is_usable(&self) -> bool {
        true
    }
}

struct SqliteLine<'r> {
    row: &'r Row<'r>,
    name: &'r str,
}

impl Line for SqliteLine<'_> {
    fn width(&self) -> usize {
        self.row.as_ref().column_count()
    }

    fn at(&self, place: usize) -> Result<SqlRef<'_>, SystemError> {
        let value = self.row.get_ref(place).map_err(|error| classified(self.name, &error))?;
        Ok(match value {
            ValueRef::Null => SqlRef::Null,
            ValueRef::Integer(number) => SqlRef::Integer(number),
            ValueRef::Real(number) => SqlRef::Real(number),
            ValueRef::Text(bytes) => std::str::from_utf8(bytes).map_or(SqlRef::Other("text that is not UTF-8"), SqlRef::Text),
            ValueRef::Blob(_) => SqlRef::Other("binary data"),
        })
    }
}

impl ToSql for Sql {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(number) => ValueRef::Integer(*number),
            Self::Real(number) => ValueRef::Real(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}
