//! The manifest's description of tables, checked against the database's real schema.
//!
//! Must never: let a name or a value of the description reach a statement unchecked. Every problem is found at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rusqlite::Connection;
use rusqlite::types::Value as Sql;

use super::cell;
use super::schema::{Column, Holds, Table};
use crate::manifest::connection::{
    AccountTable, ActiveColumn, EntitlementTable, GroupTable, LinkTable, RoleTable, SessionTable, SqlConnection,
};
use crate::model::{Capabilities, NeededAttribute, is_known_attribute};

/// Everything a Target's statements need.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) accounts: Objects,
    pub(super) groups: Option<Objects>,
    pub(super) memberships: Option<Link>,
    pub(super) roles: Option<Roles>,
    /// of groups: the group stands for the account, an owner's key for the role
    pub(super) owners: Option<Roles>,
    pub(super) entitlements: Option<Entitlements>,
    pub(super) sessions: Option<Sessions>,
}

/// A table whose rows are accounts or groups.
#[derive(Clone, Debug)]
pub(super) struct Objects {
    pub(super) table: String,
    pub(super) key: Column,
    /// attribute to column
    pub(super) columns: BTreeMap<Arc<str>, Column>,
    /// names of columns of which no two rows have one value
    pub(super) unique: BTreeSet<String>,
    pub(super) active: Option<Active>,
    /// the rows that are seen and touched at all
    pub(super) only: Vec<(Column, Sql)>,
    pub(super) initial: Vec<(Column, Initial)>,
}

/// How a row says whether its account has access.
#[derive(Clone, Debug)]
pub(super) enum Active {
    Flag(Column),
    DisabledFlag(Column),
    DeactivatedAt(Column),
    Values { column: Column, active: Sql, inactive: Sql },
}

/// What a column starts with.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Initial {
    Value(Sql),
    Now,
    Uuid,
}

/// A table that links accounts to groups.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) table: String,
    pub(super) group: Column,
    pub(super) account: Column,
    pub(super) initial: Vec<(Column, Initial)>,
}

/// A table of accounts' roles.
#[derive(Clone, Debug)]
pub(super) struct Roles {
    pub(super) table: String,
    pub(super) account: Column,
    pub(super) role: Column,
    pub(super) names: Option<Names>,
    pub(super) initial: Vec<(Column, Initial)>,
}

/// A table of accounts' entitlements.
#[derive(Clone, Debug)]
pub(super) struct Entitlements {
    pub(super) table: String,
    pub(super) account: Column,
    pub(super) entitlement: Column,
    /// parameter to column
    pub(super) parameters: BTreeMap<Arc<str>, Column>,
    pub(super) initial: Vec<(Column, Initial)>,
}

/// A table of accounts' open sessions.
#[derive(Clone, Debug)]
pub(super) struct Sessions {
    pub(super) table: String,
    pub(super) account: Column,
}

/// A table with the names of roles.
#[derive(Clone, Debug)]
pub(super) struct Names {
    pub(super) table: String,
    pub(super) key: Column,
    pub(super) name: Column,
}

/// Checks a Target's description. The inner error is every problem, each a sentence.
pub(super) fn check(connection: &Connection, described: &SqlConnection) -> rusqlite::Result<Result<Layout, Vec<String>>> {
    let mut checker = Checker { connection, problems: Vec::new() };
    let accounts = checker.accounts(&described.accounts)?;
    let groups = described.groups.as_ref().map(|groups| checker.groups(groups)).transpose()?.flatten();
    let memberships = described.memberships.as_ref().map(|link| checker.link(link)).transpose()?.flatten();
    let roles = described.roles.as_ref().map(|roles| checker.roles(roles)).transpose()?.flatten();
    let entitlements = described.entitlements.as_ref().map(|table| checker.entitlements(table)).transpose()?.flatten();
    let owners = described.owners.as_ref().map(|link| checker.link(link)).transpose()?.flatten();
    let owners = owners.map(|Link { table, group, account, initial }| Roles { table, account: group, role: account, names: None, initial });
    let sessions = described.sessions.as_ref().map(|sessions| checker.sessions(sessions)).transpose()?.flatten();
    for (name, given) in [("memberships", described.memberships.is_some()), ("owners", described.owners.is_some())] {
        if given && described.groups.is_none() {
            checker.problem(format!("`{name}` needs `groups`: describe the table of groups too"));
        }
    }
    Ok(match accounts {
        Some(accounts) if checker.problems.is_empty() => {
            Ok(Layout { accounts, groups, memberships, roles, owners, entitlements, sessions })
        }
        _ => Err(checker.problems),
    })
}

