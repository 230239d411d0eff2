//! Directories that speak LDAP, as sources and targets: OpenLDAP, 389 Directory Server, Active Directory, and whatever else follows RFC 4511.
//!
//! From the bottom: `ber`, `filter` and `message` are what is said, without I/O; `line` and `dial` a connection; `dialect` and `layout` what a
//! manifest says, filled up; `directory` and `schema` what is kept and asked; `rows`, `read`, `elsewhere`, `changes` and `members` read, `follow` with
//! `content_sync`, `dir_sync` and `told` reads what changed, `value`, `write`, `entries`, `following`, `joining`, `numbers` and `password` write.
//! Must never: trust an answer that it has not checked against the question, follow a referral, or send one write twice.

mod ber;
mod changes;
mod code;
mod content_sync;
mod describe;
mod dial;
mod dialect;
mod dir_sync;
mod directory;
mod elsewhere;
mod entries;
mod filter;
mod follow;
mod following;
mod joining;
mod layout;
mod line;
mod members;
mod message;
mod numbers;
mod password;
mod read;
mod rows;
mod schema;
#[cfg(test)]
mod tests;
mod told;
mod value;
mod write;

use std::sync::Arc;

pub use describe::LdapConnector;

use super::{Reader, Surroundings, TargetConnector};
use crate::manifest::connection::{Described, LdapConnection};
use crate::model::{SystemError, system_id};
use directory::Directory;
use layout::Layout;
use numbers::Numbers;
use password::Passwords;
use read::{LdapReader, LdapSource};
use write::LdapWriter;

/// Opens a directory as a source.
async fn open_source(connection: &LdapConnection, surroundings: &Surroundings) -> Result<Box<dyn Reader>, SystemError> {
    let directory = Directory::open(connection, Layout::of_source(connection)?, surroundings).await?;
    let names = connection.users.attributes.clone();
    let source = LdapSource { name: surroundings.system.clone(), names, changes: connection.changes };
    Ok(Box::new(LdapReader { directory, source: Some(Arc::new(source)) }))
}

/// Opens a directory as a target.
async fn open_target(connection: &LdapConnection, surroundings: &Surroundings) -> Result<TargetConnector, SystemError> {
    // Before the first question is asked.
    let limiter = surroundings.connections.system(&connection.system()).limiter.clone();
    limiter.limit(&surroundings.system, surroundings.limits);
    let directory = Directory::open(connection, Layout::of(connection)?, surroundings).await?;
    let mut capabilities = directory.layout.capabilities();
    capabilities.deactivate_accounts &= directory.can_lock(&directory.layout.active).await;
    let longest = directory.longest(&directory.layout).await;
    schema::bounded(&directory.layout.users, &longest, &mut capabilities.account_limits);
    if let Some(groups) = &directory.layout.groups {
        schema::bounded(&groups.objects, &longest, &mut capabilities.group_limits);
    }
    let passwords = match &connection.users.initial_password {
        Some(secret) => Passwords::Same(dial::resolved(secret, &surroundings.base).await?),
        None if connection.users.generate_password => Passwords::Generated,
        None => Passwords::None,
    };
    let reader = Box::new(LdapReader { directory: directory.clone(), source: None });
    let writer = Box::new(LdapWriter { directory, passwords, numbers: Numbers::default() });
    Ok(TargetConnector { reader, writer, capabilities, system: system_id(&connection.system()), limiter })
}
