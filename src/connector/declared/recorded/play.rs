//! Does what a case says: opens the connection as a run does, and reads, asks or writes.
//!
//! Must never: speak to the system by itself; the engine does.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value as Json;

use super::super::DeclaredConnector;
use super::super::changes::{recorded_mark, token_of};
use super::super::definition::{Definition, Objects};
use crate::connector::describe::Connector;
use crate::connector::limiter::{ALL, Lane};
use crate::connector::{Gone, LookupRequest, PageSink, Permit, ReadRequest, ReadScope, Reader, Surroundings, Write, Written};
use crate::fence::Fence;
use crate::manifest::connection::DeclaredConnection;
use crate::manifest::kinds::connector::{CaseKind, ChangeCase, ConnectorCase, EntitlementCase, MembersCase, ReadWhat};
use crate::model::{
    Action, AttributeChange, Cell, Change, Columns, Evidence, ObjectKind, ObjectRef, Page, Reason, SystemError, Value, WRITABLE,
};

/// A row by its columns; null where it has nothing.
pub(super) type Row = BTreeMap<Arc<str>, Json>;

/// What came of a case.
pub(super) enum Came {
    Read { evidence: Evidence, rows: Vec<Row>, gone: Vec<Arc<str>>, next: Option<Arc<str>> },
    Found(Result<Vec<Row>, SystemError>),
    Written(Result<Written, SystemError>),
}

/// Does what a case says.
pub(super) async fn case(case: &ConnectorCase, definition: &Definition, connection: &DeclaredConnection, around: &Surroundings) -> Came {
    if let Some(what) = case.read {
        return read(case, what, definition, connection, around).await;
    }
    if let Some(find) = &case.find {
        let (kind, columns) = match find.kind.unwrap_or_default() {
            CaseKind::Account => (ObjectKind::Account, columns(case, definition.accounts.iter())),
            CaseKind::Group => (ObjectKind::Group, columns(case, definition.groups.iter().map(|(_, objects)| objects))),
            CaseKind::Members => (ObjectKind::Membership, memberships()),
        };
        let request = LookupRequest::new(kind, columns, find.by.as_str(), find.value.as_str());
        let found = match DeclaredConnector.open_target(connection, around).await {
            Ok(target) => target.reader.lookup(&request).await,
            Err(error) => Err(error),
        };
        return Came::Found(found.map(|page| rows(&page)));
    }
    Came::Written(write(case, connection, around).await)
}

async fn read(
    case: &ConnectorCase,
    what: ReadWhat,
    definition: &Definition,
    connection: &DeclaredConnection,
    around: &Surroundings,
) -> Came {
    let (kind, columns) = match what {
        ReadWhat::Accounts => (ObjectKind::Account, columns(case, definition.accounts.iter())),
        ReadWhat::Records => (ObjectKind::Account, paths(case, definition)),
        ReadWhat::Groups => (ObjectKind::Group, columns(case, definition.groups.iter().map(|(_, objects)| objects))),
        ReadWhat::Members => (ObjectKind::Membership, memberships()),
        ReadWhat::Entitlements => (ObjectKind::Entitlement, entitlements(case, definition)),
    };
    let opened: Result<Box<dyn Reader>, SystemError> = match what {
        ReadWhat::Records => DeclaredConnector.open_source(connection, around).await,
        _ => DeclaredConnector.open_target(connection, around).await.map(|target| target.reader),
    };
    let mut rows = Rows { kind, rows: Vec::new(), gone: Vec::new() };
    let mut request = ReadRequest::new(vec![(kind, columns)]);
    if let Some(since) = &case.since {
        request.scope = ReadScope::Changed(BTreeMap::from([(kind, recorded_mark(since))]));
    }
    let (evidence, next) = match opened {
        Ok(reader) => {
            let report = reader.read(&request, &mut rows).await;
            (report.of(kind), report.next.get(&kind).map(token_of))
        }
        Err(error) => (Evidence::Unreadable { reason: error.to_string() }, None),
    };
    Came::Read { evidence, rows: rows.rows, gone: rows.gone, next }
}

