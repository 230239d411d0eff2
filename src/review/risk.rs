//! What a reviewer should look at twice, as a work list: the worst first, one entry for what has one cause.
//!
//! Must never: weigh giving less than taking.

use std::sync::Arc;

use serde::Serialize;

use super::atom::AtomValue;
use super::figures::GroupSize;
use super::{AtomGroup, Branch, Divergence, EffectKind, NotUsed, NotUsedKind, Who};
use crate::diagnostic::Place;
use crate::model::{AttributeChange, ObjectKind, ObjectRef, Reason, Value};
use crate::policy::Policy;

/// Why to look twice, the gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum RiskKind {
    /// people lose sign-in
    LosesSignIn,
    /// accounts or groups are deleted, which can't be undone
    Irreversible,
    /// people get another name to sign in by
    ChangesSignIn,
    /// people get a privileged group, entitlement, role or value, or come to own a privileged group
    Privilege,
    /// people get sign-in back
    Reactivation,
    /// accounts or groups that headcount did not make come under it
    Adoption,
    /// something that was pending to be taken stays
    KeepsAccess,
    /// a group loses half of its members, or is left with two or fewer
    GroupEmpties,
    /// a system is not read in the preview, so that it is not known what the branch does there
    NotPreviewed,
    /// the branch lowers a guardrail, an ownership, a protection or a limit of completeness, or holds or marks less than the base
    Loosened,
}

/// One thing to look at twice.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReviewRisk {
    /// what it is
    pub risk: RiskKind,
    /// what happens; of a group that empties and of what is loosened: none
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect: Option<EffectKind>,
    /// where
    pub targets: Vec<Arc<str>>,
    /// the group or the entitlement; of what a preview does not use: the document
    #[serde(skip_serializing_if = "Option::is_none")]
    pub what: Option<Arc<str>>,
    /// who, by name; of group effects: the groups
    pub who: Vec<Who>,
    /// how many people
    pub people: u64,
    /// why, for a person
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// position in the intent of the document behind it
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<usize>,
    /// of a group that empties: from how many to how many, by target
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sizes: Vec<GroupSize>,
    /// the lines behind it
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<Place>,
}

/// What a reviewer watches for: what either revision says is privileged, so that a branch can't take a mark away and give the access in one step.
#[derive(Clone, Copy)]
pub(super) struct Watch<'a> {
    /// head's rules, and base's
    policies: [&'a Policy; 2],
}

impl<'a> Watch<'a> {
    pub(super) fn of(head: &'a Policy, base: Option<&'a Policy>) -> Self {
        Self { policies: [head, base.unwrap_or(head)] }
    }

    pub(super) fn group(&self, target: &str, group: &ObjectRef) -> bool {
        self.policies.iter().any(|policy| policy.is_privileged_group(target, group))
    }

    pub(super) fn name(&self, target: &str, name: &str) -> bool {
        self.policies.iter().any(|policy| policy.is_privileged_name(target, name))
    }

    pub(super) fn entitlement(&self, target: &str, entitlement: &str) -> bool {
        self.policies.iter().any(|policy| policy.is_privileged_entitlement(target, entitlement))
    }

    /// Whether somebody gets what can do more by a value; where it may not be seen, what its attribute says is enough.
    pub(super) fn value(&self, target: &str, object: &ObjectRef, value: &AtomValue) -> bool {
        let AtomValue { name, before, after, public, .. } = value;
        let attribute = name.clone();
        let change = AttributeChange { attribute, before: before.clone(), after: after.clone(), sensitive: false, privileged: false };
        let brings = |policy: &&Policy| match public {
            true => policy.is_privileged_value(target, object, &change),
            false => object.kind == ObjectKind::Account && policy.is_privileged_attribute(target, name),
        };
        self.policies.iter().any(brings)
    }

    pub(super) fn sign_in(&self, target: &str, attribute: &str) -> bool {
        self.policies.iter().any(|policy| policy.is_sign_in(target, attribute))
    }
}

