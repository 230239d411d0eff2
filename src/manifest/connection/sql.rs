//! Tables of a database.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{ConnectionPart, Described};

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

impl Described for SqlConnection {
    fn word(&self) -> &'static str {
        "sql"
    }

    /// The table that gives accounts their ids, and which of its rows.
    fn system(&self) -> String {
        let Database::Sqlite(file) = &self.database;
        let mut parts: Vec<&str> = Vec::new();
        for part in file.path.split('/').filter(|part| *part != ".") {
            match part {
                ".." if parts.last().is_some_and(|last| !matches!(*last, ".." | "")) => drop(parts.pop()),
                "" if !parts.is_empty() => {}
                _ => parts.push(part),
            }
        }
        let accounts = &self.accounts;
        let mut words = format!("sqlite {} {}.{}", parts.join("/"), accounts.table, accounts.key);
        for (column, value) in &accounts.only {
            words += &format!(" {column}={value}");
        }
        words
    }

    fn rows(&self) -> Value {
        let Database::Sqlite(file) = &self.database;
        json!({"sqlite": file.path, "table": self.accounts.table, "key": self.accounts.key, "only": self.accounts.only})
    }

    fn place(&self) -> &'static str {
        "database/sqlite/path"
    }

    fn files(&self) -> Vec<ConnectionPart<'_, str>> {
        let Database::Sqlite(file) = &self.database;
        vec![ConnectionPart { pointer: "database/sqlite/path", value: &file.path }]
    }
}
