//! One step of a plan: what changes on one object of one target. The same type serves every target and every view.

use std::sync::Arc;

use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};

use super::attribute::{Visibility, attribute};
use super::mandate::Mandate;
use super::marker::is_marker;
use super::value::Value;

/// A change's position in its plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ChangeId(pub u32);

/// What sort of object a target holds. A membership is a stream of its own when it is read, and part of a group when it is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ObjectKind {
    /// an identity's record in a target; of a source: a record
    Account,
    /// a named set of accounts
    Group,
    /// one belonging of an account or a group to a group
    Membership,
    /// one thing that an account has, with parameters; a stream of its own when it is read, and part of its account when it is changed
    Entitlement,
}

/// The kind of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// make it; `attributes` hold everything it starts with
    Create,
    /// take over an object that exists: set the marker, and whatever else differs
    Adopt,
    /// set or clear attributes
    Update,
    /// `active: true` again; `attributes` may hold more
    Reactivate,
    /// `active: false`: keep it, without access; `attributes` may hold more
    Deactivate,
    /// remove the object
    Delete,
    /// add `members` to the group
    AddMembers,
    /// remove `members` from the group
    RemoveMembers,
    /// give the account the `entitlement`; `attributes` are its parameters
    AddEntitlement,
    /// change parameters (`attributes`) of an `entitlement` that the account has
    UpdateEntitlement,
    /// take the `entitlement` from the account
    RemoveEntitlement,
    /// end every open session of the account
    EndSessions,
}

/// The object that a change is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObjectRef {
    /// account or group
    pub kind: ObjectKind,
    /// ours: an identity's key (`hr/10023`), a group's (`group/engineering`), or `id:<target's id>` for an object that nobody claims
    pub key: Arc<str>,
    /// the target's own id; none before it is created
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub id: Option<Arc<str>>,
    /// what people call it: the user name, the group's display name
    pub name: Arc<str>,
}

/// One attribute, before and after. `before: None` where nothing was there; `after: None` clears it.
///
/// Whatever is written of it (a plan file, the journal, a hash) holds [`HIDDEN`] in the place of a secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AttributeChange {
    /// SCIM's name, dotted (`name.givenName`)
    pub attribute: Arc<str>,
    /// as observed
    #[serde(default)]
    pub before: Option<Value>,
    /// as it should be
    #[serde(default)]
    pub after: Option<Value>,
    /// its values are secrets
    #[serde(default)]
    pub sensitive: bool,
    /// its Target says that it gives rights (`privileged.attributes`)
    #[serde(default)]
    pub privileged: bool,
}

/// What stands for a secret value wherever something is written.
pub const HIDDEN: &str = "(secret)";

impl Serialize for AttributeChange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let hidden = self.is_secret().then(|| Value::text(HIDDEN));
        let mut fields = serializer.serialize_map(None)?;
        fields.serialize_entry("attribute", &self.attribute)?;
        for (name, value) in [("before", &self.before), ("after", &self.after)] {
            if let Some(value) = value {
                fields.serialize_entry(name, hidden.as_ref().unwrap_or(value))?;
            }
        }
        for (name, set) in [("sensitive", self.sensitive), ("privileged", self.privileged)] {
            if set {
                fields.serialize_entry(name, &true)?;
            }
        }
        fields.end()
    }
}

/// One member that `AddMembers` or `RemoveMembers` is about: an account or a nested group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MemberChange {
    /// the member; without an id while its own creation stands earlier in the plan
    pub member: ObjectRef,
    /// how many people gain or lose access by it: 1 for an account, all below it for a nested group
    pub people: u32,
}

/// Why, in one word for a person. For display only: whatever decides reads the [`Mandate`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Reason {
    /// a person is new here
    Joiner,
    /// the person's data or rules changed, or the target drifted
    Mover,
    /// the source reports an end
    Leaver,
    /// a complete read no longer has the record
    Absent,
    /// no rule or scope covers the identity any more
    Deselected,
    /// the person is on leave
    Suspended,
    /// a former leaver is back
    Returned,
    /// a grace period is over
    Due,
    /// a manifest says so by name
    Declared,
    /// a Revocation cuts the identity off
    Revoked,
    /// it is not declared, and the target is authoritative
    Pruned,
}

/// What a reviewer should look at twice. A plan's risk block lists these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Risk {
    /// the sign-in is lost or changes (deactivation, deletion, another userName)
    SignIn,
    /// it can't be undone
    Irreversible,
    /// somebody gets what can do more than the rest
    Privilege,
    /// somebody gets access back
    Reactivation,
    /// an object that headcount did not make comes under it
    Adoption,
    /// the person is left without any group
    LastGroup,
    /// somebody whom headcount does not know loses something
    Stranger,
}

/// Where in the world a change comes from; enough to work out the full provenance again when somebody asks. Stays out of plan files and hashes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cause {
    /// nothing to look up
    #[default]
    None,
    /// the identity at this position of the world
    Identity(u32),
    /// the group at this position of the policy
    Group(u32),
    /// the entitlement at this position of the policy; the identity is the object's key
    Entitlement(u32),
}

/// Why a change stands in the plan and will not run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Withheld {
    /// position of the finding in the plan
    pub finding: u32,
}

