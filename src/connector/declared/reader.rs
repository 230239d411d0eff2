//! Reads a declared system: its lists to their end, and single objects by a question.
//!
//! Must never: hand on an object that does not match the question.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde_json::Value as Json;

use super::changes::Changed;
use super::definition::{Members, Objects};
use super::entitlements::Inline;
use super::exchange::Api;
use super::gather::{Gather, Take};
use super::listing::{Collect, list, records};
use super::pages::Turn;
use super::parts::{Hidden, below};
use super::records::{Records, membership};
use super::referring::Referring;
use super::scope::{Scope, as_text};
use super::within::Groups;
use crate::connector::connection::Again;
use crate::connector::{Gone, LookupRequest, PageSink, ReadRequest, ReadScope, Reader};
use crate::model::{Columns, Evidence, ObjectKind, Page, ReadReport, SystemError, Watermark};

/// Pages are handed on at about this size.
const PAGE_BYTES: usize = 64 * 1024;

/// Reads a declared system, as a Source or as a Target.
#[derive(Clone, Debug)]
pub(super) struct DeclaredReader {
    pub(super) api: Api,
    /// columns are paths of records, not attributes
    pub(super) of_source: bool,
}

impl Reader for DeclaredReader {
    fn read<'a>(&'a self, request: &'a ReadRequest, sink: &'a mut dyn PageSink) -> BoxFuture<'a, ReadReport> {
        Box::pin(async move {
            let mut report = ReadReport::default();
            let columns = |kind| request.streams.iter().find(|(wanted, _)| *wanted == kind).map(|(_, columns)| columns);
            let mut inline = Inline::new(&self.api.definition, columns(ObjectKind::Entitlement));
            let mut of_accounts = Evidence::Complete;
            if let Some(columns) = columns(ObjectKind::Account) {
                let (evidence, next) = self.accounts(columns, request, inline.as_mut(), sink).await;
                of_accounts = evidence.clone();
                report.kinds.push((ObjectKind::Account, evidence));
                report.next.extend(next.map(|next| (ObjectKind::Account, next)));
            } else if inline.is_some() {
                let all = ReadRequest::new(Vec::new());
                (of_accounts, _) = self.accounts(&Columns::new(["id"]), &all, inline.as_mut(), &mut Nowhere(sink)).await;
            }
            if let Some(columns) = columns(ObjectKind::Entitlement) {
                let listed = self.entitlements(columns, sink).await;
                let inline = inline.map_or(Evidence::Complete, |inline| inline.evidence(of_accounts));
                report.kinds.push((ObjectKind::Entitlement, inline.and(listed)));
            }
            let (groups, memberships) = (columns(ObjectKind::Group), columns(ObjectKind::Membership));
            if groups.is_some() || memberships.is_some() {
                report.kinds.extend(self.groups(groups, memberships, sink).await);
            }
            report
        })
    }

    fn may_miss(&self) -> bool {
        true
    }

    fn own_id(&self) -> Option<Arc<str>> {
        let accounts = self.api.definition.accounts.as_ref().filter(|accounts| self.of_source && accounts.parts.changes.is_some())?;
        accounts.id.bare_path().cloned()
    }

    fn reads_within(&self) -> bool {
        true
    }

    fn lookup<'a>(&'a self, request: &'a LookupRequest) -> BoxFuture<'a, Result<Page, SystemError>> {
        Box::pin(async move {
            let api = Api { connection: self.api.connection.in_lane(request.lane), ..self.api.clone() };
            Self { api, ..self.clone() }.answer(request).await
        })
    }
}

