//! What SQLite says of its tables.
//!
//! Must never: take a name that was asked for in the place of the one that is there.

use crate::connector::sql::dialect::{Dialect, Handling};
use crate::connector::sql::schema::{Column, Counted, Holds, Table, TableName};
use crate::connector::sql::session::{Session, Sql};
use crate::model::SystemError;

const DIALECT: Dialect = Dialect::Sqlite;

/// Which table refers to which, and whether its rows go with those that they refer to.
pub(in crate::connector::sql) const REFERENCES: &str = "SELECT known.name, refers.\"table\", refers.on_delete = 'CASCADE'
         FROM sqlite_schema AS known, pragma_foreign_key_list(known.name) AS refers
         WHERE known.type = 'table' AND refers.on_delete IN ('CASCADE', 'SET NULL', 'SET DEFAULT')";

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
    let counted = counts_up(session, table)?.then_some(Counted::ByTable);
    let visible = rows.into_iter().filter(|(.., hidden)| !hidden);
    let known = visible.map(|(column, key, is_integer, _)| match key && is_integer && numbered {
        true => Column { filled: true, counted, ..column },
        false => column,
    });
    Ok(known.collect())
}

/// Whether its key is counted up and no number given twice. Without `AUTOINCREMENT` the next one is that after the highest that there is.
fn counts_up(session: &dyn Session, table: &[Sql]) -> Result<bool, SystemError> {
    let made = session.rows("SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?1", table)?;
    let made = made.into_iter().flatten().next().map(text).unwrap_or_default();
    Ok(without_quoted(&made).to_ascii_uppercase().contains("AUTOINCREMENT"))
}

/// A statement without its names, texts and comments.
fn without_quoted(sql: &str) -> String {
    let mut out = String::with_capacity(sql.len());
    let mut rest = sql;
    while let Some(at) = rest.find(['"', '\'', '`', '[', '-', '/']) {
        let (before, found) = rest.split_at(at);
        out.push_str(before);
        let end = |closed: &str, from: usize| {
            found.get(from..).and_then(|rest| rest.find(closed)).map_or(found.len(), |end| from + end + closed.len())
        };
        let taken = match found.as_bytes() {
            [b'-', b'-', ..] => end("\n", 2),
            [b'/', b'*', ..] => end("*/", 2),
            [b'-' | b'/', ..] => 1,
            [b'[', ..] => end("]", 1),
            [b'"', ..] => end("\"", 1),
            [b'`', ..] => end("`", 1),
            _ => end("'", 1),
        };
        out.push(' ');
        rest = found.get(taken..).unwrap_or_default();
    }
    out.push_str(rest);
    out
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

#[cfg(test)]
mod tests {
    use super::without_quoted;

    #[test]
    fn only_a_word_of_the_statement_itself_says_that_a_key_is_counted_up() {
        let says = |sql: &str| without_quoted(sql).contains("AUTOINCREMENT");
        assert!(says("CREATE TABLE \"a\" (id INTEGER PRIMARY KEY AUTOINCREMENT, b - 1)"));
        assert!(says("CREATE TABLE a (b TEXT DEFAULT 'it''s', -- a key\n id INTEGER PRIMARY KEY /* so */ AUTOINCREMENT)"));
        for other in [
            "b TEXT DEFAULT ' AUTOINCREMENT'",
            "\"AUTOINCREMENT\" INT",
            "[AUTOINCREMENT] INT",
            "b INT -- AUTOINCREMENT",
            "b /* AUTOINCREMENT */ INT",
        ] {
            assert!(!says(&format!("CREATE TABLE a (id INTEGER PRIMARY KEY, {other}")), "{other}");
        }
    }
}
