//! The database's real schema: what tables there are, and what their columns hold.
//!
//! Must never: take a name on trust. Only names that came from here go into statements, and always quoted.

use rusqlite::{Connection, Result};

use crate::diagnostic::did_you_mean;

/// A table or view as it is.
#[derive(Clone, Debug)]
pub(super) struct Table {
    /// as the database spells it
    pub(super) name: String,
    pub(super) is_view: bool,
    pub(super) columns: Vec<Column>,
    /// columns that are unique by themselves
    unique: Vec<String>,
}

/// A column as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Column {
    /// as the database spells it
    pub(super) name: String,
    pub(super) holds: Holds,
    pub(super) not_null: bool,
    /// the database fills it when nobody does
    pub(super) filled: bool,
    /// computed by the database: can't be written
    pub(super) generated: bool,
}

/// What a column is for, by its declared type (SQLite's own rules of affinity, and truth values as people declare them).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    /// 0 and 1
    Truth,
    /// whole numbers
    Whole,
    /// other numbers, dates
    Numeric,
    /// text
    Text,
    /// whatever it is given
    Anything,
}

impl Table {
    /// Looks a table up. The error says which there are.
    pub(super) fn find(connection: &Connection, name: &str) -> Result<std::result::Result<Self, String>> {
        let known = tables(connection)?;
        let Some((name, is_view)) = known.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) else {
            let hint = hint(name, known.iter().map(|(known, _)| known.as_str()));
            return Ok(Err(format!("there is no table `{name}`{hint}")));
        };
        let columns = columns(connection, name)?;
        Ok(Ok(Self { name: name.clone(), is_view: *is_view, columns, unique: unique_columns(connection, name)? }))
    }

    /// Looks a column up.
    pub(super) fn column(&self, name: &str) -> std::result::Result<Column, String> {
        let found = self.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name));
        found.cloned().ok_or_else(|| {
            let hint = hint(name, self.columns.iter().map(|column| column.name.as_str()));
            format!("table `{}` has no column `{name}`{hint}", self.name)
        })
    }

    /// Whether no two rows can have one value of it.
    pub(super) fn is_unique(&self, column: &Column) -> bool {
        self.unique.contains(&column.name)
    }
}

impl Column {
    /// The name, for a statement.
    pub(super) fn sql(&self) -> String {
        quoted(&self.name)
    }
}

/// A name as SQL wants it.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn hint<'a>(name: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    if let Some(hint) = did_you_mean(name, known.clone()) {
        return format!(" ({hint})");
    }
    let known: Vec<String> = known.take(20).map(|known| format!("`{known}`")).collect();
    format!(" (there are {})", known.join(", "))
}

fn tables(connection: &Connection) -> Result<Vec<(String, bool)>> {
    let mut statement = connection
        .prepare("SELECT name, type = 'view' FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name")?;
    statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

fn columns(connection: &Connection, table: &str) -> Result<Vec<Column>> {
    let mut statement =
        connection.prepare("SELECT name, type, \"notnull\", dflt_value IS NOT NULL, pk, hidden FROM pragma_table_xinfo(?1)")?;
    let rows = statement.query_map([table], |row| {
        let (name, declared, not_null, default): (String, String, bool, bool) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        let (key, hidden): (i64, i64) = (row.get(4)?, row.get(5)?);
        let column = Column { name, holds: holds(&declared), not_null: not_null || key > 0, filled: default, generated: hidden > 1 };
        Ok((column, key, declared.eq_ignore_ascii_case("integer"), hidden == 1))
    })?;
    let rows: Vec<(Column, i64, bool, bool)> = rows.collect::<Result<_>>()?;
    let lone_key = rows.iter().filter(|(_, key, ..)| *key > 0).count() == 1;
    let numbered = lone_key && !is_without_rowid(connection, table)?;
    let visible = rows.into_iter().filter(|(.., hidden)| !hidden);
    Ok(visible
        .map(|(column, key, is_integer, _)| Column { filled: column.filled || (key > 0 && is_integer && numbered), ..column })
        .collect())
}

fn is_without_rowid(connection: &Connection, table: &str) -> Result<bool> {
    connection
        .query_row("SELECT coalesce(max(wr), 0) FROM pragma_table_list WHERE schema = 'main' AND name = ?1", [table], |row| row.get(0))
}

fn unique_columns(connection: &Connection, table: &str) -> Result<Vec<String>> {
    let mut statement = connection.prepare(
        "SELECT name FROM pragma_table_info(?1) WHERE pk = 1 AND (SELECT count(*) FROM pragma_table_info(?1) WHERE pk > 0) = 1
         UNION
         SELECT (SELECT name FROM pragma_index_info(list.name)) FROM pragma_index_list(?1) AS list
         WHERE list.\"unique\" AND NOT list.partial AND (SELECT count(*) FROM pragma_index_info(list.name)) = 1",
    )?;
    let names = statement.query_map([table], |row| row.get::<_, Option<String>>(0))?;
    Ok(names.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
}

fn holds(declared: &str) -> Holds {
    let declared = declared.to_ascii_uppercase();
    let has = |part: &str| declared.contains(part);
    if has("BOOL") || declared == "BIT" {
        Holds::Truth
    } else if has("INT") {
        Holds::Whole
    } else if has("CHAR") || has("CLOB") || has("TEXT") {
        Holds::Text
    } else if declared.is_empty() || has("BLOB") {
        Holds::Anything
    } else {
        Holds::Numeric
    }
}
