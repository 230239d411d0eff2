//! Manifests compiled to rules: every expression checked, every reference resolved, every duration and limit a number.
//!
//! Must never: do I/O, or keep anything of a manifest that planning does not need.

mod access;
mod chain;
mod compile;
mod difference;
mod excerpt;
mod gates;
mod group;
mod mapping;
mod needs;
mod people;
mod privilege;
mod sensitive;
mod source;
mod target;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::SignedDuration;
use jiff::civil::Date;
use jiff::tz::TimeZone;

pub(crate) use chain::in_order;
pub use compile::{compile, compile_after, compile_what_is_sound};
pub use difference::{ConcernedPeople, difference};
pub use gates::{
    ApprovalPolicy, DAY as MINUTES_OF_A_DAY, GatePolicy, LONGEST_SUSPENSION, PlanApprovalPolicy, SchedulePolicy, SuspendPolicy,
    WindowPolicy, closed,
};
pub use privilege::{GroupsAbove, PrivilegePolicy};
pub use source::identity_path;
#[cfg(test)]
pub(crate) use target::DEFAULTS;

use crate::diagnostic::Place;
use crate::expr::Expression;
use crate::manifest::kinds::{DeprovisionAction, Lifecycle, MappingMode, Ownership, fold};
use crate::model::{Guardrail, Tables, ValueLimit, ValueState};

/// Everything that planning needs of the manifests.
#[derive(Clone, Debug)]
pub struct Policy {
    /// the Workspace's immutable id
    pub workspace: Arc<str>,
    /// where days begin and end
    pub time_zone: TimeZone,
    /// by name
    pub sources: Vec<SourcePolicy>,
    /// by name
    pub targets: Vec<TargetPolicy>,
    /// by name
    pub users: Vec<UserPolicy>,
    /// by name
    pub groups: Vec<GroupPolicy>,
    /// by name
    pub entitlements: Vec<EntitlementPolicy>,
    /// by name
    pub revocations: Vec<RevocationPolicy>,
    /// by name
    pub approvals: Vec<PlanApprovalPolicy>,
    /// attributes whose values are never shown
    pub sensitive: BTreeSet<Arc<str>>,
    /// attributes that Users give
    pub declared: BTreeSet<Arc<str>>,
    /// what `lookup` looks in
    pub tables: Tables,
    /// which Groups' documents name a Group as a member
    pub nesting: GroupsAbove,
}

impl Policy {
    /// The same for one target alone, which is the first then.
    pub fn for_target(&self, target: usize) -> Self {
        let mut policy = Self { targets: self.targets.get(target).cloned().into_iter().collect(), ..self.clone() };
        policy.entitlements.retain(|entitlement| entitlement.target == target);
        policy.entitlements.iter_mut().for_each(|entitlement| entitlement.target = 0);
        policy
    }
}

impl Policy {
    /// Whether people sign in at a target by an attribute.
    pub fn is_sign_in(&self, target: &str, attribute: &str) -> bool {
        self.target(target).is_some_and(|target| target.sign_in.iter().any(|name| name.as_ref() == attribute))
    }

    fn target(&self, name: &str) -> Option<&TargetPolicy> {
        self.targets.iter().find(|target| target.name.as_ref() == name)
    }
}

/// A rule from a record to the identity, or from the identity to an account.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// SCIM's name, dotted
    pub attribute: Arc<str>,
    /// what it comes to
    pub value: Expression,
    /// how firmly it holds at a target
    pub mode: MappingMode,
    /// takes the first free value
    pub unique: bool,
    /// at most so many letters
    pub max_length: Option<usize>,
    /// the attribute of the same source by which the value names another record; none: by its key
    pub by: Option<Arc<str>>,
    /// counts only where it holds
    pub when: Option<Expression>,
    /// no value is a finding
    pub required: bool,
    /// no value means to clear
    pub clears: bool,
    /// among sources, the higher wins
    pub precedence: i32,
    /// the manifest line; none for a connector's default rule
    pub place: Option<Place>,
}

impl Rule {
    /// Whether it says anything at all.
    pub fn counts(&self) -> bool {
        self.mode != MappingMode::Ignore
    }

    /// Whether every account is held to it: enforced, and without a condition.
    pub fn binds_everybody(&self) -> bool {
        self.mode == MappingMode::Enforce && self.when.is_none()
    }
}

