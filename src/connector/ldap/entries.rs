//! Makes, changes and removes entries. An entry that gets another name keeps its id, and whoever names it by the old one is changed along.
//!
//! Must never: clear what the schema asks for, or leave a group naming somebody by a name that headcount took away.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::code;
use super::directory::POST_READ;
use super::layout::Objects;
use super::message::{Control, Edit, Entry, Modification, NewAttributes, Outcome, Request};
use super::value;
use super::write::{Task, done};
use crate::connector::{Write, Written};
use crate::manifest::connection::LdapGroupClass;
use crate::model::{Action, CONTAINER, ObjectKind, RDN, SystemError, Value, dn};

/// A global security group (Active Directory's `groupType`).
const GLOBAL_SECURITY: &str = "-2147483646";

/// What a write wants of an entry.
struct Wanted {
    /// by the directory's names; none clears
    attributes: Vec<(String, Vec<String>)>,
    /// what it is to be called
    name: Option<String>,
    /// the whole of what it is called for the time being, or again after that
    rdn: Option<String>,
    /// below which entry it is to stand
    parent: Option<String>,
    active: Option<bool>,
}

/// What an entry is to be called.
struct Naming {
    /// its new relative name, where it is another one
    rdn: Option<String>,
    /// attributes that change with it
    attributes: Vec<String>,
    /// it goes with the login where it can, and else stays
    follows: bool,
}

impl Wanted {
    /// The one value that an attribute is to have.
    fn called(&self, own: &str) -> Option<String> {
        let (_, values) = self.attributes.iter().find(|(attribute, _)| attribute.eq_ignore_ascii_case(own))?;
        if let [one] = values.as_slice() { Some(one.clone()) } else { None }
    }
}

