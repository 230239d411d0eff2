//! Inboxes as they are kept: what is pushed is a commit, then an answer.
//!
//! Must never: answer before the commit has returned and the lock was still held after it, or go on with what is at hand once a commit came to nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value as Json, json};

use super::memory::{Entry, Inbox};
use super::resource::{InboxResource, Version, fresh_id};
use super::token::InboxUse;
use crate::connector::{InboxRecord, InboxRecords, InboxSight};
use crate::fence::Fence;
use crate::model::SystemError;
use crate::scim::{self, PatchStep, ScimRefusal, ServedKind};
use crate::state::{Shelf, StateError, Store};

/// What was deleted is known so long.
const DELETED: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The inboxes of a workspace.
#[derive(Debug)]
pub struct Inboxes {
    store: Arc<dyn Store>,
    tenure: Mutex<Option<Fence>>,
    open: tokio::sync::Mutex<BTreeMap<Arc<str>, Arc<Open>>>,
}

#[derive(Debug, Default)]
struct Open {
    /// whoever changes something does so alone
    writes: tokio::sync::Mutex<()>,
    inbox: RwLock<Inbox>,
}

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

/// Why something that was pushed was not kept.
#[derive(Debug)]
pub enum PushRefusal {
    /// the client's own fault
    Refused(ScimRefusal),
    /// another version is there
    Stale,
    /// this process may not write, or the state does not answer: later, or elsewhere
    Away(String),
}

impl From<ScimRefusal> for PushRefusal {
    fn from(refusal: ScimRefusal) -> Self {
        Self::Refused(refusal)
    }
}

