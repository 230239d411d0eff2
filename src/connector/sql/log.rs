//! One line of the log for each SQL statement: its kind, the table it begins with, and how long it took.
//!
//! Must never: tell a value, or the conditions of a statement, which the manifest may write values into.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::trace::{TraceEvent, TraceEventCodes};

thread_local! {
    /// Whose connection this thread opened last: one is opened for each piece of work, and stays in its thread.
    static SYSTEM: RefCell<Arc<str>> = RefCell::new(Arc::from(""));
}

/// From here on the statements of a connection are told, where anybody reads it.
pub(super) fn watch(connection: &mut Connection, system: &Arc<str>) {
    if tracing::enabled!(target: "headcount::sql", tracing::Level::DEBUG) {
        SYSTEM.with_borrow_mut(|known| *known = system.clone());
        // Fails never for a connection that is open; a log that is missing is no reason to stop.
        let _ = connection.trace_v2(TraceEventCodes::SQLITE_TRACE_PROFILE, Some(tell));
    }
}

fn tell(event: TraceEvent<'_>) {
    if let TraceEvent::Profile(statement, took) = event {
        SYSTEM.with_borrow(|system| statement_took(system, &statement.sql(), took));
    }
}

/// Tells a statement, where anybody reads it.
pub(super) fn statement_took(system: &str, sql: &str, took: Duration) {
    if tracing::enabled!(target: "headcount::sql", tracing::Level::DEBUG) {
        let (statement, table) = kind(sql);
        let ms = milliseconds(took);
        tracing::debug!(target: "headcount::sql", system, statement, table, ms, "statement");
    }
}

fn milliseconds(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}

/// The first word, and the name behind the first FROM, INTO or UPDATE.
fn kind(sql: &str) -> (String, String) {
    let mut words = sql.split_whitespace();
    let first = words.next().unwrap_or_default().to_uppercase();
    let named = if first == "UPDATE" { words.next() } else { words.find(|word| is_before_table(word)).and_then(|_| words.next()) };
    let bare = named.unwrap_or_default().split('(').next().unwrap_or_default();
    (first, bare.trim_matches(['"', '`', ';', '[', ']']).to_owned())
}

fn is_before_table(word: &str) -> bool {
    word.eq_ignore_ascii_case("FROM") || word.eq_ignore_ascii_case("INTO")
}

#[cfg(test)]
mod tests {
    use super::kind;

    #[test]
    fn a_statement_is_told_by_its_kind_and_table_alone() {
        for (sql, word, table) in [
            ("SELECT a, b FROM \"users\" WHERE c = 'x'", "SELECT", "users"),
            ("insert into \"team_users\" (a) VALUES (?1)", "INSERT", "team_users"),
            ("UPDATE users SET a = 1", "UPDATE", "users"),
            ("DELETE FROM users", "DELETE", "users"),
            ("BEGIN IMMEDIATE", "BEGIN", ""),
            ("", "", ""),
        ] {
            assert_eq!(kind(sql), (word.to_owned(), table.to_owned()));
        }
    }
}
