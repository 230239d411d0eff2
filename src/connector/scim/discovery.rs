//! What a service says it can do: ServiceProviderConfig, ResourceTypes, Schemas. Each is optional; where one is missing, what RFC 7643 describes counts.
//!
//! Must never: treat a failure (a lost connection, a web page) as "not offered".

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::api::Api;
use super::dialect::BulkBounds;
use crate::connector::connection::Again;
use crate::model::{AttributeType, Capabilities, SystemError, attribute, attributes};
use crate::scim::{
    AttributePath, ENTERPRISE, GROUP, PaginationSupport, ResourceType, Schema, SchemaAttribute, ServiceProviderConfig, USER, field,
};

/// The attribute that holds the marker, of accounts and of groups.
pub const MARKER: &str = "externalId";
/// Attributes that SCIM has no place for; an extension may.
const NOT_IN_SCIM: &[&str] = &["endDate", "startDate", "status"];

/// What is known of a service.
#[derive(Debug)]
pub struct Discovery {
    /// PATCH is offered, or nothing says that it is not
    pub patch: bool,
    /// lists can be filtered
    pub filter: bool,
    /// most resources in one page
    pub max_results: Option<u32>,
    /// groups exist
    pub groups: bool,
    /// If-Match is understood
    pub etag: bool,
    /// many changes in one request, and how many; 0 where it does not say
    pub bulk: Option<BulkBounds>,
    /// lists are paged by cursor
    pub cursor: bool,
    /// `manager` is a plain text
    pub manager_text: bool,
    /// `active` is a text
    pub text_booleans: bool,
    /// a group is known to be able to be a member of a group
    pub nested: bool,
    /// the schema says that groups tell their members only to those who ask, or to nobody
    pub hides_members: bool,
    /// the URN of the extension with custom attributes
    extension: Option<Arc<str>>,
    /// attributes of a User by headcount's names, if the service has told
    users: Option<BTreeMap<Arc<str>, Known>>,
    /// a group can hold the marker, as far as the schema says
    marks_groups: bool,
    /// whether a group's displayName compares with its case
    group_name_exact: bool,
}

/// What a schema says about an attribute.
#[derive(Clone, Debug)]
struct Known {
    path: AttributePath,
    case_exact: bool,
    writable: bool,
    /// set once and never again
    immutable: bool,
    /// an account must have one
    required: bool,
    /// told to nobody, or only to those who ask
    hidden: bool,
}

impl Discovery {
    /// Asks the service.
    pub async fn ask(api: &Api, extension: Option<&str>) -> Result<Self, SystemError> {
        let config: ServiceProviderConfig = match document(api, "ServiceProviderConfig").await? {
            Some(json) => serde_json::from_value(json).map_err(|_| nonsense("ServiceProviderConfig"))?,
            None => ServiceProviderConfig::default(),
        };
        let kinds: Vec<ResourceType> = entries(document(api, "ResourceTypes").await?, "ResourceTypes")?;
        let schemas: Vec<Schema> = entries(document(api, "Schemas").await?, "Schemas")?;
        Ok(Self::from_documents(&config, &kinds, &schemas, extension))
    }

    /// What RFC 7643 describes, without asking anybody.
    pub fn unasked(extension: Option<&str>) -> Self {
        Self::from_documents(&ServiceProviderConfig::default(), &[], &[], extension)
    }

    fn from_documents(config: &ServiceProviderConfig, kinds: &[ResourceType], schemas: &[Schema], extension: Option<&str>) -> Self {
        let group = schema(schemas, GROUP);
        let members = group.and_then(|group| top(group, "members"));
        let is_text =
            |urn: &str, name: &str| schema(schemas, urn).and_then(|schema| top(schema, name)).is_some_and(SchemaAttribute::is_text);
        let bulk = config.bulk.as_ref().filter(|bulk| bulk.supported);
        let most = config.filter.as_ref().and_then(|filter| filter.max_results);
        let most = most.into_iter().chain(config.pagination.as_ref().and_then(|pagination| pagination.max_page_size));
        Self {
            patch: config.patch.as_ref().is_none_or(|patch| patch.supported),
            filter: config.filter.as_ref().is_none_or(|filter| filter.supported),
            max_results: most.filter(|most| *most > 0).min(),
            bulk: bulk.map(|bulk| BulkBounds {
                operations: bulk.max_operations.unwrap_or_default(),
                payload: bulk.max_payload_size.unwrap_or_default(),
            }),
            cursor: config.pagination.as_ref().is_some_and(PaginationSupport::prefers_cursor),
            manager_text: is_text(ENTERPRISE, "manager"),
            text_booleans: is_text(USER, "active"),
            etag: config.etag.as_ref().is_some_and(|etag| etag.supported),
            groups: kinds.is_empty() || kinds.iter().any(is_group),
            nested: members.is_some_and(nests),
            hides_members: members.and_then(|members| members.returned.as_deref()).is_some_and(|when| matches!(when, "request" | "never")),
            extension: extension.map(Arc::from),
            users: user_attributes(schemas, extension),
            marks_groups: group.and_then(|group| top(group, MARKER)).is_none_or(|marker| marker.writable() && !marker.is_hidden()),
            group_name_exact: group.and_then(|group| top(group, "displayName")).is_some_and(|name| name.case_exact),
        }
    }

