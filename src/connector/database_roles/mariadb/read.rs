//! Reads accounts, roles, and who has which role.
//!
//! Must never: hand on what the account holds itself because it made it.

use std::sync::Arc;

use mysql_async::Row;

use super::super::note::Note;
use super::super::role::{Grant, NO_ADMIN_OPTION, Role, Roles};
use super::{MariaDb, cell};
use crate::model::{ObjectKind, SystemError};

/// Roles are accounts without a host. The server's own, and ours, are nobody's. Whatever is asked for is asked in one statement, which sees one moment.
const ALL: &str = "SELECT 'role', u.User, u.Host, u.is_role, \
    COALESCE(JSON_VALUE(p.Priv, '$.account_locked'), '') IN ('1', 'true'), \
    CASE WHEN u.Super_priv = 'Y' OR u.Grant_priv = 'Y' THEN 'superuser' \
         WHEN u.Repl_slave_priv = 'Y' THEN 'replication' \
         WHEN u.is_role = 'Y' AND NOT EXISTS (SELECT 1 FROM mysql.roles_mapping a WHERE a.Role = u.User AND a.Admin_option = 'Y' \
             AND CONCAT(a.User, '@', a.Host) = CURRENT_USER()) THEN 'admin' END \
    FROM mysql.user u JOIN mysql.global_priv p ON p.User = u.User AND p.Host = u.Host \
    WHERE u.User NOT IN ('', 'mariadb.sys', 'mysql.sys', 'mysql', 'PUBLIC') AND CONCAT(u.User, '@', u.Host) <> CURRENT_USER() \
    UNION ALL \
    SELECT 'grant', m.User, m.Host, m.Role, NULL, NULL FROM mysql.roles_mapping m \
    WHERE CONCAT(m.User, '@', m.Host) <> CURRENT_USER()";

impl MariaDb {
    /// All of it at one moment.
    pub(in super::super) async fn all(&self) -> Result<Roles, SystemError> {
        let mut all = Roles::default();
        let rows = self.ask(ALL).await?;
        for row in &rows {
            match cell(row, 0).as_deref() {
                Some("role") => all.roles.extend(self.role(row)?),
                _ => all.grants.extend(self.grant(row)?),
            }
        }
        // Whoever asks is one of them.
        if rows.is_empty() {
            return Err(SystemError::Forbidden("the server shows no accounts: allow this account to read the tables of `mysql`".into()));
        }
        Ok(all)
    }

    /// An account or a role; nothing where it is an account of another host.
    fn role(&self, row: &Row) -> Result<Option<Role>, SystemError> {
        let (name, host) = (text(row, 1)?, text(row, 2)?);
        let is_role = text(row, 3)? == "Y";
        if !is_role && !host.eq_ignore_ascii_case(&self.host) {
            return Ok(None);
        }
        let protected = self.protected.contains(&name).then_some("stands in `protected`");
        let untouched = cell(row, 5).map(|word| why(&word)).or(protected);
        let kind = if is_role { ObjectKind::Group } else { ObjectKind::Account };
        let active = !is_role && cell(row, 4).as_deref() != Some("1");
        Ok(Some(Role { id: self.id(kind, &name), name, kind, active, until: None, owns: false, note: Note::default(), untouched }))
    }

    fn grant(&self, row: &Row) -> Result<Option<Grant>, SystemError> {
        let (name, host, role) = (text(row, 1)?, text(row, 2)?, text(row, 3)?);
        let kind = if host.is_empty() { ObjectKind::Group } else { ObjectKind::Account };
        if kind == ObjectKind::Account && !host.eq_ignore_ascii_case(&self.host) {
            return Ok(None);
        }
        Ok(Some(Grant { group: self.id(ObjectKind::Group, &role), member: self.id(kind, &name) }))
    }

    /// The server has no numbers for them: an account is known by its name and its host, a role by its name.
    pub(in super::super) fn id(&self, kind: ObjectKind, name: &str) -> Arc<str> {
        if kind == ObjectKind::Account { format!("{name}@{}", self.host).into() } else { name.into() }
    }
}

fn text(row: &Row, at: usize) -> Result<String, SystemError> {
    cell(row, at).ok_or_else(|| SystemError::Protocol("an account came without its name".into()))
}

/// In words that follow the name of a role.
fn why(word: &str) -> &'static str {
    match word {
        "superuser" => "may do everything (SUPER, or GRANT OPTION on *.*)",
        "replication" => "may replicate",
        _ => NO_ADMIN_OPTION,
    }
}
