//! Accounts and groups that were about to be made, and accounts about to be taken over, until an answer comes: a run that is cut off leaves what nobody heard of, and guardrails count it where it
//! was done after all.
//!
//! Must never: hold two rows for one object, which would count it twice.

use jiff::Timestamp;
use rusqlite::{Connection, Row, params};

use super::rows::{all, parsed, text};
use crate::model::Unheard;

/// Remembers what is about to be sent.
pub(super) fn record_unheard(connection: &Connection, unheard: &Unheard) -> rusqlite::Result<()> {
    let Unheard { target, guardrail, key, at } = unheard;
    let upsert = "INSERT OR REPLACE INTO unheard (target, key, guardrail, at) VALUES (?1, ?2, ?3, ?4)";
    connection.prepare_cached(upsert)?.execute(params![target, key, guardrail.word(), at.to_string()])?;
    Ok(())
}

/// An answer came.
pub(super) fn forget_unheard(connection: &Connection, target: &str, key: &str) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM unheard WHERE target = ?1 AND key = ?2")?.execute([target, key])?;
    Ok(())
}

/// Drops what no window can count any more.
pub(super) fn prune(connection: &Connection, before: Timestamp) -> rusqlite::Result<usize> {
    connection.execute("DELETE FROM unheard WHERE at < ?1", [before.to_string()])
}

pub(super) fn load(connection: &Connection) -> rusqlite::Result<Vec<Unheard>> {
    all(connection, "SELECT target, key, guardrail, at FROM unheard ORDER BY target, key", unheard)
}

fn unheard(row: &Row<'_>) -> rusqlite::Result<Unheard> {
    Ok(Unheard { target: text(row, 0)?, key: text(row, 1)?, guardrail: super::rows::guardrail(row, 2)?, at: parsed(row, 3)? })
}