    /// The place of an account's attribute, if the service has one.
    pub fn path(&self, attribute: &str) -> Option<AttributePath> {
        match &self.users {
            _ if attribute == MARKER => Some(AttributePath::core(MARKER)),
            Some(users) => users.get(attribute).map(|known| known.path.clone()),
            None if NOT_IN_SCIM.contains(&attribute) => None,
            None => AttributePath::of(attribute, self.extension.as_deref()),
        }
    }

    /// Whether an account's attribute compares with its case.
    pub fn case_exact(&self, attribute: &str) -> bool {
        let told = self.users.as_ref().and_then(|users| users.get(attribute)).map(|known| known.case_exact);
        attribute == "id" || attribute == MARKER || told.unwrap_or(false)
    }

    /// Whether the service tells an account's attribute to nobody, or only to those who ask.
    pub fn hides(&self, attribute: &str) -> bool {
        self.users.as_ref().and_then(|users| users.get(attribute)).is_some_and(|known| known.hidden)
    }

    /// Whether a group's attribute compares with its case.
    pub fn group_case_exact(&self, attribute: &str) -> bool {
        attribute == "id" || attribute == MARKER || self.group_name_exact
    }

    /// As planning wants to know it.
    pub fn capabilities(&self) -> Capabilities {
        let held = self.held();
        let marks = self.users.as_ref().is_none_or(|users| users.get(MARKER).is_none_or(|known| known.writable && !known.hidden));
        Capabilities {
            create_accounts: true,
            update_accounts: true,
            deactivate_accounts: held.contains("active"),
            delete_accounts: true,
            read_groups: self.groups,
            create_groups: self.groups,
            update_groups: self.groups,
            delete_groups: self.groups,
            write_memberships: self.groups,
            nested_groups: self.groups && self.nested,
            account_marker: marks.then(|| MARKER.into()),
            refuses_marker: !marks,
            group_marker: (self.groups && self.marks_groups).then(|| MARKER.into()),
            account_attributes: Some(held),
            immutable_attributes: self.attributes_that(|known| known.immutable),
            read_only_attributes: Default::default(),
            required_attributes: self.attributes_that(|known| known.required && known.writable),
            single_valued_attributes: Default::default(),
            needed_attributes: Default::default(),
            entitlements: false,
            entitlement_parameters: None,
            says_writable: BTreeSet::new(),
            says_removable: BTreeSet::new(),
            finds_elsewhere: false,
            listed_by: None,
            unclear_access: None,
            asked_by: None,
            parameter_limits: Default::default(),
            entry_names: None,
            end_sessions: false,
            group_owners: false,
            account_limits: Default::default(),
            group_limits: Default::default(),
            side_effects: Vec::new(),
            unique_account_attributes: None,
            accentless_names: false,
            unique_group_attributes: None,
        }
    }

    fn attributes_that(&self, is: impl Fn(&Known) -> bool) -> BTreeSet<Arc<str>> {
        self.users.iter().flatten().filter(|(_, known)| is(known)).map(|(name, _)| name.clone()).collect()
    }

    fn held(&self) -> BTreeSet<Arc<str>> {
        let mut held: BTreeSet<Arc<str>> = match &self.users {
            Some(users) => users.iter().filter(|(_, known)| known.writable).map(|(name, _)| name.clone()).collect(),
            None => {
                let custom = self.extension.iter().map(|_| "custom.*");
                let known = attributes().iter().map(|known| known.name).filter(|name| !NOT_IN_SCIM.contains(name));
                known.chain(custom).map(Arc::from).collect()
            }
        };
        // Schemas need not list it (RFC 7643 section 3.1); one that does may say that it can't be kept.
        if self.users.as_ref().is_none_or(|users| !users.contains_key(MARKER)) {
            held.insert(MARKER.into());
        }
        held
    }
}

