//! Many new rows with one statement. Their keys are asked for by a column that no two rows share, since no database promises an order of what it answers.
//!
//! Must never: take rows together of which one might need a look of its own.

use std::collections::{HashMap, HashSet};

use super::cell;
use super::changes::Settings;
use super::fresh::Fresh;
use super::layout::{Layout, Objects, Roles};
use super::links;
use super::schema::Column;
use super::session::{Session, Sql, Values};
use super::write::{Job, rejected};
use crate::connector::Written;
use crate::model::{Action, ObjectKind, SystemError, Value};

/// What each object is made with, by one of which a new row is found again.
pub(super) const BY_NAME: [&str; 3] = ["externalId", "userName", "displayName"];

/// Makes the objects that the first changes are about, as many as one statement can; none where the first is no such change, or one of its own.
pub(super) fn create(session: &dyn Session, layout: &Layout, jobs: &[Job], fresh: &mut Fresh) -> Result<Vec<Written>, SystemError> {
    let Some(objects) = jobs.first().and_then(|job| objects(layout, job.kind)).filter(|objects| objects.triggers.is_empty()) else {
        return Ok(Vec::new());
    };
    let Some(run) = Run::of(session, layout, objects, jobs)? else { return Ok(Vec::new()) };
    for job in jobs.iter().take(run.rows.len()) {
        fresh.look(session, objects, job)?;
        // Before it is made: the next of them may have the same name.
        fresh.made(job, "that of a new row");
    }
    let names = run.names;
    let keys = {
        let rows = run.rows.into_iter().map(|row| run.columns.iter().map(|column| value_of(&row, column)).collect()).collect();
        links::insert(session, &objects.table, &run.columns, rows)?;
        keys(session, objects, run.by, &names)?
    };
    let mut made = Vec::with_capacity(names.len());
    for (name, held) in names.iter().zip(run.held) {
        let key = cell::text(name.borrowed()).ok().and_then(|name| keys.get(&name));
        let key = key.ok_or_else(|| rejected(format!("table `{}` took a row and kept none", objects.table)))?;
        if let Some((roles, wanted)) = held {
            links::set_roles(session, roles, key, wanted)?;
        }
        made.push(Written { id: key.as_str().into(), already_so: false });
    }
    Ok(made)
}

/// The key of a row that was just made, by any column of which no two rows have one value.
pub(super) fn key_of(session: &dyn Session, objects: &Objects, columns: &[(&Column, Sql)]) -> Result<Option<String>, SystemError> {
    let known = columns.iter().find(|(column, value)| objects.unique.contains(&column.name) && *value != Sql::Null);
    let Some((column, value)) = known else { return Ok(None) };
    Ok(keys(session, objects, column, std::slice::from_ref(value))?.into_values().next())
}

/// What a row holds in a column, if it says.
fn value_of(row: &[(&Column, Sql)], column: &Column) -> Option<Sql> {
    row.iter().find(|(known, _)| *known == column).map(|(_, value)| value.clone())
}

type Held<'j> = Option<(&'j Roles, Option<&'j Value>)>;

/// New rows of one table.
struct Run<'j> {
    columns: Vec<&'j Column>,
    rows: Vec<Vec<(&'j Column, Sql)>>,
    held: Vec<Held<'j>>,
    /// which column tells them apart
    by: &'j Column,
    /// its values
    names: Vec<Sql>,
}

impl<'j> Run<'j> {
    fn of(session: &dyn Session, layout: &'j Layout, objects: &'j Objects, jobs: &'j [Job]) -> Result<Option<Self>, SystemError> {
        let unique = BY_NAME.into_iter().filter_map(|name| objects.columns.get(name));
        let unique = unique.filter(|column| objects.unique.contains(&column.name)).chain([&objects.key]);
        let kind = jobs.first().map(|job| job.kind);
        let mut run: Option<Self> = None;
        let mut known = HashSet::new();
        for job in jobs.iter().take_while(|job| job.action == Action::Create && Some(job.kind) == kind) {
            let settings = Settings::of(layout, objects, job)?;
            let row = settings.new_row(objects)?;
            let named = |by: &Column| value_of(&row, by).filter(|value| !matches!(value, Sql::Null) && *value != Sql::Text(String::new()));
            let by = run.as_ref().map(|run| run.by).or_else(|| unique.clone().find(|column| named(column).is_some()));
            let Some((by, name)) = by.and_then(|by| Some((by, named(by)?))) else { break };
            let run = run.get_or_insert_with(|| Self { columns: Vec::new(), rows: Vec::new(), held: Vec::new(), by, names: Vec::new() });
            let more: Vec<&Column> = row.iter().map(|(column, _)| *column).filter(|column| !run.columns.contains(column)).collect();
            let fits = (run.rows.len() + 1) * (run.columns.len() + more.len()) <= session.dialect().most_values();
            // That one is closed from its first moment on is looked at by itself.
            if settings.active == Some(false) || !fits || !known.insert(cell::text(name.borrowed()).unwrap_or_default()) {
                break;
            }
            run.columns.extend(more);
            run.rows.push(row);
            run.held.push(settings.held);
            run.names.push(name);
        }
        Ok(run.filter(|run| run.rows.len() > 1))
    }
}

fn objects(layout: &Layout, kind: ObjectKind) -> Option<&Objects> {
    match kind {
        ObjectKind::Account => Some(&layout.accounts),
        ObjectKind::Group => layout.groups.as_ref(),
        _ => None,
    }
}

/// The keys of rows by the value of a column.
fn keys(session: &dyn Session, objects: &Objects, by: &Column, wanted: &[Sql]) -> Result<HashMap<String, String>, SystemError> {
    let mut values = Values::default();
    let places: Vec<usize> = wanted.iter().map(|value| values.place(value.clone())).collect();
    let sql = format!("SELECT {}, {} FROM {} WHERE {}", objects.key.read(), by.read(), objects.table.sql, by.among(&places));
    let mut keys = HashMap::new();
    session.query(&sql, &values.0, &mut |line| {
        if let (Ok(key), Ok(name)) = (cell::text(line.at(0)?), cell::text(line.at(1)?)) {
            keys.insert(name, key);
        }
        Ok(())
    })?;
    Ok(keys)
}
