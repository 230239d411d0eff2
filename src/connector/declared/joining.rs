//! Puts members into groups and takes them out: one by one, or all of them said at once.
//!
//! Must never: say who is in a group without knowing all who are.

use std::sync::{Arc, PoisonError};

use serde_json::Value as Json;

use super::definition::{Members, Objects};
use super::exchange::Written as Content;
use super::key;
use super::listing::{Collect, list};
use super::membership_rows::rows;
use super::parts::Hidden;
use super::scope::Scope;
use super::writer::{DeclaredWriter, Wanted, cannot, done};
use crate::connector::{Write, Written};
use crate::model::{Action, Evidence, ObjectKind, SystemError};

impl DeclaredWriter {
    /// Of which of several kinds a group is. Nobody remembers that from one run to the next, so it is asked for; what is none of them, or of two, is not changed.
    pub(super) async fn kind_of(&self, id: &Arc<str>) -> Result<&Objects, SystemError> {
        let groups = &self.api.definition.groups;
        let known = self.kinds.lock().unwrap_or_else(PoisonError::into_inner).get(id).copied();
        if let Some((_, objects)) = known.and_then(|at| groups.get(at)) {
            return Ok(objects);
        }
        // Of a kind that nothing changes there is nothing to be asked: the right to read it may be missing.
        let written = groups.iter().enumerate().filter(|(_, (_, objects))| objects.is_written());
        let written: Vec<(usize, &Objects)> = written.map(|(at, (_, objects))| (at, objects)).collect();
        if let [(_, only)] = written.as_slice() {
            return Ok(only);
        }
        let mut found = Vec::new();
        for (at, objects) in written {
            if self.is_there(objects, id).await? {
                found.push(at);
            }
        }
        match found.as_slice() {
            [] => Err(SystemError::NotFound("it is not there any more".into())),
            [at] => {
                self.kinds.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), *at);
                groups.get(*at).map(|(_, objects)| objects).ok_or_else(|| cannot("change this"))
            }
            _ => {
                Err(SystemError::Rejected(format!("groups of several kinds have the id {id}; name one in `groupKinds` of the connection")))
            }
        }
    }

    /// Whether a kind has an object of this id: by `get`, else by its list.
    async fn is_there(&self, objects: &Objects, id: &Arc<str>) -> Result<bool, SystemError> {
        if objects.get.is_some() {
            return match self.record(objects, &Json::from(&**id)).await {
                Ok(_) => Ok(true),
                Err(SystemError::NotFound(_)) => Ok(false),
                Err(error) => Err(error),
            };
        }
        let Some(request) = &objects.list else { return Ok(false) };
        let mut found = Listed { objects, scope: self.api.scope(), id, there: false };
        match list(&self.api, request, &self.api.scope(), &mut found).await.evidence {
            _ if found.there => Ok(true),
            Evidence::Complete => Ok(false),
            other => Err(SystemError::Unavailable(other.reason().unwrap_or_default().to_owned())),
        }
    }

    pub(super) async fn members(&self, objects: &Objects, write: &Write<'_>) -> Result<Written, SystemError> {
        let members = objects.members.as_ref().ok_or_else(|| cannot("change who is in a group"))?;
        let adds = write.change.action == Action::AddMembers;
        let one_by_one = if adds { &members.add } else { &members.remove };
        let group = serde_json::json!({"id": write.id.as_deref()});
        let wanted = self.wanted(objects, write, objects.writable.is_some()).await?;
        let Some(request) = one_by_one else { return self.set(members, objects, write, &wanted).await };
        let rows = match &members.row {
            Some(row) if !adds => Some(rows(&self.api, members, row, &self.scope(&wanted).with("group", &group)).await?),
            _ => None,
        };
        let mut already_so = true;
        for (kind, id) in &write.members {
            let row = rows.as_ref().map(|rows| rows.get(&**id));
            if row == Some(None) {
                continue;
            }
            let kind = if *kind == ObjectKind::Group { "group" } else { "account" };
            let member = serde_json::json!({"id": &**id, "kind": kind, "row": row.flatten()});
            let key = Json::from(key::key(write, id));
            let scope = self.scope(&wanted).with("group", &group).with("member", &member).with("key", &key);
            let sent = self.api.send(request, &scope, &Content::default()).await?;
            already_so &= sent.already_so;
        }
        done(write, already_so)
    }

    /// Says all members at once, as they are now and as the change wants them.
    async fn set(&self, members: &Members, objects: &Objects, write: &Write<'_>, wanted: &Wanted<'_>) -> Result<Written, SystemError> {
        let request = members.set.as_ref().ok_or_else(|| cannot("change who is in a group"))?;
        let mut now = self.members_now(members, objects, write).await?;
        let before = now.clone();
        for (_, id) in &write.members {
            now.retain(|known| **known != **id);
            if write.change.action == Action::AddMembers {
                now.push(id.to_string());
            }
        }
        if now.len() < members.at_least as usize {
            let words = format!("a group here has at least {} members, and this would leave {}", members.at_least, now.len());
            return Err(SystemError::Rejected(words));
        }
        let mut same = (before.clone(), now.clone());
        same.0.sort();
        same.1.sort();
        if same.0 == same.1 {
            return done(write, true);
        }
        let (group, all) = (serde_json::json!({"id": write.id.as_deref()}), Json::from(now));
        let scope = self.scope(wanted).with("group", &group).with("members", &all);
        let sent = self.api.send(request, &scope, &Content::default()).await?;
        done(write, sent.already_so)
    }

    /// Who is in a group now. Nothing is said of all of them unless all of them are known.
    async fn members_now(&self, members: &Members, objects: &Objects, write: &Write<'_>) -> Result<Vec<String>, SystemError> {
        let group = serde_json::json!({"id": write.id.as_deref()});
        let scope = self.api.scope().with("group", &group);
        let mut found = Ids { members, scope: &scope, ids: Vec::new() };
        if let Some(request) = &members.list {
            return match list(&self.api, request, &scope, &mut found).await.evidence {
                Evidence::Complete => Ok(found.ids),
                other => {
                    Err(SystemError::Unavailable(format!("who is in it now could not be read: {}", other.reason().unwrap_or_default())))
                }
            };
        }
        let (Some(inline), Some(id)) = (&members.inline, &write.id) else { return Err(cannot("tell who is in a group")) };
        let record = self.record(objects, &Json::from(&**id)).await?;
        let all = scope.with("record", &record).value(inline).map_err(SystemError::Protocol)?;
        let Some(Json::Array(all)) = all else {
            return Err(SystemError::Unavailable("it does not say who is in it now".into()));
        };
        all.iter().for_each(|member| found.take(member, Vec::new()));
        Ok(found.ids)
    }
}

/// Looks for one object in a list.
struct Listed<'l> {
    objects: &'l Objects,
    scope: Scope<'l>,
    id: &'l str,
    there: bool,
}

impl Collect for Listed<'_> {
    fn id(&self, record: &Json) -> Option<String> {
        self.scope.with("record", record).text(&self.objects.id).filter(|id| !id.is_empty())
    }

    fn take(&mut self, record: &Json, _: Vec<Hidden>) {
        self.there = self.there || self.id(record).as_deref() == Some(self.id);
    }

    fn page(&mut self) -> usize {
        0
    }
}

/// The ids of members.
struct Ids<'i, 's> {
    members: &'i Members,
    scope: &'i Scope<'s>,
    ids: Vec<String>,
}

impl Collect for Ids<'_, '_> {
    fn id(&self, record: &Json) -> Option<String> {
        match &self.members.id {
            Some(id) => self.scope.with("record", record).text(id),
            None => super::scope::as_text(record),
        }
    }

    fn take(&mut self, record: &Json, _: Vec<Hidden>) {
        self.ids.extend(self.id(record));
    }

    fn page(&mut self) -> usize {
        0
    }
}