/// Documents of services are a hundredth of this; one takes many times its size while it is read.
const MAX_DOCUMENT: usize = 2 << 20;

/// A discovery document. None where the service does not offer it: 404, and what services say in its place.
async fn document(api: &Api, name: &str) -> Result<Option<Json>, SystemError> {
    let about = |error: SystemError| error.map_words(|words| format!("{words} (of its {name})"));
    match api.ask_for(api.url(&[name], &[])?, Some(MAX_DOCUMENT), Again::Always).await {
        Ok(response) => response.json().map(Some).map_err(about),
        // A refused sign-in is told by 401. 403 here is a token that may not see this document; the lists will tell whether it may see people.
        Err(SystemError::NotFound(_) | SystemError::Forbidden(_) | SystemError::Rejected(_)) => Ok(None),
        Err(error @ SystemError::Protocol(_)) => Err(about(error)),
        Err(error) => Err(error),
    }
}

/// The entries of a list, or of a bare array as some services send. An entry of another shape is left out: its attributes then count as not offered.
fn entries<T: DeserializeOwned>(document: Option<Json>, name: &str) -> Result<Vec<T>, SystemError> {
    let Some(document) = document else { return Ok(Vec::new()) };
    let list = field(&document, "Resources").unwrap_or(&document);
    let list = list.as_array().ok_or_else(|| nonsense(name))?;
    Ok(list.iter().filter_map(|entry| serde_json::from_value(entry.clone()).ok()).collect())
}

fn nonsense(name: &str) -> SystemError {
    SystemError::Protocol(format!("its {name} has another shape than RFC 7643 says"))
}

fn is_group(kind: &ResourceType) -> bool {
    kind.schema == GROUP || kind.name.eq_ignore_ascii_case("Group") || kind.endpoint.ends_with("/Groups")
}

/// A service that does not read a member's `type` takes a group for the account with that id, so it must say that members can be groups.
fn nests(members: &SchemaAttribute) -> bool {
    let kinds = |attribute: &SchemaAttribute| attribute.reference_types.iter().any(|kind| kind.eq_ignore_ascii_case("Group"));
    let typed = |attribute: &SchemaAttribute| attribute.canonical_values.iter().any(|kind| kind.as_str() == Some("Group"));
    members.sub_attributes.iter().any(|sub| kinds(sub) || typed(sub))
}

fn schema<'a>(schemas: &'a [Schema], id: &str) -> Option<&'a Schema> {
    schemas.iter().find(|schema| schema.id.eq_ignore_ascii_case(id))
}

fn top<'a>(schema: &'a Schema, name: &str) -> Option<&'a SchemaAttribute> {
    schema.attributes.iter().find(|attribute| attribute.name.eq_ignore_ascii_case(name))
}

/// Headcount's attributes that the schemas have a place for. None without a User schema: then nobody has told.
fn user_attributes(schemas: &[Schema], extension: Option<&str>) -> Option<BTreeMap<Arc<str>, Known>> {
    let user = schema(schemas, USER)?;
    let own = extension.and_then(|urn| Some((urn, schema(schemas, urn)?)));
    let mut found = BTreeMap::new();
    for name in attributes().iter().map(|known| known.name) {
        let Some(path) = AttributePath::of(name, None) else { continue };
        let home = path.schema().map_or(Some(user), |urn| schema(schemas, urn));
        let at_home = home.and_then(|home| find(home, name)).map(|at| told(at, path));
        let in_own = own
            .filter(|_| NOT_IN_SCIM.contains(&name))
            .and_then(|(urn, own)| Some(told(top(own, name)?, AttributePath::of_extension(urn, name))));
        if let Some(known) = at_home.or(in_own) {
            found.insert(Arc::from(name), known);
        }
    }
    for (urn, at) in own.iter().flat_map(|(urn, own)| own.attributes.iter().map(move |at| (urn, at))) {
        let path = AttributePath::of_extension(urn, &at.name);
        for sub in &at.sub_attributes {
            found.insert(Arc::from(format!("custom.{}.{}", at.name, sub.name)), told(sub, path.sub(&sub.name)));
        }
        found.insert(Arc::from(format!("custom.{}", at.name)), told(at, path));
    }
    Some(found)
}

