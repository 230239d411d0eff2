//! The journal's lines as rows.
//!
//! Must never: change one, take one away but at the beginning, or give more of them at once than can be held.

use std::sync::Arc;

use rusqlite::{Connection, Row, params};

use super::schema::{meta, set_meta};
use crate::state::{ChainLine, Head, OpenRun};

/// The `meta` row with the last line that was cut off.
pub(in crate::state) const CHECKPOINT: &str = "journal_checkpoint";

/// Lines that come at once: bounds what is held of a journal.
const AT_ONCE: i64 = 1000;

/// The journal's lines after one.
pub(super) fn lines(connection: &Connection, after: u64, run: Option<&str>) -> rusqlite::Result<Vec<ChainLine>> {
    let query = "SELECT seq, body, hash, run, event FROM journal WHERE seq > ?1 AND (?2 IS NULL OR run = ?2) ORDER BY seq LIMIT ?3";
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    connection.prepare_cached(query)?.query_map(params![after, run, AT_ONCE], line)?.collect()
}

/// The lines up to one are cut off.
pub(super) fn cut(connection: &Connection, last: &Head) -> rusqlite::Result<()> {
    set_meta(connection, CHECKPOINT, &last.text())?;
    connection.prepare_cached("DELETE FROM journal WHERE seq <= ?1")?.execute([last.seq.cast_signed()]).map(drop)
}

/// The last line that was cut off.
pub(super) fn checkpoint(connection: &Connection) -> rusqlite::Result<Option<Head>> {
    Ok(meta(connection, CHECKPOINT)?.and_then(|text| Head::parse(&text)))
}

/// Runs that began and never ended.
pub(super) fn open_runs(connection: &Connection) -> rusqlite::Result<Vec<OpenRun>> {
    const RUNS: &str = "SELECT run FROM journal AS start WHERE event = 'started' \
        AND NOT EXISTS (SELECT 1 FROM journal WHERE event = 'finished' AND run = start.run) ORDER BY seq";
    const INTENTS: &str = "SELECT seq, body, hash, run, event FROM journal AS intent WHERE event = 'intent' AND run = ?1 \
        AND NOT EXISTS (SELECT 1 FROM journal WHERE event = 'outcome' AND run = ?1 AND change = intent.change) ORDER BY seq";
    let runs: Vec<Arc<str>> = connection.prepare_cached(RUNS)?.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    let mut intents = connection.prepare_cached(INTENTS)?;
    let open = runs.into_iter().map(|run| {
        let of_it = intents.query_map([&run], line)?.collect::<rusqlite::Result<_>>()?;
        Ok(OpenRun { run, intents: of_it })
    });
    open.collect()
}

fn line(row: &Row<'_>) -> rusqlite::Result<ChainLine> {
    let seq = row.get::<_, i64>(0)?.cast_unsigned();
    Ok(ChainLine { seq, body: row.get(1)?, hash: row.get(2)?, run: row.get(3)?, event: row.get(4)? })
}
