//! How a Source or Target is reached, as people write it: one file a kind, which says all that is known of it without a connector. Secrets are references,
//! never values.
//!
//! Must never: reach anything, or be asked which kind it is where [`Described`] can answer.

mod database_roles;
mod declared;
mod file;
mod inbox;
mod ldap;
mod scim;
mod sql;
mod webhook;

use std::any::Any;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use super::server_address::{server_address, stays_on_this_machine};
pub use database_roles::{DatabaseRolesConnection, RoleServer};
pub use declared::{DeclaredConnection, Extension};
pub use file::{FileConnection, FileFormat};
pub use inbox::InboxConnection;
pub use ldap::{
    ExternalBind, FilterComparison, LdapActive, LdapBind, LdapChanges, LdapConnection, LdapDialect, LdapFilter, LdapGroupClass, LdapGroups,
    LdapUsers, NumberRange, SimpleBind,
};
pub use scim::{ScimClearing, ScimConnection, ScimDialect, ScimManager, ScimMemberValue, ScimPaging, ScimRemoval, ScimWithout};
pub use sql::{
    AccountTable, ActiveColumn, ActiveValues, Database, DatabaseServer, EntitlementTable, GroupTable, LinkTable, MysqlDatabase,
    PostgresDatabase, RoleNames, RoleTable, SessionTable, SqlConnection, SqliteFile,
};
pub use webhook::WebhookConnection;

use super::kinds::connector::{ConnectorSpec, WebhookSpec};
use super::{Loaded, Origin, quantity};
use crate::model::SystemRole;

/// Where a secret is. One that can't be resolved is an error, never an empty string.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum SecretRef {
    /// An environment variable.
    Env(String),
    /// A file; a trailing newline is dropped.
    File(String),
    /// A command and its arguments; its standard output, a trailing newline dropped.
    Exec(Vec<String>),
    /// A key of a Kubernetes Secret.
    SecretKeyRef(SecretKeyRef),
}

/// A key of a Kubernetes Secret in the workspace's namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretKeyRef {
    /// The Secret.
    pub name: String,
    /// Its key.
    pub key: String,
}

/// How headcount signs in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Auth {
    /// A bearer token.
    Bearer(SecretRef),
    /// User name and password.
    Basic(BasicAuth),
    /// A token that is asked for, and anew once it has run out (OAuth 2.0 client credentials, RFC 6749, 4.4).
    ClientCredentials(ClientCredentials),
}

/// A client of an OAuth 2.0 token endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClientCredentials {
    /// The token endpoint: `https://login.example/oauth2/token`.
    pub token_url: String,
    /// The client.
    pub client_id: String,
    /// Its secret.
    pub client_secret: SecretRef,
    /// What the token is to allow.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    /// Further fields of the form, such as `audience` or `resource`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub with: BTreeMap<String, String>,
    /// The secret goes in the form (`client_secret_post`), not in the header (`client_secret_basic`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_form: bool,
}

/// User name and password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BasicAuth {
    /// The user name.
    pub username: String,
    /// The password.
    pub password: SecretRef,
}

/// What headcount shows of itself to a server over TLS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClientTls {
    /// The certificate, with those between it and an authority, as PEM.
    pub certificate: SecretRef,
    /// The key that belongs to it, as PEM.
    pub key: SecretRef,
}

impl ClientTls {
    /// Its secrets, where they stand.
    fn parts(&self, [certificate, key]: [&'static str; 2]) -> [ConnectionPart<'_, SecretRef>; 2] {
        [ConnectionPart { pointer: certificate, value: &self.certificate }, ConnectionPart { pointer: key, value: &self.key }]
    }
}

/// What a Source speaks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum SourceConnection {
    /// CSV, JSON, NDJSON or YAML on disk.
    File(FileConnection),
    /// A SCIM 2.0 service.
    Scim(ScimConnection),
    /// Tables of a database.
    Sql(Box<SqlConnection>),
    /// A directory that speaks LDAP.
    Ldap(Box<LdapConnection>),
    /// A database server's own roles: PostgreSQL's, MariaDB's.
    DatabaseRoles(Box<DatabaseRolesConnection>),
    /// A system that a Connector describes.
    Connector(Box<DeclaredConnection>),
    /// A system that pushes over SCIM 2.0, such as Entra ID or Okta.
    Inbox(InboxConnection),
}

