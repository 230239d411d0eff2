//! What is ours, and by which keys.
//!
//! Must never: leave two keys to one object.

use super::statement::Statement;
use crate::model::{FormerLink, Link, LinkOrigin, ObjectKind, UNKNOWN_SYSTEM, grant_key};

/// The rows of a statement as a table, and the columns that [`columns`] gives it.
macro_rules! new_links {
    () => {
        "new AS (SELECT * FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::text[], $9::text[]) \
         WITH ORDINALITY AS new (target, kind, key, id, origin, system, name, at, place))"
    };
}

/// Deletes what is kept of objects beside their links; `gone` says which.
macro_rules! forget_gone {
    () => {
        "a AS (DELETE FROM formers t USING gone g WHERE t.workspace = $1 AND t.target = g.target AND t.kind = g.kind AND t.id = g.id), \
         b AS (DELETE FROM deactivations t USING gone g WHERE t.workspace = $1 AND t.target = g.target AND t.kind = g.kind AND t.id = g.id), \
         c AS (DELETE FROM cut_off t USING gone g WHERE t.workspace = $1 AND t.target = g.target AND t.kind = g.kind AND t.id = g.id), \
         d AS (DELETE FROM written t USING gone g WHERE t.workspace = $1 AND t.target = g.target AND t.kind = g.kind AND t.id = g.id) \
         DELETE FROM repeats t USING gone g WHERE t.workspace = $1 AND t.target = g.target AND t.kind = g.kind AND t.id = g.id"
    };
}

/// What was kept of an object that is new, or whose id somebody else's key had: another one has it now. A key that an earlier row of the same statement gave another
/// id has it no more.
const OTHERS_OBJECTS: &str = concat!(
    "WITH ",
    new_links!(),
    ", gone AS (SELECT target, kind, id FROM new n WHERE kind <> 'entitlement' AND (origin = 'created' OR EXISTS (SELECT 1 FROM links l \
     WHERE l.workspace = $1 AND l.target = n.target AND l.kind = n.kind AND l.id = n.id AND l.key <> n.key AND l.system = n.system \
     AND NOT EXISTS (SELECT 1 FROM new e WHERE e.target = l.target AND e.kind = l.kind AND e.key = l.key AND e.place < n.place)))), ",
    forget_gone!()
);

/// An object has one key.
const OTHERS: &str = concat!(
    "WITH ",
    new_links!(),
    " DELETE FROM links l USING new n WHERE n.kind <> 'entitlement' AND l.workspace = $1 AND l.target = n.target AND l.kind = n.kind \
     AND l.id = n.id AND l.key <> n.key AND l.system = n.system"
);

const UPSERT: &str = concat!(
    "WITH ",
    new_links!(),
    " INSERT INTO links AS l (workspace, target, kind, key, id, origin, system, name, at) \
     SELECT $1, target, kind, key, id, origin, system, name, at FROM new ON CONFLICT (workspace, target, kind, key) DO UPDATE SET \
     id = excluded.id, origin = excluded.origin, system = excluded.system, name = excluded.name, at = excluded.at"
);

/// The accounts that were to be made without access have ids now.
const WAKE: &str = concat!(
    "WITH ",
    new_links!(),
    ", woken AS (DELETE FROM resting r USING new n WHERE n.kind = 'account' AND r.workspace = $1 AND r.target = n.target AND r.key = n.key \
     RETURNING n.target, n.id, r.at) \
     INSERT INTO deactivations (workspace, target, kind, id, at) SELECT $1, target, 'account', id, at FROM woken \
     ON CONFLICT (workspace, target, kind, id) DO UPDATE SET at = excluded.at"
);

const PLACE: &str = concat!(
    "WITH ",
    new_links!(),
    " UPDATE links l SET system = n.system, name = n.name, at = n.at FROM new n WHERE l.workspace = $1 AND l.target = n.target \
     AND l.kind = n.kind AND l.key = n.key AND l.id = n.id AND l.system = $10"
);

const RENAME: &str = concat!(
    "WITH ",
    new_links!(),
    " UPDATE links l SET name = n.name FROM new n WHERE l.workspace = $1 AND l.target = n.target AND l.kind = n.kind \
     AND l.key = n.key AND l.id = n.id"
);

/// The keys that an object had.
macro_rules! had {
    () => {
        "had AS (SELECT key FROM links WHERE workspace = $1 AND target = $2 AND kind = $3 AND id = $4 AND key <> $5 AND system = $6)"
    };
}

/// What was given to an account under a key that it had, in the place of what stands under the new one.
const CARRIED_OVER: &str = concat!(
    "WITH ",
    had!(),
    " DELETE FROM links l USING had, links g WHERE g.workspace = $1 AND g.target = $2 AND g.kind = 'entitlement' AND g.id = $4 \
     AND g.key >= had.key || '#' AND g.key < had.key || '$' AND l.workspace = $1 AND l.target = $2 AND l.kind = 'entitlement' \
     AND l.key = $5 || substr(g.key, length(had.key) + 1)"
);

const CARRY_GRANTS: &str = concat!(
    "WITH ",
    had!(),
    " UPDATE links g SET key = $5 || substr(g.key, length(had.key) + 1) FROM had WHERE g.workspace = $1 AND g.target = $2 \
     AND g.kind = 'entitlement' AND g.id = $4 AND g.key >= had.key || '#' AND g.key < had.key || '$'"
);

const KEEP_FORMERS: &str = concat!(
    "WITH ",
    had!(),
    " INSERT INTO formers (workspace, target, kind, key, id, at) SELECT $1, $2, $3, key, $4, $7 FROM had \
     ON CONFLICT (workspace, target, kind, id, key) DO UPDATE SET at = excluded.at"
);

