//! Single rows in and out, in the caller's transaction.
//!
//! Must never: decide what is worth remembering.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::model::{
    Baseline, Deactivation, DepartedName, FormerLink, Guardrail, Key, Link, LinkOrigin, Memory, ObjectKind, RecordLink, Resting,
    UNKNOWN_SYSTEM, WindowEntry, grant_key,
};

use super::recall::{links, whole};
use super::schema::{meta, set_meta};
use crate::state::{About, LinkName};

const UNLINK: &str = "DELETE FROM links WHERE target = ?1 AND kind = ?2 AND key = ?3";

/// The columns of a table as they are read, and the order of its rows.
pub(super) type Table = (&'static str, &'static str);
pub(super) const LINKS: Table = ("SELECT target, kind, key, id, origin, system, name, at FROM links", "target, kind, key");
pub(super) const FORMERS: Table = ("SELECT target, kind, key, id, at FROM formers", "target, kind, id, key");
pub(super) const RECORDS: Table = ("SELECT source, record, identity FROM records", "source, record");
pub(super) const DEACTIVATIONS: Table = ("SELECT target, kind, id, at FROM deactivations", "target, kind, id");
pub(super) const DEPARTED: Table = ("SELECT target, attribute, value, key, gone, at FROM departed", "target, attribute, value, key");
/// The columns as [`baseline`] reads them.
const BASELINES: &str = "SELECT system, kind, scope, count, filled, at, statuses FROM baselines ORDER BY system, kind";

/// The `meta` row with the standing notes that the last run told.
const TOLD: &str = "told";
/// The `meta` row that says when a run first ended: from then on a silence means something.
const KNOWN_SINCE: &str = "known_since";

/// Everything that is kept of an object beside its link, for when the object is gone or another one has its id.
const OF_OBJECTS: [&str; 5] = [
    "DELETE FROM formers WHERE target = ?1 AND kind = ?2 AND id = ?3",
    "DELETE FROM deactivations WHERE target = ?1 AND kind = ?2 AND id = ?3",
    "DELETE FROM cut_off WHERE target = ?1 AND kind = ?2 AND id = ?3",
    "DELETE FROM written WHERE target = ?1 AND kind = ?2 AND id = ?3",
    "DELETE FROM repeats WHERE target = ?1 AND kind = ?2 AND id = ?3",
];

/// Whether any of them is there: of a new object there is nothing, and one question costs less than five deletes.
const KNOWN_OF_OBJECTS: &str = "SELECT EXISTS (SELECT 1 FROM formers WHERE target = ?1 AND kind = ?2 AND id = ?3) \
    OR EXISTS (SELECT 1 FROM deactivations WHERE target = ?1 AND kind = ?2 AND id = ?3) \
    OR EXISTS (SELECT 1 FROM cut_off WHERE target = ?1 AND kind = ?2 AND id = ?3) \
    OR EXISTS (SELECT 1 FROM written WHERE target = ?1 AND kind = ?2 AND id = ?3) \
    OR EXISTS (SELECT 1 FROM repeats WHERE target = ?1 AND kind = ?2 AND id = ?3)";

/// Remembers that an object is ours, and its id. An object has one key: what was linked with this id was another object, or never ours.
pub(super) fn record_link(connection: &Connection, link: &Link) -> rusqlite::Result<()> {
    if link.kind != ObjectKind::Entitlement {
        let others = "DELETE FROM links WHERE target = ?1 AND kind = ?2 AND id = ?3 AND key <> ?4 AND system = ?5";
        let others = connection.prepare_cached(others)?.execute(params![
            link.target,
            link.kind.word(),
            link.id,
            link.key,
            link.system.cast_signed()
        ])?;
        if others > 0 || link.origin == LinkOrigin::Created {
            forget_object(connection, &link.target, link.kind, &link.id)?;
        }
    }
    upsert_link(connection, link)
}

