//! What the account may do at the server, and what it lacks.
//!
//! Must never: try a change to find out.

use std::collections::BTreeSet;

use super::super::limits;
use super::super::quote::mariadb_name;
use super::{MariaDb, cell};
use crate::manifest::connection::RoleServer;
use crate::model::{Capabilities, SystemError, ValueLimit};

/// What was found.
struct Rights {
    /// as a statement has it
    who: String,
    makes: bool,
    ends_sessions: bool,
    reads_only: bool,
}

impl MariaDb {
    async fn rights(&self) -> Result<Rights, SystemError> {
        let rows = self.ask("SELECT CURRENT_USER(), VERSION(), @@global.read_only, SUBSTRING_INDEX(CURRENT_USER(), '@', -1)").await?;
        let row = rows.first().ok_or_else(|| SystemError::Protocol("the server does not say who we are".into()))?;
        let (user, version, host) = (cell(row, 0).unwrap_or_default(), cell(row, 1).unwrap_or_default(), cell(row, 3).unwrap_or_default());
        if !version.contains("MariaDB") {
            return Err(SystemError::Rejected(format!("the server is MySQL ({version}): of these only MariaDB's roles can be kept")));
        }
        let name = user.strip_suffix(&host).and_then(|user| user.strip_suffix('@')).unwrap_or(&user);
        let grants: Vec<String> = self.ask("SHOW GRANTS FOR CURRENT_USER()").await?.iter().filter_map(|row| cell(row, 0)).collect();
        let all: Vec<&str> =
            grants.iter().filter_map(|grant| grant.strip_prefix("GRANT ")?.split_once(" ON *.* TO ")).map(|(rights, _)| rights).collect();
        let may = |right: &str| all.iter().any(|rights| rights.split(", ").any(|known| known == right || known == "ALL PRIVILEGES"));
        Ok(Rights {
            who: format!("{}@{}", mariadb_name(name)?, mariadb_name(&host)?),
            makes: may("CREATE USER"),
            // Whoever may not see the sessions of others sees none, and would take that for the end of them.
            ends_sessions: may("PROCESS") && (may("CONNECTION ADMIN") || may("SUPER")),
            reads_only: cell(row, 2).as_deref() == Some("1") && !may("READ_ONLY ADMIN") && !may("READ ONLY ADMIN"),
        })
    }

    /// Most letters of a name: 80 before version 10.6, and 128 since. None where the account may not look.
    async fn longest_name(&self) -> Result<Option<usize>, SystemError> {
        let asked = "SELECT MIN(CHARACTER_MAXIMUM_LENGTH) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = 'mysql' \
            AND (TABLE_NAME = 'global_priv' AND COLUMN_NAME = 'User' OR TABLE_NAME = 'roles_mapping' AND COLUMN_NAME = 'Role')";
        Ok(self.ask(asked).await?.first().and_then(|row| cell(row, 0)).and_then(|most| most.parse().ok()))
    }

    /// What can be done with the rights that the account has.
    pub(in super::super) async fn capabilities(&self) -> Result<Capabilities, SystemError> {
        let rights = self.rights().await?;
        let (makes, names) = (rights.makes, |names: &[&str]| names.iter().map(|name| (*name).into()).collect::<BTreeSet<_>>());
        let longest = self.longest_name().await?;
        let bound = |limit: ValueLimit| ValueLimit { letters: longest.or(limit.letters), ..limit };
        Ok(Capabilities {
            account_limits: limits::by_name("userName", bound(limits::of_account(RoleServer::MariaDb))),
            group_limits: limits::by_name("displayName", bound(limits::of_group(RoleServer::MariaDb))),
            create_accounts: makes,
            update_accounts: makes,
            deactivate_accounts: makes,
            delete_accounts: makes,
            read_groups: true,
            create_groups: makes,
            // A role keeps its name.
            update_groups: false,
            delete_groups: makes,
            write_memberships: makes,
            nested_groups: true,
            end_sessions: rights.ends_sessions,
            account_attributes: Some(names(&["active", "userName"])),
            unique_account_attributes: Some(names(&["userName"])),
            unique_group_attributes: Some(names(&["displayName"])),
            says_writable: super::super::BOTH.into(),
            ..Capabilities::default()
        })
    }

    /// What the account may not do and would have to.
    pub(in super::super) async fn lacks(&self) -> Result<Vec<String>, SystemError> {
        let rights = self.rights().await?;
        let who = &rights.who;
        let mut lacks = Vec::new();
        if rights.reads_only {
            lacks.push("this server only reads (`read_only`): name the one that writes in `url`".to_owned());
        }
        if !rights.makes {
            lacks.push(format!("to make and change accounts and roles: GRANT CREATE USER ON *.* TO {who}"));
        }
        if !rights.ends_sessions {
            lacks.push(format!("to end the open sessions of somebody who is cut off: GRANT CONNECTION ADMIN, PROCESS ON *.* TO {who}"));
        }
        match self.all().await {
            Ok(all) => lacks.extend(all.admin_options(who, mariadb_name)?),
            Err(SystemError::Forbidden(words)) => lacks.push(format!("to read who is there ({words}): GRANT SELECT ON mysql.* TO {who}")),
            Err(error) => return Err(error),
        }
        Ok(lacks)
    }
}
