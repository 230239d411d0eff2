//! What one change sets in a row, as the statements that look at it and write it have it.
//!
//! Must never: write a row that holds all of it already, or more rows than the one.

use super::cell;
use super::layout::{Active, Layout, Objects, Roles, now};
use super::schema::Column;
use super::session::{Session, Sql, Values};
use super::write::{Job, rejected};
use crate::model::{Action, ObjectKind, SystemError, Value};

/// What one change sets: plain columns, whether the account is active, and its roles or owners.
pub(super) struct Settings<'j> {
    pub(super) columns: Vec<(&'j Column, Sql)>,
    pub(super) active: Option<bool>,
    pub(super) held: Option<(&'j Roles, Option<&'j Value>)>,
}

impl<'j> Settings<'j> {
    pub(super) fn of(layout: &'j Layout, objects: &'j Objects, job: &'j Job) -> Result<Self, SystemError> {
        let active = match job.action {
            Action::Deactivate => Some(false),
            Action::Reactivate => Some(true),
            _ => None,
        };
        let mut settings = Settings { columns: Vec::new(), active, held: None };
        let held = match job.kind {
            ObjectKind::Group => layout.owners.as_ref().map(|owners| ("owners", owners)),
            _ => layout.roles.as_ref().map(|roles| ("roles", roles)),
        };
        for (attribute, value) in &job.attributes {
            match (attribute.as_ref(), objects.columns.get(attribute)) {
                ("active", _) => settings.active = settings.active.or(value.as_ref().and_then(Value::as_bool)),
                (name, _) if held.is_some_and(|(held, _)| held == name) => {
                    settings.held = held.map(|(_, table)| (table, value.as_ref()));
                }
                (_, Some(column)) => {
                    let value = value.as_ref().map_or_else(|| cell::nothing(column), |value| cell::to_sql(column, value));
                    settings.columns.push((column, value.map_err(rejected)?));
                }
                (name, None) => return Err(rejected(format!("no column of table `{}` holds `{name}`", objects.table))),
            }
        }
        Ok(settings)
    }

    /// All columns of a new row.
    pub(super) fn new_row(&self, objects: &'j Objects) -> Result<Vec<(&'j Column, Sql)>, SystemError> {
        let mut columns = self.columns.clone();
        columns.extend(objects.only.iter().map(|(column, value)| (column, value.clone())));
        if let Some(active) = &objects.active {
            columns.push((active.column(), active_value(active, self.active.unwrap_or(true))));
        }
        for (column, initial) in &objects.initial {
            if !columns.iter().any(|(known, value)| *known == column && *value != Sql::Null) {
                columns.retain(|(known, _)| *known != column);
                columns.push((column, initial.value(column)));
            }
        }
        for column in objects.columns.values().filter(|column| column.not_null && !column.filled) {
            if !columns.iter().any(|(known, _)| *known == column) {
                columns.push((column, cell::nothing(column).map_err(rejected)?));
            }
        }
        Ok(columns)
    }