/// What is wanted: what the case names, else all that the Connector has.
fn columns<'d>(case: &ConnectorCase, kinds: impl Iterator<Item = &'d Objects>) -> Arc<Columns> {
    if !case.columns.is_empty() {
        return Columns::new(&case.columns);
    }
    let mut names = BTreeSet::new();
    for objects in kinds {
        names.extend(objects.active.iter().map(|_| "active"));
        names.extend(objects.attributes.keys().map(AsRef::as_ref));
    }
    Columns::new(std::iter::once("id").chain(names))
}

/// The paths of records, as a Source's rules would read them.
fn paths(case: &ConnectorCase, definition: &Definition) -> Arc<Columns> {
    if !case.columns.is_empty() {
        return Columns::new(&case.columns);
    }
    let attributes = definition.accounts.iter().flat_map(|accounts| accounts.attributes.values());
    let reads = attributes.filter_map(|attribute| attribute.read.as_ref()).flat_map(|read| read.reads());
    let paths: BTreeSet<&str> = reads.filter_map(|path| path.strip_prefix("record.")).collect();
    Columns::new(paths)
}

/// As plans ask for them.
fn entitlements(case: &ConnectorCase, definition: &Definition) -> Arc<Columns> {
    if !case.columns.is_empty() {
        return Columns::new(case.columns.iter().map(|name| if name == "writable" { WRITABLE } else { name }));
    }
    let parameters = definition.entitlements.iter().flat_map(|(_, rules)| rules.parameters.keys().map(AsRef::as_ref));
    let parameters: BTreeSet<&str> = parameters.collect();
    Columns::new(["account", "entitlement"].into_iter().chain(parameters).chain([WRITABLE]))
}

fn memberships() -> Arc<Columns> {
    Columns::new(["group", "member", "kind"])
}

async fn write(case: &ConnectorCase, connection: &DeclaredConnection, around: &Surroundings) -> Result<Written, SystemError> {
    let change = wanted(case).ok_or_else(|| SystemError::Rejected("the case does nothing".into()))?;
    let target = DeclaredConnector.open_target(connection, around).await?;
    let turn = target.limiter.enter(ALL, Lane::Free, Duration::ZERO).await?;
    let attributes = change.attributes.iter().map(|change| (change.attribute.clone(), change.after.clone())).collect();
    let write = Write { change: &change, id: change.object.id.clone(), attributes, members: members(case), key: Default::default() };
    // What plays the system stands on this machine: nothing can be changed anywhere.
    let written = target.writer.write(std::slice::from_ref(&write), &Permit::grant(turn, &Fence::open())).await;
    written
        .into_iter()
        .next()
        .unwrap_or_else(|| Err(SystemError::Protocol("the writer gave no answer; this is a defect of headcount".into())))
}

/// The change that a case makes.
fn wanted(case: &ConnectorCase) -> Option<Change> {
    let of_entitlement =
        [(Action::AddEntitlement, &case.grant), (Action::UpdateEntitlement, &case.change), (Action::RemoveEntitlement, &case.withdraw)];
    if let Some((action, about)) = of_entitlement.into_iter().find_map(|(action, about)| Some((action, about.as_ref()?))) {
        return Some(entitlement(action, about));
    }
    let of_group =
        |members: &MembersCase| ChangeCase { kind: Some(CaseKind::Group), id: Some(members.group.clone()), attributes: BTreeMap::new() };
    let all = [
        (Action::Create, case.create.clone()),
        (Action::Update, case.update.clone()),
        (Action::Deactivate, case.deactivate.clone()),
        (Action::Reactivate, case.reactivate.clone()),
        (Action::Delete, case.delete.clone()),
        (Action::EndSessions, case.end_sessions.clone()),
        (Action::AddMembers, case.add.as_ref().map(of_group)),
        (Action::RemoveMembers, case.remove.as_ref().map(of_group)),
    ];
    let (action, wanted) = all.into_iter().find_map(|(action, wanted)| Some((action, wanted?)))?;
    let (kind, key) = match wanted.kind.unwrap_or_default() {
        CaseKind::Group | CaseKind::Members => (ObjectKind::Group, "group/one"),
        CaseKind::Account => (ObjectKind::Account, "hr/1"),
    };
    let object = ObjectRef { kind, key: key.into(), id: wanted.id.as_deref().map(Arc::from), name: "one".into() };
    let mut change = Change::new(&"test".into(), action, object, Reason::Mover);
    change.attributes = values(&wanted.attributes);
    change.attributes.extend(access(action, kind).filter(|_| !wanted.attributes.contains_key("active")));
    Some(change)
}

