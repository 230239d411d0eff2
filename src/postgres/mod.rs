//! The way to a PostgreSQL server: where it is, who we are there, and connections that are made and given up in bounded time. The state and the connectors that speak
//! to such servers have it in common; what they say over it is theirs.
//!
//! Must never: let a password into a message, go on without the TLS that was asked for, or let a byte out once leave to write was lost.

mod tls;
mod told;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::FutureExt;
use secrecy::ExposeSecret;
use tokio::net::UnixStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::config::{Host, SslMode, SslNegotiation};
use tokio_postgres::{Client, Config, NoTls};

use crate::fence::{Fence, Gate};
use crate::http::ClientIdentity;
use crate::manifest::connection::{ClientTls, SecretRef};
use crate::secret;
use crate::socket::Fenced;
use tls::{Plain, Tls};
pub use told::PostgresError;

/// A server that is there answers sooner.
const CONNECT: Duration = Duration::from_secs(5);
/// What was sent and nobody confirmed for so long: the way is gone.
const UNHEARD: Duration = Duration::from_secs(10);
/// A connection on which nothing is said is asked for a sign of life after so long.
const QUIET: Duration = Duration::from_secs(10);

/// A server, and who we are there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostgresServer {
    /// server, user and database: `postgres://headcount@db.acme.example/postgres`
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

impl PostgresServer {
    /// Opens a connection that writes nothing any more once the fence is closed. The password is looked up each time: some hold for minutes.
    pub async fn connect(&self, fence: &Fence) -> Result<PostgresSession, PostgresError> {
        let gate = Gate::behind(fence);
        let connected = timeout(CONNECT * 2, self.connected(&gate)).await.unwrap_or(Err(PostgresError::Late));
        connected.map_err(|error| gate.refused().map_or(error, |why| PostgresError::Refused(why.to_owned())))
    }

    async fn connected(&self, gate: &Arc<Gate>) -> Result<PostgresSession, PostgresError> {
        let mut config: Config = self.url.parse().map_err(|_| PostgresError::Address)?;
        if let Some(reference) = &self.password {
            config.password(secret::resolve(reference, &self.base).await.map_err(PostgresError::Password)?.expose_secret());
        }
        config.application_name("headcount").connect_timeout(CONNECT).tcp_user_timeout(UNHEARD);
        config.keepalives(true).keepalives_idle(QUIET).keepalives_interval(Duration::from_secs(5)).keepalives_retries(3);
        if self.tls {
            let (ca_file, identity) = (self.ca_file.clone(), self.identity().await?);
            let tls = tokio::task::spawn_blocking(move || Tls::new(ca_file.as_deref(), identity.as_ref())).await;
            let tls = tls.map_err(|error| PostgresError::Certificate(error.to_string()))?.map_err(PostgresError::Certificate)?;
            config.ssl_mode(SslMode::Require).ssl_negotiation(SslNegotiation::Postgres);
            let (client, connection) = Box::pin(config.connect(tls.behind(gate))).await.map_err(PostgresError::Server)?;
            return Ok(PostgresSession { client, gate: gate.clone(), task: tokio::spawn(connection.map(drop)) });
        }
        if let Some(path) = socket(&config) {
            config.ssl_mode(SslMode::Disable);
            let socket = UnixStream::connect(&path).await.map_err(|error| PostgresError::Away(format!("{}: {error}", path.display())))?;
            let connected = config.connect_raw(Fenced::new(socket, gate), NoTls).await;
            let (client, connection) = connected.map_err(PostgresError::Server)?;
            return Ok(PostgresSession { client, gate: gate.clone(), task: tokio::spawn(connection.map(drop)) });
        }
        // What would begin TLS at once begins nothing, and is where the fence stands.
        config.ssl_mode(SslMode::Require).ssl_negotiation(SslNegotiation::Direct);
        let (client, connection) = Box::pin(config.connect(Plain::behind(gate))).await.map_err(PostgresError::Server)?;
        Ok(PostgresSession { client, gate: gate.clone(), task: tokio::spawn(connection.map(drop)) })
    }
}

impl PostgresServer {
    /// What is shown to it, looked up each time: certificates are renewed.
    async fn identity(&self) -> Result<Option<ClientIdentity>, PostgresError> {
        let Some(ClientTls { certificate, key }) = &self.identity else { return Ok(None) };
        let certificate = secret::resolve(certificate, &self.base).await.map_err(PostgresError::Password)?;
        let key = secret::resolve(key, &self.base).await.map_err(PostgresError::Password)?;
        Ok(Some(ClientIdentity { certificate, key }))
    }
}

/// The socket of this machine that is meant.
fn socket(config: &Config) -> Option<PathBuf> {
    match config.get_hosts().first()? {
        Host::Unix(folder) => Some(folder.join(format!(".s.PGSQL.{}", config.get_ports().first().unwrap_or(&5432)))),
        Host::Tcp(_) => None,
    }
}

/// A connection; whoever lets go of it closes it, whether or not the server still answers.
#[derive(Debug)]
pub struct PostgresSession {
    /// speaks to the server
    pub client: Client,
    /// what went out, and whether leave to write was lost
    pub gate: Arc<Gate>,
    task: JoinHandle<()>,
}

impl Drop for PostgresSession {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[cfg(test)]
pub(crate) mod tests;
