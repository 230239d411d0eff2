//! How each kind of database writes what statements are made of: names, places for values, and comparisons that take a text for what it is, by its letters.
//!
//! Must never: hold a value, or let two texts count as one that a reader would tell apart.

use std::borrow::Cow;

use super::schema::{Column, Holds};
use super::session::Sql;
use crate::model::{ValueForm, is_uuid};

/// Which SQL is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Sqlite,
    Postgres,
    MySql,
}

/// How a column is read and compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Handling {
    /// as it is
    #[default]
    Plain,
    /// read as text, and compared as it is: a date, a number with a fraction
    ReadAsText,
    /// as text: what has no order of its own, or ignores case
    AsText,
}

impl Dialect {
    /// A name as SQL wants it.
    pub(super) fn quoted(self, name: &str) -> String {
        match self {
            Self::Sqlite | Self::Postgres => format!("\"{}\"", name.replace('"', "\"\"")),
            Self::MySql => format!("`{}`", name.replace('`', "``")),
        }
    }

    /// Most values of one statement: SQLite takes 32,766, the others 65,535.
    pub(super) fn most_values(self) -> usize {
        match self {
            Self::Sqlite => 32_766,
            Self::Postgres | Self::MySql => 65_535,
        }
    }

    /// A statement with places as this database writes them, and which value goes to each.
    pub(super) fn placed<'s>(self, sql: &'s str, values: usize) -> (Cow<'s, str>, Vec<usize>) {
        let all = (0..values).collect();
        match self {
            Self::Sqlite => (Cow::Borrowed(sql), all),
            Self::Postgres => (Cow::Owned(replaced(sql, |number| format!("${number}"))), all),
            Self::MySql => {
                let mut order = Vec::new();
                let sql = replaced(sql, |number| {
                    order.push(number.saturating_sub(1));
                    "?".to_owned()
                });
                (Cow::Owned(sql), order)
            }
        }
    }
}

/// Writes each place anew; what is quoted, or a comment of somebody's own query, is left.
fn replaced(sql: &str, mut place: impl FnMut(usize) -> String) -> String {
    let mut out = String::with_capacity(sql.len());
    let mut rest = sql;
    while let Some(at) = rest.find(['?', '"', '\'', '`', '-', '/']) {
        let (before, found) = rest.split_at(at);
        out.push_str(before);
        let taken = match found.as_bytes() {
            [b'?', ..] => {
                let digits = found.len() - 1 - found[1..].trim_start_matches(|sign: char| sign.is_ascii_digit()).len();
                match found[1..=digits].parse::<usize>() {
                    Ok(number) => out.push_str(&place(number)),
                    Err(_) => out.push('?'),
                }
                rest = &found[1 + digits..];
                continue;
            }
            [b'-', b'-', ..] => found.find('\n').map_or(found.len(), |end| end + 1),
            [b'/', b'*', ..] => found.find("*/").map_or(found.len(), |end| end + 2),
            [b'-' | b'/', ..] => 1,
            [quote, ..] => found[1..].find(char::from(*quote)).map_or(found.len(), |end| end + 2),
            [] => break,
        };
        out.push_str(&found[..taken]);
        rest = &found[taken..];
    }
    out.push_str(rest);
    out
}

impl Column {
    /// As it is read.
    pub(super) fn read(&self) -> String {
        self.read_of("")
    }

    /// As it is read of a table that has another name in the statement: `held.`.
    pub(super) fn read_of(&self, table: &str) -> String {
        match (self.dialect, self.handling) {
            (Dialect::Postgres, Handling::ReadAsText | Handling::AsText) => format!("{table}{}::text", self.sql),
            _ => format!("{table}{}", self.sql),
        }
    }

    /// The condition that it has just the value of this place.
    pub(super) fn equals(&self, place: usize) -> String {
        let column = &self.sql;
        match (self.dialect, self.holds, self.handling) {
            (Dialect::Sqlite, ..) => format!("{column} = ?{place} COLLATE BINARY"),
            (Dialect::Postgres, _, Handling::AsText) => format!("{column}::text COLLATE \"C\" = ?{place}"),
            (Dialect::MySql, _, Handling::AsText) => format!("CAST({column} AS CHAR) = ?{place}"),
            // The first half finds it by an index, where letters of two cases may be one; the second looks at its letters, and at blanks behind it.
            (Dialect::MySql, Holds::Text, _) => format!("({column} = ?{place} AND {} = CAST(?{place} AS BINARY))", letters(column)),
            _ => format!("{column} = ?{place}"),
        }
    }

