//! One resource, as it is kept and as it is told.
//!
//! Must never: hold a group's members, which are rows of their own.

use std::sync::Arc;

use aws_lc_rs::rand;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

use crate::scim::ServedKind;
use crate::state::hex;

/// How often a resource was changed: its weak ETag.
pub type Version = u64;

/// A user or group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InboxResource {
    /// when it came
    pub created: Timestamp,
    /// when it was changed last
    pub modified: Timestamp,
    /// grows with each change
    pub version: Version,
    /// by when it came, among all of its inbox: lists have this order
    pub order: u64,
    /// since when it is inactive or deleted, after it was active
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone: Option<Timestamp>,
    /// the client said that it is no more, and has not said since that it is: an `active` that is taken away or left out says nothing
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub inactive: bool,
    /// the client deleted it: it knows it no more
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
    /// what the client said, as JSON
    pub body: Box<str>,
}

impl InboxResource {
    /// What the client said.
    pub fn fields(&self) -> Map<String, Json> {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    /// A text of it.
    pub fn text(fields: &Map<String, Json>, name: &str) -> Option<String> {
        fields.get(name)?.as_str().map(str::to_owned)
    }

    /// Whether it is, where the client says.
    pub fn says_active(fields: &Map<String, Json>) -> Option<bool> {
        fields.get("active").and_then(Json::as_bool)
    }

    /// As a client is told. `base` is where its inbox is.
    pub fn told(&self, kind: ServedKind, id: &str, base: &str, computed: Option<(&'static str, Json)>) -> Json {
        let mut fields = self.fields();
        let mut schemas = vec![json!(kind.schema())];
        schemas.extend(fields.keys().filter(|name| name.starts_with("urn:")).map(|name| json!(name)));
        fields.insert("schemas".to_owned(), Json::Array(schemas));
        fields.insert("id".to_owned(), json!(id));
        if let Some((name, value)) = computed {
            fields.insert(name.to_owned(), value);
        }
        let location = format!("{base}/{}/{id}", kind.endpoint());
        let meta = json!({
            "resourceType": kind.word(), "created": self.created, "lastModified": self.modified, "location": location, "version": etag(self.version),
        });
        fields.insert("meta".to_owned(), meta);
        Json::Object(fields)
    }
}

/// As HTTP writes it.
pub fn etag(version: Version) -> String {
    format!("W/\"{version}\"")
}

/// A name that nothing else has; nothing where this machine has no random numbers.
pub(super) fn fresh_id() -> Option<Arc<str>> {
    let mut bytes = [0u8; 16];
    rand::fill(&mut bytes).ok()?;
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let text = hex(&bytes);
    let piece = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    Some(format!("{}-{}-{}-{}-{}", piece(0, 8), piece(8, 12), piece(12, 16), piece(16, 20), piece(20, 32)).into())
}
