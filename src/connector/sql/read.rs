//! Reading tables: every stream of one read comes from one snapshot.
//!
//! Must never: write, or let a read that failed look like a short one.

use std::sync::Arc;

use super::database::Database;
use super::layout::Layout;
use super::select::{Select, target_select};
use super::session::{Mode, Session, Transaction};
use crate::connector::pages::{PAGE_BYTES, PageQueue};
use crate::connector::{LookupRequest, ReadRequest};
use crate::manifest::connection::AccountTable;
use crate::model::{Columns, Evidence, ObjectKind, Page, ReadReport, SystemError};

/// Whose tables are read.
#[derive(Clone, Debug)]
pub(super) enum Tables {
    Source(Arc<AccountTable>),
    Target(Arc<Layout>),
}

/// Reads all streams of a request.
pub(super) fn read(database: &Database, tables: &Tables, request: &ReadRequest, queue: &mut PageQueue) -> ReadReport {
    let kinds: Vec<ObjectKind> = request.streams.iter().map(|(kind, _)| *kind).collect();
    let read = database.reading(|session| {
        let snapshot = Transaction::begin(session, Mode::Snapshot)?;
        let wanted = request.streams.iter().map(|(kind, columns)| (*kind, columns, held(database, session, tables, (*kind, columns))));
        // The tables of all of them, before the first row of any is read.
        let wanted: Vec<_> = wanted.collect();
        let streams = wanted.into_iter().map(|(kind, columns, select)| (kind, stream(database, session, select, (kind, columns), queue)));
        let report = ReadReport::of_kinds(streams);
        // Nothing was done in it.
        drop(snapshot);
        Ok(report)
    });
    let unreadable = |error: &SystemError| ReadReport::all(&kinds, &Evidence::Unreadable { reason: error.to_string() });
    read.and_then(|report| report).unwrap_or_else(|error| unreadable(&error))
}

/// Looks objects up, all in one state of the database.
pub(super) fn lookup_many(
    database: &Database,
    tables: &Tables,
    requests: &[LookupRequest],
) -> Result<Vec<Result<Page, SystemError>>, SystemError> {
    database.reading(|session| {
        match together(database, session, tables, requests) {
            Ok(pages) => Ok(pages.into_iter().map(Ok).collect()),
            Err(error) if requests.len() < 2 || !session.is_usable() => Err(error),
            // One that can't be answered says nothing of the others.
            Err(_) => Ok(requests.iter().map(|request| alone(database, session, tables, request)).collect()),
        }
    })?
}

fn alone(database: &Database, session: &dyn Session, tables: &Tables, request: &LookupRequest) -> Result<Page, SystemError> {
    let mut pages = together(database, session, tables, std::slice::from_ref(request))?;
    pages.pop().ok_or_else(|| SystemError::Protocol("a lookup got no answer".into()))
}

/// All of them, or an error.
fn together(database: &Database, session: &dyn Session, tables: &Tables, requests: &[LookupRequest]) -> Result<Vec<Page>, SystemError> {
    let _snapshot = Transaction::begin(session, Mode::Snapshot)?;
    let asked: Vec<Select> = requests.iter().map(|request| asked(database, session, tables, request)).collect::<Result<_, _>>()?;
    let pages = requests.iter().zip(asked).map(|(request, select)| lookup(session, select, request)).collect::<Result<_, _>>()?;
    whole(database, session)?;
    Ok(pages)
}

/// Whether what was read is what there is: what somebody emptied, made anew or renamed since the snapshot began looks empty in it, or as it was long ago.
fn whole(database: &Database, session: &dyn Session) -> Result<(), SystemError> {
    let replaced = session.replaced()?;
    if replaced.is_empty() {
        return Ok(());
    }
    let (tables, were) = (replaced.join(", "), if replaced.len() == 1 { "was" } else { "were" });
    let name = &database.name;
    Err(SystemError::Unavailable(format!(
        "{name}: {tables} {were} emptied, made anew or put in the place of another while it was read; the next read sees what stands there now"
    )))
}