/// A Source, compiled.
#[derive(Clone, Debug, PartialEq)]
pub struct SourcePolicy {
    /// metadata.name
    pub name: Arc<str>,
    /// names that it had: keys of theirs are its own
    pub previous_names: Vec<Arc<str>>,
    /// the immutable id of a record
    pub key: Expression,
    /// which records count
    pub filter: Option<Expression>,
    /// that may be none
    pub allow_empty: bool,
    /// the first day on which a record counts
    pub valid_from: Option<Expression>,
    /// the last day on which a record counts
    pub valid_to: Option<Expression>,
    /// blanks around values stay
    pub keep_blanks: bool,
    /// whether a record makes somebody exist
    pub establishes: bool,
    /// by what a record finds its identity, in order
    pub correlate: Vec<KeyPolicy>,
    /// holds for somebody who has left
    pub leaver: Option<Expression>,
    /// holds for somebody on leave
    pub suspended: Option<Expression>,
    /// a last day that nearly everybody has, and that is meant
    pub shared_end: Option<Date>,
    /// from the record to the identity, sorted by attribute
    pub rules: Vec<Rule>,
    /// when a read counts as complete
    pub completeness: CompletenessPolicy,
    /// values of the columns that conditions read, that are known though they were never seen
    pub known_values: BTreeSet<Arc<str>>,
    /// columns that may lose many of their values
    pub may_lose: Vec<Arc<str>>,
    /// a hash of connection and scope: counts compare only within one scope
    pub scope_hash: u64,
    /// the higher wins, where a rule does not say otherwise
    pub precedence: i32,
    /// how often it is read
    pub schedule: SchedulePolicy,
    /// the document
    pub place: Place,
    /// the line that says where the system is
    pub connection: Place,
}

/// By what a record finds its identity.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyPolicy {
    /// as it is written
    pub text: Arc<str>,
    /// over `identity`, worked out for records and for identities
    pub value: Expression,
}

/// When a read counts as complete.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CompletenessPolicy {
    /// share that may vanish, 0 to 1
    pub max_shrink_share: Option<f64>,
    /// records that may vanish
    pub max_shrink_count: Option<u64>,
    /// how old a file may be
    pub max_age: Option<SignedDuration>,
    /// fewest records
    pub min_count: Option<u64>,
}

/// A Target, compiled.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetPolicy {
    /// metadata.name
    pub name: Arc<str>,
    /// what speaks to it
    pub connector: Arc<str>,
    /// attributes without which it makes no account
    pub needs: Vec<&'static str>,
    /// whom it serves
    pub select: Option<Expression>,
    /// `select` may name nobody
    pub allow_empty: bool,
    /// lifecycles that get an account
    pub lifecycles: Vec<Lifecycle>,
    /// accounts made ahead of the start date; none: as `lifecycles` says
    pub pre_hire: Option<PreHirePolicy>,
    /// which groups it gets; none: its groups are left alone
    pub groups: Option<GroupScopePolicy>,
    /// attributes by which an account is found, in order
    pub correlate: Vec<Arc<str>>,
    /// attributes that people sign in by
    pub sign_in: Vec<Arc<str>>,
    /// what may be removed
    pub ownership: Ownership,
    /// from the identity to the account, sorted by attribute
    pub rules: Vec<Rule>,
    /// what a leaver's account gets
    pub leaver: DeprovisionPolicy,
    /// what the account of an absent identity gets
    pub absent: DeprovisionPolicy,
    /// what the account of a deselected identity gets
    pub deselected: DeprovisionPolicy,
    /// what somebody on leave gets
    pub suspended: DeprovisionPolicy,
    /// how long a name of somebody who left is given to nobody else
    pub reuse_after: SignedDuration,
    /// how much may change at once
    pub guardrails: GuardrailPolicy,
    /// accounts that no plan may touch
    pub protect: ProtectionPolicy,
    /// what can do more than the rest of the system
    pub privileged: PrivilegePolicy,
    /// when it may be changed
    pub gates: GatePolicy,
    /// how often it is read
    pub schedule: SchedulePolicy,
    /// which system it is
    pub system: SystemPolicy,
    /// the document
    pub place: Place,
    /// the line that says where the system is
    pub connection: Place,
}