const FORMER: &str = "INSERT OR REPLACE INTO formers (target, kind, key, id, at) VALUES (?1, ?2, ?3, ?4, ?5)";

/// Remembers that an object of ours has another key from now on: its resource was renamed. The key that it had is kept, for whoever takes that back, and what
/// was given to an account is still given to it.
pub(super) fn carry_link(connection: &Connection, link: &Link) -> rusqlite::Result<()> {
    let kind = link.kind.word();
    let of_it = params![link.target, kind, link.id, link.key, link.system.cast_signed()];
    let had: Vec<Arc<str>> = connection
        .prepare_cached("SELECT key FROM links WHERE target = ?1 AND kind = ?2 AND id = ?3 AND key <> ?4 AND system = ?5")?
        .query_map(of_it, |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for key in had {
        let at = link.at.to_string();
        connection.prepare_cached(FORMER)?.execute(params![link.target, kind, key, link.id, at])?;
        connection.prepare_cached(UNLINK)?.execute(params![link.target, kind, key])?;
        if link.kind == ObjectKind::Account {
            carry_grants(connection, link, &key)?;
        }
    }
    forget_former(connection, (&link.target, link.kind, &link.id), &link.key)?;
    upsert_link(connection, link)
}

fn carry_grants(connection: &Connection, link: &Link, from: &str) -> rusqlite::Result<()> {
    let grants = "UPDATE OR REPLACE links SET key = ?1 || substr(key, length(?2) + 1) \
                  WHERE target = ?3 AND kind = 'entitlement' AND id = ?4 AND key >= ?5 AND key < ?6";
    let (first, end) = (grant_key(from, ""), format!("{from}$"));
    connection.prepare_cached(grants)?.execute(params![link.key, from, link.target, link.id, first, end])?;
    Ok(())
}

fn upsert_link(connection: &Connection, link: &Link) -> rusqlite::Result<()> {
    let upsert = "INSERT INTO links (target, kind, key, id, origin, system, name, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) \
                  ON CONFLICT (target, kind, key) DO UPDATE SET id = excluded.id, origin = excluded.origin, \
                  system = excluded.system, name = excluded.name, at = excluded.at";
    let origin = match link.origin {
        LinkOrigin::Created => "created",
        LinkOrigin::Adopted => "adopted",
    };
    connection.prepare_cached(upsert)?.execute(params![
        link.target,
        link.kind.word(),
        link.key,
        link.id,
        origin,
        link.system.cast_signed(),
        link.name,
        link.at.to_string()
    ])?;
    if link.kind == ObjectKind::Account { wake(connection, link) } else { Ok(()) }
}

/// It is known now where an object of ours is.
pub(super) fn place_link(connection: &Connection, link: &Link) -> rusqlite::Result<()> {
    let update =
        "UPDATE links SET system = ?1, name = ?2, at = ?3 WHERE target = ?4 AND kind = ?5 AND key = ?6 AND id = ?7 AND system = ?8";
    let (system, unknown, at) = (link.system.cast_signed(), UNKNOWN_SYSTEM.cast_signed(), link.at.to_string());
    connection.prepare_cached(update)?.execute(params![
        system,
        link.name,
        at,
        link.target,
        link.kind.word(),
        link.key,
        link.id,
        unknown
    ])?;
    Ok(())
}

/// An object of ours is called something else now.
pub(super) fn rename_link(connection: &Connection, link: &Link) -> rusqlite::Result<()> {
    let update = "UPDATE links SET name = ?1 WHERE target = ?2 AND kind = ?3 AND key = ?4 AND id = ?5";
    connection.prepare_cached(update)?.execute(params![link.name, link.target, link.kind.word(), link.key, link.id])?;
    Ok(())
}

/// Remembers that an object has another id.
pub(super) fn move_link(connection: &Connection, link: &Link, from: &str) -> rusqlite::Result<()> {
    let update = "UPDATE links SET name = ?1, id = ?2 WHERE target = ?3 AND kind = ?4 AND key = ?5 AND id = ?6";
    let values = params![link.name, link.id, link.target, link.kind.word(), link.key, from];
    connection.prepare_cached(update)?.execute(values)?;
    forget_former(connection, (&link.target, link.kind, &link.id), &link.key)
}

/// Remembers a key that an object had, or the id that it is about to get.
pub(super) fn record_former(connection: &Connection, former: &FormerLink) -> rusqlite::Result<()> {
    let FormerLink { target, kind, key, id, at } = former;
    connection.prepare_cached(FORMER)?.execute(params![target, kind.word(), key, id, at.to_string()]).map(drop)
}

/// It has the key no more, or did not get the id.
pub(super) fn forget_former(connection: &Connection, (target, kind, id): (&str, ObjectKind, &str), key: &str) -> rusqlite::Result<()> {
    let forget = "DELETE FROM formers WHERE target = ?1 AND kind = ?2 AND id = ?3 AND key = ?4";
    connection.prepare_cached(forget)?.execute(params![target, kind.word(), id, key]).map(drop)
}

/// The account that was to be made without access has an id now.
fn wake(connection: &Connection, link: &Link) -> rusqlite::Result<()> {
    // Almost nobody rests, and to look costs much less than to delete and be told what was there.
    let rested = "SELECT at FROM resting WHERE target = ?1 AND key = ?2";
    let at: Option<String> = connection.prepare_cached(rested)?.query_row([&link.target, &link.key], |row| row.get(0)).optional()?;
    let Some(at) = at else { return Ok(()) };
    forget_resting(connection, &link.target, &link.key)?;
    let insert = "INSERT OR REPLACE INTO deactivations (target, kind, id, at) VALUES (?1, 'account', ?2, ?3)";
    connection.prepare_cached(insert)?.execute([link.target.as_ref(), link.id.as_ref(), at.as_str()]).map(drop)
}

/// Remembers that an account is about to be made without access.
pub(super) fn record_resting(connection: &Connection, resting: &Resting) -> rusqlite::Result<()> {
    connection.prepare_cached("INSERT OR REPLACE INTO resting (target, key, at) VALUES (?1, ?2, ?3)")?.execute(params![
        resting.target,
        resting.key,
        resting.at.to_string()
    ])?;
    Ok(())
}

/// It was not made.
pub(super) fn forget_resting(connection: &Connection, target: &str, key: &str) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM resting WHERE target = ?1 AND key = ?2")?.execute([target, key])?;
    Ok(())
}

