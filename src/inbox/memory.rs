//! One inbox at hand: its resources, and the indexes that answer clients' questions.
//!
//! Must never: be changed before the state was, or by anything but what the state was told.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value as Json, json};

use super::kept::InboxSize;
use super::log::ChangeLog;
use super::resource::InboxResource;
use crate::scim::ServedKind;
use crate::state::{Fact, Shelf, Shelved};
use crate::world::{Cleaned, clean};

/// What one thing on a shelf is of.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Entry {
    /// a resource, or that it is forgotten
    Resource(ServedKind, Arc<str>, Option<InboxResource>),
    /// who is in a group, or is no more
    Member { group: Arc<str>, member: Arc<str>, is: bool },
}

/// All of one kind.
#[derive(Clone, Debug, Default)]
pub(super) struct Kind {
    pub by_id: HashMap<Arc<str>, Known>,
    /// those that clients know, in the order of lists
    pub listed: BTreeMap<u64, Arc<str>>,
    by_name: HashMap<String, BTreeSet<Arc<str>>>,
    by_external: HashMap<String, BTreeSet<Arc<str>>>,
}

/// A resource, and what of it is asked for often.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub resource: InboxResource,
    /// as its client calls it
    pub external: Option<Arc<str>>,
    /// its client has not said that it is no more
    pub is_active: bool,
}

impl Known {
    fn of(resource: InboxResource) -> Self {
        let fields = resource.fields();
        let external = InboxResource::text(&fields, "externalId").map(Arc::from);
        Self { external, is_active: !resource.inactive, resource }
    }

    /// Whether it is there, by what its client said last.
    pub fn is_there(&self) -> bool {
        self.is_active && !self.resource.deleted
    }

    /// Since when it is not, after it was.
    pub fn gone(&self) -> Option<Timestamp> {
        self.resource.gone.filter(|_| !self.is_there())
    }
}

/// The users and groups of one Source.
#[derive(Clone, Debug, Default)]
pub struct Inbox {
    pub(super) users: Kind,
    pub(super) groups: Kind,
    members: HashMap<Arc<str>, BTreeSet<Arc<str>>>,
    groups_of: HashMap<Arc<str>, BTreeSet<Arc<str>>>,
    pub(super) next_order: u64,
    pub(super) log: ChangeLog,
}

impl Inbox {
    /// Of what stands on the shelves.
    pub(super) fn of(source: &str, resources: Vec<Shelved>, members: Vec<Shelved>) -> Self {
        let mut inbox = Self::default();
        for thing in resources {
            let Some((kind, id)) = resource_name(source, &thing.name) else { continue };
            if let Ok(resource) = serde_json::from_str(&thing.body) {
                inbox.take(Entry::Resource(kind, id, Some(resource)));
            }
        }
        for thing in members {
            let Some((group, member)) = member_name(source, &thing.name) else { continue };
            inbox.take(Entry::Member { group, member, is: true });
        }
        inbox.log = ChangeLog::default();
        inbox
    }

    pub(super) fn kind(&self, kind: ServedKind) -> &Kind {
        match kind {
            ServedKind::User => &self.users,
            ServedKind::Group => &self.groups,
        }
    }

    /// What the state was told.
    pub(super) fn take(&mut self, entry: Entry) {
        match entry {
            Entry::Resource(kind, id, resource) => {
                self.next_order = self.next_order.max(resource.as_ref().map_or(0, |resource| resource.order + 1));
                self.note(kind, &id, resource.as_ref());
                let of = match kind {
                    ServedKind::User => &mut self.users,
                    ServedKind::Group => &mut self.groups,
                };
                of.take(kind, id, resource);
            }
            Entry::Member { group, member, is: true } => {
                self.log.changed(&member);
                self.members.entry(group.clone()).or_default().insert(member.clone());
                self.groups_of.entry(member).or_default().insert(group);
            }
            Entry::Member { group, member, is: false } => {
                self.log.changed(&member);
                without(&mut self.members, &group, &member);
                without(&mut self.groups_of, &member, &group);
            }
        }
    }

    /// Whose record is otherwise by this.
    fn note(&mut self, kind: ServedKind, id: &Arc<str>, now: Option<&InboxResource>) {
        let before = self.kind(kind).by_id.get(id).map(|known| known.resource.fields());
        match (kind, now) {
            (ServedKind::User, None) => self.log.forgets(),
            (ServedKind::User, Some(now)) => match before {
                Some(before) => self.log.differs(id, &before, &now.fields()),
                None => self.log.changed(id),
            },
            (ServedKind::Group, now) => {
                let named = |fields: &serde_json::Map<String, Json>| told_name(ServedKind::Group, fields);
                let is = now.filter(|now| !now.deleted).and_then(|now| named(&now.fields()));
                if before.as_ref().and_then(named) != is {
                    let members: Vec<Arc<str>> = self.members_of(id).cloned().collect();
                    members.iter().for_each(|member| self.log.changed(member));
                }
            }
        }
    }

    /// One that its client knows.
    pub(super) fn known(&self, kind: ServedKind, id: &str) -> Option<&InboxResource> {
        self.kind(kind).by_id.get(id).map(|known| &known.resource).filter(|resource| !resource.deleted)
    }

    /// Its version.
    pub fn version(&self, kind: ServedKind, id: &str) -> Option<u64> {
        self.known(kind, id).map(|resource| resource.version)
    }

    pub(super) fn members_of(&self, group: &str) -> impl Iterator<Item = &Arc<str>> {
        self.members.get(group).into_iter().flatten()
    }

    pub(super) fn groups_with(&self, member: &str) -> impl Iterator<Item = &Arc<str>> {
        self.groups_of.get(member).into_iter().flatten()
    }