impl DeclaredReader {
    async fn accounts<'a>(
        &'a self,
        columns: &Arc<Columns>,
        request: &ReadRequest,
        inline: Option<&mut Inline<'a>>,
        sink: &mut dyn PageSink,
    ) -> (Evidence, Option<Watermark>) {
        let definition = &self.api.definition;
        let Some(accounts) = definition.accounts.as_ref().filter(|accounts| accounts.list.is_some()) else {
            return (Evidence::Unreadable { reason: format!("{} has no list of accounts", definition.name) }, None);
        };
        let fields = Json::Array(self.fields(accounts, columns).into_iter().map(Json::from).collect());
        let scope = self.api.scope().with("fields", &fields);
        let rows = Records::new(accounts, &definition.config, columns, self.of_source);
        let referring = if self.of_source { None } else { Referring::new(accounts, &definition.config, columns) };
        let mark = match &request.scope {
            // What stands in the accounts, or who is named in them, is read with all of them.
            ReadScope::Changed(marks)
                if (!self.of_source || self.own_id().is_some())
                    && inline.is_none()
                    && referring.is_none()
                    && accounts.parts.changes.as_ref().is_some_and(|it| it.whole || accounts.come_alike()) =>
            {
                accounts.parts.changes.as_ref().map(|changes| (changes, marks.get(&ObjectKind::Account)))
            }
            ReadScope::All | ReadScope::Changed(_) => None,
        };
        let mut rows = Streamed { rows, kind: ObjectKind::Account, inline, referring, sink };
        let changed = match (&request.within, mark) {
            (Some(within), _) => Changed::whole(self.accounts_within(accounts, within, scope, &mut rows).await),
            (None, None) => Changed::whole(Gather { api: &self.api, objects: accounts, scope, only: None }.all(&mut rows).await),
            (None, Some((changes, mark))) => {
                let gather = Gather { api: &self.api, objects: accounts, scope, only: None };
                gather.changed(changes, mark, !self.of_source, &mut rows).await
            }
        };
        rows.flush();
        let held = rows.referring.take();
        held.into_iter().for_each(|held| held.release(sink));
        if !changed.gone.is_empty() {
            sink.gone(ObjectKind::Account, Gone::Ids(&changed.gone));
        }
        (changed.evidence, changed.next)
    }

    /// The paths that a system is asked for: those that the mapping reads, and those of the document.
    fn fields(&self, objects: &Objects, columns: &Columns) -> Vec<String> {
        let mut fields = objects.fields.clone();
        let mut add = |path: &str| {
            let path = path.strip_prefix("record.").unwrap_or(path);
            let is_joined = objects.parts.joins.iter().any(|(name, _)| below(path).first() == Some(name));
            if path != "record" && !is_joined && !fields.iter().any(|known| known == path) {
                fields.push(path.to_owned());
            }
        };
        for column in columns.paths() {
            match objects.attributes.get(column).and_then(|attribute| attribute.read.as_ref()) {
                _ if self.of_source => add(column),
                Some(read) => read.reads().iter().for_each(|path| add(path)),
                None => {}
            }
        }
        fields
    }

    pub(super) async fn groups(
        &self,
        groups: Option<&Arc<Columns>>,
        memberships: Option<&Arc<Columns>>,
        sink: &mut dyn PageSink,
    ) -> Vec<(ObjectKind, Evidence)> {
        let definition = &self.api.definition;
        let nothing = Columns::new(["id"]);
        let changeable = definition.groups.iter().any(|(_, objects)| objects.is_written());
        let (mut listed, mut joined) = (Evidence::Complete, Evidence::Complete);
        if definition.groups.is_empty() {
            let reason = format!("{} has no groups", definition.name);
            (listed, joined) = (Evidence::Unreadable { reason: reason.clone() }, Evidence::Unreadable { reason });
        }
        for (kind, objects) in &definition.groups {
            // What can only be read is no business of a Target that has kinds which it changes.
            if objects.list.is_none() || (!self.of_source && changeable && !objects.is_written()) {
                continue;
            }
            let rows = Records::new(objects, &definition.config, groups.unwrap_or(&nothing), self.of_source);
            let mut rows = Groups { rows, records: Vec::new() };
            let whole = Gather { api: &self.api, objects, scope: self.api.scope(), only: None }.all(&mut rows).await;
            if groups.is_some() {
                sink.page(ObjectKind::Group, &rows.rows.page);
            }
            listed = listed.and(named(kind, whole.clone()));
            if let Some(columns) = memberships {
                let evidence = match &objects.members {
                    Some(members) => self.members(members, &rows.records, columns, sink).await,
                    None => Evidence::Complete,
                };
                joined = joined.and(named(kind, evidence)).and(whole);
            }
        }
        let listed = groups.map(|_| (ObjectKind::Group, listed));
        listed.into_iter().chain(memberships.map(|_| (ObjectKind::Membership, joined))).collect()
    }

    async fn members(&self, members: &Members, groups: &[(String, Json)], columns: &Arc<Columns>, sink: &mut dyn PageSink) -> Evidence {
        let mut page = Page::new(columns.clone());
        let mut evidence = Evidence::Complete;
        for (id, record) in groups {
            let came = self.members_of(members, id, record, &mut page).await;
            if page.size() > PAGE_BYTES {
                sink.page(ObjectKind::Membership, &page);
                page.clear();
            }
            match came {
                Evidence::Complete => {}
                // One that can't be read says nothing about the others; but the next one would not fare better.
                Evidence::Unreadable { reason } => {
                    evidence = Evidence::Partial { reason: format!("the members of {id}: {reason}") };
                    break;
                }
                other => evidence = evidence.and(other),
            }
        }
        sink.page(ObjectKind::Membership, &page);
        evidence
    }

    /// The members of one group.
    pub(super) async fn members_of(&self, members: &Members, id: &str, record: &Json, page: &mut Page) -> Evidence {
        let group = serde_json::json!({"id": id, "record": record});
        let scope = self.api.scope().with("group", &group).with("record", record);
        if let Some(inline) = &members.inline {
            return match scope.value(inline) {
                Ok(Some(Json::Array(items))) => {
                    items.iter().for_each(|item| note(members, &scope, item, id, page));
                    Evidence::Complete
                }
                Ok(_) => Evidence::Partial { reason: format!("the group {id} does not say who is in it") },
                Err(words) => Evidence::Partial { reason: words },
            };
        }
        let Some(request) = &members.list else { return Evidence::Complete };
        let mut rows = Joined { members, scope: &scope, group: id, page };
        let ended = list(&self.api, request, &scope, &mut rows).await;
        let announced = members.total.as_ref().and_then(|total| scope.text(total)).and_then(|total| total.parse::<u64>().ok());
        match (ended.evidence, ended.error) {
            (_, Some(SystemError::NotFound(_))) => Evidence::Partial { reason: "a group vanished during the read".into() },
            (Evidence::Complete, _) if announced.is_some_and(|announced| announced != ended.count) => {
                let reason = format!("the group {id} says that it has {} members, and {} came", announced.unwrap_or_default(), ended.count);
                Evidence::Partial { reason }
            }
            (evidence, _) => evidence,
        }
    }

    async fn answer(&self, request: &LookupRequest) -> Result<Page, SystemError> {
        match request.kind {
            ObjectKind::Membership => return self.memberships(request).await,
            ObjectKind::Entitlement => return self.entitlements_of(request).await,
            ObjectKind::Account | ObjectKind::Group => {}
        }
        let definition = &self.api.definition;
        let kinds: Vec<&Objects> = match request.kind {
            ObjectKind::Account => definition.accounts.iter().collect(),
            ObjectKind::Group => definition.groups.iter().map(|(_, objects)| objects).collect(),
            ObjectKind::Membership | ObjectKind::Entitlement => Vec::new(),
        };
        if kinds.is_empty() {
            return Err(SystemError::Rejected("this can't be looked up here".into()));
        }
        let (mut page, mut failed) = (Page::new(request.columns.clone()), None);
        for objects in kinds {
            if let Err(error) = self.look(objects, request, &mut page).await {
                failed.get_or_insert(error);
            }
        }
        // An id is one object's: where it was found, another kind has it no more. That nobody has it says whoever was asked.
        let found = request.attribute.as_ref() == "id" && !page.is_empty();
        failed.filter(|_| !found).map_or(Ok(page), Err)
    }

    /// One record by its id.
    pub(super) async fn record(&self, objects: &Objects, id: &str) -> Result<Json, SystemError> {
        let Some(get) = &objects.get else { return Err(SystemError::Rejected("nothing can be looked up by its id here".into())) };
        let id = Json::from(id);
        let scope = self.api.scope().with("id", &id);
        let answer = self.api.ask(get, &scope, &Turn::First, Again::IfAsked).await?;
        let found = with_id(objects, &scope, records(get, &answer)?, &id)?;
        found.cloned().ok_or_else(|| SystemError::NotFound("it is not there".into()))
    }

    async fn look(&self, objects: &Objects, request: &LookupRequest, page: &mut Page) -> Result<(), SystemError> {
        let by_id = request.attribute.as_ref() == "id";
        let question = if by_id { objects.get.as_ref() } else { objects.find.get(&request.attribute) };
        let Some(question) = question else {
            return Err(SystemError::Rejected(format!("nothing can be looked up by {} here", request.attribute)));
        };
        let value = Json::from(request.value.as_ref());
        let fields = Json::Array(self.fields(objects, &request.columns).into_iter().map(Json::from).collect());
        let scope = self.api.scope().with(if by_id { "id" } else { "value" }, &value).with("fields", &fields);
        let found = match self.api.ask(question, &scope, &Turn::First, Again::IfAsked).await {
            Ok(answer) => answer,
            Err(SystemError::NotFound(_)) => return Ok(()),
            Err(error) => return Err(error),
        };
        let mut rows = Records::new(objects, &self.api.definition.config, &request.columns, self.of_source);
        let mut found = records(question, &found)?;
        if by_id && found.len() > 1 {
            found = with_id(objects, &scope, found, &value)?.into_iter().collect();
        }
        for record in found {
            let matches = match by_id {
                true => rows.id(record).as_deref() == Some(request.value.as_ref()),
                false => has(objects, &scope, record, &request.attribute, &request.value),
            };
            if by_id && !matches {
                return Err(SystemError::Protocol("it was asked for one object by its id, and gave another".into()));
            }
            if matches && !rows.is_skipped(record) {
                rows.take(record, &hidden(objects, &scope.with("record", record)));
            }
        }
        let found = if self.of_source { rows.page } else { self.referred(objects, &rows.page).await? };
        found.rows().for_each(|found| page.row(|row| found.cells().for_each(|cell| row.cell(cell))));
        Ok(())
    }
}

