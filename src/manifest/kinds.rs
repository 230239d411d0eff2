//! The specs, as people write them. Unions are externally tagged; an absent key means unmanaged.

use std::collections::BTreeMap;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub mod connector;
mod entitlement;
mod gates;
mod group;
mod guardrails;
mod notification;
mod persona;
mod plan;
mod removals;
mod revocation;
mod state;

pub use super::connection::{Auth, SecretRef, SourceConnection, TargetConnection};
pub use entitlement::{Entitlement, EntitlementSpec};
pub use gates::{ApprovalFor, ApprovalRule, Day, DriftMode, PlanApproval, PlanApprovalSpec, Suspend, Window, WindowKinds, WindowTimes};
pub use group::{Group, GroupSpec, Member, VALUE, fold};
pub use guardrails::{GuardrailOverride, Guardrails, Limit};
pub use notification::{
    EmailReceiver, MailAuth, MailTls, NoticeKind, NotificationReceiver, NotificationWay, SlackReceiver, WebhookReceiver,
};
pub use persona::{Expectation, OtherPerson, Persona, PersonaSpec, PersonaStanding, SampleRecord};
pub use plan::{Plan, PlanSpec, PlanTarget};
pub use removals::Removals;
pub use revocation::{Revocation, RevocationSpec};
pub use state::{AzureState, GcsState, PostgresState, S3State, StateEncryption, StateLocation, StateSpec};

/// The workspace itself: at most one document.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(group = "headcount.dev", version = "v1alpha1", kind = "Workspace", namespaced, category = "headcount")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WorkspaceSpec {
    /// Immutable id of this workspace. It stands in every marker at a target, so it must never change.
    pub id: String,
    /// IANA time zone in which dates begin and end. Default: UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// Where headcount keeps what it remembers, and how. Default: `path: .headcount/state.db`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<StateSpec>,
    /// Tables in which expressions look values up: `lookup("costCenters", record.cost_center)`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tables: BTreeMap<String, LookupTable>,
    /// Directories outside of the workspace from which files of Sources, SQLite databases and tables may be taken, relative to this file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_directories: Vec<String>,
    /// Most memory that the rows of all systems may take together: `8Gi`. Default 4Gi.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_read: Option<String>,
    /// What manifests may lose at once where headcount runs all the time: without it, a revision in which a Source or a Target vanished, or more than 30 % of the
    /// Users or Groups, is held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removals: Option<Removals>,
    /// Who is told what needs somebody, while headcount runs all the time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notifications: Vec<NotificationReceiver>,
}

/// A table in which expressions look values up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum LookupTable {
    /// Key to value: text, a whole number, true, false, or null, which clears.
    Values(#[schemars(schema_with = "any_values")] BTreeMap<String, serde_json::Value>),
    /// Two columns of a CSV file with a header line.
    File(TableFile),
}

/// Two columns of a CSV file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TableFile {
    /// Relative to the manifest. UTF-8, separated by `,`, `;`, `|` or tabs.
    pub path: String,
    /// The column with the keys.
    pub key: String,
    /// The column with the values. An empty cell is as good as no line.
    pub value: String,
}

/// Where identities come from.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(group = "headcount.dev", version = "v1alpha1", kind = "Source", namespaced, category = "headcount")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SourceSpec {
    /// The system to read.
    pub connection: SourceConnection,
    /// CEL over `record`: the immutable id of a record. Never an e-mail address.
    pub key: String,
    /// Names that this Source had: every key `old/x` is known as that of this Source, at targets, in the state and in manifests.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub previous_names: Vec<String>,
    /// Which records count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<SourceScope>,
    /// Without it a `scope` that leaves out every record, while several people have accounts, takes nothing from anybody.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_empty: bool,
    /// For exports with a row for each period (effective-dated ones): which of a person's rows counts on a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid: Option<ValidDays>,
    /// Keep blanks around values. Without it they go, those that nobody sees too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keep_blanks: bool,
    /// What it means that a record has no value for a rule. Default: it says nothing. A rule may say otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub empty: Option<EmptyMeaning>,
    /// Whether a record makes somebody exist. Must be said where there are several sources; the only source does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub establishes: Option<bool>,
    /// Higher wins, for every attribute that two sources know. A User manifest has 1000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precedence: Option<i32>,
    /// By what a record finds its identity, in order: an attribute that this Source maps, or CEL over `identity`, worked out on both sides
    /// (`lower(ascii(identity.name.familyName)) + " " + identity.startDate`). A Source that establishes finds identities of higher precedence.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub correlate: Vec<String>,
    /// How a record says that somebody is not (or no longer) active. Besides it, `startDate` and `endDate` count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifecycle: Option<SourceLifecycle>,
    /// From the record to the identity.
    pub mapping: Mapping,
    /// When a read counts as complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completeness: Option<Completeness>,
    /// How often the controller asks what changed, where the system can say that: `5m` (the default).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<String>,
    /// How often the controller reads all of it. Default: 1h.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_interval: Option<String>,
}

