//! The resources that headcount takes from whoever pushes: what they are made of, and how a body that a client writes its own way becomes one.
//!
//! Must never: keep a password, drop an attribute only because nobody declared it, or read a word as a truth value that is none.

use serde_json::{Map, Value as Json, json};

use super::{ENTERPRISE, GROUP, ScimRefusal, USER};

/// Kinds of resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ServedKind {
    /// a person's account
    User,
    /// a group
    Group,
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScimShapeType {
    /// text
    Text,
    /// a truth value
    Flag,
    /// an address of something
    Reference(&'static [&'static str]),
    /// bytes, as text
    Binary,
    /// further attributes
    Complex,
}

/// One attribute.
#[derive(Clone, Copy, Debug)]
pub struct ScimShape {
    /// as the RFC writes it
    pub name: &'static str,
    /// what a value is
    pub holds: ScimShapeType,
    /// there may be many
    pub many: bool,
    /// of a complex one
    pub parts: &'static [ScimShape],
    /// the client may not say it
    pub read_only: bool,
    /// said once, with what it belongs to
    pub immutable: bool,
    /// there must be one
    pub required: bool,
    /// nobody else has it
    pub unique: bool,
    /// `a` and `A` are two
    pub exact: bool,
}

impl ScimShape {
    const fn of(name: &'static str, holds: ScimShapeType) -> Self {
        let (many, read_only, immutable, required, unique, exact) = (false, false, false, false, false, false);
        Self { name, holds, many, parts: &[], read_only, immutable, required, unique, exact }
    }

    const fn text(name: &'static str) -> Self {
        Self::of(name, ScimShapeType::Text)
    }

    const fn complex(name: &'static str, parts: &'static [ScimShape]) -> Self {
        Self { parts, ..Self::of(name, ScimShapeType::Complex) }
    }

    const fn list(name: &'static str, parts: &'static [ScimShape]) -> Self {
        Self { many: true, ..Self::complex(name, parts) }
    }

    const fn read_only(self) -> Self {
        Self { read_only: true, ..self }
    }

    const fn immutable(self) -> Self {
        Self { immutable: true, ..self }
    }

    const fn required(self) -> Self {
        Self { required: true, ..self }
    }

    const fn unique(self) -> Self {
        Self { unique: true, ..self }
    }

    const fn exact(self) -> Self {
        Self { exact: true, ..self }
    }
}

const PRIMARY: ScimShape = ScimShape::of("primary", ScimShapeType::Flag);
const VALUE: ScimShape = ScimShape::text("value");
const DISPLAY: ScimShape = ScimShape::text("display");
const TYPE: ScimShape = ScimShape::text("type");
const PLURAL: &[ScimShape] = &[VALUE, DISPLAY, TYPE, PRIMARY];
const ADDRESS: &[ScimShape] = &[
    ScimShape::text("formatted"),
    ScimShape::text("streetAddress"),
    ScimShape::text("locality"),
    ScimShape::text("region"),
    ScimShape::text("postalCode"),
    ScimShape::text("country"),
    TYPE,
    PRIMARY,
];
const NAME: &[ScimShape] = &[
    ScimShape::text("formatted"),
    ScimShape::text("familyName"),
    ScimShape::text("givenName"),
    ScimShape::text("middleName"),
    ScimShape::text("honorificPrefix"),
    ScimShape::text("honorificSuffix"),
];
const OF_GROUP: &[ScimShape] =
    &[VALUE.read_only(), ScimShape::of("$ref", ScimShapeType::Reference(&["Group"])).read_only(), DISPLAY.read_only(), TYPE.read_only()];
const MEMBER: &[ScimShape] = &[
    VALUE.immutable(),
    ScimShape::of("$ref", ScimShapeType::Reference(&["User", "Group"])).immutable(),
    DISPLAY.read_only(),
    TYPE.read_only(),
];
const MANAGER: &[ScimShape] = &[VALUE, ScimShape::of("$ref", ScimShapeType::Reference(&["User"])), ScimShape::text("displayName")];

