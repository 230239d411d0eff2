//! The bodies that a SCIM service answers with, as far as headcount reads them. Everything optional is optional here.
//!
//! Must never: fill in what a service did not say about how much there is.

use serde::de::{DeserializeSeed, Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// One page of a list (RFC 7644 section 3.4.2, RFC 9865).
#[derive(Debug, Deserialize)]
pub struct ListResponse<'a> {
    /// how many there are in all; where pages are counted, nobody knows without it whether a list is whole
    #[serde(rename = "totalResults", default)]
    pub total: Option<u64>,
    /// what the next page is asked for by, where pages are asked for by cursor
    #[serde(rename = "nextCursor", default)]
    pub next_cursor: Option<String>,
    /// the resources of this page, as they are written
    #[serde(rename = "Resources", alias = "resources", borrow, default)]
    resources: Option<&'a RawValue>,
}

impl ListResponse<'_> {
    /// Hands on each resource as it is written, and says how many there were. They are not gathered: a page of tiny ones would take many times its size.
    pub fn each<E>(&self, mut take: impl FnMut(&str) -> Result<(), E>) -> Result<Result<u64, E>, serde_json::Error> {
        let Some(resources) = self.resources else { return Ok(Ok(0)) };
        let mut stopped = None;
        let mut json = serde_json::Deserializer::from_str(resources.get());
        let count = Each { take: &mut take, stopped: &mut stopped }.deserialize(&mut json);
        match (stopped, count) {
            (Some(error), _) => Ok(Err(error)),
            (None, count) => count.map(Ok),
        }
    }
}

struct Each<'t, F, E> {
    take: &'t mut F,
    stopped: &'t mut Option<E>,
}

impl<'de, E, F: FnMut(&str) -> Result<(), E>> DeserializeSeed<'de> for Each<'_, F, E> {
    type Value = u64;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<u64, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, E, F: FnMut(&str) -> Result<(), E>> Visitor<'de> for Each<'_, F, E> {
    type Value = u64;

    fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("a list of resources")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<u64, A::Error> {
        let mut count = 0;
        while let Some(item) = items.next_element::<&RawValue>()? {
            count += 1;
            if let Err(error) = (self.take)(item.get()) {
                *self.stopped = Some(error);
                return Err(A::Error::custom("stopped"));
            }
        }
        Ok(count)
    }
}

/// An error's body (RFC 7644 section 3.12).
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ErrorBody {
    /// a word for machines
    pub scim_type: Option<String>,
    /// words for people
    #[serde(alias = "description")]
    pub detail: Option<String>,
    /// the same below a field of its own, as SCIM 1.1 had it
    #[serde(rename = "Errors")]
    pub errors: Option<serde_json::Value>,
}

impl ErrorBody {
    /// Words for people, wherever they are.
    pub fn words(&self) -> Option<&str> {
        let errors = self.errors.as_ref();
        let first = errors.and_then(|errors| errors.get(0)).or(errors);
        self.detail.as_deref().or_else(|| first?.get("description")?.as_str())
    }
}

/// What the service can do (RFC 7643 section 5).
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServiceProviderConfig {
    /// PATCH
    pub patch: Option<Supported>,
    /// filters in lists
    pub filter: Option<FilterSupport>,
    /// If-Match
    pub etag: Option<Supported>,
    /// many changes in one request
    pub bulk: Option<BulkSupport>,
    /// how lists are paged (RFC 9865)
    pub pagination: Option<PaginationSupport>,
}

/// Whether and how far many changes may go in one request.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BulkSupport {
    /// yes or no
    pub supported: bool,
    /// most changes
    pub max_operations: Option<usize>,
    /// most bytes
    pub max_payload_size: Option<usize>,
}

/// How lists are paged.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PaginationSupport {
    /// by cursor
    pub cursor: bool,
    /// by index; not said: yes
    pub index: Option<bool>,
    /// which of both where nobody asks for one
    pub default_pagination_method: Option<String>,
    /// most resources in one page
    pub max_page_size: Option<u32>,
}