/// Which of a source's records count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SourceScope {
    /// CEL over `record`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// Only whoever is in one of these groups, or in a group in one: by the kind of group, ids or names (`{channel: [C024BE91L, general]}`). Of a system that a Connector describes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub groups: BTreeMap<String, Vec<String>>,
    /// These accounts, and those of `groups`: by `id` or an attribute that they can be looked up by (`{emails: [ada@acme.example]}`).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub accounts: BTreeMap<String, Vec<String>>,
}

/// The days on which a record counts, both inclusive; a side that is absent or empty in a record is open.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ValidDays {
    /// CEL over `record`: the first day, as an ISO date (`date(record.valid_from)`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// CEL over `record`: the last day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// What it means that there is no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum EmptyMeaning {
    /// nothing is said: another source may know it, and what is there stays
    Missing,
    /// it is to be cleared
    Clear,
}

/// Lifecycle from a record's status: CEL conditions over `record`, the first that holds wins: leaver, then suspended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SourceLifecycle {
    /// Holds for somebody who has left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaver: Option<String>,
    /// Holds for somebody on leave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspended: Option<String>,
    /// A last day (ISO date) that nearly everybody here has, where that is so: without it such a day ends nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared_end: Option<String>,
    /// Values of the columns that these conditions and `scope` read, where nobody had them before: without it, values that took the place of others that were
    /// there say nothing about anybody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub known_values: Vec<String>,
}

/// When a read counts as complete (design 7).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Completeness {
    /// How much smaller than the last complete read it may be: `10%` or `5`. Default 10 %, and never fewer than 3 people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "number_or_text")]
    pub max_shrink: Option<String>,
    /// How old a file may be: `36h`, `7d`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age: Option<String>,
    /// Fewest records that a complete read has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_count: Option<u64>,
    /// Columns that may lose a third or more of their values at once, for the run in which that is right.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub may_lose: Vec<String>,
}

/// A system that headcount changes.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(group = "headcount.dev", version = "v1alpha1", kind = "Target", namespaced, category = "headcount")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TargetSpec {
    /// The system to change.
    pub connection: TargetConnection,
    /// Whom it serves: CEL over `identity`. Absent: everybody whose lifecycle grants access.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub select: Option<String>,
    /// Without it a `select` that names nobody, while several people have accounts, takes nothing from anybody.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_empty: bool,
    /// Lifecycles that get an account. Default: active.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lifecycles: Vec<Lifecycle>,
    /// Accounts made ahead of the start date. Absent: on the start date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pre_hire: Option<PreHire>,
    /// Which groups it gets. Absent: none; its groups and memberships are left alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<TargetGroups>,
    /// Attributes by which an existing account is found, in order; after the links and the marker. Default: externalId, userName.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub correlate: Vec<String>,
    /// Attributes that people sign in by: where one of them changes, `rename` counts it. Default: userName; where nothing maps it, emails.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sign_in: Vec<String>,
    /// What may be removed. Default: owned.
    #[serde(default)]
    pub ownership: Ownership,
    /// From the identity to the account: it adds to the connector's default mapping and overrides it, attribute by attribute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mapping: Option<TargetMapping>,
    /// What a leaver's account gets; absent and deselected identities too, unless they say otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaver: Option<Deprovision>,
    /// What the account of an absent identity gets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absent: Option<Deprovision>,
    /// What the account of a deselected identity gets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deselected: Option<Deprovision>,
    /// What somebody on leave gets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspended: Option<Deprovision>,
    /// Names that people had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub names: Option<Names>,
    /// How much may change at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guardrails: Option<Guardrails>,
    /// Accounts that no plan may deactivate, delete or strip of a group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protect: Option<Protection>,
    /// Groups and entitlements of the system that can do more than others, by what they are called there: of what no manifest declares as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub privileged: Option<Privileged>,
    /// How fast headcount may use the system, reads and writes together; a Source of the same system shares it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
    /// How often the controller asks what changed, where the system can say that: `5m` (the default).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<String>,
    /// How often the controller reads all of it. Default: 1h.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_interval: Option<String>,
    /// Changes that wait until somebody approves them. Absent: none do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalRule>,
    /// Times in which it may be changed, or must not be. Absent: always.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub windows: Vec<Window>,
    /// Nothing is changed at it for a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspend: Option<Suspend>,
    /// What becomes of what others change at it. Default: enforce.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<DriftMode>,
    /// Numbers of the same system under the address, file or table that it had before, as the finding about it printed them: what is remembered of it counts on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub previous_systems: Vec<String>,
    /// Ids, at the target, of accounts that are not headcount's, whatever it remembers: their ids were used again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_ours: Vec<String>,
}