const USER_SHAPES: &[ScimShape] = &[
    ScimShape::text("userName").required().unique(),
    ScimShape::complex("name", NAME),
    ScimShape::text("displayName"),
    ScimShape::text("nickName"),
    ScimShape::of("profileUrl", ScimShapeType::Reference(&["external"])),
    ScimShape::text("title"),
    ScimShape::text("userType"),
    ScimShape::text("preferredLanguage"),
    ScimShape::text("locale"),
    ScimShape::text("timezone"),
    ScimShape::of("active", ScimShapeType::Flag),
    ScimShape::list("emails", PLURAL),
    ScimShape::list("phoneNumbers", PLURAL),
    ScimShape::list("ims", PLURAL),
    ScimShape::list("photos", &[ScimShape::of("value", ScimShapeType::Reference(&["external"])), DISPLAY, TYPE, PRIMARY]),
    ScimShape::list("addresses", ADDRESS),
    ScimShape::list("groups", OF_GROUP).read_only(),
    ScimShape::list("entitlements", PLURAL),
    ScimShape::list("roles", PLURAL),
    ScimShape::list("x509Certificates", &[ScimShape::of("value", ScimShapeType::Binary), DISPLAY, TYPE, PRIMARY]),
];
const ENTERPRISE_SHAPES: &[ScimShape] = &[
    ScimShape::text("employeeNumber"),
    ScimShape::text("costCenter"),
    ScimShape::text("organization"),
    ScimShape::text("division"),
    ScimShape::text("department"),
    ScimShape::complex("manager", MANAGER),
];
const GROUP_SHAPES: &[ScimShape] = &[ScimShape::text("displayName").required(), ScimShape::list("members", MEMBER)];
/// What every resource has beside its schema.
const COMMON: &[ScimShape] = &[
    ScimShape::text("externalId").exact(),
    ScimShape::text("id").exact().read_only(),
    ScimShape::complex("meta", &[]).read_only(),
    ScimShape::text("schemas").read_only(),
];

impl ServedKind {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::User, Self::Group];

    /// `User`, `Group`.
    pub fn word(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Group => "Group",
        }
    }

    /// `Users`, `Groups`.
    pub fn endpoint(self) -> &'static str {
        match self {
            Self::User => "Users",
            Self::Group => "Groups",
        }
    }

    /// The URN of its core schema.
    pub fn schema(self) -> &'static str {
        match self {
            Self::User => USER,
            Self::Group => GROUP,
        }
    }

    /// The attribute that people know it by.
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "userName",
            Self::Group => "displayName",
        }
    }

    /// What its core schema has.
    pub fn shapes(self) -> &'static [ScimShape] {
        match self {
            Self::User => USER_SHAPES,
            Self::Group => GROUP_SHAPES,
        }
    }

    /// The attribute of this name, in whatever case, of the core schema or what all resources have; of an extension where one is named.
    pub fn shape(self, extension: Option<&str>, name: &str) -> Option<&'static ScimShape> {
        let of = |shapes: &'static [ScimShape]| shapes.iter().find(|shape| shape.name.eq_ignore_ascii_case(name));
        match extension {
            None => of(self.shapes()).or_else(|| of(COMMON)),
            Some(urn) if self == Self::User && urn.eq_ignore_ascii_case(ENTERPRISE) => of(ENTERPRISE_SHAPES),
            Some(_) => None,
        }
    }
}

/// A part of a complex attribute.
pub(super) fn part(shape: Option<&ScimShape>, name: &str) -> Option<&'static ScimShape> {
    shape?.parts.iter().find(|part| part.name.eq_ignore_ascii_case(name))
}

/// A body that a client sent as a whole, as it is kept: attributes have the RFC's names, truth values are such, and what only the server says is not there.
pub fn taken(kind: ServedKind, body: &Json) -> Result<Map<String, Json>, ScimRefusal> {
    let Json::Object(fields) = body else { return Err(ScimRefusal::syntax("the body is no JSON object")) };
    let mut taken = Map::new();
    for (name, value) in fields {
        if is_urn(name) {
            take_extension(kind, name, value, &mut taken)?;
            continue;
        }
        let shape = kind.shape(None, name);
        if is_password(name) || shape.is_some_and(|shape| shape.read_only) {
            continue;
        }
        let name = shape.map_or(name.as_str(), |shape| shape.name);
        if let Some(value) = coerced(shape, name, value)?
            && taken.insert(name.to_owned(), value).is_some()
        {
            return Err(ScimRefusal::syntax(format!("{name} stands there twice")));
        }
    }
    complete(kind, &taken)?;
    Ok(taken)
}

