//! What a plan yields for one person, in the words of an expectation.
//!
//! Must never: leave out a change that concerns the person.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value as Json, json};

use crate::manifest::kinds::{DeprovisionAction, Expectation, PersonaStanding};
use crate::model::{Action, Change, Finding, FindingCode, Plan, Severity, Value};
use crate::policy::Policy;

use super::stage::{Before, Had};

/// What an identity gets in targets where it has nothing.
pub(super) fn arrival(plan: &Plan, key: &str, lifecycle: PersonaStanding) -> Expectation {
    let mut came = Expectation { lifecycle: Some(lifecycle), ..Expectation::default() };
    for change in plan.changes.iter().filter(|change| !is_protected(plan, change)) {
        let target = change.target.to_string();
        if change.object.key.as_ref() == key {
            match (change.action, &change.entitlement) {
                (Action::AddEntitlement | Action::UpdateEntitlement, Some(name)) => {
                    let parameters = came.entitlements.entry(target).or_default().entry(name.to_string()).or_default();
                    set(parameters, change);
                }
                (Action::Create | Action::Update, None) => set(came.accounts.entry(target).or_default(), change),
                _ => {}
            }
        } else if change.action == Action::AddMembers && is_member(change, key) {
            came.groups.entry(target).or_default().push(change.object.name.to_string());
        }
    }
    came.groups.values_mut().for_each(|names| names.sort());
    came.findings = errors(plan, Some(key));
    came
}

/// What becomes of what it had at targets that give it no account any more: of the account, and what stays of memberships and entitlements.
pub(super) fn departure(policy: &Policy, plan: &Plan, before: &Before, came: &mut Expectation) {
    for (target, had) in policy.targets.iter().zip(&before.targets) {
        let Some(had) = had else { continue };
        let changes: Vec<&Change> =
            plan.changes.iter().filter(|change| change.target == target.name && !is_protected(plan, change)).collect();
        let leaving = Leaving { key: &before.key, changes: &changes };
        let action = leaving.action();
        came.departures.insert(target.name.to_string(), action);
        if action == DeprovisionAction::Delete {
            continue;
        }
        let groups = leaving.groups(had);
        if !groups.is_empty() {
            came.groups.insert(target.name.to_string(), groups);
        }
        let entitlements = leaving.entitlements(had);
        if !entitlements.is_empty() {
            came.entitlements.insert(target.name.to_string(), entitlements);
        }
    }
    came.findings.extend(errors(plan, Some(&before.key)));
    came.findings.sort();
    came.findings.dedup();
}

/// Somebody at a target that gives them no account any more.
struct Leaving<'a> {
    key: &'a str,
    changes: &'a [&'a Change],
}

impl Leaving<'_> {
    fn action(&self) -> DeprovisionAction {
        let goes = |action: Action| self.changes.iter().any(|change| change.action == action && change.object.key.as_ref() == self.key);
        match (goes(Action::Delete), goes(Action::Deactivate)) {
            (true, _) => DeprovisionAction::Delete,
            (_, true) => DeprovisionAction::Deactivate,
            _ => DeprovisionAction::Keep,
        }
    }

    fn groups(&self, had: &Had) -> Vec<String> {
        let removed = |group: &str, change: &Change| {
            change.action == Action::RemoveMembers && change.object.key.as_ref() == group && is_member(change, self.key)
        };
        let stays = |group: &str| !self.changes.iter().any(|change| removed(group, change));
        let mut names: Vec<String> = had.groups.iter().filter(|(key, _)| stays(key)).map(|(_, name)| name.to_string()).collect();
        names.sort();
        names
    }

    fn entitlements(&self, had: &Had) -> BTreeMap<String, BTreeMap<String, Json>> {
        let removed = |name: &Arc<str>| {
            let removes = |change: &&Change| change.action == Action::RemoveEntitlement && change.object.key.as_ref() == self.key;
            self.changes.iter().copied().filter(removes).any(|change| change.entitlement.as_ref() == Some(name))
        };
        let plainly = |parameters: &[(Arc<str>, Value)]| parameters.iter().map(|(name, value)| (name.to_string(), plain(value))).collect();
        let kept = had.entitlements.iter().filter(|(name, _)| !removed(name));
        kept.map(|(name, parameters)| (name.to_string(), plainly(parameters))).collect()
    }
}

/// The codes of the errors about a person; without one, of all.
pub(super) fn errors(plan: &Plan, key: Option<&str>) -> Vec<FindingCode> {
    let about = plan.findings.iter().filter(|finding| key.is_none_or(|key| concerns(finding, key)));
    let mut codes: Vec<FindingCode> = about.filter(|finding| finding.severity == Severity::Error).map(|finding| finding.code).collect();
    codes.sort();
    codes.dedup();
    codes
}

/// Whether a finding is about somebody. One about several people names them in its sentence alone.
pub(super) fn concerns(finding: &Finding, key: &str) -> bool {
    match &finding.subject.key {
        Some(subject) => subject.as_ref() == key,
        None => finding.message.match_indices(key).any(|(at, _)| {
            let next = finding.message.get(at + key.len()..).and_then(|rest| rest.chars().next());
            next.is_none_or(|next| !next.is_alphanumeric())
        }),
    }
}

fn is_member(change: &Change, key: &str) -> bool {
    change.members.iter().any(|member| member.member.key.as_ref() == key)
}

/// Limits count nothing here; what is withheld is withheld for good.
fn is_protected(plan: &Plan, change: &Change) -> bool {
    let finding = change.withheld.as_ref().and_then(|withheld| plan.findings.get(withheld.finding as usize));
    finding.is_some_and(|finding| finding.code == FindingCode::Protected)
}

fn set(attributes: &mut BTreeMap<String, Json>, change: &Change) {
    for attribute in &change.attributes {
        match &attribute.after {
            Some(value) => attributes.insert(attribute.attribute.to_string(), plain(value)),
            None => attributes.remove(attribute.attribute.as_ref()),
        };
    }
}

/// A value as a manifest would have it: whom it refers to stands by key.
fn plain(value: &Value) -> Json {
    match value {
        Value::Reference(key) => json!(key),
        Value::List(items) => items.iter().map(plain).collect(),
        Value::Map(fields) => Json::Object(fields.iter().map(|(name, value)| (name.to_string(), plain(value))).collect()),
        other => other.to_json(),
    }
}
