//! Whose record is whose, who had which name, and who is cut off by a command.
//!
//! Must never: end a revocation by itself; only a manifest that covers it or a person does.

use std::sync::Arc;

use super::statement::Statement;
use crate::model::{DepartedName, Receipt, RecordLink, StandingRevocation};
use crate::state::sqlite::word;

macro_rules! new_records {
    () => {
        "WITH new AS (SELECT * FROM unnest($2::text[], $3::text[], $4::text[]) AS new (source, record, identity)) "
    };
}

/// Whose records they are. An identity has one in a source, so what was its record before is nobody's.
pub(super) fn record(workspace: &str, records: &[&RecordLink], into: &mut Vec<Statement>) {
    const OTHERS: &str = concat!(
        new_records!(),
        "DELETE FROM records r USING new n WHERE r.workspace = $1 AND r.source = n.source AND r.identity = n.identity AND r.record <> n.record"
    );
    const UPSERT: &str = concat!(
        new_records!(),
        "INSERT INTO records (workspace, source, record, identity) SELECT $1, source, record, identity FROM new \
         ON CONFLICT (workspace, source, record) DO UPDATE SET identity = excluded.identity"
    );
    let columns = |sql| {
        Statement::new(sql, workspace)
            .texts(records.iter().map(|link| &link.source))
            .texts(records.iter().map(|link| &link.record))
            .texts(records.iter().map(|link| &link.identity))
    };
    into.extend([columns(OTHERS), columns(UPSERT)]);
}

/// Names that somebody had. Once they left it stays so.
pub(super) fn depart(workspace: &str, names: &[&DepartedName]) -> Statement {
    let upsert = "INSERT INTO departed AS d (workspace, target, attribute, value, key, gone, at) \
                  SELECT $1, * FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[]) \
                  ON CONFLICT (workspace, target, attribute, value, key) DO UPDATE SET gone = greatest(d.gone, excluded.gone), at = excluded.at";
    Statement::new(upsert, workspace)
        .texts(names.iter().map(|name| &name.target))
        .texts(names.iter().map(|name| &name.attribute))
        .texts(names.iter().map(|name| &name.value))
        .texts(names.iter().map(|name| &name.key))
        .numbers(names.iter().map(|name| i64::from(name.left)))
        .texts(names.iter().map(|name| name.at.to_string()))
}

/// They are back.
pub(super) fn back(workspace: &str, name: &DepartedName) -> Statement {
    Statement::new("DELETE FROM departed WHERE workspace = $1 AND target = $2 AND key = $3", workspace).text(&name.target).text(&name.key)
}

/// What keys of a Source stand in: the key's own column, and the others by which a row is found.
macro_rules! renamed_keys {
    ($($table:literal, $column:literal, $same:literal;)*) => {
        [$(concat!(
            "UPDATE ", $table, " AS t SET ", $column, " = $3 || substr(t.", $column, ", length($2) + 1) WHERE t.workspace = $1 \
             AND t.", $column, " >= $2 || '/' AND t.", $column, " < $2 || '0' AND NOT EXISTS (SELECT 1 FROM ", $table, " AS o \
             WHERE o.workspace = $1 AND o.", $column, " = $3 || substr(t.", $column, ", length($2) + 1)", $same, ")"
        )),*]
    };
}

/// A Source has another name. What is remembered under the new one already stays. `0` is the character after `/`, so all keys of the Source lie between.
pub(super) fn rename_source(workspace: &str, old: &str, new: &str, into: &mut Vec<Statement>) {
    const KEYS: [&str; 7] = renamed_keys! {
        "links", "key", " AND o.target = t.target AND o.kind = t.kind";
        "revocations", "key", "";
        "receipts", "key", " AND o.target = t.target";
        "revoked_as", "key", "";
        "unheard", "key", " AND o.target = t.target";
        "departed", "key", " AND o.target = t.target AND o.attribute = t.attribute AND o.value = t.value";
        "resting", "key", " AND o.target = t.target";
    };
    // No two rows of these are found by it.
    const VALUES: [&str; 3] = renamed_keys! {
        "revoked_as", "identity", " AND false";
        "cut_off", "key", " AND false";
        "records", "identity", " AND false";
    };
    const SOURCES: &str = "UPDATE records AS t SET source = $3 WHERE workspace = $1 AND source = $2 \
        AND NOT EXISTS (SELECT 1 FROM records o WHERE o.workspace = $1 AND o.source = $3 AND o.record = t.record)";
    const SYSTEMS: &str = "UPDATE baselines AS t SET system = $3 WHERE workspace = $1 AND system = $2 \
        AND NOT EXISTS (SELECT 1 FROM baselines o WHERE o.workspace = $1 AND o.system = $3 AND o.kind = t.kind)";
    let all = KEYS.into_iter().chain(VALUES).chain([SOURCES, SYSTEMS]);
    into.extend(all.map(|sql| Statement::new(sql, workspace).text(old).text(new)));
}