/// What a Target speaks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum TargetConnection {
    /// A SCIM 2.0 service.
    Scim(ScimConnection),
    /// Tables of a database.
    Sql(Box<SqlConnection>),
    /// A directory that speaks LDAP.
    Ldap(Box<LdapConnection>),
    /// A database server's own roles: PostgreSQL's, MariaDB's.
    DatabaseRoles(Box<DatabaseRolesConnection>),
    /// A system that a Connector describes.
    Connector(Box<DeclaredConnection>),
    /// An application that is told by signed requests.
    Webhook(WebhookConnection),
}

/// What a connection says of itself, whatever its kind. Checks, rules and the reconcile know no more of it; its connector takes it for what it is.
pub trait Described: Any + Send + Sync {
    /// The word that stands for its kind below `connection`, by which its connector is found.
    fn word(&self) -> &'static str;

    /// What it speaks to, in words that are the same as long as it is the same system: links and limits remember it. Never a secret, nor what only tunes it.
    fn system(&self) -> String;

    /// What of it chooses the records: counts of another choice are not compared. Kept in the state, so stable over versions.
    fn rows(&self) -> Value;

    /// Whether it has accounts that another connection has too, as far as both say it. Paths of each count from the folder of its manifest.
    fn shares_with(&self, _base: &Path, (other, _): (&dyn Described, &Path)) -> bool {
        self.system() == other.system() && self.rows() == other.rows()
    }

    /// The field that says where the system is.
    fn place(&self) -> &'static str;

    /// The field that says how to sign in.
    fn sign_in(&self) -> &'static str {
        "auth"
    }

    /// Files of this machine that it reads or writes.
    fn files(&self) -> Vec<ConnectionPart<'_, str>> {
        Vec::new()
    }

    /// Secrets that it refers to.
    fn secrets(&self) -> Vec<ConnectionPart<'_, SecretRef>> {
        Vec::new()
    }

    /// The address of its service.
    fn address(&self) -> Option<Address<'_>> {
        None
    }

    /// Values that can't be read: the field, what it should be, and how it is written.
    fn unreadable(&self) -> Vec<Unreadable> {
        Vec::new()
    }

    /// What else can't be right with it as a Source's or a Target's.
    fn mistakes(&self, _: SystemRole) -> Vec<Mistake> {
        Vec::new()
    }

    /// How long one request may take; nothing where it is not spoken to in requests.
    fn deadline(&self) -> Option<Duration> {
        None
    }

    /// Holds for somebody who has left, where the Source's lifecycle says nothing else.
    fn leaver(&self) -> Option<&'static str> {
        None
    }

    /// Whether its system pushes, and nothing is asked of it.
    fn is_pushed(&self) -> bool {
        false
    }

    /// Whether it is nothing but a file of records, which may be kept beside the manifests.
    fn is_data(&self) -> bool {
        false
    }

    /// Whether its records have parts that no rule needs to read.
    fn open_records(&self) -> bool {
        false
    }

    /// How its system says that something changed there, and the secret that proves it, where both are said.
    fn webhook(&self) -> Option<(&WebhookSpec, &SecretRef)> {
        None
    }

    /// The Connector that it names, where it speaks to a system that one describes.
    fn document(&self) -> Option<&str> {
        None
    }

    /// Takes the document that it names.
    fn take_document(&mut self, _: Arc<ConnectorSpec>) {}
}

/// A part of a connection, and where it stands below it: `auth/bearer`.
#[derive(Debug)]
pub struct ConnectionPart<'a, T: ?Sized> {
    /// the field
    pub pointer: &'static str,
    /// what it holds
    pub value: &'a T,
}

/// Where a service is.
#[derive(Debug)]
pub struct Address<'a> {
    /// the field
    pub pointer: &'static str,
    /// as it is written
    pub url: &'a str,
    /// credentials would be readable on the way
    pub signs_in_openly: bool,
    /// how one is written: "write the base of the SCIM service: …"
    pub hint: &'static str,
}

/// A value of another form than it should have.
#[derive(Debug)]
pub struct Unreadable {
    /// the field
    pub pointer: &'static str,
    /// what it should be: "duration"
    pub what: &'static str,
    /// how it is written
    pub hint: &'static str,
}

/// Something that can't be right.
#[derive(Debug)]
pub struct Mistake {
    /// the field
    pub pointer: String,
    /// what is wrong
    pub message: String,
    /// what to write
    pub hint: String,
}

