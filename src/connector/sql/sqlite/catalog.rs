//! What SQLite says of its tables.
//!
//! Must never: take a name that was asked for in the place of the one that is there.

use crate::connector::sql::dialect::{Dialect, Handling};
use crate::connector::sql::schema::{Column, Holds, Table, TableName};
use crate::connector::sql::session::{Session, Sql};
use crate::model::SystemError;

const DIALECT: Dialect = Dialect::Sqlite;

/// Names of tables and views, and whether each is a view.
pub(in crate::connector::sql) fn tables(session: &dyn Session) -> Result<Vec<(String, bool)>, SystemError> {
    let sql = "SELECT name, type = 'view' FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name";
    let mut tables = Vec::new();
    session.query(sql, &[], &mut |line| {
        tables.push((text(line.at(0)?.kept()?), line.at(1)?.is_yes()));
        Ok(())
    })?;
    Ok(tables)
}

/// One of them.
pub(in crate::connector::sql) fn table(session: &dyn Session, name: &str, is_view: bool) -> Result<Table, SystemError> {
    let this = [Sql::Text(name.to_owned())];
    Ok(Table {
        name: TableName { shown: name.to_owned(), sql: DIALECT.quoted(name) },
        is_view,
        columns: columns(session, &this)?,
        unique: unique_columns(session, &this)?,
        deletable: true,
        troubles: Vec::new(),
        // A trigger of SQLite can't change the row that is written before it is.
        triggers: Vec::new(),
    })
}

fn columns(session: &dyn Session, table: &[Sql]) -> Result<Vec<Column>, SystemError> {
    let sql = "SELECT name, type, \"notnull\", dflt_value IS NOT NULL, pk, hidden FROM pragma_table_xinfo(?1)";
    let mut rows: Vec<(Column, bool, bool, bool)> = Vec::new();
    session.query(sql, table, &mut |line| {
        let (name, declared) = (text(line.at(0)?.kept()?), text(line.at(1)?.kept()?));
        let (key, hidden) = (number(line.at(4)?.kept()?), number(line.at(5)?.kept()?));
        let mut column = Column::new(DIALECT, name, kind(&declared));
        column.not_null = line.at(2)?.is_yes() || key > 0;
        column.filled = line.at(3)?.is_yes();
        column.generated = hidden > 1;
        rows.push((column, key > 0, declared.eq_ignore_ascii_case("integer"), hidden == 1));
        Ok(())
    })?;
    let lone_key = rows.iter().filter(|(_, key, ..)| *key).count() == 1;
    let numbered = lone_key && !is_without_rowid(session, table)?;
    let visible = rows.into_iter().filter(|(.., hidden)| !hidden);
    Ok(visible.map(|(column, key, is_integer, _)| Column { filled: column.filled || (key && is_integer && numbered), ..column }).collect())
}

fn is_without_rowid(session: &dyn Session, table: &[Sql]) -> Result<bool, SystemError> {
    let sql = "SELECT coalesce(max(wr), 0) FROM pragma_table_list WHERE schema = 'main' AND name = ?1";
    Ok(session.rows(sql, table)?.first().and_then(|row| row.first()).is_some_and(|value| value.borrowed().is_yes()))
}

fn unique_columns(session: &dyn Session, table: &[Sql]) -> Result<Vec<String>, SystemError> {
    let sql = "SELECT name FROM pragma_table_info(?1) WHERE pk = 1 AND (SELECT count(*) FROM pragma_table_info(?1) WHERE pk > 0) = 1
         UNION
         SELECT (SELECT name FROM pragma_index_info(list.name)) FROM pragma_index_list(?1) AS list
         WHERE list.\"unique\" AND NOT list.partial AND (SELECT count(*) FROM pragma_index_info(list.name)) = 1";
    let rows = session.rows(sql, table)?;
    Ok(rows.into_iter().flatten().filter(|value| *value != Sql::Null).map(text).collect())
}

/// By SQLite's own rules of affinity, and truth values as people declare them.
pub(in crate::connector::sql) fn kind(declared: &str) -> (Holds, Handling) {
    let declared = declared.to_ascii_uppercase();
    let has = |part: &str| declared.contains(part);
    let holds = if has("BOOL") || declared == "BIT" {
        Holds::Truth
    } else if has("INT") {
        Holds::Whole
    } else if has("CHAR") || has("CLOB") || has("TEXT") {
        Holds::Text
    } else if declared.is_empty() || has("BLOB") {
        Holds::Anything
    } else {
        Holds::Numeric
    };
    (holds, Handling::Plain)
}

fn text(value: Sql) -> String {
    match value {
        Sql::Text(text) => text,
        Sql::Integer(number) => number.to_string(),
        Sql::Null | Sql::Real(_) => String::new(),
    }
}

fn number(value: Sql) -> i64 {
    match value {
        Sql::Integer(number) => number,
        _ => 0,
    }
}
