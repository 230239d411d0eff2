//! Keys that seal, as rows; and what goes where somebody is erased.
//!
//! Must never: leave anything of whoever is erased in a page that is free.

use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, Row, params};

use super::rows::{parsed, text};
use crate::model::{Key, grant_key};
use crate::state::{KeptKey, StateError, Subjects};

/// Keys that come at once.
const AT_ONCE: i64 = 1000;

pub(super) fn put(connection: &Connection, subject: &KeptKey) -> rusqlite::Result<()> {
    let KeptKey { id, wrapped_by, key, whom, at } = subject;
    let upsert = "INSERT INTO subjects (id, wrapped_by, key, whom, at) VALUES (?1, ?2, ?3, ?4, ?5) \
                  ON CONFLICT (id) DO UPDATE SET wrapped_by = excluded.wrapped_by, key = excluded.key, whom = excluded.whom";
    connection.prepare_cached(upsert)?.execute(params![id, wrapped_by, key, whom, at.to_string()]).map(drop)
}

pub(super) fn destroy(connection: &Connection, ids: &[Arc<str>]) -> rusqlite::Result<()> {
    connection.pragma_update(None, "secure_delete", true)?;
    let mut delete = connection.prepare_cached("DELETE FROM subjects WHERE id = ?1")?;
    ids.iter().try_for_each(|id| delete.execute([id]).map(drop))
}

pub(super) fn load(connection: &Connection, which: &Subjects) -> rusqlite::Result<Vec<KeptKey>> {
    match which {
        Subjects::Named(ids) => {
            let mut one = connection.prepare_cached("SELECT id, wrapped_by, key, whom, at FROM subjects WHERE id = ?1")?;
            let mut found = Vec::with_capacity(ids.len());
            for id in ids {
                found.extend(one.query_map([id], subject)?.collect::<rusqlite::Result<Vec<_>>>()?);
            }
            Ok(found)
        }
        Subjects::After(id) => {
            let next = "SELECT id, wrapped_by, key, whom, at FROM subjects WHERE id > ?1 ORDER BY id LIMIT ?2";
            connection.prepare_cached(next)?.query_map(params![id, AT_ONCE], subject)?.collect()
        }
    }
}

fn subject(row: &Row<'_>) -> rusqlite::Result<KeptKey> {
    Ok(KeptKey { id: text(row, 0)?, wrapped_by: text(row, 1)?, key: row.get(2)?, whom: row.get(3)?, at: parsed(row, 4)? })
}

/// What goes by a key; `?2` and `?3` are between which all keys of their grants lie.
const BY_KEY: [&str; 10] = [
    "DELETE FROM written WHERE (target, kind, id) IN (SELECT target, kind, id FROM links WHERE key = ?1)",
    "DELETE FROM repeats WHERE (target, kind, id) IN (SELECT target, kind, id FROM links WHERE key = ?1)",
    "DELETE FROM deactivations WHERE (target, kind, id) IN (SELECT target, kind, id FROM links WHERE key = ?1 UNION SELECT target, kind, id FROM cut_off WHERE key = ?1)",
    "DELETE FROM links WHERE key = ?1 OR (kind = 'entitlement' AND key >= ?2 AND key < ?3)",
    "DELETE FROM formers WHERE key = ?1",
    "DELETE FROM records WHERE identity = ?1",
    "DELETE FROM resting WHERE key = ?1",
    "DELETE FROM unheard WHERE key = ?1",
    "DELETE FROM departed WHERE key = ?1",
    "DELETE FROM cut_off WHERE key = ?1",
];

/// Nothing is kept any longer of whoever has these keys.
pub(super) fn erase(connection: &Connection, keys: &[Arc<str>]) -> rusqlite::Result<()> {
    connection.pragma_update(None, "secure_delete", true)?;
    for key in keys {
        // `$` is the character after `#`.
        let (first, end) = (grant_key(key, ""), format!("{key}$"));
        for statement in BY_KEY {
            let mut statement = connection.prepare(statement)?;
            match statement.parameter_count() {
                1 => statement.execute([key])?,
                _ => statement.execute(params![key, first, end])?,
            };
        }
        if let Some((source, record)) = Key::of_record(key) {
            connection.execute("DELETE FROM records WHERE source = ?1 AND record = ?2", [source, record])?;
        }
    }
    Ok(())
}

/// Every page is written anew and the log emptied, so that no byte of what is gone is left in either.
pub(super) fn leave_nothing(connection: &Connection, path: &Path) -> Result<(), StateError> {
    let emptied = || {
        connection.execute_batch("VACUUM")?;
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0))
    };
    match emptied() {
        Ok(0) => Ok(()),
        Ok(_) => Err(StateError::Remains { path: path.to_path_buf(), why: "somebody reads it".to_owned() }),
        Err(error) => Err(StateError::Remains { path: path.to_path_buf(), why: error.to_string() }),
    }
}
