//! Reading tables: every stream of one read comes from one snapshot.
//!
//! Must never: write, or let a read that failed look like a short one.

use std::sync::Arc;

use rusqlite::{Connection, params_from_iter};

use super::database::Database;
use super::layout::Layout;
use super::select::{Select, target_select};
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
    let unreadable = |error: &SystemError| ReadReport::all(&kinds, &Evidence::Unreadable { reason: error.to_string() });
    let connection = match database.read() {
        Ok(connection) => connection,
        Err(error) => return unreadable(&error),
    };
    // From its first SELECT on, a transaction sees one state of the database.
    let snapshot = match connection.unchecked_transaction() {
        Ok(snapshot) => snapshot,
        Err(error) => return unreadable(&database.error(&error)),
    };
    let streams = request.streams.iter();
    ReadReport::of_kinds(streams.map(|(kind, columns)| (*kind, stream(database, &snapshot, tables, (*kind, columns), queue))))
}

/// Looks objects up, all in one state of the database.
pub(super) fn lookup_many(
    database: &Database,
    tables: &Tables,
    requests: &[LookupRequest],
) -> Result<Vec<Result<Page, SystemError>>, SystemError> {
    let connection = database.read()?;
    let snapshot = connection.unchecked_transaction().map_err(|error| database.error(&error))?;
    Ok(requests.iter().map(|request| lookup(database, &snapshot, tables, request)).collect())
}

fn lookup(database: &Database, connection: &Connection, tables: &Tables, request: &LookupRequest) -> Result<Page, SystemError> {
    let mut select = select(connection, tables, request.kind, &request.columns, database)?;
    match tables {
        Tables::Target(layout) => {
            let (name, value) = (&request.attribute, &request.value);
            let asked = match (request.kind, &layout.groups, &layout.memberships, &layout.entitlements) {
                (ObjectKind::Membership, _, Some(link), _) => select.ask_link(link, name, value),
                (ObjectKind::Entitlement, .., Some(table)) => select.ask_entitlements(table, name, value),
                (ObjectKind::Group, Some(groups), ..) => select.ask(groups, name, value),
                _ => select.ask(&layout.accounts, name, value),
            };
            asked.map_err(SystemError::Rejected)?;
        }
        Tables::Source(_) => return Err(SystemError::Rejected("a Source's records are read, not looked up".into())),
    }
    let mut page = Page::new(request.columns.clone());
    fetch(database, connection, &mut select, &mut page, &mut |_| Ok(())).map_err(|broken| broken.error)?;
    Ok(page)
}

/// A read that did not come to its end.
struct Broken {
    rows: u64,
    error: SystemError,
}

fn stream(
    database: &Database,
    connection: &Connection,
    tables: &Tables,
    (kind, columns): (ObjectKind, &Arc<Columns>),
    queue: &mut PageQueue,
) -> Evidence {
    let mut select = match select(connection, tables, kind, columns, database) {
        Ok(select) => select,
        Err(error) => return Evidence::Unreadable { reason: error.to_string() },
    };
    let mut page = Page::new(columns.clone());
    let mut full = |page: &mut Page| queue.send(kind, page).map_err(SystemError::from);
    let read = fetch(database, connection, &mut select, &mut page, &mut full);
    let handed_over = if page.is_empty() { Ok(()) } else { full(&mut page) };
    match (read, handed_over) {
        (Err(Broken { rows: 0, error }), _) => Evidence::Unreadable { reason: error.to_string() },
        (Err(Broken { error, .. }), _) | (_, Err(error)) => Evidence::Partial { reason: error.to_string() },
        (Ok(rows), Ok(())) => match select.count(connection) {
            Ok(count) if count == rows => Evidence::Complete,
            Ok(count) => Evidence::Partial { reason: format!("{}: {rows} rows came, and there are {count}", database.name) },
            Err(error) => Evidence::Partial { reason: database.error(&error).to_string() },
        },
    }
}

fn select(
    connection: &Connection,
    tables: &Tables,
    kind: ObjectKind,
    columns: &Columns,
    database: &Database,
) -> Result<Select, SystemError> {
    let select = match (tables, kind) {
        (Tables::Target(layout), kind) => target_select(layout, kind, columns),
        (Tables::Source(described), ObjectKind::Account) => {
            Select::records(connection, described, columns).map_err(|error| database.error(&error))?
        }
        (Tables::Source(_), _) => Err("a Source has records only".into()),
    };
    select.map_err(|words| SystemError::Rejected(format!("{}: {words}", database.name)))
}

/// Packs every row; `full` takes the page whenever it is large.
fn fetch(
    database: &Database,
    connection: &Connection,
    select: &mut Select,
    page: &mut Page,
    full: &mut dyn FnMut(&mut Page) -> Result<(), SystemError>,
) -> Result<u64, Broken> {
    let mut count = 0;
    let mut run = || -> Result<(), SystemError> {
        let failed = |error: rusqlite::Error| database.error(&error);
        let refused = |words: String| SystemError::Protocol(format!("{}: {words}", database.name));
        select.prepare(connection).map_err(failed)?.map_err(refused)?;
        let mut statement = connection.prepare(&select.sql()).map_err(failed)?;
        let mut rows = statement.query(params_from_iter(&select.values)).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            if !select.is_asked(row).map_err(failed)? {
                continue;
            }
            let mut packed = Ok(Ok(()));
            page.row(|out| packed = select.pack(row, out));
            packed.map_err(failed)?.map_err(refused)?;
            count += 1;
            if page.size() >= PAGE_BYTES {
                full(page)?;
            }
        }
        Ok(())
    };
    match run() {
        Ok(()) => Ok(count),
        Err(error) => Err(Broken { rows: count, error }),
    }
}
