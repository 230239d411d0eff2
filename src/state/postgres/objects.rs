//! What is kept of objects beside their links: who was deactivated, what was written.
//!
//! Must never: hold a value.

use super::statement::Statement;
use crate::model::{CutOff, Deactivation, Repeat, Resting};

/// headcount deactivates objects. The newest time counts.
pub(super) fn deactivate(workspace: &str, made: &[&Deactivation]) -> Statement {
    let upsert = "INSERT INTO deactivations (workspace, target, kind, id, at) \
                  SELECT $1, * FROM unnest($2::text[], $3::text[], $4::text[], $5::text[]) \
                  ON CONFLICT (workspace, target, kind, id) DO UPDATE SET at = excluded.at";
    of(upsert, workspace, made).texts(made.iter().map(|made| made.at.to_string()))
}

/// They are active again, or gone, or were never deactivated.
pub(super) fn forget_deactivations(workspace: &str, were: &[&Deactivation]) -> Statement {
    let delete = "DELETE FROM deactivations d USING unnest($2::text[], $3::text[], $4::text[]) AS of (target, kind, id) \
                  WHERE d.workspace = $1 AND d.target = of.target AND d.kind = of.kind AND d.id = of.id";
    of(delete, workspace, were)
}

/// They have their access back.
pub(super) fn forget_cut_off(workspace: &str, were: &[&Deactivation]) -> Statement {
    let delete = "DELETE FROM cut_off c USING unnest($2::text[], $3::text[], $4::text[]) AS of (target, kind, id) \
                  WHERE c.workspace = $1 AND c.target = of.target AND c.kind = of.kind AND c.id = of.id";
    of(delete, workspace, were)
}

/// A revocation deactivated accounts.
pub(super) fn cut_off(workspace: &str, all: &[&CutOff]) -> Statement {
    let upsert = "INSERT INTO cut_off (workspace, target, kind, id, key) \
                  SELECT $1, * FROM unnest($2::text[], $3::text[], $4::text[], $5::text[]) \
                  ON CONFLICT (workspace, target, kind, id) DO UPDATE SET key = excluded.key";
    Statement::new(upsert, workspace)
        .texts(all.iter().map(|one| &one.target))
        .texts(all.iter().map(|one| one.kind.word()))
        .texts(all.iter().map(|one| &one.id))
        .texts(all.iter().map(|one| &one.key))
}

/// Accounts are about to be made without access.
pub(super) fn rest(workspace: &str, all: &[&Resting]) -> Statement {
    let upsert = "INSERT INTO resting (workspace, target, key, at) SELECT $1, * FROM unnest($2::text[], $3::text[], $4::text[]) \
                  ON CONFLICT (workspace, target, key) DO UPDATE SET at = excluded.at";
    let of = Statement::new(upsert, workspace).texts(all.iter().map(|one| &one.target)).texts(all.iter().map(|one| &one.key));
    of.texts(all.iter().map(|one| one.at.to_string()))
}

/// They were not made.
pub(super) fn forget_resting(workspace: &str, all: &[&Resting]) -> Statement {
    let delete = "DELETE FROM resting r USING unnest($2::text[], $3::text[]) AS of (target, key) \
                  WHERE r.workspace = $1 AND r.target = of.target AND r.key = of.key";
    Statement::new(delete, workspace).texts(all.iter().map(|one| &one.target)).texts(all.iter().map(|one| &one.key))
}

/// A value is kept after all.
pub(super) fn forget_repeat(workspace: &str, repeat: &Repeat) -> Statement {
    let delete = "DELETE FROM repeats WHERE workspace = $1 AND target = $2 AND kind = $3 AND id = $4 AND attribute = $5";
    Statement::new(delete, workspace).text(&repeat.target).text(repeat.kind.word()).text(&repeat.id).text(&repeat.attribute)
}

