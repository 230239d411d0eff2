//! The accounts, groups and members of a declared system: how they are read, mapped and written.
//!
//! Must never: say of something that it can be written where no request says how.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::request::RequestSpec;

/// The accounts, or the groups of one kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ObjectsSpec {
    /// Expression over `record`: the system's own id.
    pub id: String,
    /// Expression over `record`: holds for what is none of these (bots, deleted ones).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skip: Option<String>,
    /// Paths of a record to be asked for beside those that the mapping reads, as `{fields}` and `{join(fields, ",")}` give them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
    /// All of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<RequestSpec>,
    /// The list is asked for once for each of these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub each: Option<EachSpec>,
    /// What the list gives are ids; the records are asked for afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then: Option<Then>,
    /// Further lists, by name: `record.NAME` is what they have of a record.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub joins: BTreeMap<String, JoinSpec>,
    /// What changed since it was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes: Option<ChangesSpec>,
    /// Expression over `record`: a list with the names of fields that are hidden for want of a right. They are not known, and not empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redacted: Option<String>,
    /// Several by their `ids`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<BatchSpec>,
    /// One by its `id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub get: Option<RequestSpec>,
    /// By an attribute that has a `value`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub find: BTreeMap<String, RequestSpec>,
    /// SCIM's attributes, and how each is read and written.
    pub attributes: BTreeMap<String, AttributeSpec>,
    /// Expression over `record`: holds for what may be changed here; the others belong to somebody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub writable: Option<String>,
    /// Whether it has access, and how that is given and taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<ActiveSpec>,
    /// Makes one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create: Option<RequestSpec>,
    /// Changes one: every request that applies, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub update: Vec<RequestSpec>,
    /// Deletes one: every request that applies, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub delete: Vec<RequestSpec>,
    /// Ends what somebody is signed in to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sessions: Option<RequestSpec>,
    /// Of groups: who is in them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members: Option<MembersSpec>,
}

/// What a list is asked for once for each of. Its requests know it as `each`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum EachSpec {
    /// A list whose records are these; a record that comes with several of them counts once.
    Of(Box<RequestSpec>),
    /// Expression over `config`: a list of values.
    Values(String),
}

/// How records are asked for whose ids are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Then {
    /// one by one
    Get,
    /// many at once
    Batch,
}

/// Several records by their ids.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BatchSpec {
    /// The request; it knows `ids`.
    pub ask: RequestSpec,
    /// How many ids at most.
    pub at_most: u32,
}

/// What another list has of a record.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JoinSpec {
    /// All rows, of everybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<RequestSpec>,
    /// In its place: the rows of one record, by its `id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<RequestSpec>,
    /// Expression over the row as `record`: what tells it from other rows. Default: all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Of a `list`: expression over the row as `record`: whose it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Expression over `record`: what `key` is for it. Default: its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r#match: Option<String>,
    /// There may be several rows of one record: `record.NAME` is a list.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub many: bool,
}

/// What changed, where the system tells: one of `token` and `since`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangesSpec {
    /// By a token that the last page gives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<TokenChanges>,
    /// By a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<SinceChanges>,
    /// Expression over `record`: it is gone. Without it who goes is known from whole reads only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed: Option<String>,
    /// The records of what changed are whole. Without it each is asked for by `batch` or `get`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub whole: bool,
    /// When all was read so long ago, all is read again. Default `1d`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full: Option<String>,
}

/// Changes by a token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TokenChanges {
    /// All of them, with the first token.
    pub start: RequestSpec,
    /// `start` gives the token of now and lists nobody: whoever is there is read by `list`, after it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub from_now: bool,
    /// Expression over `body` and `headers` of the last page: the token.
    pub save: String,
    /// Where it goes: `query.token`. Default: it is a URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Expression over `status`, `headers` and `body` of a refusal: it has run out. 404 and 410 say so by themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expired: Option<String>,
    /// How long it counts. Default `1d`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifetime: Option<String>,
}

/// Changes by a time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SinceChanges {
    /// Who changed; it knows `since`, as RFC 3339 has it.
    pub ask: RequestSpec,
    /// So much before the time up to which it was read: clocks differ, and systems lag. Default `10m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlap: Option<String>,
}

/// How an attribute is read and written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AttributeSpec {
    /// A path of the record, read and written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Expression over `record`: what it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<String>,
    /// Keys of the request's content, each an expression over `value`, `object` and `record`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub write: BTreeMap<String, String>,
    /// It names another account, by this attribute of it. Default: by its id.
    #[serde(default, rename = "ref", skip_serializing_if = "Option::is_none")]
    pub refers: Option<String>,
    /// When it can be written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<OnlyWhen>,
    /// It must be there to make one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
}

/// When an attribute can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum OnlyWhen {
    /// when the object is made, and never again
    Create,
    /// once the object is there
    Update,
}

/// Whether somebody has access.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ActiveSpec {
    /// Expression over `record`: true or false, or one of `values`. Anything else, and nothing, is unknown and counts as access.
    pub read: String,
    /// What `read` comes to, where that is a word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<AccessWords>,
    /// Keys of an update's content, each an expression over `value`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub write: BTreeMap<String, String>,
    /// Requests that give access; the first whose `when` holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub activate: Vec<RequestSpec>,
    /// Requests that take it; the first whose `when` holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deactivate: Vec<RequestSpec>,
}

/// Words that say whether somebody has access, as they are written there. One that is in neither list is unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AccessWords {
    /// They have access.
    pub active: Vec<String>,
    /// They are known to have none.
    pub inactive: Vec<String>,
}

/// Who is in the groups of a kind.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MembersSpec {
    /// The members of one `group`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<RequestSpec>,
    /// The groups that one `member` is in; its records are groups. Without it all groups are read to answer that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<RequestSpec>,
    /// Expression over the group's `record`: its members stand in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inline: Option<String>,
    /// Expression over `record`: a member's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Expression over `record`: `account`, `group`, or anything else for what is neither.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r#type: Option<String>,
    /// Expression over `record`: the id of the membership itself, where `remove` asks for it as `{member.row}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<String>,
    /// Expression over `group.record`: how many there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<String>,
    /// Puts one `member` in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub add: Option<RequestSpec>,
    /// Takes one `member` out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remove: Option<RequestSpec>,
    /// Says all `members` at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<RequestSpec>,
    /// The fewest that `set` may leave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<u32>,
}