/// The object is gone, or another one has its id: nothing that was kept of it counts any more.
pub(super) fn forget_object(connection: &Connection, target: &str, kind: ObjectKind, id: &str) -> rusqlite::Result<()> {
    if !connection.prepare_cached(KNOWN_OF_OBJECTS)?.query_row(params![target, kind.word(), id], |row| row.get(0))? {
        return Ok(());
    }
    OF_OBJECTS.iter().try_for_each(|statement| connection.prepare_cached(statement)?.execute(params![target, kind.word(), id]).map(drop))
}

/// The id of an object of ours.
pub(super) fn link_id(connection: &Connection, name: &LinkName) -> rusqlite::Result<Option<Arc<str>>> {
    connection
        .prepare_cached("SELECT id FROM links WHERE target = ?1 AND kind = ?2 AND key = ?3")?
        .query_row(params![name.target, name.kind.word(), name.key], |row| row.get(0))
        .optional()
}

/// The object is gone: its link goes.
pub(super) fn forget_link(connection: &Connection, target: &str, kind: ObjectKind, key: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(UNLINK)?.execute(params![target, kind.word(), key])?;
    Ok(())
}

/// Remembers whose record it is. An identity has one record in a source, so what was its record before is nobody's.
pub(super) fn record_record(connection: &Connection, link: &RecordLink) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM records WHERE source = ?1 AND identity = ?2 AND record <> ?3")?.execute([
        &link.source,
        &link.identity,
        &link.record,
    ])?;
    let upsert = "INSERT INTO records (source, record, identity) VALUES (?1, ?2, ?3) \
                  ON CONFLICT (source, record) DO UPDATE SET identity = excluded.identity";
    connection.prepare_cached(upsert)?.execute([&link.source, &link.record, &link.identity])?;
    Ok(())
}

