//! What the connector says of itself.
//!
//! Must never: promise what only a database's own tables tell.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::rights;
use super::sample::AsRow;
use super::{default_mapping, open_source, open_target};
use crate::connector::describe::{ConnectionNeed, Connector, DefaultRule, Description, own};
use crate::connector::pack::Packer;
use crate::connector::sample::Sample;
use crate::connector::{Reader, Surroundings, TargetConnector};
use crate::manifest::connection::{Described, SqlConnection};
use crate::manifest::fields;
use crate::model::{Columns, SystemError};
use crate::policy::TargetFacts;

/// Attributes without which no row is made, where a column holds them.
const NEEDED: [&str; 1] = ["userName"];

/// What a Target's tables need before an account can be made.
fn needed(connection: &SqlConnection) -> Vec<&'static str> {
    NEEDED.into_iter().filter(|name| connection.accounts.columns.contains_key(*name)).collect()
}

/// The SQL connector.
#[derive(Debug)]
pub struct SqlConnector;

impl Connector for SqlConnector {
    fn describe(&self) -> Description {
        description()
    }

    fn open_source<'a>(
        &'a self,
        connection: &'a dyn Described,
        surroundings: &'a Surroundings,
    ) -> BoxFuture<'a, Result<Box<dyn Reader>, SystemError>> {
        async move { Ok(Box::new(open_source(own(connection)?, surroundings).await?) as Box<dyn Reader>) }.boxed()
    }

    fn open_target<'a>(
        &'a self,
        connection: &'a dyn Described,
        surroundings: &'a Surroundings,
    ) -> BoxFuture<'a, Result<TargetConnector, SystemError>> {
        async move { open_target(own(connection)?, surroundings).await }.boxed()
    }

    fn facts(&self, connection: &dyn Described) -> TargetFacts {
        let of = |connection: &SqlConnection| TargetFacts {
            default_mapping: default_mapping(connection),
            needs: needed(connection),
            ..Default::default()
        };
        own(connection).map(of).unwrap_or_default()
    }

    fn rights(&self, connection: &dyn Described) -> Vec<String> {
        own(connection).map(rights::needed).unwrap_or_default()
    }

    fn sampler(&self, _: &dyn Described, columns: &Arc<Columns>) -> Box<dyn Sample> {
        Box::new(AsRow(Packer::new(columns)))
    }

    fn is_local(&self, connection: &dyn Described) -> bool {
        own::<SqlConnection>(connection).is_ok_and(|connection| connection.database.server().is_none())
    }
}

fn description() -> Description {
    let rule = |attribute: &str, value: &str| DefaultRule { attribute: attribute.to_owned(), value: value.to_owned() };
    let need = |attribute| ConnectionNeed { attribute, why: "where `accounts.columns` has a column for it" };
    Description {
        name: "sql",
        about: "Tables of a database, as the application made them: PostgreSQL, MySQL and MariaDB, SQLite.",
        kinds: &["Source", "Target"],
        reads: &["accounts", "groups", "memberships", "owners", "roles", "entitlements"],
        writes: &["accounts", "groups", "memberships", "owners", "roles", "entitlements", "sessions (ends them)"],
        abilities: &[
            "marks what is headcount's in the column for externalId, where there is one; else the state proves it",
            "deactivates by the column that `accounts.active` names",
            "no nested groups",
            "changes no table and no column; touches only the rows that `only` lets it see",
            "a Source may be one SELECT of your own, run in a transaction that can't write",
        ],
        default_mapping: vec![
            rule("each of `accounts.columns`, but externalId", "the identity's attribute of the same name"),
            rule("roles, where the roles table is described", "identity.roles"),
        ],
        needs: NEEDED.into_iter().map(need).collect(),
        connection: fields::<SqlConnection>(),
    }
}