impl Task<'_> {
    async fn wanted(&self, write: &Write<'_>) -> Result<Wanted, SystemError> {
        let layout = &self.directory().layout;
        let objects = layout.objects(write.change.object.kind)?;
        let active = match write.change.action {
            Action::Deactivate => Some(false),
            Action::Reactivate => Some(true),
            _ => None,
        };
        let mut wanted = Wanted { attributes: Vec::new(), name: None, rdn: None, parent: None, active };
        for (name, value) in &write.attributes {
            if name.as_ref() == "active" {
                wanted.active = wanted.active.or(value.as_ref().and_then(Value::as_bool));
                continue;
            }
            if name.as_ref() == CONTAINER {
                wanted.parent = Some(parent(value.as_ref(), &objects.base)?);
                continue;
            }
            if name.as_ref() == RDN {
                wanted.rdn = value.as_ref().and_then(Value::as_text).map(str::to_owned);
                continue;
            }
            let Some(own) = objects.attributes.get(name) else {
                return Err(SystemError::Rejected(format!("`attributes` of the connection says nothing of `{name}`")));
            };
            let mut values = value::values(name, value.as_ref()).map_err(SystemError::Rejected)?;
            if name.as_ref() == "manager" {
                for value in &mut values {
                    *value = self.directory().name_of(ObjectKind::Account, value).await?.to_string();
                }
            }
            if *name == objects.named_by {
                let called = values.first().cloned();
                wanted.name =
                    Some(called.ok_or_else(|| SystemError::Rejected(format!("an entry is called by its `{name}`, so it needs one")))?);
            }
            wanted.attributes.push((own.clone(), values));
        }
        Ok(wanted)
    }

    /// Makes an entry.
    pub(super) async fn create(&self, write: &Write<'_>) -> Result<Written, SystemError> {
        let kind = write.change.object.kind;
        let directory = self.directory();
        let layout = &directory.layout;
        let objects = layout.objects(kind)?;
        let wanted = self.wanted(write).await?;
        let called = wanted.name.clone();
        let called =
            called.ok_or_else(|| SystemError::Rejected(format!("a new entry is called by its `{}`, and has none", objects.named_by)))?;
        let parent = wanted.parent.clone().unwrap_or_else(|| objects.base.clone());
        let name = dn::below(&dn::rdn(&objects.rdn, &called), &parent);
        let numbers = self.numbers(&objects.numbers).await?;
        let attributes = self.attributes_of_new(kind, objects, wanted, (&called, &numbers))?;
        let id_attribute = layout.id.attribute().to_owned();
        let asked = directory.takes(POST_READ).then(|| asking_for(&id_attribute));
        let outcome = self.send(Request::add(&name, &attributes).with(asked)).await?;
        if outcome.code == code::ENTRY_EXISTS {
            return Err(self.taken(&name, &parent, &outcome).await);
        }
        self.placed(&outcome, &parent).await?;
        let told = outcome.control(POST_READ).and_then(|value| Entry::alone(value).ok()).and_then(|entry| layout.id.read(&entry));
        let id: Arc<str> = match told {
            Some(id) => id.into(),
            None => self.id_of(&name).await?,
        };
        directory.names().note(kind, &id, &name, None);
        if kind == ObjectKind::Group && layout.groups()?.empty.is_some() {
            directory.empty().insert(id.clone());
        }
        self.numbered(kind, &id, numbers, &objects.numbers).await?;
        Ok(Written { id, already_so: false })
    }

    /// Which name is taken of a new entry: its own, or one that another entry anywhere in the directory has.
    async fn taken(&self, name: &str, parent: &str, outcome: &Outcome) -> SystemError {
        let words = code::words(outcome);
        if matches!(self.directory().entry(name, &["1.1".to_owned()]).await, Ok(None)) {
            let what = "another entry of the directory, which the Target need not show, has a value of it that only one may have";
            return SystemError::Conflict(format!("{what} ({words}): give the account another name, or rename the other one"));
        }
        SystemError::Conflict(format!("there is an entry {} below {parent} already ({words})", dn::head(name)))
    }

    /// The id of an entry that was just made.
    async fn id_of(&self, name: &str) -> Result<Arc<str>, SystemError> {
        let id = self.directory().layout.id;
        let unknown = |why: String| SystemError::Uncertain(format!("{name} was made, and its id could not be read: {why}"));
        let found = self.directory().entry(name, &[id.attribute().to_owned()]).await.map_err(|error| unknown(error.to_string()))?;
        found.and_then(|entry| id.read(&entry)).map(Arc::from).ok_or_else(|| unknown(format!("it shows no `{}`", id.attribute())))
    }

    fn attributes_of_new(
        &self,
        kind: ObjectKind,
        objects: &Objects,
        wanted: Wanted,
        (called, numbers): (&str, &[(String, u32)]),
    ) -> Result<NewAttributes, SystemError> {
        let layout = &self.directory().layout;
        // Small letters find what is there, whatever it was written like.
        let mut all: BTreeMap<String, (String, Vec<Vec<u8>>)> = BTreeMap::new();
        let mut set = |name: &str, values: Vec<Vec<u8>>| {
            all.entry(name.to_lowercase()).or_insert((name.to_owned(), values));
        };
        set("objectClass", objects.classes.iter().map(|class| class.clone().into_bytes()).collect());
        for (name, values) in wanted.attributes.into_iter().filter(|(_, values)| !values.is_empty()) {
            set(&name, values.into_iter().map(String::into_bytes).collect());
        }
        set(&objects.rdn, vec![called.as_bytes().to_vec()]);
        for (name, number) in numbers {
            set(name, vec![number.to_string().into_bytes()]);
        }
        for (name, gap) in &objects.required {
            set(name, vec![gap.as_bytes().to_vec()]);
        }
        match (kind, &layout.groups) {
            (ObjectKind::Account, _) => {
                let active = wanted.active.unwrap_or(true);
                if let Some((name, value)) = layout.active.initial(active) {
                    set(&name, vec![value.into_bytes()]);
                }
                if let Some((name, value)) = self.passwords.next(layout.dialect)? {
                    set(&name, vec![value]);
                }
            }
            (_, Some(groups)) => {
                if !groups.are_made() {
                    let words = "no posixGroup is made: nobody gives out its number; say from which range in `groups.numbers.gidNumber`, or make it \
                                 in the directory, and headcount keeps its members";
                    return Err(SystemError::Rejected(words.into()));
                }
                if let Some(empty) = &groups.empty {
                    set(&groups.member, vec![empty.clone().into_bytes()]);
                }
                if groups.class == LdapGroupClass::Group {
                    set("groupType", vec![GLOBAL_SECURITY.into()]);
                    set("sAMAccountName", vec![account_name(called).into_bytes()]);
                }
            }
            (_, None) => {}
        }
        Ok(all.into_values().collect())
    }

    /// Changes an entry: what it is called first. One that was taken over may be named by another attribute than new ones are, or by several: it is renamed by the
    /// attribute that it has in its name, where that is one of ours, and every other attribute changes in place.
    pub(super) async fn update(&self, write: &Write<'_>, id: &Arc<str>) -> Result<Written, SystemError> {
        let kind = write.change.object.kind;
        let layout = &self.directory().layout;
        let objects = layout.objects(kind)?;
        let wanted = self.wanted(write).await?;
        let before = self.directory().name_of(kind, id).await?;
        let naming = self.naming(objects, &before, &wanted).await?;
        let login = if wanted.called(self.login()).is_some() { self.listed(kind, &before).await? } else { None };
        let later = wanted.called(self.login());
        let rdn = naming.as_ref().and_then(|naming| naming.rdn.as_deref());
        let mut renamed = self.rename(kind, id, rdn, wanted.parent.as_deref()).await;
        if matches!(renamed, Err(SystemError::Conflict(_))) && naming.as_ref().is_some_and(|naming| naming.follows) {
            renamed = self.rename(kind, id, None, wanted.parent.as_deref()).await;
        }
        // Whoever can't be called or stand so still gets everything else.
        let (renamed, taken) = match renamed {
            Err(taken @ SystemError::Conflict(_)) => (false, Some(taken)),
            renamed => (renamed?, None),
        };
        let by_name = |own: &str| naming.iter().flat_map(|naming| &naming.attributes).any(|named| own.eq_ignore_ascii_case(named));
        let mut edits: Vec<Modification> = Vec::new();
        for (attribute, mut values) in wanted.attributes.into_iter().filter(|(own, _)| !by_name(own)) {
            if values.is_empty() {
                values.extend(objects.required.get(&attribute.to_lowercase()).cloned());
            }
            edits.push(Modification { edit: Edit::Replace, attribute, values: values.into_iter().map(String::into_bytes).collect() });
        }
        if let Some(active) = wanted.active.filter(|_| kind == ObjectKind::Account) {
            edits.extend(self.access(id, active).await?);
        }
        if edits.is_empty() {
            self.follow_login(login.as_deref(), later.as_deref()).await?;
            if !renamed {
                self.directory().name_of(kind, id).await?;
            }
            return taken.map_or_else(|| Ok(Written { id: id.clone(), already_so: !renamed }), Err);
        }
        let outcome = self.on(kind, id, |name| Request::modify(name, &edits)).await?;
        done(&outcome)
            .map_err(|error| if renamed { error.map_words(|words| format!("it was renamed, and then: {words}")) } else { error })?;
        self.follow_login(login.as_deref(), later.as_deref()).await?;
        match taken {
            Some(taken) => Err(taken.map_words(|words| format!("{words}; everything else of it was written"))),
            None => Ok(Written { id: id.clone(), already_so: false }),
        }
    }

    /// What gives or takes access.
    async fn access(&self, id: &str, active: bool) -> Result<Vec<Modification>, SystemError> {
        let layout = &self.directory().layout;
        let Some(attribute) = layout.active.attribute() else {
            let words = "nothing says how an account is deactivated: choose a `dialect`, or describe `users.active`";
            return Err(SystemError::Rejected(words.into()));
        };
        if !layout.active.depends() {
            return Ok(layout.active.write(active, &Entry::default()));
        }
        let name = self.directory().name_of(ObjectKind::Account, id).await?;
        let name = layout.id.name(id).unwrap_or_else(|| name.to_string());
        let now = self.directory().entry(&name, &[attribute.to_owned()]).await?;
        let now = now.ok_or_else(|| SystemError::NotFound(format!("there is no entry with the id {id}")))?;
        Ok(layout.active.write(active, &now))
    }

    /// What an entry is to be called: its name as it is, with the values that its attributes are to have; nothing where they are none of ours. A new entry that no
    /// attribute of ours names is called like its account, and goes on being called so; whoever has another name there keeps it.
    async fn naming(&self, objects: &Objects, name: &str, wanted: &Wanted) -> Result<Option<Naming>, SystemError> {
        let parts = dn::makes_up(name);
        let ours = parts.iter().filter(|(own, _)| wanted.called(own).is_some());
        let attributes: Vec<String> = ours.map(|(own, _)| (*own).to_owned()).collect();
        if let Some(rdn) = &wanted.rdn {
            return Ok(Some(Naming { rdn: (rdn != dn::head(name)).then(|| rdn.clone()), attributes, follows: false }));
        }
        if !attributes.is_empty() {
            let values: Vec<_> = parts.iter().map(|(own, now)| (*own, wanted.called(own).unwrap_or_else(|| now.clone()))).collect();
            let rdn = (values != parts).then(|| dn::made_of(values.iter().map(|(own, value)| (*own, value.as_str()))));
            return Ok(Some(Naming { rdn, attributes, follows: false }));
        }
        let ([(own, now)], Some(called), Some(login)) = (parts.as_slice(), &wanted.name, objects.attributes.get(&objects.named_by)) else {
            return Ok(None);
        };
        if !own.eq_ignore_ascii_case(&objects.rdn) || objects.attributes.values().any(|attribute| attribute.eq_ignore_ascii_case(own)) {
            return Ok(None);
        }
        let entry = self.directory().entry(name, std::slice::from_ref(login)).await?;
        let is_so = entry.as_ref().and_then(|entry| entry.text(login)).is_some_and(|login| login.to_lowercase() == now.to_lowercase());
        Ok((is_so && called != now).then(|| Naming { rdn: Some(dn::rdn(own, called)), attributes: Vec::new(), follows: true }))
    }

    /// Gives an entry another name, or another place. False where it has both.
    async fn rename(&self, kind: ObjectKind, id: &Arc<str>, rdn: Option<&str>, parent: Option<&str>) -> Result<bool, SystemError> {
        let directory = self.directory();
        let before = directory.name_of(kind, id).await?;
        self.catch_up(id, &before).await?;
        let moved = parent.filter(|parent| dn::normal(parent) != dn::normal(dn::parent(&before)));
        if rdn.is_none() && moved.is_none() {
            return Ok(false);
        }
        self.announce((kind, id), (&before, rdn, moved)).await?;
        let outcome = self.on_name(kind, id, |name| Request::rename(name, rdn.unwrap_or_else(|| dn::head(name)), moved)).await?;
        // Somebody else may have renamed it since it was read.
        let before = directory.name_of(kind, id).await?;
        let rdn = rdn.unwrap_or_else(|| dn::head(&before));
        let after = dn::below(rdn, moved.unwrap_or_else(|| dn::parent(&before)));
        if outcome.code != code::SUCCESS {
            self.take_back(id, &before, &after).await?;
        }
        if outcome.code == code::ENTRY_EXISTS {
            return Err(SystemError::Conflict(format!(
                "another entry is called {rdn} there already ({}): rename one of the two, or have `users.rdn` name entries by what no two have",
                code::words(&outcome)
            )));
        }
        match moved {
            Some(parent) => self.placed(&outcome, parent).await?,
            None => done(&outcome)?,
        }
        {
            let mut names = directory.names();
            names.forget(id);
            names.note(kind, id, &after, None);
        }
        self.follow_renamed(id, &after).await?;
        Ok(true)
    }

    /// What came of an entry that was to stand below another: where there is no such one, that is said. Servers have codes of their own for it.
    async fn placed(&self, outcome: &Outcome, parent: &str) -> Result<(), SystemError> {
        if outcome.code == code::SUCCESS {
            return Ok(());
        }
        if matches!(self.directory().entry(parent, &["1.1".to_owned()]).await, Ok(None)) {
            let words = format!("there is no entry {parent}, below which it is to stand: make it in the directory, or correct the rule");
            return Err(SystemError::Rejected(words));
        }
        done(outcome)
    }

    /// Removes an entry.
    pub(super) async fn delete(&self, kind: ObjectKind, id: &Arc<str>) -> Result<Written, SystemError> {
        let gone = || Written { id: id.clone(), already_so: true };
        let name = match self.directory().name_of(kind, id).await {
            Ok(name) => name,
            Err(SystemError::NotFound(_)) => return Ok(gone()),
            Err(error) => return Err(error),
        };
        let login = self.listed(kind, &name).await?;
        let outcome = match self.on(kind, id, Request::delete).await {
            Ok(outcome) if outcome.code == code::NO_SUCH_OBJECT => return Ok(gone()),
            Err(SystemError::NotFound(_)) => return Ok(gone()),
            outcome => outcome?,
        };
        done(&outcome)?;
        self.directory().names().forget(id);
        self.follow(&name, None).await?;
        self.follow_login(login.as_deref(), None).await?;
        Ok(Written { id: id.clone(), already_so: false })
    }
}

