//! The way to a MySQL or MariaDB server: where it is, who we are there, and connections that are made and given up in bounded time.
//!
//! Its client makes its sockets itself, so that nothing can ask for leave as each byte goes out. The fence is asked right before each statement that changes something,
//! and before each COMMIT: between that question and the write lies what the client does in between, and nothing that waits.
//! Must never: let a password into a message, go on without the TLS that was asked for, or send a statement that changes something without having asked.

mod told;
mod trust;

use std::path::PathBuf;
use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, OptsBuilder, Params, Row};
use percent_encoding::percent_decode_str;
use secrecy::ExposeSecret;
use tokio::time::timeout;
use url::Url;

use crate::fence::Fence;
use crate::manifest::connection::{ClientTls, SecretRef};
use crate::secret;
pub use told::MysqlError;

/// A server that is there answers sooner.
const CONNECT: Duration = Duration::from_secs(10);
/// One statement takes no longer.
const STATEMENT: Duration = Duration::from_secs(600);
/// A lock that somebody holds is waited for so long, in seconds.
const LOCK: u64 = 10;
const PORT: u16 = 3306;

/// A server, and who we are there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MysqlServer {
    /// server, user and perhaps a database: `mysql://headcount@db.acme.example/hr`
    pub url: String,
    /// the user's password
    pub password: Option<SecretRef>,
    /// what files and commands of the password count from
    pub base: PathBuf,
    /// the authority behind its certificate, where that is not a public one
    pub ca_file: Option<PathBuf>,
    /// what is shown to it
    pub identity: Option<ClientTls>,
    /// whether the way there has TLS
    pub tls: bool,
}

impl MysqlServer {
    /// Opens a connection that changes nothing any more once the fence is closed. The password is looked up each time: some hold for minutes.
    pub async fn connect(&self, fence: &Fence) -> Result<MysqlSession, MysqlError> {
        let options = self.options().await?;
        if let Some(why) = fence.lost() {
            return Err(MysqlError::Refused(why));
        }
        let connected = timeout(CONNECT, Conn::new(options)).await;
        let connection = connected.map_err(|_| MysqlError::Late)?.map_err(MysqlError::Server)?;
        let mut session = MysqlSession { connection, fence: fence.clone(), whole: true };
        // An older server has no such variable, and waits as it is set up.
        session.read(&format!("SET SESSION lock_wait_timeout = {LOCK}"), ()).await?;
        drop(session.read(&format!("SET SESSION innodb_lock_wait_timeout = {LOCK}"), ()).await);
        Ok(session)
    }

    async fn options(&self) -> Result<Opts, MysqlError> {
        let url = Url::parse(&self.url).map_err(|_| MysqlError::Address)?;
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(MysqlError::Address)?;
        let plain = |text: &str| percent_decode_str(text).decode_utf8().map(|text| text.into_owned()).map_err(|_| MysqlError::Address);
        let database = plain(url.path().trim_matches('/'))?;
        let password = match &self.password {
            Some(reference) => Some(secret::resolve(reference, &self.base).await.map_err(MysqlError::Password)?),
            None => None,
        };
        let user = plain(url.username())?;
        let options = OptsBuilder::default()
            .prefer_socket(false)
            .user((!user.is_empty()).then_some(user))
            .pass(password.map(|password| password.expose_secret().to_owned()))
            .db_name((!database.is_empty()).then_some(database))
            .tcp_keepalive(Some(CONNECT))
            .stmt_cache_size(64);
        let decoded = plain(host)?;
        if decoded.starts_with('/') {
            return Ok(options.socket(Some(decoded)).into());
        }
        let bare = decoded.trim_start_matches('[').trim_end_matches(']').to_owned();
        let options = options.ip_or_hostname(bare).tcp_port(url.port().unwrap_or(PORT));
        if !self.tls {
            return Ok(options.into());
        }
        let ca_file = self.ca_file.clone();
        let trusted = tokio::task::spawn_blocking(move || trust::trusted(ca_file.as_deref())).await;
        let trusted = trusted.map_err(|error| MysqlError::Certificate(error.to_string()))?.map_err(MysqlError::Certificate)?;
        let identity = match &self.identity {
            Some(ClientTls { certificate, key }) => {
                let certificate = secret::resolve(certificate, &self.base).await.map_err(MysqlError::Password)?;
                let key = secret::resolve(key, &self.base).await.map_err(MysqlError::Password)?;
                Some(trust::shown(&certificate, &key).map_err(MysqlError::Certificate)?)
            }
            None => None,
        };
        Ok(options.ssl_opts(trusted.with_client_identity(identity)).into())
    }
}

/// A connection; whoever lets go of it closes it.
#[derive(Debug)]
pub struct MysqlSession {
    connection: Conn,
    fence: Fence,
    /// nothing on it is left unanswered
    whole: bool,
}

impl MysqlSession {
    /// Asks something that changes nothing; all of its rows.
    pub async fn read<P: Into<Params> + Send>(&mut self, sql: &str, values: P) -> Result<Vec<Row>, MysqlError> {
        self.run(sql, values.into()).await
    }

    /// Sends a statement that changes something, if it may still be sent; how many rows it changed. What is never sent says so.
    pub async fn write<P: Into<Params> + Send>(&mut self, sql: &str, values: P) -> Result<u64, MysqlError> {
        if let Some(why) = self.fence.lost() {
            return Err(MysqlError::Refused(why));
        }
        self.run(sql, values.into()).await?;
        Ok(self.connection.affected_rows())
    }

    async fn run(&mut self, sql: &str, values: Params) -> Result<Vec<Row>, MysqlError> {
        self.whole = false;
        let answered = match values {
            // As text: not everything can be prepared.
            Params::Empty => timeout(STATEMENT, self.connection.query(sql)).await,
            values => timeout(STATEMENT, self.connection.exec(sql, values)).await,
        };
        let answer = answered.map_err(|_| MysqlError::Late)?.map_err(MysqlError::Server);
        self.whole = !matches!(&answer, Err(error) if error.is_lost());
        answer
    }

    /// Whether another statement can be sent on it.
    pub fn is_usable(&self) -> bool {
        self.whole && !self.connection.is_disconnected()
    }

    /// The connection itself, for whoever reads rows as they come. A statement that changes something goes through [`Self::write`].
    pub fn connection(&mut self) -> &mut Conn {
        &mut self.connection
    }

    /// The number of the row that was inserted last.
    pub fn last_insert_id(&self) -> Option<u64> {
        self.connection.last_insert_id()
    }

    /// What it asks before it changes anything.
    pub fn fence(&self) -> &Fence {
        &self.fence
    }
}

#[cfg(test)]
mod tests;
