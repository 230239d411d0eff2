//! Tables of a database.

mod shared;

use std::any::Any;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    ClientTls, ConnectionPart, Described, SecretRef, Unreadable, is_socket, plain_certificate, server_address, stays_on_this_machine,
};
use crate::manifest::quantity;

/// Tables of a database, as the application made them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SqlConnection {
    /// The database.
    pub database: Database,
    /// One row for each account (in a Source: for each record).
    pub accounts: AccountTable,
    /// One row for each group. A Target only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<GroupTable>,
    /// One row for each membership of an account in a group. A Target only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memberships: Option<LinkTable>,
    /// One row for each owner of a group. A Target only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owners: Option<LinkTable>,
    /// One row for each role of an account: the attribute `roles`. A Target only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles: Option<RoleTable>,
    /// One row for each entitlement of an account. A Target only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entitlements: Option<EntitlementTable>,
    /// One row for each open session of an account; ending them deletes the rows. A Target only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sessions: Option<SessionTable>,
}

/// Which database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Database {
    /// A SQLite file, relative to the manifest.
    Sqlite(SqliteFile),
    /// A database of a PostgreSQL server (version 12 or newer).
    Postgres(PostgresDatabase),
    /// A database of a MySQL server (8.0 or newer) or a MariaDB server (10.5 or newer).
    Mysql(MysqlDatabase),
}

/// A SQLite file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SqliteFile {
    /// The file; it must exist.
    pub path: String,
}

/// A database of a PostgreSQL server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PostgresDatabase {
    /// Server, user and database, and no password: `postgres://headcount@db.acme.example/crm`. A socket is written as its folder:
    /// `postgres://headcount@%2Frun%2Fpostgresql/crm`.
    pub url: String,
    /// The user's password. Default: none, for a server that knows the user without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<SecretRef>,
    /// The schema with the tables. Default: `public`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// PEM file with the certificate authority, where it is not a public one, relative to this file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<String>,
    /// The certificate that headcount shows, for a server that knows its user by one or asks for one besides. It asks for TLS, on this machine too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<ClientTls>,
    /// Lets the password and people's data go without TLS to a host that is not this machine. Anybody on the way can read them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_plaintext: bool,
    /// Deadline of one statement that writes, and of each part of an answer: `30s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
    /// How long a lock that somebody else holds is waited for: `10s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock_timeout: Option<String>,
}

/// A database of a MySQL or MariaDB server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MysqlDatabase {
    /// Server, user and database, and no password: `mysql://headcount@db.acme.example/crm`. A socket is written as its path:
    /// `mysql://headcount@%2Frun%2Fmysqld%2Fmysqld.sock/crm`.
    pub url: String,
    /// The user's password. Default: none, for a server that knows the user without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<SecretRef>,
    /// PEM file with the certificate authority, where it is not a public one, relative to this file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<String>,
    /// The certificate that headcount shows, for a server that knows its user by one or asks for one besides. It asks for TLS, on this machine too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<ClientTls>,
    /// Lets the password and people's data go without TLS to a host that is not this machine. Anybody on the way can read them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_plaintext: bool,
    /// Deadline of one statement that writes, and of each part of an answer: `30s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
    /// How long a lock that somebody else holds is waited for: `10s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock_timeout: Option<String>,
}

/// A table of accounts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AccountTable {
    /// The table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// In the place of `table`, in a Source: one SELECT, whose rows are the records. It is run in a transaction that can't write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// The column that identifies a row for ever: its primary key, or another unique one.
    pub key: String,
    /// Attribute to column: `userName: username`. In a Source: further names for columns, which a record has under their own names anyway.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, String>,
    /// What columns without a value start with at creation, as plain values (`is_staff: false`).
    /// `{{now}}` is the time of the write (text in UTC; seconds where the column is a whole number), `{{uuid}}` a random id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "crate::manifest::kinds::any_values")]
    pub initial: BTreeMap<String, serde_json::Value>,
    /// How a row says whether the account has access. Absent: accounts can't be deactivated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<ActiveColumn>,
    /// The rows that headcount sees and touches at all: column to the value it must have. New rows get it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "crate::manifest::kinds::any_values")]
    pub only: BTreeMap<String, serde_json::Value>,
}

