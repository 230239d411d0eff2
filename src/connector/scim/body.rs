//! Values as SCIM writes them, and the bodies of creates and changes.
//!
//! Must never: write an attribute that the change does not name, or take an answer that shows the old value for a yes.

use std::sync::Arc;

use serde_json::{Map, Value as Json, json};

use super::discovery::{MARKER, kind_of};
use super::edit::{Edit, Verdict};
use super::manners::{Form, Shape};
use super::service::Service;
use crate::connector::Write;
use crate::connector::wire::typed;
use crate::model::{Action, AttributeType, Cell, ObjectKind, SystemError, Value, Visibility, attribute};
use crate::scim::{AttributePath, GROUP, Patch, USER, field};
use crate::world::canonical;

const ACTIVE: &str = "active";

/// Attributes of a write, at their places.
pub struct Attributes {
    kind: ObjectKind,
    entries: Vec<Entry>,
}

/// One attribute of a write.
struct Entry {
    name: Arc<str>,
    path: AttributePath,
    /// as it is sent; none clears
    wire: Option<Json>,
    wanted: Option<Value>,
    /// as it was when the plan was made
    before: Option<Value>,
    /// the service never tells it, or only to those who ask
    hidden: bool,
    /// how the service writes it
    writing: Writing,
}

/// What a service asks of values.
#[derive(Clone, Copy)]
struct Writing {
    manager_text: bool,
    text_booleans: bool,
    /// what stands in a whole resource for what is cleared
    blank: Option<Form>,
}

impl Attributes {
    /// What a write wants, with the `active` that its action means.
    pub fn of(service: &Service, write: &Write<'_>) -> Result<Self, SystemError> {
        let kind = write.change.object.kind;
        let dialect = &service.dialect;
        let (manager_text, text_booleans, blank) = (dialect.manager_text, dialect.text_booleans, dialect.blank_in_whole());
        let writing = Writing { manager_text, text_booleans, blank };
        let mut found = Vec::new();
        for (name, value) in &write.attributes {
            let path = match kind {
                ObjectKind::Account => service.discovery.path(name),
                _ => AttributePath::of(name, None),
            };
            let path = path.ok_or_else(|| SystemError::Rejected(format!("the service has no place for {name}")))?;
            let value = value.as_ref().map(|value| dialect.kept(name, value));
            let known = write.change.attributes.iter().find(|change| change.attribute == *name);
            found.push(Entry {
                name: name.clone(),
                path,
                wire: value.as_ref().map(|value| writing.wire(kind_of(name), value)),
                wanted: value,
                before: known.and_then(|change| change.before.clone()),
                hidden: is_secret(name) || (kind == ObjectKind::Account && service.discovery.hides(name)),
                writing,
            });
        }
        let active = match write.change.action {
            _ if kind != ObjectKind::Account => None,
            Action::Deactivate => Some(false),
            Action::Reactivate => Some(true),
            Action::Create if !write.attributes.iter().any(|(name, _)| **name == *ACTIVE) => Some(true),
            _ => None,
        };
        if let (Some(active), Some(path)) = (active, service.discovery.path(ACTIVE)) {
            found.retain(|known| known.path != path);
            found.push(Entry::active(path, active, writing));
        }
        Ok(Self { kind, entries: found })
    }

    /// Whether there is nothing to change.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Just `active`, where the write says it.
    pub fn only_active(&self) -> Option<Self> {
        let entry = self.entries.iter().find(|entry| *entry.name == *ACTIVE)?;
        let active = entry.truth()?;
        Some(Self { kind: self.kind, entries: vec![Entry::active(entry.path.clone(), active, entry.writing)] })
    }

    /// A whole new resource. What is cleared need not be there.
    pub fn resource(&self, kind: ObjectKind) -> Json {
        let mut resource = Map::from_iter([("schemas".to_owned(), json!([core_schema(kind)]))]);
        for entry in self.entries.iter().filter(|entry| entry.wire.is_some()) {
            entry.put(&mut resource);
        }
        Json::Object(resource)
    }
}

impl Edit for Attributes {
    fn shape(&self) -> Shape {
        if self.entries.iter().any(|entry| entry.wire.is_none()) { Shape::Clear } else { Shape::Set }
    }

    /// One operation for each attribute.
    fn patch(&self, form: Form) -> Patch {
        let mut patch = Patch::default();
        for entry in &self.entries {
            match entry.wire.clone().or_else(|| entry.blank(form)) {
                Some(value) => patch.replace(&entry.path, value),
                None => patch.remove(&entry.path),
            }
        }
        patch
    }

    /// The same changes in a resource that was read, naming the extensions it uses.
    fn apply(&self, resource: &mut Map<String, Json>) {
        self.entries.iter().for_each(|entry| entry.put(resource));
    }

    /// A resource that shows a name is taken for whole. A value that is neither the old one nor what was sent is the service's own form of it.
    fn judge(&self, resource: &Json) -> Verdict {
        let whole = ["userName", "displayName"].iter().any(|name| field(resource, name).is_some());
        let verdicts: Vec<(&Entry, Option<bool>)> = self.entries.iter().map(|entry| (entry, entry.shown_by(resource, whole))).collect();
        // A service that keeps no marker must not hold up anything else: then the state proves whose the object is.
        let kept = verdicts.iter().filter(|(entry, shown)| *shown == Some(false) && *entry.name != *MARKER);
        let kept: Vec<&str> = kept.map(|(entry, _)| &*entry.name).collect();
        if !kept.is_empty() {
            return Verdict::Kept(format!("kept the old value of {}", kept.join(", ")));
        }
        if verdicts.iter().all(|(_, shown)| *shown == Some(true)) { Verdict::Shown } else { Verdict::Silent }
    }