/// Names that people had.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Names {
    /// How long the user name of somebody who left is given to nobody else: `90d` (the default); `0d`: at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reuse_after: Option<String>,
}

/// Which groups a target gets.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TargetGroups {
    /// CEL over `group`. Absent: every group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub select: Option<String>,
    /// What may be removed. Default: as the target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ownership: Option<Ownership>,
    /// Whether nested groups stay nested (where the target can) or their members are listed flat. Default: true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nested: Option<bool>,
}

/// What headcount may remove at a target (design 6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Ownership {
    /// report only
    Observe,
    /// never removes
    Additive,
    /// removes only what headcount created or adopted
    #[default]
    Owned,
    /// what is not declared is removed
    Authoritative,
}

/// Where somebody stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Lifecycle {
    /// starts in the future
    PreHire,
    /// works here
    Active,
    /// on leave
    Suspended,
    /// has left, and a source says so
    Leaver,
}

/// Accounts made ahead of the start date.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PreHire {
    /// How many days ahead: `14d`, `2w`. Absent: as soon as the source knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// Whether the account can be used before the start date. Default: false; it becomes active on the start date.
    #[serde(default)]
    pub active: bool,
}

/// What becomes of an account when its identity goes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Deprovision {
    /// Default: deactivate.
    #[serde(default)]
    pub action: DeprovisionAction,
    /// Delete this long after headcount deactivated it, if it is still deactivated by us: `30d`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete_after: Option<String>,
    /// What a deactivated account has from then on, by attribute: `container: OU=Leavers` moves it. Each is one that a rule of this Target maps, which gives
    /// it back to whoever comes back.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub set: BTreeMap<String, String>,
}

/// The first step for an account whose identity goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum DeprovisionAction {
    /// keep it without access
    #[default]
    Deactivate,
    /// remove it
    Delete,
    /// leave it as it is
    Keep,
}

/// Accounts that no plan may deactivate, delete or strip of a group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Protection {
    /// User names at the target: break-glass accounts, the connection's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accounts: Vec<String>,
    /// CEL over `account`: whoever it holds for is protected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Groups that must keep some members.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keep: Vec<KeepMembers>,
}

/// What can do more than the rest of a system. Whoever gets it stands in the risks of a plan and of a review.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Privileged {
    /// Groups by their displayName at the target.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Entitlements by their name at the target.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entitlements: Vec<String>,
    /// Values of the attributes `roles` and `entitlements` of an account.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// Attributes of an account that give rights by any value but `false`, `0`, `no` and none: `custom.isAdmin`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<String>,
}

/// A group that must keep at least some active members.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeepMembers {
    /// The group's displayName at the target.
    pub group: String,
    /// At least this many.
    pub at_least: u64,
}

/// How fast headcount may use the system, reads and writes together; a Source of the same system shares it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Limits {
    /// Requests under way at once. Default: 4.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
    /// Requests a second, those that read too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_second: Option<f64>,
    /// So many at once after a rest, before the rate counts. Default: 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burst: Option<u32>,
}

/// Rules shared by several Sources or Targets.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(group = "headcount.dev", version = "v1alpha1", kind = "AttributeMapping", namespaced, category = "headcount")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AttributeMappingSpec {
    /// The rules.
    pub rules: Vec<MappingRule>,
}

