//! Facts, as rows.
//!
//! Must never: give two lines of the journal one number, or leave the last one's hash untold.

use rusqlite::{Connection, OptionalExtension, params};

use super::{head, left, lines, revocations, rows, schema, shelves, subjects, unheard, written};
use crate::model::{ObjectKind, WindowEntry};
use crate::state::{BEGINNING, EntryDraft, Fact, Hash, Head, hex, link};

/// Writes facts in their order, in the caller's transaction. Gives the journal's last line where there is a new one.
pub(super) fn keep(connection: &Connection, facts: Vec<Fact>) -> rusqlite::Result<Option<Head>> {
    if facts.is_empty() {
        return Ok(None);
    }
    let (mut chain, mut counted) = (None, Vec::new());
    connection.prepare_cached(ONE_MORE)?.execute([GENERATION])?;
    for fact in facts {
        match fact {
            Fact::Counted(entry) => add(&mut counted, entry),
            Fact::Line(draft) => {
                let last = chain.take().map_or_else(|| last(connection), Ok)?;
                chain = Some(append(connection, last, &draft)?);
            }
            fact => keep_one(connection, &fact)?,
        }
    }
    counted.iter().try_for_each(|entry| rows::record_window(connection, entry))?;
    let Some((seq, hash)) = chain else { return Ok(None) };
    let head = Head { seq, hash: hex(&hash) };
    head::record_head(connection, &head)?;
    Ok(Some(head))
}

/// The `meta` row that says how often the state was written to.
pub(in crate::state) const GENERATION: &str = "generation";
const ONE_MORE: &str =
    "INSERT INTO meta (name, value) VALUES (?1, '1') ON CONFLICT (name) DO UPDATE SET value = CAST(CAST(value AS INTEGER) + 1 AS TEXT)";

/// How often the state was written to.
pub(super) fn generation(connection: &Connection) -> rusqlite::Result<u64> {
    Ok(schema::meta(connection, GENERATION)?.and_then(|text| text.parse().ok()).unwrap_or_default())
}

fn keep_one(connection: &Connection, fact: &Fact) -> rusqlite::Result<()> {
    match fact {
        Fact::Linked(link) => rows::record_link(connection, link),
        Fact::Carried(link) => rows::carry_link(connection, link),
        Fact::Placed(link) => rows::place_link(connection, link),
        Fact::Renamed(link) => rows::rename_link(connection, link),
        Fact::Moved { link, from } => rows::move_link(connection, link, from),
        Fact::Moving(former) => rows::record_former(connection, former),
        Fact::NotMoved(former) => rows::forget_former(connection, (&former.target, former.kind, &former.id), &former.key),
        Fact::Unlinked(link) => {
            if link.kind == ObjectKind::Account {
                rows::forget_grants(connection, &link.target, &link.key)?;
            }
            if link.kind != ObjectKind::Entitlement {
                rows::forget_object(connection, &link.target, link.kind, &link.id)?;
            }
            rows::forget_link(connection, &link.target, link.kind, &link.key)
        }
        Fact::Record(link) => rows::record_record(connection, link),
        Fact::SourceRenamed { old, new } => rows::rename_source(connection, old, new),
        Fact::Inactive(made) => rows::record_deactivation(connection, made),
        Fact::NotInactive(was) => rows::forget_deactivation(connection, &was.target, was.kind, &was.id),
        Fact::Active(was) => {
            rows::forget_deactivation(connection, &was.target, was.kind, &was.id)?;
            revocations::forget_cut_off(connection, &was.target, was.kind, &was.id)
        }
        Fact::Resting(resting) => rows::record_resting(connection, resting),
        Fact::NotMade(resting) => rows::forget_resting(connection, &resting.target, &resting.key),
        Fact::Sent(sent) => unheard::record_unheard(connection, sent),
        Fact::Heard(of) => unheard::forget_unheard(connection, &of.target, &of.key),
        Fact::CutOff(cut_off) => revocations::record_cut_off(connection, cut_off),
        Fact::Written(values) => written::record_written(connection, values),
        Fact::Kept(repeat) => written::forget_repeat(connection, repeat),
        Fact::Departed(name) => rows::record_departed(connection, name),
        Fact::Returned(name) => rows::forget_departed(connection, &name.target, &name.key),
        Fact::Pruned(before) => rows::prune_windows(connection, *before),
        Fact::Baseline(baseline) => rows::record_baseline(connection, baseline),
        Fact::Told(told) => rows::record_told(connection, told),
        Fact::Left { target, all } => left::record_left(connection, target, all),
        Fact::LeftOf { target, part } => left::record_left_of(connection, target, part),
        Fact::Known(at) => rows::record_completed_run(connection, *at),
        Fact::Revoked(revocation) => revocations::record_revocation(connection, revocation),
        Fact::OtherKeys { identity, also } => revocations::record_other_keys(connection, identity, also),
        Fact::Receipt { identity, receipt } => revocations::record_receipt(connection, identity, receipt),
        Fact::Lifted(key) => revocations::forget_revocation(connection, key),
        Fact::Shelved(thing) => shelves::put(connection, thing),
        Fact::Unshelved { shelf, name } => shelves::take(connection, *shelf, name),
        Fact::Subject(subject) => subjects::put(connection, subject),
        Fact::SubjectsGone(ids) => subjects::destroy(connection, ids),
        Fact::Erased(keys) => subjects::erase(connection, keys),
        Fact::Cut(last) => lines::cut(connection, last),
        Fact::Line(_) | Fact::Counted(_) => Ok(()),
    }
}

/// What falls into one row is one entry, as young as its youngest part.
fn add(counted: &mut Vec<WindowEntry>, entry: WindowEntry) {
    let minute = |entry: &WindowEntry| entry.at.as_second().div_euclid(60);
    let same =
        |known: &&mut WindowEntry| known.guardrail == entry.guardrail && known.target == entry.target && minute(known) == minute(&entry);
    match counted.iter_mut().find(same) {
        Some(known) => (known.weight, known.at) = (known.weight + entry.weight, known.at.max(entry.at)),
        None => counted.push(entry),
    }
}

/// The number and the hash of the last line.
fn last(connection: &Connection) -> rusqlite::Result<(u64, Hash)> {
    let mut last = connection.prepare_cached("SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1")?;
    let found = last.query_row([], |row| Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get::<_, Hash>(1)?))).optional()?;
    Ok(found.unwrap_or((0, BEGINNING)))
}

fn append(connection: &Connection, (seq, hash): (u64, Hash), draft: &EntryDraft) -> rusqlite::Result<(u64, Hash)> {
    let insert = "INSERT INTO journal (seq, run, event, change, body, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let seq = seq + 1;
    let body = draft.body(seq);
    let hash = link(&hash, &body);
    connection.prepare_cached(insert)?.execute(params![seq.cast_signed(), draft.run, draft.event, draft.change, body, hash.as_slice()])?;
    Ok((seq, hash))
}