fn find<'a>(schema: &'a Schema, name: &str) -> Option<&'a SchemaAttribute> {
    let (name, sub) = name.split_once('.').map_or((name, None), |(name, sub)| (name, Some(sub)));
    let attribute = top(schema, name)?;
    match sub {
        Some(sub) if !attribute.sub_attributes.is_empty() => {
            attribute.sub_attributes.iter().find(|known| known.name.eq_ignore_ascii_case(sub))
        }
        _ => Some(attribute),
    }
}

/// A complex attribute compares as its `value` does.
fn told(at: &SchemaAttribute, path: AttributePath) -> Known {
    let value = at.sub_attributes.iter().find(|sub| sub.name == "value");
    Known {
        path,
        case_exact: value.unwrap_or(at).case_exact,
        writable: at.writable(),
        immutable: at.immutable(),
        required: at.required,
        hidden: at.is_hidden(),
    }
}

/// How an attribute compares and looks. What is not in the table is text.
pub fn kind_of(name: &str) -> AttributeType {
    attribute(name).map_or(AttributeType::Text, |known| known.kind)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    impl Discovery {
        /// Of a service that tells nothing.
        pub fn silent(extension: Option<&str>) -> Self {
            discovered(json!([]), extension)
        }
    }

    fn discovered(schemas: Json, extension: Option<&str>) -> Discovery {
        let schemas: Vec<Schema> = entries(Some(schemas), "Schemas").expect("schemas");
        Discovery::from_documents(&ServiceProviderConfig::default(), &[], &schemas, extension)
    }

    #[test]
    fn a_silent_service_can_what_the_rfc_describes() {
        let silent = discovered(json!([]), None);
        let can = silent.capabilities();
        assert!(silent.patch && silent.filter && !silent.etag && can.read_groups && !can.nested_groups && can.deactivate_accounts);
        assert!(can.holds("department") && can.holds("externalId") && can.holds("emails"));
        assert!(!can.holds("startDate") && !can.holds("status") && !can.holds("custom.badge"));
        assert!(silent.path("startDate").is_none() && silent.path("custom.badge").is_none());
        assert!(!silent.case_exact("userName") && silent.case_exact("externalId"));
    }

    #[test]
    fn without_schemas_any_custom_attribute_may_be_in_the_extension() {
        let can = discovered(json!([]), Some("urn:acme:User")).capabilities();
        assert!(can.holds("custom.badge") && !can.holds("endDate"));
    }

    #[test]
    fn schemas_narrow_what_an_account_holds() {
        let schemas = json!({ "totalResults": 3, "Resources": [
            { "id": USER, "attributes": [
                { "name": "userName", "caseExact": true },
                { "name": "name", "subAttributes": [{ "name": "givenName" }] },
                { "name": "displayName", "mutability": "readOnly", "subAttributes": null },
            ]},
            { "id": GROUP, "attributes": [{ "name": "members", "subAttributes": [{ "name": "$ref", "referenceTypes": ["User"] }] }] },
            { "id": "urn:acme:User", "attributes": [{ "name": "badge" }, { "name": "endDate" }] },
            "not a schema",
        ]});
        let service = discovered(schemas, Some("urn:acme:User"));
        let can = service.capabilities();
        let held: Vec<_> = can.account_attributes.iter().flatten().map(AsRef::as_ref).collect();
        assert_eq!(held, ["custom.badge", "custom.endDate", "endDate", "externalId", "name.givenName", "userName"]);
        assert!(!can.nested_groups && !can.deactivate_accounts && service.case_exact("userName"));
        assert_eq!(service.path("endDate").map(|path| path.to_string()).as_deref(), Some("urn:acme:User:endDate"));
        assert_eq!(service.path("custom.badge").map(|path| path.to_string()).as_deref(), Some("urn:acme:User:badge"));
    }

    #[test]
    fn a_schema_says_what_never_changes_what_must_be_there_and_where_no_marker_is_kept() {
        let schemas = json!([
            { "id": USER, "attributes": [
                { "name": "userName", "mutability": "immutable", "required": true },
                { "name": "externalId", "mutability": "readOnly" },
                { "name": "title", "returned": "request" },
            ]},
            { "id": GROUP, "attributes": [{ "name": "members", "returned": "request",
                "subAttributes": [{ "name": "type", "canonicalValues": ["User", "Group"] }] }] },
        ]);
        let service = discovered(schemas, None);
        let can = service.capabilities();
        assert!(can.immutable_attributes.contains("userName") && can.required_attributes.contains("userName"));
        assert!(can.account_marker.is_none() && can.refuses_marker && !can.holds("externalId") && can.group_marker.is_some());
        assert!(service.hides("title") && service.hides_members && can.nested_groups);
    }
}
