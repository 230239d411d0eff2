//! A change before it has its place in the plan, and the order of the stages.
//!
//! Must never: decide whether something changes.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::{Action, AttributeChange, Change, Mandate, MemberChange, ObjectKind, Reason, Risk};

/// A change before it has its place in the plan.
#[derive(Clone, Debug)]
pub(in crate::planning) struct Draft {
    pub(in crate::planning) target: usize,
    pub(in crate::planning) stage: Stage,
    /// within the stage: what is handed on goes from hand to hand
    pub(in crate::planning) level: usize,
    pub(in crate::planning) change: Change,
}

/// On what grounds something changes: the mandate decides, the reason is for whoever reads it.
#[derive(Clone, Copy, Debug)]
pub(in crate::planning) struct Grounds {
    pub(in crate::planning) mandate: Mandate,
    pub(in crate::planning) reason: Reason,
}

impl Grounds {
    pub(in crate::planning) const LEAVER: Self = Self { mandate: Mandate::Leaver, reason: Reason::Leaver };
    pub(in crate::planning) const ABSENCE: Self = Self { mandate: Mandate::Absence, reason: Reason::Absent };
    pub(in crate::planning) const DESELECTION: Self = Self { mandate: Mandate::Deselection, reason: Reason::Deselected };
    pub(in crate::planning) const PRUNING: Self = Self { mandate: Mandate::Pruning, reason: Reason::Pruned };
    pub(in crate::planning) const GRACE: Self = Self { mandate: Mandate::Grace, reason: Reason::Due };
    pub(in crate::planning) const REVOCATION: Self = Self { mandate: Mandate::Revocation, reason: Reason::Revoked };

    /// Of what records, rules and manifests ask for.
    pub(in crate::planning) const fn normal(reason: Reason) -> Self {
        Self { mandate: Mandate::Normal, reason }
    }
}

/// The order of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::planning) enum Stage {
    /// whoever is cut off, ahead of everything
    Revoke,
    /// accounts that lose access
    Deactivate,
    /// memberships that go
    RemoveMembers,
    /// entitlements that go
    RemoveEntitlements,
    /// groups that exist
    UpdateGroups,
    /// new groups
    CreateGroups,
    /// accounts that exist and give up what others take
    GiveUp,
    /// new accounts, managers first
    CreateAccounts,
    /// accounts that exist
    UpdateAccounts,
    /// memberships that come
    AddMembers,
    /// entitlements that come or change
    AddEntitlements,
    /// references to accounts that did not exist when their owner was made
    References,
    /// accounts that go for good
    DeleteAccounts,
    /// groups that go for good
    DeleteGroups,
}

impl Draft {
    /// At its stage, with nothing handed on yet.
    pub(in crate::planning) fn new(target: usize, stage: Stage, change: Change) -> Self {
        Self { target, stage, level: 0, change }
    }

    /// With attributes, sorted.
    pub(in crate::planning) fn sort(&mut self) {
        self.change.attributes.sort_by(|one, other| one.attribute.cmp(&other.attribute));
        self.change.members.sort_by(|one, other| one.member.key.cmp(&other.member.key));
        self.change.losers.sort_by(|one, other| one.member.key.cmp(&other.member.key));
        self.change.risks.sort_unstable();
        self.change.risks.dedup();
    }
}

/// One attribute of a change.
pub(in crate::planning) fn attribute(
    name: &Arc<str>,
    before: Option<crate::model::Value>,
    after: Option<crate::model::Value>,
) -> AttributeChange {
    AttributeChange { attribute: name.clone(), before, after, sensitive: false, privileged: false }
}

/// A change with attributes and risks.
pub(in crate::planning) fn with(mut change: Change, attributes: Vec<AttributeChange>, risks: &[Risk]) -> Change {
    change.attributes = attributes;
    change.risks = risks.to_vec();
    change
}

/// A change of members.
pub(in crate::planning) fn with_members(mut change: Change, members: Vec<MemberChange>) -> Change {
    change.members = members;
    change
}

/// What is only being adopted in these.
pub(in crate::planning) fn adopted(drafts: &[Draft], target: usize) -> BTreeSet<(ObjectKind, Arc<str>)> {
    let adopted = drafts.iter().filter(|draft| draft.target == target && draft.change.action == Action::Adopt);
    adopted.map(|draft| (draft.change.object.kind, draft.change.object.key.clone())).collect()
}
