//! One request of a declared system, what its answer must look like, and how pages follow each other.
//!
//! Must never: let a page that lacks its sign of an end be one.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// One request. Exactly one verb.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RequestSpec {
    /// The path, a template; below `base`, or a whole URL of a declared host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub get: Option<String>,
    /// The same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post: Option<String>,
    /// The same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub put: Option<String>,
    /// The same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patch: Option<String>,
    /// The same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete: Option<String>,
    /// Parameters: templates; one that comes to nothing is left out. `{scim: '…{value}…'}` and its like quote what is put in.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "any_values")]
    pub query: BTreeMap<String, Json>,
    /// Further headers: templates.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// A JSON content: a template throughout, or one of `attributes`, `changes`, `whole`, `parameters`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "any_value")]
    pub body: Option<Json>,
    /// The same as a form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "any_value")]
    pub form: Option<Json>,
    /// Fields beside those of `body` or `form`: templates.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "any_values")]
    pub with: BTreeMap<String, Json>,
    /// A rate of its own: `20/min`, counted beside the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<String>,
    /// Expression over `body`: the records of an answer, a list. Default: `body`, if that is a list, else a list of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records: Option<String>,
    /// Expression over `status`, `headers` and `body`: what every good page has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<String>,
    /// How pages follow each other. A list must say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pages: Option<Pages>,
    /// Expressions over `record`: fields that somebody at least has; where nobody has one, a right is missing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub require: Vec<String>,
    /// Expression: only where it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// Expression: not where it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unless: Option<String>,
    /// Attributes that this request, and no other of its list, writes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub covers: Vec<String>,
    /// Expression over `status`, `headers` and `body`: a refusal that says that it is so already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<String>,
    /// Expression over `status`, `headers` and `body`: a refusal that passes by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<String>,
    /// A side effect, in words that go on after the system's name (`mails an invitation`): told in the plan, and by `headcount connector show`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tells: Option<String>,
    /// Expression over `body` and `headers`: the id of what was made; default: that of the record in the answer. Of an update the id that the object has from then
    /// on, where ids are made of names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// The answer is a receipt; what came of it is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<Box<Task>>,
    /// What was written shows after a while.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settle: Option<Settle>,
}

/// How pages follow each other, and what proves the last one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Pages {
    /// One answer holds all.
    One(OnePage),
    /// Expression over `body`: the next URL. With `shape`, its absence is the end.
    Next(String),
    /// A `Link` header with rel=next (RFC 8288).
    Link(LinkPages),
    /// A cursor in the answer goes into the next request.
    Cursor(CursorPages),
    /// Pages are numbered. Without a total the end is an empty page.
    Page(NumberedPages),
    /// Pages begin at an offset.
    Offset(NumberedPages),
    /// Whatever comes behind the last id.
    After(CursorPages),
}

/// One answer holds all: there is nothing more to say.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OnePage {}

/// A `Link` header.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LinkPages {
    /// Every page has a link to itself: one without any link proves nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub expect_self: bool,
}

/// A cursor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CursorPages {
    /// Expression over `body` and `headers`; for `after`, over the last `record`.
    pub from: String,
    /// Where it goes: `query.cursor`, `form.cursor`, `body.cursor`.
    pub to: String,
    /// The value that says that there is no more; then a missing field is no end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
    /// Expression over `body`: whether there is more. Then it must be there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more: Option<String>,
}

/// Pages by number or offset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NumberedPages {
    /// Where it goes: `query.page`.
    pub to: String,
    /// The first one. Default 1 for pages, 0 for offsets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<u64>,
    /// Expression over `body` and `headers`: how many records there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<String>,
    /// Expression over `body`: how many pages there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<String>,
}

/// The answer is a receipt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Task {
    /// The path to ask, a template over the receipt's `body`.
    pub get: String,
    /// How often. Default `2s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<String>,
    /// How long at most. Default `2m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<String>,
    /// Expression over `body`: it is done.
    pub done: String,
    /// Expression over `body`: it came to nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
    /// Expression over `body`: why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Expression over `body`: the id of what was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

/// What was written shows after a while.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Settle {
    /// Expression over `record`: it shows. Default: it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// How long at most. Default `1m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<String>,
}

/// Headers that say how much is left.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RequestBudget {
    /// The header with how many requests are left.
    pub remaining: String,
    /// When there are more.
    pub reset: Reset,
    /// So many are left for others: `2`, or `10%` of what `limit` says. Default none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep: Option<String>,
    /// The header with how many there are in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<String>,
}

/// When there are more requests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Reset {
    /// The header with seconds since 1970.
    Epoch(String),
    /// The header with seconds from now.
    Seconds(String),
}

/// Any JSON.
pub(super) fn any_value(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({"x-kubernetes-preserve-unknown-fields": true})
}

fn any_values(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({"type": "object", "additionalProperties": {"x-kubernetes-preserve-unknown-fields": true}})
}