    /// The same where both may be nothing.
    pub(super) fn is(&self, place: usize) -> String {
        let column = &self.sql;
        match (self.dialect, self.holds, self.handling) {
            (Dialect::Sqlite, ..) => format!("{column} IS ?{place} COLLATE BINARY"),
            // Its blanks and its order are its own.
            (Dialect::Postgres, ..) if self.form == Some(ValueForm::Document) => format!("{column} IS NOT DISTINCT FROM ?{place}"),
            (Dialect::MySql, ..) if self.form == Some(ValueForm::Document) => format!("{column} <=> CAST(?{place} AS JSON)"),
            (Dialect::Postgres, _, Handling::AsText) => format!("{column}::text COLLATE \"C\" IS NOT DISTINCT FROM ?{place}"),
            (Dialect::Postgres, ..) => format!("{column} IS NOT DISTINCT FROM ?{place}"),
            (Dialect::MySql, _, Handling::AsText) => format!("CAST({column} AS CHAR) <=> ?{place}"),
            (Dialect::MySql, Holds::Text, _) => format!("({column} <=> ?{place} AND {} <=> CAST(?{place} AS BINARY))", letters(column)),
            (Dialect::MySql, ..) => format!("{column} <=> ?{place}"),
        }
    }

    /// The condition that it has the value of this place as the database itself compares it: a number whatever it is written like, a text by the column's collation.
    pub(super) fn matches(&self, place: usize) -> String {
        let column = &self.sql;
        match (self.dialect, self.handling) {
            (Dialect::Postgres, Handling::AsText) if self.caseless => format!("lower({column}::text COLLATE \"C\") = lower(?{place})"),
            (Dialect::Postgres, Handling::AsText) => format!("{column}::text = ?{place}"),
            (Dialect::MySql, Handling::AsText) => format!("CAST({column} AS CHAR) = ?{place}"),
            _ => format!("{column} = ?{place}"),
        }
    }

    /// The condition that it has a time, which has come by the time of this place (`layout::now`): an empty text, nought and MySQL's day of noughts are none, and what
    /// is still to come, as `infinity` always is, ends nobody's access yet. Times without a zone are UTC, large whole numbers milliseconds.
    pub(super) fn has_come(&self, place: usize) -> String {
        let column = &self.sql;
        let seconds = format!("CASE WHEN {column} > 99999999999 THEN {column} / 1000 ELSE {column} END");
        let letters = |text: &str| format!("REPLACE(SUBSTR({text}, 1, 19), 'T', ' ')");
        let come = match (self.dialect, self.holds) {
            (Dialect::Sqlite, _) => format!(
                "CASE typeof({column}) WHEN 'text' THEN {} <= datetime(?{place}, 'auto') ELSE {seconds} <= unixepoch(?{place}, 'auto') END",
                letters(column)
            ),
            (_, Holds::Whole) => format!("{seconds} <= ?{place}"),
            (_, Holds::Time) => format!("{column} <= ?{place}"),
            (Dialect::Postgres, _) => format!("{} <= ?{place}", letters(&format!("{column}::text"))),
            (Dialect::MySql, _) => format!("{} <= ?{place}", letters(&format!("CAST({column} AS CHAR)"))),
        };
        format!("({} AND {come})", self.has_time())
    }

    fn has_time(&self) -> String {
        let column = &self.sql;
        let text = match self.dialect {
            Dialect::Sqlite => format!("CAST({column} AS TEXT)"),
            Dialect::Postgres => format!("{column}::text"),
            Dialect::MySql => format!("CAST({column} AS CHAR)"),
        };
        format!("{column} IS NOT NULL AND {text} NOT IN ('', '0') AND {text} NOT LIKE '0000-00-00%'")
    }

