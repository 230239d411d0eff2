//! What was written, as prints: one row for each object that headcount wrote, and one for each value that had to be written twice.
//!
//! Must never: hold a value.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::rows::{Table, parsed, text};
use crate::model::{LastWrite, Repeat};

/// Bytes of one attribute: its name's print and its value's.
const ENTRY: usize = 8;

/// Remembers what was written to an object: for each attribute the print of its name, and what was written and found before as a [`Repeat`].
/// What had been written already, and was not there, is a repeat.
pub(super) fn record_written(connection: &Connection, values: &[(u32, Repeat)]) -> rusqlite::Result<()> {
    let Some((_, first)) = values.first() else { return Ok(()) };
    let kind = first.kind.word();
    let known = "SELECT prints FROM written WHERE target = ?1 AND kind = ?2 AND id = ?3";
    let known: Option<Vec<u8>> =
        connection.prepare_cached(known)?.query_row(params![first.target, kind, first.id], |row| row.get(0)).optional()?;
    let mut prints = unpacked(&known.unwrap_or_default());
    for (name, value) in values {
        let now = (*name, value.wrote as u32);
        if prints.contains(&now) {
            record_repeat(connection, value)?;
        } else if prints.iter().any(|(known, _)| known == name) {
            // What was never written was never written twice.
            forget_repeat(connection, value)?;
        }
        prints.retain(|(known, _)| known != name);
        prints.push(now);
    }
    let packed: Vec<u8> = prints.iter().flat_map(|(name, value)| name.to_le_bytes().into_iter().chain(value.to_le_bytes())).collect();
    connection.prepare_cached("INSERT OR REPLACE INTO written (target, kind, id, prints) VALUES (?1, ?2, ?3, ?4)")?.execute(params![
        first.target,
        kind,
        first.id,
        packed
    ])?;
    Ok(())
}

fn record_repeat(connection: &Connection, value: &Repeat) -> rusqlite::Result<()> {
    let insert = "INSERT OR REPLACE INTO repeats (target, kind, id, attribute, wrote, found, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let (wrote, found, at) = (value.wrote.cast_signed(), value.found.cast_signed(), value.at.to_string());
    connection.prepare_cached(insert)?.execute(params![value.target, value.kind.word(), value.id, value.attribute, wrote, found, at])?;
    Ok(())
}

/// Another value was written, or it is kept after all.
pub(super) fn forget_repeat(connection: &Connection, value: &Repeat) -> rusqlite::Result<()> {
    let delete = "DELETE FROM repeats WHERE target = ?1 AND kind = ?2 AND id = ?3 AND attribute = ?4";
    connection.prepare_cached(delete)?.execute(params![value.target, value.kind.word(), value.id, value.attribute])?;
    Ok(())
}

/// What was written, as [`written`] reads it.
pub(super) const WRITTEN: Table = ("SELECT target, kind, id, prints FROM written", "target, kind, id");
/// What was written twice, as [`repeat`] reads it.
pub(super) const REPEATS: Table = ("SELECT target, kind, id, attribute, wrote, found, at FROM repeats", "target, kind, id, attribute");

pub(super) fn written(row: &Row<'_>) -> rusqlite::Result<LastWrite> {
    let prints = unpacked(row.get_ref(3)?.as_blob()?).into_boxed_slice();
    Ok(LastWrite { target: text(row, 0)?, kind: parsed(row, 1)?, id: text(row, 2)?, prints })
}

pub(super) fn repeat(row: &Row<'_>) -> rusqlite::Result<Repeat> {
    let (wrote, found) = (row.get::<_, i64>(4)?.cast_unsigned(), row.get::<_, i64>(5)?.cast_unsigned());
    let (target, kind, id, attribute) = (text(row, 0)?, parsed(row, 1)?, text(row, 2)?, text(row, 3)?);
    Ok(Repeat { target, kind, id, attribute, wrote, found, at: parsed(row, 6)? })
}

/// What stands in a row: for each attribute the print of its name, and that of its value.
pub(in crate::state) fn unpacked(bytes: &[u8]) -> Vec<(u32, u32)> {
    let number = |bytes: &[u8]| bytes.iter().rev().fold(0u32, |number, byte| number << 8 | u32::from(*byte));
    bytes.chunks_exact(ENTRY).map(|entry| entry.split_at(ENTRY / 2)).map(|(name, value)| (number(name), number(value))).collect()
}
