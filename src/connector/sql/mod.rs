//! Tables of a database, as some application made them: PostgreSQL, MySQL and MariaDB, SQLite. A source and a target.
//!
//! `session` is what a database is asked, whichever it is, and `dialect` how each writes it; `sqlite`, `postgres` and `mysql` are those databases. `schema` is what the
//! database has, `check` holds the manifest against it, `layout` is what comes of that; `select` and `read` read, `write` writes.
//! Must never: build a statement from a value, trust a name that the database does not have, or change a row outside of `only`.

mod bulk;
mod cascades;
mod cell;
mod changes;
mod check;
mod database;
mod describe;
mod dialect;
mod entitlements;
mod fresh;
mod layout;
mod links;
mod log;
mod mysql;
mod postgres;
mod read;
mod rights;
mod sample;
mod schema;
mod select;
mod session;
mod sqlite;
mod write;

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};

use super::pages::{PageQueue, read_blocking};
use super::{LookupRequest, PageSink, Permit, ReadRequest, Reader, Surroundings, TargetConnector, Write, Writer, Written};
use crate::manifest::connection::{self, DatabaseServer, Described, SqlConnection};
use crate::model::{Change, Evidence, ObjectKind, Page, ReadReport, SystemError, system_id};
use crate::mysql::MysqlServer;
use crate::policy::identity_path;
use crate::postgres::PostgresServer;
use crate::secret;
use check::Unfit;
use database::{Database, Kept, Place};
pub use describe::SqlConnector;
use layout::Layout;
use mysql::MySqlTables;
use postgres::PostgresTables;
use read::Tables;
use session::{Mode, Transaction};
use sqlite::SqliteDatabase;

/// Changes that share one transaction.
const BATCH: usize = 100;
/// Threads that read one database at once.
const READERS: usize = 4;
/// Members that share one change.
const MEMBERS: usize = 1000;
const DEFECT: &str = "work on the database broke off; this is a defect of headcount";

/// Reads tables.
#[derive(Clone, Debug)]
pub struct SqlReader {
    database: Database,
    tables: Tables,
    shared: Arc<Shared>,
}

/// Writes tables.
#[derive(Clone, Debug)]
pub struct SqlWriter {
    database: Database,
    layout: Arc<Layout>,
    shared: Arc<Shared>,
}

/// What all who use one database share.
#[derive(Debug)]
struct Shared {
    /// threads that may read it at once
    readers: Arc<Semaphore>,
    /// SQLite has one writer at a time, and elsewhere two of ours would wait for each other's locks: so they wait here, without a thread each
    turn: Arc<Mutex<()>>,
    /// connections to a server
    kept: Arc<Kept>,
}

/// A reader of records. Whether the table is there, only a read can tell.
pub async fn open_source(connection: &SqlConnection, surroundings: &Surroundings) -> Result<SqlReader, SystemError> {
    let tables = Tables::Source(Arc::new(connection.accounts.clone()));
    let shared = shared(connection, surroundings).await?;
    let database = database(connection, surroundings, &shared)?;
    Ok(SqlReader { database, tables, shared })
}

/// Opens a Target: what the manifest says of its tables is checked against the tables.
pub async fn open_target(connection: &SqlConnection, surroundings: &Surroundings) -> Result<TargetConnector, SystemError> {
    let shared = shared(connection, surroundings).await?;
    let database = database(connection, surroundings, &shared)?;
    let (checked, described) = (database.clone(), connection.clone());
    let layout = Arc::new(blocking(move || checked_layout(&checked, &described)).await?);
    let capabilities = layout.capabilities();
    let reader = SqlReader { database: database.clone(), tables: Tables::Target(layout.clone()), shared: shared.clone() };
    let writer = SqlWriter { database, layout, shared };
    let limiter = surroundings.connections.system(&connection.system()).limiter.clone();
    limiter.limit(&surroundings.system, surroundings.limits);
    Ok(TargetConnector {
        reader: Box::new(reader),
        writer: Box::new(writer),
        capabilities,
        system: system_id(&connection.system()),
        limiter,
    })
}

async fn shared(connection: &SqlConnection, surroundings: &Surroundings) -> Result<Arc<Shared>, SystemError> {
    let (key, turn) = match &connection.database {
        connection::Database::Sqlite(file) => (format!("sqlite {}", surroundings.place_inside(&file.path)?.display()), 0),
        // With everything that a connection depends on; of the password only where it is.
        server => {
            let written = serde_json::to_string(server).unwrap_or_default();
            (format!("sql {} {written}", surroundings.base.display()), secret::turn(&surroundings.base))
        }
    };
    let fresh = async { Ok(Shared { readers: Arc::new(Semaphore::new(READERS)), turn: Arc::default(), kept: Arc::default() }) };
    surroundings.connections.open(&key, turn, fresh).await
}

/// The default mapping of a Target: the columns' own attributes. `externalId` holds the marker.
pub fn default_mapping(connection: &SqlConnection) -> Vec<(String, String)> {
    let roles = connection.roles.iter().map(|_| "roles");
    let mapped = connection.accounts.columns.keys().map(String::as_str).chain(roles);
    let own = mapped.filter(|attribute| *attribute != "externalId");
    own.filter_map(|attribute| Some((attribute.to_owned(), identity_path(attribute)?))).collect()
}