/// One step of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// the Target's name
    pub target: Arc<str>,
    /// the kind of step
    pub action: Action,
    /// what it is about
    pub object: ObjectRef,
    /// the entitlement's name at the target, where the change is about one
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub entitlement: Option<Arc<str>>,
    /// the key that an object of ours had before, where its resource was renamed
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub former_key: Option<Arc<str>>,
    /// attributes that change, sorted by name; of an entitlement its parameters
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub attributes: Vec<AttributeChange>,
    /// members that are added or removed, sorted by key
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub members: Vec<MemberChange>,
    /// of a group that is deleted: who loses it, sorted by key; nothing is written for them
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub losers: Vec<MemberChange>,
    /// by what right: what decides about it reads this
    #[serde(skip_serializing_if = "Mandate::is_normal", default)]
    pub mandate: Mandate,
    /// why, for a person
    pub reason: Reason,
    /// changes that must have succeeded before
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub needs: Vec<ChangeId>,
    /// what a reviewer should look at twice
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub risks: Vec<Risk>,
    /// why it will not run
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub withheld: Option<Withheld>,
    /// where it comes from
    #[serde(skip)]
    pub cause: Cause,
}

impl AttributeChange {
    /// The same as it comes back from a file: secret values hidden.
    pub fn as_written(&self) -> Self {
        let hide = |value: &Option<Value>| value.as_ref().map(|value| if self.is_secret() { Value::text(HIDDEN) } else { value.clone() });
        let (before, after) = (hide(&self.before), hide(&self.after));
        Self { attribute: self.attribute.clone(), before, after, sensitive: self.sensitive, privileged: self.privileged }
    }

    /// Whether its values give rights at a system (RFC 7643, 4.1.2: `roles`, `entitlements`), or its Target says so.
    pub fn gives_rights(&self) -> bool {
        self.privileged
            || ["roles", "entitlements"].into_iter().any(|name| {
                let rest = self.attribute.strip_prefix(name);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
            })
    }

    /// Values that are there afterwards and were not before.
    pub fn comes(&self) -> impl Iterator<Item = &Value> {
        values(&self.after).iter().filter(|value| !values(&self.before).contains(value))
    }

    /// Values that were there and are not afterwards.
    pub fn goes(&self) -> impl Iterator<Item = &Value> {
        values(&self.before).iter().filter(|value| !values(&self.after).contains(value))
    }

    /// Whether its values are never shown.
    pub fn is_secret(&self) -> bool {
        self.sensitive || attribute(&self.attribute).is_some_and(|known| known.visibility == Visibility::Secret)
    }
}

fn values(value: &Option<Value>) -> &[Value] {
    match value {
        None => &[],
        Some(Value::List(items)) => items,
        Some(single) => std::slice::from_ref(single),
    }
}

impl ObjectKind {
    /// As it is written in files and in the state.
    pub fn word(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Group => "group",
            Self::Membership => "membership",
            Self::Entitlement => "entitlement",
        }
    }
}

impl Action {
    /// The sign of a diff line.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Create | Self::AddMembers | Self::AddEntitlement => "+",
            Self::Adopt => "&",
            Self::Update | Self::UpdateEntitlement => "~",
            Self::Reactivate => "^",
            Self::Deactivate | Self::EndSessions => "!",
            Self::Delete | Self::RemoveMembers | Self::RemoveEntitlement => "-",
        }
    }

    /// Whether somebody loses something by it.
    pub fn removes(self) -> bool {
        matches!(self, Self::Deactivate | Self::Delete | Self::RemoveMembers | Self::RemoveEntitlement | Self::EndSessions)
    }
}

impl Change {
    /// What the object is called by from then on, where that changes.
    pub fn naming(&self) -> Option<&AttributeChange> {
        let name = if self.object.kind == ObjectKind::Group { "displayName" } else { "userName" };
        self.attributes.iter().find(|attribute| attribute.attribute.as_ref() == name && attribute.after.is_some())
    }

    /// A normal step with nothing in it yet.
    pub fn new(target: &Arc<str>, action: Action, object: ObjectRef, reason: Reason) -> Self {
        Self {
            target: target.clone(),
            action,
            object,
            entitlement: None,
            former_key: None,
            attributes: Vec::new(),
            members: Vec::new(),
            losers: Vec::new(),
            mandate: Mandate::Normal,
            reason,
            needs: Vec::new(),
            risks: Vec::new(),
            withheld: None,
            cause: Cause::None,
        }
    }

    /// Whether nothing is left of it: an update that neither writes a value nor moves an object to another key.
    pub fn says_nothing(&self) -> bool {
        self.action == Action::Update && self.attributes.is_empty() && self.former_key.is_none()
    }

    /// Whether it writes a mark over one that was there: what was known under another key is known under this one once it is done.
    pub fn renews_mark(&self) -> bool {
        let is_mark = |value: &Option<Value>| value.as_ref().and_then(Value::as_text).is_some_and(is_marker);
        self.attributes.iter().any(|attribute| is_mark(&attribute.before) && is_mark(&attribute.after))
    }

    /// How many people or objects the change counts for in a guardrail: for memberships the people who gain or lose, else one.
    pub fn weight(&self) -> u64 {
        match self.action {
            Action::AddMembers | Action::RemoveMembers => self.members.iter().map(|member| u64::from(member.people)).sum(),
            _ => 1,
        }
    }

    /// How many people lose a group by it.
    pub fn people_who_lose(&self) -> u64 {
        self.losers.iter().map(|member| u64::from(member.people)).sum()
    }

    /// Whether somebody who exists gets another name to sign in by.
    pub fn renames(&self) -> bool {
        matches!(self.action, Action::Update | Action::Adopt | Action::Reactivate) && self.risks.contains(&Risk::SignIn)
    }

    /// Whether it may run.
    pub fn runs(&self) -> bool {
        self.withheld.is_none()
    }
}