/// Which system stands behind a target: what is remembered of another one proves nothing here.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SystemPolicy {
    /// the number of what the connector speaks to
    pub id: u64,
    /// the same in words
    pub words: Arc<str>,
    /// the same system under what it was before
    pub previous: BTreeSet<u64>,
    /// ids of accounts that are not ours, whatever is remembered
    pub not_ours: BTreeSet<Arc<str>>,
}

/// Which groups a target gets.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupScopePolicy {
    /// over `group`; none: all
    pub select: Option<Expression>,
    /// what may be removed
    pub ownership: Ownership,
    /// whether nested groups stay nested where the target can
    pub nested: bool,
}

/// Accounts made ahead of the start date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PreHirePolicy {
    /// so many days ahead; none: as soon as the source knows
    pub before: Option<i64>,
    /// whether they can be used before the start date
    pub active: bool,
}

/// What becomes of an account when its identity goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeprovisionPolicy {
    /// the first step
    pub action: DeprovisionAction,
    /// deletion this long after headcount deactivated it
    pub delete_after: Option<SignedDuration>,
    /// what it has once it is deactivated, by attribute
    pub set: BTreeMap<Arc<str>, Arc<str>>,
    /// the manifest line; none for a default
    pub place: Option<Place>,
}

impl DeprovisionPolicy {
    /// Without access, for good.
    pub const DEACTIVATE: Self = Self { action: DeprovisionAction::Deactivate, delete_after: None, set: BTreeMap::new(), place: None };
}

/// Limits, with their defaults filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct GuardrailPolicy {
    /// by guardrail; one that is absent has no limit
    pub limits: BTreeMap<Guardrail, LimitPolicy>,
    /// how long work counts
    pub window: SignedDuration,
    /// each lets something past
    pub overrides: Vec<OverridePolicy>,
}

/// Allowed = max(`count`, `percent` of the population), capped by `max`.
#[derive(Clone, Debug, PartialEq)]
pub struct LimitPolicy {
    /// allowed; with `percent` never more than a third of the population
    pub count: u64,
    /// per cent of the population; none: `count` is all there is
    pub percent: Option<f64>,
    /// never more
    pub max: Option<u64>,
    /// the manifest line; none for a default
    pub place: Option<Place>,
}

/// Lets changes past one guardrail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverridePolicy {
    /// which
    pub guardrail: Guardrail,
    /// which changes
    pub lets: Lets,
    /// why
    pub reason: String,
    /// last day
    pub expires: Date,
    /// the manifest line
    pub place: Place,
}

/// What an override lets past.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lets {
    /// exactly the changes with this hash
    Exactly(String),
    /// whatever it is, but no more of it in one window
    AtMost(u64),
}

/// Accounts that no plan may deactivate, delete or strip of a group.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProtectionPolicy {
    /// user names, lower case
    pub accounts: Vec<Arc<str>>,
    /// over `account`: whoever one of them holds for is protected
    pub rules: Vec<Expression>,
    /// group's displayName and the fewest members it must keep
    pub keep: Vec<(Arc<str>, u64)>,
}

/// A User, compiled.
#[derive(Clone, Debug, PartialEq)]
pub struct UserPolicy {
    /// metadata.name
    pub name: Arc<str>,
    /// the identity's key: `user/<name>`, or of the identity it overrides (`hr/10023`)
    pub key: Arc<str>,
    /// whether it makes somebody exist
    pub standalone: bool,
    /// nobody is to know this identity
    pub exclude: bool,
    /// sorted by attribute; `Set` or `Clear`
    pub attributes: Vec<(Arc<str>, ValueState)>,
    /// records that are this identity's and nobody else's
    pub records: Vec<RecordPolicy>,
    /// keys that it had
    pub former_keys: Vec<Arc<str>>,
    /// keys of others whom it looks like
    pub not_former_keys: Vec<Arc<str>>,
    /// names that it had
    pub former_names: Vec<Arc<str>>,
    /// the document
    pub place: Place,
}

/// A record that a User names.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordPolicy {
    /// the source's position in the policy
    pub source: usize,
    /// the record's key
    pub key: Arc<str>,
    /// the manifest line
    pub place: Place,
}

