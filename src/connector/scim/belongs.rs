//! The groups that one account is in, asked for without reading all groups where the service can filter.
//!
//! Must never: believe a filter or an account's own `groups`: a group counts once it lists the member itself.

use std::collections::{BTreeSet, HashSet};

use serde_json::Value as Json;

use super::api::Endpoint;
use super::paging::{Collect, Listing, list};
use super::read::ScimReader;
use super::rows::{Member, ResourceRows};
use super::single::{id_in, silent};
use crate::connector::LookupRequest;
use crate::connector::budget::ROW;
use crate::model::{Columns, Evidence, ObjectKind, Page, SystemError};
use crate::scim::{AttributePath, Filter, field};

/// The account whose groups are asked for, by all that a group may list it as.
#[derive(Clone)]
struct Whom {
    id: Box<str>,
    user_name: Option<Box<str>>,
    /// the groups that the account itself names; many services name none
    said: Vec<Box<str>>,
}

impl Whom {
    fn is(&self, member: &Member) -> bool {
        let value = member.value.as_deref();
        let named = |name: &str| value.is_some_and(|value| value.to_lowercase() == name.to_lowercase());
        value == Some(&*self.id)
            || member.linked() == Some(&*self.id)
            || (member.kind() != Some(ObjectKind::Group) && (named(&self.id) || self.user_name.as_deref().is_some_and(named)))
    }
}

/// Groups that were listed, by what they say of one member.
struct Holders {
    rows: ResourceRows,
    whom: Whom,
    /// those that list it
    found: BTreeSet<Box<str>>,
    /// those that list nobody, if only since the service leaves members out
    silent: Vec<Box<str>>,
    /// some group listed members
    told: bool,
}

impl Collect for Holders {
    fn take(&mut self, json: &str, ids: &mut HashSet<Box<str>>) -> Result<(), SystemError> {
        let (id, members) = self.rows.read(json)?;
        if !ids.insert(id.clone()) {
            return Ok(());
        }
        match members {
            None => self.silent.push(id),
            Some(members) => {
                self.told = true;
                if members.iter().any(|member| self.whom.is(member)) {
                    self.found.insert(id);
                }
            }
        }
        Ok(())
    }

    fn restart(&mut self) {
        (self.found, self.silent, self.told) = (BTreeSet::new(), Vec::new(), false);
    }

    fn size(&self) -> usize {
        (self.found.len() + self.silent.len()) * ROW
    }
}

impl ScimReader {
    /// The memberships of one account, or the members of one group, as rows of `group`, `member` and `kind`.
    pub(super) async fn memberships_of(&self, request: &LookupRequest) -> Result<Page, SystemError> {
        let value = request.value.as_ref();
        let pairs: Vec<(Box<str>, Box<str>, &str)> = match request.attribute.as_ref() {
            "member" => self.groups_of(value).await?.into_iter().map(|group| (group, value.into(), "account")).collect(),
            "group" => {
                let members = self.service.members(value).await?.ok_or_else(|| silent(value))?;
                let is_group = |member: &Member| member.kind() == Some(ObjectKind::Group);
                let pair =
                    |member: Member| Some((value.into(), member.value.clone()?, if is_group(&member) { "group" } else { "account" }));
                members.into_iter().filter_map(pair).collect()
            }
            other => return Err(SystemError::Rejected(format!("memberships are asked for by `member` or `group`, not by `{other}`"))),
        };
        let mut page = Page::new(request.columns.clone());
        for (group, member, kind) in pairs {
            page.row(|row| {
                for column in request.columns.paths() {
                    match column.as_ref() {
                        "group" => row.text(&group),
                        "member" => row.text(&member),
                        "kind" => row.text(kind),
                        _ => row.missing(),
                    }
                }
            });
        }
        Ok(page)
    }

    async fn groups_of(&self, member: &str) -> Result<BTreeSet<Box<str>>, SystemError> {
        let whom = self.whom(member).await?;
        let mut listed = None;
        if self.service.dialect.filter
            && let Some(path) = AttributePath::of("members", None)
        {
            let filter = Filter::equal(path.sub("value"), member).to_string();
            let asked = self.holders(&whom, &[("filter", &filter)]).await;
            // A service that can't filter by this may still be read as a whole.
            listed = Some(asked).filter(|asked| !matches!(asked.error, Some(SystemError::Rejected(_))));
        }
        let (listing, all) = match listed {
            Some(listing) => (listing, false),
            None => (self.holders(&whom, &[]).await, true),
        };
        match (listing.evidence, listing.error) {
            (Evidence::Complete, _) => {}
            (_, Some(error)) => return Err(error),
            (evidence, None) => return Err(SystemError::Protocol(evidence.reason().unwrap_or_default().to_owned())),
        }
        let Holders { mut found, silent, told, .. } = listing.rows;
        // In a whole list where others list members, one that lists nobody is empty.
        let doubtful = if all && told { Vec::new() } else { silent };
        for group in doubtful.into_iter().chain(whom.said.iter().cloned()) {
            if !found.contains(&group) && self.lists(&group, &whom).await? {
                found.insert(group);
            }
        }
        Ok(found)
    }

    async fn holders(&self, whom: &Whom, query: &[(&str, &str)]) -> Listing<Holders> {
        let holders = Holders { rows: self.bare_groups(), whom: whom.clone(), found: BTreeSet::new(), silent: Vec::new(), told: false };
        list(&self.service.api, &self.service.paging, Endpoint::Groups, query, holders).await
    }

    fn bare_groups(&self) -> ResourceRows {
        ResourceRows::new(&self.service.discovery, ObjectKind::Group, &Columns::new([""; 0]), false)
    }

    /// Whether a group lists a member. One that does not tell its members, though a filter or the account itself says that it is one, leaves it open.
    async fn lists(&self, group: &str, whom: &Whom) -> Result<bool, SystemError> {
        match self.service.members(group).await {
            Ok(Some(members)) => Ok(members.iter().any(|member| whom.is(member))),
            Ok(None) => Err(silent(group)),
            Err(SystemError::NotFound(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// What the account says of itself.
    async fn whom(&self, id: &str) -> Result<Whom, SystemError> {
        let nobody = Whom { id: id.into(), user_name: None, said: Vec::new() };
        let account = match self.service.single(Endpoint::Users, id).await {
            Ok(single) => single.resource,
            Err(SystemError::NotFound(_)) => return Ok(nobody),
            Err(error) => return Err(error),
        };
        let groups = field(&account, "groups").and_then(Json::as_array);
        let direct = groups.into_iter().flatten().filter(|group| field(group, "type").and_then(Json::as_str) != Some("indirect"));
        let said = direct.filter_map(|group| id_in(group, "value")).map(Box::from).collect();
        Ok(Whom { user_name: field(&account, "userName").and_then(Json::as_str).map(Box::from), said, ..nobody })
    }
}
