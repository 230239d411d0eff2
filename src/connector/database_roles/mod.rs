//! A database server's own roles, as a source and a target: PostgreSQL's and MariaDB's. Accounts are roles that may sign in, groups are roles, and a membership is a
//! role that was granted.
//!
//! `quote` makes names and texts parts of statements, `limits` is what a server takes as a name, `note` is what stands in comments, `role` what a server has as rows; `postgres` and `mariadb` speak to theirs,
//! `server` is whichever it is, `read` and `write` are the connector's two ways.
//! Must never: touch superusers, what may replicate, the server's own roles, or the account that headcount signs in with.

mod describe;
mod limits;
mod mariadb;
mod note;
mod postgres;
mod quote;
mod read;
mod role;
mod server;
mod write;

use std::sync::Arc;

pub use describe::RolesConnector;

use super::{Reader, Surroundings, TargetConnector};
use crate::manifest::connection::{DatabaseRolesConnection, Described, RoleServer, SecretRef};
use crate::model::{ObjectKind, SystemError, system_id};
use crate::mysql::MysqlServer;
use crate::postgres::PostgresServer;
use crate::secret::{self, SecretError, SecretString};
use mariadb::MariaDb;
use postgres::Postgres;
use read::RolesReader;
use server::Server;
use write::RolesWriter;

/// Each row of both says whether it is left as it is.
const BOTH: [ObjectKind; 2] = [ObjectKind::Account, ObjectKind::Group];

/// Opens a server as a source.
async fn open_source(connection: &DatabaseRolesConnection, surroundings: &Surroundings) -> Result<Box<dyn Reader>, SystemError> {
    let server = opened(connection, surroundings).await?;
    Ok(Box::new(RolesReader { server, budget: surroundings.budget.clone(), records: true }))
}

/// Opens a server as a target.
async fn open_target(connection: &DatabaseRolesConnection, surroundings: &Surroundings) -> Result<TargetConnector, SystemError> {
    let limiter = surroundings.connections.system(&connection.system()).limiter.clone();
    limiter.limit(&surroundings.system, surroundings.limits);
    let server = opened(connection, surroundings).await?;
    let capabilities = server.capabilities().await?;
    let reader = Box::new(RolesReader { server: server.clone(), budget: surroundings.budget.clone(), records: false });
    let writer = Box::new(RolesWriter { server });
    Ok(TargetConnector { reader, writer, capabilities, system: system_id(&connection.system()), limiter })
}

/// What the account may not do and would have to.
async fn lacks(connection: &DatabaseRolesConnection, surroundings: &Surroundings) -> Result<Vec<String>, SystemError> {
    opened(connection, surroundings).await?.lacks().await
}

/// What is kept open from one turn to the next.
async fn opened(connection: &DatabaseRolesConnection, surroundings: &Surroundings) -> Result<Arc<Server>, SystemError> {
    let key = format!("{} {}", connection.word(), serde_json::to_string(connection).unwrap_or_default());
    surroundings.connections.open(&key, secret::turn(&surroundings.base), open(connection, surroundings)).await
}

async fn open(connection: &DatabaseRolesConnection, surroundings: &Surroundings) -> Result<Server, SystemError> {
    if connection.address().is_none() {
        return Err(SystemError::Rejected("`url` is no address of a database server: postgres://… or mariadb://…".into()));
    }
    let base = surroundings.base.clone();
    let ca_file = connection.ca_file.as_ref().map(|file| surroundings.place(file)).transpose()?;
    let initial_password = match &connection.initial_password {
        Some(reference) => Some(resolved(reference, &base).await?),
        None => None,
    };
    let (url, password, tls) = (connection.url.clone(), connection.password.clone(), connection.has_tls());
    let (identity, protected) = (connection.tls.clone(), connection.protected.clone());
    let deadline = connection.deadline().unwrap_or_default();
    Ok(match connection.server() {
        RoleServer::Postgres => {
            let way = PostgresServer { url, password, base, ca_file, identity, tls };
            Server::Postgres(Box::new(Postgres { way, protected, initial_password, deadline, sessions: Default::default() }))
        }
        RoleServer::MariaDb => {
            let way = MysqlServer { url, password, base, ca_file, identity, tls };
            let host = connection.host().to_owned();
            Server::MariaDb(Box::new(MariaDb { way, protected, initial_password, host, deadline, sessions: Default::default() }))
        }
    })
}

async fn resolved(reference: &SecretRef, base: &std::path::Path) -> Result<SecretString, SystemError> {
    secret::resolve(reference, base).await.map_err(|error| {
        SystemError::Auth(match &error {
            SecretError::File { source, .. } | SecretError::Exec { source, .. } => format!("{error}: {source}"),
            _ => error.to_string(),
        })
    })
}
