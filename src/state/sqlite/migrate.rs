//! From the tables of an older version to ours, one step a version, all of them in one transaction.
//!
//! Must never: touch the journal's lines, whose hashes are over what was written then; or invent what a version did not keep.

use std::path::Path;

use rusqlite::backup::Backup;
use rusqlite::{Connection, TransactionBehavior};

use super::schema::{self, Found};
use super::{Opened, sqlite_error};
use crate::state::lock::{self, RunLock};
use crate::state::{Holder, StateError};

/// What brings the tables of one version to those of the next. The first is that of version 1.
const STEPS: [fn(&Connection) -> rusqlite::Result<()>; 5] = [from_1, from_2, from_3, from_4, from_5];

/// Migrates a state in its file. Whoever works on it with the version that wrote it is left alone.
pub(super) fn file(path: &Path, connection: &mut Connection) -> Result<(), StateError> {
    let _alone = RunLock::take(path, "headcount, bringing the state to its version")?;
    if lock::is_held(path, lock::REVOCATION) {
        return Err(StateError::Busy { path: path.to_path_buf(), holder: Box::new(Holder::default()) });
    }
    migrate(connection).map_err(|source| sqlite_error(path, source))
}

/// A migrated copy in memory, for whoever only looks.
pub(super) fn copy(path: &Path, of: &Connection) -> Result<Opened, StateError> {
    /// Pages at a time; nobody is kept waiting for longer than those take.
    const PAGES: i32 = 1024;
    let failed = |source| sqlite_error(path, source);
    let mut connection = Connection::open_in_memory().map_err(failed)?;
    Backup::new(of, &mut connection).and_then(|backup| backup.run_to_completion(PAGES, std::time::Duration::ZERO, None)).map_err(failed)?;
    migrate(&mut connection).map_err(failed)?;
    Ok(Opened { connection, _copy: None })
}

fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have done it meanwhile.
    if let Found::Older(version) = schema::look(&transaction)? {
        let done = usize::try_from(version - 1).unwrap_or_default();
        STEPS.iter().skip(done).try_for_each(|step| step(&transaction))?;
        transaction.pragma_update(None, "user_version", schema::VERSION)?;
    }
    transaction.commit()
}

/// Version 1 began without most of what it had in the end.
fn from_1(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS records (
            source TEXT NOT NULL, record TEXT NOT NULL, identity TEXT NOT NULL, PRIMARY KEY (source, record)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX IF NOT EXISTS records_by_identity ON records (source, identity);
        CREATE TABLE IF NOT EXISTS revocations (key TEXT PRIMARY KEY, reason TEXT NOT NULL, at TEXT NOT NULL, until TEXT) STRICT, WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS receipts (
            key TEXT NOT NULL, target TEXT NOT NULL, outcome TEXT NOT NULL, message TEXT, tries INTEGER NOT NULL, at TEXT NOT NULL,
            PRIMARY KEY (key, target)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS cut_off (target TEXT NOT NULL, id TEXT NOT NULL, key TEXT NOT NULL, PRIMARY KEY (target, id)) STRICT, WITHOUT ROWID;
        DROP INDEX IF EXISTS journal_by_run;
        DROP INDEX IF EXISTS journal_by_event;
        CREATE INDEX journal_by_event ON journal (event, run, change);
        CREATE INDEX journal_by_run ON journal (run);",
    )?;
    let by_second = "SELECT EXISTS (SELECT 1 FROM pragma_table_info('windows') WHERE name = 'at_second')";
    if !connection.query_row(by_second, [], |row| row.get(0))? {
        return Ok(());
    }
    connection.execute_batch(
        "ALTER TABLE windows RENAME TO old_windows;
        CREATE TABLE windows (
            target TEXT NOT NULL, kind TEXT NOT NULL, action TEXT NOT NULL, leaver INTEGER NOT NULL, minute INTEGER NOT NULL,
            weight INTEGER NOT NULL, at TEXT NOT NULL, PRIMARY KEY (minute, target, kind, action, leaver)
        ) STRICT, WITHOUT ROWID;
        INSERT INTO windows
            SELECT target, kind, action, 0, at_second / 60, sum(weight), max(at) FROM old_windows GROUP BY target, kind, action, at_second / 60;
        DROP TABLE old_windows;",
    )
}

/// Version 2 did not remember at which system a link was made (number 0 says so), what its object was called, or when; what two links say of one object neither
/// of them proves. It had deactivations of accounts alone, and windows by what was done rather than by the rule that counts it; whoever came back may have got
/// an access back.
fn from_2(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "ALTER TABLE links RENAME TO old_links;
        ALTER TABLE deactivations RENAME TO old_deactivations;
        ALTER TABLE cut_off RENAME TO old_cut_off;
        ALTER TABLE baselines RENAME TO old_baselines;
        ALTER TABLE windows RENAME TO old_windows;",
    )?;
    schema::make_missing(connection)?;
    connection.execute_batch(
        "INSERT INTO links (target, kind, key, id, origin, system, name, at)
            SELECT target, kind, key, id, origin, 0, NULL, '1970-01-01T00:00:00Z' FROM old_links AS one WHERE kind = 'entitlement'
                OR NOT EXISTS (SELECT 1 FROM old_links AS other WHERE other.target = one.target AND other.kind = one.kind AND other.id = one.id
                    AND other.key <> one.key);
        INSERT INTO deactivations (target, kind, id, at) SELECT target, 'account', id, at FROM old_deactivations;
        INSERT INTO cut_off (target, kind, id, key) SELECT target, 'account', id, key FROM old_cut_off;
        INSERT INTO baselines (system, kind, scope, count, filled, at, statuses) SELECT system, kind, scope, count, '{}', at, '{}' FROM old_baselines;
        WITH counts (kind, action, guardrail) AS (VALUES
            ('account', 'create', 'create'), ('account', 'adopt', 'adopt'), ('account', 'adopt', 'update'), ('account', 'update', 'update'),
            ('account', 'updateEntitlement', 'update'), ('account', 'reactivate', 'update'), ('account', 'reactivate', 'reactivate'),
            ('account', 'deactivate', 'deactivate'), ('account', 'delete', 'delete'), ('account', 'removeEntitlement', 'removeEntitlements'),
            ('group', 'create', 'createGroups'), ('group', 'delete', 'deleteGroups'), ('group', 'removeMembers', 'removeMembers'))
        INSERT INTO windows (target, guardrail, minute, weight, at) SELECT target, guardrail, minute, sum(weight), max(at) FROM (
            SELECT target, guardrail, minute, weight, at FROM old_windows JOIN counts USING (kind, action)
            UNION ALL SELECT target, 'leavers', minute, weight, at FROM old_windows
                WHERE leaver <> 0 AND kind = 'account' AND action IN ('deactivate', 'delete')
        ) GROUP BY minute, target, guardrail;
        DROP TABLE old_links;
        DROP TABLE old_deactivations;
        DROP TABLE old_cut_off;
        DROP TABLE old_baselines;
        DROP TABLE old_windows;",
    )
}

/// Version 3 did not keep what a run left at targets: until the next complete run there is nothing to compare with.
fn from_3(connection: &Connection) -> rusqlite::Result<()> {
    schema::make_missing(connection)
}

/// Version 4 had no shelves: nothing ran all the time.
fn from_4(connection: &Connection) -> rusqlite::Result<()> {
    schema::make_missing(connection)
}

/// Version 5 sealed nothing. Its lines stay as they were written, with their hashes.
fn from_5(connection: &Connection) -> rusqlite::Result<()> {
    schema::make_missing(connection)
}