/// A Group, compiled.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupPolicy {
    /// `group/<metadata.name>`
    pub key: Arc<str>,
    /// metadata.labels
    pub labels: BTreeMap<Arc<str>, Arc<str>>,
    /// its name at the targets; with `for_each` the value stands in it as `{value}`
    pub display_name: Arc<str>,
    /// for people
    pub description: Option<Arc<str>>,
    /// members by name
    pub members: Vec<MemberPolicy>,
    /// members by rule, over `identity`
    pub rule: Option<Expression>,
    /// it is a rule that makes a group for each value
    pub for_each: Option<ForEachPolicy>,
    /// lifecycles that the rules cover
    pub lifecycles: Vec<Lifecycle>,
    /// no members, whatever else says so
    pub exclude: Vec<MemberPolicy>,
    /// owners
    pub owners: Vec<MemberPolicy>,
    /// former displayNames
    pub previous_names: Vec<Arc<str>>,
    /// names of groups that it never was
    pub not_formerly: Vec<Arc<str>>,
    /// its rule may name nobody
    pub allow_empty: bool,
    /// whoever is in it can do more than others
    pub privileged: bool,
    /// the rule's line
    pub rule_place: Option<Place>,
    /// the line of the list of members
    pub members_place: Option<Place>,
    /// the document
    pub place: Place,
}

/// A rule that makes a group for each value.
#[derive(Clone, Debug, PartialEq)]
pub struct ForEachPolicy {
    /// over `identity`: a text or a list of texts
    pub value: Expression,
    /// values that get no group, folded
    pub except: BTreeSet<String>,
    /// former values, folded
    pub former: BTreeMap<String, FormerValue>,
    /// the manifest line
    pub place: Place,
}

/// A value that another took the place of, both as they are written.
#[derive(Clone, Debug, PartialEq)]
pub struct FormerValue {
    /// the former one
    pub was: Arc<str>,
    /// the one of today
    pub now: Arc<str>,
}

/// An Entitlement, compiled.
#[derive(Clone, Debug, PartialEq)]
pub struct EntitlementPolicy {
    /// `entitlement/<metadata.name>`
    pub key: Arc<str>,
    /// position of the target in the policy
    pub target: usize,
    /// its name at the target
    pub name: Arc<str>,
    /// who gets it, over `identity`
    pub when: Option<Expression>,
    /// `when` may name nobody
    pub allow_empty: bool,
    /// whoever has it can do more than others
    pub privileged: bool,
    /// lifecycles that `when` covers
    pub lifecycles: Vec<Lifecycle>,
    /// further people by name
    pub members: Vec<MemberPolicy>,
    /// over `identity`, sorted by name
    pub parameters: Vec<ParameterPolicy>,
    /// over `identity`: the last day
    pub until: Option<Expression>,
    /// the line of `when`
    pub when_place: Option<Place>,
    /// the document
    pub place: Place,
}

/// One parameter of an entitlement.
#[derive(Clone, Debug, PartialEq)]
pub struct ParameterPolicy {
    /// its name
    pub name: Arc<str>,
    /// what it comes to
    pub value: Expression,
    /// the manifest line
    pub place: Place,
}

/// A Revocation, compiled.
#[derive(Clone, Debug, PartialEq)]
pub struct RevocationPolicy {
    /// `revocation/<metadata.name>`
    pub key: Arc<str>,
    /// whom: identities' keys, and those of single accounts (`account/chat/4711`)
    pub identities: Vec<MemberPolicy>,
    /// why
    pub reason: Arc<str>,
    /// the last day
    pub until: Option<Date>,
    /// how many identities it may cut off
    pub max: u32,
    /// the document
    pub place: Place,
}

/// One member by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberPolicy {
    /// an identity's key (`user/jane`, `hr/10023`) or a group's (`group/sre`)
    pub key: Arc<str>,
    /// last day
    pub until: Option<Date>,
    /// the manifest line
    pub place: Place,
}

/// What policy must know of connectors without reaching a system.
pub trait ConnectorFacts {
    /// Of the one behind a Target.
    fn of_target(&self, target: &crate::manifest::kinds::TargetSpec) -> TargetFacts;
}

/// What a connector says of a Target by the manifest alone.
#[derive(Clone, Debug, Default)]
pub struct TargetFacts {
    /// its name
    pub connector: Arc<str>,
    /// attribute and expression over `identity`: what holds where the Target's mapping says nothing else
    pub default_mapping: Vec<(String, String)>,
    /// attributes without which no account is made
    pub needs: Vec<&'static str>,
    /// what attributes of an account can't hold
    pub limits: BTreeMap<Arc<str>, ValueLimit>,
    /// attributes of which no two accounts have one value, beside the user name
    pub unique: BTreeSet<Arc<str>>,
}
