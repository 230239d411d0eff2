//! Statements that read: which columns of a table become which cells of a row.
//!
//! Must never: put a value into the text of a statement.

use std::collections::HashMap;

use rusqlite::types::Value as Sql;
use rusqlite::{Connection, Row, params_from_iter};

use super::cell;
use super::layout::{Active, Entitlements, Layout, Link, Objects, Roles};
use super::schema::{Column, Table, quoted};
use crate::expr::segments_of_path;
use crate::manifest::connection::AccountTable;
use crate::model::{AttributeType, Columns, RowWriter, attribute};

/// One SELECT and what to do with its columns.
#[derive(Debug, Default)]
pub(super) struct Select {
    table: String,
    list: Vec<String>,
    conditions: Vec<String>,
    order: String,
    pub(super) values: Vec<Sql>,
    cells: Vec<Out>,
    roles: Option<RolesOf>,
    asked: Option<Asked>,
}

/// What becomes a cell; numbers are positions in the SELECT's list.
#[derive(Debug)]
enum Out {
    Missing,
    True,
    Account,
    Text(usize),
    Column(usize, Column),
    Active(usize, Active),
    /// an account's roles or a group's owners; the number is its key's
    Roles(usize),
}

/// The roles of every account, by its key.
#[derive(Debug)]
struct RolesOf {
    table: Roles,
    by_account: HashMap<String, Vec<String>>,
}

/// What a lookup's rows must hold; the answer is checked against it.
#[derive(Debug)]
struct Asked {
    at: usize,
    value: String,
    caseless: bool,
}

impl Select {
    /// Accounts with their roles, or groups with their owners, of a Target.
    pub(super) fn objects(objects: &Objects, roles: Option<&Roles>, columns: &Columns) -> Self {
        let mut select = Self { table: objects.table.clone(), order: objects.key.sql(), ..Self::default() };
        select.only(&objects.only);
        for path in columns.paths() {
            let cell = match (path.as_ref(), &objects.active, roles) {
                ("id", ..) => Out::Text(select.position(&objects.key)),
                ("active", Some(active), _) => Out::Active(select.position(active.column()), active.clone()),
                ("active", None, _) => Out::True,
                ("roles" | "owners", _, Some(table)) => {
                    let key = select.position(&objects.key);
                    select.roles = Some(RolesOf { table: table.clone(), by_account: HashMap::new() });
                    Out::Roles(key)
                }
                (name, ..) => match objects.columns.get(name) {
                    Some(column) => Out::Column(select.position(column), column.clone()),
                    None => Out::Missing,
                },
            };
            select.cells.push(cell);
        }
        select
    }

    /// Memberships of a Target.
    pub(super) fn memberships(link: &Link, columns: &Columns) -> Self {
        let mut select = Self { table: link.table.clone(), ..Self::default() };
        let (group, account) = (select.position(&link.group), select.position(&link.account));
        select.order = format!("{}, {}", link.group.sql(), link.account.sql());
        select.conditions = vec![format!("{} IS NOT NULL", link.group.sql()), format!("{} IS NOT NULL", link.account.sql())];
        let cell = |path: &str| match path {
            "group" => Out::Text(group),
            "member" => Out::Text(account),
            "kind" => Out::Account,
            _ => Out::Missing,
        };
        select.cells = columns.paths().iter().map(|path| cell(path)).collect();
        select
    }

    /// Entitlements of the accounts that a Target sees.
    pub(super) fn entitlements(table: &Entitlements, accounts: &Objects, columns: &Columns) -> Self {
        let mut select = Self { table: table.table.clone(), ..Self::default() };
        let (account, entitlement) = (select.position(&table.account), select.position(&table.entitlement));
        select.order = format!("{}, {}", table.account.sql(), table.entitlement.sql());
        select.conditions = vec![format!("{} IS NOT NULL", table.account.sql()), format!("{} IS NOT NULL", table.entitlement.sql())];
        if !accounts.only.is_empty() {
            select.values = accounts.only.iter().map(|(_, value)| value.clone()).collect();
            let only: Vec<String> =
                accounts.only.iter().enumerate().map(|(at, (column, _))| format!("{} IS ?{}", column.sql(), at + 1)).collect();
            let (key, seen) = (accounts.key.sql(), quoted(&accounts.table));
            select.conditions.push(format!("{} IN (SELECT {key} FROM {seen} WHERE {})", table.account.sql(), only.join(" AND ")));
        }
        for path in columns.paths() {
            let cell = match (path.as_ref(), table.parameters.get(path)) {
                ("account", _) => Out::Text(account),
                ("entitlement", _) => Out::Text(entitlement),
                (_, Some(column)) => Out::Column(select.position(column), column.clone()),
                (_, None) => Out::Missing,
            };
            select.cells.push(cell);
        }
        select
    }

