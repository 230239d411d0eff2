//! The database's real schema: what tables there are, what their columns hold, and what we may do with them.
//!
//! Must never: take a name on trust. Only names that came from here go into statements, and always quoted.

use std::fmt;
use std::sync::Arc;

use super::dialect::{Dialect, Handling};
use super::session::Session;
use super::{mysql, postgres, sqlite};
use crate::diagnostic::did_you_mean;
use crate::model::{Charset, SystemError, ValueForm};

/// A table or view as it is.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) name: TableName,
    pub(super) is_view: bool,
    pub(super) columns: Vec<Column>,
    /// columns that are unique by themselves
    pub(super) unique: Vec<String>,
    /// rows may be removed
    pub(super) deletable: bool,
    /// what keeps it from being used, in words
    pub(super) troubles: Vec<String>,
    /// triggers that stand before an insert or update, and so may change what is written
    pub(super) triggers: Vec<String>,
}

/// The name of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TableName {
    /// as the database spells it
    pub(super) shown: String,
    /// for a statement
    pub(super) sql: String,
}

/// A column as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Column {
    /// as the database spells it
    pub(super) name: String,
    /// for a statement
    pub(super) sql: String,
    pub(super) holds: Holds,
    pub(super) not_null: bool,
    /// the database fills it when nobody does
    pub(super) filled: bool,
    /// how the database counts it up, where no number comes twice
    pub(super) counted: Option<Counted>,
    /// computed by the database: can't be written
    pub(super) generated: bool,
    pub(super) dialect: Dialect,
    pub(super) handling: Handling,
    /// letters of two cases are one to its own comparisons
    pub(super) caseless: bool,
    /// so are letters with an accent and without
    pub(super) accentless: bool,
    /// it takes no sign beyond U+FFFF
    pub(super) basic: bool,
    /// what fills it, and the account may not use: as a statement names it
    pub(super) sequence: Option<String>,
    /// most characters, where it says so
    pub(super) longest: Option<usize>,
    /// bytes of a whole number
    pub(super) bytes: Option<u8>,
    /// the form in which it keeps values, where the database says more of it than what it is for
    pub(super) form: Option<ValueForm>,
    /// words of which it holds one, or several
    pub(super) words: Vec<Arc<str>>,
    /// the signs that it takes
    pub(super) charset: Charset,
    pub(super) rights: Rights,
}

/// What counts a column of new rows up, so that a number of a row that is gone is never given again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counted {
    /// the table itself. MySQL and MariaDB tell of it, and of nothing else, which number a row got
    ByTable,
    /// a sequence
    BySequence,
}

/// What we may do with a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rights {
    pub(super) select: bool,
    pub(super) insert: bool,
    pub(super) update: bool,
}

/// What a column is for, by its declared type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    /// yes and no
    Truth,
    /// whole numbers
    Whole,
    /// other numbers; in SQLite dates too
    Numeric,
    /// text
    Text,
    /// dates and times, in a database that knows them
    Time,
    /// UUIDs, in a database that knows them
    Uuid,
    /// whatever it is given
    Anything,
    /// bytes
    Binary,
}

impl Rights {
    pub(super) const ALL: Self = Self { select: true, insert: true, update: true };
}

impl fmt::Display for TableName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.shown)
    }
}

impl Table {
    /// Looks a table up. The error says which there are.
    pub(super) fn find(session: &dyn Session, name: &str) -> Result<Result<Self, String>, SystemError> {
        let known = match session.dialect() {
            Dialect::Sqlite => sqlite::catalog::tables(session)?,
            Dialect::Postgres => postgres::catalog::tables(session)?,
            Dialect::MySql => mysql::catalog::tables(session)?,
        };
        let exact = known.iter().find(|(known, _)| known == name);
        let Some((name, is_view)) = exact.or_else(|| known.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))) else {
            let hint = hint(name, known.iter().map(|(known, _)| known.as_str()));
            return Ok(Err(format!("there is no table `{name}`{hint}")));
        };
        match session.dialect() {
            Dialect::Sqlite => sqlite::catalog::table(session, name, *is_view),
            Dialect::Postgres => postgres::catalog::table(session, name, *is_view),
            Dialect::MySql => mysql::catalog::table(session, name, *is_view),
        }
        .map(Ok)
    }

    /// What somebody's own SELECT gives, as a table.
    pub(super) fn of_query(session: &dyn Session, query: &str) -> Result<Self, SystemError> {
        let dialect = session.dialect();
        let query = query.trim().trim_end_matches(';');
        // Its last line may be a comment.
        let sql = format!("({query}\n) AS {}", dialect.quoted("query"));
        let answered = session.columns(&format!("SELECT * FROM {sql}"))?;
        let columns = answered.into_iter().map(|column| {
            let known = match dialect {
                Dialect::Sqlite => sqlite::catalog::kind(&column.kind),
                Dialect::Postgres => postgres::catalog::kind(&column.kind),
                Dialect::MySql => mysql::catalog::kind(&column.kind),
            };
            Column::new(dialect, column.name, known)
        });
        let name = TableName { shown: "the query".into(), sql };
        let columns = columns.collect();
        Ok(Self { name, is_view: true, columns, unique: Vec::new(), deletable: false, troubles: Vec::new(), triggers: Vec::new() })
    }

    /// Looks a column up.
    pub(super) fn column(&self, name: &str) -> Result<Column, String> {
        let exact = self.columns.iter().find(|column| column.name == name);
        let found = exact.or_else(|| self.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name)));
        found.cloned().ok_or_else(|| {
            let hint = hint(name, self.columns.iter().map(|column| column.name.as_str()));
            // MySQL shows nobody a column that they have no right on.
            let hidden = self.columns.first().is_none_or(|column| column.dialect == Dialect::MySql);
            let seen = if hidden { " that the account may see" } else { "" };
            format!("table `{}` has no column `{name}`{seen}{hint}", self.name)
        })
    }

    /// Whether no two rows can have one value of it.
    pub(super) fn is_unique(&self, column: &Column) -> bool {
        self.unique.contains(&column.name)
    }
}

impl Column {
    /// Of this kind, and nothing more known of it.
    pub(super) fn new(dialect: Dialect, name: String, (holds, handling): (Holds, Handling)) -> Self {
        Self {
            sql: dialect.quoted(&name),
            name,
            holds,
            not_null: false,
            filled: false,
            counted: None,
            generated: false,
            dialect,
            handling,
            caseless: false,
            accentless: false,
            basic: false,
            sequence: None,
            longest: None,
            bytes: None,
            form: None,
            words: Vec::new(),
            charset: Charset::All,
            rights: Rights::ALL,
        }
    }
}

fn hint<'a>(name: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    if let Some(hint) = did_you_mean(name, known.clone()) {
        return format!(" ({hint})");
    }
    let known: Vec<String> = known.take(20).map(|known| format!("`{known}`")).collect();
    match known.is_empty() {
        true => " (there are none that the account may see)".to_owned(),
        false => format!(" (there are {})", known.join(", ")),
    }
}
