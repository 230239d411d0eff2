//! Where an attribute stands in a resource, and how a filter or a patch names that place.
//!
//! Attribute names are read without regard to case (RFC 7643 section 2.1); an exact hit wins.
//! Must never: guess a place for an attribute that SCIM does not have.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::ENTERPRISE;

/// Attributes of the enterprise extension (RFC 7643 section 4.3), by headcount's names.
const IN_ENTERPRISE: &[&str] = &["costCenter", "department", "division", "employeeNumber", "manager", "organization"];

/// An attribute or a sub-attribute, of the core schema or of an extension.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AttributePath {
    schema: Option<Arc<str>>,
    name: Arc<str>,
    sub: Option<Arc<str>>,
}

impl AttributePath {
    /// A plain attribute of the core schema.
    pub fn core(name: &str) -> Self {
        Self { schema: None, name: name.into(), sub: None }
    }

    /// An attribute of an extension.
    pub fn of_extension(schema: &str, name: &str) -> Self {
        Self { schema: Some(schema.into()), ..Self::core(name) }
    }

    /// The place of one of headcount's attributes. `custom.*` is below `extension`; without one it has no place.
    pub fn of(attribute: &str, extension: Option<&str>) -> Option<Self> {
        if IN_ENTERPRISE.contains(&attribute) {
            return Some(Self::of_extension(ENTERPRISE, attribute));
        }
        let (schema, rest) = match attribute.strip_prefix("custom.") {
            Some(rest) => (Some(Arc::from(extension?)), rest),
            None => (None, attribute),
        };
        let (name, sub) = rest.split_once('.').map_or((rest, None), |(name, sub)| (name, Some(sub)));
        Some(Self { schema, name: name.into(), sub: sub.map(Arc::from) })
    }

    /// The sub-attribute of this attribute.
    pub fn sub(&self, sub: &str) -> Self {
        Self { sub: Some(sub.into()), ..self.clone() }
    }

    /// The URN of the extension that it belongs to.
    pub fn schema(&self) -> Option<&str> {
        self.schema.as_deref()
    }

    /// Its value in a resource; none where any part of the way is missing.
    pub fn find<'a>(&self, resource: &'a Json) -> Option<&'a Json> {
        let home = match &self.schema {
            Some(schema) => field(resource, schema)?,
            None => resource,
        };
        let value = field(home, &self.name)?;
        match &self.sub {
            Some(sub) => field(value, sub),
            None => Some(value),
        }
    }

    /// Sets it in a resource, making what stands above it; `None` removes it, and what is empty above it.
    pub fn put(&self, resource: &mut Map<String, Json>, value: Option<Json>) {
        put_at(resource, &self.way(), value);
    }

    /// The names of the fields that lead to it.
    pub fn way(&self) -> Vec<&str> {
        self.schema.as_deref().into_iter().chain([self.name.as_ref()]).chain(self.sub.as_deref()).collect()
    }
}

/// As a filter or a patch names it: `name.givenName`, `urn:…:User:department`.
impl fmt::Display for AttributePath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.schema {
            write!(out, "{schema}:")?;
        }
        out.write_str(&self.name)?;
        match &self.sub {
            Some(sub) => write!(out, ".{sub}"),
            None => Ok(()),
        }
    }
}

/// A field of a JSON object, its name read without regard to case.
pub fn field<'a>(object: &'a Json, name: &str) -> Option<&'a Json> {
    let fields = object.as_object()?;
    fields.get(name).or_else(|| fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

fn put_at(object: &mut Map<String, Json>, way: &[&str], value: Option<Json>) {
    let Some((name, below)) = way.split_first() else { return };
    let known = object.keys().find(|known| known.eq_ignore_ascii_case(name)).cloned();
    let name = known.unwrap_or_else(|| (*name).to_owned());
    if below.is_empty() {
        match value {
            Some(value) => drop(object.insert(name, value)),
            None => drop(object.remove(&name)),
        }
        return;
    }
    let clearing = value.is_none();
    if clearing && !object.contains_key(&name) {
        return;
    }
    let child = object.entry(name.clone()).or_insert_with(|| Json::Object(Map::new()));
    if !child.is_object() {
        *child = Json::Object(Map::new());
    }
    let emptied = child.as_object_mut().is_some_and(|fields| {
        put_at(fields, below, value);
        fields.is_empty()
    });
    if clearing && emptied {
        object.remove(&name);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn path(attribute: &str) -> AttributePath {
        AttributePath::of(attribute, Some("urn:acme:User")).expect("a place")
    }

    #[test]
    fn every_attribute_has_its_place() {
        assert_eq!(path("name.givenName").to_string(), "name.givenName");
        assert_eq!(path("department").to_string(), format!("{ENTERPRISE}:department"));
        assert_eq!(path("manager").sub("value").to_string(), format!("{ENTERPRISE}:manager.value"));
        assert_eq!(path("custom.badge").to_string(), "urn:acme:User:badge");
        assert_eq!(AttributePath::of("custom.badge", None), None);
    }

    #[test]
    fn values_are_found_without_regard_to_the_case_of_names() {
        let user = json!({ "username": "ann", "Name": { "givenName": "Ann" }, ENTERPRISE: { "department": "R&D" } });
        assert_eq!(path("userName").find(&user), Some(&json!("ann")));
        assert_eq!(path("name.givenName").find(&user), Some(&json!("Ann")));
        assert_eq!(path("department").find(&user), Some(&json!("R&D")));
        assert_eq!(path("division").find(&user), None);
    }

    #[test]
    fn putting_makes_and_clears_what_stands_above() {
        let mut user = Map::new();
        path("name.givenName").put(&mut user, Some(json!("Ann")));
        path("department").put(&mut user, Some(json!("R&D")));
        path("custom.badge").put(&mut user, Some(json!(7)));
        path("title").put(&mut user, None);
        assert_eq!(
            Json::Object(user.clone()),
            json!({ "name": { "givenName": "Ann" }, ENTERPRISE: { "department": "R&D" }, "urn:acme:User": { "badge": 7 } })
        );
        path("department").put(&mut user, None);
        path("name.givenName").put(&mut user, None);
        path("custom.badge").put(&mut user, None);
        assert_eq!(Json::Object(user), json!({}));
    }
}