    /// Records of a Source: columns by their own names, or by the names that the manifest gives them.
    pub(super) fn records(connection: &Connection, described: &AccountTable, columns: &Columns) -> rusqlite::Result<Result<Self, String>> {
        let table = match Table::find(connection, &described.table)? {
            Ok(table) => table,
            Err(words) => return Ok(Err(words)),
        };
        Ok(Self::of_table(&table, described, columns))
    }

    fn of_table(table: &Table, described: &AccountTable, columns: &Columns) -> Result<Self, String> {
        let mut select = Self { table: table.name.clone(), order: table.column(&described.key)?.sql(), ..Self::default() };
        let only = described.only.iter().map(|(name, value)| {
            let column = table.column(name)?;
            let value = cell::from_manifest(&column, value)?;
            Ok((column, value))
        });
        select.only(&only.collect::<Result<Vec<_>, String>>()?);
        for path in columns.paths() {
            let name = segments_of_path(path).join(".");
            let column = table.column(described.columns.get(&name).unwrap_or(&name))?;
            select.cells.push(Out::Column(select.list.len(), column.clone()));
            select.list.push(column.sql());
        }
        Ok(select)
    }

    /// Only rows with this value of an attribute. The error says why nobody can be asked.
    pub(super) fn ask(&mut self, objects: &Objects, name: &str, value: &str) -> Result<(), String> {
        let column = if name == "id" { Some(&objects.key) } else { objects.columns.get(name) };
        let Some(column) = column.cloned() else { return Err(format!("no column of table `{}` holds `{name}`", objects.table)) };
        let kind = attribute(name).map(|known| known.kind);
        let caseless = name != "id" && matches!(kind, Some(AttributeType::CaselessText | AttributeType::ManyCaseless));
        let at = self.position(&column);
        // SQLite folds the case of ASCII letters only; other texts are compared here, row by row.
        if !caseless || value.is_ascii() {
            self.values.push(key_value(value));
            let collation = if caseless { "NOCASE" } else { "BINARY" };
            self.conditions.push(format!("{} = ?{} COLLATE {collation}", column.sql(), self.values.len()));
        }
        self.asked = Some(Asked { at, value: value.to_owned(), caseless });
        Ok(())
    }

    /// Only the memberships of one member, or of one group.
    pub(super) fn ask_link(&mut self, link: &Link, name: &str, value: &str) -> Result<(), String> {
        match name {
            "member" => self.ask_column(&link.account, value),
            "group" => self.ask_column(&link.group, value),
            _ => return Err(format!("memberships are asked for by `member` or by `group`, not by `{name}`")),
        }
        Ok(())
    }

    /// Only the entitlements of one account.
    pub(super) fn ask_entitlements(&mut self, table: &Entitlements, name: &str, value: &str) -> Result<(), String> {
        if name != "account" {
            return Err(format!("entitlements are asked for by `account`, not by `{name}`"));
        }
        self.ask_column(&table.account, value);
        Ok(())
    }

    fn ask_column(&mut self, column: &Column, value: &str) {
        let at = self.position(column);
        self.values.push(key_value(value));
        self.conditions.push(format!("{} = ?{} COLLATE BINARY", column.sql(), self.values.len()));
        self.asked = Some(Asked { at, value: value.to_owned(), caseless: false });
    }

    /// The statement.
    pub(super) fn sql(&self) -> String {
        let list = if self.list.is_empty() { "1".to_owned() } else { self.list.join(", ") };
        format!("SELECT {list} {} ORDER BY {}", self.from(), self.order)
    }

    /// How many rows there are in the same snapshot.
    pub(super) fn count(&self, connection: &Connection) -> rusqlite::Result<u64> {
        let sql = format!("SELECT count(*) {}", self.from());
        connection.query_row(&sql, params_from_iter(&self.values), |row| row.get::<_, i64>(0)).map(i64::unsigned_abs)
    }

