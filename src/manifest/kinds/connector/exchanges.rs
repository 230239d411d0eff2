//! `ConnectorTest`: what a Connector must ask and make of the answers, as exchanges that are played to it offline. For `headcount connector test` alone; it has
//! no CRD.
//!
//! Must never: hold a real secret, or the data of a real person.

use std::collections::BTreeMap;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// Exchanges of a Connector, and what must come of each.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(group = "headcount.dev", version = "v1alpha1", kind = "ConnectorTest", namespaced, category = "headcount")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConnectorTestSpec {
    /// The Connector: one of the workspace, else of the catalog. Default: the one of this document's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connector: Option<String>,
    /// What an installation says. Default: the Connector's examples.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub config: BTreeMap<String, String>,
    /// The way to sign in. Default: the Connector's first by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<String>,
    /// Made-up secrets. One that is not named here is `made-up-NAME`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, String>,
    /// What is tried, each by itself.
    pub cases: Vec<ConnectorCase>,
}

/// One thing that is done. Exactly one of `read`, `find`, `create`, `update`, `deactivate`, `reactivate`, `delete`, `endSessions`, `add`, `remove`, `grant`,
/// `change` and `withdraw`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConnectorCase {
    /// What it shows, in a few words.
    pub name: String,
    /// Other values of the installation than the document's.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub config: BTreeMap<String, String>,
    /// Another way to sign in than the document's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<String>,
    /// Reads all of something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<ReadWhat>,
    /// Of `read` and `find`: the attributes that are wanted; of `records` the paths. Default: all that the Connector has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// Of `read`: only what changed since this: the token of the system that an earlier read ended with, or a time (`2026-06-30T22:00:00Z`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Looks something up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub find: Option<FindCase>,
    /// Makes an account or a group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create: Option<ChangeCase>,
    /// Changes one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update: Option<ChangeCase>,
    /// Takes an account's access.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deactivate: Option<ChangeCase>,
    /// Gives it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reactivate: Option<ChangeCase>,
    /// Deletes an account or a group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete: Option<ChangeCase>,
    /// Ends what an account is signed in to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_sessions: Option<ChangeCase>,
    /// Puts members into a group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub add: Option<MembersCase>,
    /// Takes members out of a group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remove: Option<MembersCase>,
    /// Gives an account an entitlement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<EntitlementCase>,
    /// Changes parameters of one that it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<EntitlementCase>,
    /// Takes one from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdraw: Option<EntitlementCase>,
    /// What is asked and answered, in this order: all of it and nothing else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exchanges: Vec<Exchange>,
    /// What must come of it.
    pub expect: CaseExpectation,
}

/// What is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ReadWhat {
    /// accounts, as a Target has them
    Accounts,
    /// accounts, as a Source has them: records
    Records,
    /// groups
    Groups,
    /// who is in which group
    Members,
    /// who has which entitlement
    Entitlements,
}

/// A question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FindCase {
    /// What is looked for. Default: an account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<CaseKind>,
    /// `id`, or an attribute; of members `group` or `member`.
    pub by: String,
    /// Its value.
    pub value: String,
}

/// What something is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum CaseKind {
    /// an account
    #[default]
    Account,
    /// a group
    Group,
    /// who is in a group
    Members,
}

/// A change of an account or a group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangeCase {
    /// What is changed. Default: an account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<CaseKind>,
    /// Whose; what is made has none yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What it gets; null clears. References are ids.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "json_values")]
    pub attributes: BTreeMap<String, Json>,
}

/// Members of a group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MembersCase {
    /// The group's id.
    pub group: String,
    /// Ids of accounts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accounts: Vec<String>,
    /// Ids of groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
}

/// An entitlement of an account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EntitlementCase {
    /// The account's id.
    pub account: String,
    /// Which: `KIND/NAME`, or `KIND` where a kind has but one.
    pub entitlement: String,
    /// Of `grant` all of its parameters, of `change` those that change; null clears.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "json_values")]
    pub parameters: BTreeMap<String, Json>,
}

