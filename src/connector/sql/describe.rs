//! What the connector says of itself.
//!
//! Must never: promise what only a database's own tables tell.

use crate::connector::describe::{DefaultRule, Description, Need};
use crate::manifest::connection::SqlConnection;
use crate::manifest::fields;

/// Attributes without which no row is made, where a column holds them.
const NEEDED: [&str; 1] = ["userName"];

/// What a Target's tables need before an account can be made.
pub fn needed(connection: &SqlConnection) -> Vec<&'static str> {
    NEEDED.into_iter().filter(|name| connection.accounts.columns.contains_key(*name)).collect()
}

/// The SQL connector.
pub fn describe() -> Description {
    let rule = |attribute: &str, value: &str| DefaultRule { attribute: attribute.to_owned(), value: value.to_owned() };
    let need = |attribute| Need { attribute, why: "where `accounts.columns` has a column for it" };
    Description {
        name: "sql",
        about: "Tables of a database, as the application made them: SQLite.",
        kinds: &["Source", "Target"],
        reads: &["accounts", "groups", "memberships", "owners", "roles", "entitlements"],
        writes: &["accounts", "groups", "memberships", "owners", "roles", "entitlements", "sessions (ends them)"],
        abilities: &[
            "marks what is headcount's in the column for externalId, where there is one; else the state proves it",
            "deactivates by the column that `accounts.active` names",
            "no nested groups",
            "changes no table and no column; touches only the rows that `only` lets it see",
        ],
        default_mapping: vec![
            rule("each of `accounts.columns`, but externalId", "the identity's attribute of the same name"),
            rule("roles, where the roles table is described", "identity.roles"),
        ],
        needs: NEEDED.into_iter().map(need).collect(),
        connection: fields::<SqlConnection>(),
    }
}
