//! Writing tables: one transaction a batch. Over a network a batch is tried as a whole, what is alike with one statement; where any of it is refused, and in a file,
//! each change has a savepoint of its own.
//!
//! Must never: change more rows than one for one change, touch a row outside of `only`, make an object whose mark or name is there, or call something done
//! before its commit or that the database undid.

use std::sync::Arc;

use super::bulk;
use super::cell;
use super::changes::{Changes, Settings};
use super::database::Database;
use super::dialect::Dialect;
use super::entitlements;
use super::fresh::Fresh;
use super::layout::{Layout, Objects};
use super::links;
use super::schema::{Column, Counted};
use super::select::{Select, is_active};
use super::session::{Mode, Session, Sql, Transaction, Values};
use crate::connector::{Write, Written};
use crate::fence::Fence;
use crate::model::{Action, Change, Columns, ObjectKind, SystemError, Value};

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

/// What one change came to, before its commit.
pub(super) type Done = Result<Written, SystemError>;

/// The content was refused.
pub(super) fn rejected(words: impl Into<String>) -> SystemError {
    SystemError::Rejected(words.into())
}

const SAVEPOINT: &str = "SAVEPOINT headcount";
const RELEASE: &str = "RELEASE SAVEPOINT headcount";
const BACK: &str = "ROLLBACK TO SAVEPOINT headcount";

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
    let written = ground.database.writing(ground.fence, |session| over(ground, session, jobs));
    written.unwrap_or_else(|error| jobs.iter().map(|_| Err(error.clone())).collect())
}

fn over(ground: &Ground<'_>, session: &dyn Session, jobs: &[Job]) -> Vec<Result<Written, SystemError>> {
    let each = |error: SystemError| jobs.iter().map(|job| Err(as_left(session, ground.layout, job, error.clone()))).collect();
    if session.dialect() != Dialect::Sqlite {
        match transaction(ground, session, jobs, together) {
            Ok(answers) => return answers,
            Err(error) if is_of_content(&error) && session.is_usable() => {}
            Err(error) => return each(error),
        }
    }
    match transaction(ground, session, jobs, one_by_one) {
        Ok(answers) => answers,
        // References that are checked at the end of a transaction refuse all of it. One change a transaction shows which it was.
        Err(SystemError::Rejected(_)) if jobs.len() > 1 => jobs.iter().map(|job| alone(ground, session, job)).collect(),
        Err(error) => each(error),
    }
}

/// Whether it is about what was asked, and so perhaps about one of many changes only.
fn is_of_content(error: &SystemError) -> bool {
    use SystemError::{Conflict, Forbidden, NotFound, Protocol, Rejected};
    matches!(error, Conflict(_) | Forbidden(_) | NotFound(_) | Protocol(_) | Rejected(_))
}

fn alone(ground: &Ground<'_>, session: &dyn Session, job: &Job) -> Result<Written, SystemError> {
    let answers = transaction(ground, session, std::slice::from_ref(job), one_by_one);
    let answers = answers.map_err(|error| as_left(session, ground.layout, job, error))?;
    answers.into_iter().next().unwrap_or_else(|| Err(SystemError::Protocol("the change got no answer".into())))
}

/// A deletion that is refused, and how the account is left.
fn as_left(session: &dyn Session, layout: &Layout, job: &Job, error: SystemError) -> SystemError {
    let (Action::Delete, ObjectKind::Account, Some(id), Some(_)) = (job.action, job.kind, &job.id, &layout.accounts.active) else {
        return error;
    };
    let SystemError::Rejected(words) = error else { return error };
    SystemError::Rejected(match has_access(session, &layout.accounts, id) {
        Ok(Some(true)) => format!("{words}; the account is there and active"),
        Ok(Some(false)) => format!("{words}; the account is left deactivated"),
        Ok(None) | Err(_) => words,
    })
}

type Answers = Vec<Result<Written, SystemError>>;

/// Every answer holds once the transaction is committed; an error means that nothing of it was done, or (uncertain) that nobody knows. Leave to write is asked for
/// right before the commit: whoever lost it meanwhile has done nothing.
fn transaction(
    ground: &Ground<'_>,
    session: &dyn Session,
    jobs: &[Job],
    work: fn(&dyn Session, &Layout, &[Job]) -> Result<Answers, SystemError>,
) -> Result<Answers, SystemError> {
    let transaction = Transaction::begin(session, Mode::Write)?;
    let answers = work(session, ground.layout, jobs)?;
    if let Some(why) = ground.fence.lost() {
        return Err(SystemError::NotSent(why));
    }
    transaction.commit()?;
    Ok(answers)
}