/// Rules, in place or by the names of AttributeMappings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Mapping {
    /// Names of AttributeMappings; a rule in place wins over theirs for the same attribute.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub from: Vec<String>,
    /// Rules in place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<MappingRule>,
}

/// Rules of a Target, besides those of its connector.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TargetMapping {
    /// What the rules are added to. Default: connector.
    #[serde(default)]
    pub defaults: MappingDefaults,
    /// Names of AttributeMappings; a rule in place wins over theirs for the same attribute.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub from: Vec<String>,
    /// Rules in place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<MappingRule>,
}

/// What a Target's rules are added to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum MappingDefaults {
    /// the connector's default mapping, less the attributes that have a rule here
    #[default]
    Connector,
    /// nothing: only these rules count
    None,
}

/// One attribute and how it is worked out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MappingRule {
    /// SCIM's name, dotted; own ones below `custom.`.
    pub attribute: String,
    /// CEL: over `record` in a Source, over `identity` in a Target. Only `mode: ignore` needs none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Default: enforce.
    #[serde(default)]
    pub mode: MappingMode,
    /// Take the first free value: jsmith, jsmith2. An account keeps the name it has.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unique: bool,
    /// At most so many letters. A `unique` value is cut to them, and its number takes the place of the last ones; any other that is longer is a finding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_length: Option<u32>,
    /// In a Source, of `manager`: by which attribute of the same Source the value names the other record, such as `emails`. Default: by its key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// CEL: the rule counts only where it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// No value is a finding.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
    /// Its values are secrets: they, and what is made of them, are never shown and stand in no plan, journal or explanation.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sensitive: bool,
    /// What it means that there is no value. Default: as the Source says; in a Target: `missing`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub empty: Option<EmptyMeaning>,
    /// Overrides the Source's precedence for this attribute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precedence: Option<i32>,
}

/// How firmly a value holds at the target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum MappingMode {
    /// always this
    #[default]
    Enforce,
    /// only at creation or when empty
    Initial,
    /// of an attribute with several values: these are among them, and whatever else is there stays
    Merge,
    /// not at all: the attribute is left as it is, whatever the connector's default mapping says
    Ignore,
}

/// A declared identity, or an override of one that a source knows.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(group = "headcount.dev", version = "v1alpha1", kind = "User", namespaced, category = "headcount")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UserSpec {
    /// The identity that this overrides. Absent: the User stands alone and makes somebody exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overrides: Option<IdentityRef>,
    /// Attributes by their dotted names; null clears, in a file. `kubectl apply` takes a null away without a word: write `clear` there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "any_values")]
    pub attributes: BTreeMap<String, serde_json::Value>,
    /// Attributes that are cleared, by their names: the same as null for each of them in `attributes`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clear: Vec<String>,
    /// Records that are this identity's, whatever correlation says, and nobody else's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub records: Vec<RecordRef>,
    /// Keys that this identity had: `old-hr/10023`. Its accounts are found by them, and their marks renewed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former_keys: Vec<String>,
    /// Keys of others, gone, whom this identity merely looks like: it never was one of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_former_keys: Vec<String>,
    /// Names that this identity had: an account that is called so is still the same person's, whatever their name and address are now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former_names: Vec<String>,
    /// headcount knows nothing of this identity from any source.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub exclude: bool,
}

impl UserSpec {
    /// What `clear` names is null among the attributes, where nothing else stands.
    pub(super) fn clear_named(&mut self) {
        for name in &self.clear {
            self.attributes.entry(name.clone()).or_insert(serde_json::Value::Null);
        }
    }
}

/// One record of a source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RecordRef {
    /// The Source's name.
    pub source: String,
    /// The record's key.
    pub key: String,
}

/// An identity by the immutable key of the source that establishes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IdentityRef {
    /// The Source's name.
    pub source: String,
    /// The record's key.
    pub key: String,
}

/// An account at a target, whoever has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AccountRef {
    /// The Target's name.
    pub target: String,
    /// The account's id there; a name may be handed on.
    pub id: String,
}

/// A whole number, or text such as `10%`.
fn number_or_text(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "x-kubernetes-int-or-string": true })
}

/// Any object. Kubernetes keeps what it does not know.
pub(super) fn any_values(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true })
}

/// Any scalar.
pub(super) fn any_value(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "x-kubernetes-preserve-unknown-fields": true })
}
