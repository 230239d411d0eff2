//! Writing tables: one transaction a batch, one savepoint a change.
//!
//! Must never: change more rows than one for one change, touch a row outside of `only`, make an object whose mark or name is there, or call something done
//! before its commit or that the database undid.

use std::sync::Arc;

use rusqlite::types::Value as Sql;
use rusqlite::{Connection, Error, ErrorCode, TransactionBehavior, params_from_iter};

use super::cell;
use super::database::Database;
use super::entitlements;
use super::fresh::Fresh;
use super::layout::{Active, Layout, Objects, Roles};
use super::links;
use super::schema::{Column, quoted};
use super::select::{Select, is_active, key_value};
use crate::connector::{Write, Written};
use crate::fence::Fence;
use crate::model::{Action, Columns, ObjectKind, SystemError, Value};

/// One change, ready for a thread of its own.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) action: Action,
    pub(super) kind: ObjectKind,
    id: Option<Arc<str>>,
    pub(super) entitlement: Option<Arc<str>>,
    pub(super) attributes: Vec<(Arc<str>, Option<Value>)>,
    members: Vec<(ObjectKind, Arc<str>)>,
}

/// Why a change was not made.
#[derive(Debug)]
pub(super) enum Refusal {
    Database(Error),
    System(SystemError),
}

/// What one change came to, before its commit.
pub(super) type Done = Result<Written, Refusal>;

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Database(error)
    }
}

impl Refusal {
    pub(super) fn rejected(words: impl Into<String>) -> Self {
        Self::System(SystemError::Rejected(words.into()))
    }
}

impl Job {
    pub(super) fn of(write: &Write<'_>) -> Self {
        Self {
            action: write.change.action,
            kind: write.change.object.kind,
            id: write.id.clone(),
            entitlement: write.change.entitlement.clone(),
            attributes: write.attributes.clone(),
            members: write.members.clone(),
        }
    }
}

/// Where changes are made, and under whose leave.
pub(super) struct Ground<'g> {
    pub(super) database: &'g Database,
    pub(super) layout: &'g Layout,
    pub(super) fence: &'g Fence,
}

/// Makes the changes; one answer for each, in order.
pub(super) fn write(ground: &Ground<'_>, jobs: &[Job]) -> Vec<Result<Written, SystemError>> {
    let mut connection = match ground.database.write() {
        Ok(connection) => connection,
        Err(error) => return jobs.iter().map(|_| Err(error.clone())).collect(),
    };
    match transaction(ground, &mut connection, jobs) {
        Ok(answers) => answers,
        // References that are checked at the end of a transaction refuse all of it. One change a transaction shows which it was.
        Err(SystemError::Rejected(_)) if jobs.len() > 1 => jobs.iter().map(|job| alone(ground, &mut connection, job)).collect(),
        Err(error) => jobs.iter().map(|job| Err(as_left(&connection, ground.layout, job, error.clone()))).collect(),
    }
}

fn alone(ground: &Ground<'_>, connection: &mut Connection, job: &Job) -> Result<Written, SystemError> {
    let answers = transaction(ground, connection, std::slice::from_ref(job));
    let answers = answers.map_err(|error| as_left(connection, ground.layout, job, error))?;
    answers.into_iter().next().unwrap_or_else(|| Err(SystemError::Protocol("the change got no answer".into())))
}

/// A deletion that is refused, and how the account is left.
fn as_left(connection: &Connection, layout: &Layout, job: &Job, error: SystemError) -> SystemError {
    let (Action::Delete, ObjectKind::Account, Some(id), Some(_)) = (job.action, job.kind, &job.id, &layout.accounts.active) else {
        return error;
    };
    let SystemError::Rejected(words) = error else { return error };
    SystemError::Rejected(match has_access(connection, &layout.accounts, id) {
        Ok(Some(true)) => format!("{words}; the account is there and active"),
        Ok(Some(false)) => format!("{words}; the account is left deactivated"),
        Ok(None) | Err(_) => words,
    })
}

