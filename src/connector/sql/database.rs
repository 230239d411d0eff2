//! Opening a SQLite file, and what its errors mean.
//!
//! Must never: create a database, or wait for a lock without an end.

use std::path::PathBuf;
use std::time::Duration;

use rusqlite::{Connection, Error, ErrorCode, OpenFlags, ffi};

use crate::model::SystemError;

/// How long another program may hold a lock.
const BUSY: Duration = Duration::from_secs(if cfg!(test) { 0 } else { 10 });

/// A SQLite file. It is opened anew for each piece of work, so a file that was replaced is never written to by mistake.
#[derive(Clone, Debug)]
pub(super) struct Database {
    pub(super) path: PathBuf,
    /// as the manifest names it
    pub(super) name: String,
}

impl Database {
    /// For reading; nothing can be written through it.
    pub(super) fn read(&self) -> Result<Connection, SystemError> {
        self.open(OpenFlags::SQLITE_OPEN_READ_ONLY)
    }

    /// For writing, with references enforced as the tables declare them.
    pub(super) fn write(&self) -> Result<Connection, SystemError> {
        let connection = self.open(OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection.pragma_update(None, "foreign_keys", true).map_err(|error| self.error(&error))?;
        Ok(connection)
    }

    fn open(&self, flags: OpenFlags) -> Result<Connection, SystemError> {
        if !self.path.is_file() {
            return Err(SystemError::NotFound(format!("there is no database {}", self.name)));
        }
        let open = || {
            let connection = Connection::open_with_flags(&self.path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
            connection.busy_timeout(BUSY)?;
            Ok(connection)
        };
        open().map_err(|error: Error| self.error(&error))
    }

    /// The class of an error. SQLite names tables, columns and constraints, never values.
    pub(super) fn error(&self, error: &Error) -> SystemError {
        let words = format!("{}: {}", self.name, words(error));
        match error.sqlite_error().map(|failure| (failure.code, failure.extended_code)) {
            Some((ErrorCode::ConstraintViolation, kind)) if is_taken(kind) => SystemError::Conflict(words),
            Some((ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch | ErrorCode::TooBig, _)) => SystemError::Rejected(words),
            Some((ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked, _)) => {
                SystemError::Unavailable(format!("{}: another program has it locked", self.name))
            }
            Some((ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::AuthorizationForStatementDenied, _)) => {
                SystemError::Forbidden(words)
            }
            Some((ErrorCode::CannotOpen | ErrorCode::DiskFull | ErrorCode::SystemIoFailure | ErrorCode::OperationInterrupted, _)) => {
                SystemError::Unavailable(words)
            }
            _ => SystemError::Protocol(words),
        }
    }
}

/// A unique value that another row has.
fn is_taken(extended: i32) -> bool {
    [ffi::SQLITE_CONSTRAINT_UNIQUE, ffi::SQLITE_CONSTRAINT_PRIMARYKEY, ffi::SQLITE_CONSTRAINT_ROWID].contains(&extended)
}

fn words(error: &Error) -> String {
    match error {
        Error::SqliteFailure(failure, Some(words)) if failure.extended_code == ffi::SQLITE_CONSTRAINT_FOREIGNKEY => {
            format!("{words}: a row of another table still refers to it, or what it refers to is not there")
        }
        Error::SqliteFailure(_, Some(words)) => words.clone(),
        other => other.to_string(),
    }
}
