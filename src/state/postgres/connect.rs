//! A workspace's place in a database, and what its messages say of it.
//!
//! Must never: let a password, or a value of a row, into a message.

use std::path::PathBuf;
use std::sync::Arc;

use tokio_postgres::error::SqlState;

use crate::fence::Fence;
use crate::manifest::connection::SecretRef;
use crate::manifest::kinds::PostgresState;
use crate::model::shortened;
use crate::postgres::{PostgresError, PostgresServer, PostgresSession};
use crate::state::StateError;

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

    /// Opens a connection. Nothing is asked as bytes go out: the number of the lock's holder stands in each transaction.
    pub(super) async fn connect(&self) -> Result<PostgresSession, StateError> {
        let PostgresState { url, password, ca_file, .. } = &self.state;
        let ca_file = ca_file.as_ref().map(|file| self.base.join(file));
        let server = PostgresServer {
            url: url.clone(),
            password: password.clone(),
            base: self.base.clone(),
            ca_file,
            identity: None,
            tls: self.state.has_tls(),
        };
        server.connect(&Fence::open()).await.map_err(|error| self.of(&error))
    }

    /// What the server, or the way there, said.
    pub(super) fn told(&self, error: tokio_postgres::Error) -> StateError {
        self.of(&PostgresError::Server(error))
    }

    fn of(&self, error: &PostgresError) -> StateError {
        let hint = match (error, error.code()) {
            (PostgresError::Address, _) => ADDRESS,
            (PostgresError::Password(_), _) => PASSWORD,
            _ if error.is_about_tls() => CERTIFICATE,
            (_, Some(code)) => match *code {
                SqlState::INVALID_PASSWORD | SqlState::INVALID_AUTHORIZATION_SPECIFICATION => PASSWORD,
                SqlState::INVALID_CATALOG_NAME => "make the database, or correct its name in the Workspace's `state`",
                SqlState::INSUFFICIENT_PRIVILEGE => "the user may not do this: docs/ci.md lists what is needed",
                SqlState::READ_ONLY_SQL_TRANSACTION => "this server only reads: name the one that writes",
                SqlState::TOO_MANY_CONNECTIONS => "allow more connections, or use a pooler: a process needs three",
                _ => NETWORK,
            },
            _ => NETWORK,
        };
        self.unreachable(error.to_string(), hint)
    }

    pub(super) fn unreachable(&self, why: String, hint: &'static str) -> StateError {
        StateError::Unreachable { path: self.shown(), why: shortened(&why), hint }
    }
}

pub(super) const NETWORK: &str = "check the address in the Workspace's `state`, the server and the network";
const ADDRESS: &str = "correct it in the Workspace's `state`";
const PASSWORD: &str = "check the user in the Workspace's `state` and the password that it refers to";
const CERTIFICATE: &str = "name the authority's PEM file in `caFile` of the Workspace's `state`, or mend the server's certificate";
