//! A `Connector`: a system that speaks HTTP and JSON, described so that no line of Rust is needed for it.
//!
//! A field is either an expression or a template, fixed by its place: in a template, `{…}` holds an expression, and one that stands alone keeps its type.
//! Must never: hold a secret, or a loop, a variable, or a verb that an answer chooses.

mod auth;
mod entitlements;
mod exchanges;
mod objects;
mod request;
mod scim;
mod webhook;

use std::collections::BTreeMap;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use auth::{
    AssertionSpec, AuthScheme, BasicScheme, ClientAuth, HeaderScheme, OAuth1Scheme, OAuth2Grant, OAuth2Scheme, SigningAlgorithm, Thumbprint,
};
pub use entitlements::{EntitlementsSpec, ParameterSpec};
pub use exchanges::{
    CaseEvidence, CaseExpectation, CaseKind, CaseOutcome, ChangeCase, ConnectorCase, ConnectorTest, ConnectorTestSpec, EntitlementCase,
    Exchange, FindCase, MembersCase, ReadWhat, RecordedAnswer,
};
pub use objects::{
    AccessWords, ActiveSpec, AttributeSpec, BatchSpec, ChangesSpec, EachSpec, JoinSpec, MembersSpec, ObjectsSpec, OnlyWhen, SinceChanges,
    Then, TokenChanges,
};
pub use request::{CursorPages, LinkPages, NumberedPages, OnePage, Pages, RequestBudget, RequestSpec, Reset, Settle, Task};
pub use scim::{ScimService, ScimTells};
pub use webhook::{
    SubscribeSpec, WebhookAlgorithm, WebhookEncoding, WebhookFresh, WebhookHello, WebhookOnly, WebhookProof, WebhookShared,
    WebhookSignature, WebhookSpec, WebhookSplit, WebhookUnit,
};

/// A system that speaks HTTP and JSON.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(group = "headcount.dev", version = "v1alpha1", kind = "Connector", namespaced, category = "headcount")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConnectorSpec {
    /// The system's name, for people.
    pub title: String,
    /// What a Source or Target says of its own installation; templates and expressions know it as `config.NAME`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub config: BTreeMap<String, ConfigValue>,
    /// Every host that a request, a next link or a task may name: templates over `config`.
    pub hosts: Vec<String>,
    /// What paths are appended to: a template over `config`. HTTPS.
    pub base: String,
    /// Headers of every request: templates over `config`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Ways to sign in, by name; a Source or Target picks one and gives its secrets.
    pub auth: BTreeMap<String, AuthScheme>,
    /// How fast it may be asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<ConnectorLimits>,
    /// What an answer says of trouble.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errors: Option<ErrorRules>,
    /// Its accounts; of a Source, its records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accounts: Option<ObjectsSpec>,
    /// In place of accounts and groups: it speaks SCIM 2.0, below `base`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scim: Option<ScimService>,
    /// Kinds of groups, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub groups: BTreeMap<String, ObjectsSpec>,
    /// Kinds of entitlements, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub entitlements: BTreeMap<String, EntitlementsSpec>,
    /// How it says that something changed there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<WebhookSpec>,
    /// Rights to grant, the least that do: one line each, for `headcount connector show`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rights: Vec<String>,
    /// What it can't do, one line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cannot: Vec<String>,
}

/// A value that an installation gives.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConfigValue {
    /// A regular expression that it must match as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// Where nobody says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// For messages and `init`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub example: Option<String>,
    /// Whatever asks for it is left out where nobody says it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
    /// What it is, in a few words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// How fast a system may be asked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConnectorLimits {
    /// `200/min`, `10/s`: never more in any such time. A quarter of them, 20 at most, may go at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<String>,
    /// Requests under way at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<usize>,
    /// Headers that say how much is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<RequestBudget>,
}

/// What an answer says of trouble.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ErrorRules {
    /// Expression over `status`, `headers` and `body`: holds for a good answer, beside its status of 2xx.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ok: Option<String>,
    /// Expression: what went wrong, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Expression: the system's own code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What certain answers mean; the first that holds counts. Without one the status decides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signs: Vec<ErrorSign>,
}

/// What certain answers mean.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ErrorSign {
    /// Expression over `status`, `headers` and `body`.
    pub when: String,
    /// What it is.
    pub is: Trouble,
}

/// Kinds of trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Trouble {
    /// the credentials are not accepted
    Auth,
    /// a right is missing
    Forbidden,
    /// it is not there
    NotFound,
    /// it is there already, or a value is taken
    Conflict,
    /// too many requests
    Throttled,
    /// it is refused for good
    Rejected,
    /// it may pass
    Unavailable,
}