/// Every answer holds once the transaction is committed; an error means that nothing of it was done, or (uncertain) that nobody knows. Leave to write is asked for
/// right before the commit: whoever lost it meanwhile has done nothing.
fn transaction(
    Ground { database, layout, fence }: &Ground<'_>,
    connection: &mut Connection,
    jobs: &[Job],
) -> Result<Vec<Result<Written, SystemError>>, SystemError> {
    let failed = |error: Error| database.error(&error);
    let mut transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    let mut answers = Vec::with_capacity(jobs.len());
    let mut fresh = Fresh::default();
    for job in jobs {
        let savepoint = transaction.savepoint().map_err(failed)?;
        let answer = match run(&savepoint, layout, job, &mut fresh) {
            Ok(written) => savepoint.commit().map(|()| Ok(written)).map_err(failed)?,
            Err(refusal) => {
                // A full disk and the like undo the whole transaction at once.
                if savepoint.is_autocommit() {
                    return Err(system_error(database, refusal));
                }
                drop(savepoint);
                Err(as_left(&transaction, layout, job, system_error(database, refusal)))
            }
        };
        answers.push(answer);
    }
    if let Some(why) = fence.lost() {
        return Err(SystemError::NotSent(why));
    }
    transaction.commit().map_err(|error| commit_error(database, &error))?;
    Ok(answers)
}

fn commit_error(database: &Database, error: &Error) -> SystemError {
    match error.sqlite_error_code() {
        Some(ErrorCode::SystemIoFailure) => SystemError::Uncertain(format!("{}: {error}", database.name)),
        _ => database.error(error),
    }
}

fn system_error(database: &Database, refusal: Refusal) -> SystemError {
    match refusal {
        Refusal::Database(error) => database.error(&error),
        Refusal::System(error) => error,
    }
}

fn run(connection: &Connection, layout: &Layout, job: &Job, fresh: &mut Fresh) -> Done {
    let objects = match (job.kind, &layout.groups) {
        (ObjectKind::Account, _) => &layout.accounts,
        (ObjectKind::Group, Some(groups)) => groups,
        _ => return Err(Refusal::rejected("the connection describes no table of `groups`")),
    };
    let id = job.id.as_deref();
    match (job.action, id) {
        (Action::Create, _) => create(connection, layout, objects, job, fresh),
        (_, None) => Err(Refusal::rejected("the change has no id of a row")),
        (Action::Adopt | Action::Update | Action::Reactivate | Action::Deactivate, Some(id)) => {
            update(connection, layout, objects, job, id)
        }
        (Action::Delete, Some(id)) => delete(connection, layout, objects, job.kind, id),
        (Action::AddMembers, Some(id)) => links::add_members(connection, layout, id, &job.members),
        (Action::RemoveMembers, Some(id)) => links::remove_members(connection, layout, id, &job.members),
        (Action::AddEntitlement | Action::UpdateEntitlement | Action::RemoveEntitlement, Some(id)) => {
            entitlements::change(connection, layout, job, id)
        }
        (Action::EndSessions, Some(id)) => {
            compare(connection, objects, id, &[], &[])?;
            links::end_sessions(connection, layout, id)
        }
    }
}

/// What one change sets: plain columns, whether the account is active, and its roles or owners.
struct Settings<'j> {
    columns: Vec<(&'j Column, Sql)>,
    active: Option<bool>,
    held: Option<(&'j Roles, Option<&'j Value>)>,
}

fn settings<'j>(layout: &'j Layout, objects: &'j Objects, job: &'j Job) -> Result<Settings<'j>, Refusal> {
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
            (name, _) if held.is_some_and(|(held, _)| held == name) => settings.held = held.map(|(_, table)| (table, value.as_ref())),
            (_, Some(column)) => {
                let value = value.as_ref().map_or_else(|| cell::nothing(column), |value| cell::to_sql(column, value));
                settings.columns.push((column, value.map_err(Refusal::rejected)?));
            }
            (name, None) => return Err(Refusal::rejected(format!("no column of table `{}` holds `{name}`", objects.table))),
        }
    }
    Ok(settings)
}

