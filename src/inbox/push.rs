//! What a push changes: worked out of what is at hand, entry by entry, before anything is kept.
//!
//! Must never: change anything itself, or take an unsaid `active` for one that lets somebody in.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value as Json, json};

use super::kept::PushRefusal;
use super::memory::{Entry, Inbox};
use super::resource::{InboxResource, Version, fresh_id};
use crate::scim::{self, PatchStep, ScimRefusal, ServedKind};

/// What was deleted is known so long.
const DELETED: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What came of something that was pushed.
#[derive(Clone, Debug, PartialEq)]
pub struct Pushed {
    /// whom it is about
    pub id: Arc<str>,
    /// its version now
    pub version: Version,
    /// something is otherwise than it was
    pub changed: bool,
}

/// What is pushed.
pub(super) enum Push<'p> {
    Create(&'p Json),
    Replace(&'p str, &'p Json),
    Patch(&'p str, &'p [PatchStep]),
    Delete(&'p str),
}

/// Whether it was deleted so long ago that nobody has to know it any more.
pub(super) fn is_old(resource: &InboxResource, now: Timestamp) -> bool {
    resource.deleted && now.duration_since(resource.modified) > DELETED
}

/// Which version a client counts on (RFC 7232's If-Match).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Match {
    /// any
    Any,
    /// one of these
    Of(BTreeSet<Version>),
}

impl Match {
    fn fits(&self, version: Version) -> bool {
        match self {
            Self::Any => true,
            Self::Of(versions) => versions.contains(&version),
        }
    }
}

impl Inbox {
    /// What nobody has to know any more.
    pub(super) fn forgettable(&self, now: Timestamp) -> Vec<Entry> {
        let of = |kind: ServedKind| {
            let old = self.kind(kind).by_id.iter().filter(|(_, known)| is_old(&known.resource, now));
            old.map(move |(id, _)| Entry::Resource(kind, id.clone(), None)).collect::<Vec<_>>()
        };
        ServedKind::ALL.into_iter().flat_map(of).collect()
    }

    /// What a push changes; nothing where it changes nothing.
    pub(super) fn entries(
        &self,
        kind: ServedKind,
        push: &Push<'_>,
        fits: Option<&Match>,
        now: Timestamp,
    ) -> Result<(Pushed, Vec<Entry>), PushRefusal> {
        let id = match push {
            Push::Create(_) => None,
            Push::Replace(id, _) | Push::Patch(id, _) | Push::Delete(id) => Some(*id),
        };
        let known = match id {
            None => None,
            Some(id) => {
                let found = self.kind(kind).by_id.get_key_value(id).filter(|(_, known)| !known.resource.deleted);
                let found = found.ok_or_else(|| ScimRefusal::missing(format!("there is no {} {id}", kind.word())))?;
                let found = (found.0, &found.1.resource);
                if fits.is_some_and(|fits| !fits.fits(found.1.version)) {
                    return Err(PushRefusal::Stale);
                }
                Some(found)
            }
        };
        match (push, known) {
            (Push::Create(body), _) => {
                let mut fields = scim::taken(kind, body)?;
                // Only a word lets somebody in, and `null` is none.
                if kind == ServedKind::User && scim::field(body, "active").is_some() {
                    fields.entry("active").or_insert(Json::Bool(false));
                }
                let id = fresh_id().ok_or_else(|| PushRefusal::Away("this machine has no random numbers".into()))?;
                self.kept(kind, (&id, None), fields, now)
            }
            (Push::Replace(_, body), Some((id, before))) => {
                let mut fields = scim::taken(kind, body)?;
                // Who was cut off is not let in again by what is not said.
                if before.inactive {
                    fields.entry("active").or_insert(Json::Bool(false));
                }
                self.kept(kind, (id, Some(before)), fields, now)
            }
            (Push::Patch(_, steps), Some((id, before))) => {
                let mut fields = before.fields();
                if kind == ServedKind::Group {
                    let members = self.members_of(id).map(|member| json!({"value": &**member})).collect();
                    fields.insert("members".to_owned(), Json::Array(members));
                }
                let fields = scim::changed(kind, &fields, steps)?;
                self.kept(kind, (id, Some(before)), fields, now)
            }
            (Push::Delete(_), Some((id, before))) => Ok(self.deleted(kind, id, before, now)),
            (_, None) => Err(ScimRefusal::missing(format!("there is no such {}", kind.word())).into()),
        }
    }

