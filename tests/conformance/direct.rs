//! Takes the steps through a connector's own writer and reader: write what changed, read everything back, compare.
//!
//! Its difference of two declarations is as plain as can be, so that nothing of planning is needed to trust it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use headcount::connector::limiter::{ALL, Lane};
use headcount::connector::{Permit, TargetConnector, Write, Written};
use headcount::fence::Fence;
use headcount::model::{Action, Change, ObjectKind, ObjectRef, Reason, SystemError, Value};
use serde_json::Value as Json;

use super::declared::{Declared, Person, Team};
use super::look::{Holding, Seen};
use super::table::STEPS;

/// A connector under test.
pub struct Subject {
    /// its two ways
    pub target: TargetConnector,
    /// it holds several values of one attribute; otherwise only the primary one goes to it
    pub several: bool,
    /// the target's ids, by key
    ids: BTreeMap<String, Arc<str>>,
}

type Attributes = Vec<(Arc<str>, Option<Value>)>;
type Members = Vec<(ObjectKind, Arc<str>)>;

impl Subject {
    /// A connector whose system is empty.
    pub fn new(target: TargetConnector, several: bool) -> Self {
        Self { target, several, ids: BTreeMap::new() }
    }

    /// Takes every step; the system must show each before the next.
    pub async fn take_all_steps(mut self) {
        let mut declared = Declared::default();
        for (name, edit) in STEPS {
            let before = declared.clone();
            edit(&mut declared);
            declared.with_names_kept(&before, &self.target.capabilities);
            self.write_difference(name, &before, &declared).await;
            self.compare(name, &declared).await;
        }
    }

    async fn write_difference(&mut self, step: &str, before: &Declared, after: &Declared) {
        for (key, person) in &after.people {
            let known = before.people.get(key);
            if known.is_none() {
                let attributes = self.attributes(key, &Person::default(), person, false);
                let id = self.write(step, ObjectKind::Account, Action::Create, key, (attributes, Vec::new())).await;
                self.ids.insert(key.clone(), id);
            }
        }
        for (key, person) in &after.people {
            self.update(step, key, before.people.get(key), person).await;
        }
        self.write_groups(step, before, after).await;
        for key in before.people.keys().filter(|key| !after.people.contains_key(*key)) {
            self.write(step, ObjectKind::Account, Action::Delete, key, Default::default()).await;
            self.ids.remove(key);
        }
    }

    /// References are set once everybody is there.
    async fn update(&mut self, step: &str, key: &str, before: Option<&Person>, person: &Person) {
        let created = Person { attributes: without_manager(person), left: false };
        let known = before.unwrap_or(&created);
        let attributes = self.attributes(key, known, person, true);
        let action = match (known.left, person.left) {
            (false, true) => Action::Deactivate,
            (true, false) => Action::Reactivate,
            _ => Action::Update,
        };
        if action != Action::Update || !attributes.is_empty() {
            // Where ids are made of names, it has another one now.
            let id = self.write(step, ObjectKind::Account, action, key, (attributes, Vec::new())).await;
            self.ids.insert(key.to_owned(), id);
        }
    }

    async fn write_groups(&mut self, step: &str, before: &Declared, after: &Declared) {
        let nothing = Team::default();
        for (key, team) in &after.teams {
            let mut attributes: Attributes = vec![("displayName".into(), Some(Value::text(&team.name)))];
            match before.teams.get(key) {
                None => {
                    attributes.extend(self.target.capabilities.group_marker.clone().map(|marker| (marker, Some(Value::text(mark(key))))));
                    let id = self.write(step, ObjectKind::Group, Action::Create, key, (attributes, Vec::new())).await;
                    self.ids.insert(key.clone(), id);
                }
                Some(known) if known.name != team.name => {
                    let id = self.write(step, ObjectKind::Group, Action::Update, key, (attributes, Vec::new())).await;
                    self.ids.insert(key.clone(), id);
                }
                Some(_) => {}
            }
        }
        for (key, team) in &after.teams {
            let known = before.teams.get(key).unwrap_or(&nothing);
            self.write_members(step, Action::RemoveMembers, key, self.members(known, team)).await;
            self.write_members(step, Action::AddMembers, key, self.members(team, known)).await;
        }
        for key in before.teams.keys().filter(|key| !after.teams.contains_key(*key)) {
            self.write(step, ObjectKind::Group, Action::Delete, key, Default::default()).await;
            self.ids.remove(key);
        }
    }

