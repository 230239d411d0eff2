//! Reads a service: Users and Groups to their end, and single objects by a question.
//!
//! A list is handed on page by page; a reading that is given up is taken back whole.
//! Must never: leave rows of a reading that was given up, or hand on an object that does not match the question.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::api::Endpoint;
use super::discovery::kind_of;
use super::paging::{Collect, Listing, list};
use super::resolve::{self, resolve};
use super::rows::{Member, ResourceRows};
use super::service::Service;
use super::single::ASK_FOR_MEMBERS;
use crate::connector::connection::Again;
use crate::connector::limiter::Lane;
use crate::connector::{LookupRequest, PageSink, ReadRequest, Reader};
use crate::model::{AttributeType, Cell, Columns, Evidence, ObjectKind, Page, ReadReport, SystemError, Value};
use crate::scim::{AttributePath, Filter};

/// Reads a SCIM service, as a source or as a target.
#[derive(Clone, Debug)]
pub struct ScimReader {
    /// the service
    pub service: Service,
    /// columns are paths of records, not attributes of accounts
    record: bool,
}

impl Reader for ScimReader {
    fn read<'a>(&'a self, request: &'a ReadRequest, sink: &'a mut dyn PageSink) -> BoxFuture<'a, ReadReport> {
        Box::pin(async move {
            let columns = |kind| request.streams.iter().find(|(wanted, _)| *wanted == kind).map(|(_, columns)| columns);
            let mut report = ReadReport::default();
            let (groups, memberships) = (columns(ObjectKind::Group), columns(ObjectKind::Membership));
            let mut known = None;
            if let Some(columns) = columns(ObjectKind::Account) {
                let (evidence, accounts) = self.read_accounts(columns, memberships.is_some(), sink).await;
                known = accounts.filter(|_| evidence.proves_absence());
                report.kinds.push((ObjectKind::Account, evidence));
            }
            if groups.is_some() || memberships.is_some() {
                report.kinds.extend(self.read_groups(groups, memberships, known.as_ref(), sink).await);
            }
            report
        })
    }

    fn may_miss(&self) -> bool {
        true
    }

    fn manners(&self) -> Vec<String> {
        let bare = self.service.paging.is_bare().then(|| "lists are asked for without `count`".to_owned());
        self.service.dialect.words().into_iter().chain(bare).chain(self.service.manners.words()).collect()
    }

    fn lookup<'a>(&'a self, request: &'a LookupRequest) -> BoxFuture<'a, Result<Page, SystemError>> {
        Box::pin(async move {
            match request.lane {
                Lane::Normal => self.answer(request).await,
                Lane::Free => Self { service: self.service.at_once(), ..self.clone() }.answer(request).await,
            }
        })
    }
}

impl ScimReader {
    /// Reads a service; of a source, columns are paths of records.
    pub fn new(service: Service, record: bool) -> Self {
        Self { service, record }
    }

    async fn answer(&self, request: &LookupRequest) -> Result<Page, SystemError> {
        let endpoint = match request.kind {
            ObjectKind::Account => Endpoint::Users,
            ObjectKind::Group => Endpoint::Groups,
            ObjectKind::Membership => return self.memberships_of(request).await,
            ObjectKind::Entitlement => return Err(SystemError::Rejected("an entitlement can't be looked up".into())),
        };
        let rows = || ResourceRows::new(&self.service.discovery, request.kind, &request.columns, self.record);
        match request.attribute.as_ref() {
            "id" => self.lookup_id(endpoint, &request.value, rows()).await,
            _ => self.lookup_attribute(endpoint, request, rows).await,
        }
    }
}

/// A member takes about so much until its row is packed.
const MEMBER: usize = 160;

/// Accounts, handed on page by page.
struct Accounts<'s> {
    rows: ResourceRows,
    sink: &'s mut dyn PageSink,
    /// what members may be known by, where memberships are wanted
    known: Option<Known>,
    handed: usize,
}

/// Ids and user names of the accounts that came.
struct Known {
    page: Page,
    id: usize,
    name: usize,
}

impl Known {
    fn new(columns: &Columns) -> Self {
        let position = |name| columns.position(name).unwrap_or(usize::MAX);
        Self { page: Page::new(Columns::new(["id", "userName"])), id: position("id"), name: position("userName") }
    }

    fn note(&mut self, page: &Page) {
        for row in page.rows() {
            self.page.row(|out| [self.id, self.name].into_iter().for_each(|at| out.cell(row.cell(at))));
        }
    }
}