/// The account is gone: what was given to it is forgotten. `$` is the character after `#`, so all keys of [`grant_key`] lie between.
pub(super) fn forget_grants(connection: &Connection, target: &str, account: &str) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM links WHERE target = ?1 AND kind = ?2 AND key >= ?3 AND key < ?4")?.execute(params![
        target,
        ObjectKind::Entitlement.word(),
        grant_key(account, ""),
        format!("{account}$")
    ])?;
    Ok(())
}

/// A Source has another name. What is remembered under the new one already stays. `0` is the character after `/`, so all keys of the Source lie between.
pub(super) fn rename_source(connection: &Connection, old: &str, new: &str) -> rusqlite::Result<()> {
    let keys = [
        ("links", "key"),
        ("revocations", "key"),
        ("receipts", "key"),
        ("revoked_as", "key"),
        ("revoked_as", "identity"),
        ("cut_off", "key"),
        ("unheard", "key"),
        ("resting", "key"),
        ("departed", "key"),
        ("records", "identity"),
    ];
    let (from, to, names) = (format!("{old}/"), format!("{old}0"), ["records", "baselines"].into_iter().zip(["source", "system"]));
    for (table, column) in keys {
        let update = format!("UPDATE OR IGNORE {table} SET {column} = ?1 || substr({column}, ?2) WHERE {column} >= ?3 AND {column} < ?4");
        let rest = from.chars().count() as i64;
        connection.prepare_cached(&update)?.execute(params![new, rest, from, to])?;
    }
    for (table, column) in names {
        connection.prepare_cached(&format!("UPDATE OR IGNORE {table} SET {column} = ?2 WHERE {column} = ?1"))?.execute([old, new])?;
    }
    Ok(())
}

/// Remembers that headcount deactivates an account. The newest time counts: somebody may have reactivated it in between.
pub(super) fn record_deactivation(connection: &Connection, deactivation: &Deactivation) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO deactivations (target, kind, id, at) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (target, kind, id) DO UPDATE SET at = excluded.at",
        )?
        .execute(params![deactivation.target, deactivation.kind.word(), deactivation.id, deactivation.at.to_string()])?;
    Ok(())
}

/// The account is active again, or gone, or was never deactivated.
pub(super) fn forget_deactivation(connection: &Connection, target: &str, kind: ObjectKind, id: &str) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM deactivations WHERE target = ?1 AND kind = ?2 AND id = ?3")?.execute(params![
        target,
        kind.word(),
        id
    ])?;
    Ok(())
}

/// Remembers a name that somebody had. Once they left it stays so.
pub(super) fn record_departed(connection: &Connection, name: &DepartedName) -> rusqlite::Result<()> {
    let upsert = "INSERT INTO departed (target, attribute, value, key, gone, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
                  ON CONFLICT (target, attribute, value, key) DO UPDATE SET gone = gone OR excluded.gone, at = excluded.at";
    let at = name.at.to_string();
    connection.prepare_cached(upsert)?.execute(params![name.target, name.attribute, name.value, name.key, name.left, at])?;
    Ok(())
}

/// They are back.
pub(super) fn forget_departed(connection: &Connection, target: &str, key: &str) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM departed WHERE target = ?1 AND key = ?2")?.execute([target, key])?;
    Ok(())
}

