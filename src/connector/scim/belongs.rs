//! The groups that one account is in, asked for without reading all groups where the service can filter.
//!
//! Must never: believe a filter or an account's own `groups`: a group counts once it lists the member itself.

use std::collections::{BTreeSet, HashSet};

use serde_json::Value as Json;

use super::api::Endpoint;
use super::paging::{Collect, Listing, list};
use super::read::ScimReader;
use super::rows::ResourceRows;
use crate::connector::LookupRequest;
use crate::model::{Columns, Evidence, ObjectKind, Page, SystemError};
use crate::scim::{AttributePath, Filter};

/// Groups that were listed, by what they say of one member.
struct Holders {
    rows: ResourceRows,
    member: Box<str>,
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
                if members.iter().any(|member| member.value.as_deref() == Some(&*self.member)) {
                    self.found.insert(id);
                }
            }
        }
        Ok(())
    }
}

impl ScimReader {
    /// The memberships of one account, as rows of `group`, `member` and `kind`.
    pub(super) async fn memberships_of(&self, request: &LookupRequest) -> Result<Page, SystemError> {
        if request.attribute.as_ref() != "member" {
            return Err(SystemError::Rejected(format!("memberships are asked for by `member`, not by `{}`", request.attribute)));
        }
        let groups = self.groups_of(&request.value).await?;
        let mut page = Page::new(request.columns.clone());
        for group in groups {
            page.row(|row| {
                for column in request.columns.paths() {
                    match column.as_ref() {
                        "group" => row.text(&group),
                        "member" => row.text(&request.value),
                        "kind" => row.text("account"),
                        _ => row.missing(),
                    }
                }
            });
        }
        Ok(page)
    }

    async fn groups_of(&self, member: &str) -> Result<BTreeSet<Box<str>>, SystemError> {
        let mut listed = None;
        if self.service.discovery.filter
            && let Some(path) = AttributePath::of("members", None)
        {
            let filter = Filter::equal(path.sub("value"), member).to_string();
            let asked = self.holders(member, &[("filter", &filter)]).await;
            // A service that can't filter by this may still be read as a whole.
            listed = Some(asked).filter(|asked| !matches!(asked.error, Some(SystemError::Rejected(_))));
        }
        let (listing, all) = match listed {
            Some(listing) => (listing, false),
            None => (self.holders(member, &[]).await, true),
        };
        match (listing.evidence, listing.error) {
            (Evidence::Complete, _) => {}
            (_, Some(error)) => return Err(error),
            (evidence, None) => return Err(SystemError::Protocol(evidence.reason().unwrap_or_default().to_owned())),
        }
        let Holders { mut found, silent, told, .. } = listing.rows;
        // In a whole list where others list members, one that lists nobody is empty.
        let doubtful = if all && told { Vec::new() } else { silent };
        let said = self.own_groups(member).await?;
        for group in doubtful.into_iter().chain(said) {
            if !found.contains(&group) && self.lists(&group, member).await? {
                found.insert(group);
            }
        }
        Ok(found)
    }

    async fn holders(&self, member: &str, query: &[(&str, &str)]) -> Listing<Holders> {
        let fresh = || Holders { rows: self.bare_groups(), member: member.into(), found: BTreeSet::new(), silent: Vec::new(), told: false };
        list(&self.service.api, self.service.paging, Endpoint::Groups, query, fresh).await
    }

    fn bare_groups(&self) -> ResourceRows {
        ResourceRows::new(&self.service.discovery, ObjectKind::Group, &Columns::new([""; 0]), false)
    }

    /// Whether a group lists a member.
    async fn lists(&self, group: &str, member: &str) -> Result<bool, SystemError> {
        let members = self.one(Endpoint::Groups, group, &mut self.bare_groups()).await?;
        Ok(members.flatten().is_some_and(|members| members.iter().any(|known| known.value.as_deref() == Some(member))))
    }

    /// The groups that the account itself names; many services name none.
    async fn own_groups(&self, member: &str) -> Result<Vec<Box<str>>, SystemError> {
        let api = &self.service.api;
        let response = match api.get(api.url(&[Endpoint::Users.name(), member], &[])?).await {
            Ok(response) => response,
            Err(SystemError::NotFound(_)) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let account = response.json()?;
        let groups = account.get("groups").and_then(Json::as_array);
        let direct = groups.into_iter().flatten().filter(|group| group.get("type").and_then(Json::as_str) != Some("indirect"));
        Ok(direct.filter_map(|group| group.get("value").and_then(Json::as_str)).map(Box::from).collect())
    }
}