impl Collect for Accounts<'_> {
    fn take(&mut self, json: &str, ids: &mut HashSet<Box<str>>) -> Result<(), SystemError> {
        let (id, _) = self.rows.read(json)?;
        if ids.insert(id) {
            self.rows.keep();
        }
        Ok(())
    }

    fn page(&mut self) {
        if let Some(known) = &mut self.known {
            known.note(&self.rows.page);
        }
        hand_on(ObjectKind::Account, &mut self.rows.page, &mut *self.sink, &mut self.handed);
    }

    fn restart(&mut self) {
        self.known.iter_mut().for_each(|known| known.page.clear());
        self.sink.restart(ObjectKind::Account);
        self.rows.page.clear();
        self.handed = 0;
    }

    fn size(&self) -> usize {
        self.handed + self.rows.page.size() + self.known.as_ref().map_or(0, |known| known.page.size())
    }
}

fn hand_on(kind: ObjectKind, page: &mut Page, sink: &mut dyn PageSink, handed: &mut usize) {
    if !page.is_empty() {
        sink.page(kind, page);
        *handed += page.size();
        page.clear();
    }
}

/// Groups, handed on page by page where they are wanted, with what they say about their members.
struct Groups<'s> {
    rows: ResourceRows,
    /// who stands in each group and is nobody
    hidden: Option<&'s str>,
    sink: Option<&'s mut dyn PageSink>,
    found: Found,
    handed: usize,
}

/// What groups say about their members.
#[derive(Default)]
struct Found {
    ids: Vec<Box<str>>,
    members: Vec<(usize, Member)>,
    /// some group listed members, if only an empty list
    told: bool,
}

impl Collect for Groups<'_> {
    fn take(&mut self, json: &str, ids: &mut HashSet<Box<str>>) -> Result<(), SystemError> {
        let (id, members) = self.rows.read(json)?;
        if !ids.insert(id.clone()) {
            return Ok(());
        }
        self.rows.keep();
        self.found.told |= members.is_some();
        if members.iter().flatten().any(|member| member.value.is_none() && member.linked().is_none()) {
            return Err(SystemError::Protocol("a group lists a member without its id".into()));
        }
        let group = self.found.ids.len();
        let counted = members.into_iter().flatten().filter(|member| self.hidden.is_none() || member.value.as_deref() != self.hidden);
        self.found.members.extend(counted.map(|member| (group, member)));
        self.found.ids.push(id);
        Ok(())
    }

    fn page(&mut self) {
        match &mut self.sink {
            Some(sink) => hand_on(ObjectKind::Group, &mut self.rows.page, &mut **sink, &mut self.handed),
            None => self.rows.page.clear(),
        }
    }

    fn restart(&mut self) {
        if let Some(sink) = &mut self.sink {
            sink.restart(ObjectKind::Group);
        }
        self.rows.page.clear();
        (self.found, self.handed) = (Found::default(), 0);
    }

    fn size(&self) -> usize {
        self.handed + self.rows.page.size() + self.found.members.len() * MEMBER
    }
}

impl ScimReader {
    async fn read_accounts(&self, columns: &Arc<Columns>, for_members: bool, sink: &mut dyn PageSink) -> (Evidence, Option<Page>) {
        let rows = ResourceRows::new(&self.service.discovery, ObjectKind::Account, columns, self.record);
        let known = for_members.then(|| Known::new(columns));
        let accounts = Accounts { rows, sink, known, handed: 0 };
        let Listing { rows, evidence, .. } = list(&self.service.api, &self.service.paging, Endpoint::Users, &[], accounts).await;
        (evidence, rows.known.map(|known| known.page))
    }

    async fn read_groups(
        &self,
        groups: Option<&Arc<Columns>>,
        memberships: Option<&Arc<Columns>>,
        accounts: Option<&Page>,
        sink: &mut dyn PageSink,
    ) -> Vec<(ObjectKind, Evidence)> {
        let query: &[_] = if memberships.is_some() { &[] } else { &[("excludedAttributes", "members")] };
        let collector = match groups {
            Some(columns) => self.groups(columns, Some(&mut *sink)),
            None => self.groups(&Columns::new([""; 0]), None),
        };
        let Listing { rows, evidence, .. } = list(&self.service.api, &self.service.paging, Endpoint::Groups, query, collector).await;
        let found = rows.found;
        let mut report = Vec::new();
        if groups.is_some() {
            report.push((ObjectKind::Group, evidence.clone()));
        }
        if let Some(columns) = memberships {
            let (mut found, evidence) = self.with_members(found, evidence).await;
            let resolved = resolve(&mut found.members, &found.ids, accounts, &self.service.manners);
            sink.page(ObjectKind::Membership, &found.memberships(columns, accounts));
            report.push((ObjectKind::Membership, resolved.and(evidence)));
        }
        report
    }