/// From now on the identity is cut off. A second revocation of one identity says the newer reason, and its receipts begin anew.
pub(super) fn revoke(workspace: &str, revocation: &StandingRevocation, into: &mut Vec<Statement>) {
    const UPSERT: &str = "INSERT INTO revocations (workspace, key, reason, at, until) VALUES ($1, $2, $3, $4, $5) \
        ON CONFLICT (workspace, key) DO UPDATE SET reason = excluded.reason, at = excluded.at, until = excluded.until";
    let until = revocation.until.map(|day| day.to_string());
    let upsert = Statement::new(UPSERT, workspace).text(&revocation.key).text(&revocation.reason).text(&revocation.at.to_string());
    let receipts = Statement::new("DELETE FROM receipts WHERE workspace = $1 AND key = $2", workspace).text(&revocation.key);
    into.extend([upsert.maybe(until), receipts, other_keys(workspace, &revocation.key, &revocation.also)]);
}

/// Other keys of somebody who is cut off: whatever is for one of them is for nobody. Nothing where the revocation ended meanwhile.
pub(super) fn other_keys(workspace: &str, identity: &str, also: &[Arc<str>]) -> Statement {
    let upsert = "INSERT INTO revoked_as (workspace, key, identity) SELECT DISTINCT $1, key, $2 FROM unnest($3::text[]) AS also (key) \
                  WHERE key <> $2 AND EXISTS (SELECT 1 FROM revocations WHERE workspace = $1 AND key = $2) \
                  ON CONFLICT (workspace, key) DO UPDATE SET identity = excluded.identity";
    Statement::new(upsert, workspace).text(identity).texts(also)
}

/// What came of a revocation at a target. One that ended meanwhile has no receipts any more.
pub(super) fn receipt(workspace: &str, identity: &str, receipt: &Receipt) -> Statement {
    let upsert = "INSERT INTO receipts (workspace, key, target, outcome, message, tries, at) SELECT $1, $2, $3, $4, $5, $6, $7 \
                  WHERE EXISTS (SELECT 1 FROM revocations WHERE workspace = $1 AND key = $2) \
                  ON CONFLICT (workspace, key, target) DO UPDATE SET outcome = excluded.outcome, message = excluded.message, \
                  tries = excluded.tries, at = excluded.at";
    let of = Statement::new(upsert, workspace).text(identity).text(&receipt.target).text(&word(&receipt.outcome));
    of.maybe(receipt.message.as_deref().map(str::to_owned)).number(i64::from(receipt.tries)).text(&receipt.at.to_string())
}

/// The revocation of whoever a key means ended.
pub(super) fn lift(workspace: &str, key: &str, into: &mut Vec<Statement>) {
    macro_rules! whose {
        () => {
            " IN (SELECT $2 UNION SELECT identity FROM revoked_as WHERE workspace = $1 AND key = $2)"
        };
    }
    const ENDED: [&str; 3] = [
        concat!("DELETE FROM receipts WHERE workspace = $1 AND key", whose!()),
        concat!("DELETE FROM revocations WHERE workspace = $1 AND key", whose!()),
        concat!("DELETE FROM revoked_as WHERE workspace = $1 AND identity", whose!()),
    ];
    into.extend(ENDED.map(|sql| Statement::new(sql, workspace).text(key)));
}
