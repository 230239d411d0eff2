//! Rights that are missing, and how they are given.
//!
//! Must never: ask for more than what the description needs.

use std::collections::{BTreeMap, BTreeSet};

use super::dialect::Dialect;
use super::schema::{Column, Table, TableName};
use super::session::Session;
use crate::manifest::connection::{ActiveColumn, Database, SqlConnection};
use crate::model::is_stamp;

/// What is missing, table by table.
#[derive(Debug, Default)]
pub(super) struct Missing {
    tables: BTreeMap<String, Lacks>,
    /// those that fill columns of new rows
    sequences: BTreeSet<String>,
}

/// What one table lacks: columns by right, and whether rows may be removed.
#[derive(Debug, Default)]
struct Lacks {
    columns: BTreeMap<&'static str, BTreeSet<String>>,
    delete: bool,
}

impl Missing {
    pub(super) fn select<'c>(&mut self, table: &TableName, columns: impl IntoIterator<Item = &'c Column>) {
        self.note(table, "SELECT", columns.into_iter().filter(|column| !column.rights.select));
    }

    pub(super) fn insert<'c>(&mut self, table: &TableName, columns: impl IntoIterator<Item = &'c Column>) {
        self.note(table, "INSERT", columns.into_iter().filter(|column| !column.rights.insert));
    }

    pub(super) fn update<'c>(&mut self, table: &TableName, columns: impl IntoIterator<Item = &'c Column>) {
        self.note(table, "UPDATE", columns.into_iter().filter(|column| !column.rights.update));
    }

    pub(super) fn delete(&mut self, table: &Table) {
        if !table.deletable {
            self.tables.entry(table.name.sql.clone()).or_default().delete = true;
        }
    }

    fn note<'c>(&mut self, table: &TableName, right: &'static str, columns: impl Iterator<Item = &'c Column>) {
        let columns: BTreeSet<String> = columns.map(|column| column.sql.clone()).collect();
        if !columns.is_empty() {
            self.tables.entry(table.sql.clone()).or_default().columns.entry(right).or_default().extend(columns);
        }
    }

    /// What fills the columns of a new row that nobody gives.
    pub(super) fn sequences(&mut self, table: &Table, given: &[&Column]) {
        self.sequences.extend(table.columns.iter().filter(|column| !given.contains(column)).filter_map(|column| column.sequence.clone()));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tables.is_empty() && self.sequences.is_empty()
    }

    /// The statements that give them.
    pub(super) fn grants(&self, session: &dyn Session, user: Option<&str>) -> Vec<String> {
        let user = match (session.dialect(), user) {
            (Dialect::MySql, Some(user)) => format!("'{user}'@…"),
            (_, Some(user)) => user.to_owned(),
            (_, None) => "…".to_owned(),
        };
        let of_table = |(table, lacks): (&String, &Lacks)| {
            let columns = lacks.columns.iter().map(|(right, columns)| {
                let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
                format!("{right} ({})", columns.join(", "))
            });
            let rights: Vec<String> = columns.chain(lacks.delete.then(|| "DELETE".to_owned())).collect();
            format!("GRANT {} ON {table} TO {user}", rights.join(", "))
        };
        let sequences = self.sequences.iter().map(|sequence| format!("GRANT USAGE ON SEQUENCE {sequence} TO {user}"));
        self.tables.iter().map(of_table).chain(sequences).collect()
    }
}