impl Layout {
    /// What the tables can do.
    pub(super) fn capabilities(&self) -> Capabilities {
        let marker = |objects: &Objects| objects.columns.contains_key("externalId").then(|| Arc::from("externalId"));
        let groups = self.groups.is_some();
        let roles = self.roles.iter().map(|_| Arc::from("roles"));
        let active = self.accounts.active.iter().map(|_| Arc::from("active"));
        Capabilities {
            create_accounts: true,
            update_accounts: true,
            deactivate_accounts: self.accounts.active.is_some(),
            delete_accounts: true,
            read_groups: groups,
            create_groups: groups,
            update_groups: groups,
            delete_groups: groups,
            write_memberships: self.memberships.is_some(),
            nested_groups: false,
            refuses_marker: false,
            immutable_attributes: Default::default(),
            read_only_attributes: Default::default(),
            required_attributes: self.accounts.needed_attributes().map(|(attribute, _)| attribute.clone()).collect(),
            needed_attributes: self
                .accounts
                .needed_attributes()
                .map(|(name, column)| (name.clone(), self.accounts.needed(column)))
                .collect(),
            group_owners: self.owners.is_some(),
            account_marker: marker(&self.accounts),
            group_marker: self.groups.as_ref().and_then(marker),
            account_attributes: Some(self.accounts.columns.keys().cloned().chain(roles).chain(active).collect()),
            entitlements: self.entitlements.is_some(),
            entitlement_parameters: self.entitlements.as_ref().map(|table| table.parameters.keys().cloned().collect()),
            says_writable: BTreeSet::new(),
            says_removable: BTreeSet::new(),
            end_sessions: self.sessions.is_some(),
            side_effects: Vec::new(),
            unique_account_attributes: Some(self.accounts.unique_attributes()),
            unique_group_attributes: self.groups.as_ref().map(Objects::unique_attributes),
        }
    }
}

impl Objects {
    fn unique_attributes(&self) -> BTreeSet<Arc<str>> {
        self.columns.iter().filter(|(_, column)| self.unique.contains(&column.name)).map(|(attribute, _)| attribute.clone()).collect()
    }
}

impl Objects {
    /// Those whose column takes no row without a value, and is filled by nobody: not by the database, not by `initial` and not with an empty text. Of a unique
    /// column one row alone could have that.
    fn needed_attributes(&self) -> impl Iterator<Item = (&Arc<str>, &Column)> {
        self.columns.iter().filter(|(_, column)| {
            let started = self.initial.iter().map(|(column, _)| column).chain(self.only.iter().map(|(column, _)| column));
            let empty = !self.unique.contains(&column.name) && cell::nothing(column).is_ok();
            column.not_null && !column.filled && !empty && !started.into_iter().any(|known| known == *column)
        })
    }

    fn needed(&self, column: &Column) -> NeededAttribute {
        let line = (!self.unique.contains(&column.name))
            .then(|| format!("`initial: {{{}: …}}` in spec.connection.sql.accounts", column.name).into());
        NeededAttribute { place: format!("column `{}` of table `{}`", column.name, self.table).into(), line }
    }
}

impl Active {
    pub(super) fn column(&self) -> &Column {
        match self {
            Self::Flag(column) | Self::DisabledFlag(column) | Self::DeactivatedAt(column) | Self::Values { column, .. } => column,
        }
    }
}

/// Finds names in the schema and collects what is wrong.
struct Checker<'c> {
    connection: &'c Connection,
    problems: Vec<String>,
}

