//! The whole of a workspace's state into a SQLite file, and out of one: table by table, as they are. What a table has is asked of the file.
//!
//! Must never: leave a half of either behind, or hold a table as a whole.

use std::path::{Path, PathBuf};

use futures_util::TryStreamExt;
use rusqlite::Connection;
use rusqlite::types::Value;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::spawn_blocking;
use tokio_postgres::{Client, Error, Row};

use super::connect::PostgresPlace;
use super::statement::{Statement, head};
use crate::state::sqlite::{self, Column, ColumnKind, TableLayout};
use crate::state::{BEGINNING, Head, StateError, hex};

/// Rows that are on their way at once.
const AT_ONCE: usize = 1000;
/// Groups of them.
const AHEAD: usize = 4;

/// Rows of one table, by the table's place.
type Rows = (usize, Vec<Vec<Value>>);

/// Why a copy came to nothing.
pub(super) enum CopyError {
    Server(Error),
    State(StateError),
}

impl From<Error> for CopyError {
    fn from(error: Error) -> Self {
        Self::Server(error)
    }
}

impl From<StateError> for CopyError {
    fn from(error: StateError) -> Self {
        Self::State(error)
    }
}

/// Copies everything into a file that is not there yet, in the caller's transaction.
pub(super) async fn write(client: &Client, place: &PostgresPlace, file: &Path) -> Result<(), CopyError> {
    let (file, shown, workspace) = (file.to_path_buf(), place.shown(), place.workspace().clone());
    let made = {
        let (file, shown, workspace) = (file.clone(), shown.clone(), workspace.clone());
        spawn_blocking(move || sqlite::new_file(&shown, &file, &workspace)).await.unwrap_or(Err(StateError::Stopped))?
    };
    let tables = made.tables.clone();
    let (rows, waiting) = channel(AHEAD);
    let writer = {
        let shown = shown.clone();
        spawn_blocking(move || fill(made, waiting).map_err(|source| StateError::Sqlite { path: shown, source }))
    };
    let read = read_all(client, &workspace, &tables, &rows).await;
    drop(rows);
    let written = writer.await.unwrap_or(Err(StateError::Stopped));
    match (read, written) {
        (Ok(()), Ok(())) => Ok(()),
        (read, written) => {
            // Half of one is none.
            drop(spawn_blocking(move || std::fs::remove_file(file)).await);
            written.map_err(CopyError::State)?;
            read
        }
    }
}

async fn read_all(client: &Client, workspace: &str, tables: &[TableLayout], rows: &Sender<Rows>) -> Result<(), CopyError> {
    let stopped = |_| CopyError::State(StateError::Stopped);
    for (at, table) in tables.iter().enumerate() {
        let found = match table.name.as_str() {
            "meta" => {
                let meta = meta(client, workspace).await?;
                rows.send((at, meta)).await.map_err(stopped)?;
                continue;
            }
            name => Statement::new(format!("SELECT {} FROM {name} WHERE workspace = $1", columns(table)), workspace),
        };
        let mut found = std::pin::pin!(found.stream(client).await?);
        let mut some = Vec::with_capacity(AT_ONCE);
        while let Some(row) = found.try_next().await? {
            some.push(values(&row, &table.columns)?);
            if some.len() == AT_ONCE {
                rows.send((at, std::mem::take(&mut some))).await.map_err(stopped)?;
            }
        }
        rows.send((at, some)).await.map_err(stopped)?;
    }
    Ok(())
}

/// What a file says of itself in its `meta` table.
async fn meta(client: &Client, workspace: &str) -> Result<Vec<Vec<Value>>, Error> {
    let mut all = Statement::new("SELECT name, value FROM meta WHERE workspace = $1", workspace).rows(client).await?;
    all.extend(Statement::new("SELECT 'generation', generation::text FROM workspaces WHERE id = $1", workspace).rows(client).await?);
    let mut pairs: Vec<Vec<Value>> =
        all.iter().map(|row| Ok(vec![Value::Text(row.try_get(0)?), Value::Text(row.try_get(1)?)])).collect::<Result<_, Error>>()?;
    let last = Statement::new("SELECT seq, hash FROM workspaces WHERE id = $1 AND seq > 0", workspace).rows(client).await?;
    if let Some(row) = last.first() {
        let head = Head { seq: row.try_get::<_, i64>(0)?.cast_unsigned(), hash: hex(row.try_get(1)?) };
        pairs.push(vec![Value::Text(sqlite::HEAD.to_owned()), Value::Text(head.text())]);
    }
    Ok(pairs)
}

fn values(row: &Row, columns: &[Column]) -> Result<Vec<Value>, Error> {
    let value = |(at, column): (usize, &Column)| {
        Ok(match column.kind {
            ColumnKind::Text => row.try_get::<_, Option<String>>(at)?.map_or(Value::Null, Value::Text),
            ColumnKind::Number => row.try_get::<_, Option<i64>>(at)?.map_or(Value::Null, Value::Integer),
            ColumnKind::Bytes => row.try_get::<_, Option<Vec<u8>>>(at)?.map_or(Value::Null, Value::Blob),
        })
    };
    columns.iter().enumerate().map(value).collect()
}

fn fill(file: sqlite::NewFile, mut rows: Receiver<Rows>) -> rusqlite::Result<()> {
    let mut connection = file.connection;
    let transaction = connection.transaction()?;
    while let Some((at, some)) = rows.blocking_recv() {
        let Some(table) = file.tables.get(at) else { continue };
        let marks = vec!["?"; table.columns.len()].join(", ");
        let mut insert =
            transaction.prepare_cached(&format!("INSERT OR REPLACE INTO {} ({}) VALUES ({marks})", table.name, columns(table)))?;
        for row in some {
            insert.execute(rusqlite::params_from_iter(row))?;
        }
    }
    transaction.commit()
}

