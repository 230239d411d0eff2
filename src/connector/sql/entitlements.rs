//! Entitlements as rows: one for each that an account has, its parameters in columns.
//!
//! Must never: touch a row of an account outside of `only`, or more rows than the one that a change is about.

use super::cell;
use super::layout::{Entitlements, Layout};
use super::links::{gone, insert, require};
use super::schema::Column;
use super::session::{Session, Sql, Values};
use super::write::{Done, Job, rejected};
use crate::connector::Written;
use crate::model::{Action, SystemError, Value};

/// Gives, changes or takes an entitlement.
pub(super) fn change(session: &dyn Session, layout: &Layout, job: &Job, account: &str) -> Done {
    let Some(table) = &layout.entitlements else {
        return Err(rejected("the connection describes no table of `entitlements`"));
    };
    let Some(name) = job.entitlement.as_deref() else {
        return Err(rejected("the change names no entitlement"));
    };
    require(session, &layout.accounts, &[account])?;
    let entitlement = cell::to_sql(&table.entitlement, &Value::text(name)).map_err(rejected)?;
    let row = Row { session, table, name, key: [table.account.key(account), entitlement] };
    let changed = match job.action {
        Action::RemoveEntitlement => row.remove()?,
        Action::UpdateEntitlement => row.update(&row.settings(job)?)?,
        _ => row.add(&row.settings(job)?)?,
    };
    Ok(Written { id: account.into(), already_so: !changed })
}

/// The row of one entitlement of one account.
struct Row<'c> {
    session: &'c dyn Session,
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
    fn settings(&self, job: &Job) -> Result<Vec<(&'c Column, Sql)>, SystemError> {
        let mut settings = Vec::with_capacity(job.attributes.len());
        for (parameter, value) in &job.attributes {
            let Some(column) = self.table.parameters.get(parameter) else {
                return Err(rejected(format!("no column of table `{}` holds the parameter `{parameter}`", self.table.table)));
            };
            let value = value.as_ref().map_or_else(|| cell::nothing(column), |value| cell::to_sql(column, value));
            settings.push((column, value.map_err(rejected)?));
        }
        Ok(settings)
    }

    /// A row that is there already is only fine where it holds the very same.
    fn add(&self, settings: &[(&'c Column, Sql)]) -> Result<bool, SystemError> {
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
                columns.push((column, cell::nothing(column).map_err(rejected)?));
            }
        }
        let names: Vec<&Column> = columns.iter().map(|(column, _)| *column).collect();
        insert(self.session, &self.table.table, &names, vec![columns.into_iter().map(|(_, value)| Some(value)).collect()])?;
        Ok(true)
    }

    fn update(&self, settings: &[(&'c Column, Sql)]) -> Result<bool, SystemError> {
        match self.held(settings)? {
            Held::Same => return Ok(false),
            Held::Nothing => {
                let words = format!("table `{}` has no `{}` of that account (any more)", self.table.table, self.name);
                return Err(SystemError::NotFound(words));
            }
            Held::Other => {}
        }
        let mut values = Values::default();
        let sets: Vec<String> =
            settings.iter().map(|(column, value)| format!("{} = ?{}", column.sql, values.place(value.clone()))).collect();
        let this = self.this(&mut values);
        self.session.execute(&format!("UPDATE {} SET {} WHERE {this}", self.table.table.sql, sets.join(", ")), &values.0)?;
        Ok(true)
    }

    fn remove(&self) -> Result<bool, SystemError> {
        if matches!(self.held(&[])?, Held::Nothing) {
            return Ok(false);
        }
        let mut values = Values::default();
        let this = self.this(&mut values);
        gone(self.session, &self.table.table, &format!("WHERE {this}"), &values.0)?;
        Ok(true)
    }

    /// Looks at the row. Several for one entitlement are nobody's to choose from.
    fn held(&self, settings: &[(&'c Column, Sql)]) -> Result<Held, SystemError> {
        let mut values = Values::default();
        let same: String = settings.iter().map(|(column, value)| format!(" AND {}", column.is(values.place(value.clone())))).collect();
        let this = self.this(&mut values);
        let rows = self.session.rows(&format!("SELECT 1 = 1{same} FROM {} WHERE {this} LIMIT 2", self.table.table.sql), &values.0)?;
        match rows.as_slice() {
            [] => Ok(Held::Nothing),
            [row] if row.first().is_some_and(|same| same.borrowed().is_yes()) => Ok(Held::Same),
            [_] => Ok(Held::Other),
            _ => Err(self.conflict("is there more than once: remove all but one")),
        }
    }

    fn conflict(&self, words: &str) -> SystemError {
        SystemError::Conflict(format!("table `{}`: `{}` of that account {words}", self.table.table, self.name))
    }

    fn this(&self, values: &mut Values) -> String {
        let [account, entitlement] = self.key.clone();
        let account = self.table.account.equals(values.place(account));
        format!("{account} AND {}", self.table.entitlement.equals(values.place(entitlement)))
    }
}