impl PaginationSupport {
    /// Whether pages are better asked for by cursor.
    pub fn prefers_cursor(&self) -> bool {
        let method = self.default_pagination_method.as_deref().unwrap_or_default();
        self.cursor && (self.index == Some(false) || method.eq_ignore_ascii_case("cursor"))
    }
}

/// Whether something is there.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Supported {
    /// yes or no
    pub supported: bool,
}

/// Whether and how far lists can be filtered.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FilterSupport {
    /// yes or no
    pub supported: bool,
    /// most resources in one answer
    pub max_results: Option<u32>,
}

/// A kind of resource that the service has (RFC 7643 section 6).
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResourceType {
    /// `User`, `Group`
    #[serde(deserialize_with = "null_is_default")]
    pub name: String,
    /// `/Users`, `/Groups`
    #[serde(deserialize_with = "null_is_default")]
    pub endpoint: String,
    /// URN of its core schema
    #[serde(deserialize_with = "null_is_default")]
    pub schema: String,
}

/// A schema (RFC 7643 section 7).
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Schema {
    /// URN
    #[serde(deserialize_with = "null_is_default")]
    pub id: String,
    /// top-level attributes
    #[serde(deserialize_with = "null_is_default")]
    pub attributes: Vec<SchemaAttribute>,
}

/// One attribute of a schema.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SchemaAttribute {
    /// its name
    #[serde(deserialize_with = "null_is_default")]
    pub name: String,
    /// `string`, `boolean`, `complex`
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// whether values compare with their case
    #[serde(deserialize_with = "null_is_default")]
    pub case_exact: bool,
    /// `readOnly`, `readWrite`, `immutable`, `writeOnly`
    pub mutability: Option<String>,
    /// `always`, `default`, `request`, `never`
    pub returned: Option<String>,
    /// whether there must be one
    #[serde(deserialize_with = "null_is_default")]
    pub required: bool,
    /// attributes of a complex one
    #[serde(deserialize_with = "null_is_default")]
    pub sub_attributes: Vec<SchemaAttribute>,
    /// usual values
    #[serde(deserialize_with = "null_is_default")]
    pub canonical_values: Vec<serde_json::Value>,
    /// kinds of resources that a reference may point to
    #[serde(deserialize_with = "null_is_default")]
    pub reference_types: Vec<String>,
}

impl SchemaAttribute {
    /// Whether it is set once and never again.
    pub fn immutable(&self) -> bool {
        self.mutability.as_deref() == Some("immutable")
    }

    /// Whether its values are plain texts.
    pub fn is_text(&self) -> bool {
        self.kind.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case("string")) && self.sub_attributes.is_empty()
    }

    /// Whether it is told to nobody, or only to those who ask.
    pub fn is_hidden(&self) -> bool {
        matches!(self.returned.as_deref(), Some("never" | "request")) || self.mutability.as_deref() == Some("writeOnly")
    }

    /// Whether a client may set it.
    pub fn writable(&self) -> bool {
        self.mutability.as_deref() != Some("readOnly")
    }
}

/// Services write null where they mean nothing.
fn null_is_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_says_how_many_there_are_or_what_comes_next() {
        let endless: ListResponse<'_> = serde_json::from_str(r#"{"Resources": [], "nextCursor": "x"}"#).expect("a list");
        assert_eq!((endless.total, endless.next_cursor.as_deref()), (None, Some("x")));
        let empty: ListResponse<'_> = serde_json::from_str(r#"{"totalResults": 0}"#).expect("a list");
        let count = |list: &ListResponse<'_>| list.each(|_| Ok::<(), ()>(())).expect("a list");
        assert!(empty.total == Some(0) && count(&empty) == Ok(0));
        let list: ListResponse<'_> = serde_json::from_str(r#"{"totalResults": 1, "resources": [{"id": "7"}]}"#).expect("a list");
        assert_eq!(
            (count(&list), list.each(|resource| Err(resource.to_owned())).expect("a list")),
            (Ok(1), Err(r#"{"id": "7"}"#.to_owned()))
        );
        let odd: ListResponse<'_> = serde_json::from_str(r#"{"totalResults": 1, "Resources": {"id": "7"}}"#).expect("a list");
        assert!(odd.each(|_| Ok::<(), ()>(())).is_err());
    }
}