/// How a row says whether an account has access.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ActiveColumn {
    /// A column that is true for an active account: `is_active`.
    Flag(String),
    /// A column that is true for a deactivated account: `is_locked`.
    DisabledFlag(String),
    /// A column that is null for an active account and else says when it was deactivated: `deactivated_at`.
    DeactivatedAt(String),
    /// A column with one value for active accounts and another for deactivated ones.
    Values(ActiveValues),
}

/// A column with one value for active accounts and another for deactivated ones. Any further value counts as deactivated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ActiveValues {
    /// The column.
    pub column: String,
    /// Its value for an active account.
    #[schemars(schema_with = "crate::manifest::kinds::any_value")]
    pub active: serde_json::Value,
    /// Its value for a deactivated one.
    #[schemars(schema_with = "crate::manifest::kinds::any_value")]
    pub inactive: serde_json::Value,
}

/// A table of groups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GroupTable {
    /// The table.
    pub table: String,
    /// The column that identifies a row for ever.
    pub key: String,
    /// Attribute to column: `displayName: name`.
    pub columns: BTreeMap<String, String>,
    /// What columns without a value start with at creation.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "crate::manifest::kinds::any_values")]
    pub initial: BTreeMap<String, serde_json::Value>,
    /// The rows that headcount sees and touches at all.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "crate::manifest::kinds::any_values")]
    pub only: BTreeMap<String, serde_json::Value>,
}

/// A table that links accounts to groups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LinkTable {
    /// The table.
    pub table: String,
    /// The column with the group's key.
    pub group: String,
    /// The column with the account's key.
    pub account: String,
    /// What other columns start with.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "crate::manifest::kinds::any_values")]
    pub initial: BTreeMap<String, serde_json::Value>,
}

/// A table of accounts' roles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RoleTable {
    /// The table.
    pub table: String,
    /// The column with the account's key.
    pub account: String,
    /// The column with the role: its name, or its key in the table of `names`.
    pub role: String,
    /// The table that gives roles their names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub names: Option<RoleNames>,
    /// What other columns start with.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "crate::manifest::kinds::any_values")]
    pub initial: BTreeMap<String, serde_json::Value>,
}

/// A table of accounts' entitlements.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EntitlementTable {
    /// The table.
    pub table: String,
    /// The column with the account's key.
    pub account: String,
    /// The column with the entitlement's name.
    pub entitlement: String,
    /// Parameter to column: `limit: monthly_limit`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
    /// What other columns start with.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "crate::manifest::kinds::any_values")]
    pub initial: BTreeMap<String, serde_json::Value>,
}

/// A table of accounts' sessions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SessionTable {
    /// The table.
    pub table: String,
    /// The column with the account's key.
    pub account: String,
}

/// A table with the names of roles. headcount reads it and never writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RoleNames {
    /// The table.
    pub table: String,
    /// The key's column.
    pub key: String,
    /// The name's column.
    pub name: String,
}

/// Schemes of a PostgreSQL server's address.
const POSTGRES: &[&str] = &["postgres", "postgresql"];
/// Schemes of a MySQL or MariaDB server's address.
const MYSQL: &[&str] = &["mysql", "mariadb"];
/// How long a lock is waited for where nobody says otherwise.
const LOCK: Duration = Duration::from_secs(10);

/// A database of a server, whichever it is.
#[derive(Clone, Copy, Debug)]
pub struct DatabaseServer<'d> {
    /// server, user and database
    pub url: &'d str,
    /// the user's password
    pub password: Option<&'d SecretRef>,
    /// the authority's file
    pub ca_file: Option<&'d str>,
    /// what is shown to it
    pub tls: Option<&'d ClientTls>,
    allow_plaintext: bool,
    timeout: Option<&'d str>,
    lock_timeout: Option<&'d str>,
    schemes: &'static [&'static str],
    port: u16,
}