/// Deadline of one request where nobody says otherwise.
pub const TIMEOUT: Duration = Duration::from_secs(30);

/// A certificate that would be shown to nobody, since there is no TLS on the way.
fn plain_certificate(pointer: &'static str, tls: Option<&ClientTls>, plaintext: bool, socket: bool) -> Option<Unreadable> {
    let hint = match (plaintext, socket) {
        (true, _) => "leave `allowPlaintext` out: a certificate is shown over TLS alone",
        (_, true) => "leave it out, or write the host: a socket of this machine has no TLS",
        _ => return None,
    };
    tls.map(|_| Unreadable { pointer, what: "setting for this way to the server", hint })
}

/// Whether an address is that of a socket of this machine.
fn is_socket(url: &url::Url) -> bool {
    url.host_str().is_some_and(|host| host.to_ascii_lowercase().starts_with("%2f"))
}

/// Why a deadline can't be one, as a hint of how it is written.
fn unreadable_deadline(pointer: &'static str, written: Option<&str>) -> Option<Unreadable> {
    let hint = match quantity::duration(written?) {
        Err(hint) => hint,
        Ok(span) if span.is_zero() => "nothing is answered in no time: write how long is waited, such as `30s`, or leave it out",
        Ok(_) => return None,
    };
    Some(Unreadable { pointer, what: "duration", hint })
}

/// The deadline of one request, as it is written.
fn deadline(written: Option<&str>) -> Duration {
    let written = written.and_then(|text| quantity::duration(text).ok()).and_then(|span| Duration::try_from(span).ok());
    written.filter(|timeout| !timeout.is_zero()).unwrap_or(TIMEOUT)
}

impl SourceConnection {
    /// Whatever its kind.
    pub fn described(&self) -> &dyn Described {
        match self {
            Self::File(connection) => connection,
            Self::Scim(connection) => connection,
            Self::Sql(connection) => connection.as_ref(),
            Self::Ldap(connection) => connection.as_ref(),
            Self::DatabaseRoles(connection) => connection.as_ref(),
            Self::Connector(connection) => connection.as_ref(),
            Self::Inbox(connection) => connection,
        }
    }
}

impl SourceConnection {
    /// The same, to be given something.
    pub fn described_mut(&mut self) -> &mut dyn Described {
        match self {
            Self::File(connection) => connection,
            Self::Scim(connection) => connection,
            Self::Sql(connection) => connection.as_mut(),
            Self::Ldap(connection) => connection.as_mut(),
            Self::DatabaseRoles(connection) => connection.as_mut(),
            Self::Connector(connection) => connection.as_mut(),
            Self::Inbox(connection) => connection,
        }
    }
}

impl TargetConnection {
    /// The same, to be given something.
    pub fn described_mut(&mut self) -> &mut dyn Described {
        match self {
            Self::Scim(connection) => connection,
            Self::Sql(connection) => connection.as_mut(),
            Self::Ldap(connection) => connection.as_mut(),
            Self::DatabaseRoles(connection) => connection.as_mut(),
            Self::Connector(connection) => connection.as_mut(),
            Self::Webhook(connection) => connection,
        }
    }

    /// Whatever its kind.
    pub fn described(&self) -> &dyn Described {
        match self {
            Self::Scim(connection) => connection,
            Self::Sql(connection) => connection.as_ref(),
            Self::Ldap(connection) => connection.as_ref(),
            Self::DatabaseRoles(connection) => connection.as_ref(),
            Self::Connector(connection) => connection.as_ref(),
            Self::Webhook(connection) => connection,
        }
    }
}

impl dyn Described {
    /// The pointer of a field in its document.
    pub fn pointer(&self, field: &str) -> String {
        format!("/spec/connection/{}/{field}", self.word())
    }
}

impl Loaded {
    /// The connections of all Sources and Targets.
    pub fn connections(&self) -> impl Iterator<Item = (&Origin, &dyn Described)> {
        self.connections_by_role().map(|(_, origin, connection)| (origin, connection))
    }

    /// The same, and what each is.
    pub fn connections_by_role(&self) -> impl Iterator<Item = (SystemRole, &Origin, &dyn Described)> {
        let sources = self.sources.iter().map(|source| (SystemRole::Source, &source.origin, source.spec.connection.described()));
        sources.chain(self.targets.iter().map(|target| (SystemRole::Target, &target.origin, target.spec.connection.described())))
    }
}

#[cfg(test)]
mod tests;
