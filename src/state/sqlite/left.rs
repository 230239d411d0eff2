//! What the last complete run left at each target.
//!
//! Must never: keep a value; a fingerprint says whether something is still the same, and nothing else.

use std::collections::HashSet;
use std::sync::Arc;

use rusqlite::{Connection, params};

use crate::model::{Left, LeftPart, LeftWhat};

/// All of a target, in the place of what is there. Only what is otherwise is written: after most runs that is next to nothing, of however many people.
pub(super) fn record_left(connection: &Connection, target: &str, all: &[Left]) -> rusqlite::Result<()> {
    let mut gone = prints(connection, target)?;
    let mut coming: Vec<Print> = all.iter().map(|left| (left.what.word(), left.of.cast_signed(), left.print.cast_signed())).collect();
    coming.retain(|print| !gone.remove(print));
    let mut delete = connection.prepare_cached("DELETE FROM left_behind WHERE target = ?1 AND what = ?2 AND of = ?3 AND print = ?4")?;
    for (what, of, print) in gone {
        delete.execute(params![target, what, of, print])?;
    }
    let mut insert = connection.prepare_cached("INSERT OR IGNORE INTO left_behind (target, what, of, print) VALUES (?1, ?2, ?3, ?4)")?;
    for (what, of, print) in coming {
        insert.execute(params![target, what, of, print])?;
    }
    Ok(())
}

/// Of a few people and accounts, in the place of what is there of these.
pub(super) fn record_left_of(connection: &Connection, target: &str, part: &LeftPart) -> rusqlite::Result<()> {
    let run = LeftWhat::Run.word();
    connection.execute("DELETE FROM left_behind WHERE target = ?1 AND what = ?2", params![target, run])?;
    let mut delete = connection.prepare_cached("DELETE FROM left_behind WHERE target = ?1 AND what = ?2 AND of = ?3")?;
    let mut forget = |what: LeftWhat, of: u64| delete.execute(params![target, what.word(), of.cast_signed()]).map(drop);
    for person in &part.people {
        forget(LeftWhat::Values, *person)?;
        forget(LeftWhat::Access, *person)?;
    }
    let nobodys: HashSet<u64> = part.all.iter().filter(|left| left.what == LeftWhat::Nobodys).map(|left| left.of).collect();
    part.accounts.difference(&nobodys.iter().copied().collect()).try_for_each(|account| forget(LeftWhat::Nobodys, *account))?;
    forget_members(connection, target, part)?;
    let mut insert = connection.prepare_cached("INSERT OR IGNORE INTO left_behind (target, what, of, print) VALUES (?1, ?2, ?3, ?4)")?;
    let mut known = connection.prepare_cached("SELECT 1 FROM left_behind WHERE target = ?1 AND what = ?2 AND of = ?3")?;
    for left in &part.all {
        let (what, of) = (left.what.word(), left.of.cast_signed());
        if left.what != LeftWhat::Nobodys || !known.exists(params![target, what, of])? {
            insert.execute(params![target, what, of, left.print.cast_signed()])?;
        }
    }
    Ok(())
}

/// Of groups that nobody declares: there are few, and a member is found by looking through them.
fn forget_members(connection: &Connection, target: &str, part: &LeftPart) -> rusqlite::Result<()> {
    if part.accounts.is_empty() {
        return Ok(());
    }
    let member = LeftWhat::Member.word();
    let mut query = connection.prepare_cached("SELECT of, print FROM left_behind WHERE target = ?1 AND what = ?2")?;
    let all = query.query_map(params![target, member], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))?;
    let gone: Vec<(i64, i64)> = all
        .filter(|row| row.as_ref().map_or(true, |(_, print)| part.accounts.contains(&print.cast_unsigned())))
        .collect::<rusqlite::Result<_>>()?;
    let mut delete = connection.prepare_cached("DELETE FROM left_behind WHERE target = ?1 AND what = ?2 AND of = ?3 AND print = ?4")?;
    gone.iter().try_for_each(|(of, print)| delete.execute(params![target, member, of, print]).map(drop))
}

/// What it is about, of whom, and the fingerprint.
type Print = (&'static str, i64, i64);

fn prints(connection: &Connection, target: &str) -> rusqlite::Result<HashSet<Print>> {
    let mut query = connection.prepare_cached("SELECT what, of, print FROM left_behind WHERE target = ?1")?;
    let mut rows = query.query([target])?;
    let mut found = HashSet::new();
    while let Some(row) = rows.next()? {
        let word = row.get_ref(0)?.as_str()?;
        let what = LeftWhat::ALL.into_iter().find(|what| what.word() == word);
        found.extend(what.map(|what| Ok::<_, rusqlite::Error>((what.word(), row.get(1)?, row.get(2)?))).transpose()?);
    }
    Ok(found)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_otherwise_is_written() {
        let connection = Connection::open_in_memory().unwrap();
        let table = "CREATE TABLE left_behind (target TEXT, what TEXT, of INTEGER, print INTEGER, PRIMARY KEY (target, what, of, print))";
        connection.execute(table, []).unwrap();
        let left = |of: u64, print| Left { target: "chat".into(), what: LeftWhat::Values, of, print };
        let mut all: Vec<Left> = (0..100).map(|of| left(of, u64::MAX - of)).collect();
        record_left(&connection, "chat", &all).unwrap();
        record_left(&connection, "mail", &all[..3]).unwrap();
        let before = connection.total_changes();

        (all[7], all[8]) = (left(7, 1), all[9].clone());
        record_left(&connection, "chat", &all).unwrap();
        assert_eq!(connection.total_changes() - before, 3, "one goes, one goes for another");
        let there: HashSet<_> = load_left(&connection)
            .unwrap()
            .into_iter()
            .filter(|left| left.target.as_ref() == "chat")
            .map(|left| (left.of, left.print))
            .collect();
        assert_eq!(there, all.iter().map(|left| (left.of, left.print)).collect());
        let part = LeftPart { people: [7, 11].into(), accounts: [].into(), all: [left(7, 2)].into() };
        let before = connection.total_changes();
        record_left_of(&connection, "chat", &part).unwrap();
        assert_eq!(connection.total_changes() - before, 3, "of just these");
        record_left(&connection, "chat", &[]).unwrap();
        assert_eq!(load_left(&connection).unwrap().len(), 3, "those of the other target");
    }
}
