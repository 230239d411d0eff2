//! Keys that seal, as rows; and what goes where somebody is erased. What a deleted row leaves in the server's files goes with its next vacuum.
//!
//! Must never: touch what a revocation by command says.

use std::sync::Arc;

use super::statement::Statement;
use crate::model::{Key, grant_key};
use crate::state::KeptKey;

/// Keys are kept.
pub(super) fn put(workspace: &str, subjects: &[&KeptKey]) -> Statement {
    let upsert = "INSERT INTO subjects (workspace, id, wrapped_by, key, whom, at) \
                  SELECT $1, * FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[]) \
                  ON CONFLICT (workspace, id) DO UPDATE SET wrapped_by = excluded.wrapped_by, key = excluded.key, whom = excluded.whom";
    Statement::new(upsert, workspace)
        .texts(subjects.iter().map(|subject| &subject.id))
        .texts(subjects.iter().map(|subject| &subject.wrapped_by))
        .texts(subjects.iter().map(|subject| &subject.key))
        .texts(subjects.iter().map(|subject| &subject.whom))
        .texts(subjects.iter().map(|subject| subject.at.to_string()))
}

/// Keys are destroyed.
pub(super) fn destroy(workspace: &str, ids: &[Arc<str>]) -> Statement {
    Statement::new("DELETE FROM subjects WHERE workspace = $1 AND id = ANY ($2)", workspace).texts(ids)
}

/// What goes by keys.
const BY_KEY: [&str; 9] = [
    "DELETE FROM written WHERE workspace = $1 AND (target, kind, id) IN (SELECT target, kind, id FROM links WHERE workspace = $1 AND key = ANY ($2))",
    "DELETE FROM repeats WHERE workspace = $1 AND (target, kind, id) IN (SELECT target, kind, id FROM links WHERE workspace = $1 AND key = ANY ($2))",
    "DELETE FROM deactivations WHERE workspace = $1 AND (target, kind, id) IN (SELECT target, kind, id FROM links WHERE workspace = $1 AND key = ANY ($2) \
     UNION SELECT target, kind, id FROM cut_off WHERE workspace = $1 AND key = ANY ($2))",
    "DELETE FROM links WHERE workspace = $1 AND key = ANY ($2)",
    "DELETE FROM formers WHERE workspace = $1 AND key = ANY ($2)",
    "DELETE FROM resting WHERE workspace = $1 AND key = ANY ($2)",
    "DELETE FROM unheard WHERE workspace = $1 AND key = ANY ($2)",
    "DELETE FROM departed WHERE workspace = $1 AND key = ANY ($2)",
    "DELETE FROM cut_off WHERE workspace = $1 AND key = ANY ($2)",
];

/// Nothing is kept any longer of whoever has these keys.
pub(super) fn erase(workspace: &str, keys: &[Arc<str>], into: &mut Vec<Statement>) {
    const GRANTS: &str = "DELETE FROM links l USING unnest($2::text[], $3::text[]) AS gone (first, next) \
        WHERE l.workspace = $1 AND l.kind = 'entitlement' AND l.key >= gone.first AND l.key < gone.next";
    const RECORDS: &str = "DELETE FROM records r WHERE workspace = $1 AND (identity = ANY ($2) \
        OR EXISTS (SELECT 1 FROM unnest($3::text[], $4::text[]) AS own (source, record) WHERE own.source = r.source AND own.record = r.record))";
    into.extend(BY_KEY.map(|sql| Statement::new(sql, workspace).texts(keys)));
    // `$` is the character after `#`, so all keys of a grant lie between.
    let grants = Statement::new(GRANTS, workspace).texts(keys.iter().map(|key| grant_key(key, "")));
    into.push(grants.texts(keys.iter().map(|key| format!("{key}$"))));
    let own: Vec<_> = keys.iter().filter_map(|key| Key::of_record(key)).collect();
    let records = Statement::new(RECORDS, workspace).texts(keys).texts(own.iter().map(|(source, _)| source));
    into.push(records.texts(own.iter().map(|(_, record)| record)));
}
