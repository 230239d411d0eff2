//! What the last complete run left at each target.
//!
//! Must never: keep a value; a fingerprint says whether something is still the same, and nothing else.

use std::sync::Arc;

use rusqlite::{Connection, params};

use crate::model::{Left, LeftWhat};

/// All of a target, in the place of what is there.
pub(super) fn record_left(connection: &Connection, target: &str, all: &[Left]) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM left_behind WHERE target = ?1")?.execute([target])?;
    let mut insert = connection.prepare_cached("INSERT OR IGNORE INTO left_behind (target, what, of, print) VALUES (?1, ?2, ?3, ?4)")?;
    for left in all {
        insert.execute(params![target, left.what.word(), left.of.cast_signed(), left.print.cast_signed()])?;
    }
    Ok(())
}

/// Of all targets.
pub(super) fn load_left(connection: &Connection) -> rusqlite::Result<Vec<Left>> {
    let mut query = connection.prepare_cached("SELECT target, what, of, print FROM left_behind")?;
    let mut rows = query.query([])?;
    let mut all: Vec<Left> = Vec::new();
    while let Some(row) = rows.next()? {
        let word = row.get_ref(1)?.as_str()?;
        let Some(what) = LeftWhat::ALL.into_iter().find(|what| what.word() == word) else { continue };
        let name = row.get_ref(0)?.as_str()?;
        let target = match all.last() {
            Some(last) if last.target.as_ref() == name => last.target.clone(),
            _ => Arc::from(name),
        };
        all.push(Left { target, what, of: row.get::<_, i64>(2)?.cast_unsigned(), print: row.get::<_, i64>(3)?.cast_unsigned() });
    }
    Ok(all)
}
