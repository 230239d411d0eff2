//! Groups and who is in them.
//!
//! Must never: take the member that stands for nobody for somebody, drop a member whom nobody knows, or believe a list that the server gives in parts before the
//! last one came.

use std::sync::Arc;

use super::directory::Names;
use super::filter::Filter;
use super::layout::Groups;
use super::message::{Entry, Scope};
use super::read::{LdapReader, Take};
use super::rows::EntryRows;
use crate::connector::pages::PAGE_BYTES;
use crate::connector::{LookupRequest, PageSink};
use crate::model::{Columns, Evidence, ObjectKind, Page, SystemError};

/// Parts of one list; more of them are no list but a loop.
const MAX_PARTS: u32 = 100_000;

/// Groups, handed on page by page where they are wanted, and what they say of their members.
struct Found<'s, 'n, 'g> {
    rows: EntryRows,
    groups: &'g Groups,
    names: &'n mut Names,
    sink: Option<&'s mut dyn PageSink>,
    page: Page,
    handed: usize,
    /// group and value; a page, since there may be many
    members: Page,
    /// groups whose list goes on: their id, their DN, and from where
    parts: Vec<(Arc<str>, String, u32)>,
    nobody: Vec<Arc<str>>,
}

impl Take for Found<'_, '_, '_> {
    fn take(&mut self, entry: &Entry, id: &Arc<str>) -> Result<(), SystemError> {
        self.names.note(ObjectKind::Group, id, &entry.name, None);
        if self.sink.is_some() {
            self.rows.write(entry, id, None, &mut self.page);
        }
        let attribute = &self.groups.member;
        let values = match entry.range(attribute) {
            Some((next, values)) => {
                self.parts.extend(next.map(|next| (id.clone(), entry.name.clone(), next)));
                values
            }
            None => entry.values(attribute),
        };
        if add(self.groups, id, values, &mut self.members)? {
            self.nobody.push(id.clone());
        }
        Ok(())
    }

    fn page(&mut self) {
        if let Some(sink) = self.sink.as_mut().filter(|_| self.page.size() >= PAGE_BYTES) {
            sink.page(ObjectKind::Group, &self.page);
            self.handed += self.page.size();
            self.page.clear();
        }
    }

    fn restart(&mut self) {
        self.page.clear();
        self.members.clear();
        self.parts.clear();
        self.nobody.clear();
        self.handed = 0;
        if let Some(sink) = &mut self.sink {
            sink.restart(ObjectKind::Group);
        }
    }

    fn size(&self) -> usize {
        self.handed + self.page.size() + self.members.size()
    }
}

/// Adds the members that a list names; whether one of them stands for nobody.
fn add(groups: &Groups, id: &str, values: &[bytes::Bytes], members: &mut Page) -> Result<bool, SystemError> {
    let mut nobody = false;
    for value in values {
        let odd = |_| SystemError::Protocol("a member's name is not UTF-8".into());
        let value = std::str::from_utf8(value).map_err(odd)?;
        match groups.is_nobody(value) {
            true => nobody = true,
            false => members.row(|row| [id, value].into_iter().for_each(|text| row.text(text))),
        }
    }
    Ok(nobody)
}

