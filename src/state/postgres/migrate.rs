//! The tables, and how they become those of the next version: numbered SQL, all that is missing in one transaction, forward only.
//!
//! Must never: touch tables of a version that is newer than ours, or let two processes migrate at once.

use std::time::Duration;

use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::line::{Line, is_lost, roll_back};
use crate::state::StateError;
use crate::state::sqlite::SCHEMA_VERSION;

/// What makes the tables of each version out of those of the one before. The numbers are those of SQLite's tables, which say the same.
const VERSIONS: [(i64, &str); 2] = [(5, include_str!("version_5.sql")), (6, include_str!("version_6.sql"))];
/// How long making tables may take.
const PATIENCE: Duration = Duration::from_secs(600);

/// What stands in the schema.
enum Found {
    /// no tables of ours
    Nothing,
    /// tables of that version
    Version(i64),
}

/// Whether there are tables to look at. Those of an older version are brought up by whoever works on them first.
pub(super) async fn look(line: &mut Line) -> Result<bool, StateError> {
    match found(line).await? {
        Found::Nothing => Ok(false),
        Found::Version(SCHEMA_VERSION) => Ok(true),
        Found::Version(newer) if newer > SCHEMA_VERSION => Err(another(line, newer)),
        Found::Version(older) => {
            let why = format!("its tables have version {older}, and this headcount works with version {SCHEMA_VERSION}");
            Err(line.place().unreachable(why, "the first `headcount apply` of this version brings them up"))
        }
    }
}

/// Makes the tables, or brings them to our version.
pub(super) async fn run(line: &mut Line) -> Result<(), StateError> {
    match found(line).await? {
        Found::Version(SCHEMA_VERSION) => return Ok(()),
        Found::Version(newer) if newer > SCHEMA_VERSION => return Err(another(line, newer)),
        _ => {}
    }
    let begin = line.begin("", PATIENCE);
    let session = line.take().await?;
    let migrated = migrate(&session.client, line, &begin).await;
    let migrated = match migrated {
        Err(error) if !is_lost(&error) => {
            roll_back(&session.client).await;
            Err(error)
        }
        other => other,
    };
    let newer = migrated.map_err(|error| line.place().told(error))?;
    line.give_back(session);
    newer.map_or(Ok(()), |newer| Err(another(line, newer)))
}

/// Gives the version where somebody else was there, whose version is newer.
async fn migrate(client: &Client, line: &Line, begin: &str) -> Result<Option<i64>, tokio_postgres::Error> {
    let (schema, name) = (line.place().schema(), line.place().schema_name());
    client.batch_execute(begin).await?;
    // The one lock of its kind: it goes with the transaction. Whoever waited finds what was done meanwhile.
    client
        .batch_execute(&format!("SET LOCAL lock_timeout = 0; SELECT pg_advisory_xact_lock(hashtext('headcount'), hashtext('{schema}'))"))
        .await?;
    let mut at = 0;
    if is_there(client, &name).await? {
        at = version(client).await?;
    } else {
        if client.query_typed("SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1", &[(&name, Type::TEXT)]).await?.is_empty() {
            client.batch_execute(&format!("CREATE SCHEMA {schema}")).await?;
        }
        client.batch_execute(TABLES_VERSION).await?;
    }
    if at > SCHEMA_VERSION {
        client.batch_execute("ROLLBACK").await?;
        return Ok(Some(at));
    }
    for (number, sql) in VERSIONS.into_iter().filter(|(number, _)| *number > at) {
        client.batch_execute(sql).await?;
        let by = env!("CARGO_PKG_VERSION");
        client.batch_execute(&format!("INSERT INTO tables_version (version, by) VALUES ({number}, 'headcount {by}')")).await?;
    }
    client.batch_execute("COMMIT").await?;
    Ok(None)
}

pub(super) const TABLES_VERSION: &str =
    "CREATE TABLE tables_version (version bigint PRIMARY KEY, by text NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp())";

async fn found(line: &mut Line) -> Result<Found, StateError> {
    let (name, begin) = (line.place().schema_name(), line.begin("READ ONLY", PATIENCE));
    let mut again = true;
    loop {
        let session = line.take().await?;
        let look = async {
            session.client.batch_execute(&begin).await?;
            let encoding: String = session
                .client
                .query_typed("SELECT current_setting('server_encoding')", &[])
                .await?
                .first()
                .map_or_else(|| Ok(String::new()), |row| row.try_get(0))?;
            let found =
                if is_there(&session.client, &name).await? { Found::Version(version(&session.client).await?) } else { Found::Nothing };
            session.client.batch_execute("COMMIT").await?;
            Ok((found, encoding))
        };
        let looked: Result<_, tokio_postgres::Error> = look.await;
        match looked {
            Ok((found, encoding)) if encoding == "UTF8" => {
                line.give_back(session);
                return Ok(found);
            }
            Ok((_, encoding)) => {
                let why = format!("the database's encoding is {encoding}, which has no place for every name");
                return Err(line.place().unreachable(why, "make it with ENCODING 'UTF8'"));
            }
            Err(error) if is_lost(&error) && again => again = false,
            Err(error) => return Err(line.place().told(error)),
        }
    }
}

/// By a look into the catalog's tables: what a session remembers of names may be older than what it waited for.
async fn is_there(client: &Client, schema: &str) -> Result<bool, tokio_postgres::Error> {
    const THERE: &str = "SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
        WHERE n.nspname = $1 AND c.relname = 'tables_version'";
    Ok(!client.query_typed(THERE, &[(&schema, Type::TEXT)]).await?.is_empty())
}

async fn version(client: &Client) -> Result<i64, tokio_postgres::Error> {
    let rows = client.query_typed("SELECT coalesce(max(version), 0) FROM tables_version", &[]).await?;
    rows.first().map_or(Ok(0), |row| row.try_get(0))
}

fn another(line: &Line, found: i64) -> StateError {
    StateError::Version { path: line.place().shown(), found, known: SCHEMA_VERSION }
}
