//! Tables of a database, as some application made them: SQLite for now. A source and a target.
//!
//! `schema` is what the database has, `layout` what the manifest says of it, checked; `select` and `read` read, `write` writes.
//! Must never: build a statement from a value, trust a name that the database does not have, or change a row outside of `only`.

mod cell;
mod database;
mod describe;
mod entitlements;
mod fresh;
mod layout;
mod links;
mod log;
mod read;
mod sample;
mod schema;
mod select;
mod write;

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};

use super::pages::{PageQueue, read_blocking};
use super::{LookupRequest, PageSink, Permit, ReadRequest, Reader, Surroundings, TargetConnector, Write, Writer, Written};
use crate::manifest::connection::{self, Described, SqlConnection};
use crate::model::{Evidence, ObjectKind, Page, ReadReport, SystemError, system_id};
use crate::policy::identity_path;
use database::Database;
pub use describe::SqlConnector;
use layout::Layout;
use read::Tables;

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
    /// SQLite has one writer at a time: ours wait for each other here, without a thread each
    turn: Arc<Mutex<()>>,
}

/// A reader of records. Whether the table is there, only a read can tell.
pub async fn open_source(connection: &SqlConnection, surroundings: &Surroundings) -> Result<SqlReader, SystemError> {
    let tables = Tables::Source(Arc::new(connection.accounts.clone()));
    let database = database(connection, surroundings)?;
    let shared = shared(&database, surroundings).await?;
    Ok(SqlReader { database, tables, shared })
}

/// Opens a Target: what the manifest says of its tables is checked against the tables.
pub async fn open_target(connection: &SqlConnection, surroundings: &Surroundings) -> Result<TargetConnector, SystemError> {
    let database = database(connection, surroundings)?;
    let (checked, described) = (database.clone(), connection.clone());
    let layout = Arc::new(blocking(move || checked_layout(&checked, &described)).await?);
    let capabilities = layout.capabilities();
    let shared = shared(&database, surroundings).await?;
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

async fn shared(database: &Database, surroundings: &Surroundings) -> Result<Arc<Shared>, SystemError> {
    let fresh = async { Ok(Shared { readers: Arc::new(Semaphore::new(READERS)), turn: Arc::default() }) };
    surroundings.connections.open(&format!("sqlite {}", database.path.display()), 0, fresh).await
}

/// The default mapping of a Target: the columns' own attributes. `externalId` holds the marker.
pub fn default_mapping(connection: &SqlConnection) -> Vec<(String, String)> {
    let roles = connection.roles.iter().map(|_| "roles");
    let mapped = connection.accounts.columns.keys().map(String::as_str).chain(roles);
    let own = mapped.filter(|attribute| *attribute != "externalId");
    own.filter_map(|attribute| Some((attribute.to_owned(), identity_path(attribute)?))).collect()
}

fn database(connection: &SqlConnection, surroundings: &Surroundings) -> Result<Database, SystemError> {
    let connection::Database::Sqlite(file) = &connection.database;
    Ok(Database {
        path: surroundings.place_inside(&file.path)?,
        name: file.path.clone(),
        budget: surroundings.budget.clone(),
        system: surroundings.system.clone(),
    })
}

fn checked_layout(database: &Database, described: &SqlConnection) -> Result<Layout, SystemError> {
    let connection = database.read()?;
    let checked = layout::check(&connection, described).map_err(|error| database.error(&error))?;
    checked.map_err(|problems| SystemError::Rejected(format!("{}: {}", database.name, problems.join("; "))))
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
