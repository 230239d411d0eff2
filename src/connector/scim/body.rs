//! Values as SCIM writes them, and the bodies of creates and changes.
//!
//! Must never: write an attribute that the change does not name.

use serde_json::{Map, Value as Json, json};

use super::Service;
use super::discovery::kind_of;
use crate::connector::Write;
use crate::model::{Action, AttributeType, ObjectKind, SystemError, Value};
use crate::scim::{AttributePath, GROUP, Patch, USER};

/// Attributes of a write, at their places; none clears.
pub struct Attributes(Vec<(AttributePath, Option<Json>)>);

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
            found.push((path, value.as_ref().map(|value| wire(kind_of(name), value))));
        }
        let active = match write.change.action {
            _ if kind != ObjectKind::Account => None,
            Action::Deactivate => Some(false),
            Action::Reactivate => Some(true),
            Action::Create if !write.attributes.iter().any(|(name, _)| **name == *"active") => Some(true),
            _ => None,
        };
        if let (Some(active), Some(path)) = (active, service.discovery.path("active")) {
            found.retain(|(known, _)| *known != path);
            found.push((path, Some(Json::Bool(active))));
        }
        Ok(Self(found))
    }

    /// Whether there is nothing to change.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A whole new resource.
    pub fn resource(&self, kind: ObjectKind) -> Json {
        let mut resource = Map::from_iter([("schemas".to_owned(), json!([core_schema(kind)]))]);
        self.put_into(&mut resource);
        Json::Object(resource)
    }

    /// One operation for each attribute.
    pub fn patch(&self) -> Patch {
        let mut patch = Patch::default();
        for (path, value) in &self.0 {
            match value {
                Some(value) => patch.replace(path, value.clone()),
                None => patch.remove(path),
            }
        }
        patch
    }

    /// The same changes in a resource that was read, naming the extensions it uses.
    pub fn put_into(&self, resource: &mut Map<String, Json>) {
        for (path, value) in &self.0 {
            path.put(resource, value.clone());
            if let (Some(schema), Some(_)) = (path.schema(), value) {
                name_schema(resource, schema);
            }
        }
    }

    /// Whether a resource that was read shows them all, as far as a service shows them.
    pub fn shown_by(&self, resource: &Json) -> bool {
        self.0.iter().all(|(path, wanted)| {
            let wanted = wanted.as_ref().filter(|wanted| **wanted != json!([]));
            let seen = path.find(resource).filter(|seen| !seen.is_null() && **seen != json!([]));
            match (wanted, seen) {
                (Some(wanted), Some(seen)) => shows(seen, wanted),
                (wanted, seen) => wanted.is_none() && seen.is_none(),
            }
        })
    }
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

/// A service may add to what it was given (`display`, `$ref`), and fold case.
fn shows(seen: &Json, wanted: &Json) -> bool {
    match (seen, wanted) {
        (Json::Object(seen), Json::Object(wanted)) => {
            wanted.iter().all(|(name, wanted)| seen.get(name).is_some_and(|seen| shows(seen, wanted)))
        }
        (Json::Array(seen), Json::Array(wanted)) => {
            seen.len() == wanted.len() && wanted.iter().all(|wanted| seen.iter().any(|seen| shows(seen, wanted)))
        }
        (Json::String(seen), Json::String(wanted)) => seen.to_lowercase() == wanted.to_lowercase(),
        (seen, wanted) => seen == wanted,
    }
}

/// A value as the attribute's type is written.
fn wire(kind: AttributeType, value: &Value) -> Json {
    match (kind, value) {
        (AttributeType::Reference, Value::Text(id) | Value::Reference(id)) => json!({ "value": id.as_ref() }),
        (AttributeType::Many | AttributeType::ManyCaseless | AttributeType::ManyPhones, Value::List(items)) => {
            items.iter().map(entry).collect()
        }
        (AttributeType::Many | AttributeType::ManyCaseless | AttributeType::ManyPhones, one) => json!([entry(one)]),
        (AttributeType::Text | AttributeType::CaselessText | AttributeType::Date, Value::Bool(_) | Value::Int(_)) => {
            json!(value.to_string())
        }
        (AttributeType::Bool, Value::Text(text)) if text.eq_ignore_ascii_case("true") => json!(true),
        (AttributeType::Bool, Value::Text(text)) if text.eq_ignore_ascii_case("false") => json!(false),
        _ => plain(value),
    }
}

/// One of several values: a bare one is its `value`.
fn entry(value: &Value) -> Json {
    match value {
        Value::Map(_) => plain(value),
        bare => json!({ "value": plain(bare) }),
    }
}

fn plain(value: &Value) -> Json {
    match value {
        Value::Reference(id) => json!(id.as_ref()),
        other => other.to_json(),
    }
}