const FORGET_HAD: &str = "DELETE FROM links WHERE workspace = $1 AND target = $2 AND kind = $3 AND id = $4 AND key <> $5 AND system = $6";
const FORGET_FORMER: &str = "DELETE FROM formers WHERE workspace = $1 AND target = $2 AND kind = $3 AND id = $4 AND key = $5";

/// Objects are ours, and have their ids.
pub(super) fn record(workspace: &str, links: &[&Link], into: &mut Vec<Statement>) {
    let sql = |sql| columns(sql, workspace, links);
    if links.iter().any(|link| link.kind != ObjectKind::Entitlement) {
        into.extend([sql(OTHERS_OBJECTS), sql(OTHERS)]);
    }
    upsert(workspace, links, into);
}

fn upsert(workspace: &str, links: &[&Link], into: &mut Vec<Statement>) {
    into.push(columns(UPSERT, workspace, links));
    if links.iter().any(|link| link.kind == ObjectKind::Account) {
        into.push(columns(WAKE, workspace, links));
    }
}

/// It is known now where objects of ours are.
pub(super) fn place(workspace: &str, links: &[&Link]) -> Statement {
    columns(PLACE, workspace, links).number(UNKNOWN_SYSTEM.cast_signed())
}

/// An object of ours has another key from now on.
pub(super) fn carry(workspace: &str, link: &Link, into: &mut Vec<Statement>) {
    let of = |sql| Statement::new(sql, workspace).text(&link.target).text(link.kind.word()).text(&link.id).text(&link.key);
    let had = |sql| of(sql).number(link.system.cast_signed());
    if link.kind == ObjectKind::Account {
        into.extend([had(CARRIED_OVER), had(CARRY_GRANTS)]);
    }
    into.extend([had(KEEP_FORMERS).text(&link.at.to_string()), had(FORGET_HAD), of(FORGET_FORMER)]);
    upsert(workspace, &[link], into);
}

/// Objects of ours are called something else now.
pub(super) fn rename(workspace: &str, links: &[&Link]) -> Statement {
    columns(RENAME, workspace, links)
}

/// An object of ours has another id.
pub(super) fn shift(workspace: &str, link: &Link, from: &str, into: &mut Vec<Statement>) {
    let update = "UPDATE links SET name = $6, id = $7 WHERE workspace = $1 AND target = $2 AND kind = $3 AND key = $4 AND id = $5";
    let of = Statement::new(update, workspace).text(&link.target).text(link.kind.word()).text(&link.key).text(from);
    into.push(of.maybe(link.name.as_deref().map(str::to_owned)).text(&link.id));
    into.push(forget_former(workspace, (&link.target, link.kind, &link.id), &link.key));
}

/// A key that an object had, or the id that it is about to get.
pub(super) fn record_former(workspace: &str, former: &FormerLink) -> Statement {
    let FormerLink { target, kind, key, id, at } = former;
    let upsert = "INSERT INTO formers (workspace, target, kind, key, id, at) VALUES ($1, $2, $3, $4, $5, $6) \
                  ON CONFLICT (workspace, target, kind, id, key) DO UPDATE SET at = excluded.at";
    Statement::new(upsert, workspace).text(target).text(kind.word()).text(key).text(id).text(&at.to_string())
}

/// It has the key no more, or did not get the id.
pub(super) fn forget_former(workspace: &str, (target, kind, id): (&str, ObjectKind, &str), key: &str) -> Statement {
    Statement::new(FORGET_FORMER, workspace).text(target).text(kind.word()).text(id).text(key)
}

/// An object is gone, and all that was kept of it.
pub(super) fn forget(workspace: &str, link: &Link, into: &mut Vec<Statement>) {
    const GRANTS: &str = "DELETE FROM links WHERE workspace = $1 AND target = $2 AND kind = 'entitlement' AND key >= $3 AND key < $4";
    const OBJECT: &str = concat!("WITH gone AS (SELECT $2::text AS target, $3::text AS kind, $4::text AS id), ", forget_gone!());
    const LINK: &str = "DELETE FROM links WHERE workspace = $1 AND target = $2 AND kind = $3 AND key = $4";
    let of = |sql| Statement::new(sql, workspace).text(&link.target).text(link.kind.word());
    if link.kind == ObjectKind::Account {
        // `$` is the character after `#`, so all keys of a grant lie between.
        let (first, end) = (grant_key(&link.key, ""), format!("{}$", link.key));
        into.push(Statement::new(GRANTS, workspace).text(&link.target).text(&first).text(&end));
    }
    if link.kind != ObjectKind::Entitlement {
        into.push(of(OBJECT).text(&link.id));
    }
    into.push(of(LINK).text(&link.key));
}

fn columns(sql: &'static str, workspace: &str, links: &[&Link]) -> Statement {
    let origin = |link: &&Link| match link.origin {
        LinkOrigin::Created => "created",
        LinkOrigin::Adopted => "adopted",
    };
    Statement::new(sql, workspace)
        .texts(links.iter().map(|link| &link.target))
        .texts(links.iter().map(|link| link.kind.word()))
        .texts(links.iter().map(|link| &link.key))
        .texts(links.iter().map(|link| &link.id))
        .texts(links.iter().map(origin))
        .numbers(links.iter().map(|link| link.system.cast_signed()))
        .maybes(links.iter().map(|link| link.name.as_deref().map(str::to_owned)))
        .texts(links.iter().map(|link| link.at.to_string()))
}
