//! What a server, or the way there, said, and what class of trouble that is.
//!
//! Must never: hand on more of a message than its beginning.

use mysql_async::{DriverError, Error, IoError};

use crate::model::{SystemError, causes, shortened};
use crate::secret::SecretError;

const LATE: &str = "it did not answer in time";
const READS: &str = "this server only reads (`read_only`, a replica): name the one that writes";
const LOCKED: &str = "somebody holds a lock on what it needs: `SHOW FULL PROCESSLIST` says who";

/// Why there is no connection, or no answer on it.
#[derive(Debug, thiserror::Error)]
pub enum MysqlError {
    /// the address can't be read
    #[error("this is no address of a MySQL or MariaDB server")]
    Address,
    /// the password can't be had
    #[error("{}", causes(.0))]
    Password(#[source] SecretError),
    /// the authority can't be read
    #[error("{0}")]
    Certificate(String),
    /// it is silent
    #[error("{LATE}")]
    Late,
    /// leave to write was lost before it was sent
    #[error("{0}")]
    Refused(String),
    /// what it said, or what became of the connection
    #[error("{}", said(.0))]
    Server(#[source] Error),
}

impl From<Error> for MysqlError {
    fn from(error: Error) -> Self {
        Self::Server(error)
    }
}

impl MysqlError {
    /// The server's number of the error, where it gave one.
    pub fn code(&self) -> Option<u16> {
        match self {
            Self::Server(Error::Server(error)) => Some(error.code),
            _ => None,
        }
    }

    /// Whether the connection is gone, or the server is going: what was under way may have been done or not.
    pub fn is_lost(&self) -> bool {
        match self {
            Self::Late => true,
            Self::Server(Error::Server(error)) => matches!(error.code, 1053 | 1152..=1161 | 1927 | 2006 | 2013),
            Self::Server(_) => true,
            _ => false,
        }
    }
}

impl From<MysqlError> for SystemError {
    fn from(error: MysqlError) -> Self {
        let words = error.to_string();
        match &error {
            MysqlError::Address => Self::Rejected(words),
            MysqlError::Password(_) => Self::Auth(words),
            MysqlError::Certificate(_) => Self::Unreachable(words),
            MysqlError::Late => Self::Unavailable(words),
            MysqlError::Refused(_) => Self::NotSent(words),
            MysqlError::Server(Error::Server(server)) => by_code(server.code, &server.state, words),
            MysqlError::Server(error @ Error::Io(_)) if causes(error).contains("received fatal alert") => Self::Auth(format!(
                "{words}: the server refuses the connection; name in `tls` a certificate of an authority that it knows, and that has not expired"
            )),
            MysqlError::Server(error @ Error::Io(_)) if is_about_tls(error) => {
                Self::Unreachable(format!("{words}: name the authority's PEM file in `caFile`, or mend the server's certificate"))
            }
            MysqlError::Server(Error::Driver(DriverError::NoClientSslFlagFromServer)) => {
                Self::Unreachable("the server has no TLS: set it up there (`ssl_cert`, `ssl_key`)".into())
            }
            MysqlError::Server(Error::Io(_) | Error::Driver(DriverError::ConnectionClosed | DriverError::PoolDisconnected)) => {
                Self::Unavailable(words)
            }
            MysqlError::Server(_) => Self::Protocol(words),
        }
    }
}

/// Whether the certificates are at fault. What goes wrong in the handshake comes as an error of the socket.
fn is_about_tls(error: &Error) -> bool {
    matches!(error, Error::Io(IoError::Tls(_))) || causes(error).contains("certificate")
}

fn by_code(code: u16, state: &str, words: String) -> SystemError {
    match code {
        1045 | 1698 | 1820 | 1862 | 4151 => SystemError::Auth(format!(
            "{words}: check the user in `url`, its password or the certificate of `tls` (REQUIRE X509), and whether it expired or is locked"
        )),
        1049 => SystemError::Rejected(format!("{words}: make the database, or correct its name in `url`")),
        1044 | 1142 | 1143 | 1227 | 1370 | 1410 => SystemError::Forbidden(words),
        1290 | 1792 | 1836 => SystemError::Forbidden(format!("{READS} ({words})")),
        1205 => SystemError::Unavailable(format!("{LOCKED} ({words})")),
        1040 | 1203 | 1213 | 1226 | 1053 | 1317 | 1927 | 1969 | 3024 => SystemError::Unavailable(words),
        1062 => SystemError::Conflict(words),
        1146 | 1054 => SystemError::NotFound(words),
        1141 | 1269 | 1396 => SystemError::Rejected(words),
        _ => match state.get(..2) {
            Some("22" | "23") => SystemError::Rejected(words),
            Some("08") => SystemError::Unavailable(words),
            _ => SystemError::Protocol(words),
        },
    }
}

fn said(error: &Error) -> String {
    match error {
        Error::Server(said) => format!("{} ({})", shortened(&said.message), said.code),
        other => causes(other),
    }
}