impl LdapReader {
    /// Reads groups, memberships or both; `known` says how much of the accounts is known by now.
    pub(super) async fn groups(
        &self,
        wanted: Option<&Arc<Columns>>,
        memberships: Option<&Arc<Columns>>,
        (names, known): (&mut Names, Evidence),
        sink: &mut dyn PageSink,
    ) -> Vec<(ObjectKind, Evidence)> {
        let both = |evidence: &Evidence| -> Vec<(ObjectKind, Evidence)> {
            let group = wanted.map(|_| (ObjectKind::Group, evidence.clone()));
            group.into_iter().chain(memberships.map(|_| (ObjectKind::Membership, evidence.clone()))).collect()
        };
        let groups = match self.directory.layout.groups() {
            Ok(groups) => groups,
            Err(error) => return both(&Evidence::Unreadable { reason: error.to_string() }),
        };
        let columns = wanted.cloned().unwrap_or_else(|| Columns::new(["id"]));
        let rows = self.rows(ObjectKind::Group, &groups.objects, &columns);
        let mut attributes = rows.attributes.clone();
        if memberships.is_some() {
            attributes.push(groups.member.clone());
        }
        let mut found = Found {
            rows: rows.clone(),
            groups,
            names: &mut *names,
            sink: if wanted.is_some() { Some(&mut *sink) } else { None },
            page: Page::new(columns),
            handed: 0,
            members: Page::new(Columns::new(["group", "member"])),
            parts: Vec::new(),
            nobody: Vec::new(),
        };
        let evidence = self.list(&groups.objects, &attributes, &rows, &mut found).await;
        if let Some(sink) = found.sink.as_mut().filter(|_| !found.page.is_empty()) {
            sink.page(ObjectKind::Group, &found.page);
        }
        let (mut members, parts, nobody) = (found.members, found.parts, found.nobody);
        if memberships.is_some() {
            self.directory.empty().extend(nobody);
        }
        let mut report: Vec<_> = wanted.map(|_| (ObjectKind::Group, evidence.clone())).into_iter().collect();
        if let Some(columns) = memberships {
            let rest = self.rest_of_lists(groups, parts, &mut members).await;
            hand_on(&members, columns, names, sink);
            let unknown = known.reason().map(|reason| Evidence::Partial { reason: format!("not all accounts are known: {reason}") });
            report.push((ObjectKind::Membership, evidence.and(rest).and(unknown.unwrap_or(Evidence::Complete))));
        }
        report
    }

    /// Long lists come in parts.
    async fn rest_of_lists(&self, groups: &Groups, parts: Vec<(Arc<str>, String, u32)>, members: &mut Page) -> Evidence {
        for (id, name, next) in parts {
            if let Err(error) = self.rest_of_list(groups, (&id, &name, next), members).await {
                return Evidence::Partial { reason: format!("the members of a group came in part: {error}") };
            }
        }
        Evidence::Complete
    }

    async fn rest_of_list(&self, groups: &Groups, (id, name, mut next): (&str, &str, u32), members: &mut Page) -> Result<(), SystemError> {
        for _ in 0..MAX_PARTS {
            let attributes = [format!("{};range={next}-*", groups.member)];
            let entry = self.directory.entry(name, &attributes).await?;
            let entry = entry.ok_or_else(|| SystemError::NotFound("a group vanished during the read".into()))?;
            let Some((after, values)) = entry.range(&groups.member) else {
                return Err(SystemError::Protocol("a list of members breaks off".into()));
            };
            add(groups, id, values, members)?;
            match after {
                None => return Ok(()),
                Some(after) if after > next => next = after,
                Some(_) => break,
            }
        }
        Err(SystemError::Protocol("a list of members goes in circles".into()))
    }

    /// All values of a group's list.
    pub(super) async fn members_of(&self, groups: &Groups, id: &str, name: &str) -> Result<Vec<String>, SystemError> {
        let entry = self.directory.entry(name, std::slice::from_ref(&groups.member)).await?;
        let entry = entry.ok_or_else(|| SystemError::NotFound(format!("there is no group {name}")))?;
        let mut members = Page::new(Columns::new(["group", "member"]));
        let (next, values) = entry.range(&groups.member).unwrap_or((None, entry.values(&groups.member)));
        if add(groups, id, values, &mut members)? {
            self.directory.empty().insert(id.into());
        }
        if let Some(next) = next {
            self.rest_of_list(groups, (id, name, next), &mut members).await?;
        }
        Ok(members.rows().filter_map(|row| row.cell(1).as_text().map(str::to_owned)).collect())
    }

