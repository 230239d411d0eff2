//! What the connector says of itself.
//!
//! Must never: promise what only a server tells.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::layout::{Layout, MARKER, account_attributes};
use super::{open_source, open_target};
use crate::connector::describe::{ConnectionNeed, Connector, DefaultRule, Description, own};
use crate::connector::sample::{AsJson, Sample};
use crate::connector::{Reader, Surroundings, TargetConnector};
use crate::manifest::connection::{Described, LdapBind, LdapChanges, LdapConnection, LdapDialect};
use crate::manifest::fields;
use crate::model::{Columns, SystemError};
use crate::policy::{TargetFacts, identity_path};

/// Attributes without which no entry is made.
const NEEDED: [&str; 1] = ["userName"];

/// The LDAP connector.
#[derive(Debug)]
pub struct LdapConnector;

impl Connector for LdapConnector {
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
        own(connection).map(facts).unwrap_or_default()
    }

    fn rights(&self, connection: &dyn Described) -> Vec<String> {
        own(connection).map(rights).unwrap_or_default()
    }

    fn sampler(&self, _: &dyn Described, columns: &Arc<Columns>) -> Box<dyn Sample> {
        Box::new(AsJson::new(columns))
    }

    fn is_local(&self, _: &dyn Described) -> bool {
        false
    }
}

fn facts(connection: &LdapConnection) -> TargetFacts {
    let layout = Layout::of(connection).ok();
    TargetFacts {
        default_mapping: default_mapping(connection),
        needs: NEEDED.to_vec(),
        limits: layout.as_ref().map(Layout::account_limits).unwrap_or_default(),
        // No two entries below one have one name.
        unique: layout.map(|layout| layout.users.named_by).into_iter().collect(),
        ..Default::default()
    }
}

/// The attributes that the connection has, but for the mark.
fn default_mapping(connection: &LdapConnection) -> Vec<(String, String)> {
    let own = account_attributes(connection).into_keys().filter(|name| name.as_ref() != MARKER);
    own.filter_map(|name| Some((name.to_string(), identity_path(&name)?))).collect()
}

/// How the account that headcount signs in with is given what it needs.
fn rights(connection: &LdapConnection) -> Vec<String> {
    let groups = connection.groups.as_ref().map(|groups| groups.base.as_str());
    let bases = [Some(connection.users.base.as_str()), groups].into_iter().flatten();
    let who = match &connection.bind {
        Some(LdapBind::Simple(simple)) => simple.dn.as_str(),
        _ => "<the account's DN>",
    };
    let write = |base: &str| match connection.dialect {
        LdapDialect::OpenLdap | LdapDialect::Plain => {
            format!("write below {base}: olcAccess `to dn.subtree=\"{base}\" by dn.exact=\"{who}\" write by * break`")
        }
        LdapDialect::Ds389 => {
            format!(
                "write below {base}: an aci there: `(targetattr=\"*\")(version 3.0; acl \"headcount\"; allow (all) userdn=\"ldap:///{who}\";)`"
            )
        }
        LdapDialect::ActiveDirectory => format!(
            "write below {base}: `dsacls \"{base}\" /I:T /G \"{who}:CCDC;user\" \"{who}:CCDC;group\"` and \
             `dsacls \"{base}\" /I:S /G \"{who}:RPWPCASDDT;;user\" \"{who}:RPWPCASDDT;;group\"`"
        ),
    };
    let limits = match connection.dialect {
        LdapDialect::OpenLdap | LdapDialect::Plain => {
            Some(format!("lists of any length: olcLimits `dn.exact=\"{who}\" size.soft=unlimited size.prtotal=unlimited time=unlimited`"))
        }
        LdapDialect::Ds389 => Some(format!(
            "lists of any length: `nsSizeLimit: -1`, `nsPagedSizeLimit: -1`, `nsLookThroughLimit: -1`, `nsTimeLimit: -1` on the entry {who}"
        )),
        LdapDialect::ActiveDirectory => None,
    };
    let told = (connection.changes == Some(LdapChanges::DirSync)).then(|| {
        format!(
            "be told what changed, and who was deleted, in the domain: `dsacls \"<the domain's DN>\" /G \"{who}:CA;Replicating Directory Changes\"` and \
             `dsacls \"CN=Deleted Objects,<the domain's DN>\" /G \"{who}:LCRP\"`"
        )
    });
    bases.map(write).chain(limits).chain(told).collect()
}

fn description() -> Description {
    let rule = |attribute: &str, value: &str| DefaultRule { attribute: attribute.to_owned(), value: value.to_owned() };
    let need = |attribute| ConnectionNeed { attribute, why: "an entry is called by it" };
    Description {
        name: "ldap",
        about: "A directory that speaks LDAP (RFC 4511): OpenLDAP, 389 Directory Server, Active Directory.",
        kinds: &["Source", "Target"],
        reads: &["accounts", "groups", "memberships"],
        writes: &["accounts", "groups", "memberships"],
        abilities: &[
            "marks what is headcount's in the attribute for externalId, where `attributes` has one; else the state proves it",
            "deactivates as the dialect does, or by the attribute that `users.active` names",
            "nests groups whose members are named by DN",
            "renames entries, which keep their id; groups that name them by DN follow",
            "a list that a limit or a referral cut short never counts as complete",
            "moves entries below another one, by a rule for `container`; they keep their id",
            "tells what changed since it was read, and who is gone where the server says it (content synchronization, DirSync), as a Source whose records hold nothing that other entries say (`memberOf`)",
            "no entitlements, no owners of groups, no sessions",
        ],
        default_mapping: vec![rule("each of `users.attributes`, but externalId", "the identity's attribute of the same name")],
        needs: NEEDED.into_iter().map(need).collect(),
        connection: fields::<LdapConnection>(),
    }
}