/// What is pushed.
pub(super) enum Push<'p> {
    Create(&'p Json),
    Replace(&'p str, &'p Json),
    Patch(&'p str, &'p [PatchStep]),
    Delete(&'p str),
}

impl Inboxes {
    /// Of a state.
    pub fn new(store: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self { store, tenure: Mutex::default(), open: tokio::sync::Mutex::default() })
    }

    /// From here on this process has the lock, and is the only one that changes them.
    pub async fn begin(&self, fence: Fence) {
        // Another process may have changed them meanwhile.
        self.open.lock().await.clear();
        *self.tenure.lock().unwrap_or_else(PoisonError::into_inner) = Some(fence);
    }

    /// The lock was lost or is let go.
    pub fn end(&self) {
        *self.tenure.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn tenure(&self) -> Option<Fence> {
        let tenure = self.tenure.lock().unwrap_or_else(PoisonError::into_inner).clone();
        tenure.filter(|fence| fence.lost().is_none())
    }

    /// One, to look at.
    pub async fn look<T>(&self, source: &str, look: impl FnOnce(&Inbox) -> T) -> Result<T, PushRefusal> {
        self.tenure().ok_or_else(away)?;
        let open = self.opened(source).await.map_err(|error| PushRefusal::Away(error.to_string()))?;
        let inbox = open.inbox.read().unwrap_or_else(PoisonError::into_inner);
        Ok(look(&inbox))
    }

    /// A new resource.
    pub async fn create(&self, source: &str, kind: ServedKind, body: &Json) -> Result<Pushed, PushRefusal> {
        self.push(source, kind, Push::Create(body), None).await
    }

    /// A resource in the place of one.
    pub async fn replace(
        &self,
        source: &str,
        kind: ServedKind,
        id: &str,
        body: &Json,
        fits: Option<&Match>,
    ) -> Result<Pushed, PushRefusal> {
        self.push(source, kind, Push::Replace(id, body), fits).await
    }

    /// Changes of one.
    pub async fn patch(
        &self,
        source: &str,
        kind: ServedKind,
        id: &str,
        steps: &[PatchStep],
        fits: Option<&Match>,
    ) -> Result<Pushed, PushRefusal> {
        self.push(source, kind, Push::Patch(id, steps), fits).await
    }

    /// One is no more.
    pub async fn delete(&self, source: &str, kind: ServedKind, id: &str, fits: Option<&Match>) -> Result<Pushed, PushRefusal> {
        self.push(source, kind, Push::Delete(id), fits).await
    }

    /// What of a token's use is kept.
    pub async fn used(&self, name: &str, now: Timestamp) -> Result<(), StateError> {
        self.store.commit(vec![Shelf::InboxUses.put(name, &InboxUse { at: now })]).await
    }

    /// The state they are in.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    async fn push(&self, source: &str, kind: ServedKind, push: Push<'_>, fits: Option<&Match>) -> Result<Pushed, PushRefusal> {
        let fence = self.tenure().ok_or_else(away)?;
        let open = self.opened(source).await.map_err(|error| PushRefusal::Away(error.to_string()))?;
        let _alone = open.writes.lock().await;
        let now = Timestamp::now();
        let (pushed, entries) = {
            let inbox = open.inbox.read().unwrap_or_else(PoisonError::into_inner);
            inbox.entries(kind, push, fits, now)?
        };
        if entries.is_empty() {
            return Ok(pushed);
        }
        let kept = self.store.commit(entries.iter().map(|entry| entry.fact(source)).collect()).await;
        let held = self.tenure().is_some_and(|now| now.is_same(&fence));
        if let Some(why) = kept.err().map(|error| error.to_string()).or_else(|| (!held).then(|| "the lock was lost".to_owned())) {
            // Whether it is kept, nobody knows: what is at hand is read anew.
            self.open.lock().await.remove(source);
            return Err(PushRefusal::Away(why));
        }
        let mut inbox = open.inbox.write().unwrap_or_else(PoisonError::into_inner);
        entries.into_iter().for_each(|entry| inbox.take(entry));
        Ok(pushed)
    }

    async fn opened(&self, source: &str) -> Result<Arc<Open>, StateError> {
        let mut all = self.open.lock().await;
        if let Some(open) = all.get(source) {
            return Ok(open.clone());
        }
        let inbox = self.load(source).await?;
        let open = Arc::new(Open { inbox: RwLock::new(inbox), ..Open::default() });
        all.insert(source.into(), open.clone());
        Ok(open)
    }

    /// As it is on the shelves. What was deleted long ago is forgotten, once somebody may.
    async fn load(&self, source: &str) -> Result<Inbox, StateError> {
        let of = format!("{source}/");
        let mut resources = self.store.shelf(Shelf::Inbox).await?;
        resources.retain(|thing| thing.name.starts_with(&of));
        let mut members = self.store.shelf(Shelf::InboxMembers).await?;
        members.retain(|thing| thing.name.starts_with(&of));
        let mut inbox = Inbox::of(source, resources, members);
        let old = inbox.forgettable(Timestamp::now());
        if !old.is_empty() && self.tenure().is_some() {
            self.store.commit(old.iter().map(|entry| entry.fact(source)).collect()).await?;
        }
        old.into_iter().for_each(|entry| inbox.take(entry));
        Ok(inbox)
    }

    async fn sight(&self, source: &str) -> Result<InboxSight, StateError> {
        let of = format!("{source}/");
        let uses: Vec<(Arc<str>, InboxUse)> = Shelf::InboxUses.all(self.store.as_ref()).await?;
        let heard = uses.into_iter().filter(|(name, _)| name.starts_with(&of)).map(|(_, used)| used.at).max();
        // What is at hand is as new as the shelves only while this process alone changes them.
        let records: Arc<dyn InboxRecords> = match self.tenure() {
            Some(_) => self.opened(source).await?,
            None => Arc::new(Open { inbox: RwLock::new(self.load(source).await?), ..Open::default() }),
        };
        Ok(InboxSight { records, heard })
    }
}

fn away() -> PushRefusal {
    PushRefusal::Away("another process runs this workspace, or none does yet".into())
}

impl crate::connector::InboxPlace for Inboxes {
    fn sight<'a>(&'a self, source: &'a str) -> BoxFuture<'a, Result<InboxSight, SystemError>> {
        async move { Self::sight(self, source).await.map_err(|error| SystemError::Unavailable(error.to_string())) }.boxed()
    }
}