    fn deleted(&self, kind: ServedKind, id: &Arc<str>, before: &InboxResource, now: Timestamp) -> (Pushed, Vec<Entry>) {
        let version = before.version + 1;
        let gone = before.gone.or_else(|| (!before.inactive).then_some(now));
        let resource = InboxResource { modified: now, version, gone, deleted: true, ..before.clone() };
        let mut entries = vec![Entry::Resource(kind, id.clone(), Some(resource))];
        let of = self.groups_with(id).map(|group| Entry::Member { group: group.clone(), member: id.clone(), is: false });
        entries.extend(of);
        entries.extend(self.members_of(id).map(|member| Entry::Member { group: id.clone(), member: member.clone(), is: false }));
        (Pushed { id: id.clone(), version, changed: true }, entries)
    }

    fn kept(
        &self,
        kind: ServedKind,
        (id, before): (&Arc<str>, Option<&InboxResource>),
        mut fields: Map<String, Json>,
        now: Timestamp,
    ) -> Result<(Pushed, Vec<Entry>), PushRefusal> {
        let inactive = InboxResource::says_active(&fields).map_or_else(|| before.is_some_and(|before| before.inactive), |active| !active);
        self.is_free(kind, id, &fields, inactive)?;
        let mut entries = Vec::new();
        if kind == ServedKind::Group {
            entries = self.members(id, fields.remove("members").unwrap_or_default())?;
        }
        let body = serde_json::to_string(&fields).unwrap_or_default().into_boxed_str();
        let version = before.map_or(1, |before| before.version + 1);
        let same = before.is_some_and(|before| before.body == body && before.inactive == inactive) && entries.is_empty();
        if same {
            let version = before.map_or(1, |before| before.version);
            return Ok((Pushed { id: id.clone(), version, changed: false }, entries));
        }
        let was_there = before.is_some_and(|before| before.gone.is_none() && !before.inactive);
        let gone = match (inactive, was_there) {
            (false, _) => None,
            (true, true) => Some(now),
            // Who came inactive went nowhere.
            (true, false) => before.and_then(|before| before.gone),
        };
        let (created, order) = before.map_or((now, self.next_order), |before| (before.created, before.order));
        let resource = InboxResource { created, modified: now, version, order, gone, inactive, deleted: false, body };
        entries.push(Entry::Resource(kind, id.clone(), Some(resource)));
        Ok((Pushed { id: id.clone(), version, changed: true }, entries))
    }

    /// Nobody else has its name, and nobody else who is active is called so by the client: Okta renames by deactivating one and making another.
    fn is_free(&self, kind: ServedKind, id: &Arc<str>, fields: &Map<String, Json>, inactive: bool) -> Result<(), ScimRefusal> {
        let of = self.kind(kind);
        if kind == ServedKind::User
            && let Some(name) = InboxResource::text(fields, kind.name())
            && of.named(&name).any(|other| other != id)
        {
            return Err(ScimRefusal::uniqueness(format!("there is another {} with this {}", kind.word(), kind.name())));
        }
        let active = |other: &&Arc<str>| of.by_id.get(*other).is_some_and(|other| other.is_active);
        if !inactive
            && let Some(external) = InboxResource::text(fields, "externalId")
            && of.called(&external).filter(|other| *other != id).any(|other| active(&other))
        {
            return Err(ScimRefusal::uniqueness(format!("there is another {} with this externalId", kind.word())));
        }
        Ok(())
    }

    /// Who comes into a group and who goes.
    fn members(&self, group: &Arc<str>, wanted: Json) -> Result<Vec<Entry>, ScimRefusal> {
        let wanted = match wanted {
            Json::Array(members) => members,
            _ => Vec::new(),
        };
        let before: BTreeSet<&str> = self.members_of(group).map(|member| &**member).collect();
        let mut now = BTreeSet::new();
        for member in &wanted {
            let id = member.get("value").and_then(Json::as_str).ok_or_else(|| ScimRefusal::value("a member has a value"))?;
            now.insert(id);
        }
        let unknown = now.difference(&before).find(|id| ServedKind::ALL.into_iter().all(|kind| self.known(kind, id).is_none()));
        if let Some(id) = unknown {
            return Err(ScimRefusal::value(format!("there is no User or Group {id} that could be a member")));
        }
        let entry = |member: &str, is: bool| Entry::Member { group: group.clone(), member: member.into(), is };
        let mut entries: Vec<Entry> = now.difference(&before).map(|member| entry(member, true)).collect();
        entries.extend(before.difference(&now).map(|member| entry(member, false)));
        Ok(entries)
    }
}
