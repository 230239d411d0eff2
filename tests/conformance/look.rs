//! What is at a target, and what should be there, in one form: a line an object, with names in place of ids.

use std::collections::{BTreeMap, BTreeSet};

use headcount::connector::{Gone, PageSink, ReadRequest, TargetConnector};
use headcount::model::{AttributeType, Capabilities, Columns, Evidence, ObjectKind, Page, Value, attribute};
use serde_json::{Value as Json, json};

use super::declared::{Declared, Person, Team};

const KINDS: [ObjectKind; 3] = [ObjectKind::Account, ObjectKind::Group, ObjectKind::Membership];

/// Attributes that the table's steps use, sorted.
pub const ATTRIBUTES: [&str; 17] = [
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

/// How a target holds what is declared.
pub struct Holding<'a> {
    /// what it can do
    pub capabilities: &'a Capabilities,
    /// it holds several values of one attribute; otherwise only the primary one goes to it
    pub several: bool,
    /// the markers, by the key of the object; none where they are not compared
    pub marker: Option<fn(&str) -> String>,
}

/// Everything at a target.
#[derive(Debug, Default, PartialEq)]
pub struct Seen {
    accounts: BTreeSet<String>,
    groups: BTreeSet<String>,
    memberships: BTreeSet<String>,
}

impl Seen {
    /// Reads all of it, which must be complete.
    pub async fn at(target: &TargetConnector, holding: &Holding<'_>) -> Self {
        let streams = KINDS.map(|kind| (kind, Columns::new(holding.columns(kind))));
        let mut rows = Rows::default();
        let report = target.reader.read(&ReadRequest::new(streams.to_vec()), &mut rows).await;
        for kind in KINDS {
            assert_eq!(report.of(kind), Evidence::Complete, "{kind:?}");
        }
        rows.named()
    }

    /// What should be there.
    pub fn declared(declared: &Declared, holding: &Holding<'_>) -> Self {
        let mut seen = Self::default();
        for (key, person) in &declared.people {
            let mut line = vec![format!("active={}", !person.left)];
            line.extend(holding.mark(&holding.capabilities.account_marker, key));
            for name in holding.attributes() {
                let value = person.attributes.get(name).and_then(|value| holding.value(declared, name, value));
                line.push(format!("{name}={}", plain(name, value.as_ref())));
            }
            seen.accounts.insert(line.join(" "));
        }
        for (key, team) in &declared.teams {
            let mut line = vec![format!("displayName={}", team.name)];
            line.extend(holding.mark(&holding.capabilities.group_marker, key));
            seen.groups.insert(line.join(" "));
            seen.memberships.extend(holding.members(declared, team).into_iter().map(|member| format!("{} <- {member}", team.name)));
        }
        seen
    }

    /// Fails with what differs.
    pub fn must_be(&self, wanted: &Self, step: &str) {
        for (what, wanted, seen) in [
            ("accounts", &wanted.accounts, &self.accounts),
            ("groups", &wanted.groups, &self.groups),
            ("memberships", &wanted.memberships, &self.memberships),
        ] {
            let missing: Vec<_> = wanted.difference(seen).collect();
            let surplus: Vec<_> = seen.difference(wanted).collect();
            assert!(missing.is_empty() && surplus.is_empty(), "{step}: {what}\nnot there: {missing:#?}\ntoo much: {surplus:#?}");
        }
    }
}

impl Holding<'_> {
    /// The table's attributes that an account can hold, and that are more than a view of another.
    pub fn attributes(&self) -> impl Iterator<Item = &'static str> {
        let fixed = [&self.capabilities.immutable_attributes, &self.capabilities.read_only_attributes];
        ATTRIBUTES.into_iter().filter(move |name| self.capabilities.holds(name) && fixed.iter().all(|fixed| !fixed.contains(*name)))
    }

    /// A value as the target holds it; a person's key stays a key.
    pub fn held(&self, value: &Json) -> Option<Value> {
        Value::from_json(&if value.is_array() && !self.several { primary(value) } else { value.clone() })
    }

    fn value(&self, declared: &Declared, name: &str, value: &Json) -> Option<Value> {
        match value {
            Json::String(key) if name == "manager" => declared.people.get(key).map(user_name),
            other => self.held(other),
        }
    }

    /// The people, and the nested teams, or the people below those where the target can't nest.
    fn members(&self, declared: &Declared, team: &Team) -> BTreeSet<String> {
        let mut members: BTreeSet<String> = team.people.iter().map(|key| format!("account {}", user_name(&declared.people[key]))).collect();
        for nested in team.teams.iter().map(|key| &declared.teams[key]) {
            if self.capabilities.nested_groups {
                members.insert(format!("group {}", nested.name));
            } else {
                members.extend(self.members(declared, nested));
            }
        }
        members
    }

    fn mark(&self, attribute: &Option<std::sync::Arc<str>>, key: &str) -> Option<String> {
        Some(format!("{}={}", attribute.as_ref()?, self.marker?(key)))
    }

    fn columns(&self, kind: ObjectKind) -> Vec<String> {
        let marker =
            |attribute: &Option<std::sync::Arc<str>>| attribute.as_ref().filter(|_| self.marker.is_some()).map(ToString::to_string);
        let named = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let (mut columns, marker) = match kind {
            ObjectKind::Account => (named(&["id", "active"]), marker(&self.capabilities.account_marker)),
            ObjectKind::Group => (named(&["id", "displayName"]), marker(&self.capabilities.group_marker)),
            ObjectKind::Membership => (named(&["group", "member", "kind"]), None),
            ObjectKind::Entitlement => (named(&["account", "entitlement"]), None),
        };
        columns.extend(marker);
        if kind == ObjectKind::Account {
            columns.extend(self.attributes().map(str::to_owned));
        }
        columns
    }
}