fn create(connection: &Connection, layout: &Layout, objects: &Objects, job: &Job, fresh: &mut Fresh) -> Done {
    let settings = settings(layout, objects, job)?;
    let mut columns: Vec<(&Column, Sql)> = settings.columns;
    columns.extend(objects.only.iter().map(|(column, value)| (column, value.clone())));
    if let Some(active) = &objects.active {
        columns.push((active.column(), active_value(active, settings.active.unwrap_or(true))));
    }
    for (column, initial) in &objects.initial {
        if !columns.iter().any(|(known, value)| *known == column && *value != Sql::Null) {
            columns.retain(|(known, _)| *known != column);
            columns.push((column, initial.value(column)));
        }
    }
    for column in objects.columns.values().filter(|column| column.not_null && !column.filled) {
        if !columns.iter().any(|(known, _)| *known == column) {
            columns.push((column, cell::nothing(column).map_err(Refusal::rejected)?));
        }
    }
    fresh.look(connection, objects, job)?;
    let id: String = insert(connection, objects, &columns)?;
    // An application may keep new accounts back; that one is open ahead of its day is another matter.
    if settings.active == Some(false) {
        stands(connection, objects, &id, false)?;
    }
    if let Some((roles, wanted)) = settings.held {
        links::set_roles(connection, roles, &id, wanted)?;
    }
    fresh.made(job, &id);
    Ok(Written { id: id.into(), already_so: false })
}

/// What was just written of an account's access, looked at: a trigger may have undone it.
fn stands(connection: &Connection, objects: &Objects, id: &str, wanted: bool) -> Result<(), Refusal> {
    let Some(active) = &objects.active else { return Ok(()) };
    if has_access(connection, objects, id)? == Some(wanted) {
        return Ok(());
    }
    let (still, table, column) = (if wanted { "inactive" } else { "active" }, &objects.table, &active.column().name);
    Err(Refusal::rejected(format!(
        "the database did not keep it: column `{column}` of table `{table}` was written and the account is still {still}; a trigger of the application decides \
         there, so do it in the application"
    )))
}

/// Whether the row says that its account has access; none where it is not there or nothing says so.
fn has_access(connection: &Connection, objects: &Objects, id: &str) -> Result<Option<bool>, Refusal> {
    let Some(active) = &objects.active else { return Ok(None) };
    let mut select = Select::objects(objects, None, &Columns::new(["id", "active"]));
    select.ask(objects, "id", id).map_err(Refusal::rejected)?;
    let mut statement = connection.prepare_cached(&select.sql())?;
    let mut rows = statement.query(params_from_iter(&select.values))?;
    Ok(rows.next()?.map(|row| row.get_ref(1).map(|value| is_active(active, value))).transpose()?)
}

fn insert(connection: &Connection, objects: &Objects, columns: &[(&Column, Sql)]) -> Result<String, Refusal> {
    let names: Vec<String> = columns.iter().map(|(column, _)| column.sql()).collect();
    let places: Vec<String> = (1..=columns.len()).map(|at| format!("?{at}")).collect();
    let (table, key) = (quoted(&objects.table), objects.key.sql());
    let sql = format!("INSERT INTO {table} ({}) VALUES ({}) RETURNING {key}", names.join(", "), places.join(", "));
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(columns.iter().map(|(_, value)| value)))?;
    let id = match rows.next()? {
        Some(row) => cell::text(row.get_ref(0)?).map_err(Refusal::rejected)?,
        None => return Err(Refusal::rejected(format!("table `{}` took the row and kept none", objects.table))),
    };
    while rows.next()?.is_some() {}
    Ok(id)
}

fn update(connection: &Connection, layout: &Layout, objects: &Objects, job: &Job, id: &str) -> Done {
    let settings = settings(layout, objects, job)?;
    let mut changes: Vec<(String, Sql)> = Vec::new();
    let mut same: Vec<String> = Vec::new();
    for (column, value) in settings.columns {
        same.push(format!("{} IS ?{} COLLATE BINARY", column.sql(), changes.len() + 2));
        changes.push((column.sql(), value));
    }
    match (&objects.active, settings.active) {
        (Some(active), Some(wanted)) => {
            same.push(is_so(active, wanted, changes.len() + 2));
            changes.push((active.column().sql(), active_value(active, wanted)));
        }
        (None, Some(_)) => return Err(Refusal::rejected("the connection does not say how an account is deactivated: describe `active`")),
        (_, None) => {}
    }
    let already_so = compare(connection, objects, id, &changes, &same)?;
    if !already_so {
        change_one(connection, objects, id, &changes)?;
        settings.active.map_or(Ok(()), |wanted| stands(connection, objects, id, wanted))?;
    }
    let roles_changed = match settings.held {
        Some((roles, wanted)) => links::set_roles(connection, roles, id, wanted)?,
        _ => false,
    };
    Ok(Written { id: id.into(), already_so: already_so && !roles_changed })
}

