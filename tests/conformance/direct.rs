//! Takes the steps through a connector's own writer and reader: write what changed, read everything back, compare.
//!
//! Its difference of two declarations is as plain as can be, so that nothing of planning is needed to trust it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use headcount::connector::{PageSink, Permit, ReadRequest, TargetConnector, Write, Written};
use headcount::model::{
    Action, AttributeType, Cause, Change, Columns, Evidence, ObjectKind, ObjectRef, Page, Reason, SystemError, Value, attribute,
};
use serde_json::{Value as Json, json};

use super::declared::{Declared, Person, Team};
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
    async fn update(&self, step: &str, key: &str, before: Option<&Person>, person: &Person) {
        let created = Person { attributes: without_manager(person), left: false };
        let known = before.unwrap_or(&created);
        let attributes = self.attributes(key, known, person, true);
        let action = match (known.left, person.left) {
            (false, true) => Action::Deactivate,
            (true, false) => Action::Reactivate,
            _ => Action::Update,
        };
        if action != Action::Update || !attributes.is_empty() {
            self.write(step, ObjectKind::Account, action, key, (attributes, Vec::new())).await;
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
                    self.write(step, ObjectKind::Group, Action::Update, key, (attributes, Vec::new())).await;
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
        let change = Change {
            target: "conformance".into(),
            action,
            object,
            attributes: Vec::new(),
            members: Vec::new(),
            reason: Reason::Declared,
            needs: Vec::new(),
            risks: Vec::new(),
            withheld: None,
            cause: Cause::None,
        };
        let (attributes, members) = content;
        let write = Write { change: &change, id: self.ids.get(key).cloned(), attributes, members };
        self.target.writer.write(&[write], &Permit::grant()).await.remove(0)
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
            Json::Array(_) if !self.several => Value::from_json(&primary(value)),
            other => Value::from_json(other),
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
        let names: BTreeSet<&str> = STEPS_ATTRIBUTES.iter().copied().filter(|name| self.target.capabilities.holds(name)).collect();
        let marker = |marker: &Option<Arc<str>>| marker.as_ref().map(|marker| marker.to_string());
        let columns = |kind| {
            let names: Vec<String> = match kind {
                ObjectKind::Account => {
                    let fixed = ["id".to_owned(), "active".to_owned()].into_iter();
                    fixed
                        .chain(marker(&self.target.capabilities.account_marker))
                        .chain(names.iter().map(|name| (*name).to_owned()))
                        .collect()
                }
                ObjectKind::Group => {
                    ["id".into(), "displayName".into()].into_iter().chain(marker(&self.target.capabilities.group_marker)).collect()
                }
                ObjectKind::Membership => vec!["group".into(), "member".into(), "kind".into()],
            };
            (kind, Columns::new(names))
        };
        let kinds = [ObjectKind::Account, ObjectKind::Group, ObjectKind::Membership];
        let mut seen = Seen::default();
        let report = self.target.reader.read(&ReadRequest::new(kinds.map(columns).to_vec()), &mut seen).await;
        for kind in kinds {
            assert_eq!(report.of(kind), Evidence::Complete, "{step}: {kind:?}");
        }
        let wanted = self.expected(declared, &names);
        assert_same(step, "accounts", &wanted.accounts, &seen.accounts);
        assert_same(step, "groups", &wanted.groups, &seen.groups);
        assert_same(step, "memberships", &wanted.memberships, &seen.memberships);
    }

    fn expected(&self, declared: &Declared, names: &BTreeSet<&str>) -> Seen {
        let mut seen = Seen::default();
        for (key, person) in &declared.people {
            let mut row = format!("id={} active={}", self.ids[key], !person.left);
            if let Some(marker) = &self.target.capabilities.account_marker {
                row += &format!(" {marker}={}", mark(key));
            }
            for name in names {
                let value = person.attributes.get(*name).and_then(|value| self.wanted(name, value));
                row += &format!(" {name}={}", plain(name, value.as_ref()));
            }
            seen.accounts.insert(row);
        }
        for (key, team) in &declared.teams {
            let id = &self.ids[key];
            let marker = self.target.capabilities.group_marker.as_ref().map(|marker| format!(" {marker}={}", mark(key)));
            seen.groups.insert(format!("id={id} displayName={}{}", team.name, marker.unwrap_or_default()));
            for (kind, member) in self.members(team, &Team::default()) {
                let kind = if kind == ObjectKind::Group { "group" } else { "account" };
                seen.memberships.insert(format!("group={id} member={member} kind={kind}"));
            }
        }
        seen
    }
}

/// Attributes that the table's steps use, sorted.
const STEPS_ATTRIBUTES: &[&str] = &[
    "costCenter",
    "department",
    "displayName",
    "division",
    "emails",
    "employeeNumber",
    "locale",
    "manager",
    "name.familyName",
    "name.givenName",
    "organization",
    "phoneNumbers",
    "preferredLanguage",
    "timezone",
    "title",
    "userName",
    "userType",
];

/// Everything at the system, one line an object.
#[derive(Default)]
struct Seen {
    accounts: BTreeSet<String>,
    groups: BTreeSet<String>,
    memberships: BTreeSet<String>,
}

impl PageSink for Seen {
    fn page(&mut self, kind: ObjectKind, page: &Page) {
        for row in page.rows() {
            let cells = page.columns().paths().iter().zip(row.cells());
            let line: Vec<String> = cells.map(|(name, cell)| format!("{name}={}", plain(name, cell.to_value().as_ref()))).collect();
            let lines = match kind {
                ObjectKind::Account => &mut self.accounts,
                ObjectKind::Group => &mut self.groups,
                ObjectKind::Membership => &mut self.memberships,
            };
            assert!(lines.insert(line.join(" ")), "twice: {line:?}");
        }
    }
}

fn assert_same(step: &str, what: &str, wanted: &BTreeSet<String>, seen: &BTreeSet<String>) {
    let missing: Vec<_> = wanted.difference(seen).collect();
    let surplus: Vec<_> = seen.difference(wanted).collect();
    assert!(missing.is_empty() && surplus.is_empty(), "{step}: {what}\nwanted, not seen: {missing:#?}\nseen, not wanted: {surplus:#?}");
}

/// A value in one form: sets sorted, `primary: false` and order of no account.
fn plain(name: &str, value: Option<&Value>) -> String {
    let Some(value) = value.filter(|value| !value.is_empty()) else { return "-".into() };
    let several = attribute(name)
        .is_some_and(|known| matches!(known.kind, AttributeType::Many | AttributeType::ManyCaseless | AttributeType::ManyPhones));
    let json = match value.to_json() {
        Json::Array(items) if several => {
            let mut items: Vec<Json> = items.into_iter().map(entry).collect();
            items.sort_by_key(Json::to_string);
            Json::Array(items)
        }
        Json::String(text) => return text,
        other => other,
    };
    json.to_string()
}

fn entry(mut item: Json) -> Json {
    if let Some(fields) = item.as_object_mut() {
        fields.retain(|_, value| *value != json!(false));
    }
    item
}

/// The primary of several values, or the first.
fn primary(values: &Json) -> Json {
    let items = values.as_array().map_or(&[][..], Vec::as_slice);
    let chosen = items.iter().find(|item| item["primary"] == json!(true)).or(items.first());
    chosen.map_or(Json::Null, |item| item["value"].clone())
}

fn without_manager(person: &Person) -> BTreeMap<String, Json> {
    person.attributes.iter().filter(|(name, _)| *name != "manager").map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn mark(key: &str) -> String {
    format!("headcount:conformance:{key}")
}