fn database(connection: &SqlConnection, surroundings: &Surroundings, shared: &Shared) -> Result<Database, SystemError> {
    let (system, kept) = (surroundings.system.clone(), shared.kept.clone());
    let named = |server: &DatabaseServer<'_>| -> Arc<str> { server.place().into() };
    let ca_file = |server: &DatabaseServer<'_>| server.ca_file.map(|file| surroundings.place(file)).transpose();
    let (name, place): (Arc<str>, Place) = match (&connection.database, connection.database.server()) {
        (connection::Database::Postgres(described), Some(server)) => {
            let (name, schema) = (named(&server), Arc::from(described.schema()));
            let (url, password, ca_file) = (server.url.to_owned(), server.password.cloned(), ca_file(&server)?);
            let (timeout, lock_timeout) = (server.timeout(), server.lock_timeout());
            let (identity, tls) = (server.tls.cloned(), server.has_tls());
            let server = PostgresServer { url, password, base: surroundings.base.clone(), ca_file, identity, tls };
            (name.clone(), Place::Postgres(PostgresTables { server, name, system, schema, timeout, lock_timeout }, kept))
        }
        (connection::Database::Mysql(_), Some(server)) => {
            let name = named(&server);
            let (url, password, ca_file) = (server.url.to_owned(), server.password.cloned(), ca_file(&server)?);
            let (timeout, lock_timeout) = (server.timeout(), server.lock_timeout());
            let (identity, tls) = (server.tls.cloned(), server.has_tls());
            let server = MysqlServer { url, password, base: surroundings.base.clone(), ca_file, identity, tls };
            (name.clone(), Place::MySql(MySqlTables { server, name, system, timeout, lock_timeout }, kept))
        }
        (connection::Database::Sqlite(file), _) => {
            let (path, name) = (surroundings.place_inside(&file.path)?, Arc::<str>::from(file.path.as_str()));
            (name.clone(), Place::Sqlite(SqliteDatabase { path, name, system }))
        }
        (_, None) => return Err(SystemError::Rejected("the connection names no database".into())),
    };
    Ok(Database { name, budget: surroundings.budget.clone(), place })
}

fn checked_layout(database: &Database, described: &SqlConnection) -> Result<Layout, SystemError> {
    let named = |words: &str| format!("{}: {words}", database.name);
    let checked = database.reading(|session| {
        if let Some(why) = session.only_reads()? {
            return Err(SystemError::Forbidden(named(&why)));
        }
        let _snapshot = Transaction::begin(session, Mode::Snapshot)?;
        check::check(session, described)
    })??;
    checked.map_err(|unfit| match unfit {
        Unfit::Wrong(problems) => SystemError::Rejected(named(&problems.join("; "))),
        Unfit::Forbidden(grants) => SystemError::Forbidden(named(&format!("rights are missing: {}", grants.join("; ")))),
    })
}

/// Work on a database, away from the threads of the runtime. What stands for the turn goes with it: where nobody waits any more, it is still under way.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, SystemError> + Send + 'static) -> Result<T, SystemError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err(SystemError::Uncertain(DEFECT.into())))
}

impl SqlReader {
    /// Room for one more thread. Nobody ever closes the semaphore.
    async fn room(&self) -> Option<OwnedSemaphorePermit> {
        self.shared.readers.clone().acquire_owned().await.ok()
    }
}

impl Reader for SqlReader {
    fn read<'a>(&'a self, request: &'a ReadRequest, sink: &'a mut dyn PageSink) -> BoxFuture<'a, ReadReport> {
        async move {
            let (this, wanted, room) = (self.clone(), request.clone(), self.room().await);
            let read = move |queue: &mut PageQueue| {
                let _room = room;
                read::read(&this.database, &this.tables, &wanted, queue)
            };
            let report = read_blocking(&self.database.budget, sink, read).await;
            report.unwrap_or_else(|broken| {
                let kinds: Vec<ObjectKind> = request.streams.iter().map(|(kind, _)| *kind).collect();
                ReadReport::all(&kinds, &Evidence::Unreadable { reason: broken.words() })
            })
        }
        .boxed()
    }

    fn lookup<'a>(&'a self, request: &'a LookupRequest) -> BoxFuture<'a, Result<Page, SystemError>> {
        async move {
            let answer = self.lookup_many(std::slice::from_ref(request)).await.pop();
            answer.unwrap_or_else(|| Err(SystemError::Unavailable(DEFECT.into())))
        }
        .boxed()
    }

    fn lookup_many<'a>(&'a self, requests: &'a [LookupRequest]) -> BoxFuture<'a, Vec<Result<Page, SystemError>>> {
        async move {
            let (this, wanted, room) = (self.clone(), requests.to_vec(), self.room().await);
            let answers = blocking(move || {
                let _room = room;
                read::lookup_many(&this.database, &this.tables, &wanted)
            })
            .await;
            answers.unwrap_or_else(|error| requests.iter().map(|_| Err(error.clone())).collect())
        }
        .boxed()
    }
}

impl Writer for SqlWriter {
    fn batch_size(&self) -> usize {
        BATCH
    }

    fn members_per_write(&self) -> usize {
        MEMBERS
    }

    fn id_after(&self, change: &Change) -> Option<Arc<str>> {
        write::id_after(&self.layout, change)
    }

    fn write<'a>(&'a self, batch: &'a [Write<'a>], permit: &'a Permit) -> BoxFuture<'a, Vec<Result<Written, SystemError>>> {
        async move {
            let this = self.clone();
            let jobs: Vec<write::Job> = batch.iter().map(write::Job::of).collect();
            let fence = permit.fence().clone();
            let turn = self.shared.turn.clone().lock_owned().await;
            let work = move || {
                let _turn = turn;
                Ok(write::write(&write::Ground { database: &this.database, layout: &this.layout, fence: &fence }, &jobs))
            };
            let written = blocking(work).await;
            written.unwrap_or_else(|error| batch.iter().map(|_| Err(error.clone())).collect())
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests;