    /// The memberships of one account, or the members of one group.
    pub(super) async fn memberships_of(&self, request: &LookupRequest) -> Result<Page, SystemError> {
        let groups = self.directory.layout.groups()?;
        let value = request.value.as_ref();
        let mut page = Page::new(request.columns.clone());
        match request.attribute.as_ref() {
            "group" => {
                let name = self.directory.name_of(ObjectKind::Group, value).await?;
                for member in self.members_of(groups, value, &name).await? {
                    let known = self.member(groups, &member).await?;
                    row(&request.columns, value, known.as_ref(), &member, &mut page);
                }
            }
            "member" => {
                let listed = match self.listed_as(groups, ObjectKind::Account, value).await {
                    Err(SystemError::NotFound(_)) => self.listed_as(groups, ObjectKind::Group, value).await?,
                    listed => listed?,
                };
                let filter = Filter::and(&[groups.objects.filter.clone(), Filter::equal(&groups.member, listed.as_bytes())]);
                let id = self.directory.layout.id;
                let found = self.directory.find(&groups.objects.base, Scope::Subtree, &filter, &[id.attribute().to_owned()]).await?;
                let known = self.member(groups, &listed).await?.or_else(|| Some((ObjectKind::Account, request.value.clone())));
                for entry in found {
                    if let Some(group) = id.read(&entry) {
                        row(&request.columns, &group, known.as_ref(), value, &mut page);
                    }
                }
            }
            other => return Err(SystemError::Rejected(format!("memberships are asked for by `member` or `group`, not by `{other}`"))),
        }
        Ok(page)
    }

    /// How a group lists an account or a group.
    pub(super) async fn listed_as(&self, groups: &Groups, kind: ObjectKind, id: &str) -> Result<String, SystemError> {
        let name = self.directory.name_of(kind, id).await?;
        if groups.by_name() {
            return Ok(name.to_string());
        }
        let uid = self.directory.layout.users.attributes.get("userName").cloned().unwrap_or_default();
        let entry = self.directory.entry(&name, std::slice::from_ref(&uid)).await?;
        let found = entry.as_ref().and_then(|entry| entry.text(&uid)).map(str::to_owned);
        found.ok_or_else(|| SystemError::NotFound(format!("{name} has no `{uid}`, by which groups list it")))
    }

    /// Who a value of a group's list is.
    async fn member(&self, groups: &Groups, value: &str) -> Result<Option<(ObjectKind, Arc<str>)>, SystemError> {
        if groups.by_name() {
            return self.who(value).await;
        }
        let layout = &self.directory.layout;
        let uid = layout.users.attributes.get("userName").cloned().unwrap_or_default();
        let filter = Filter::and(&[layout.users.filter.clone(), Filter::equal(&uid, value.as_bytes())]);
        let found = self.directory.find(&layout.users.base, Scope::Subtree, &filter, &[layout.id.attribute().to_owned()]).await?;
        Ok(found.first().and_then(|entry| layout.id.read(entry)).map(|id| (ObjectKind::Account, id.into())))
    }
}

/// Members as rows. Whom nobody knows stands for itself, by the name that the group has for it: planning tells of it.
fn hand_on(members: &Page, columns: &Arc<Columns>, names: &Names, sink: &mut dyn PageSink) {
    let mut page = Page::new(columns.clone());
    for member in members.rows() {
        let (Some(group), Some(value)) = (member.cell(0).as_text(), member.cell(1).as_text()) else { continue };
        row(columns, group, names.who(value), value, &mut page);
        if page.size() >= PAGE_BYTES {
            sink.page(ObjectKind::Membership, &page);
            page.clear();
        }
    }
    if !page.is_empty() {
        sink.page(ObjectKind::Membership, &page);
    }
}

fn row(columns: &Columns, group: &str, known: Option<&(ObjectKind, Arc<str>)>, value: &str, page: &mut Page) {
    page.row(|row| {
        for column in columns.paths() {
            match column.as_ref() {
                "group" => row.text(group),
                "member" => row.text(known.map_or(value, |(_, id)| id)),
                "kind" => row.text(match known {
                    Some((ObjectKind::Group, _)) => "group",
                    Some(_) => "account",
                    None => "nobody",
                }),
                _ => row.missing(),
            }
        }
    });
}
