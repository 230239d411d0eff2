//! Entitlements as rows: one for each that an account has, its parameters in columns.
//!
//! Must never: touch a row of an account outside of `only`, or more rows than the one that a change is about.

use rusqlite::types::Value as Sql;
use rusqlite::{Connection, params_from_iter};

use super::cell;
use super::layout::{Entitlements, Layout};
use super::links::require;
use super::schema::{Column, quoted};
use super::select::key_value;
use super::write::{Done, Job, Refusal};
use crate::connector::Written;
use crate::model::{Action, SystemError, Value};

/// Gives, changes or takes an entitlement.
pub(super) fn change(connection: &Connection, layout: &Layout, job: &Job, account: &str) -> Done {
    let Some(table) = &layout.entitlements else {
        return Err(Refusal::rejected("the connection describes no table of `entitlements`"));
    };
    let Some(name) = job.entitlement.as_deref() else {
        return Err(Refusal::rejected("the change names no entitlement"));
    };
    require(connection, &layout.accounts, account)?;
    let entitlement = cell::to_sql(&table.entitlement, &Value::text(name)).map_err(Refusal::rejected)?;
    let row = Row { connection, table, name, key: [key_value(account), entitlement] };
    let changed = match job.action {
        Action::RemoveEntitlement => row.remove()?,
        Action::UpdateEntitlement => row.update(&row.settings(job)?)?,
        _ => row.add(&row.settings(job)?)?,
    };
    Ok(Written { id: account.into(), already_so: !changed })
}

/// The row of one entitlement of one account.
struct Row<'c> {
    connection: &'c Connection,
    table: &'c Entitlements,
    name: &'c str,
    /// the account and the entitlement
    key: [Sql; 2],
}

/// How the row compares with what it should hold.
enum Held {
    Nothing,
    Same,
    Other,
}

impl<'c> Row<'c> {
    /// What the parameters' columns should hold.
    fn settings(&self, job: &Job) -> Result<Vec<(&'c Column, Sql)>, Refusal> {
        let mut settings = Vec::with_capacity(job.attributes.len());
        for (parameter, value) in &job.attributes {
            let Some(column) = self.table.parameters.get(parameter) else {
                return Err(Refusal::rejected(format!("no column of table `{}` holds the parameter `{parameter}`", self.table.table)));
            };
            let value = value.as_ref().map_or_else(|| cell::nothing(column), |value| cell::to_sql(column, value));
            settings.push((column, value.map_err(Refusal::rejected)?));
        }
        Ok(settings)
    }

    /// A row that is there already is only fine where it holds the very same.
    fn add(&self, settings: &[(&'c Column, Sql)]) -> Result<bool, Refusal> {
        match self.held(settings)? {
            Held::Same => return Ok(false),
            Held::Other => return Err(self.conflict("is there already, with other parameters: the next plan shows them")),
            Held::Nothing => {}
        }
        let mut columns: Vec<(&Column, Sql)> =
            vec![(&self.table.account, self.key[0].clone()), (&self.table.entitlement, self.key[1].clone())];
        columns.extend(settings.iter().cloned());
        columns.extend(self.table.initial.iter().map(|(column, initial)| (column, initial.value(column))));
        for column in self.table.parameters.values().filter(|column| column.not_null && !column.filled) {
            if !columns.iter().any(|(known, _)| *known == column) {
                columns.push((column, cell::nothing(column).map_err(Refusal::rejected)?));
            }
        }
        let names: Vec<String> = columns.iter().map(|(column, _)| column.sql()).collect();
        let places: Vec<String> = (1..=columns.len()).map(|at| format!("?{at}")).collect();
        let sql = format!("INSERT INTO {} ({}) VALUES ({})", quoted(&self.table.table), names.join(", "), places.join(", "));
        self.connection.prepare_cached(&sql)?.execute(params_from_iter(columns.iter().map(|(_, value)| value)))?;
        Ok(true)
    }

    fn update(&self, settings: &[(&'c Column, Sql)]) -> Result<bool, Refusal> {
        match self.held(settings)? {
            Held::Same => return Ok(false),
            Held::Nothing => {
                let words = format!("table `{}` has no `{}` of that account (any more)", self.table.table, self.name);
                return Err(Refusal::System(SystemError::NotFound(words)));
            }
            Held::Other => {}
        }
        let sets: Vec<String> = settings.iter().enumerate().map(|(at, (column, _))| format!("{} = ?{}", column.sql(), at + 3)).collect();
        let sql = format!("UPDATE {} SET {} WHERE {}", quoted(&self.table.table), sets.join(", "), self.this());
        self.connection.prepare_cached(&sql)?.execute(params_from_iter(self.values(settings)))?;
        Ok(true)
    }

    fn remove(&self) -> Result<bool, Refusal> {
        if matches!(self.held(&[])?, Held::Nothing) {
            return Ok(false);
        }
        let sql = format!("DELETE FROM {} WHERE {}", quoted(&self.table.table), self.this());
        self.connection.prepare_cached(&sql)?.execute(params_from_iter(&self.key))?;
        Ok(true)
    }

    /// Looks at the row. Several for one entitlement are nobody's to choose from.
    fn held(&self, settings: &[(&'c Column, Sql)]) -> Result<Held, Refusal> {
        let same: String =
            settings.iter().enumerate().map(|(at, (column, _))| format!(" AND {} IS ?{} COLLATE BINARY", column.sql(), at + 3)).collect();
        let sql = format!("SELECT 1{same} FROM {} WHERE {} LIMIT 2", quoted(&self.table.table), self.this());
        let mut statement = self.connection.prepare_cached(&sql)?;
        let found = statement.query_map(params_from_iter(self.values(settings)), |row| row.get::<_, bool>(0))?;
        match found.collect::<Result<Vec<bool>, _>>()?.as_slice() {
            [] => Ok(Held::Nothing),
            [true] => Ok(Held::Same),
            [_] => Ok(Held::Other),
            _ => Err(self.conflict("is there more than once: remove all but one")),
        }
    }

    fn conflict(&self, words: &str) -> Refusal {
        Refusal::System(SystemError::Conflict(format!("table `{}`: `{}` of that account {words}", self.table.table, self.name)))
    }

    fn this(&self) -> String {
        format!("{} = ?1 AND {} = ?2 COLLATE BINARY", self.table.account.sql(), self.table.entitlement.sql())
    }

    fn values(&self, settings: &[(&'c Column, Sql)]) -> Vec<Sql> {
        self.key.iter().cloned().chain(settings.iter().map(|(_, value)| value.clone())).collect()
    }
}
