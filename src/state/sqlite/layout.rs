//! What a file's tables have, for whoever copies them from or to another place.
//!
//! Must never: name a table; the file says which there are.

use std::io::ErrorKind;
use std::path::Path;

use rusqlite::Connection;

use super::open::{WORKSPACE, make_private};
use super::{schema, sqlite_error};
use crate::state::StateError;

/// A table.
#[derive(Clone, Debug)]
pub(in crate::state) struct TableLayout {
    pub(in crate::state) name: String,
    pub(in crate::state) columns: Vec<Column>,
}

/// A column of it.
#[derive(Clone, Debug)]
pub(in crate::state) struct Column {
    pub(in crate::state) name: String,
    pub(in crate::state) kind: ColumnKind,
}

/// What stands in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::state) enum ColumnKind {
    Text,
    Number,
    Bytes,
}

/// A file that was made to be filled.
pub(in crate::state) struct NewFile {
    pub(in crate::state) connection: Connection,
    pub(in crate::state) tables: Vec<TableLayout>,
}

/// Makes an empty state in a file; nothing may stand there. `path`: what messages call the state.
pub(in crate::state) fn new_file(path: &Path, file: &Path, workspace: &str) -> Result<NewFile, StateError> {
    let copy = |source| StateError::Copy { path: file.to_path_buf(), source };
    if file.exists() {
        return Err(copy(ErrorKind::AlreadyExists.into()));
    }
    make_private(file).map_err(copy)?;
    let made = || {
        let mut connection = Connection::open(file)?;
        schema::prepare(&mut connection)?;
        schema::set_meta(&connection, WORKSPACE, workspace)?;
        let tables = tables(&connection)?;
        Ok(NewFile { connection, tables })
    };
    made().map_err(|source| sqlite_error(path, source))
}

/// The tables of a state.
pub(in crate::state) fn tables(connection: &Connection) -> rusqlite::Result<Vec<TableLayout>> {
    let mut names = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name")?;
    let names: Vec<String> = names.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    let mut columns = connection.prepare("SELECT name, type FROM pragma_table_info(?1) ORDER BY cid")?;
    let table = |name: String| {
        let columns = columns.query_map([&name], column)?.collect::<rusqlite::Result<_>>()?;
        Ok(TableLayout { name, columns })
    };
    names.into_iter().map(table).collect()
}

fn column(row: &rusqlite::Row<'_>) -> rusqlite::Result<Column> {
    let kind = match row.get_ref(1)?.as_str()? {
        "INTEGER" => ColumnKind::Number,
        "BLOB" => ColumnKind::Bytes,
        _ => ColumnKind::Text,
    };
    Ok(Column { name: row.get(0)?, kind })
}
