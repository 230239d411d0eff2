//! How a Source or Target is reached, as people write it. Secrets are references, never values.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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

/// A file of records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FileConnection {
    /// The file, relative to the manifest.
    pub path: String,
    /// Default: by the file's ending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<FileFormat>,
    /// CSV: the separator, one sign or `tab`. Default: comma, semicolon, tab or bar, whichever the header line has most of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<String>,
    /// CSV and XLSX: lines (rows) above the header, such as a title and the time of the export.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub skip: u16,
    /// CSV and XLSX: lines (rows) below the records, such as a total.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub footer: u16,
    /// XLSX: the sheet's name. Default: the first one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sheet: Option<String>,
    /// XLSX: the sheet by its position, from 1, where its name changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sheet_number: Option<u16>,
    /// The encoding's WHATWG label. Default: UTF-8 (UTF-16 by its byte order mark).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    /// JSON and YAML: JSON pointer to the list of records. Default: the document itself, which must be a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records: Option<String>,
    /// Columns that may be without a value in every record. Any other one that is makes the read incomplete: an export that lost a column looks just so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub may_be_empty: Vec<String>,
}

fn is_zero(number: &u16) -> bool {
    *number == 0
}

/// How a file of records is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum FileFormat {
    /// comma, semicolon or tab separated, with a header line
    Csv,
    /// one JSON document
    Json,
    /// one JSON object a line
    Ndjson,
    /// one YAML document
    Yaml,
    /// a sheet of an Excel workbook, with a header row
    Xlsx,
}

/// A SCIM 2.0 service (RFC 7644).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScimConnection {
    /// The base, up to and without `/Users`.
    pub url: String,
    /// How to sign in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// PEM file with the certificate authority, where it is not a public one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<String>,
    /// Resources a page. Default: as many as the service allows, but 500 at most; 100 where it does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page_size: Option<u32>,
    /// Deadline of one request: `30s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
    /// Most bytes of one answer: `64Mi`. Default 32Mi; a page that is longer is asked for in smaller ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_body: Option<String>,
    /// Lets credentials go over plain http to a host that is not this machine. Anybody on the way can read them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_plain_http: bool,
    /// URN of the schema extension that holds `custom.*` attributes. Absent: the target holds none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extension: Option<String>,
}

impl ScimConnection {
    /// Whether credentials would be readable on the way: over plain http, to another machine, and nobody said that it may be so.
    pub fn signs_in_openly(&self) -> bool {
        let Ok(url) = url::Url::parse(&self.url) else { return false };
        let here = match url.host() {
            Some(url::Host::Domain(name)) => name.trim_end_matches('.').eq_ignore_ascii_case("localhost"),
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        self.auth.is_some() && url.scheme() == "http" && !here && !self.allow_plain_http
    }
}

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
}

/// A SQLite file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SqliteFile {
    /// The file; it must exist.
    pub path: String,
}

/// A table of accounts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AccountTable {
    /// The table.
    pub table: String,
    /// The column that identifies a row for ever: its primary key, or another unique one.
    pub key: String,
    /// Attribute to column: `userName: username`. In a Source: further names for columns, which a record has under their own names anyway.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, String>,
    /// What columns without a value start with at creation, as plain values (`is_staff: false`).
    /// `{{now}}` is the time of the write (text in UTC; seconds where the column is a whole number), `{{uuid}}` a random id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "super::kinds::any_values")]
    pub initial: BTreeMap<String, serde_json::Value>,
    /// How a row says whether the account has access. Absent: accounts can't be deactivated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<ActiveColumn>,
    /// The rows that headcount sees and touches at all: column to the value it must have. New rows get it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "super::kinds::any_values")]
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
    #[schemars(schema_with = "super::kinds::any_value")]
    pub active: serde_json::Value,
    /// Its value for a deactivated one.
    #[schemars(schema_with = "super::kinds::any_value")]
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
    #[schemars(schema_with = "super::kinds::any_values")]
    pub initial: BTreeMap<String, serde_json::Value>,
    /// The rows that headcount sees and touches at all.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "super::kinds::any_values")]
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
    #[schemars(schema_with = "super::kinds::any_values")]
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
    #[schemars(schema_with = "super::kinds::any_values")]
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
    #[schemars(schema_with = "super::kinds::any_values")]
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
