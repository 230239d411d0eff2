//! The smallest thing that a branch can do and a reviewer can approve: one object, one attribute, one member, one entitlement.
//!
//! Must never: hold the value of an attribute that is not for everybody who may read a comment.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use serde::Serialize;

use super::held::HeldBy;
use crate::model::{
    Action, AttributeChange, Change, Mandate, MemberChange, ObjectKind, ObjectRef, Plan, Reason, Value, Visibility, attribute,
};

/// One atom of a plan.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Atom {
    /// position in the plan's changes
    pub change: u32,
    /// the Target's name
    pub target: Arc<str>,
    /// the account or the group that the change is about
    pub object: ObjectRef,
    /// what of it
    pub slot: AtomSlot,
    /// why, for a person
    pub reason: Reason,
    /// by what right
    #[serde(skip_serializing_if = "Mandate::is_normal")]
    pub mandate: Mandate,
    /// it stands in the plan and will not run
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub withheld: bool,
    /// of what is pending: what main's own manifests hold it by; of what a branch releases: what holds it no longer
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<HeldBy>,
}

/// What of an object changes.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum AtomSlot {
    /// the object itself
    Object {
        /// create, adopt, reactivate, deactivate, delete, end sessions
        action: Action,
        /// what tells two sets of values apart that it starts with, without telling them
        #[serde(skip)]
        print: u64,
    },
    /// one attribute
    Attribute(AtomValue),
    /// one member of a group
    Member {
        /// it comes, or goes
        added: bool,
        /// an account or a nested group
        member: ObjectRef,
        /// how many people gain or lose by it
        people: u32,
    },
    /// somebody who loses a group that is deleted
    Loser {
        /// whom
        member: ObjectRef,
        /// how many people lose by it
        people: u32,
    },
    /// an entitlement as a whole
    Entitlement {
        /// its name at the target
        entitlement: Arc<str>,
        /// it is given, or taken
        given: bool,
        /// of one that is given: its parameters
        #[serde(skip_serializing_if = "Vec::is_empty")]
        parameters: Vec<AtomValue>,
    },
    /// one parameter of an entitlement that somebody has
    Parameter {
        /// the entitlement's name at the target
        entitlement: Arc<str>,
        /// the parameter
        value: AtomValue,
    },
}

/// A value that changes.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AtomValue {
    /// SCIM's name, or the parameter's
    pub name: Arc<str>,
    /// as observed; only where everybody may see it
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// as it is to be; only where everybody may see it
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
    /// everybody who may read a comment may see the values
    pub public: bool,
    /// what tells two hidden values apart, without telling them
    #[serde(skip)]
    pub(super) print: u64,
}

/// The atoms of a plan, in its order. What comes and goes with somebody's account has the reason of that: a mover's membership is another thing than one that a
/// leaver loses.
pub fn of_plan(plan: &Plan) -> Vec<Atom> {
    let whole = |change: &&Change| change.object.kind == ObjectKind::Account && change.entitlement.is_none() && is_whole(change.action);
    let accounts = plan.changes.iter().filter(whole);
    let reasons: HashMap<_, Reason> = accounts.map(|change| ((&change.target, &change.object.key), change.reason)).collect();
    let with_reason = |mut atom: Atom| {
        let part = !matches!(&atom.slot, AtomSlot::Object { .. } | AtomSlot::Attribute(_));
        let person = atom.person().filter(|_| part && atom.mandate.is_normal());
        if let Some(reason) = person.and_then(|person| reasons.get(&(&atom.target, &person.key))) {
            atom.reason = *reason;
        }
        atom
    };
    plan.changes.iter().zip(0..).flat_map(|(change, at)| of_change(change, at)).map(with_reason).collect()
}

/// Whether somebody comes or goes by it.
fn is_whole(action: Action) -> bool {
    matches!(action, Action::Create | Action::Adopt | Action::Reactivate | Action::Deactivate | Action::Delete)
}

/// The atoms of one change.
pub fn of_change(change: &Change, at: u32) -> Vec<Atom> {
    let atom = |slot| Atom {
        change: at,
        target: change.target.clone(),
        object: change.object.clone(),
        slot,
        reason: change.reason,
        mandate: change.mandate,
        withheld: !change.runs(),
        held: Vec::new(),
    };
    let members = change.members.iter().map(|member| member_slot(change, member));
    let losers = change.losers.iter().map(|loser| AtomSlot::Loser { member: loser.member.clone(), people: loser.people });
    object_slot(change).into_iter().chain(value_slots(change)).chain(members).chain(losers).map(atom).collect()
}

impl Atom {
    /// The person it is about; of a nested group: none.
    pub fn person(&self) -> Option<&ObjectRef> {
        match &self.slot {
            AtomSlot::Member { member, .. } | AtomSlot::Loser { member, .. } => (member.kind == ObjectKind::Account).then_some(member),
            _ => (self.object.kind == ObjectKind::Account).then_some(&self.object),
        }
    }

    /// Whether somebody loses something by it.
    pub fn takes(&self) -> bool {
        match &self.slot {
            AtomSlot::Object { action, .. } => action.removes(),
            AtomSlot::Member { added, .. } => !added,
            AtomSlot::Loser { .. } => true,
            AtomSlot::Entitlement { given, .. } => !given,
            AtomSlot::Attribute(_) | AtomSlot::Parameter { .. } => false,
        }
    }

    /// How many people it happens to.
    pub(super) fn weight(&self) -> u64 {
        match &self.slot {
            AtomSlot::Member { people, .. } | AtomSlot::Loser { people, .. } => u64::from(*people),
            _ => 1,
        }
    }

