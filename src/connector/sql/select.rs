//! Statements that read: which columns of a table become which cells of a row.
//!
//! Must never: put a value into the text of a statement.

use std::collections::HashMap;

use super::cell;
use super::layout::{Active, Entitlements, Layout, Link, Objects, Roles, now};
use super::schema::{Column, Table, TableName};
use super::session::{Line, Session, Sql, SqlRef, Values};
use crate::expr::segments_of_path;
use crate::manifest::connection::AccountTable;
use crate::model::{AttributeType, Columns, RowWriter, SystemError, attribute};

/// One SELECT and what to do with its columns.
#[derive(Debug)]
pub(super) struct Select {
    table: TableName,
    list: Vec<String>,
    conditions: Vec<String>,
    order: String,
    pub(super) values: Vec<Sql>,
    cells: Vec<Out>,
    roles: Option<RolesOf>,
    asked: Option<Asked>,
    /// what is answered in the place of a column: whether it has this value
    closed: Option<NoAccess>,
}

/// Whether a column says that there is no access, by its position in the SELECT's list: it has this one value, or a time that has come by this one.
#[derive(Debug)]
struct NoAccess {
    at: usize,
    column: Column,
    value: Sql,
    is_time: bool,
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
    fn from_table(table: &TableName, order: String) -> Self {
        Self {
            table: table.clone(),
            list: Vec::new(),
            conditions: Vec::new(),
            order,
            values: Vec::new(),
            cells: Vec::new(),
            roles: None,
            asked: None,
            closed: None,
        }
    }

    /// Accounts with their roles, or groups with their owners, of a Target.
    pub(super) fn objects(objects: &Objects, roles: Option<&Roles>, columns: &Columns) -> Self {
        let mut select = Self::from_table(&objects.table, objects.key.sql.clone());
        select.only(&objects.only);
        for path in columns.paths() {
            let cell = match (path.as_ref(), &objects.active, roles) {
                ("id", ..) => Out::Text(select.position(&objects.key)),
                ("active", Some(active), _) => Out::Active(select.access(active), active.clone()),
                ("active", None, _) => Out::True,
                ("roles" | "owners", _, Some(table)) => {
                    let key = select.position(&objects.key);
                    select.roles = Some(RolesOf { table: table.clone(), by_account: HashMap::new() });
                    Out::Roles(key)
                }
                (name, ..) => match objects.columns.get(name).or_else(|| objects.stamps.get(name)) {
                    Some(column) => Out::Column(select.position(column), column.clone()),
                    None => Out::Missing,
                },
            };
            select.cells.push(cell);
        }
        select
    }

    /// Memberships of a Target, but those of accounts that it does not see.
    pub(super) fn memberships(link: &Link, accounts: &Objects, columns: &Columns) -> Self {
        let mut select = Self::from_table(&link.table, format!("{}, {}", link.group.sql, link.account.sql));
        let (group, account) = (select.position(&link.group), select.position(&link.account));
        select.conditions = vec![format!("{} IS NOT NULL", link.group.sql), format!("{} IS NOT NULL", link.account.sql)];
        select.not_hidden(&link.table, &link.account, accounts);
        let cell = |path: &str| match path {
            "group" => Out::Text(group),
            "member" => Out::Text(account),
            "kind" => Out::Account,
            _ => Out::Missing,
        };
        select.cells = columns.paths().iter().map(|path| cell(path)).collect();
        select
    }