/// The entry below which one is to stand.
fn parent(value: Option<&Value>, base: &str) -> Result<String, SystemError> {
    let Some(place) = value.and_then(Value::as_text).filter(|text| !text.is_empty()) else { return Ok(base.to_owned()) };
    match dn::plain(place) {
        Some(plain) if plain == place => Ok(dn::below(place, base)),
        Some(plain) => Err(SystemError::Rejected(format!("write the container {place:?} as the directory shows it: {plain:?}"))),
        None => {
            let words =
                "a container is a name below `users.base`, such as OU=Sales,OU=Berlin, with `\\` before a comma that belongs to a value";
            Err(SystemError::Rejected(format!("{place:?} is no container: {words}")))
        }
    }
}

/// A group's name as Active Directory takes it for `sAMAccountName`.
fn account_name(called: &str) -> String {
    let plain = |sign: char| if sign.is_control() || "\"/\\[]:;|=,+*?<>@".contains(sign) { '_' } else { sign };
    called.trim().chars().map(plain).take(256).collect()
}

/// What the entry has once it is made (RFC 4527).
fn asking_for(attribute: &str) -> Control {
    let mut value = super::ber::Encoder::default();
    value.within(super::ber::SEQUENCE, |out| {
        out.bytes(super::ber::OCTETS, attribute.as_bytes());
    });
    Control { name: POST_READ.into(), critical: false, value: Some(value.take().into()) }
}
