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
pub struct Attributes(Vec<Entry>);

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
}

impl Attributes {
    /// What a write wants, with the `active` that its action means.
    pub fn of(service: &Service, write: &Write<'_>) -> Result<Self, SystemError> {
        let kind = write.change.object.kind;
        let mut found = Vec::new();
        for (name, value) in &write.attributes {
            let path = match kind {
                ObjectKind::Account => service.discovery.path(name),
                _ => AttributePath::of(name, None),
            };
            let path = path.ok_or_else(|| SystemError::Rejected(format!("the service has no place for {name}")))?;
            let known = write.change.attributes.iter().find(|change| change.attribute == *name);
            found.push(Entry {
                name: name.clone(),
                path,
                wire: value.as_ref().map(|value| wire(kind_of(name), value)),
                wanted: value.clone(),
                before: known.and_then(|change| change.before.clone()),
                hidden: is_secret(name) || (kind == ObjectKind::Account && service.discovery.hides(name)),
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
            found.push(Entry::active(path, active));
        }
        Ok(Self(found))
    }

    /// Whether there is nothing to change.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Just `active`, where the write says it.
    pub fn only_active(&self) -> Option<Self> {
        let entry = self.0.iter().find(|entry| *entry.name == *ACTIVE)?;
        let Some(Json::Bool(active)) = entry.wire else { return None };
        Some(Self(vec![Entry::active(entry.path.clone(), active)]))
    }

    /// A whole new resource.
    pub fn resource(&self, kind: ObjectKind) -> Json {
        let mut resource = Map::from_iter([("schemas".to_owned(), json!([core_schema(kind)]))]);
        self.apply(&mut resource);
        Json::Object(resource)
    }
}

impl Edit for Attributes {
    fn shape(&self) -> Shape {
        if self.0.iter().any(|entry| entry.wire.is_none()) { Shape::Clear } else { Shape::Set }
    }

    fn forms(&self) -> &'static [Form] {
        &[Form::Paths, Form::Whole]
    }

    /// One operation for each attribute.
    fn patch(&self, _: Form) -> Patch {
        let mut patch = Patch::default();
        for entry in &self.0 {
            match &entry.wire {
                Some(value) => patch.replace(&entry.path, value.clone()),
                None => patch.remove(&entry.path),
            }
        }
        patch
    }

    /// The same changes in a resource that was read, naming the extensions it uses.
    fn apply(&self, resource: &mut Map<String, Json>) {
        for entry in &self.0 {
            entry.path.put(resource, entry.wire.clone());
            if let (Some(schema), Some(_)) = (entry.path.schema(), &entry.wire) {
                name_schema(resource, schema);
            }
        }
    }

    /// A resource that shows a name is taken for whole. A value that is neither the old one nor what was sent is the service's own form of it.
    fn judge(&self, resource: &Json) -> Verdict {
        let whole = ["userName", "displayName"].iter().any(|name| field(resource, name).is_some());
        let verdicts: Vec<(&Entry, Option<bool>)> = self.0.iter().map(|entry| (entry, entry.shown_by(resource, whole))).collect();
        // A service that keeps no marker must not hold up anything else: then the state proves whose the object is.
        let kept = verdicts.iter().filter(|(entry, shown)| *shown == Some(false) && *entry.name != *MARKER);
        let kept: Vec<&str> = kept.map(|(entry, _)| &*entry.name).collect();
        if !kept.is_empty() {
            return Verdict::Kept(format!("kept the old value of {}", kept.join(", ")));
        }
        if verdicts.iter().all(|(_, shown)| *shown == Some(true)) { Verdict::Shown } else { Verdict::Silent }
    }

    fn takes_access(&self) -> bool {
        self.0.iter().any(|entry| *entry.name == *ACTIVE && entry.wire == Some(Json::Bool(false)))
    }
}

impl Entry {
    fn active(path: AttributePath, active: bool) -> Self {
        let (wire, wanted, before) = (Some(Json::Bool(active)), Some(Value::Bool(active)), Some(Value::Bool(!active)));
        Self { name: ACTIVE.into(), path, wire, wanted, before, hidden: false }
    }

    /// Whether a resource shows what was sent, if it says so or otherwise at all.
    fn shown_by(&self, resource: &Json, whole: bool) -> Option<bool> {
        let kind = kind_of(&self.name);
        let seen = self.path.find(resource).filter(|seen| !is_nothing(seen));
        if seen.is_none() && (!whole || self.hidden) {
            return None;
        }
        // An account that does not mention `active` is active.
        let active = seen.is_none() && kind == AttributeType::Bool && *self.name == *ACTIVE;
        let text;
        let cell = match seen {
            None if active => Cell::Bool(true),
            None => Cell::Missing,
            Some(seen) => {
                let inner = if kind == AttributeType::Reference { field(seen, "value").unwrap_or(seen) } else { seen };
                match inner {
                    Json::Bool(value) => Cell::Bool(*value),
                    Json::String(value) => Cell::Text(value),
                    other => {
                        text = other.to_string();
                        Cell::Json(&text)
                    }
                }
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

/// A value as SCIM writes its attribute's type: whom it refers to stands in an object.
fn wire(kind: AttributeType, value: &Value) -> Json {
    match (kind, value) {
        (AttributeType::Reference, Value::Text(id) | Value::Reference(id)) => json!({ "value": id.as_ref() }),
        _ => typed(kind, value),
    }
}