/// Puts a file's rows in the place of all that stands there, in the caller's transaction, which holds the workspace's row.
pub(super) async fn read(client: &Client, place: &PostgresPlace, file: PathBuf) -> Result<(), CopyError> {
    let (shown, workspace) = (place.shown(), place.workspace().clone());
    let (rows, mut waiting) = channel(AHEAD);
    let (tell, told) = tokio::sync::oneshot::channel();
    let reader = spawn_blocking(move || {
        let read = || {
            let connection = Connection::open(&file)?;
            let tables = sqlite::tables(&connection)?;
            drop(tell.send(tables.clone()));
            empty(&connection, &tables, &rows)
        };
        read().map_err(|source| StateError::Sqlite { path: shown, source })
    });
    let Ok(tables) = told.await else {
        return Err(reader.await.unwrap_or(Err(StateError::Stopped)).err().unwrap_or(StateError::Stopped).into());
    };
    for table in &tables {
        Statement::new(format!("DELETE FROM {} WHERE workspace = $1", table.name), &workspace).rows(client).await?;
    }
    let mut facts = Meta::default();
    while let Some((at, some)) = waiting.recv().await {
        match tables.get(at) {
            Some(table) if table.name == "meta" => facts.keep(client, &workspace, some).await?,
            Some(table) if !some.is_empty() => drop(insert(&workspace, table, some).rows(client).await?),
            _ => {}
        }
    }
    reader.await.unwrap_or(Err(StateError::Stopped))?;
    let last =
        Statement::new("SELECT seq, hash FROM journal WHERE workspace = $1 ORDER BY seq DESC LIMIT 1", &workspace).rows(client).await?;
    let (seq, hash) = last.first().map(head).transpose()?.unwrap_or((0, BEGINNING));
    let set = "UPDATE workspaces SET generation = $2, seq = $3, hash = $4, revocations = revocations + 1 WHERE id = $1";
    Statement::new(set, &workspace).number(facts.generation).number(seq).bytes(hash.to_vec()).rows(client).await?;
    Ok(())
}

fn empty(connection: &Connection, tables: &[TableLayout], rows: &Sender<Rows>) -> rusqlite::Result<()> {
    for (at, table) in tables.iter().enumerate() {
        let mut query = connection.prepare(&format!("SELECT {} FROM {}", columns(table), table.name))?;
        let mut found = query.query([])?;
        let mut some = Vec::with_capacity(AT_ONCE);
        while let Some(row) = found.next()? {
            some.push((0..table.columns.len()).map(|column| row.get(column)).collect::<rusqlite::Result<Vec<Value>>>()?);
            // Whoever takes them may be gone, and says why.
            if some.len() == AT_ONCE && rows.blocking_send((at, std::mem::take(&mut some))).is_err() {
                return Ok(());
            }
        }
        if rows.blocking_send((at, some)).is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// What stands in a file's `meta` table, and here in the workspace's own row.
#[derive(Default)]
struct Meta {
    generation: i64,
}

impl Meta {
    async fn keep(&mut self, client: &Client, workspace: &str, rows: Vec<Vec<Value>>) -> Result<(), Error> {
        for row in rows {
            let [Value::Text(name), Value::Text(value)] = row.as_slice() else { continue };
            match name.as_str() {
                sqlite::GENERATION => self.generation = value.parse().unwrap_or_default(),
                sqlite::WORKSPACE | sqlite::HEAD => {}
                name => {
                    let insert = Statement::new("INSERT INTO meta (workspace, name, value) VALUES ($1, $2, $3)", workspace);
                    insert.text(name).text(value).rows(client).await?;
                }
            }
        }
        Ok(())
    }
}

fn insert(workspace: &str, table: &TableLayout, rows: Vec<Vec<Value>>) -> Statement {
    let types = table.columns.iter().enumerate().map(|(at, column)| {
        let kind = match column.kind {
            ColumnKind::Text => "text",
            ColumnKind::Number => "bigint",
            ColumnKind::Bytes => "bytea",
        };
        format!("${}::{kind}[]", at + 2)
    });
    let sql = format!(
        "INSERT INTO {} (workspace, {}) SELECT $1, * FROM unnest({})",
        table.name,
        columns(table),
        types.collect::<Vec<_>>().join(", ")
    );
    let mut by_column: Vec<Vec<Value>> = table.columns.iter().map(|_| Vec::with_capacity(rows.len())).collect();
    for row in rows {
        by_column.iter_mut().zip(row).for_each(|(column, value)| column.push(value));
    }
    table.columns.iter().zip(by_column).fold(Statement::new(sql, workspace), |statement, (column, values)| match column.kind {
        ColumnKind::Text => statement.maybes(values.into_iter().map(|value| if let Value::Text(text) = value { Some(text) } else { None })),
        ColumnKind::Number => {
            statement.maybe_numbers(values.into_iter().map(|value| if let Value::Integer(number) = value { Some(number) } else { None }))
        }
        ColumnKind::Bytes => {
            statement.maybe_blobs(values.into_iter().map(|value| if let Value::Blob(bytes) = value { Some(bytes) } else { None }))
        }
    })
}

fn columns(table: &TableLayout) -> String {
    table.columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ")
}