/// Remembers a complete read.
pub(super) fn record_baseline(connection: &Connection, baseline: &Baseline) -> rusqlite::Result<()> {
    let upsert = "INSERT INTO baselines (system, kind, scope, count, filled, at, statuses) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (system, kind) \
                  DO UPDATE SET scope = excluded.scope, count = excluded.count, filled = excluded.filled, at = excluded.at, \
                  statuses = excluded.statuses";
    let filled = serde_json::to_string(&baseline.values).unwrap_or_default();
    let statuses = serde_json::to_string(&baseline.statuses).unwrap_or_default();
    let (scope, count) = (baseline.scope.cast_signed(), baseline.count.cast_signed());
    connection.prepare_cached(upsert)?.execute(params![
        baseline.system,
        baseline.kind.word(),
        scope,
        count,
        filled,
        baseline.at.to_string(),
        statuses
    ])?;
    Ok(())
}

/// Remembers work that counts in a guardrail's window. Work of one minute is one row, as young as its youngest part.
pub(super) fn record_window(connection: &Connection, entry: &WindowEntry) -> rusqlite::Result<()> {
    let upsert = "INSERT INTO windows (target, guardrail, minute, weight, at) VALUES (?1, ?2, ?3, ?4, ?5) \
                  ON CONFLICT (minute, target, guardrail) DO UPDATE SET weight = weight + excluded.weight, at = excluded.at";
    let (minute, weight) = (entry.at.as_second().div_euclid(60), entry.weight.cast_signed());
    connection.prepare_cached(upsert)?.execute(params![entry.target, entry.guardrail.word(), minute, weight, entry.at.to_string()])?;
    Ok(())
}

/// A run ended by itself: from now on the state counts as known.
pub(super) fn record_completed_run(connection: &Connection, at: Timestamp) -> rusqlite::Result<()> {
    match meta(connection, KNOWN_SINCE)? {
        Some(_) => Ok(()),
        None => set_meta(connection, KNOWN_SINCE, &at.to_string()),
    }
}

/// Remembers the standing notes that were told, in the place of those of the run before.
pub(super) fn record_told(connection: &Connection, told: &BTreeSet<u64>) -> rusqlite::Result<()> {
    let words: Vec<String> = told.iter().map(u64::to_string).collect();
    set_meta(connection, TOLD, &words.join(" "))
}

/// Drops what no window can count any more.
pub(super) fn prune_windows(connection: &Connection, before: Timestamp) -> rusqlite::Result<()> {
    super::unheard::prune(connection, before)?;
    connection.execute("DELETE FROM windows WHERE minute < ?1", [before.as_second().div_euclid(60)]).map(drop)
}

/// Everything, as planning sees it, in an order that does not hang on how it is kept.
pub(super) fn load(connection: &Connection) -> rusqlite::Result<Memory> {
    Ok(Memory {
        links: links(connection)?,
        formers: whole(connection, FORMERS, former)?,
        records: whole(connection, RECORDS, record)?,
        deactivations: whole(connection, DEACTIVATIONS, deactivation)?,
        written: whole(connection, super::written::WRITTEN, super::written::written)?,
        repeats: whole(connection, super::written::REPEATS, super::written::repeat)?,
        departed: whole(connection, DEPARTED, departed)?,
        ..load_rest(connection)?
    })
}

/// Of that what is not about one object or person, or of which there is little.
pub(super) fn load_rest(connection: &Connection) -> rusqlite::Result<Memory> {
    Ok(Memory {
        known: meta(connection, KNOWN_SINCE)?.is_some(),
        resting: all(connection, "SELECT target, key, at FROM resting ORDER BY target, key", resting)?,
        unheard: super::unheard::load(connection)?,
        baselines: all(connection, BASELINES, baseline)?,
        revocations: super::revocations::load(connection)?,
        cut_off: super::revocations::load_cut_off(connection)?,
        windows: all(connection, "SELECT target, guardrail, weight, at FROM windows ORDER BY minute, target, guardrail", window)?,
        told: meta(connection, TOLD)?.iter().flat_map(|told| told.split(' ')).filter_map(|note| note.parse().ok()).collect(),
        ..Memory::default()
    })
}

