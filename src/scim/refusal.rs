//! What a service answers when it does not do what it was asked (RFC 7644 section 3.12).
//!
//! Must never: say more of a resource than that it is there.

use serde_json::{Value as Json, json};

/// Schema of an error's body.
const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScimRefusal {
    /// how HTTP calls it
    pub status: u16,
    /// the RFC's word for machines
    pub kind: Option<&'static str>,
    /// words for people
    pub detail: String,
}

impl ScimRefusal {
    /// With a status alone.
    pub fn new(status: u16, detail: impl Into<String>) -> Self {
        Self { status, kind: None, detail: detail.into() }
    }

    fn bad(kind: &'static str, detail: impl Into<String>) -> Self {
        Self { status: 400, kind: Some(kind), detail: detail.into() }
    }

    /// It can't be read.
    pub fn syntax(detail: impl Into<String>) -> Self {
        Self::bad("invalidSyntax", detail)
    }

    /// A value is none that there can be.
    pub fn value(detail: impl Into<String>) -> Self {
        Self::bad("invalidValue", detail)
    }

    /// A filter that is not understood.
    pub fn filter(detail: impl Into<String>) -> Self {
        Self::bad("invalidFilter", detail)
    }

    /// A path that is not understood.
    pub fn path(detail: impl Into<String>) -> Self {
        Self::bad("invalidPath", detail)
    }

    /// There is nothing where it should happen.
    pub fn target(detail: impl Into<String>) -> Self {
        Self::bad("noTarget", detail)
    }

    /// A client can't set that.
    pub fn mutability(detail: impl Into<String>) -> Self {
        Self::bad("mutability", detail)
    }

    /// A cursor that leads nowhere.
    pub fn cursor(detail: impl Into<String>) -> Self {
        Self::bad("invalidCursor", detail)
    }

    /// Somebody has it already.
    pub fn uniqueness(detail: impl Into<String>) -> Self {
        Self { status: 409, kind: Some("uniqueness"), detail: detail.into() }
    }

    /// There is no such thing.
    pub fn missing(detail: impl Into<String>) -> Self {
        Self::new(404, detail)
    }

    /// Its body.
    pub fn body(&self) -> Json {
        let mut body = json!({"schemas": [ERROR], "status": self.status.to_string(), "detail": self.detail});
        if let (Some(kind), Some(fields)) = (self.kind, body.as_object_mut()) {
            fields.insert("scimType".to_owned(), json!(kind));
        }
        body
    }
}