/// The record that was asked for: the one of an answer that has the id. A single other one is an answer to another question.
pub(super) fn with_id<'r>(objects: &Objects, scope: &Scope<'_>, found: Vec<&'r Json>, id: &Json) -> Result<Option<&'r Json>, SystemError> {
    let one = found.len() == 1;
    match found.into_iter().find(|record| scope.with("record", record).text(&objects.id) == as_text(id)) {
        None if one => Err(SystemError::Protocol("it was asked for one object by its id, and gave another".into())),
        found => Ok(found),
    }
}

/// What of a record that was looked up is not known: what is hidden, and what further lists have.
fn hidden(objects: &Objects, scope: &Scope<'_>) -> Vec<Hidden> {
    let joins = objects.parts.joins.iter().map(|(name, _)| Hidden::at(name, "it is known from a whole read only"));
    objects.parts.redacted(scope).into_iter().chain(joins).collect()
}

/// Whether a record has a value: itself, or as one of several.
pub(super) fn has(objects: &Objects, scope: &Scope<'_>, record: &Json, attribute: &str, value: &str) -> bool {
    let read = objects.attributes.get(attribute).and_then(|attribute| attribute.read.as_ref());
    let found = read.and_then(|read| scope.with("record", record).value(read).ok().flatten());
    found.is_some_and(|found| matches(&found, value))
}