/// Of the effect alone: what is pending is nobody's to review here.
pub(super) fn risks(groups: &[AtomGroup], sizes: &[GroupSize], branch: Option<&Branch>, watch: Watch<'_>) -> Vec<ReviewRisk> {
    let mut risks: Vec<ReviewRisk> =
        groups.iter().filter(|group| group.of_effect && !group.withheld).filter_map(|group| of_group(group, watch)).collect();
    risks.extend(emptied(sizes, groups));
    risks.extend(branch.iter().flat_map(|branch| &branch.not_used).filter(|one| one.kind != NotUsedKind::Values).map(not_used));
    risks.sort_by_key(|risk| (risk.risk, std::cmp::Reverse(risk.people)));
    risks
}

fn of_group(group: &AtomGroup, watch: Watch<'_>) -> Option<ReviewRisk> {
    let risk = match (group.effect, group.how) {
        (EffectKind::LosesSignIn | EffectKind::Deleted | EffectKind::GroupDeleted | EffectKind::SignedOut, Divergence::Cancels) => {
            RiskKind::KeepsAccess
        }
        (EffectKind::Leaves | EffectKind::LosesGrant, Divergence::Cancels) => RiskKind::KeepsAccess,
        (_, Divergence::Cancels) => return None,
        (EffectKind::LosesSignIn, _) => RiskKind::LosesSignIn,
        (EffectKind::Deleted | EffectKind::GroupDeleted, _) => RiskKind::Irreversible,
        (EffectKind::ChangesSignIn, _) => RiskKind::ChangesSignIn,
        (EffectKind::GetsPrivilege, _) => RiskKind::Privilege,
        // Whoever is in it already is in something privileged from then on, or in something that was.
        (EffectKind::GroupChanges, _) if renames_privileged(group, watch) => RiskKind::Privilege,
        (EffectKind::RegainsSignIn, _) => RiskKind::Reactivation,
        (EffectKind::TakesOver | EffectKind::GroupTakenOver, _) => RiskKind::Adoption,
        _ => return None,
    };
    Some(ReviewRisk {
        risk,
        effect: Some(group.effect),
        targets: group.targets.clone(),
        what: group.what.clone(),
        who: group.who.iter().map(|line| line.who.clone()).collect(),
        people: group.people,
        reason: Some(group.reason),
        cause: group.cause,
        sizes: Vec::new(),
        places: group.places.clone(),
    })
}

fn not_used(one: &NotUsed) -> ReviewRisk {
    ReviewRisk {
        risk: if one.kind.is_system() { RiskKind::NotPreviewed } else { RiskKind::Loosened },
        effect: None,
        targets: Vec::new(),
        what: Some(Arc::from(format!("{} {}", one.document.kind, one.document.name))),
        who: Vec::new(),
        people: 0,
        reason: None,
        cause: None,
        sizes: Vec::new(),
        places: one.place.iter().cloned().collect(),
    }
}

fn renames_privileged(group: &AtomGroup, watch: Watch<'_>) -> bool {
    let name = |value: &Option<Value>| value.as_ref().and_then(|value| value.as_text().map(str::to_owned));
    let mut names = [name(&group.before), name(&group.after)].into_iter().flatten();
    group.what.as_deref() == Some("displayName") && names.any(|name| group.targets.iter().any(|target| watch.name(target, &name)))
}

/// One entry a group, with its sizes at all targets where it empties.
fn emptied(sizes: &[GroupSize], groups: &[AtomGroup]) -> Vec<ReviewRisk> {
    let mut found: Vec<ReviewRisk> = Vec::new();
    for size in sizes.iter().filter(|size| size.empties()) {
        if let Some(known) = found.iter_mut().find(|known| known.who.first() == Some(&size.group)) {
            known.targets.push(size.target.clone());
            known.people = known.people.max(size.leaves);
            known.sizes.push(size.clone());
            continue;
        }
        let leaves = |group: &&AtomGroup| group.effect == EffectKind::Leaves && group.what.as_ref() == Some(&size.group.name);
        let behind = groups.iter().filter(|group| group.of_effect).find(leaves);
        found.push(ReviewRisk {
            risk: RiskKind::GroupEmpties,
            effect: None,
            targets: vec![size.target.clone()],
            what: Some(size.group.name.clone()),
            who: vec![size.group.clone()],
            people: size.leaves,
            reason: None,
            cause: behind.and_then(|group| group.cause),
            sizes: vec![size.clone()],
            places: behind.map(|group| group.places.clone()).unwrap_or_default(),
        });
    }
    found
}