/// What is remembered of a few people, whoever else there is: their links and records by any of their keys, and whatever is not about people.
pub(super) fn load_about(connection: &Connection, about: &About) -> rusqlite::Result<Memory> {
    let About { sources, targets, keys } = about;
    let mut memory = Memory {
        known: meta(connection, KNOWN_SINCE)?.is_some(),
        // Without a baseline nothing follows from a silence: a damaged one holds no revocation up.
        baselines: some(connection, BASELINES, baseline),
        ..Memory::default()
    };
    let mut linked = connection
        .prepare("SELECT target, kind, key, id, origin, system, name, at FROM links WHERE target = ?1 AND kind = ?2 AND key = ?3")?;
    let mut groups = connection
        .prepare("SELECT target, kind, key, id, origin, system, name, at FROM links WHERE target = ?1 AND kind = ?2 ORDER BY key")?;
    for target in targets {
        memory.links.extend(groups.query_map(params![target, ObjectKind::Group.word()], link)?.collect::<rusqlite::Result<Vec<_>>>()?);
        for key in keys {
            let found = linked.query_map(params![target, ObjectKind::Account.word(), key], link)?;
            memory.links.extend(found.collect::<rusqlite::Result<Vec<_>>>()?);
        }
    }
    let mut theirs = connection.prepare("SELECT source, record, identity FROM records WHERE source = ?1 AND identity = ?2")?;
    let mut whose = connection.prepare("SELECT source, record, identity FROM records WHERE source = ?1 AND record = ?2")?;
    for key in keys {
        for source in sources {
            memory.records.extend(theirs.query_map([source, key], record)?.collect::<rusqlite::Result<Vec<_>>>()?);
        }
        if let Some((source, rest)) = Key::of_record(key) {
            memory.records.extend(whose.query_map([source, rest], record)?.collect::<rusqlite::Result<Vec<_>>>()?);
        }
    }
    memory.records.sort();
    memory.records.dedup();
    memory.cut_off = super::revocations::load_cut_off(connection)?;
    memory.cut_off.retain(|known| keys.contains(&known.key));
    memory.revocations = super::revocations::load(connection)?;
    memory.revocations.retain(|known| keys.iter().any(|key| known.means(key)));
    Ok(memory)
}

/// Whose accounts these are, by their ids.
pub(super) fn links_by_id(connection: &Connection, target: &str, ids: &[Arc<str>]) -> rusqlite::Result<Vec<Link>> {
    let mut query = connection.prepare(
        "SELECT target, kind, key, id, origin, system, name, at FROM links WHERE target = ?1 AND id = ?2 AND kind = ?3 ORDER BY key",
    )?;
    let mut links = Vec::new();
    for id in ids {
        links.extend(query.query_map(params![target, id, ObjectKind::Account.word()], link)?.collect::<rusqlite::Result<Vec<_>>>()?);
    }
    Ok(links)
}

/// What a state still tells that can't be used as a whole, table by table: links, whose record is whose, and who was cut off.
pub(super) fn salvage(connection: &Connection) -> Memory {
    Memory {
        links: some(connection, "SELECT target, kind, key, id, origin, system, name, at FROM links", link),
        records: some(connection, "SELECT source, record, identity FROM records", record),
        cut_off: super::revocations::load_cut_off(connection).unwrap_or_default(),
        ..Memory::default()
    }
}

