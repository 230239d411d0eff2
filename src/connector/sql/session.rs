//! What is asked of a database, whichever it is: statements with their values, and transactions. Places for values are numbered (`?1`), as SQLite writes them;
//! whoever speaks to another database writes them as that one does.
//!
//! Must never: put a value into the text of a statement, or leave a transaction open.

use super::dialect::Dialect;
use crate::model::SystemError;

/// A value on its way to a database.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Sql {
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
}

/// A value as a database gave it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum SqlRef<'a> {
    Null,
    Integer(i64),
    Real(f64),
    Text(&'a str),
    /// what has no place in a row, in words: "binary data"
    Other(&'static str),
}

impl Sql {
    pub(super) fn borrowed(&self) -> SqlRef<'_> {
        match self {
            Self::Null => SqlRef::Null,
            Self::Integer(number) => SqlRef::Integer(*number),
            Self::Real(number) => SqlRef::Real(*number),
            Self::Text(text) => SqlRef::Text(text),
        }
    }
}

impl SqlRef<'_> {
    /// Kept for longer than its row.
    pub(super) fn kept(self) -> Result<Sql, SystemError> {
        Ok(match self {
            Self::Null => Sql::Null,
            Self::Integer(number) => Sql::Integer(number),
            Self::Real(number) => Sql::Real(number),
            Self::Text(text) => Sql::Text(text.to_owned()),
            Self::Other(words) => return Err(SystemError::Protocol(format!("a column holds {words}"))),
        })
    }

    /// Of a condition that was asked for.
    pub(super) fn is_yes(self) -> bool {
        matches!(self, Self::Integer(number) if number != 0)
    }
}

/// The values of one statement, each with its place.
#[derive(Clone, Debug, Default)]
pub(super) struct Values(pub(super) Vec<Sql>);

impl Values {
    /// Takes a value; its place in the statement.
    pub(super) fn place(&mut self, value: Sql) -> usize {
        self.0.push(value);
        self.0.len()
    }
}

/// A row as it comes.
pub(super) trait Line {
    /// How many values there are.
    fn width(&self) -> usize;

    /// The value at a place of the list.
    fn at(&self, place: usize) -> Result<SqlRef<'_>, SystemError>;
}

/// Takes rows as they come.
pub(super) type Each<'e> = &'e mut dyn FnMut(&dyn Line) -> Result<(), SystemError>;

/// What a transaction is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// reads, all from one state of the database; nothing can be written in it
    Snapshot,
    Write,
}

/// A column of an answer.
#[derive(Clone, Debug)]
pub(super) struct Answered {
    pub(super) name: String,
    /// what the database calls its type
    pub(super) kind: String,
}

/// What is said of a statement that would change something where nothing can be changed: somebody's own query, since none of ours does.
pub(super) fn writes(words: &str) -> SystemError {
    SystemError::Rejected(format!("the `query` changes something, and a Source's query may only read ({words})"))
}

/// A connection to a database, in the hands of one thread. Its errors are classified, and hold no values.
pub(super) trait Session: Send {
    /// How it is spoken to.
    fn dialect(&self) -> Dialect;

    /// The schema with the tables, where there are several.
    fn schema(&self) -> &str {
        ""
    }

    /// Why nothing can be written there, whoever asks.
    fn only_reads(&self) -> Result<Option<String>, SystemError> {
        Ok(None)
    }

    /// Has the tables of this statement, which is about to be asked, be the same ones until the transaction ends, where that can be had before its snapshot begins.
    fn hold(&self, _sql: &str, _values: &[Sql]) -> Result<(), SystemError> {
        Ok(())
    }

    /// What was read in this transaction and is another thing by now than its snapshot knows, so that it looks empty, or as it was long ago: whoever empties a table,
    /// makes it anew or renames another one into its place waits for nobody's snapshot.
    fn replaced(&self) -> Result<Vec<String>, SystemError> {
        Ok(Vec::new())
    }

    /// Asks, and hands each row on as it comes. What `each` says ends it.
    fn query(&self, sql: &str, values: &[Sql], each: Each<'_>) -> Result<(), SystemError>;

    /// Changes rows; how many.
    fn execute(&self, sql: &str, values: &[Sql]) -> Result<u64, SystemError>;

    /// What a statement would answer, without running it.
    fn columns(&self, sql: &str) -> Result<Vec<Answered>, SystemError>;

    /// Begins a transaction.
    fn begin(&self, mode: Mode) -> Result<(), SystemError>;

    /// Ends it, and so makes what was done in it stand. An answer that was lost is uncertain.
    fn commit(&self) -> Result<(), SystemError>;

    /// Undoes all of it.
    fn roll_back(&self) -> Result<(), SystemError>;

    /// A statement without values or answer: of savepoints.
    fn mark(&self, statement: &'static str) -> Result<(), SystemError>;

    /// Whether the transaction that was begun still stands.
    fn is_open(&self) -> bool;

    /// Whether another transaction can be begun on it. Asks the server where nothing else would show that it is gone.
    fn is_usable(&self) -> bool;

    /// The number that the table counted up to for the row that was inserted last, where the database says so by itself.
    fn last_key(&self) -> Option<String> {
        None
    }
}

impl dyn Session + '_ {
    /// The rows of a short answer.
    pub(super) fn rows(&self, sql: &str, values: &[Sql]) -> Result<Vec<Vec<Sql>>, SystemError> {
        let mut rows = Vec::new();
        self.query(sql, values, &mut |line| {
            rows.push((0..line.width()).map(|place| line.at(place)?.kept()).collect::<Result<Vec<_>, _>>()?);
            Ok(())
        })?;
        Ok(rows)
    }
}

/// A transaction that is undone where nobody commits it.
pub(super) struct Transaction<'s> {
    session: &'s dyn Session,
    ended: bool,
}

impl<'s> Transaction<'s> {
    pub(super) fn begin(session: &'s dyn Session, mode: Mode) -> Result<Self, SystemError> {
        session.begin(mode)?;
        Ok(Self { session, ended: false })
    }

    pub(super) fn commit(mut self) -> Result<(), SystemError> {
        self.ended = true;
        let committed = self.session.commit();
        if committed.is_err() && self.session.is_open() {
            // The error that matters is told already.
            let _ = self.session.roll_back();
        }
        committed
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if !self.ended && self.session.is_open() {
            // A connection on which even this fails is not used again.
            let _ = self.session.roll_back();
        }
    }
}