impl InboxRecords for Open {
    fn each(&self, take: &mut dyn FnMut(InboxRecord<'_>)) {
        let inbox = self.inbox.read().unwrap_or_else(PoisonError::into_inner);
        let now = Timestamp::now();
        for (id, resource) in &inbox.users.by_id {
            if resource.deleted && is_old(resource, now) {
                continue;
            }
            let mut fields = resource.fields();
            let active = InboxResource::is_active(&fields) && !resource.deleted;
            let external = InboxResource::text(&fields, "externalId");
            fields.insert("id".to_owned(), json!(&**id));
            fields.insert("active".to_owned(), json!(active));
            fields.insert("deleted".to_owned(), json!(resource.deleted));
            fields.extend(inbox.computed(ServedKind::User, id, "").map(|(name, value)| (name.to_owned(), value)));
            let gone = if active { None } else { resource.gone };
            take(InboxRecord { id, external: external.as_deref(), active, gone, order: resource.order, fields });
        }
    }
}

fn is_old(resource: &InboxResource, now: Timestamp) -> bool {
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
    fn forgettable(&self, now: Timestamp) -> Vec<Entry> {
        let of = |kind: ServedKind| {
            let old = self.kind(kind).by_id.iter().filter(|(_, resource)| is_old(resource, now));
            old.map(move |(id, _)| Entry::Resource(kind, id.clone(), None)).collect::<Vec<_>>()
        };
        ServedKind::ALL.into_iter().flat_map(of).collect()
    }

    /// What a push changes; nothing where it changes nothing.
    pub(super) fn entries(
        &self,
        kind: ServedKind,
        push: Push<'_>,
        fits: Option<&Match>,
        now: Timestamp,
    ) -> Result<(Pushed, Vec<Entry>), PushRefusal> {
        let id = match push {
            Push::Create(_) => None,
            Push::Replace(id, _) | Push::Patch(id, _) | Push::Delete(id) => Some(id),
        };
        let known = match id {
            None => None,
            Some(id) => {
                let found = self.kind(kind).by_id.get_key_value(id).filter(|(_, resource)| !resource.deleted);
                let found = found.ok_or_else(|| ScimRefusal::missing(format!("there is no {} {id}", kind.word())))?;
                if fits.is_some_and(|fits| !fits.fits(found.1.version)) {
                    return Err(PushRefusal::Stale);
                }
                Some(found)
            }
        };
        match (push, known) {
            (Push::Create(body), _) => {
                let fields = scim::taken(kind, body)?;
                let id = fresh_id().ok_or_else(|| PushRefusal::Away("this machine has no random numbers".into()))?;
                self.kept(kind, (&id, None), fields, now)
            }
            (Push::Replace(_, body), Some((id, before))) => {
                let mut fields = scim::taken(kind, body)?;
                // Who was cut off is not let in again by what is not said.
                let before_active = before.fields().remove("active").filter(|_| !fields.contains_key("active"));
                fields.extend(before_active.map(|active| ("active".to_owned(), active)));
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
        let gone = before.gone.or(Some(now));
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
        self.is_free(kind, id, &fields)?;
        let mut entries = Vec::new();
        if kind == ServedKind::Group {
            entries = self.members(id, fields.remove("members").unwrap_or_default())?;
        }
        let body = serde_json::to_string(&fields).unwrap_or_default().into_boxed_str();
        let version = before.map_or(1, |before| before.version + 1);
        let same = before.is_some_and(|before| before.body == body) && entries.is_empty();
        if same {
            let version = before.map_or(1, |before| before.version);
            return Ok((Pushed { id: id.clone(), version, changed: false }, entries));
        }
        let was_there = before.is_some_and(|before| before.gone.is_none() && InboxResource::is_active(&before.fields()));
        let gone = match (InboxResource::is_active(&fields), was_there) {
            (true, _) => None,
            (false, true) => Some(now),
            // Who came inactive went nowhere.
            (false, false) => before.and_then(|before| before.gone),
        };
        let (created, order) = before.map_or((now, self.next_order), |before| (before.created, before.order));
        let resource = InboxResource { created, modified: now, version, order, gone, deleted: false, body };
        entries.push(Entry::Resource(kind, id.clone(), Some(resource)));
        Ok((Pushed { id: id.clone(), version, changed: true }, entries))
    }

    /// Nobody else has its name, and nobody else who is active is called so by the client: Okta renames by deactivating one and making another.
    fn is_free(&self, kind: ServedKind, id: &Arc<str>, fields: &Map<String, Json>) -> Result<(), ScimRefusal> {
        let of = self.kind(kind);
        if kind == ServedKind::User
            && let Some(name) = InboxResource::text(fields, kind.name())
            && of.named(&name).any(|other| other != id)
        {
            return Err(ScimRefusal::uniqueness(format!("there is another {} with this {}", kind.word(), kind.name())));
        }
        let active = |other: &&Arc<str>| self.known(kind, other).is_some_and(|other| InboxResource::is_active(&other.fields()));
        if InboxResource::is_active(fields)
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