/// What must be there is there.
pub(super) fn complete(kind: ServedKind, resource: &Map<String, Json>) -> Result<(), ScimRefusal> {
    let odd = |name: &&str| resource.get(*name).and_then(Json::as_str).is_some_and(|text| text.contains(char::is_control));
    // By these an account is found and signed in with.
    if let Some(name) = ["userName", "externalId"].into_iter().find(odd) {
        return Err(ScimRefusal::value(format!("{name} holds a control character")));
    }
    let missing = kind.shapes().iter().filter(|shape| shape.required);
    let blank = |name: &str| resource.get(name).and_then(Json::as_str).is_none_or(|text| text.trim().is_empty());
    match missing.into_iter().find(|shape| blank(shape.name)) {
        Some(shape) => Err(ScimRefusal::value(format!("{} has no value, and must have one", shape.name))),
        None => Ok(()),
    }
}

/// Whether it names a schema or something in one.
pub(super) fn is_urn(name: &str) -> bool {
    name.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("urn:"))
}

/// A secret is never kept.
pub(super) fn is_password(name: &str) -> bool {
    name.eq_ignore_ascii_case("password")
}

/// The name of a schema as it is kept.
pub(super) fn canonical_urn(urn: &str) -> &str {
    [ENTERPRISE, USER, GROUP].into_iter().find(|known| known.eq_ignore_ascii_case(urn)).unwrap_or(urn)
}

fn take_extension(kind: ServedKind, urn: &str, value: &Json, into: &mut Map<String, Json>) -> Result<(), ScimRefusal> {
    let urn = canonical_urn(urn);
    let Json::Object(fields) = value else {
        return if value.is_null() { Ok(()) } else { Err(ScimRefusal::value(format!("{urn} is no JSON object"))) };
    };
    let mut kept = Map::new();
    for (name, value) in fields {
        let shape = kind.shape(Some(urn), name);
        let name = shape.map_or(name.as_str(), |shape| shape.name);
        if let Some(value) = coerced(shape, name, value)? {
            kept.insert(name.to_owned(), value);
        }
    }
    if !kept.is_empty() {
        into.insert(urn.to_owned(), Json::Object(kept));
    }
    Ok(())
}

/// A value as an attribute keeps it; none where it says that there is none.
pub(super) fn coerced(shape: Option<&ScimShape>, name: &str, value: &Json) -> Result<Option<Json>, ScimRefusal> {
    let Some(shape) = shape else { return Ok(without_nulls(value)) };
    if !shape.many {
        // Some clients write one value as a list of one.
        let value = match value {
            Json::Array(items) if items.len() <= 1 => items.first().unwrap_or(&Json::Null),
            other => other,
        };
        return single(shape, name, value);
    }
    let items: &[Json] = match value {
        Json::Array(items) => items,
        Json::Null => &[],
        one => std::slice::from_ref(one),
    };
    let mut kept = Vec::with_capacity(items.len());
    for item in items {
        kept.extend(single(shape, name, item)?);
    }
    Ok((!kept.is_empty()).then_some(Json::Array(kept)))
}