    /// It, and a column of another table that holds the same, as statements compare the two: by their letters where either is text. Each has the name of its table
    /// before it.
    pub(super) fn comparable(&self, other: &Self, (table, other_table): (&str, &str)) -> (String, String) {
        let (one, two) = (format!("{table}{}", self.sql), format!("{other_table}{}", other.sql));
        let is_number = |column: &Self| matches!(column.holds, Holds::Whole | Holds::Numeric);
        let alike = self.handling != Handling::AsText && other.handling != Handling::AsText;
        let alike = alike && (self.holds == other.holds || (is_number(self) && is_number(other)));
        match self.dialect {
            Dialect::Sqlite => (one, format!("{two} COLLATE BINARY")),
            Dialect::Postgres if !alike => (format!("{one}::text COLLATE \"C\""), format!("{two}::text")),
            Dialect::MySql if !alike || self.holds == Holds::Text => (letters(&one), letters(&two)),
            _ => (one, two),
        }
    }

    /// The condition that it has just one of the values of these places.
    pub(super) fn among(&self, places: &[usize]) -> String {
        let column = &self.sql;
        let list = |form: &dyn Fn(&usize) -> String| places.iter().map(form).collect::<Vec<_>>().join(", ");
        let plain = list(&|place| format!("?{place}"));
        match (self.dialect, self.holds, self.handling) {
            (Dialect::Sqlite, ..) => format!("{column} COLLATE BINARY IN ({plain})"),
            (Dialect::Postgres, _, Handling::AsText) => format!("{column}::text COLLATE \"C\" IN ({plain})"),
            (Dialect::MySql, _, Handling::AsText) => format!("CAST({column} AS CHAR) IN ({plain})"),
            (Dialect::MySql, Holds::Text, _) => {
                let exact = list(&|place| format!("CAST(?{place} AS BINARY)"));
                format!("({column} IN ({plain}) AND {} IN ({exact}))", letters(column))
            }
            _ => format!("{column} IN ({plain})"),
        }
    }

    /// The condition that holds at least where it has the value of this place in whatever case: for values of ASCII letters, since not every database folds others.
    pub(super) fn folds_to(&self, place: usize) -> String {
        let column = &self.sql;
        match self.dialect {
            Dialect::Sqlite => format!("{column} = ?{place} COLLATE NOCASE"),
            Dialect::Postgres => format!("lower({column}::text) = lower(?{place})"),
            Dialect::MySql if self.caseless => format!("{column} = ?{place}"),
            Dialect::MySql => format!("LOWER(CONVERT({column} USING utf8mb4)) = LOWER(?{place})"),
        }
    }

    /// An id, for comparing with this column. What it could never hold is nothing, which equals no value.
    pub(super) fn key(&self, id: &str) -> Sql {
        match (self.dialect, self.holds) {
            // A column of SQLite holds whatever it was given.
            (Dialect::Sqlite, _) | (_, Holds::Whole | Holds::Truth) => match id.parse::<i64>() {
                Ok(number) if number.to_string() == id => Sql::Integer(number),
                _ if self.dialect == Dialect::Sqlite => Sql::Text(id.to_owned()),
                // Larger ones of eight bytes without a sign.
                _ if id.parse::<u64>().is_ok_and(|number| number.to_string() == id) => Sql::Text(id.to_owned()),
                _ => Sql::Null,
            },
            (Dialect::Postgres, Holds::Uuid) if !is_uuid(id) => Sql::Null,
            _ => Sql::Text(id.to_owned()),
        }
    }
}

fn letters(column: &str) -> String {
    format!("CAST(CONVERT({column} USING utf8mb4) AS BINARY)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_written_as_each_database_does_and_what_is_quoted_stays() {
        let sql = "SELECT \"a?1\", '?2', `?3` FROM t -- don't ?9\nWHERE a = ?1 AND b /* it's ?8 */ = ?12 AND c <=> ?1 AND d - 1 / 2 ? 'x'";
        let (postgres, order) = Dialect::Postgres.placed(sql, 12);
        assert_eq!(postgres, sql.replace("= ?12", "= $12").replace("a = ?1 ", "a = $1 ").replace("<=> ?1", "<=> $1"));
        assert_eq!(order.len(), 12);
        let (mysql, order) = Dialect::MySql.placed(sql, 12);
        assert_eq!(mysql, sql.replace("= ?12", "= ?").replace("a = ?1 ", "a = ? ").replace("<=> ?1", "<=> ?"));
        assert_eq!(order, [0, 11, 0]);
    }

    #[test]
    fn a_name_never_ends_its_quotes() {
        assert_eq!(Dialect::Postgres.quoted("a\"; DROP TABLE b; --"), "\"a\"\"; DROP TABLE b; --\"");
        assert_eq!(Dialect::MySql.quoted("a`b"), "`a``b`");
    }
}
