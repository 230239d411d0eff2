//! What the connector says of itself.
//!
//! Must never: promise what only a server tells.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::{lacks, limits, open_source, open_target};
use crate::connector::describe::{ConnectionNeed, Connector, DefaultRule, Description, own};
use crate::connector::sample::{AsJson, Sample};
use crate::connector::{Reader, Surroundings, TargetConnector};
use crate::manifest::connection::{DatabaseRolesConnection, Described, RoleServer};
use crate::manifest::fields;
use crate::model::{Columns, SystemError};
use crate::policy::TargetFacts;

/// Attributes without which no role is made.
const NEEDED: [&str; 1] = ["userName"];

/// The connector of a server's own roles.
#[derive(Debug)]
pub struct RolesConnector;

impl Connector for RolesConnector {
    fn describe(&self) -> Description {
        description()
    }

    fn open_source<'a>(
        &'a self,
        connection: &'a dyn Described,
        surroundings: &'a Surroundings,
    ) -> BoxFuture<'a, Result<Box<dyn Reader>, SystemError>> {
        async move { open_source(own(connection)?, surroundings).await }.boxed()
    }

    fn open_target<'a>(
        &'a self,
        connection: &'a dyn Described,
        surroundings: &'a Surroundings,
    ) -> BoxFuture<'a, Result<TargetConnector, SystemError>> {
        async move { open_target(own(connection)?, surroundings).await }.boxed()
    }

    fn facts(&self, connection: &dyn Described) -> TargetFacts {
        TargetFacts {
            default_mapping: vec![("userName".to_owned(), "identity.userName".to_owned())],
            needs: NEEDED.to_vec(),
            limits: own::<DatabaseRolesConnection>(connection)
                .map(|connection| limits::by_name("userName", limits::of_account(connection.server())))
                .unwrap_or_default(),
            ..Default::default()
        }
    }

    fn rights(&self, connection: &dyn Described) -> Vec<String> {
        own(connection).map(rights).unwrap_or_default()
    }

    fn lacks<'a>(
        &'a self,
        connection: &'a dyn Described,
        surroundings: &'a Surroundings,
    ) -> BoxFuture<'a, Result<Vec<String>, SystemError>> {
        async move { lacks(own(connection)?, surroundings).await }.boxed()
    }

    fn sampler(&self, _: &dyn Described, columns: &Arc<Columns>) -> Box<dyn Sample> {
        Box::new(AsJson::new(columns))
    }

    fn is_local(&self, _: &dyn Described) -> bool {
        false
    }
}

/// How the account that headcount signs in with is given what it needs.
fn rights(connection: &DatabaseRolesConnection) -> Vec<String> {
    let user = connection.address().map(|url| url.username().to_owned()).unwrap_or_default();
    match connection.server() {
        RoleServer::Postgres => vec![
            format!("CREATEROLE: ALTER ROLE \"{user}\" CREATEROLE"),
            format!("to end sessions: GRANT pg_signal_backend TO \"{user}\""),
            format!("since PostgreSQL 16, for each role that somebody else made: GRANT that role TO \"{user}\" WITH ADMIN OPTION"),
        ],
        RoleServer::MariaDb => vec![
            format!("GRANT CREATE USER, CONNECTION ADMIN, PROCESS ON *.* TO '{user}'"),
            format!("GRANT SELECT ON mysql.* TO '{user}'"),
            format!("for each role that somebody else made: GRANT that role TO '{user}' WITH ADMIN OPTION"),
        ],
    }
}

fn description() -> Description {
    let rule = |attribute: &str, value: &str| DefaultRule { attribute: attribute.to_owned(), value: value.to_owned() };
    let need = |attribute| ConnectionNeed { attribute, why: "a role is called by it" };
    Description {
        name: "databaseRoles",
        about: "A database server's own roles and who is in them: PostgreSQL's, MariaDB's.",
        kinds: &["Source", "Target"],
        reads: &["accounts", "groups", "memberships"],
        writes: &["accounts", "groups", "memberships", "sessions (ends them)"],
        abilities: &[
            "accounts are roles that may sign in, groups are roles that may not",
            "marks what is headcount's in the comment of a role (PostgreSQL); of MariaDB the state proves it",
            "deactivates by NOLOGIN (PostgreSQL) or ACCOUNT LOCK (MariaDB)",
            "nests groups; renames accounts, and of PostgreSQL groups",
            "`endDate` is VALID UNTIL (PostgreSQL): the last day on which the password holds",
            "never touches superusers, what may replicate, the server's own roles, and its own account",
            "no grants on tables: what a role may do is set up beside it; no owners of groups",
        ],
        default_mapping: vec![rule("userName", "identity.userName")],
        needs: NEEDED.into_iter().map(need).collect(),
        connection: fields::<DatabaseRolesConnection>(),
    }
}
