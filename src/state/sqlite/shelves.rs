//! Shelves, as rows.
//!
//! Must never: look into a body.

use rusqlite::{Connection, params};

use crate::state::{Shelf, Shelved};

pub(super) fn put(connection: &Connection, thing: &Shelved) -> rusqlite::Result<()> {
    let upsert = "INSERT INTO shelves (shelf, name, body) VALUES (?1, ?2, ?3) ON CONFLICT (shelf, name) DO UPDATE SET body = excluded.body";
    connection.prepare_cached(upsert)?.execute(params![thing.shelf.word(), thing.name, thing.body]).map(drop)
}

pub(super) fn take(connection: &Connection, shelf: Shelf, name: &str) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM shelves WHERE shelf = ?1 AND name = ?2")?.execute(params![shelf.word(), name]).map(drop)
}

pub(super) fn load_shelf(connection: &Connection, shelf: Shelf) -> rusqlite::Result<Vec<Shelved>> {
    let mut query = connection.prepare_cached("SELECT name, body FROM shelves WHERE shelf = ?1 ORDER BY name")?;
    let things = query.query_map([shelf.word()], |row| {
        let name: String = row.get(0)?;
        Ok(Shelved { shelf, name: name.into(), body: row.get(1)? })
    })?;
    things.collect()
}
