//! A database server's own roles and grants.
//!
//! Must never: hold a secret.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::server_address::{server_address, stays_on_this_machine};
use super::{ClientTls, ConnectionPart, Described, SecretRef, Unreadable, is_socket, plain_certificate};

const SCHEMES: [&str; 4] = ["postgres", "postgresql", "mysql", "mariadb"];

/// A database server's own roles: who may sign in there, and who is in which role. PostgreSQL (version 13 or newer) and MariaDB (10.4 or newer).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DatabaseRolesConnection {
    /// Server and user, of PostgreSQL a database besides, and no password: `postgres://headcount@db.acme.example/postgres`, `mariadb://headcount@db.acme.example`.
    /// Roles belong to the whole server, whichever database is named.
    pub url: String,
    /// The user's password. Default: none, for a server that knows the user without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<SecretRef>,
    /// PEM file with the certificate authority, where it is not a public one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<String>,
    /// The certificate that headcount shows, for a server that knows its user by one or asks for one besides. It asks for TLS, on this machine too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<ClientTls>,
    /// Lets the password go without TLS to a host that is not this machine. Anybody on the way can read it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_plaintext: bool,
    /// Roles that are left as they are, by name, besides those that are never touched: superusers, what may replicate, `pg_*`, and the user of `url`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub protected: Vec<String>,
    /// The password of each new account. Without it a new account has none, and signs in as the server lets it: by certificate, LDAP, Kerberos, PAM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial_password: Option<SecretRef>,
    /// MariaDB alone: from where accounts sign in (`10.%`). Those of other hosts are not headcount's business. Default: `%`, from anywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Deadline of one statement: `30s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
}

/// Whose roles they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoleServer {
    /// PostgreSQL's
    Postgres,
    /// MariaDB's
    MariaDb,
}

impl DatabaseRolesConnection {
    /// The address, where it can be read.
    pub fn address(&self) -> Option<url::Url> {
        server_address(&self.url, &SCHEMES)
    }

    /// Which server it is, by the address.
    pub fn server(&self) -> RoleServer {
        if self.url.starts_with("postgres") { RoleServer::Postgres } else { RoleServer::MariaDb }
    }

    /// Whether the way there has TLS. On this machine it has where an authority is named, or a certificate to show.
    pub fn has_tls(&self) -> bool {
        let stays = self.address().is_some_and(|url| stays_on_this_machine(&url));
        !self.allow_plaintext && (!stays || self.ca_file.is_some() || self.tls.is_some())
    }

    /// Where MariaDB's accounts sign in from.
    pub fn host(&self) -> &str {
        self.host.as_deref().unwrap_or("%")
    }
}

impl Described for DatabaseRolesConnection {
    fn word(&self) -> &'static str {
        "databaseRoles"
    }

    fn system(&self) -> String {
        let (word, port) = match self.server() {
            RoleServer::Postgres => ("postgres", 5432),
            RoleServer::MariaDb => ("mariadb", 3306),
        };
        let host =
            self.address().map(|url| format!("{}:{}", url.host_str().unwrap_or_default().to_ascii_lowercase(), url.port().unwrap_or(port)));
        match self.server() {
            RoleServer::Postgres => format!("databaseRoles {word} {}", host.unwrap_or_default()),
            RoleServer::MariaDb => format!("databaseRoles {word} {} {}", host.unwrap_or_default(), self.host()),
        }
    }

    fn rows(&self) -> Value {
        json!({"databaseRoles": self.system(), "protected": self.protected})
    }

    fn place(&self) -> &'static str {
        "url"
    }

    fn sign_in(&self) -> &'static str {
        "password"
    }

    fn secrets(&self) -> Vec<ConnectionPart<'_, SecretRef>> {
        let part = |pointer, value| ConnectionPart { pointer, value };
        let password = self.password.iter().map(|value| part("password", value));
        let tls = self.tls.iter().flat_map(|tls| tls.parts(["tls/certificate", "tls/key"]));
        password.chain(tls).chain(self.initial_password.iter().map(|value| part("initialPassword", value))).collect()
    }

    fn deadline(&self) -> Option<Duration> {
        Some(super::deadline(self.timeout.as_deref()))
    }

    fn unreadable(&self) -> Vec<Unreadable> {
        let timeout = super::unreadable_deadline("timeout", self.timeout.as_deref());
        let hint = "write server, user and, of PostgreSQL, a database, without a password: `postgres://headcount@db.acme.example/postgres`, \
                    `mariadb://headcount@db.acme.example`";
        let is_whole = |url: url::Url| {
            let named = !url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
            let database = url.path().trim_matches('/');
            named && !database.contains('/') && (self.server() == RoleServer::MariaDb || !database.is_empty())
        };
        let url =
            (!self.address().is_some_and(is_whole)).then_some(Unreadable { pointer: "url", what: "address of a database server", hint });
        let both = (self.allow_plaintext && self.ca_file.is_some()).then_some(Unreadable {
            pointer: "allowPlaintext",
            what: "setting beside `caFile`",
            hint: "leave one of them out: without TLS no certificate is looked at",
        });
        let host = (self.host.is_some() && self.server() == RoleServer::Postgres).then_some(Unreadable {
            pointer: "host",
            what: "setting of PostgreSQL's roles",
            hint: "leave it out: from where somebody signs in stands in pg_hba.conf",
        });
        let is_socket = self.address().is_some_and(|url| is_socket(&url));
        let tls = plain_certificate("tls", self.tls.as_ref(), self.allow_plaintext, is_socket);
        timeout.into_iter().chain(url).chain(both).chain(host).chain(tls).collect()
    }
}
