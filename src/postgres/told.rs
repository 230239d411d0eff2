//! What a server, or the way there, said, and what class of trouble that is.
//!
//! Must never: hand on the details of a message, which may hold a row's values.

use tokio_postgres::error::SqlState;

use crate::model::{SystemError, causes, shortened};
use crate::secret::SecretError;

const LATE: &str = "it did not answer in time";
const READS: &str = "this server only reads (a standby, or `default_transaction_read_only`): name the one that writes";
const LOCKED: &str =
    "somebody holds a lock on what it needs: `SELECT * FROM pg_locks WHERE NOT granted` says who waits, `pg_blocking_pids` for whom";

/// Why there is no connection, or no answer on it.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// the address can't be read
    #[error("this is no address of a PostgreSQL server")]
    Address,
    /// the password can't be had
    #[error("{}", causes(.0))]
    Password(#[source] SecretError),
    /// the authority can't be read
    #[error("{0}")]
    Certificate(String),
    /// it can't be reached
    #[error("{0}")]
    Away(String),
    /// it is silent
    #[error("{LATE}")]
    Late,
    /// leave to write was lost
    #[error("{0}")]
    Refused(String),
    /// what it said, or what became of the connection
    #[error("{}", said(.0))]
    Server(#[source] tokio_postgres::Error),
}

impl From<tokio_postgres::Error> for PostgresError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Server(error)
    }
}

impl PostgresError {
    /// The code of SQL's standard, where the server gave one.
    pub fn code(&self) -> Option<&SqlState> {
        if let Self::Server(error) = self { error.code() } else { None }
    }

    /// Whether the certificates are at fault.
    pub fn is_about_tls(&self) -> bool {
        match self {
            Self::Certificate(_) => true,
            Self::Server(error) if error.as_db_error().is_none() => {
                let words = causes(error);
                words.contains("certificate") || words.contains("TLS") || words.contains("tls")
            }
            _ => false,
        }
    }

    /// Whether the server refuses what it was shown, or that nothing was. In TLS 1.3 it says so once the connection stands.
    fn is_refused_certificate(&self) -> bool {
        matches!(self, Self::Server(error) if error.as_db_error().is_none() && causes(error).contains("received fatal alert"))
    }

    /// Whether the connection is gone, or the server is going: what was under way may have been done or not.
    pub fn is_lost(&self) -> bool {
        match self {
            Self::Late => true,
            Self::Server(error) => error.code().is_none_or(|code| code.code().starts_with("08") || code.code().starts_with("57P")),
            _ => false,
        }
    }
}

impl From<PostgresError> for SystemError {
    fn from(error: PostgresError) -> Self {
        let words = error.to_string();
        match &error {
            PostgresError::Address => Self::Rejected(words),
            PostgresError::Password(_) => Self::Auth(words),
            PostgresError::Certificate(_) => Self::Unreachable(words),
            PostgresError::Away(_) | PostgresError::Late => Self::Unavailable(words),
            PostgresError::Refused(_) => Self::NotSent(words),
            PostgresError::Server(server) => match server.code() {
                Some(code) => by_code(code, words),
                None if error.is_refused_certificate() => Self::Auth(format!(
                    "{words}: the server refuses the connection; name in `tls` a certificate of an authority that it knows, and that has not expired"
                )),
                None if error.is_about_tls() => {
                    Self::Unreachable(format!("{words}: name the authority's PEM file in `caFile`, or mend the server's certificate"))
                }
                None => Self::Unavailable(words),
            },
        }
    }
}

fn by_code(code: &SqlState, words: String) -> SystemError {
    match *code {
        SqlState::READ_ONLY_SQL_TRANSACTION => SystemError::Forbidden(format!("{READS} ({words})")),
        SqlState::LOCK_NOT_AVAILABLE => SystemError::Unavailable(format!("{LOCKED} ({words})")),
        SqlState::QUERY_CANCELED => SystemError::Unavailable(format!("it took longer than it may ({words})")),
        SqlState::INSUFFICIENT_PRIVILEGE => SystemError::Forbidden(words),
        SqlState::UNDEFINED_OBJECT | SqlState::UNDEFINED_TABLE => SystemError::NotFound(words),
        SqlState::DUPLICATE_OBJECT | SqlState::UNIQUE_VIOLATION => SystemError::Conflict(words),
        SqlState::INVALID_CATALOG_NAME => SystemError::Rejected(format!("{words}: make the database, or correct its name in `url`")),
        SqlState::DEPENDENT_OBJECTS_STILL_EXIST => SystemError::Rejected(words),
        // What changes the catalog waits for whoever changes it too, and then gives up; nothing was done.
        SqlState::INTERNAL_ERROR if words.contains("concurrently") => SystemError::Unavailable(words),
        _ => match code.code().get(..2) {
            Some("28") if words.contains("certificate") => SystemError::Auth(format!(
                "{words}: name in `tls` a certificate whose CN is the user of `url`, or whom pg_ident.conf maps to it"
            )),
            Some("28") => {
                SystemError::Auth(format!("{words}: check the user in `url`, its password, and whether it has ended (VALID UNTIL)"))
            }
            Some("08" | "53" | "57" | "58" | "40") => SystemError::Unavailable(words),
            Some("22" | "23" | "0L" | "0P") => SystemError::Rejected(words),
            _ => SystemError::Protocol(words),
        },
    }
}

fn said(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(said) => format!("{} ({})", shortened(said.message()), said.code().code()),
        None => causes(error),
    }
}