    /// A collector of groups: for a sink, or for their members alone.
    fn groups<'s>(&'s self, columns: &Arc<Columns>, sink: Option<&'s mut dyn PageSink>) -> Groups<'s> {
        let rows = ResourceRows::new(&self.service.discovery, ObjectKind::Group, columns, self.record);
        Groups { rows, hidden: self.service.dialect.empty_member.as_deref(), sink, found: Found::default(), handed: 0 }
    }

    /// Silence about members is not emptiness. Where no group of the list tells its members, they are asked for by name, in the list and of each group.
    async fn with_members(&self, mut found: Found, evidence: Evidence) -> (Found, Evidence) {
        if found.told {
            self.service.manners.told_members();
        }
        if found.ids.is_empty() || (found.told && !self.service.discovery.hides_members) {
            return (found, evidence);
        }
        let members = self.groups(&Columns::new([""; 0]), None);
        let asked = list(&self.service.api, &self.service.paging, Endpoint::Groups, &[ASK_FOR_MEMBERS], members).await;
        if asked.error.is_none() && asked.rows.found.told {
            self.service.manners.told_members();
            return (asked.rows.found, asked.evidence.and(evidence));
        }
        let members = self.members_one_by_one(&mut found).await;
        (found, members.and(evidence))
    }

    async fn members_one_by_one(&self, groups: &mut Found) -> Evidence {
        let mut silent = None;
        for at in 0..groups.ids.len() {
            let id = groups.ids[at].clone();
            match self.service.members(&id).await {
                Ok(Some(members)) => groups.members.extend(members.into_iter().map(|member| (at, member))),
                Ok(None) => silent = silent.or(Some(id)),
                Err(SystemError::NotFound(_)) => return Evidence::Partial { reason: "Groups: a group vanished during the read".into() },
                Err(error) => return Evidence::Partial { reason: format!("Groups/{id}: {error}") },
            }
        }
        match silent {
            Some(id) if !self.service.manners.lists_members() => Evidence::Partial {
                reason: format!(
                    "Groups: no group tells its members, not even when asked for them (the first: {id}), so nobody knows who is in which: allow the token \
                     to read members, or put somebody into a group there to show that they are listed"
                ),
            },
            _ => Evidence::Complete,
        }
    }

    /// One object by its id; false where the service says that it is not there.
    async fn one(&self, endpoint: Endpoint, id: &str, rows: &mut ResourceRows) -> Result<bool, SystemError> {
        let api = &self.service.api;
        let response = api.ask(api.url(&[endpoint.name(), id], &[])?, None, Again::IfAsked).await?;
        if !response.succeeded() {
            return match api.refusal(&response) {
                SystemError::NotFound(_) => Ok(false),
                error => Err(error),
            };
        }
        response.check_json()?;
        let text = String::from_utf8_lossy(&response.body);
        let (found, _) = rows.read(&text)?;
        rows.keep();
        if *found != *id {
            return Err(SystemError::Protocol(format!("asked for {}/{id}, got another one", endpoint.name())));
        }
        Ok(true)
    }

    async fn lookup_id(&self, endpoint: Endpoint, id: &str, mut rows: ResourceRows) -> Result<Page, SystemError> {
        self.one(endpoint, id, &mut rows).await?;
        Ok(rows.page)
    }

    async fn lookup_attribute(
        &self,
        endpoint: Endpoint,
        request: &LookupRequest,
        rows: impl Fn() -> ResourceRows,
    ) -> Result<Page, SystemError> {
        let question = Question::new(&self.service, request)?;
        let fresh = || Matching { rows: rows(), question: question.clone(), answer: self.question_rows(request) };
        let filter = question.filter.to_string();
        let api = &self.service.api;
        let mut listing = None;
        if self.service.dialect.filter {
            let asked = list(api, &self.service.paging, endpoint, &[("filter", &filter)], fresh()).await;
            // A service that can't filter by this may still be read as a whole.
            listing = Some(asked).filter(|asked| !matches!(asked.error, Some(SystemError::Rejected(_))));
        }
        let listing = match listing {
            Some(listing) => listing,
            None => list(api, &self.service.paging, endpoint, &[], fresh()).await,
        };
        match (listing.evidence, listing.error) {
            (Evidence::Complete, _) => Ok(listing.rows.rows.page),
            (_, Some(error)) => Err(error),
            (evidence, None) => Err(SystemError::Protocol(evidence.reason().unwrap_or_default().to_owned())),
        }
    }