    /// How much it has that clients know.
    pub fn size(&self) -> InboxSize {
        InboxSize { users: self.users.listed.len(), groups: self.groups.listed.len() }
    }

    /// What is worked out of others: a group's members, a user's groups; none where there is nobody.
    pub(super) fn computed(&self, kind: ServedKind, id: &str, base: &str) -> Option<(&'static str, Json)> {
        let told: Vec<Json> = match kind {
            ServedKind::Group => self.members_of(id).filter_map(|member| self.told_member(member, base)).collect(),
            ServedKind::User => self.groups_with(id).filter_map(|group| self.told_group(group, base)).collect(),
        };
        let name = if kind == ServedKind::Group { "members" } else { "groups" };
        (!told.is_empty()).then_some((name, Json::Array(told)))
    }

    /// What a client wrote, as it wrote it: who it is called is at their own resource.
    fn told_member(&self, id: &str, base: &str) -> Option<Json> {
        let kind = ServedKind::ALL.into_iter().find(|kind| self.known(*kind, id).is_some())?;
        Some(json!({"value": id, "$ref": format!("{base}/{}/{id}", kind.endpoint())}))
    }

    fn told_group(&self, id: &str, base: &str) -> Option<Json> {
        let display = self.name_of(ServedKind::Group, id)?;
        Some(json!({"value": id, "$ref": format!("{base}/Groups/{id}"), "display": display, "type": "direct"}))
    }

    fn name_of(&self, kind: ServedKind, id: &str) -> Option<String> {
        told_name(kind, &self.known(kind, id)?.fields())
    }
}

fn told_name(kind: ServedKind, fields: &serde_json::Map<String, Json>) -> Option<String> {
    InboxResource::text(fields, "displayName").or_else(|| InboxResource::text(fields, kind.name()))
}

fn without(of: &mut HashMap<Arc<str>, BTreeSet<Arc<str>>>, one: &Arc<str>, other: &Arc<str>) {
    if let Some(all) = of.get_mut(one) {
        all.remove(other);
        if all.is_empty() {
            of.remove(one);
        }
    }
}

impl Kind {
    fn take(&mut self, kind: ServedKind, id: Arc<str>, resource: Option<InboxResource>) {
        if let Some(before) = self.by_id.remove(&id) {
            self.listed.remove(&before.resource.order);
            drop_from(&mut self.by_name, name_of(kind, &before.resource.fields()), &id);
            drop_from(&mut self.by_external, before.external.as_deref().map(compared), &id);
        }
        let Some(resource) = resource else { return };
        let known = Known::of(resource);
        if !known.resource.deleted {
            self.listed.insert(known.resource.order, id.clone());
            if let Some(name) = name_of(kind, &known.resource.fields()) {
                self.by_name.entry(name).or_default().insert(id.clone());
            }
            if let Some(name) = &known.external {
                self.by_external.entry(compared(name)).or_default().insert(id.clone());
            }
        }
        self.by_id.insert(id, known);
    }

    /// Those of a name, in whatever case, and whatever blanks are around it.
    pub fn named(&self, name: &str) -> impl Iterator<Item = &Arc<str>> {
        self.by_name.get(&folded(name)).into_iter().flatten()
    }

    /// Those that the client calls so, as keys of records are compared.
    pub fn called(&self, external: &str) -> impl Iterator<Item = &Arc<str>> {
        self.by_external.get(&compared(external)).into_iter().flatten()
    }
}

fn drop_from(of: &mut HashMap<String, BTreeSet<Arc<str>>>, name: Option<String>, id: &Arc<str>) {
    let Some(name) = name else { return };
    if let Some(all) = of.get_mut(&name) {
        all.remove(id);
        if all.is_empty() {
            of.remove(&name);
        }
    }
}

fn name_of(kind: ServedKind, fields: &serde_json::Map<String, Json>) -> Option<String> {
    InboxResource::text(fields, kind.name()).map(|name| folded(&name))
}

fn folded(name: &str) -> String {
    compared(name).to_lowercase()
}

/// A text as it is of the record that is made of it.
fn compared(text: &str) -> String {
    match clean(text, false) {
        Cleaned::Text(cleaned) => cleaned.into_owned(),
        Cleaned::Same | Cleaned::Unreadable(_) => text.to_owned(),
    }
}

/// What a resource is called on its shelf.
pub(super) fn of_resource(source: &str, kind: ServedKind, id: &str) -> String {
    format!("{source}/{}/{id}", kind.endpoint())
}

fn resource_name(source: &str, name: &str) -> Option<(ServedKind, Arc<str>)> {
    let (endpoint, id) = name.strip_prefix(source)?.strip_prefix('/')?.split_once('/')?;
    let kind = ServedKind::ALL.into_iter().find(|kind| kind.endpoint() == endpoint)?;
    Some((kind, id.into()))
}

fn member_name(source: &str, name: &str) -> Option<(Arc<str>, Arc<str>)> {
    let (group, member) = name.strip_prefix(source)?.strip_prefix('/')?.split_once('/')?;
    Some((group.into(), member.into()))
}

impl Entry {
    /// What the state is told.
    pub fn fact(&self, source: &str) -> Fact {
        match self {
            Self::Resource(kind, id, Some(resource)) => Shelf::Inbox.put(of_resource(source, *kind, id), resource),
            Self::Resource(kind, id, None) => Shelf::Inbox.take(of_resource(source, *kind, id)),
            Self::Member { group, member, is: true } => Shelf::InboxMembers.put(format!("{source}/{group}/{member}"), &json!({})),
            Self::Member { group, member, is: false } => Shelf::InboxMembers.take(format!("{source}/{group}/{member}")),
        }
    }
}