/// The statements that give a user of a server what a connection needs, and nothing else. A file needs none.
pub(super) fn needed(connection: &SqlConnection) -> Vec<String> {
    let Some(server) = connection.database.server() else { return Vec::new() };
    let user = connection.database.user().unwrap_or_else(|| "headcount".to_owned());
    let (dialect, schema, user) = match &connection.database {
        Database::Postgres(database) => (Dialect::Postgres, database.schema().to_owned(), Dialect::Postgres.quoted(&user)),
        _ => (Dialect::MySql, server.database(), format!("'{user}'@'%'")),
    };
    let of_source = connection.accounts.table.as_deref().filter(|_| !connection.accounts.columns.contains_key("userName"));
    let usage = (dialect == Dialect::Postgres).then(|| format!("GRANT USAGE ON SCHEMA {} TO {user}", dialect.quoted(&schema)));
    let grant = |(table, wanted): (&str, Wanted<'_>)| {
        let columns = |right: &str, columns: &BTreeSet<&str>| {
            let columns: Vec<String> = columns.iter().map(|column| dialect.quoted(column)).collect();
            (!columns.is_empty()).then(|| format!("{right} ({})", columns.join(", ")))
        };
        let rights = [columns("SELECT", &wanted.select), columns("INSERT", &wanted.insert), columns("UPDATE", &wanted.update)];
        let rights: Vec<String> = rights.into_iter().flatten().chain(wanted.delete.then(|| "DELETE".to_owned())).collect();
        format!("GRANT {} ON {}.{} TO {user}", rights.join(", "), dialect.quoted(&schema), dialect.quoted(table))
    };
    // A Target says what a user name is; of a Source nobody knows which columns a rule reads.
    if let Some(table) = of_source {
        let all = format!("GRANT SELECT ON {}.{} TO {user}", dialect.quoted(&schema), dialect.quoted(table));
        return usage.into_iter().chain([all]).collect();
    }
    let keys = [(connection.accounts.table.as_deref(), &connection.accounts.key)].into_iter();
    let keys = keys.chain(connection.groups.iter().map(|groups| (Some(groups.table.as_str()), &groups.key)));
    let sequence = |(table, key): (Option<&str>, &String)| {
        let (table, own) = (table?, dialect.quoted(&format!("{}_{key}_seq", table?)));
        let grant = format!("GRANT USAGE ON SEQUENCE {}.{own} TO {user}", dialect.quoted(&schema));
        Some(format!("where column {key} of {table} is `serial`: {grant}"))
    };
    let sequences: Vec<String> = keys.filter(|_| dialect == Dialect::Postgres).filter_map(sequence).collect();
    usage.into_iter().chain(tables(connection).into_iter().map(grant)).chain(sequences).collect()
}

/// What is wanted of one table.
#[derive(Default)]
struct Wanted<'c> {
    select: BTreeSet<&'c str>,
    insert: BTreeSet<&'c str>,
    update: BTreeSet<&'c str>,
    delete: bool,
}

/// Each table that is described, once.
fn tables(connection: &SqlConnection) -> BTreeMap<&str, Wanted<'_>> {
    let mut tables: BTreeMap<&str, Wanted<'_>> = BTreeMap::new();
    let accounts = &connection.accounts;
    let groups =
        connection.groups.iter().map(|table| (Some(table.table.as_str()), &table.key, &table.columns, &table.only, &table.initial));
    let objects = [(accounts.table.as_deref(), &accounts.key, &accounts.columns, &accounts.only, &accounts.initial)];
    for (table, key, columns, only, initial) in objects.into_iter().chain(groups) {
        let Some(table) = table else { continue };
        let wanted = tables.entry(table).or_default();
        wanted.select.extend(columns.values().chain(only.keys()).chain([key]).map(String::as_str));
        let columns = columns.iter().filter(|(name, _)| !is_stamp(name)).map(|(_, column)| column.as_str());
        wanted.insert.extend(columns.clone().chain(only.keys().chain(initial.keys()).map(String::as_str)));
        wanted.update.extend(columns);
        wanted.delete = true;
    }
    if let (Some(table), Some(active)) = (accounts.table.as_deref(), &accounts.active) {
        let column = match active {
            ActiveColumn::Flag(column) | ActiveColumn::DisabledFlag(column) | ActiveColumn::DeactivatedAt(column) => column,
            ActiveColumn::Values(values) => &values.column,
        };
        let wanted = tables.entry(table).or_default();
        [&mut wanted.select, &mut wanted.insert, &mut wanted.update].into_iter().for_each(|columns| columns.extend([column.as_str()]));
    }
    let links = connection.memberships.iter().chain(&connection.owners);
    let links = links.map(|link| (link.table.as_str(), vec![&link.group, &link.account], &link.initial));
    let roles = connection.roles.iter().map(|roles| (roles.table.as_str(), vec![&roles.account, &roles.role], &roles.initial));
    let cards = connection.entitlements.iter().map(|cards| {
        let columns = [&cards.account, &cards.entitlement].into_iter().chain(cards.parameters.values()).collect();
        (cards.table.as_str(), columns, &cards.initial)
    });
    for (table, columns, initial) in links.chain(roles).chain(cards) {
        let wanted = tables.entry(table).or_default();
        wanted.select.extend(columns.iter().map(|column| column.as_str()));
        wanted.insert.extend(columns.into_iter().chain(initial.keys()).map(String::as_str));
        wanted.delete = true;
    }
    if let Some(cards) = &connection.entitlements {
        tables.entry(&cards.table).or_default().update.extend(cards.parameters.values().map(String::as_str));
    }
    if let Some(sessions) = &connection.sessions {
        let wanted = tables.entry(&sessions.table).or_default();
        wanted.select.insert(&sessions.account);
        wanted.delete = true;
    }
    if let Some(names) = connection.roles.as_ref().and_then(|roles| roles.names.as_ref()) {
        tables.entry(&names.table).or_default().select.extend([names.key.as_str(), names.name.as_str()]);
    }
    tables
}