    /// Reads what one statement can't: the roles.
    pub(super) fn prepare(&mut self, connection: &Connection) -> rusqlite::Result<Result<(), String>> {
        let Some(roles) = &mut self.roles else { return Ok(Ok(())) };
        let mut statement = connection.prepare(&roles_sql(&roles.table))?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            match (cell::text(row.get_ref(0)?), cell::text(row.get_ref(1)?)) {
                (Ok(account), Ok(role)) => roles.by_account.entry(account).or_default().push(role),
                (Err(words), _) | (_, Err(words)) => return Ok(Err(format!("table `{}`: {words}", roles.table.table))),
            }
        }
        Ok(Ok(()))
    }

    /// Whether the row is what was asked for.
    pub(super) fn is_asked(&self, row: &Row<'_>) -> rusqlite::Result<bool> {
        let Some(asked) = &self.asked else { return Ok(true) };
        let Ok(found) = cell::text(row.get_ref(asked.at)?) else { return Ok(false) };
        Ok(if asked.caseless { found.to_lowercase() == asked.value.to_lowercase() } else { found == asked.value })
    }

    /// Packs one row. The inner error is a value that has no place in a row.
    pub(super) fn pack(&self, from: &Row<'_>, row: &mut RowWriter<'_>) -> rusqlite::Result<Result<(), String>> {
        for cell in &self.cells {
            if let Err(words) = self.pack_cell(cell, from, row)? {
                return Ok(Err(format!("table `{}`: {words}", self.table)));
            }
        }
        Ok(Ok(()))
    }

    fn pack_cell(&self, cell: &Out, from: &Row<'_>, row: &mut RowWriter<'_>) -> rusqlite::Result<Result<(), String>> {
        match cell {
            Out::Missing => row.missing(),
            Out::True => row.bool(true),
            Out::Account => row.text("account"),
            Out::Active(at, active) => row.bool(is_active(active, from.get_ref(*at)?)),
            Out::Text(at) => return Ok(cell::text(from.get_ref(*at)?).map(|text| row.text(&text))),
            Out::Column(at, column) => return Ok(cell::pack(column, from.get_ref(*at)?, row)),
            Out::Roles(key) => return Ok(cell::text(from.get_ref(*key)?).map(|key| self.pack_roles(&key, row))),
        }
        Ok(Ok(()))
    }

    fn pack_roles(&self, account: &str, row: &mut RowWriter<'_>) {
        match self.roles.as_ref().and_then(|roles| roles.by_account.get(account)) {
            Some(held) => row.json(&serde_json::Value::from(held.clone()).to_string()),
            None => row.missing(),
        }
    }

    fn position(&mut self, column: &Column) -> usize {
        let name = column.sql();
        self.list.iter().position(|known| *known == name).unwrap_or_else(|| {
            self.list.push(name);
            self.list.len() - 1
        })
    }

    fn only(&mut self, only: &[(Column, Sql)]) {
        for (column, value) in only {
            self.values.push(value.clone());
            self.conditions.push(format!("{} IS ?{}", column.sql(), self.values.len()));
        }
    }

    fn from(&self) -> String {
        let conditions = if self.conditions.is_empty() { "1".to_owned() } else { self.conditions.join(" AND ") };
        format!("FROM {} WHERE {conditions}", quoted(&self.table))
    }
}

/// The roles that accounts hold, by name; sorted, so that two reads give the same bytes.
fn roles_sql(roles: &Roles) -> String {
    let (table, account, role) = (quoted(&roles.table), roles.account.sql(), roles.role.sql());
    match &roles.names {
        None => format!("SELECT {account}, {role} FROM {table} WHERE {role} IS NOT NULL ORDER BY 1, 2"),
        Some(names) => {
            let (other, key, name) = (quoted(&names.table), names.key.sql(), names.name.sql());
            format!(
                "SELECT held.{account}, named.{name} FROM {table} AS held JOIN {other} AS named ON named.{key} = held.{role} ORDER BY 1, 2"
            )
        }
    }
}

/// An object of the layout by its kind of stream.
pub(super) fn target_select(layout: &Layout, kind: crate::model::ObjectKind, columns: &Columns) -> Result<Select, String> {
    use crate::model::ObjectKind::{Account, Entitlement, Group, Membership};
    if let (Entitlement, Some(table)) = (kind, &layout.entitlements) {
        return Ok(Select::entitlements(table, &layout.accounts, columns));
    }
    match (kind, &layout.groups, &layout.memberships) {
        (Account, ..) => Ok(Select::objects(&layout.accounts, layout.roles.as_ref(), columns)),
        (Group, Some(groups), _) => Ok(Select::objects(groups, layout.owners.as_ref(), columns)),
        (Membership, _, Some(link)) => Ok(Select::memberships(link, columns)),
        (Group, None, _) => Err("the connection describes no table of `groups`".into()),
        (Membership, _, None) => Err("the connection describes no table of `memberships`".into()),
        (Entitlement, ..) => Err("the connection describes no table of `entitlements`".into()),
    }
}

/// An id for comparing with a key: a whole number where it is one, so that columns without a type match too.
pub(super) fn key_value(id: &str) -> Sql {
    match id.parse::<i64>() {
        Ok(number) if number.to_string() == id => Sql::Integer(number),
        _ => Sql::Text(id.to_owned()),
    }
}

/// Whether a row's value says that its account has access.
pub(super) fn is_active(active: &Active, value: rusqlite::types::ValueRef<'_>) -> bool {
    use rusqlite::types::ValueRef;
    match active {
        Active::Flag(_) => cell::is_true(value),
        Active::DisabledFlag(_) => !cell::is_true(value),
        Active::DeactivatedAt(_) => matches!(value, ValueRef::Null | ValueRef::Text(b"") | ValueRef::Integer(0)),
        Active::Values { active, .. } => ValueRef::from(active) == value,
    }
}
