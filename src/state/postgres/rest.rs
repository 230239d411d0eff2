//! What is about neither objects nor people alone: what counts in limits, complete reads, what was told and left, shelves.
//!
//! Must never: decide what is worth remembering.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::statement::Statement;
use crate::model::{Baseline, Left, LeftPart, LeftWhat, Unheard, WindowEntry};
use crate::state::sqlite::CHECKPOINT;
use crate::state::{Head, Shelf, Shelved};

/// The `meta` row with the standing notes that the last run told.
pub(super) const TOLD: &str = "told";
/// The `meta` row that says when a run first ended: from then on a silence means something.
pub(super) const KNOWN_SINCE: &str = "known_since";

/// Work that counts in a guardrail's window. Work of one minute is one row, as young as its youngest part.
pub(super) fn count(workspace: &str, entries: &[WindowEntry]) -> Statement {
    let upsert = "INSERT INTO windows AS w (workspace, target, guardrail, minute, weight, at) \
                  SELECT $1, * FROM unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::text[]) \
                  ON CONFLICT (workspace, minute, target, guardrail) DO UPDATE SET weight = w.weight + excluded.weight, at = excluded.at";
    Statement::new(upsert, workspace)
        .texts(entries.iter().map(|entry| &entry.target))
        .texts(entries.iter().map(|entry| entry.guardrail.word()))
        .numbers(entries.iter().map(|entry| minute(entry.at)))
        .numbers(entries.iter().map(|entry| entry.weight.cast_signed()))
        .texts(entries.iter().map(|entry| entry.at.to_string()))
}

/// Drops what no window can count any more.
pub(super) fn prune(workspace: &str, before: Timestamp, into: &mut Vec<Statement>) {
    into.push(Statement::new("DELETE FROM unheard WHERE workspace = $1 AND at < $2", workspace).text(&before.to_string()));
    into.push(Statement::new("DELETE FROM windows WHERE workspace = $1 AND minute < $2", workspace).number(minute(before)));
}

/// Accounts are about to be made or taken over.
pub(super) fn send(workspace: &str, sent: &[&Unheard]) -> Statement {
    let upsert = "INSERT INTO unheard (workspace, target, key, guardrail, at) \
                  SELECT $1, * FROM unnest($2::text[], $3::text[], $4::text[], $5::text[]) \
                  ON CONFLICT (workspace, target, key) DO UPDATE SET guardrail = excluded.guardrail, at = excluded.at";
    Statement::new(upsert, workspace)
        .texts(sent.iter().map(|unheard| &unheard.target))
        .texts(sent.iter().map(|unheard| &unheard.key))
        .texts(sent.iter().map(|unheard| unheard.guardrail.word()))
        .texts(sent.iter().map(|unheard| unheard.at.to_string()))
}

/// Answers came.
pub(super) fn hear(workspace: &str, heard: &[&Unheard]) -> Statement {
    let delete = "DELETE FROM unheard u USING unnest($2::text[], $3::text[]) AS of (target, key) \
                  WHERE u.workspace = $1 AND u.target = of.target AND u.key = of.key";
    Statement::new(delete, workspace).texts(heard.iter().map(|of| &of.target)).texts(heard.iter().map(|of| &of.key))
}

/// A complete read.
pub(super) fn baseline(workspace: &str, baseline: &Baseline) -> Statement {
    let upsert = "INSERT INTO baselines (workspace, system, kind, scope, count, filled, at, statuses) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
                  ON CONFLICT (workspace, system, kind) DO UPDATE SET scope = excluded.scope, count = excluded.count, \
                  filled = excluded.filled, at = excluded.at, statuses = excluded.statuses";
    Statement::new(upsert, workspace)
        .text(&baseline.system)
        .text(baseline.kind.word())
        .number(baseline.scope.cast_signed())
        .number(baseline.count.cast_signed())
        .text(&serde_json::to_string(&baseline.values).unwrap_or_default())
        .text(&baseline.at.to_string())
        .text(&serde_json::to_string(&baseline.statuses).unwrap_or_default())
}

/// The standing notes that were told, in the place of those of the run before.
pub(super) fn tell(workspace: &str, told: &BTreeSet<u64>) -> Statement {
    let words: Vec<String> = told.iter().map(u64::to_string).collect();
    let upsert =
        "INSERT INTO meta (workspace, name, value) VALUES ($1, $2, $3) ON CONFLICT (workspace, name) DO UPDATE SET value = excluded.value";
    Statement::new(upsert, workspace).text(TOLD).text(&words.join(" "))
}

