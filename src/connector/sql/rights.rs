//! Rights that are missing, and how they are given.
//!
//! Must never: ask for more than what the description needs.

use std::collections::{BTreeMap, BTreeSet};

use super::dialect::Dialect;
use super::schema::{Column, Table, TableName};
use super::session::Session;

/// What is missing, table by table.
#[derive(Debug, Default)]
pub(super) struct Missing(BTreeMap<String, Lacks>);

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
            self.0.entry(table.name.sql.clone()).or_default().delete = true;
        }
    }

    fn note<'c>(&mut self, table: &TableName, right: &'static str, columns: impl Iterator<Item = &'c Column>) {
        let columns: BTreeSet<String> = columns.map(|column| column.sql.clone()).collect();
        if !columns.is_empty() {
            self.0.entry(table.sql.clone()).or_default().columns.entry(right).or_default().extend(columns);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
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
        self.0.iter().map(of_table).collect()
    }
}
