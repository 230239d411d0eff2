//! What is remembered of a few objects and people, and whatever is about neither.
//!
//! Must never: leave out a row that whoever asks would find in the whole memory.

use std::collections::BTreeSet;
use std::sync::Arc;

use rusqlite::{Connection, Row, ToSql};

use super::rows::{self, Table, all};
use super::written;
use crate::model::{Link, Memory, TouchedMemory};
use crate::state::shared::SharedTexts;

/// The rows of these alone, in the order in which the whole memory has them; of what is about neither objects nor people, all.
pub(super) fn load_touched(connection: &Connection, touched: &TouchedMemory) -> rusqlite::Result<Memory> {
    let TouchedMemory { objects, names, granted: _, records, identities, departed, returned: _ } = touched;
    let some = FewRows { connection };
    let objects = || objects.iter().map(|(target, kind, id)| [target.as_ref(), kind.word(), id.as_ref()]);
    let mut memory = Memory {
        links: some.rows(rows::LINKS, "target = ?1 AND kind = ?2 AND id = ?3", objects(), rows::link)?,
        formers: some.rows(rows::FORMERS, "target = ?1 AND kind = ?2 AND id = ?3", objects(), rows::former)?,
        deactivations: some.rows(rows::DEACTIVATIONS, "target = ?1 AND kind = ?2 AND id = ?3", objects(), rows::deactivation)?,
        written: some.rows(written::WRITTEN, "target = ?1 AND kind = ?2 AND id = ?3", objects(), written::written)?,
        repeats: some.rows(written::REPEATS, "target = ?1 AND kind = ?2 AND id = ?3", objects(), written::repeat)?,
        ..rows::load_rest(connection)?
    };
    let names = names.iter().map(|(target, kind, key)| [target.as_ref(), kind.word(), key.as_ref()]);
    memory.links.extend(some.rows(rows::LINKS, "target = ?1 AND kind = ?2 AND key = ?3", names, rows::link)?);
    let mut seen = BTreeSet::new();
    memory.links.retain(|link| seen.insert((link.target.clone(), link.kind, link.key.clone())));
    let of = |(source, of): &(Arc<str>, Arc<str>)| [source.to_string(), of.to_string()];
    memory.records = some.rows(rows::RECORDS, "source = ?1 AND record = ?2", records.iter().map(of), rows::record)?;
    memory.records.extend(some.rows(rows::RECORDS, "source = ?1 AND identity = ?2", identities.iter().map(of), rows::record)?);
    memory.records.sort();
    memory.records.dedup();
    let departed = departed.iter().map(|(target, attribute, value, key)| [target, attribute, value, key].map(ToString::to_string));
    let of_one = "target = ?1 AND attribute = ?2 AND value = ?3 AND key = ?4";
    memory.departed = some.rows(rows::DEPARTED, of_one, departed, rows::departed)?;
    Ok(memory)
}

struct FewRows<'c> {
    connection: &'c Connection,
}

impl FewRows<'_> {
    /// The rows of a table that each of these finds.
    fn rows<T, V: ToSql, const N: usize>(
        &self,
        (columns, _): Table,
        condition: &str,
        wanted: impl Iterator<Item = [V; N]>,
        read: fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<Vec<T>> {
        let mut query = self.connection.prepare_cached(&format!("{columns} WHERE {condition}"))?;
        let mut found = Vec::new();
        for one in wanted {
            found.extend(query.query_map(rusqlite::params_from_iter(one), read)?.collect::<rusqlite::Result<Vec<_>>>()?);
        }
        Ok(found)
    }
}

/// All links. As each is read, so that what others say already takes no room.
pub(super) fn links(connection: &Connection) -> rusqlite::Result<Vec<Link>> {
    let (columns, order) = rows::LINKS;
    let mut texts = SharedTexts::default();
    connection.prepare(&format!("{columns} ORDER BY {order}"))?.query_map([], |row| Ok(texts.share(rows::link(row)?)))?.collect()
}

/// The rows of a whole table, in its order.
pub(super) fn whole<T>(
    connection: &Connection,
    (columns, order): Table,
    read: fn(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    all(connection, &format!("{columns} ORDER BY {order}"), read)
}