/// A request that must come, and its answer. Exactly one verb.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Exchange {
    /// The path below the Connector's `base`, or a whole URL; parameters may stand in it as they are sent.
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
    /// All its parameters: a text, or a list of texts; null for any text.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "json_values")]
    pub query: BTreeMap<String, Json>,
    /// Headers that it must have, among others; null for any text.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "json_values")]
    pub headers: BTreeMap<String, Json>,
    /// All of its content, as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "json_value")]
    pub body: Option<Json>,
    /// All fields of its content, a form: a text, or a list of texts; null for any text.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "json_values")]
    pub form: BTreeMap<String, Json>,
    /// What is answered. Default: 200 without content.
    #[serde(default)]
    pub answer: RecordedAnswer,
}

/// What is answered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RecordedAnswer {
    /// Default 200.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Its headers: a text, or a list for several of one name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "json_values")]
    pub headers: BTreeMap<String, Json>,
    /// Its content, as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "json_value")]
    pub body: Option<Json>,
    /// Its content, as it stands: a web page, or JSON that is broken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The request comes, and no answer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lost: bool,
}

/// What must come of a case.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CaseExpectation {
    /// Of `read`: how it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<CaseEvidence>,
    /// Of everything else: what came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<CaseOutcome>,
    /// Words that the reason has, or the error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub says: Option<String>,
    /// Of `read` and `find`: what came, in order; of each the named attributes, null where it has none. Members have `group`, `member` and `kind`,
    /// entitlements `account`, `entitlement`, their parameters and `writable`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "json_rows")]
    pub rows: Option<Vec<BTreeMap<String, Json>>>,
    /// Of `read`: the ids of what the system says is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone: Option<Vec<String>>,
    /// Of `read`: the token by which what changes next is asked for; `'*'` for anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// Of `create`: the id of what was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// How long is waited in all, in whole seconds: `30s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits: Option<String>,
}

/// How a read ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum CaseEvidence {
    /// everything came
    Complete,
    /// what changed came
    Delta,
    /// something may be missing
    Partial,
    /// nothing usable came
    Unreadable,
}

/// What came of a question or a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum CaseOutcome {
    /// it was done; of a question: it was answered
    Applied,
    /// it was so already
    AlreadySo,
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
    /// nobody knows whether it was done
    Uncertain,
    /// the answer makes no sense
    Protocol,
}

impl ConnectorCase {
    /// The names of what is done; a sound case has one.
    pub fn actions(&self) -> Vec<&'static str> {
        let all = [
            ("read", self.read.is_some()),
            ("find", self.find.is_some()),
            ("create", self.create.is_some()),
            ("update", self.update.is_some()),
            ("deactivate", self.deactivate.is_some()),
            ("reactivate", self.reactivate.is_some()),
            ("delete", self.delete.is_some()),
            ("endSessions", self.end_sessions.is_some()),
            ("add", self.add.is_some()),
            ("remove", self.remove.is_some()),
            ("grant", self.grant.is_some()),
            ("change", self.change.is_some()),
            ("withdraw", self.withdraw.is_some()),
        ];
        all.into_iter().filter(|(_, there)| *there).map(|(name, _)| name).collect()
    }
}

impl Exchange {
    /// The verbs and their paths; a sound exchange has one.
    pub fn verbs(&self) -> Vec<(&'static str, &str)> {
        let all = [("GET", &self.get), ("POST", &self.post), ("PUT", &self.put), ("PATCH", &self.patch), ("DELETE", &self.delete)];
        all.into_iter().filter_map(|(verb, path)| Some((verb, path.as_deref()?))).collect()
    }
}

/// Any JSON, nulls among it: the loader knows it by its format.
fn json_value(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({"format": "json"})
}

fn json_values(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({"type": "object", "additionalProperties": {"format": "json"}})
}

fn json_rows(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({"type": "array", "items": {"type": "object", "additionalProperties": {"format": "json"}}})
}