    /// Entitlements, but those of accounts that a Target does not see.
    pub(super) fn entitlements(table: &Entitlements, accounts: &Objects, columns: &Columns) -> Self {
        let mut select = Self::from_table(&table.table, format!("{}, {}", table.account.sql, table.entitlement.sql));
        let (account, entitlement) = (select.position(&table.account), select.position(&table.entitlement));
        select.conditions = vec![format!("{} IS NOT NULL", table.account.sql), format!("{} IS NOT NULL", table.entitlement.sql)];
        select.not_hidden(&table.table, &table.account, accounts);
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
    pub(super) fn records(session: &dyn Session, described: &AccountTable, columns: &Columns) -> Result<Result<Self, String>, SystemError> {
        let table = match (&described.query, &described.table) {
            (Some(query), _) => Table::of_query(session, query)?,
            (None, Some(name)) => match Table::find(session, name)? {
                Ok(table) => table,
                Err(words) => return Ok(Err(words)),
            },
            (None, None) => return Ok(Err("`accounts` needs a `table` or a `query`".into())),
        };
        if !table.troubles.is_empty() {
            return Ok(Err(table.troubles.join("; ")));
        }
        Ok(Self::of_table(&table, described, columns))
    }

    fn of_table(table: &Table, described: &AccountTable, columns: &Columns) -> Result<Self, String> {
        let key = table.column(&described.key)?;
        let mut select = Self::from_table(&table.name, key.sql.clone());
        let only = described.only.iter().map(|(name, value)| {
            let column = table.column(name)?;
            let value = cell::from_manifest(&column, value)?;
            Ok((column, value))
        });
        select.only(&only.collect::<Result<Vec<_>, String>>()?);
        for path in columns.paths() {
            let name = segments_of_path(path).join(".");
            let column = table.column(described.columns.get(&name).unwrap_or(&name))?;
            if !column.rights.select {
                return Err(format!("column `{}` of table `{}` may not be read: GRANT SELECT on it", column.name, table.name));
            }
            select.cells.push(Out::Column(select.list.len(), column.clone()));
            select.list.push(column.read());
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
        // Not every database folds the case of other letters than ASCII's; such texts are compared here, row by row.
        if !caseless {
            self.values.push(column.key(value));
            self.conditions.push(column.equals(self.values.len()));
        } else if value.is_ascii() {
            self.values.push(Sql::Text(value.to_owned()));
            self.conditions.push(column.folds_to(self.values.len()));
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
        self.values.push(column.key(value));
        self.conditions.push(column.equals(self.values.len()));
        self.asked = Some(Asked { at, value: value.to_owned(), caseless: false });
    }

    /// The statement, and its values.
    pub(super) fn statement(&self) -> (String, Vec<Sql>) {
        let (mut list, mut values) = (self.list.clone(), Values(self.values.clone()));
        if let Some(NoAccess { at, column, value, is_time }) = &self.closed
            && let Some(answered) = list.get_mut(*at)
        {
            let place = values.place(value.clone());
            *answered = if *is_time { column.has_come(place) } else { column.matches(place) };
        }
        let list = if list.is_empty() { "1".to_owned() } else { list.join(", ") };
        (format!("SELECT {list} {} ORDER BY {}", self.from(), self.order), values.0)
    }

    /// Has its tables stay the ones that they are until the transaction ends.
    pub(super) fn hold(&self, session: &dyn Session) -> Result<(), SystemError> {
        session.hold(&format!("SELECT 1 {}", self.from()), &self.values)?;
        self.roles.iter().try_for_each(|roles| session.hold(&roles_sql(&roles.table), &[]))
    }

    /// How many rows there are in the same snapshot.
    pub(super) fn count(&self, session: &dyn Session) -> Result<u64, SystemError> {
        let rows = session.rows(&format!("SELECT count(*) {}", self.from()), &self.values)?;
        match rows.first().and_then(|row| row.first()) {
            Some(Sql::Integer(count)) => Ok(count.unsigned_abs()),
            _ => Err(SystemError::Protocol("a count is no number".into())),
        }
    }

    /// Reads what one statement can't: the roles.
    pub(super) fn prepare(&mut self, session: &dyn Session) -> Result<(), SystemError> {
        let Some(roles) = &mut self.roles else { return Ok(()) };
        let table = &roles.table;
        let by_account = &mut roles.by_account;
        session.query(&roles_sql(table), &[], &mut |line| match (cell::text(line.at(0)?), cell::text(line.at(1)?)) {
            (Ok(account), Ok(role)) => {
                by_account.entry(account).or_default().push(role);
                Ok(())
            }
            (Err(words), _) | (_, Err(words)) => Err(SystemError::Protocol(format!("table `{}`: {words}", table.table))),
        })
    }

    /// Whether the row is what was asked for.
    pub(super) fn is_asked(&self, row: &dyn Line) -> Result<bool, SystemError> {
        let Some(asked) = &self.asked else { return Ok(true) };
        let Ok(found) = cell::text(row.at(asked.at)?) else { return Ok(false) };
        Ok(if asked.caseless { found.to_lowercase() == asked.value.to_lowercase() } else { found == asked.value })
    }

    /// Packs one row. A value that has no place in a row is an error.
    pub(super) fn pack(&self, from: &dyn Line, row: &mut RowWriter<'_>) -> Result<(), SystemError> {
        self.cells.iter().try_for_each(|cell| {
            let packed = self.pack_cell(cell, from, row)?;
            packed.map_err(|words| SystemError::Protocol(format!("table `{}`: {words}", self.table)))
        })
    }

    fn pack_cell(&self, cell: &Out, from: &dyn Line, row: &mut RowWriter<'_>) -> Result<Result<(), String>, SystemError> {
        match cell {
            Out::Missing => row.missing(),
            Out::True => row.bool(true),
            Out::Account => row.text("account"),
            Out::Active(at, active) => row.bool(is_active(active, from.at(*at)?)),
            Out::Text(at) => return Ok(cell::text(from.at(*at)?).map(|text| row.text(&text))),
            Out::Column(at, column) => return Ok(cell::pack(column, from.at(*at)?, row)),
            Out::Roles(key) => return Ok(cell::text(from.at(*key)?).map(|key| self.pack_roles(&key, row))),
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
        let (name, closed) = (column.read(), self.closed.as_ref().map(|closed| closed.at));
        let known = self.list.iter().enumerate().find(|(at, known)| **known == name && Some(*at) != closed);
        known.map(|(at, _)| at).unwrap_or_else(|| {
            self.list.push(name);
            self.list.len() - 1
        })
    }

    /// The position of what says whether an account has access. Of two words the database is asked for the one that says no, as it compares them itself, and of a time
    /// whether it has come.
    fn access(&mut self, active: &Active) -> usize {
        let (column, value, is_time) = match active {
            Active::Values { column, inactive, .. } => (column, inactive.clone(), false),
            Active::DeactivatedAt(column) => (column, now(column), true),
            Active::Flag(column) | Active::DisabledFlag(column) => return self.position(column),
        };
        let at = self.list.len();
        self.list.push(column.read());
        self.closed = Some(NoAccess { at, column: column.clone(), value, is_time });
        at
    }

    fn not_hidden(&mut self, table: &TableName, column: &Column, accounts: &Objects) {
        let mut values = Values(std::mem::take(&mut self.values));
        let condition = accounts.not_hidden(table, column, &mut values);
        self.values = values.0;
        self.conditions.extend(condition.strip_prefix(" AND ").map(str::to_owned));
    }

    fn only(&mut self, only: &[(Column, Sql)]) {
        for (column, value) in only {
            self.values.push(value.clone());
            self.conditions.push(column.is(self.values.len()));
        }
    }

    fn from(&self) -> String {
        let conditions = if self.conditions.is_empty() { "1 = 1".to_owned() } else { self.conditions.join(" AND ") };
        format!("FROM {} WHERE {conditions}", self.table.sql)
    }
}

/// The roles that accounts hold, by name; sorted, so that two reads give the same bytes.
fn roles_sql(roles: &Roles) -> String {
    let table = &roles.table.sql;
    match &roles.names {
        None => {
            let (account, role) = (roles.account.read(), roles.role.read());
            format!("SELECT {account}, {role} FROM {table} WHERE {} IS NOT NULL ORDER BY 1, 2", roles.role.sql)
        }
        Some(names) => {
            let (account, role, key, name) =
                (roles.account.read_of("held."), &roles.role.sql, &names.key.sql, names.name.read_of("named."));
            let other = &names.table.sql;
            format!("SELECT {account}, {name} FROM {table} AS held JOIN {other} AS named ON named.{key} = held.{role} ORDER BY 1, 2")
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
        (Membership, _, Some(link)) => Ok(Select::memberships(link, &layout.accounts, columns)),
        (Group, None, _) => Err("the connection describes no table of `groups`".into()),
        (Membership, _, None) => Err("the connection describes no table of `memberships`".into()),
        (Entitlement, ..) => Err("the connection describes no table of `entitlements`".into()),
    }
}

/// Whether an account may have access: only what says that it has none takes it for deactivated, and is not written again when it is cut off.
pub(super) fn is_active(active: &Active, value: SqlRef<'_>) -> bool {
    match active {
        Active::Flag(_) => !cell::is_false(value),
        Active::DisabledFlag(_) => !cell::is_true(value),
        // The answer to whether it is the word for no, or a time that has come: see `Select::access`.
        Active::DeactivatedAt(_) | Active::Values { .. } => !value.is_yes(),
    }
}
