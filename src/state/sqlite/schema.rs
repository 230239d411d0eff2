//! The tables, and the check that a file is ours and of a version we know.

use rusqlite::{Connection, OptionalExtension};

/// "hcnt": says that a SQLite file is a headcount state.
const APPLICATION_ID: i64 = 0x6863_6e74;
/// The version of the tables.
pub const VERSION: i64 = 6;

const TABLES: &str = "
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS links (
    target TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL, id TEXT NOT NULL, origin TEXT NOT NULL,
    system INTEGER NOT NULL, name TEXT, at TEXT NOT NULL,
    PRIMARY KEY (target, kind, key)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS links_by_id ON links (target, kind, system, id) WHERE kind <> 'entitlement';
CREATE INDEX IF NOT EXISTS links_by_account ON links (target, id);
CREATE TABLE IF NOT EXISTS formers (
    target TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL, id TEXT NOT NULL, at TEXT NOT NULL,
    PRIMARY KEY (target, kind, id, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS records (
    source TEXT NOT NULL, record TEXT NOT NULL, identity TEXT NOT NULL, PRIMARY KEY (source, record)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS records_by_identity ON records (source, identity);
CREATE TABLE IF NOT EXISTS deactivations (
    target TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (target, kind, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS resting (target TEXT NOT NULL, key TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (target, key)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS unheard (
    target TEXT NOT NULL, key TEXT NOT NULL, guardrail TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (target, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS departed (
    target TEXT NOT NULL, attribute TEXT NOT NULL, value TEXT NOT NULL, key TEXT NOT NULL, gone INTEGER NOT NULL, at TEXT NOT NULL,
    PRIMARY KEY (target, attribute, value, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS written (target TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, prints BLOB NOT NULL, PRIMARY KEY (target, kind, id)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS repeats (
    target TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, attribute TEXT NOT NULL, wrote INTEGER NOT NULL, found INTEGER NOT NULL, at TEXT NOT NULL,
    PRIMARY KEY (target, kind, id, attribute)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS baselines (
    system TEXT NOT NULL, kind TEXT NOT NULL, scope INTEGER NOT NULL, count INTEGER NOT NULL, filled TEXT NOT NULL, at TEXT NOT NULL,
    statuses TEXT NOT NULL, PRIMARY KEY (system, kind)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS windows (
    target TEXT NOT NULL, guardrail TEXT NOT NULL, minute INTEGER NOT NULL, weight INTEGER NOT NULL, at TEXT NOT NULL,
    PRIMARY KEY (minute, target, guardrail)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS revocations (key TEXT PRIMARY KEY, reason TEXT NOT NULL, at TEXT NOT NULL, until TEXT) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS revoked_as (key TEXT PRIMARY KEY, identity TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS receipts (
    key TEXT NOT NULL, target TEXT NOT NULL, outcome TEXT NOT NULL, message TEXT, tries INTEGER NOT NULL, at TEXT NOT NULL,
    PRIMARY KEY (key, target)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS cut_off (
    target TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, key TEXT NOT NULL, PRIMARY KEY (target, kind, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS left_behind (
    target TEXT NOT NULL, what TEXT NOT NULL, of INTEGER NOT NULL, print INTEGER NOT NULL, PRIMARY KEY (target, what, of, print)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS shelves (shelf TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (shelf, name)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS subjects (
    id TEXT PRIMARY KEY, wrapped_by TEXT NOT NULL, key TEXT NOT NULL, whom TEXT NOT NULL, at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS journal (
    seq INTEGER PRIMARY KEY, run TEXT NOT NULL, event TEXT NOT NULL, change INTEGER, body TEXT NOT NULL, hash BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS journal_by_event ON journal (event, run, change);
CREATE INDEX IF NOT EXISTS journal_by_run ON journal (run);
";

/// What a look at the file found.
pub(super) enum Found {
    /// empty
    Fresh,
    /// ours, of our version
    Ours,
    /// something else's
    Foreign,
    /// ours, of an older version
    Older(i64),
    /// ours, of a version we don't know
    Newer(i64),
}

/// Makes the tables of an empty file, or says what the file is. Two processes may meet here: the transaction lets one through.
pub(super) fn prepare(connection: &mut Connection) -> rusqlite::Result<Found> {
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let found = look(&transaction)?;
    if let Found::Fresh = found {
        make_missing(&transaction)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", VERSION)?;
    }
    transaction.commit()?;
    Ok(found)
}

/// Makes whatever tables there are not.
pub(super) fn make_missing(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(TABLES)
}

/// What a file is, without writing to it.
pub(super) fn look(connection: &Connection) -> rusqlite::Result<Found> {
    let application: i64 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(match (application, version, tables) {
        (APPLICATION_ID, VERSION, _) => Found::Ours,
        (APPLICATION_ID, older, _) if (1..VERSION).contains(&older) => Found::Older(older),
        (APPLICATION_ID, other, _) => Found::Newer(other),
        (0, 0, 0) => Found::Fresh,
        _ => Found::Foreign,
    })
}

/// A value of the `meta` table.
pub(super) fn meta(connection: &Connection, name: &str) -> rusqlite::Result<Option<String>> {
    connection.query_row("SELECT value FROM meta WHERE name = ?1", [name], |row| row.get(0)).optional()
}

/// Sets a value of the `meta` table.
pub(super) fn set_meta(connection: &Connection, name: &str, value: &str) -> rusqlite::Result<()> {
    let upsert = "INSERT INTO meta (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    connection.prepare_cached(upsert)?.execute([name, value])?;
    Ok(())
}

/// Sets a value of the `meta` table, unless somebody did.
pub(super) fn set_first(connection: &Connection, name: &str, value: &str) -> rusqlite::Result<()> {
    connection.execute("INSERT OR IGNORE INTO meta (name, value) VALUES (?1, ?2)", [name, value]).map(drop)
}