fn matches(found: &Json, value: &str) -> bool {
    match found {
        Json::Array(items) => items.iter().any(|item| matches(item, value)),
        Json::Object(fields) => fields.get("value").is_some_and(|found| matches(found, value)),
        other => as_text(other).is_some_and(|text| text.to_lowercase() == value.to_lowercase()),
    }
}

fn named(kind: &str, evidence: Evidence) -> Evidence {
    match evidence {
        Evidence::Partial { reason } => Evidence::Partial { reason: format!("{kind}: {reason}") },
        Evidence::Unreadable { reason } => Evidence::Unreadable { reason: format!("{kind}: {reason}") },
        other => other,
    }
}

/// Rows that are handed on page by page.
struct Streamed<'d, 's> {
    rows: Records<'d>,
    kind: ObjectKind,
    /// what stands in the same records
    inline: Option<&'s mut Inline<'d>>,
    /// who is called how, where rows name others so
    referring: Option<Referring<'d>>,
    sink: &'s mut dyn PageSink,
}

impl Streamed<'_, '_> {
    fn flush(&mut self) {
        match &mut self.referring {
            Some(referring) => referring.hold(&self.rows.page),
            None => self.sink.page(self.kind, &self.rows.page),
        }
        self.rows.page.clear();
        if let Some(inline) = &mut self.inline {
            inline.flush(self.sink);
        }
    }
}