/// All of them, or none: any refusal is an error.
fn together(session: &dyn Session, layout: &Layout, mut jobs: &[Job]) -> Result<Answers, SystemError> {
    let mut answers = Vec::with_capacity(jobs.len());
    let mut fresh = Fresh::default();
    while !jobs.is_empty() {
        let made = bulk::create(session, layout, jobs, &mut fresh)?;
        let done = made.len();
        answers.extend(made.into_iter().map(Ok));
        jobs = &jobs[done..];
        if let (0, Some((job, rest))) = (done, jobs.split_first()) {
            answers.push(Ok(run(session, layout, job, &mut fresh)?));
            jobs = rest;
        }
    }
    Ok(answers)
}

/// Each with a savepoint: one that is refused leaves the others.
fn one_by_one(session: &dyn Session, layout: &Layout, jobs: &[Job]) -> Result<Answers, SystemError> {
    let mut answers = Vec::with_capacity(jobs.len());
    let mut fresh = Fresh::default();
    for job in jobs {
        session.mark(SAVEPOINT)?;
        answers.push(match run(session, layout, job, &mut fresh) {
            Ok(written) => {
                session.mark(RELEASE)?;
                Ok(written)
            }
            // A full disk, a deadlock and the like undo the whole transaction at once; a lock that is held is held for the next change too.
            Err(error) if !session.is_open() || !is_of_content(&error) => return Err(error),
            Err(error) => {
                session.mark(BACK)?;
                session.mark(RELEASE)?;
                Err(as_left(session, layout, job, error))
            }
        });
    }
    Ok(answers)
}

fn run(session: &dyn Session, layout: &Layout, job: &Job, fresh: &mut Fresh) -> Done {
    let objects = match (job.kind, &layout.groups) {
        (ObjectKind::Account, _) => &layout.accounts,
        (ObjectKind::Group, Some(groups)) => groups,
        _ => return Err(rejected("the connection describes no table of `groups`")),
    };
    let id = job.id.as_deref();
    match (job.action, id) {
        (Action::Create, _) => create(session, layout, objects, job, fresh),
        (_, None) => Err(rejected("the change has no id of a row")),
        (Action::Adopt | Action::Update | Action::Reactivate | Action::Deactivate, Some(id)) => update(session, layout, objects, job, id),
        (Action::Delete, Some(id)) => delete(session, layout, objects, job.kind, id),
        (Action::AddMembers, Some(id)) => links::add_members(session, layout, id, &job.members),
        (Action::RemoveMembers, Some(id)) => links::remove_members(session, layout, id, &job.members),
        (Action::AddEntitlement | Action::UpdateEntitlement | Action::RemoveEntitlement, Some(id)) => {
            entitlements::change(session, layout, job, id)
        }
        (Action::EndSessions, Some(id)) => {
            Changes::none().hold(session, objects, id)?;
            links::end_sessions(session, layout, id)
        }
    }
}

fn create(session: &dyn Session, layout: &Layout, objects: &Objects, job: &Job, fresh: &mut Fresh) -> Done {
    let settings = Settings::of(layout, objects, job)?;
    let columns = settings.new_row(objects)?;
    fresh.look(session, objects, job)?;
    let id = insert(session, objects, &columns)?;
    // An application may keep new accounts back; that one is open ahead of its day is another matter.
    if settings.active == Some(false) {
        stands(session, objects, &id, false)?;
    }
    is_kept(session, objects, &id, &Changes::plain(settings.columns.clone()))?;
    if let Some((roles, wanted)) = settings.held {
        links::set_roles(session, roles, &id, wanted)?;
    }
    fresh.made(job, &id);
    Ok(Written { id: id.into(), already_so: false })
}

/// What was just written of an account's access, looked at: a trigger may have undone it.
pub(super) fn stands(session: &dyn Session, objects: &Objects, id: &str, wanted: bool) -> Result<(), SystemError> {
    let Some(active) = &objects.active else { return Ok(()) };
    if has_access(session, objects, id)? == Some(wanted) {
        return Ok(());
    }
    let (still, table, column) = (if wanted { "inactive" } else { "active" }, &objects.table, &active.column().name);
    Err(rejected(format!(
        "the database did not keep it: column `{column}` of table `{table}` was written and the account is still {still}; a trigger of the application decides \
         there, so do it in the application"
    )))
}

/// What was just written, looked at where a trigger may have changed it: else the next plan would write it again, and so for ever.
fn is_kept(session: &dyn Session, objects: &Objects, id: &str, changes: &Changes<'_>) -> Result<(), SystemError> {
    if objects.triggers.is_empty() {
        return Ok(());
    }
    let lost = changes.lost(session, objects, id)?;
    if lost.is_empty() {
        return Ok(());
    }
    let names = lost.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    Err(rejected(format!(
        "the database did not keep what was written to {names} of table `{}`: a trigger changes it there; map the value that the trigger makes of it, or leave the \
         column out of `columns`",
        objects.table
    )))
}