/// A run ended by itself: from now on the state counts as known.
pub(super) fn known(workspace: &str, at: Timestamp) -> Statement {
    let first = "INSERT INTO meta (workspace, name, value) VALUES ($1, $2, $3) ON CONFLICT (workspace, name) DO NOTHING";
    Statement::new(first, workspace).text(KNOWN_SINCE).text(&at.to_string())
}

/// The journal's lines up to one are cut off.
pub(super) fn cut(workspace: &str, last: &Head, into: &mut Vec<Statement>) {
    let upsert =
        "INSERT INTO meta (workspace, name, value) VALUES ($1, $2, $3) ON CONFLICT (workspace, name) DO UPDATE SET value = excluded.value";
    into.push(Statement::new(upsert, workspace).text(CHECKPOINT).text(&last.text()));
    into.push(Statement::new("DELETE FROM journal WHERE workspace = $1 AND seq <= $2", workspace).number(last.seq.cast_signed()));
}

/// All that was left at a target, in the place of what is there.
pub(super) fn leave(workspace: &str, target: &str, all: &[Left], into: &mut Vec<Statement>) {
    into.push(Statement::new("DELETE FROM left_behind WHERE workspace = $1 AND target = $2", workspace).text(target));
    insert_left(workspace, target, all.iter(), into);
}

/// What was left of a few people and accounts, in the place of what is there of these. An account that is nobody's is as old as it was.
pub(super) fn leave_of(workspace: &str, target: &str, part: &LeftPart, into: &mut Vec<Statement>) {
    let delete = "DELETE FROM left_behind WHERE workspace = $1 AND target = $2 AND (what = 'run' \
                  OR (what IN ('values', 'access') AND of = ANY ($3::bigint[])) OR (what = 'member' AND print = ANY ($4::bigint[])) \
                  OR (what = 'nobodys' AND of = ANY ($4::bigint[]) AND NOT of = ANY ($5::bigint[])))";
    let signed = |prints: &BTreeSet<u64>| prints.iter().map(|print| print.cast_signed()).collect::<Vec<_>>();
    let nobodys = part.all.iter().filter(|left| left.what == LeftWhat::Nobodys).map(|left| left.of.cast_signed());
    let gone = Statement::new(delete, workspace).text(target).numbers(signed(&part.people)).numbers(signed(&part.accounts));
    into.push(gone.numbers(nobodys));
    let mut told = BTreeSet::new();
    let first = |left: &&Left| left.what != LeftWhat::Nobodys || told.insert(left.of);
    insert_left(workspace, target, part.all.iter().filter(first), into);
}

fn insert_left<'l>(workspace: &str, target: &str, all: impl Iterator<Item = &'l Left>, into: &mut Vec<Statement>) {
    /// Rows of one statement: what is sent at once stays small.
    const AT_ONCE: usize = 10_000;
    let insert = "INSERT INTO left_behind (workspace, target, what, of, print) \
                  SELECT $1, $2, coming.* FROM unnest($3::text[], $4::bigint[], $5::bigint[]) AS coming (what, of, print) \
                  WHERE coming.what <> 'nobodys' OR NOT EXISTS (SELECT 1 FROM left_behind known WHERE known.workspace = $1 \
                  AND known.target = $2 AND known.what = 'nobodys' AND known.of = coming.of) ON CONFLICT DO NOTHING";
    let all: Vec<&Left> = all.collect();
    into.extend(all.chunks(AT_ONCE).map(|some| {
        let of = Statement::new(insert, workspace).text(target).texts(some.iter().map(|left| left.what.word()));
        of.numbers(some.iter().map(|left| left.of.cast_signed())).numbers(some.iter().map(|left| left.print.cast_signed()))
    }));
}

/// A thing of a shelf, in the place of what had its name.
pub(super) fn shelve(workspace: &str, thing: &Shelved) -> Statement {
    let upsert = "INSERT INTO shelves (workspace, shelf, name, body) VALUES ($1, $2, $3, $4) \
                  ON CONFLICT (workspace, shelf, name) DO UPDATE SET body = excluded.body";
    Statement::new(upsert, workspace).text(thing.shelf.word()).text(&thing.name).text(&thing.body)
}

/// It is not needed any more.
pub(super) fn unshelve(workspace: &str, shelf: Shelf, name: &str) -> Statement {
    Statement::new("DELETE FROM shelves WHERE workspace = $1 AND shelf = $2 AND name = $3", workspace).text(shelf.word()).text(name)
}

fn minute(at: Timestamp) -> i64 {
    at.as_second().div_euclid(60)
}