impl Take for Streamed<'_, '_> {
    fn id(&self, record: &Json) -> Option<String> {
        self.rows.id(record)
    }

    fn take(&mut self, record: &Json, hidden: &[Hidden]) {
        if self.rows.is_skipped(record) {
            return;
        }
        self.rows.take(record, hidden);
        if let (Some(referring), Some(id)) = (&mut self.referring, self.rows.id(record)) {
            referring.note(&id, record);
        }
        if let (Some(inline), Some(id)) = (&mut self.inline, self.rows.id(record)) {
            inline.take(&id, record, hidden);
        }
    }

    fn page(&mut self) -> usize {
        let size = self.rows.page.size();
        self.flush();
        size
    }

    fn is_skipped(&self, record: &Json) -> bool {
        self.rows.is_skipped(record)
    }

    fn restart(&mut self) {
        self.rows.page.clear();
        self.sink.restart(self.kind);
    }
}

/// Takes entitlements and lets accounts go by: they were not asked for.
struct Nowhere<'s>(&'s mut dyn PageSink);

impl PageSink for Nowhere<'_> {
    fn page(&mut self, kind: ObjectKind, page: &Page) {
        if kind == ObjectKind::Entitlement {
            self.0.page(kind, page);
        }
    }

    fn restart(&mut self, kind: ObjectKind) {
        self.0.restart(kind);
    }

    fn gone(&mut self, _: ObjectKind, _: Gone<'_>) {}
}

/// The members of one group.
struct Joined<'j, 's> {
    members: &'j Members,
    scope: &'j Scope<'s>,
    group: &'j str,
    page: &'j mut Page,
}

impl Collect for Joined<'_, '_> {
    fn id(&self, record: &Json) -> Option<String> {
        match &self.members.id {
            Some(id) => self.scope.with("record", record).text(id),
            None => as_text(record),
        }
    }

    fn take(&mut self, record: &Json, _: Vec<Hidden>) {
        note(self.members, self.scope, record, self.group, self.page);
    }

    fn page(&mut self) -> usize {
        self.page.size()
    }
}

/// One member, as a row. What is neither an account nor a group is nobody's member here.
fn note(members: &Members, scope: &Scope<'_>, record: &Json, group: &str, page: &mut Page) {
    let scope = scope.with("record", record);
    let id = members.id.as_ref().map_or_else(|| as_text(record), |id| scope.text(id));
    let kind = match members.kind.as_ref().map(|kind| scope.text(kind)) {
        None => Some(ObjectKind::Account),
        Some(Some(kind)) if kind == "account" => Some(ObjectKind::Account),
        Some(Some(kind)) if kind == "group" => Some(ObjectKind::Group),
        Some(_) => None,
    };
    if let (Some(id), Some(kind)) = (id, kind) {
        membership(page, group, &id, Some(kind));
    }
}
