//! What a server takes as the name of a role, as far as it says so or is known to.
//!
//! Must never: refuse a name that the server takes.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::quote::{MARIADB_NAME, POSTGRES_NAME};
use crate::manifest::connection::RoleServer;
use crate::model::ValueLimit;

/// Names that PostgreSQL gives to nobody.
const POSTGRES_OWN: [&str; 3] = ["pg_*", "public", "none"];
/// Accounts that MariaDB has itself, which are not shown.
const MARIADB_OWN: [&str; 4] = ["mariadb.sys", "mysql.sys", "mysql", "PUBLIC"];
/// Names that mean something else where a role is named.
const MARIADB_WORDS: [&str; 2] = ["PUBLIC", "NONE"];

/// Of the name of an account, whatever a live server says besides.
pub(super) fn of_account(server: RoleServer) -> ValueLimit {
    let kept = |names: &[&str]| names.iter().map(|name| Arc::from(*name)).collect();
    match server {
        RoleServer::Postgres => {
            ValueLimit { bytes: Some(POSTGRES_NAME), kept: kept(&POSTGRES_OWN), filled: true, single: true, ..Default::default() }
        }
        RoleServer::MariaDb => ValueLimit {
            letters: Some(MARIADB_NAME),
            basic: true,
            unblank: true,
            kept: kept(&MARIADB_OWN),
            filled: true,
            single: true,
            ..Default::default()
        },
    }
}

/// The same of a group.
pub(super) fn of_group(server: RoleServer) -> ValueLimit {
    let words = MARIADB_WORDS.iter().filter(|_| server == RoleServer::MariaDb);
    ValueLimit { kept_caseless: words.map(|name| Arc::from(*name)).collect(), ..of_account(server) }
}

/// What attributes can't hold, of which the one that a role is called by alone is bound.
pub(super) fn by_name(attribute: &str, limit: ValueLimit) -> BTreeMap<Arc<str>, ValueLimit> {
    BTreeMap::from([(attribute.into(), limit)])
}