/// The rows as they came, with the name of each id.
#[derive(Default)]
struct Rows {
    accounts: Vec<BTreeMap<String, Option<Value>>>,
    groups: Vec<BTreeMap<String, Option<Value>>>,
    memberships: Vec<BTreeMap<String, Option<Value>>>,
    order: BTreeMap<&'static str, Vec<String>>,
}

impl PageSink for Rows {
    fn page(&mut self, kind: ObjectKind, page: &Page) {
        let (rows, name) = match kind {
            ObjectKind::Account => (&mut self.accounts, "accounts"),
            ObjectKind::Group => (&mut self.groups, "groups"),
            ObjectKind::Membership => (&mut self.memberships, "memberships"),
            ObjectKind::Entitlement => return,
        };
        let names: Vec<String> = page.columns().paths().iter().map(ToString::to_string).collect();
        rows.extend(page.rows().map(|row| names.iter().cloned().zip(row.cells().map(|cell| cell.to_value())).collect()));
        self.order.insert(name, names);
    }

    fn restart(&mut self, _kind: ObjectKind) {
        *self = Self::default();
    }

    fn gone(&mut self, _: ObjectKind, _: Gone<'_>) {}
}

impl Rows {
    fn named(&self) -> Seen {
        let names = |rows: &[BTreeMap<String, Option<Value>>], by: &str| -> BTreeMap<String, String> {
            rows.iter().map(|row| (text(&row["id"]), text(&row[by]))).collect()
        };
        let (people, teams) = (names(&self.accounts, "userName"), names(&self.groups, "displayName"));
        assert_eq!((people.len(), teams.len()), (self.accounts.len(), self.groups.len()), "an id came twice");
        let name_of = |names: &BTreeMap<String, String>, id: &str| names.get(id).cloned().unwrap_or_else(|| format!("nobody ({id})"));
        let line = |row: &BTreeMap<String, Option<Value>>, kind: &str| {
            let columns = self.order[kind].iter().filter(|name| *name != "id");
            let cells = columns.map(|name| match (name.as_str(), &row[name]) {
                ("manager", Some(id)) => format!("manager={}", name_of(&people, &id.to_string())),
                (name, value) => format!("{name}={}", plain(name, value.as_ref())),
            });
            cells.collect::<Vec<_>>().join(" ")
        };
        let membership = |row: &BTreeMap<String, Option<Value>>| {
            let (kind, member) = (text(&row["kind"]), text(&row["member"]));
            let member = name_of(if kind == "group" { &teams } else { &people }, &member);
            format!("{} <- {kind} {member}", name_of(&teams, &text(&row["group"])))
        };
        let seen = Seen {
            accounts: self.accounts.iter().map(|row| line(row, "accounts")).collect(),
            groups: self.groups.iter().map(|row| line(row, "groups")).collect(),
            memberships: self.memberships.iter().map(membership).collect(),
        };
        let counts = (self.accounts.len(), self.groups.len(), self.memberships.len());
        assert_eq!((seen.accounts.len(), seen.groups.len(), seen.memberships.len()), counts, "two objects look the same");
        seen
    }
}

fn user_name(person: &Person) -> Value {
    Value::text(person.attributes["userName"].as_str().expect("a user name"))
}

fn text(value: &Option<Value>) -> String {
    value.as_ref().map_or_else(|| "-".into(), ToString::to_string)
}

/// A value in one form: sets sorted; `primary: false` says nothing.
fn plain(name: &str, value: Option<&Value>) -> String {
    let Some(value) = value.filter(|value| !value.is_empty()) else { return "-".into() };
    let known = attribute(name).map(|known| known.kind);
    let several = matches!(known, Some(AttributeType::Many | AttributeType::ManyCaseless | AttributeType::ManyPhones));
    match value.to_json() {
        Json::String(text) => text,
        Json::Array(items) if several => {
            let mut items: Vec<String> = items.into_iter().map(entry).collect();
            items.sort();
            items.join(" + ")
        }
        other => other.to_string(),
    }
}

/// One of several values. A single one for work is as good as its text.
fn entry(mut item: Json) -> String {
    if let Some(fields) = item.as_object_mut() {
        fields.retain(|_, value| *value != json!(false));
        let plain = fields.iter().all(|(name, value)| name == "value" || (name == "type" && value == "work") || name == "primary");
        if let (true, Some(text)) = (plain, fields.get("value").and_then(Json::as_str)) {
            return text.to_owned();
        }
    }
    item.to_string()
}

/// The primary of several values, or the first.
fn primary(values: &Json) -> Json {
    let items = values.as_array().map_or(&[][..], Vec::as_slice);
    let chosen = items.iter().find(|item| item["primary"] == json!(true)).or(items.first());
    chosen.map_or(Json::Null, |item| item["value"].clone())
}