/// As plans have it: the object is the account, and the attributes are the parameters.
fn entitlement(action: Action, about: &EntitlementCase) -> Change {
    let id = Some(Arc::from(about.account.as_str()));
    let object = ObjectRef { kind: ObjectKind::Account, key: "hr/1".into(), id, name: "one".into() };
    let attributes = values(&about.parameters);
    let entitlement = Some(about.entitlement.as_str().into());
    Change { entitlement, attributes, ..Change::new(&"test".into(), action, object, Reason::Mover) }
}

fn values(of: &BTreeMap<String, Json>) -> Vec<AttributeChange> {
    let value = |(name, value): (&String, &Json)| AttributeChange {
        attribute: name.as_str().into(),
        before: None,
        after: Value::from_json(value),
        sensitive: false,
        privileged: false,
    };
    of.iter().map(value).collect()
}

/// As plans have it: who is made has access, unless the case says otherwise, and who gets it back or loses it gets that written.
fn access(action: Action, kind: ObjectKind) -> Option<AttributeChange> {
    let (before, after) = match action {
        Action::Create => (None, true),
        Action::Reactivate => (Some(false), true),
        Action::Deactivate => (Some(true), false),
        _ => return None,
    };
    let attribute = AttributeChange {
        attribute: "active".into(),
        before: before.map(Value::Bool),
        after: Some(Value::Bool(after)),
        sensitive: false,
        privileged: false,
    };
    (kind == ObjectKind::Account).then_some(attribute)
}

fn members(case: &ConnectorCase) -> Vec<(ObjectKind, Arc<str>)> {
    let Some(members) = case.add.as_ref().or(case.remove.as_ref()) else { return Vec::new() };
    let accounts = members.accounts.iter().map(|id| (ObjectKind::Account, Arc::from(id.as_str())));
    accounts.chain(members.groups.iter().map(|id| (ObjectKind::Group, Arc::from(id.as_str())))).collect()
}

/// Rows as they come.
struct Rows {
    kind: ObjectKind,
    rows: Vec<Row>,
    gone: Vec<Arc<str>>,
}

impl PageSink for Rows {
    fn page(&mut self, kind: ObjectKind, page: &Page) {
        if kind == self.kind {
            self.rows.extend(rows(page));
        }
    }

    fn restart(&mut self, kind: ObjectKind) {
        if kind == self.kind {
            self.rows.clear();
        }
    }

    fn gone(&mut self, kind: ObjectKind, gone: Gone<'_>) {
        if let (true, Gone::Ids(ids)) = (kind == self.kind, gone) {
            self.gone.extend(ids.iter().cloned());
        }
    }
}

fn rows(page: &Page) -> Vec<Row> {
    let value = |cell: Cell<'_>| match cell {
        Cell::Unreadable(words) => Json::from(format!("unreadable: {words}")),
        cell => cell.to_value().map_or(Json::Null, |value| value.to_json()),
    };
    let columns = page.columns().clone();
    let name = |path: &Arc<str>| if **path == *WRITABLE { "writable".into() } else { path.clone() };
    page.rows().map(|row| columns.paths().iter().map(name).zip(row.cells().map(value)).collect()).collect()
}