/// What is written: `entry` is the print of an attribute's name and that of its value, four bytes each.
macro_rules! new_values {
    () => {
        "new AS (SELECT * FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::bytea[], $7::bigint[], $8::bigint[], $9::text[]) \
         WITH ORDINALITY AS new (target, kind, id, attribute, entry, wrote, found, at, place)), \
         old AS (SELECT w.target, w.kind, w.id, substring(w.prints FROM at * 8 + 1 FOR 8) AS entry, at AS place \
         FROM written w JOIN (SELECT DISTINCT target, kind, id FROM new) o USING (target, kind, id), \
         LATERAL generate_series(0, length(w.prints) / 8 - 1) AS at WHERE w.workspace = $1)"
    };
}

/// What had been written already, and was not there.
const REPEAT: &str = concat!(
    "WITH ",
    new_values!(),
    " INSERT INTO repeats (workspace, target, kind, id, attribute, wrote, found, at) \
     SELECT $1, n.target, n.kind, n.id, n.attribute, n.wrote, n.found, n.at FROM new n JOIN old o USING (target, kind, id, entry) \
     ON CONFLICT (workspace, target, kind, id, attribute) DO UPDATE SET wrote = excluded.wrote, found = excluded.found, at = excluded.at"
);

/// What was never written was never written twice.
const NO_REPEAT: &str = concat!(
    "WITH ",
    new_values!(),
    " DELETE FROM repeats r USING new n WHERE r.workspace = $1 AND r.target = n.target AND r.kind = n.kind AND r.id = n.id \
     AND r.attribute = n.attribute AND EXISTS (SELECT 1 FROM old o WHERE o.target = n.target AND o.kind = n.kind AND o.id = n.id \
     AND substring(o.entry FOR 4) = substring(n.entry FOR 4)) \
     AND NOT EXISTS (SELECT 1 FROM old o WHERE o.target = n.target AND o.kind = n.kind AND o.id = n.id AND o.entry = n.entry)"
);

/// In the order in which they were written last.
const WRITE: &str = concat!(
    "WITH ",
    new_values!(),
    ", kept AS (SELECT target, kind, id, entry, 0 AS turn, place FROM old o WHERE NOT EXISTS (SELECT 1 FROM new n WHERE n.target = o.target \
     AND n.kind = o.kind AND n.id = o.id AND substring(n.entry FOR 4) = substring(o.entry FOR 4)) \
     UNION ALL SELECT target, kind, id, entry, 1, place FROM new) \
     INSERT INTO written (workspace, target, kind, id, prints) \
     SELECT $1, target, kind, id, string_agg(entry, ''::bytea ORDER BY turn, place) FROM kept GROUP BY target, kind, id \
     ON CONFLICT (workspace, target, kind, id) DO UPDATE SET prints = excluded.prints"
);

/// What was written to objects: for each attribute the print of its name, and what was written and found before as a [`Repeat`].
pub(super) fn write(workspace: &str, written: &[&Vec<(u32, Repeat)>], into: &mut Vec<Statement>) {
    let all: Vec<&(u32, Repeat)> = written.iter().flat_map(|values| values.iter()).collect();
    if all.is_empty() {
        return;
    }
    let entry = |(name, value): &&(u32, Repeat)| [name.to_le_bytes(), (value.wrote as u32).to_le_bytes()].concat();
    let columns = |sql| {
        Statement::new(sql, workspace)
            .texts(all.iter().map(|(_, value)| &value.target))
            .texts(all.iter().map(|(_, value)| value.kind.word()))
            .texts(all.iter().map(|(_, value)| &value.id))
            .texts(all.iter().map(|(_, value)| &value.attribute))
            .blobs(all.iter().map(entry))
            .numbers(all.iter().map(|(_, value)| value.wrote.cast_signed()))
            .numbers(all.iter().map(|(_, value)| value.found.cast_signed()))
            .texts(all.iter().map(|(_, value)| value.at.to_string()))
    };
    into.extend([columns(REPEAT), columns(NO_REPEAT), columns(WRITE)]);
}

fn of(sql: &'static str, workspace: &str, all: &[&Deactivation]) -> Statement {
    Statement::new(sql, workspace)
        .texts(all.iter().map(|one| &one.target))
        .texts(all.iter().map(|one| one.kind.word()))
        .texts(all.iter().map(|one| &one.id))
}