impl DatabaseServer<'_> {
    /// Whether the way there has TLS. On this machine it has where an authority is named, or a certificate to show.
    pub fn has_tls(&self) -> bool {
        let stays = server_address(self.url, self.schemes).is_some_and(|url| stays_on_this_machine(&url));
        !self.allow_plaintext && (!stays || self.ca_file.is_some() || self.tls.is_some())
    }

    /// Whether it is a socket of this machine.
    fn is_socket(&self) -> bool {
        server_address(self.url, self.schemes).is_some_and(|url| is_socket(&url))
    }

    /// How long one statement, or a part of an answer, may take.
    pub fn timeout(&self) -> Duration {
        super::deadline(self.timeout)
    }

    /// How long a lock is waited for.
    pub fn lock_timeout(&self) -> Duration {
        let written = self.lock_timeout.and_then(|text| quantity::duration(text).ok()).and_then(|span| Duration::try_from(span).ok());
        written.filter(|wait| !wait.is_zero()).unwrap_or(LOCK)
    }

    /// Host, port and database, as they are compared.
    pub fn place(&self) -> String {
        let Some(url) = server_address(self.url, self.schemes) else { return String::new() };
        let host = url.host_str().unwrap_or_default().to_ascii_lowercase().replace("%2f", "/");
        format!("{host}:{}/{}", url.port().unwrap_or(self.port), url.path().trim_matches('/'))
    }

    /// The database's name.
    pub fn database(&self) -> String {
        server_address(self.url, self.schemes).map(|url| url.path().trim_matches('/').to_owned()).unwrap_or_default()
    }

    /// What is wrong with the address.
    fn trouble(&self) -> Option<&'static str> {
        let Some(url) = server_address(self.url, self.schemes) else { return Some("address of such a server") };
        let database = url.path().trim_matches('/');
        if url.password().is_some() {
            Some("address without a password")
        } else if url.query().is_some() || url.fragment().is_some() {
            Some("bare address: settings behind it are not read")
        } else if url.username().is_empty() {
            Some("address with a user")
        } else if database.is_empty() || database.contains('/') {
            Some("address with a database")
        } else {
            None
        }
    }
}

impl Database {
    /// The server, where it is one.
    pub fn server(&self) -> Option<DatabaseServer<'_>> {
        match self {
            Self::Sqlite(_) => None,
            Self::Postgres(PostgresDatabase { url, password, ca_file, tls, allow_plaintext, timeout, lock_timeout, .. }) => {
                Some(DatabaseServer {
                    url,
                    password: password.as_ref(),
                    ca_file: ca_file.as_deref(),
                    tls: tls.as_ref(),
                    allow_plaintext: *allow_plaintext,
                    timeout: timeout.as_deref(),
                    lock_timeout: lock_timeout.as_deref(),
                    schemes: POSTGRES,
                    port: 5432,
                })
            }
            Self::Mysql(MysqlDatabase { url, password, ca_file, tls, allow_plaintext, timeout, lock_timeout }) => Some(DatabaseServer {
                url,
                password: password.as_ref(),
                ca_file: ca_file.as_deref(),
                tls: tls.as_ref(),
                allow_plaintext: *allow_plaintext,
                timeout: timeout.as_deref(),
                lock_timeout: lock_timeout.as_deref(),
                schemes: MYSQL,
                port: 3306,
            }),
        }
    }

    /// Whom the server knows us as.
    pub fn user(&self) -> Option<String> {
        let server = self.server()?;
        server_address(server.url, server.schemes).map(|url| url.username().to_owned()).filter(|user| !user.is_empty())
    }

    /// Where it is, in words that stay as long as it is the same.
    fn words(&self) -> String {
        match self {
            Self::Sqlite(file) => format!("sqlite {}", short(&file.path)),
            Self::Postgres(database) => {
                format!("postgres {} {}", self.server().map(|server| server.place()).unwrap_or_default(), database.schema())
            }
            Self::Mysql(_) => format!("mysql {}", self.server().map(|server| server.place()).unwrap_or_default()),
        }
    }
}

impl PostgresDatabase {
    /// The schema with the tables.
    pub fn schema(&self) -> &str {
        self.schema.as_deref().unwrap_or("public")
    }
}

/// A path without what leads nowhere.
fn short(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/').filter(|part| *part != ".") {
        match part {
            ".." if parts.last().is_some_and(|last| !matches!(*last, ".." | "")) => drop(parts.pop()),
            "" if !parts.is_empty() => {}
            _ => parts.push(part),
        }
    }
    parts.join("/")
}