/// Whether the row says that its account has access; none where it is not there or nothing says so.
fn has_access(session: &dyn Session, objects: &Objects, id: &str) -> Result<Option<bool>, SystemError> {
    let Some(active) = &objects.active else { return Ok(None) };
    let mut select = Select::objects(objects, None, &Columns::new(["id", "active"]));
    select.ask(objects, "id", id).map_err(rejected)?;
    let mut found = None;
    let (sql, values) = select.statement();
    session.query(&sql, &values, &mut |line| {
        found = Some(is_active(active, line.at(1)?));
        Ok(())
    })?;
    Ok(found)
}

/// Inserts a row and gives its key.
fn insert(session: &dyn Session, objects: &Objects, columns: &[(&Column, Sql)]) -> Result<String, SystemError> {
    let names: Vec<&str> = columns.iter().map(|(column, _)| column.sql.as_str()).collect();
    let mut values = Values::default();
    let places: Vec<String> = columns.iter().map(|(_, value)| format!("?{}", values.place(value.clone()))).collect();
    let sql = format!("INSERT INTO {} ({}) VALUES ({})", objects.table.sql, names.join(", "), places.join(", "));
    let given = || columns.iter().find(|(column, value)| **column == objects.key && *value != Sql::Null);
    let none = || rejected(format!("table `{}` took the row and kept none", objects.table));
    if session.dialect() == Dialect::MySql {
        session.execute(&sql, &values.0)?;
        let key = given().map(|(_, value)| cell::text(value.borrowed()).map_err(rejected)).transpose()?;
        // The number that the server tells is that of the column which counts up, whichever is the key.
        let counted = || session.last_key().filter(|_| objects.key.counted == Some(Counted::ByTable));
        return match key.or_else(counted) {
            Some(key) => Ok(key),
            None => bulk::key_of(session, objects, columns)?.ok_or_else(none),
        };
    }
    let rows = session.rows(&format!("{sql} RETURNING {}", objects.key.read()), &values.0)?;
    match rows.first().and_then(|row| row.first()) {
        Some(key) => cell::text(key.borrowed()).map_err(rejected),
        None => Err(none()),
    }
}

fn update(session: &dyn Session, layout: &Layout, objects: &Objects, job: &Job, id: &str) -> Done {
    let settings = Settings::of(layout, objects, job)?;
    let changes = settings.changes(objects)?;
    let changed = changes.write(session, objects, id)?;
    // A key that is an attribute changes with it.
    let key = settings.columns.iter().find(|(column, _)| **column == objects.key).map(|(_, value)| cell::text(value.borrowed()));
    let key = key.transpose().map_err(rejected)?.filter(|key| !key.is_empty());
    let id = key.as_deref().unwrap_or(id);
    if changed {
        settings.active.map_or(Ok(()), |wanted| stands(session, objects, id, wanted))?;
        is_kept(session, objects, id, &Changes::plain(settings.columns.clone()))?;
    }
    let roles_changed = match settings.held {
        Some((roles, wanted)) => links::set_roles(session, roles, id, wanted)?,
        _ => false,
    };
    Ok(Written { id: id.into(), already_so: !changed && !roles_changed })
}

/// The key of a row once a change is done, where the change writes the key's column.
pub(super) fn id_after(layout: &Layout, change: &Change) -> Option<Arc<str>> {
    let objects = match change.object.kind {
        ObjectKind::Group => layout.groups.as_ref()?,
        _ => &layout.accounts,
    };
    let writes = |name: &Arc<str>| objects.columns.get(name).is_some_and(|column| *column == objects.key);
    let after = change.attributes.iter().find(|attribute| writes(&attribute.attribute))?.after.as_ref()?;
    let value = cell::to_sql(&objects.key, after).ok()?;
    cell::text(value.borrowed()).ok().map(Arc::from)
}

/// Removes the row and the links that are described; others that refer to it make the database refuse.
fn delete(session: &dyn Session, layout: &Layout, objects: &Objects, kind: ObjectKind, id: &str) -> Done {
    match Changes::none().hold(session, objects, id) {
        Ok(_) => {}
        Err(SystemError::NotFound(_)) => return Ok(Written { id: id.into(), already_so: true }),
        Err(error) => return Err(error),
    }
    links::unlink(session, layout, kind, id)?;
    let mut values = Values::default();
    let this = objects.this(id, &mut values);
    match session.execute(&format!("DELETE FROM {} WHERE {this}", objects.table.sql), &values.0)? {
        1 => Ok(Written { id: id.into(), already_so: false }),
        _ => Err(super::changes::several(objects, id)),
    }
}