    fn takes_access(&self) -> bool {
        self.entries.iter().any(|entry| *entry.name == *ACTIVE && entry.truth() == Some(false))
    }

    fn name(&self) -> Option<(&str, &str)> {
        let name = if self.kind == ObjectKind::Account { "userName" } else { "displayName" };
        let entry = self.entries.iter().find(|entry| &*entry.name == name)?;
        Some((name, entry.wanted.as_ref()?.as_text()?))
    }

    fn sets(&self) -> bool {
        true
    }
}

impl Entry {
    fn active(path: AttributePath, active: bool, writing: Writing) -> Self {
        let (wanted, before) = (Value::Bool(active), Some(Value::Bool(!active)));
        let wire = Some(writing.wire(AttributeType::Bool, &wanted));
        Self { name: ACTIVE.into(), path, wire, wanted: Some(wanted), before, hidden: false, writing }
    }

    /// Whether it is wanted to be true.
    fn truth(&self) -> Option<bool> {
        typed(AttributeType::Bool, self.wanted.as_ref()?).as_bool()
    }

    /// Sets it in a resource, which names the extensions that it uses.
    fn put(&self, resource: &mut Map<String, Json>) {
        self.path.put(resource, self.wire.clone().or_else(|| self.blank(self.writing.blank?)));
        if let (Some(schema), Some(_)) = (self.path.schema(), &self.wire) {
            name_schema(resource, schema);
        }
    }

    /// What stands for nothing, where a service does not take `remove`.
    fn blank(&self, form: Form) -> Option<Json> {
        let kind = kind_of(&self.name);
        match form {
            Form::Nulls => Some(Json::Null),
            Form::Empties if kind.is_many() => Some(json!([])),
            Form::Empties if kind == AttributeType::Reference && !self.writing.manager_text => Some(json!({ "value": "" })),
            Form::Empties => Some(json!("")),
            Form::Paths | Form::Values | Form::Whole => None,
        }
    }

    /// Whether a resource shows what was sent, if it says so or otherwise at all.
    fn shown_by(&self, resource: &Json, whole: bool) -> Option<bool> {
        let kind = kind_of(&self.name);
        let inner = |seen| if kind == AttributeType::Reference { field(seen, "value").unwrap_or(seen) } else { seen };
        let seen = self.path.find(resource).map(inner).filter(|seen| !is_nothing(seen));
        if seen.is_none() && (!whole || self.hidden) {
            return None;
        }
        // An account that does not mention `active` is active.
        let active = seen.is_none() && kind == AttributeType::Bool && *self.name == *ACTIVE;
        let text;
        let cell = match seen {
            None if active => Cell::Bool(true),
            None => Cell::Missing,
            Some(Json::Bool(value)) => Cell::Bool(*value),
            // Some services write truth values as texts.
            Some(Json::String(value)) if kind == AttributeType::Bool => Cell::Bool(!value.eq_ignore_ascii_case("false")),
            Some(Json::String(value)) => Cell::Text(value),
            Some(other) => {
                text = other.to_string();
                Cell::json(&text)
            }
        };
        let is = |value: &Option<Value>| value.as_ref().map_or(canonical::is_nothing(cell), |value| canonical::same(kind, value, cell));
        match kind {
            _ if is(&self.wanted) => Some(true),
            // These have one form.
            AttributeType::Bool | AttributeType::Reference => Some(false),
            _ if is(&self.before) || cell == Cell::Missing => Some(false),
            _ => None,
        }
    }
}

fn is_nothing(json: &Json) -> bool {
    matches!(json, Json::Null) || *json == json!("") || *json == json!([]) || *json == json!({})
}

fn is_secret(name: &str) -> bool {
    attribute(name).is_some_and(|known| known.visibility == Visibility::Secret)
}

/// The core schema of a kind.
fn core_schema(kind: ObjectKind) -> &'static str {
    if kind == ObjectKind::Account { USER } else { GROUP }
}

fn name_schema(resource: &mut Map<String, Json>, schema: &str) {
    let schemas = resource.entry("schemas").or_insert_with(|| json!([]));
    if let Some(schemas) = schemas.as_array_mut().filter(|schemas| !schemas.iter().any(|known| known == schema)) {
        schemas.push(schema.into());
    }
}

impl Writing {
    /// A value as the service takes it: whom it refers to stands in an object, and `active` is true or false, where it asks for nothing else.
    fn wire(self, kind: AttributeType, value: &Value) -> Json {
        match (kind, value) {
            (AttributeType::Reference, Value::Text(id) | Value::Reference(id)) if self.manager_text => json!(id.as_ref()),
            (AttributeType::Reference, Value::Text(id) | Value::Reference(id)) => json!({ "value": id.as_ref() }),
            _ => match typed(kind, value) {
                Json::Bool(value) if self.text_booleans && kind == AttributeType::Bool => json!(value.to_string()),
                wire => wire,
            },
        }
    }
}
