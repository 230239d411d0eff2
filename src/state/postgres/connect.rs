//! The way to the server: where it is, who we are there, and connections that are made and given up in bounded time.
//!
//! Must never: let a password, or a value of a row, into a message.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt};
use secrecy::ExposeSecret;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, NoTls};

use super::tls::Tls;
use crate::manifest::connection::SecretRef;
use crate::manifest::kinds::PostgresState;
use crate::secret;
use crate::state::StateError;

/// A server that is there answers sooner.
const CONNECT: Duration = Duration::from_secs(5);
/// What was sent and nobody confirmed for so long: the way is gone.
const UNHEARD: Duration = Duration::from_secs(10);
/// A connection on which nothing is said is asked for a sign of life after so long.
const QUIET: Duration = Duration::from_secs(10);
/// Longest words of a server that are passed on.
const WORDS: usize = 400;

/// A workspace's place in a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostgresPlace {
    state: PostgresState,
    /// what files and commands count from
    base: PathBuf,
    workspace: Arc<str>,
}

impl PostgresPlace {
    /// As a Workspace says it. `base`: what files and commands count from.
    pub fn new(state: PostgresState, base: PathBuf, workspace: Arc<str>) -> Self {
        Self { state, base, workspace }
    }

    /// The same with its files where they are to be read.
    pub fn with_files<E>(mut self, place: impl Fn(PathBuf) -> Result<PathBuf, E>) -> Result<Self, E> {
        let at = |file: &str| place(self.base.join(file)).map(|path| path.to_string_lossy().into_owned());
        let ca_file = self.state.ca_file.as_deref().map(at).transpose()?;
        let password = match &self.state.password {
            Some(SecretRef::File(file)) => Some(SecretRef::File(at(file)?)),
            other => other.clone(),
        };
        (self.state.ca_file, self.state.password) = (ca_file, password);
        Ok(self)
    }

    /// The workspace's id.
    pub(super) fn workspace(&self) -> &Arc<str> {
        &self.workspace
    }

    /// What messages call it: server, database, the schema where it is another one, and the workspace.
    pub(in crate::state) fn shown(&self) -> PathBuf {
        let Some(url) = self.state.address() else { return PathBuf::from("postgres://") };
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        let host = url.host_str().unwrap_or_default().replace("%2F", "/").replace("%2f", "/");
        let schema = match self.state.schema() {
            "headcount" => String::new(),
            other => format!("/{other}"),
        };
        PathBuf::from(format!("postgres://{host}{port}/{}{schema}/{}", url.path().trim_matches('/'), self.workspace))
    }

    /// Our tables' schema.
    pub(super) fn schema_name(&self) -> String {
        self.state.schema().to_owned()
    }

    /// The same as SQL has it.
    pub(super) fn schema(&self) -> String {
        format!("\"{}\"", self.state.schema().replace('"', ""))
    }

    /// Opens a connection. The password is looked up each time: some hold for minutes.
    pub(super) async fn connect(&self) -> Result<Session, StateError> {
        match timeout(CONNECT * 2, self.connected()).await {
            Ok(session) => session,
            Err(_) => Err(self.unreachable("it did not answer in time".to_owned(), NETWORK)),
        }
    }

    async fn connected(&self) -> Result<Session, StateError> {
        let mut config: Config =
            self.state.url.parse().map_err(|_| self.unreachable("this is no address of a PostgreSQL server".to_owned(), ADDRESS))?;
        if let Some(reference) = &self.state.password {
            let password = secret::resolve(reference, &self.base).await;
            config.password(password.map_err(|error| self.unreachable(words(&error), PASSWORD))?.expose_secret());
        }
        config.application_name("headcount").connect_timeout(CONNECT).tcp_user_timeout(UNHEARD);
        config.keepalives(true).keepalives_idle(QUIET).keepalives_interval(Duration::from_secs(5)).keepalives_retries(3);
        if !self.state.has_tls() {
            config.ssl_mode(SslMode::Disable);
            let (client, connection) = config.connect(NoTls).await.map_err(|error| self.told(&error))?;
            return Ok(Session { client, task: tokio::spawn(connection.map(drop)) });
        }
        let ca_file = self.state.ca_file.as_ref().map(|file| self.base.join(file));
        let tls = tokio::task::spawn_blocking(move || Tls::new(ca_file.as_deref())).await;
        let tls = tls.unwrap_or_else(|error| Err(error.to_string())).map_err(|why| self.unreachable(why, CERTIFICATE))?;
        config.ssl_mode(SslMode::Require);
        let connected: BoxFuture<'_, _> = Box::pin(config.connect(tls));
        let (client, connection) = connected.await.map_err(|error| self.told(&error))?;
        Ok(Session { client, task: tokio::spawn(connection.map(drop)) })
    }

    /// What the server, or the way there, said.
    pub(super) fn told(&self, error: &tokio_postgres::Error) -> StateError {
        let Some(said) = error.as_db_error() else {
            let hint = if words(error).contains("certificate") || words(error).contains("tls") { CERTIFICATE } else { NETWORK };
            return self.unreachable(words(error), hint);
        };
        // Its details may hold a row's values.
        let why = format!("{} ({})", said.message(), said.code().code());
        let hint = match *said.code() {
            SqlState::INVALID_PASSWORD | SqlState::INVALID_AUTHORIZATION_SPECIFICATION => PASSWORD,
            SqlState::INVALID_CATALOG_NAME => "make the database, or correct its name in the Workspace's `state`",
            SqlState::INSUFFICIENT_PRIVILEGE => "the user may not do this: docs/ci.md lists what is needed",
            SqlState::READ_ONLY_SQL_TRANSACTION => "this server only reads: name the one that writes",
            SqlState::TOO_MANY_CONNECTIONS => "allow more connections, or use a pooler: a process needs three",
            _ => NETWORK,
        };
        self.unreachable(why, hint)
    }

    pub(super) fn unreachable(&self, why: String, hint: &'static str) -> StateError {
        let why = why.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(WORDS).collect();
        StateError::Unreachable { path: self.shown(), why, hint }
    }
}

pub(super) const NETWORK: &str = "check the address in the Workspace's `state`, the server and the network";
const ADDRESS: &str = "correct it in the Workspace's `state`";
const PASSWORD: &str = "check the user in the Workspace's `state` and the password that it refers to";
const CERTIFICATE: &str = "name the authority's PEM file in `caFile` of the Workspace's `state`, or mend the server's certificate";

/// What was said, from the outside in, each thing once.
fn words(error: &dyn std::error::Error) -> String {
    let mut words = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        if !words.contains(&text) {
            words = if words.is_empty() { text } else { format!("{words}: {text}") };
        }
        next = error.source();
    }
    words
}

/// A connection; whoever lets go of it closes it, whether or not the server still answers.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) client: Client,
    task: JoinHandle<()>,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.task.abort();
    }
}