    /// What is written to a row that is there.
    pub(super) fn changes(&self, objects: &'j Objects) -> Result<Changes<'j>, SystemError> {
        let active = match (&objects.active, self.active) {
            (Some(active), Some(wanted)) => Some((active, wanted)),
            (None, Some(_)) => return Err(rejected("the connection does not say how an account is deactivated: describe `active`")),
            (_, None) => None,
        };
        Ok(Changes { columns: self.columns.clone(), active })
    }
}

/// What is written to a row that is there.
pub(super) struct Changes<'j> {
    columns: Vec<(&'j Column, Sql)>,
    active: Option<(&'j Active, bool)>,
}

impl<'j> Changes<'j> {
    /// Columns of a row that was just made.
    pub(super) fn plain(columns: Vec<(&'j Column, Sql)>) -> Self {
        Self { columns, active: None }
    }

    pub(super) fn none() -> Self {
        Self { columns: Vec::new(), active: None }
    }

    /// Writes them to the one row; whether it was another before.
    pub(super) fn write(&self, session: &dyn Session, objects: &Objects, id: &str) -> Result<bool, SystemError> {
        if self.columns.is_empty() && self.active.is_none() {
            return self.hold(session, objects, id).map(|_| false);
        }
        let mut values = Values::default();
        let mut sets: Vec<String> =
            self.columns.iter().map(|(column, value)| format!("{} = ?{}", column.sql, values.place(value.clone()))).collect();
        if let Some((active, wanted)) = self.active {
            sets.push(format!("{} = ?{}", active.column().sql, values.place(active_value(active, wanted))));
        }
        let this = objects.this(id, &mut values);
        let same = self.same(&mut values);
        let sql = format!("UPDATE {} SET {} WHERE {this} AND NOT ({same})", objects.table.sql, sets.join(", "));
        match session.execute(&sql, &values.0)? {
            1 => Ok(true),
            0 if self.hold(session, objects, id)? => Ok(false),
            0 => Err(rejected(format!("table `{}` took the values for the key {id} and did not keep them", objects.table))),
            _ => Err(several(objects, id)),
        }
    }

    /// Whether the row is there (else it is not found) and holds all of it.
    pub(super) fn hold(&self, session: &dyn Session, objects: &Objects, id: &str) -> Result<bool, SystemError> {
        let mut values = Values::default();
        let same = self.same(&mut values);
        let this = objects.this(id, &mut values);
        let rows = session.rows(&format!("SELECT {same} FROM {} WHERE {this}", objects.table.sql), &values.0)?;
        match rows.as_slice() {
            [row] => Ok(row.first().is_some_and(|same| same.borrowed().is_yes())),
            [] => Err(SystemError::NotFound(format!("table `{}` has no row with the key {id}", objects.table))),
            _ => Err(several(objects, id)),
        }
    }

    /// The columns that don't hold what was written to them.
    pub(super) fn lost(&self, session: &dyn Session, objects: &Objects, id: &str) -> Result<Vec<&'j str>, SystemError> {
        if self.columns.is_empty() {
            return Ok(Vec::new());
        }
        let mut values = Values::default();
        let each: Vec<String> = self.columns.iter().map(|(column, value)| column.is(values.place(value.clone()))).collect();
        let this = objects.this(id, &mut values);
        let rows = session.rows(&format!("SELECT {} FROM {} WHERE {this}", each.join(", "), objects.table.sql), &values.0)?;
        let row = rows.into_iter().next().unwrap_or_default();
        let lost = self.columns.iter().zip(row).filter(|(_, same)| !same.borrowed().is_yes());
        Ok(lost.map(|((column, _), _)| column.name.as_str()).collect())
    }

    fn same(&self, values: &mut Values) -> String {
        let mut same: Vec<String> = self.columns.iter().map(|(column, value)| column.is(values.place(value.clone()))).collect();
        same.extend(self.active.map(|(active, wanted)| match (active, wanted) {
            // The time is set once; one that has come is no reason to write again.
            (Active::DeactivatedAt(column), false) => column.has_come(values.place(now(column))),
            _ => active.column().is(values.place(active_value(active, wanted))),
        }));
        if same.is_empty() { "1 = 1".to_owned() } else { same.join(" AND ") }
    }
}

pub(super) fn several(objects: &Objects, id: &str) -> SystemError {
    SystemError::Protocol(format!("table `{}` has not just one row with the key {id}", objects.table))
}

fn active_value(active: &Active, wanted: bool) -> Sql {
    match active {
        Active::Flag(column) => flag(column, wanted),
        Active::DisabledFlag(column) => flag(column, !wanted),
        Active::DeactivatedAt(_) if wanted => Sql::Null,
        Active::DeactivatedAt(column) => now(column),
        Active::Values { active, .. } if wanted => active.clone(),
        Active::Values { inactive, .. } => inactive.clone(),
    }
}

fn flag(column: &Column, value: bool) -> Sql {
    // Only text columns refuse a number, and they take the word.
    cell::to_sql(column, &Value::Bool(value)).unwrap_or(Sql::Integer(value.into()))
}
