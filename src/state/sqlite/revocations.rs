//! Who is cut off by a command, and what came of it at each target.
//!
//! Must never: end a revocation by itself; only a manifest that covers it or a person does.

use std::collections::BTreeSet;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::rows::{all, parsed, text, word};
use crate::model::{CutOff, ObjectKind, Receipt, StandingRevocation};

/// From now on the identity is cut off. A second revocation of one identity says the newer reason.
pub(super) fn record_revocation(connection: &Connection, revocation: &StandingRevocation) -> rusqlite::Result<()> {
    let upsert = "INSERT INTO revocations (key, reason, at, until) VALUES (?1, ?2, ?3, ?4) \
                  ON CONFLICT (key) DO UPDATE SET reason = excluded.reason, at = excluded.at, until = excluded.until";
    let until = revocation.until.map(|day| day.to_string());
    connection.prepare_cached(upsert)?.execute(params![revocation.key, revocation.reason, revocation.at.to_string(), until])?;
    forget_receipts(connection, &revocation.key)?;
    record_other_keys(connection, &revocation.key, &revocation.also)
}

/// Other keys of somebody who is cut off: whatever is for one of them is for nobody. Nothing where the revocation ended meanwhile.
pub(super) fn record_other_keys(connection: &Connection, identity: &str, also: &[Arc<str>]) -> rusqlite::Result<()> {
    let upsert = "INSERT INTO revoked_as (key, identity) SELECT ?1, ?2 WHERE EXISTS (SELECT 1 FROM revocations WHERE key = ?2) \
                  ON CONFLICT (key) DO UPDATE SET identity = excluded.identity";
    let mut insert = connection.prepare_cached(upsert)?;
    also.iter().filter(|key| key.as_ref() != identity).try_for_each(|key| insert.execute([key.as_ref(), identity]).map(drop))
}

/// The revocation of whoever a key means ended.
pub(super) fn forget_revocation(connection: &Connection, key: &str) -> rusqlite::Result<()> {
    let by = "SELECT identity FROM revoked_as WHERE key = ?1";
    let identity: Option<String> = connection.prepare_cached(by)?.query_row([key], |row| row.get(0)).optional()?;
    for key in [Some(key), identity.as_deref()].into_iter().flatten() {
        forget_receipts(connection, key)?;
        connection.prepare_cached("DELETE FROM revoked_as WHERE identity = ?1")?.execute([key])?;
        connection.prepare_cached("DELETE FROM revocations WHERE key = ?1")?.execute([key])?;
    }
    Ok(())
}

/// Remembers what came of a revocation at a target. One that ended meanwhile has no receipts any more.
pub(super) fn record_receipt(connection: &Connection, key: &str, receipt: &Receipt) -> rusqlite::Result<()> {
    let upsert = "INSERT INTO receipts (key, target, outcome, message, tries, at) SELECT ?1, ?2, ?3, ?4, ?5, ?6 \
                  WHERE EXISTS (SELECT 1 FROM revocations WHERE key = ?1) \
                  ON CONFLICT (key, target) DO UPDATE SET outcome = excluded.outcome, message = excluded.message, tries = excluded.tries, at = excluded.at";
    let (outcome, at) = (word(&receipt.outcome), receipt.at.to_string());
    connection.prepare_cached(upsert)?.execute(params![key, receipt.target, outcome, receipt.message, receipt.tries, at])?;
    Ok(())
}

/// Who is cut off by a command now, by every key of theirs that is known. Cheap: asked before everything that is sent.
pub(super) fn revoked_keys(connection: &Connection) -> rusqlite::Result<BTreeSet<Arc<str>>> {
    connection.prepare_cached("SELECT key FROM revocations UNION SELECT key FROM revoked_as")?.query_map([], |row| row.get(0))?.collect()
}

/// Remembers whose account a revocation deactivated.
pub(super) fn record_cut_off(connection: &Connection, cut_off: &CutOff) -> rusqlite::Result<()> {
    let upsert = "INSERT INTO cut_off (target, kind, id, key) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (target, kind, id) DO UPDATE SET key = excluded.key";
    connection.prepare_cached(upsert)?.execute(params![cut_off.target, cut_off.kind.word(), cut_off.id, cut_off.key])?;
    Ok(())
}

/// The account has its access back, or is gone.
pub(super) fn forget_cut_off(connection: &Connection, target: &str, kind: ObjectKind, id: &str) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM cut_off WHERE target = ?1 AND kind = ?2 AND id = ?3")?.execute([target, kind.word(), id])?;
    Ok(())
}

/// All revocations that stand, with their receipts.
pub(super) fn load(connection: &Connection) -> rusqlite::Result<Vec<StandingRevocation>> {
    let mut standing = all(connection, "SELECT key, reason, at, until FROM revocations ORDER BY key", revocation)?;
    for (key, identity) in all(connection, "SELECT key, identity FROM revoked_as ORDER BY key", |row| Ok((text(row, 0)?, text(row, 1)?)))? {
        if let Some(revocation) = standing.iter_mut().find(|revocation| revocation.key == identity) {
            revocation.also.push(key);
        }
    }
    for (key, receipt) in all(connection, "SELECT key, target, outcome, message, tries, at FROM receipts ORDER BY key, target", receipt)? {
        if let Some(revocation) = standing.iter_mut().find(|revocation| revocation.key == key) {
            revocation.receipts.push(receipt);
        }
    }
    Ok(standing)
}

/// All accounts that revocations deactivated.
pub(super) fn load_cut_off(connection: &Connection) -> rusqlite::Result<Vec<CutOff>> {
    let row = |row: &Row<'_>| Ok(CutOff { target: text(row, 0)?, kind: parsed(row, 1)?, id: text(row, 2)?, key: text(row, 3)? });
    all(connection, "SELECT target, kind, id, key FROM cut_off ORDER BY target, kind, id", row)
}

fn forget_receipts(connection: &Connection, key: &str) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM receipts WHERE key = ?1")?.execute([key])?;
    Ok(())
}

fn revocation(row: &Row<'_>) -> rusqlite::Result<StandingRevocation> {
    let until = row.get::<_, Option<String>>(3)?.map(|_| parsed(row, 3)).transpose()?;
    Ok(StandingRevocation { key: text(row, 0)?, reason: text(row, 1)?, at: parsed(row, 2)?, until, also: Vec::new(), receipts: Vec::new() })
}

fn receipt(row: &Row<'_>) -> rusqlite::Result<(Arc<str>, Receipt)> {
    let (outcome, at) = (parsed(row, 2)?, parsed(row, 5)?);
    Ok((text(row, 0)?, Receipt { target: text(row, 1)?, outcome, message: row.get(3)?, tries: row.get(4)?, at }))
}