impl Checker<'_> {
    fn problem(&mut self, words: impl Into<String>) {
        self.problems.push(words.into());
    }

    fn keep<T>(&mut self, found: Result<T, String>) -> Option<T> {
        found.map_err(|words| self.problem(words)).ok()
    }

    fn table(&mut self, name: &str) -> rusqlite::Result<Option<Table>> {
        let found = Table::find(self.connection, name)?;
        let table = self.keep(found);
        if let Some(table) = table.as_ref().filter(|table| table.is_view) {
            self.problem(format!("`{}` is a view; a Target needs the table behind it", table.name));
        }
        Ok(table)
    }

    fn accounts(&mut self, described: &AccountTable) -> rusqlite::Result<Option<Objects>> {
        let Some(table) = self.table(&described.table)? else { return Ok(None) };
        let active = described.active.as_ref().and_then(|active| self.active(&table, active));
        if !described.columns.contains_key("userName") {
            self.problem(format!("`accounts.columns` must say which column of `{}` is `userName`", table.name));
        }
        Ok(self.objects(&table, &described.key, &described.columns, active, (&described.only, &described.initial)))
    }

    fn groups(&mut self, described: &GroupTable) -> rusqlite::Result<Option<Objects>> {
        let Some(table) = self.table(&described.table)? else { return Ok(None) };
        if !described.columns.contains_key("displayName") {
            self.problem(format!("`groups.columns` must say which column of `{}` is `displayName`", table.name));
        }
        Ok(self.objects(&table, &described.key, &described.columns, None, (&described.only, &described.initial)))
    }

    fn objects(
        &mut self,
        table: &Table,
        key: &str,
        columns: &BTreeMap<String, String>,
        active: Option<Active>,
        (only, initial): (&BTreeMap<String, serde_json::Value>, &BTreeMap<String, serde_json::Value>),
    ) -> Option<Objects> {
        let key = self.keep(table.column(key));
        if let Some(key) = key.as_ref().filter(|key| !table.is_unique(key)) {
            self.problem(format!("column `{}` of table `{}` is not unique, so it can't be the key", key.name, table.name));
        }
        let columns = self.attributes(table, columns);
        let only = only.iter().filter_map(|(name, value)| self.fixed(table, name, value)).collect::<Vec<_>>();
        let initial = self.initial(table, initial);
        let mut given: Vec<&Column> = columns.values().chain(only.iter().map(|(column, _)| column)).collect();
        given.extend(initial.iter().map(|(column, _)| column));
        given.extend(active.iter().map(Active::column));
        self.require(table, &given);
        let unique = columns.values().filter(|column| table.is_unique(column)).map(|column| column.name.clone()).collect();
        Some(Objects { table: table.name.clone(), key: key?, columns, unique, active, only, initial })
    }

    fn attributes(&mut self, table: &Table, columns: &BTreeMap<String, String>) -> BTreeMap<Arc<str>, Column> {
        let mut found: BTreeMap<Arc<str>, Column> = BTreeMap::new();
        for (attribute, name) in columns {
            if matches!(attribute.as_str(), "active" | "roles" | "id") {
                self.problem(format!("`columns` can't hold `{attribute}`; it has a key of its own: `active`, `roles`, `key`"));
            } else if !is_known_attribute(attribute) {
                let known = crate::model::attributes().iter().map(|known| known.name);
                let hint = crate::diagnostic::did_you_mean(attribute, known).unwrap_or_else(|| "own ones stand below `custom.`".into());
                self.problem(format!("there is no attribute `{attribute}` ({hint})"));
            }
            let Some(column) = self.keep(table.column(name)) else { continue };
            if column.generated {
                self.problem(format!(
                    "column `{}` of table `{}` is computed by the database and can't be written",
                    column.name, table.name
                ));
            }
            if let Some((other, _)) = found.iter().find(|(_, known)| **known == column) {
                self.problem(format!("`{other}` and `{attribute}` have the same column `{}` of table `{}`", column.name, table.name));
            }
            found.insert(attribute.as_str().into(), column);
        }
        found
    }

    fn active(&mut self, table: &Table, described: &ActiveColumn) -> Option<Active> {
        match described {
            ActiveColumn::Flag(name) => Some(Active::Flag(self.keep(table.column(name))?)),
            ActiveColumn::DisabledFlag(name) => Some(Active::DisabledFlag(self.keep(table.column(name))?)),
            ActiveColumn::DeactivatedAt(name) => {
                let column = self.keep(table.column(name))?;
                if column.not_null {
                    self.problem(format!(
                        "column `{}` of table `{}` can't be null, so it can't be `deactivatedAt`",
                        column.name, table.name
                    ));
                }
                Some(Active::DeactivatedAt(column))
            }
            ActiveColumn::Values(values) => {
                let (column, active) = self.fixed(table, &values.column, &values.active)?;
                let (_, inactive) = self.fixed(table, &values.column, &values.inactive)?;
                if active == inactive {
                    self.problem(format!("column `{}` can't have one value for active and for deactivated accounts", column.name));
                }
                Some(Active::Values { column, active, inactive })
            }
        }
    }

    fn fixed(&mut self, table: &Table, name: &str, value: &serde_json::Value) -> Option<(Column, Sql)> {
        let column = self.keep(table.column(name))?;
        let value = self.keep(cell::from_manifest(&column, value))?;
        Some((column, value))
    }

    fn initial(&mut self, table: &Table, described: &BTreeMap<String, serde_json::Value>) -> Vec<(Column, Initial)> {
        let mut found = Vec::new();
        for (name, value) in described {
            let Some(column) = self.keep(table.column(name)) else { continue };
            let initial = match value.as_str().map(str::trim) {
                Some("{{now}}") => Some(Initial::Now),
                Some("{{uuid}}") => Some(Initial::Uuid),
                Some(text) if text.starts_with("{{") => {
                    self.problem(format!("`{text}` for column `{name}` is not known; there are {{{{now}}}} and {{{{uuid}}}}"));
                    None
                }
                _ => self.keep(cell::from_manifest(&column, value)).map(Initial::Value),
            };
            found.extend(initial.map(|initial| (column, initial)));
        }
        found
    }

    /// A new row needs a value in every column that can't be empty.
    fn require(&mut self, table: &Table, given: &[&Column]) {
        let bare = |column: &&Column| column.not_null && !column.filled && !column.generated && !given.contains(column);
        let missing: Vec<String> = table.columns.iter().filter(bare).map(|column| format!("`{}`", column.name)).collect();
        if !missing.is_empty() {
            let columns = if missing.len() == 1 { "column" } else { "columns" };
            self.problem(format!(
                "a new row of table `{}` needs the {columns} {}; say in `initial` what they start with",
                table.name,
                missing.join(", ")
            ));
        }
    }

    fn link(&mut self, described: &LinkTable) -> rusqlite::Result<Option<Link>> {
        let Some(table) = self.table(&described.table)? else { return Ok(None) };
        let group = self.keep(table.column(&described.group));
        let account = self.keep(table.column(&described.account));
        let initial = self.initial(&table, &described.initial);
        let (Some(group), Some(account)) = (group, account) else { return Ok(None) };
        self.require_beside(&table, &[&group, &account], &initial);
        Ok(Some(Link { table: table.name, group, account, initial }))
    }

    fn roles(&mut self, described: &RoleTable) -> rusqlite::Result<Option<Roles>> {
        let names = match &described.names {
            None => None,
            Some(names) => match Table::find(self.connection, &names.table)? {
                Err(words) => return Ok(self.keep(Err(words))),
                Ok(table) => {
                    let (key, name) = (self.keep(table.column(&names.key)), self.keep(table.column(&names.name)));
                    key.zip(name).map(|(key, name)| Names { table: table.name, key, name })
                }
            },
        };
        let Some(table) = self.table(&described.table)? else { return Ok(None) };
        let account = self.keep(table.column(&described.account));
        let role = self.keep(table.column(&described.role));
        let initial = self.initial(&table, &described.initial);
        let (Some(account), Some(role)) = (account, role) else { return Ok(None) };
        self.require_beside(&table, &[&account, &role], &initial);
        Ok(Some(Roles { table: table.name, account, role, names, initial }))
    }

    fn entitlements(&mut self, described: &EntitlementTable) -> rusqlite::Result<Option<Entitlements>> {
        let Some(table) = self.table(&described.table)? else { return Ok(None) };
        let account = self.keep(table.column(&described.account));
        let entitlement = self.keep(table.column(&described.entitlement));
        let initial = self.initial(&table, &described.initial);
        let mut parameters: BTreeMap<Arc<str>, Column> = BTreeMap::new();
        for (parameter, name) in &described.parameters {
            let Some(column) = self.keep(table.column(name)) else { continue };
            let taken =
                [&account, &entitlement].into_iter().flatten().chain(parameters.values()).chain(initial.iter().map(|(column, _)| column));
            if taken.into_iter().any(|known| *known == column) {
                self.problem(format!("column `{}` of table `{}` is described twice", column.name, table.name));
            }
            if column.generated {
                self.problem(format!(
                    "column `{}` of table `{}` is computed by the database and can't be written",
                    column.name, table.name
                ));
            }
            parameters.insert(parameter.as_str().into(), column);
        }
        let (Some(account), Some(entitlement)) = (account, entitlement) else { return Ok(None) };
        let given: Vec<&Column> =
            [&account, &entitlement].into_iter().chain(parameters.values()).chain(initial.iter().map(|(column, _)| column)).collect();
        self.require(&table, &given);
        Ok(Some(Entitlements { table: table.name, account, entitlement, parameters, initial }))
    }

    fn sessions(&mut self, described: &SessionTable) -> rusqlite::Result<Option<Sessions>> {
        let Some(table) = self.table(&described.table)? else { return Ok(None) };
        let account = self.keep(table.column(&described.account));
        Ok(account.map(|account| Sessions { table: table.name, account }))
    }

    fn require_beside(&mut self, table: &Table, columns: &[&Column], initial: &[(Column, Initial)]) {
        let given: Vec<&Column> = columns.iter().copied().chain(initial.iter().map(|(column, _)| column)).collect();
        self.require(table, &given);
    }
}

impl Initial {
    /// The value for a column of a new row.
    pub(super) fn value(&self, column: &Column) -> Sql {
        match self {
            Self::Value(value) => value.clone(),
            Self::Now => now(column),
            Self::Uuid => Sql::Text(uuid()),
        }
    }
}

/// The time of the write: seconds where the column is a whole number, else text in UTC, as SQLite's own functions write it.
pub(super) fn now(column: &Column) -> Sql {
    let now = jiff::Timestamp::now();
    match column.holds {
        Holds::Whole => Sql::Integer(now.as_second()),
        _ => Sql::Text(now.strftime("%Y-%m-%d %H:%M:%S").to_string()),
    }
}

/// Version 4, RFC 9562.
fn uuid() -> String {
    let bits = (fastrand::u128(..) & !(0xF << 76 | 0x3 << 62)) | 0x4 << 76 | 0x2 << 62;
    let hex = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