/// What is asked of the tables, which stay the ones that they are.
fn asked(database: &Database, session: &dyn Session, tables: &Tables, request: &LookupRequest) -> Result<Select, SystemError> {
    let Tables::Target(layout) = tables else {
        return Err(SystemError::Rejected("a Source's records are read, not looked up".into()));
    };
    let mut select = held(database, session, tables, (request.kind, &request.columns))?;
    let (name, value) = (&request.attribute, &request.value);
    let asked = match (request.kind, &layout.groups, &layout.memberships, &layout.entitlements) {
        (ObjectKind::Membership, _, Some(link), _) => select.ask_link(link, name, value),
        (ObjectKind::Entitlement, .., Some(table)) => select.ask_entitlements(table, name, value),
        (ObjectKind::Group, Some(groups), ..) => select.ask(groups, name, value),
        _ => select.ask(&layout.accounts, name, value),
    };
    asked.map_err(SystemError::Rejected)?;
    Ok(select)
}

fn lookup(session: &dyn Session, mut select: Select, request: &LookupRequest) -> Result<Page, SystemError> {
    let mut page = Page::new(request.columns.clone());
    fetch(session, &mut select, &mut page, &mut |_| Ok(())).map_err(|broken| broken.error)?;
    Ok(page)
}

/// A read that did not come to its end.
struct Broken {
    rows: u64,
    error: SystemError,
}

fn stream(
    database: &Database,
    session: &dyn Session,
    select: Result<Select, SystemError>,
    (kind, columns): (ObjectKind, &Arc<Columns>),
    queue: &mut PageQueue,
) -> Evidence {
    let mut select = match select {
        Ok(select) => select,
        Err(error) => return Evidence::Unreadable { reason: error.to_string() },
    };
    let mut page = Page::new(columns.clone());
    let mut full = |page: &mut Page| queue.send(kind, page).map_err(SystemError::from);
    let read = fetch(session, &mut select, &mut page, &mut full);
    let handed_over = if page.is_empty() { Ok(()) } else { full(&mut page) };
    match (read, handed_over) {
        (Err(Broken { rows: 0, error }), _) => Evidence::Unreadable { reason: error.to_string() },
        (Err(Broken { error, .. }), _) | (_, Err(error)) => Evidence::Partial { reason: error.to_string() },
        (Ok(rows), Ok(())) => match select.count(session).map(|count| (count, whole(database, session))) {
            Err(error) => Evidence::Partial { reason: error.to_string() },
            // What came is of another time: it neither takes nor gives.
            Ok((_, Err(error))) => Evidence::Unreadable { reason: error.to_string() },
            Ok((count, Ok(()))) if count == rows => Evidence::Complete,
            Ok((count, Ok(()))) => Evidence::Partial { reason: format!("{}: {rows} rows came, and there are {count}", database.name) },
        },
    }
}

/// What a stream reads, whose tables stay the ones that they are until the snapshot ends.
fn held(
    database: &Database,
    session: &dyn Session,
    tables: &Tables,
    (kind, columns): (ObjectKind, &Columns),
) -> Result<Select, SystemError> {
    let select = match (tables, kind) {
        (Tables::Target(layout), kind) => target_select(layout, kind, columns),
        (Tables::Source(described), ObjectKind::Account) => Select::records(session, described, columns)?,
        (Tables::Source(_), _) => Err("a Source has records only".into()),
    };
    let select = select.map_err(|words| SystemError::Rejected(format!("{}: {words}", database.name)))?;
    select.hold(session)?;
    Ok(select)
}

/// Packs every row; `full` takes the page whenever it is large.
fn fetch(
    session: &dyn Session,
    select: &mut Select,
    page: &mut Page,
    full: &mut dyn FnMut(&mut Page) -> Result<(), SystemError>,
) -> Result<u64, Broken> {
    let mut count = 0;
    let read = select.prepare(session).and_then(|()| {
        let (sql, values) = select.statement();
        session.query(&sql, &values, &mut |line| {
            if !select.is_asked(line)? {
                return Ok(());
            }
            let mut packed = Ok(());
            page.row(|out| packed = select.pack(line, out));
            packed?;
            count += 1;
            if page.size() >= PAGE_BYTES { full(page) } else { Ok(()) }
        })
    });
    read.map(|()| count).map_err(|error| Broken { rows: count, error })
}
