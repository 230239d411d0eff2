//! Who belongs to which group, asked for one account or one group: by a request of the document, else by reading all groups.
//!
//! Must never: answer with fewer groups than there are. What could not be read to its end is an error.

use serde_json::{Value as Json, json};

use super::definition::{Members, Objects, Request};
use super::listing::{Collect, list};
use super::parts::Hidden;
use super::reader::DeclaredReader;
use super::records::membership;
use crate::connector::{Gone, LookupRequest, PageSink};
use crate::model::{Columns, Evidence, ObjectKind, Page, SystemError};

impl DeclaredReader {
    /// The memberships of one `member`, or of one `group`.
    pub(super) async fn memberships(&self, request: &LookupRequest) -> Result<Page, SystemError> {
        let mut page = Page::new(request.columns.clone());
        match request.attribute.as_ref() {
            "member" => self.groups_of(&request.value, &mut page).await?,
            "group" => self.members_in(&request.value, &mut page).await?,
            other => return Err(SystemError::Rejected(format!("memberships are asked for by `member` or `group`, not by `{other}`"))),
        }
        Ok(page)
    }

    async fn groups_of(&self, member: &str, page: &mut Page) -> Result<(), SystemError> {
        let kinds = self.api.definition.groups.iter().filter_map(|(_, objects)| Some((objects, objects.members.as_ref()?)));
        let mut unasked = false;
        for (objects, members) in kinds {
            match &members.of {
                Some(request) => self.asked(objects, request, member, page).await?,
                None => unasked = true,
            }
        }
        if !unasked {
            return Ok(());
        }
        // The system can't be asked who somebody is with: then all groups are looked through.
        let mut all = Theirs { member, page };
        let columns = Columns::new(["group", "member", "kind"]);
        let report = self.groups(None, Some(&columns), &mut all).await;
        whole(&report.into_iter().map(|(_, evidence)| evidence).fold(Evidence::Complete, Evidence::and))
    }

    async fn asked(&self, objects: &Objects, request: &Request, member: &str, page: &mut Page) -> Result<(), SystemError> {
        let named = json!({"id": member});
        let scope = self.api.scope().with("member", &named);
        let mut groups = GroupIds { objects, config: &self.api.definition.config, ids: Vec::new() };
        let ended = list(&self.api, request, &scope, &mut groups).await;
        if let Some(SystemError::NotFound(_)) = ended.error {
            return Ok(());
        }
        groups.ids.iter().for_each(|group| membership(page, group, member, Some(ObjectKind::Account)));
        whole(&ended.evidence)
    }

    async fn members_in(&self, group: &str, page: &mut Page) -> Result<(), SystemError> {
        for (_, objects) in &self.api.definition.groups {
            let Some(members) = &objects.members else { continue };
            let record = match self.group(objects, members, group).await {
                Err(SystemError::NotFound(_)) => continue,
                record => record?,
            };
            return whole(&self.members_of(members, group, &record, page).await);
        }
        Err(SystemError::NotFound(format!("there is no group {group}")))
    }

    /// The group's record, where its members or their number stand in it, or several kinds of groups must be told apart.
    async fn group(&self, objects: &Objects, members: &Members, id: &str) -> Result<Json, SystemError> {
        let needed = members.inline.is_some() || members.total.is_some() || self.api.definition.groups.len() > 1;
        if needed { self.record(objects, id).await } else { Ok(Json::Null) }
    }
}

fn whole(evidence: &Evidence) -> Result<(), SystemError> {
    match evidence {
        Evidence::Complete => Ok(()),
        other => Err(SystemError::Unavailable(other.reason().unwrap_or("not all of it could be read").to_owned())),
    }
}

/// The ids of groups.
struct GroupIds<'g> {
    objects: &'g Objects,
    config: &'g Json,
    ids: Vec<String>,
}

impl Collect for GroupIds<'_> {
    fn id(&self, record: &Json) -> Option<String> {
        let scope = super::scope::Scope::default().with("config", self.config).with("record", record);
        scope.text(&self.objects.id).filter(|id| !id.is_empty())
    }

    fn take(&mut self, record: &Json, _: Vec<Hidden>) {
        self.ids.extend(self.id(record));
    }

    fn page(&mut self) -> usize {
        0
    }
}

/// Of all memberships those of one member.
struct Theirs<'t> {
    member: &'t str,
    page: &'t mut Page,
}

impl PageSink for Theirs<'_> {
    fn page(&mut self, kind: ObjectKind, page: &Page) {
        let theirs = |row: &crate::model::Row<'_>| row.cell(1).as_text() == Some(self.member);
        for row in page.rows().filter(theirs).filter(|_| kind == ObjectKind::Membership) {
            let of = if row.cell(2).as_text() == Some("group") { ObjectKind::Group } else { ObjectKind::Account };
            membership(self.page, row.cell(0).as_text().unwrap_or_default(), self.member, Some(of));
        }
    }

    fn restart(&mut self, _: ObjectKind) {
        self.page.clear();
    }

    fn gone(&mut self, _: ObjectKind, _: Gone<'_>) {}
}