/// Every row that can be read.
fn some<T>(connection: &Connection, query: &str, read: fn(&Row<'_>) -> rusqlite::Result<T>) -> Vec<T> {
    let Ok(mut statement) = connection.prepare(query) else { return Vec::new() };
    let Ok(rows) = statement.query_map([], read) else { return Vec::new() };
    rows.filter_map(Result::ok).collect()
}

pub(super) fn all<T>(connection: &Connection, query: &str, read: fn(&Row<'_>) -> rusqlite::Result<T>) -> rusqlite::Result<Vec<T>> {
    connection.prepare(query)?.query_map([], read)?.collect()
}

pub(super) fn link(row: &Row<'_>) -> rusqlite::Result<Link> {
    let origin = match row.get_ref(4)?.as_str()? {
        "created" => LinkOrigin::Created,
        _ => LinkOrigin::Adopted,
    };
    let (target, kind, key, id) = (text(row, 0)?, parsed(row, 1)?, text(row, 2)?, text(row, 3)?);
    Ok(Link { target, kind, key, id, origin, system: row.get::<_, i64>(5)?.cast_unsigned(), name: row.get(6)?, at: parsed(row, 7)? })
}

pub(super) fn former(row: &Row<'_>) -> rusqlite::Result<FormerLink> {
    Ok(FormerLink { target: text(row, 0)?, kind: parsed(row, 1)?, key: text(row, 2)?, id: text(row, 3)?, at: parsed(row, 4)? })
}

fn resting(row: &Row<'_>) -> rusqlite::Result<Resting> {
    Ok(Resting { target: text(row, 0)?, key: text(row, 1)?, at: parsed(row, 2)? })
}

pub(super) fn departed(row: &Row<'_>) -> rusqlite::Result<DepartedName> {
    let (target, attribute, value, key) = (text(row, 0)?, text(row, 1)?, text(row, 2)?, text(row, 3)?);
    Ok(DepartedName { target, attribute, value, key, left: row.get(4)?, at: parsed(row, 5)? })
}

pub(super) fn record(row: &Row<'_>) -> rusqlite::Result<RecordLink> {
    Ok(RecordLink { source: text(row, 0)?, record: text(row, 1)?, identity: text(row, 2)? })
}

pub(super) fn deactivation(row: &Row<'_>) -> rusqlite::Result<Deactivation> {
    Ok(Deactivation { target: text(row, 0)?, kind: parsed(row, 1)?, id: text(row, 2)?, at: parsed(row, 3)? })
}

fn baseline(row: &Row<'_>) -> rusqlite::Result<Baseline> {
    let (scope, count) = (row.get::<_, i64>(2)?.cast_unsigned(), row.get::<_, i64>(3)?.cast_unsigned());
    let unreadable = |column| move |error| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error));
    let values = serde_json::from_str(row.get_ref(4)?.as_str()?).map_err(unreadable(4))?;
    let statuses = serde_json::from_str(row.get_ref(6)?.as_str()?).map_err(unreadable(6))?;
    Ok(Baseline { system: text(row, 0)?, kind: parsed(row, 1)?, scope, count, values, statuses, at: parsed(row, 5)? })
}

fn window(row: &Row<'_>) -> rusqlite::Result<WindowEntry> {
    let (target, guardrail, weight) = (text(row, 0)?, guardrail(row, 1)?, row.get::<_, i64>(2)?.cast_unsigned());
    Ok(WindowEntry { target, guardrail, weight, at: parsed(row, 3)? })
}

pub(super) fn guardrail(row: &Row<'_>, column: usize) -> rusqlite::Result<Guardrail> {
    let word = text(row, column)?;
    let unknown = || rusqlite::Error::FromSqlConversionFailure(column, Type::Text, format!("no guardrail is called {word}").into());
    Guardrail::of_word(&word).ok_or_else(unknown)
}

pub(super) fn text(row: &Row<'_>, column: usize) -> rusqlite::Result<Arc<str>> {
    row.get(column)
}

/// The word that serde has for a plain enum value.
pub(in crate::state) fn word<T: Serialize>(value: &T) -> String {
    let json = serde_json::to_value(value).unwrap_or_default();
    json.as_str().map_or_else(|| json.to_string(), str::to_owned)
}

pub(super) fn parsed<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let word = row.get::<_, String>(column)?;
    serde_json::from_value(serde_json::Value::String(word))
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error)))
}