/// Whether the row is there (else it is not found) and holds all of it already.
fn compare(connection: &Connection, objects: &Objects, id: &str, changes: &[(String, Sql)], same: &[String]) -> Result<bool, Refusal> {
    let same = if same.is_empty() { "1".to_owned() } else { same.join(" AND ") };
    let (table, values) = (quoted(&objects.table), values(id, changes, objects));
    let sql = format!("SELECT {same} FROM {table} WHERE {}", this_row(objects, changes.len() + 2));
    let mut statement = connection.prepare_cached(&sql)?;
    let found = statement.query_map(params_from_iter(values), |row| row.get::<_, Option<bool>>(0))?.collect::<Result<Vec<_>, _>>()?;
    match found.as_slice() {
        [same] => Ok(same.unwrap_or(false)),
        [] => Err(Refusal::System(SystemError::NotFound(format!("table `{}` has no row with the key {id}", objects.table)))),
        _ => Err(several(objects, id)),
    }
}

fn change_one(connection: &Connection, objects: &Objects, id: &str, changes: &[(String, Sql)]) -> Result<(), Refusal> {
    let sets: Vec<String> = changes.iter().enumerate().map(|(at, (column, _))| format!("{column} = ?{}", at + 2)).collect();
    let sql = format!("UPDATE {} SET {} WHERE {}", quoted(&objects.table), sets.join(", "), this_row(objects, changes.len() + 2));
    match connection.prepare_cached(&sql)?.execute(params_from_iter(values(id, changes, objects)))? {
        1 => Ok(()),
        _ => Err(several(objects, id)),
    }
}

fn several(objects: &Objects, id: &str) -> Refusal {
    Refusal::System(SystemError::Protocol(format!("table `{}` has not just one row with the key {id}", objects.table)))
}

/// The key is the first value; those of `only` begin at `first`.
fn this_row(objects: &Objects, first: usize) -> String {
    let only = objects.only.iter().enumerate().map(|(at, (column, _))| format!(" AND {} IS ?{}", column.sql(), first + at));
    format!("{} = ?1{}", objects.key.sql(), only.collect::<String>())
}

fn values(id: &str, changes: &[(String, Sql)], objects: &Objects) -> Vec<Sql> {
    let changed = changes.iter().map(|(_, value)| value.clone());
    let only = objects.only.iter().map(|(_, value)| value.clone());
    [key_value(id)].into_iter().chain(changed).chain(only).collect()
}

/// The condition that the account is (or is not) active already. The number is the place of the value that would be written.
fn is_so(active: &Active, wanted: bool, place: usize) -> String {
    let column = active.column().sql();
    match (active, wanted) {
        // The time is set once; it is no reason to write again. The value's place must still be used.
        (Active::DeactivatedAt(_), false) => format!("({column} IS NOT NULL AND ?{place} IS NOT NULL)"),
        _ => format!("{column} IS ?{place}"),
    }
}

fn active_value(active: &Active, wanted: bool) -> Sql {
    match active {
        Active::Flag(column) => flag(column, wanted),
        Active::DisabledFlag(column) => flag(column, !wanted),
        Active::DeactivatedAt(_) if wanted => Sql::Null,
        Active::DeactivatedAt(column) => super::layout::now(column),
        Active::Values { active, .. } if wanted => active.clone(),
        Active::Values { inactive, .. } => inactive.clone(),
    }
}

fn flag(column: &Column, value: bool) -> Sql {
    // Only text columns refuse a number, and they take the word.
    cell::to_sql(column, &Value::Bool(value)).unwrap_or(Sql::Integer(value.into()))
}

/// Removes the row and the links that are described; others that refer to it make the database refuse.
fn delete(connection: &Connection, layout: &Layout, objects: &Objects, kind: ObjectKind, id: &str) -> Done {
    match compare(connection, objects, id, &[], &[]) {
        Ok(_) => {}
        Err(Refusal::System(SystemError::NotFound(_))) => return Ok(Written { id: id.into(), already_so: true }),
        Err(refusal) => return Err(refusal),
    }
    links::unlink(connection, layout, kind, id)?;
    let sql = format!("DELETE FROM {} WHERE {}", quoted(&objects.table), this_row(objects, 2));
    match connection.prepare_cached(&sql)?.execute(params_from_iter(values(id, &[], objects)))? {
        1 => Ok(Written { id: id.into(), already_so: false }),
        _ => Err(several(objects, id)),
    }
}