impl Described for SqlConnection {
    fn word(&self) -> &'static str {
        "sql"
    }

    /// The table that gives accounts their ids, and which of its rows.
    fn system(&self) -> String {
        let accounts = &self.accounts;
        let mut words = format!("{} {}.{}", self.database.words(), accounts.table.as_deref().unwrap_or("query"), accounts.key);
        for (column, value) in &accounts.only {
            words += &format!(" {column}={value}");
        }
        words
    }

    fn shares_with(&self, base: &Path, (other, other_base): (&dyn Described, &Path)) -> bool {
        let other: &dyn Any = other;
        other.downcast_ref::<Self>().is_some_and(|other| shared::same_rows((self, base), (other, other_base)))
    }

    fn rows(&self) -> Value {
        let AccountTable { table, query, key, only, .. } = &self.accounts;
        let mut rows = match &self.database {
            Database::Sqlite(file) => json!({"sqlite": file.path, "table": table, "key": key, "only": only}),
            server => json!({"database": server.words(), "table": table, "key": key, "only": only}),
        };
        if let Some(query) = query {
            rows["query"] = query.as_str().into();
        }
        rows
    }

    fn sign_in(&self) -> &'static str {
        "password"
    }

    fn place(&self) -> &'static str {
        match &self.database {
            Database::Sqlite(_) => "database/sqlite/path",
            Database::Postgres(_) => "database/postgres/url",
            Database::Mysql(_) => "database/mysql/url",
        }
    }

    fn files(&self) -> Vec<ConnectionPart<'_, str>> {
        let Database::Sqlite(file) = &self.database else { return Vec::new() };
        vec![ConnectionPart { pointer: "database/sqlite/path", value: &file.path }]
    }

    fn secrets(&self) -> Vec<ConnectionPart<'_, SecretRef>> {
        let (pointer, password, tls, of_tls) = match &self.database {
            Database::Sqlite(_) => return Vec::new(),
            Database::Postgres(database) => {
                let of_tls = ["database/postgres/tls/certificate", "database/postgres/tls/key"];
                ("database/postgres/password", &database.password, &database.tls, of_tls)
            }
            Database::Mysql(database) => {
                let of_tls = ["database/mysql/tls/certificate", "database/mysql/tls/key"];
                ("database/mysql/password", &database.password, &database.tls, of_tls)
            }
        };
        let password = password.iter().map(|value| ConnectionPart { pointer, value });
        password.chain(tls.iter().flat_map(|tls| tls.parts(of_tls))).collect()
    }

    fn unreadable(&self) -> Vec<Unreadable> {
        let mut wrong = Vec::new();
        let table = "name the table, or in a Source write one `query` in its place";
        match (&self.accounts.table, &self.accounts.query) {
            (None, None) => wrong.push(Unreadable { pointer: "accounts", what: "table of accounts", hint: table }),
            (Some(_), Some(_)) => {
                wrong.push(Unreadable { pointer: "accounts/query", what: "query beside a table: one of them says it", hint: table })
            }
            _ => {}
        }
        let Some(server) = self.database.server() else { return wrong };
        let [url, timeout, lock, tls, form] = match &self.database {
            Database::Mysql(_) => [
                "database/mysql/url",
                "database/mysql/timeout",
                "database/mysql/lockTimeout",
                "database/mysql/tls",
                "write server, user and database, and say elsewhere where the password is: `mysql://headcount@db.acme.example/crm`",
            ],
            _ => [
                "database/postgres/url",
                "database/postgres/timeout",
                "database/postgres/lockTimeout",
                "database/postgres/tls",
                "write server, user and database, and say elsewhere where the password is: `postgres://headcount@db.acme.example/crm`",
            ],
        };
        wrong.extend(server.trouble().map(|what| Unreadable { pointer: url, what, hint: form }));
        wrong.extend(plain_certificate(tls, server.tls, server.allow_plaintext, server.is_socket()));
        for (pointer, text) in [(timeout, server.timeout), (lock, server.lock_timeout)] {
            wrong.extend(super::unreadable_deadline(pointer, text));
        }
        wrong
    }

    /// Nothing where it is a file.
    fn deadline(&self) -> Option<Duration> {
        self.database.server().map(|server| server.timeout())
    }
}