    /// What an approval is bound to: which thing of which object, and what it comes to. Positions and reasons stay out.
    pub(super) fn identity_and_content(&self) -> impl Serialize + '_ {
        let Self { target, object, slot, .. } = self;
        (target, object.kind, &object.key, object.id.as_deref(), slot, slot.print())
    }

    /// Which step of one plan it is.
    pub(super) fn step(&self) -> impl Eq + Hash + '_ {
        let Self { target, object, slot, .. } = self;
        (target, object.kind, &object.key, &object.id, slot.name(), slot.member().map(|member| (&member.key, &member.id)), slot.content())
    }

    /// Whether both do the same to the same thing.
    pub(super) fn does_as(&self, other: &Self) -> bool {
        self.withheld == other.withheld && self.slot.content() == other.slot.content()
    }
}

impl AtomSlot {
    /// What of the object it is about, whatever happens to it.
    pub(super) fn name(&self) -> (u8, &str, &str) {
        match self {
            Self::Object { action: Action::EndSessions, .. } => (6, "", ""),
            Self::Object { .. } => (0, "", ""),
            Self::Attribute(value) => (1, &value.name, ""),
            Self::Member { .. } => (2, "", ""),
            Self::Loser { .. } => (3, "", ""),
            Self::Entitlement { entitlement, .. } => (4, entitlement, ""),
            Self::Parameter { entitlement, value } => (5, entitlement, &value.name),
        }
    }

    /// The member that it is about.
    pub(super) fn member(&self) -> Option<&ObjectRef> {
        match self {
            Self::Member { member, .. } | Self::Loser { member, .. } => Some(member),
            _ => None,
        }
    }

    /// What happens.
    fn content(&self) -> (Option<Action>, bool, u64) {
        match self {
            Self::Object { action, print } => (Some(*action), false, *print),
            // A nested group that brings or takes more people does another thing.
            Self::Member { added, people, .. } => (None, *added, u64::from(*people)),
            Self::Loser { people, .. } => (None, false, u64::from(*people)),
            Self::Entitlement { given, .. } => (None, *given, self.print()),
            Self::Attribute(_) | Self::Parameter { .. } => (None, false, self.print()),
        }
    }

    fn print(&self) -> u64 {
        match self {
            Self::Attribute(value) | Self::Parameter { value, .. } => value.print,
            Self::Entitlement { parameters, .. } => joined(parameters),
            Self::Object { print, .. } => *print,
            Self::Member { .. } | Self::Loser { .. } => 0,
        }
    }
}

/// The object or the entitlement itself; none where attributes or members are all there is.
fn object_slot(change: &Change) -> Option<AtomSlot> {
    if let Some(entitlement) = &change.entitlement {
        let given = match change.action {
            Action::AddEntitlement => true,
            Action::RemoveEntitlement => false,
            _ => return None,
        };
        let parameters = if given { values(change) } else { Vec::new() };
        return Some(AtomSlot::Entitlement { entitlement: entitlement.clone(), given, parameters });
    }
    // Under another key it is a step of its own, even where no attribute says so.
    let parts_only = change.former_key.is_none() && matches!(change.action, Action::Update | Action::AddMembers | Action::RemoveMembers);
    let print = if starts_whole(change) { joined(&values(change)) } else { 0 };
    (!parts_only).then_some(AtomSlot::Object { action: change.action, print })
}

/// What is given or made is one atom with all that it starts with: only what an object already has changes piece by piece.
fn starts_whole(change: &Change) -> bool {
    matches!(change.action, Action::Create | Action::AddEntitlement | Action::RemoveEntitlement | Action::Delete)
}

fn joined(values: &[AtomValue]) -> u64 {
    values.iter().fold(0, |print: u64, value| print.rotate_left(7) ^ value.print)
}

fn value_slots(change: &Change) -> Vec<AtomSlot> {
    if starts_whole(change) {
        return Vec::new();
    }
    // The step itself says what becomes of the sign-in, and that it is marked.
    let told = |value: &AtomValue| match value.name.as_ref() {
        "active" => matches!(change.action, Action::Update | Action::Adopt),
        "externalId" => change.action != Action::Adopt,
        _ => true,
    };
    let values = values(change).into_iter().filter(told);
    values
        .map(|value| match &change.entitlement {
            Some(entitlement) => AtomSlot::Parameter { entitlement: entitlement.clone(), value },
            None => AtomSlot::Attribute(value),
        })
        .collect()
}

fn member_slot(change: &Change, member: &MemberChange) -> AtomSlot {
    AtomSlot::Member { added: change.action == Action::AddMembers, member: member.member.clone(), people: member.people }
}

fn values(change: &Change) -> Vec<AtomValue> {
    change.attributes.iter().map(|changed| value(change, changed)).collect()
}

fn value(change: &Change, changed: &AttributeChange) -> AtomValue {
    let public = is_public(change, changed);
    let shown = |value: &Option<Value>| value.clone().filter(|_| public);
    AtomValue {
        name: changed.attribute.clone(),
        before: shown(&changed.before),
        after: shown(&changed.after),
        public,
        print: print(&changed.as_written()),
    }
}

/// What nobody classified is personal; but parameters say what is given, not who somebody is. A mark names the record behind it.
fn is_public(change: &Change, changed: &AttributeChange) -> bool {
    if changed.is_secret() || changed.attribute.as_ref() == "externalId" {
        return false;
    }
    change.entitlement.is_some() || attribute(&changed.attribute).is_some_and(|known| known.visibility == Visibility::Public)
}

/// Of both sides, as they are written where they may be seen; never written itself.
fn print(changed: &AttributeChange) -> u64 {
    let bytes = serde_json::to_vec(&(&changed.before, &changed.after)).unwrap_or_default();
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes);
    digest.as_ref().iter().take(8).fold(0, |print, byte| print << 8 | u64::from(*byte))
}
