//! What the account may do at the server, and what it lacks.
//!
//! Must never: try a change to find out.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::super::limits;
use super::super::quote::postgres_name;
use super::read::OURS_OR_NOBODYS;
use super::{Postgres, cell, yes};
use crate::manifest::connection::RoleServer;
use crate::model::{Capabilities, ObjectKind, SystemError, ValueLimit};

const RIGHTS: &str = "SELECT current_user::text, r.rolsuper, r.rolcreaterole, pg_catalog.pg_has_role(r.oid, 'pg_signal_backend', 'USAGE'), \
    pg_catalog.pg_is_in_recovery() FROM pg_catalog.pg_roles r WHERE r.rolname = current_user";

/// What was found.
struct Rights {
    who: String,
    makes: bool,
    ends_sessions: bool,
    /// a standby
    reads_only: bool,
}

impl Postgres {
    async fn rights(&self) -> Result<Rights, SystemError> {
        let rows = self.ask(RIGHTS).await?;
        let row = rows.first().ok_or_else(|| SystemError::Forbidden("the server does not show the account its own role".into()))?;
        let is_superuser = yes(row, 1);
        Ok(Rights {
            who: cell(row, 0).unwrap_or_default().to_owned(),
            makes: is_superuser || yes(row, 2),
            ends_sessions: is_superuser || yes(row, 3),
            reads_only: yes(row, 4),
        })
    }

    /// What can be done with the rights that the account has.
    pub(in super::super) async fn capabilities(&self) -> Result<Capabilities, SystemError> {
        let rights = self.rights().await?;
        let (makes, names) = (rights.makes, |names: &[&str]| names.iter().map(|name| (*name).into()).collect::<BTreeSet<_>>());
        // Groups and accounts are roles alike.
        let mut name = limits::of_account(RoleServer::Postgres);
        name.kept.push(rights.who.as_str().into());
        let taken = self.taken().await?;
        let besides = |kind: ObjectKind| {
            let others = taken.iter().filter(|(of, _)| *of != Some(kind)).map(|(_, name)| name.clone());
            ValueLimit { taken: others.collect(), ..name.clone() }
        };
        Ok(Capabilities {
            account_limits: limits::by_name("userName", besides(ObjectKind::Account)),
            group_limits: limits::by_name("displayName", besides(ObjectKind::Group)),
            create_accounts: makes,
            update_accounts: makes,
            deactivate_accounts: makes,
            delete_accounts: makes,
            read_groups: true,
            create_groups: makes,
            update_groups: makes,
            delete_groups: makes,
            write_memberships: makes,
            nested_groups: true,
            end_sessions: rights.ends_sessions,
            account_marker: Some("externalId".into()),
            group_marker: Some("externalId".into()),
            account_attributes: Some(names(&["active", "displayName", "endDate", "externalId", "userName"])),
            unique_account_attributes: Some(names(&["userName"])),
            unique_group_attributes: Some(names(&["displayName"])),
            says_writable: super::super::BOTH.into(),
            says_removable: super::super::BOTH.into(),
            ..Capabilities::default()
        })
    }

    /// The names of all roles, with what they are here; nothing for those of the server's own, which are not shown.
    async fn taken(&self) -> Result<Vec<(Option<ObjectKind>, Arc<str>)>, SystemError> {
        let own = format!("SELECT r.rolname::text FROM pg_catalog.pg_roles r WHERE {OURS_OR_NOBODYS}");
        let own = self.ask(&own).await?;
        let own = own.iter().filter_map(|row| Some((None, cell(row, 0)?.into())));
        let shown = self.all().await?.roles.into_iter().map(|role| (Some(role.kind), role.name.into()));
        Ok(own.chain(shown).collect())
    }

    /// What the account may not do and would have to.
    pub(in super::super) async fn lacks(&self) -> Result<Vec<String>, SystemError> {
        let rights = self.rights().await?;
        let who = postgres_name(&rights.who)?;
        let mut lacks = Vec::new();
        if rights.reads_only {
            lacks.push("this server is a standby, which only reads: name the one that writes in `url`".to_owned());
        }
        if !rights.makes {
            lacks.push(format!("to make and change roles: ALTER ROLE {who} CREATEROLE"));
        }
        if !rights.ends_sessions {
            lacks.push(format!("to end the open sessions of somebody who is cut off: GRANT pg_signal_backend TO {who}"));
        }
        lacks.extend(self.all().await?.admin_options(&who, postgres_name)?);
        Ok(lacks)
    }
}
