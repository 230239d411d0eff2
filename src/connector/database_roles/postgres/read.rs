//! Reads roles and memberships.
//!
//! Must never: hand on what the account holds itself because it made it.

use super::super::note::Note;
use super::super::quote::postgres_text;
use super::super::role::{Grant, NO_ADMIN_OPTION, Role, Roles};
use super::{Postgres, cell, id, yes};
use crate::model::{ObjectKind, SystemError};

/// The server's own roles, and ours, are nobody's.
pub(super) const OURS_OR_NOBODYS: &str =
    "pg_catalog.left(r.rolname::text, 3) = 'pg_' OR r.oid < 16384 OR r.rolname IN (current_user, session_user)";

/// What is shown and left as it is.
const UNTOUCHED: &str = "CASE WHEN {ours} THEN 'own' WHEN r.rolsuper THEN 'superuser' WHEN r.rolreplication THEN 'replication' WHEN r.rolname = ANY ({protected}) THEN 'protected' \
    WHEN current_setting('server_version_num')::int >= 160000 AND NOT pg_catalog.pg_has_role(r.oid, 'USAGE WITH ADMIN OPTION') THEN 'admin' END";

/// The last day on which a password holds: it ends with it.
const LAST_DAY: &str = "CASE WHEN pg_catalog.isfinite(r.rolvaliduntil) THEN pg_catalog.to_char(r.rolvaliduntil AT TIME ZONE 'UTC' - interval '1 microsecond', 'YYYY-MM-DD') END";

impl Postgres {
    /// All of it at one moment.
    pub(in super::super) async fn all(&self) -> Result<Roles, SystemError> {
        let statements = format!(
            "SELECT 'role', r.oid::text, r.rolname::text, r.rolcanlogin, {LAST_DAY}, pg_catalog.shobj_description(r.oid, 'pg_authid'), {}, \
             EXISTS (SELECT FROM pg_catalog.pg_shdepend d WHERE d.refclassid = 'pg_catalog.pg_authid'::regclass AND d.refobjid = r.oid) \
             FROM pg_catalog.pg_roles r WHERE NOT ({OURS_OR_NOBODYS}); \
             SELECT DISTINCT 'grant', m.roleid::text, m.member::text FROM pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles own ON own.oid = m.member \
             WHERE own.rolname NOT IN (current_user, session_user)",
            self.untouched()?
        );
        let mut all = Roles::default();
        for row in self.ask(&statements).await? {
            match cell(&row, 0) {
                Some("role") => all.roles.push(role(&row)?),
                _ => all.grants.push(Grant { group: id(cell(&row, 1))?, member: id(cell(&row, 2))? }),
            }
        }
        Ok(all)
    }

    /// Why a role is left as it is.
    pub(super) fn untouched(&self) -> Result<String, SystemError> {
        let names = self.protected.iter().map(|name| postgres_text(name)).collect::<Result<Vec<_>, _>>()?;
        Ok(UNTOUCHED.replace("{ours}", OURS_OR_NOBODYS).replace("{protected}", &format!("ARRAY[{}]::text[]", names.join(", "))))
    }
}

fn role(row: &tokio_postgres::SimpleQueryRow) -> Result<Role, SystemError> {
    let (note, active) = (Note::parse(cell(row, 5).unwrap_or_default()), yes(row, 3));
    Ok(Role {
        id: id(cell(row, 1))?,
        name: cell(row, 2).unwrap_or_default().to_owned(),
        kind: kind(&note, active),
        active,
        until: cell(row, 4).map(str::to_owned),
        note,
        owns: yes(row, 7),
        untouched: cell(row, 6).map(why),
    })
}

/// What we said it is; else whoever may sign in is an account, and everything else a group.
pub(super) fn kind(note: &Note, active: bool) -> ObjectKind {
    note.kind.unwrap_or(if active { ObjectKind::Account } else { ObjectKind::Group })
}

/// In words that follow the name of a role.
pub(super) fn why(word: &str) -> &'static str {
    match word {
        "own" => "is the server's own, or the account that headcount signs in with",
        "superuser" => "is a superuser",
        "replication" => "may replicate",
        "protected" => "stands in `protected`",
        _ => NO_ADMIN_OPTION,
    }
}