fn single(shape: &ScimShape, name: &str, value: &Json) -> Result<Option<Json>, ScimRefusal> {
    let wrong = |what: &str| Err(ScimRefusal::value(format!("{name} should be {what}")));
    Ok(match (shape.holds, value) {
        (_, Json::Null) => None,
        (ScimShapeType::Flag, Json::Bool(_)) => Some(value.clone()),
        (ScimShapeType::Flag, Json::String(text)) if text.eq_ignore_ascii_case("true") => Some(Json::Bool(true)),
        (ScimShapeType::Flag, Json::String(text)) if text.eq_ignore_ascii_case("false") => Some(Json::Bool(false)),
        (ScimShapeType::Flag, _) => return wrong("true or false"),
        (ScimShapeType::Complex, Json::Object(fields)) => {
            let mut kept = Map::new();
            for (part_name, value) in fields {
                let part = part(Some(shape), part_name);
                let part_name = part.map_or(part_name.as_str(), |part| part.name);
                if let Some(value) = coerced(part, part_name, value)? {
                    kept.insert(part_name.to_owned(), value);
                }
            }
            (!kept.is_empty()).then_some(Json::Object(kept))
        }
        // A value alone: `"manager": "26118915"`, `"roles": ["admin"]`.
        (ScimShapeType::Complex, Json::String(text)) if part(Some(shape), "value").is_some() => {
            (!text.is_empty()).then(|| json!({ "value": text }))
        }
        (ScimShapeType::Complex, _) => return wrong("a JSON object"),
        (_, Json::String(_)) => Some(value.clone()),
        (_, Json::Number(number)) => Some(Json::String(number.to_string())),
        (_, Json::Bool(flag)) => Some(Json::String(flag.to_string())),
        (_, Json::Array(_) | Json::Object(_)) => return wrong("text"),
    })
}

/// Of what nobody declared, what says something.
fn without_nulls(value: &Json) -> Option<Json> {
    match value {
        Json::Null => None,
        Json::Array(items) if items.is_empty() => None,
        other => Some(other.clone()),
    }
}

/// The schemas, as `/Schemas` tells them.
pub fn schemas() -> Vec<Json> {
    let schema = |id: &str, name: &str, about: &str, shapes: &[ScimShape]| {
        let attributes: Vec<Json> = shapes.iter().map(described).collect();
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
            "id": id, "name": name, "description": about, "attributes": attributes,
            "meta": {"resourceType": "Schema", "location": format!("Schemas/{id}")},
        })
    };
    vec![
        schema(USER, "User", "User account", USER_SHAPES),
        schema(GROUP, "Group", "Group", GROUP_SHAPES),
        schema(ENTERPRISE, "EnterpriseUser", "Enterprise user", ENTERPRISE_SHAPES),
    ]
}

/// The kinds of resources, as `/ResourceTypes` tells them.
pub fn resource_types() -> Vec<Json> {
    let of = |kind: ServedKind| {
        let mut told = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
            "id": kind.word(), "name": kind.word(), "description": kind.word(),
            "endpoint": format!("/{}", kind.endpoint()), "schema": kind.schema(),
            "meta": {"resourceType": "ResourceType", "location": format!("ResourceTypes/{}", kind.word())},
        });
        if let (ServedKind::User, Some(fields)) = (kind, told.as_object_mut()) {
            fields.insert("schemaExtensions".to_owned(), json!([{"schema": ENTERPRISE, "required": false}]));
        }
        told
    };
    ServedKind::ALL.map(of).to_vec()
}

fn described(shape: &ScimShape) -> Json {
    let kind = match shape.holds {
        ScimShapeType::Text => "string",
        ScimShapeType::Flag => "boolean",
        ScimShapeType::Reference(_) => "reference",
        ScimShapeType::Binary => "binary",
        ScimShapeType::Complex => "complex",
    };
    let mutability = match shape {
        ScimShape { read_only: true, .. } => "readOnly",
        ScimShape { immutable: true, .. } => "immutable",
        _ => "readWrite",
    };
    let mut told = json!({
        "name": shape.name, "type": kind, "multiValued": shape.many, "description": shape.name, "required": shape.required,
        "mutability": mutability, "returned": "default",
    });
    let Some(fields) = told.as_object_mut() else { return told };
    match shape.holds {
        ScimShapeType::Text => {
            fields.insert("caseExact".to_owned(), json!(shape.exact));
            fields.insert("uniqueness".to_owned(), json!(if shape.unique { "server" } else { "none" }));
        }
        ScimShapeType::Reference(kinds) => {
            fields.insert("referenceTypes".to_owned(), json!(kinds));
            fields.insert("caseExact".to_owned(), json!(true));
        }
        ScimShapeType::Complex => {
            let parts: Vec<Json> = shape.parts.iter().map(described).collect();
            fields.insert("subAttributes".to_owned(), Json::Array(parts));
        }
        ScimShapeType::Binary | ScimShapeType::Flag => {}
    }
    told
}