    async fn write_members(&self, step: &str, action: Action, key: &str, members: Members) {
        for chunk in members.chunks(self.target.writer.members_per_write()) {
            self.write(step, ObjectKind::Group, action, key, (Vec::new(), chunk.to_vec())).await;
        }
    }

    async fn write(&self, step: &str, kind: ObjectKind, action: Action, key: &str, content: (Attributes, Members)) -> Arc<str> {
        let result = self.send(kind, action, key, content).await;
        result.unwrap_or_else(|error| panic!("{step}: {action:?} {key}: {error}")).id
    }

    async fn send(&self, kind: ObjectKind, action: Action, key: &str, content: (Attributes, Members)) -> Result<Written, SystemError> {
        let object = ObjectRef { kind, key: key.into(), id: None, name: key.into() };
        let change = Change::new(&"conformance".into(), action, object, Reason::Declared);
        let (attributes, members) = content;
        let write = Write { change: &change, id: self.ids.get(key).cloned(), attributes, members, key: Default::default() };
        let turn = self.target.limiter.enter(ALL, Lane::Free, Duration::ZERO).await.expect("a turn");
        self.target.writer.write(&[write], &Permit::grant(turn, &Fence::open())).await.remove(0)
    }

    /// What differs and can be held.
    fn attributes(&self, key: &str, before: &Person, after: &Person, references: bool) -> Attributes {
        let names: BTreeSet<&String> = before.attributes.keys().chain(after.attributes.keys()).collect();
        let held = names.into_iter().filter(|name| {
            let differs = before.attributes.get(*name) != after.attributes.get(*name);
            differs && self.target.capabilities.holds(name) && (references || *name != "manager")
        });
        let value = |name: &String| self.wanted(name, after.attributes.get(name)?);
        let mut attributes: Attributes = held.map(|name| (Arc::from(name.as_str()), value(name))).collect();
        if before.attributes.is_empty() && !references {
            let marker = self.target.capabilities.account_marker.clone();
            attributes.extend(marker.map(|marker| (marker, Some(Value::text(mark(key))))));
        }
        attributes
    }

    fn wanted(&self, name: &str, value: &Json) -> Option<Value> {
        match value {
            Json::String(key) if name == "manager" => self.ids.get(key).map(Value::text),
            other => self.holding().held(other),
        }
    }

    /// Members of one team that the other does not have.
    fn members(&self, of: &Team, but_not: &Team) -> Members {
        let id = |key: &String| self.ids[key].clone();
        let people = of.people.difference(&but_not.people).map(|key| (ObjectKind::Account, id(key)));
        let teams = of.teams.difference(&but_not.teams).map(|key| (ObjectKind::Group, id(key)));
        let nested = self.target.capabilities.nested_groups;
        people.chain(teams.filter(|_| nested)).collect()
    }

    async fn compare(&self, step: &str, declared: &Declared) {
        let holding = self.holding();
        let seen = Seen::at(&self.target, &holding).await;
        seen.must_be(&Seen::declared(declared, &holding), step);
    }

    fn holding(&self) -> Holding<'_> {
        Holding { capabilities: &self.target.capabilities, several: self.several, marker: Some(mark) }
    }
}

fn without_manager(person: &Person) -> BTreeMap<String, Json> {
    person.attributes.iter().filter(|(name, _)| *name != "manager").map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn mark(key: &str) -> String {
    format!("headcount:conformance:{key}")
}