    /// Packs the attribute that is asked for, to check answers by.
    fn question_rows(&self, request: &LookupRequest) -> ResourceRows {
        ResourceRows::new(&self.service.discovery, request.kind, &Columns::new([&request.attribute]), false)
    }
}

impl Found {
    /// Members that say nothing about their kind are accounts if such an account was read, and else groups if their id is a group's.
    fn memberships(&self, columns: &Arc<Columns>, accounts: Option<&Page>) -> Page {
        let groups: HashSet<&str> = self.ids.iter().map(AsRef::as_ref).collect();
        let accounts = accounts.map(resolve::ids).unwrap_or_default();
        let mut seen = HashSet::new();
        let mut page = Page::new(columns.clone());
        for (at, member) in &self.members {
            let (Some(group), Some(id)) = (self.ids.get(*at), member.value.as_deref()) else { continue };
            if !seen.insert((*at, id)) {
                continue;
            }
            let is_group = groups.contains(id) && !accounts.contains(id);
            let of_id = if is_group { ObjectKind::Group } else { ObjectKind::Account };
            let kind = if member.kind().unwrap_or(of_id) == ObjectKind::Group { "group" } else { "account" };
            page.row(|row| {
                for column in columns.paths() {
                    match column.as_ref() {
                        "group" => row.text(group),
                        "member" => row.text(id),
                        "kind" => row.text(kind),
                        _ => row.missing(),
                    }
                }
            });
        }
        page
    }
}

/// What is asked for, and how an answer is checked.
#[derive(Clone)]
struct Question {
    filter: Filter,
    value: Arc<str>,
    exact: bool,
}

impl Question {
    fn new(service: &Service, request: &LookupRequest) -> Result<Self, SystemError> {
        let name = request.attribute.as_ref();
        let (path, exact) = match request.kind {
            ObjectKind::Group => (AttributePath::of(name, None), service.discovery.group_case_exact(name)),
            _ => (service.discovery.path(name), service.discovery.case_exact(name)),
        };
        let path = path.ok_or_else(|| SystemError::Rejected(format!("the service has no attribute {name} to look for")))?;
        let complex = matches!(
            kind_of(name),
            AttributeType::Many | AttributeType::ManyCaseless | AttributeType::ManyPhones | AttributeType::Reference
        );
        let path = if complex { path.sub("value") } else { path };
        Ok(Self { filter: Filter::equal(path, &request.value), value: request.value.clone(), exact })
    }

    /// Whether a resource has the value: itself, or as one of several.
    fn answered_by(&self, cell: Cell<'_>) -> bool {
        cell.to_value().is_some_and(|value| self.matches(&value))
    }

    fn matches(&self, value: &Value) -> bool {
        match value {
            Value::Text(text) if self.exact => **text == *self.value,
            Value::Text(text) => text.to_lowercase() == self.value.to_lowercase(),
            Value::List(items) => items.iter().any(|item| self.matches(item)),
            Value::Map(fields) => fields.get("value").is_some_and(|value| self.matches(value)),
            other => other.to_string() == *self.value,
        }
    }
}

/// Keeps what matches the question.
struct Matching {
    rows: ResourceRows,
    question: Question,
    answer: ResourceRows,
}

impl Collect for Matching {
    fn take(&mut self, json: &str, ids: &mut HashSet<Box<str>>) -> Result<(), SystemError> {
        self.answer.page.clear();
        let (id, _) = self.answer.read(json)?;
        self.answer.keep();
        let matches = self.answer.page.rows().next().is_some_and(|row| self.question.answered_by(row.cell(0)));
        if ids.insert(id) && matches {
            self.rows.read(json)?;
            self.rows.keep();
        }
        Ok(())
    }

    fn restart(&mut self) {
        self.rows.page.clear();
    }

    fn size(&self) -> usize {
        self.rows.page.size()
    }
}
