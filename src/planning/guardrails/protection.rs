//! Protection: accounts that are nobody's and that no plan may touch, and groups that must keep some members. Pure.
//!
//! Must never: be outvoted by an override, a leaver or a limit.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::{Action, Change, Finding, FindingCode, Mandate, ObjectKind, ObjectRef, Plan, Severity, Subject};
use crate::planning::guardrails::{KeptGroup, Population, part_members, withhold};
use crate::policy::TargetPolicy;

/// Withholds what protection forbids at one target. A removal that covers others too goes on for them.
pub(in crate::planning) fn check(target: &TargetPolicy, population: &Population, plan: &mut Plan) {
    check_foreign(target, &population.foreign, plan);
    check_stuck(target, &population.stuck, plan);
    check_accounts(target, &population.protected, plan);
    check_gifts(target, &population.protected, plan);
    for ((name, at_least), kept) in target.protect.keep.iter().zip(&population.kept) {
        check_kept(target, name, *at_least, kept, plan);
    }
}

/// The rule of protected accounts.
fn check_accounts(target: &TargetPolicy, protected: &BTreeSet<Arc<str>>, plan: &mut Plan) {
    if protected.is_empty() {
        return;
    }
    let hit = |change: &Change| {
        change.action.removes() && (protected.contains(&change.object.key) && change.action != Action::RemoveMembers)
            || change.action == Action::RemoveMembers && change.members.iter().any(|member| protected.contains(&member.member.key))
    };
    let refused = positions(target, plan, hit);
    if refused.is_empty() {
        return;
    }
    let covered: BTreeSet<_> = refused.iter().flat_map(|&at| touched(&plan.changes[at])).filter(|key| protected.contains(key)).collect();
    let message = format!(
        "{}: {} protected {} would be deactivated, deleted or stripped of a group or an entitlement; none of that goes",
        target.name,
        covered.len(),
        if covered.len() == 1 { "account or group" } else { "accounts or groups" }
    );
    // That protected accounts stand in no manifest is what protection is for; that somebody's lifecycle should end one is news.
    let standing = refused.iter().all(|&at| plan.changes[at].mandate == Mandate::Pruning);
    let severity = if standing { Severity::Warning } else { Severity::Refused };
    let finding = Finding::new(severity, FindingCode::Protected, Subject::system(&target.name), message)
        .hint("keep the account in the manifests; or take it out of spec.protect of the Target, which counts from the run after")
        .at(Some(target.place.clone()));
    let refused = split(plan, &refused, |key| protected.contains(key));
    withhold(plan, &refused, finding);
}

/// What the target says can't be changed there. What such an account is given beside its own record is another thing's.
fn check_foreign(target: &TargetPolicy, foreign: &BTreeSet<(ObjectKind, Arc<str>)>, plan: &mut Plan) {
    let hit = |change: &Change| {
        let object = &change.object;
        change.entitlement.is_none() && change.action != Action::EndSessions && foreign.contains(&(object.kind, object.key.clone()))
    };
    let refused = positions(target, plan, hit);
    if refused.is_empty() {
        return;
    }
    let objects: BTreeSet<_> = refused.iter().map(|&at| (plan.changes[at].object.kind, &plan.changes[at].object.key)).collect();
    let what = if objects.len() == 1 { "1 account or group belongs" } else { &format!("{} accounts or groups belong", objects.len()) };
    let message = format!("{}: {what} to somebody else there and can't be changed by its interface; none of that goes", target.name);
    let keeps_access = refused.iter().any(|&at| matches!(plan.changes[at].action, Action::Deactivate | Action::Delete));
    let severity = if keeps_access { Severity::Error } else { Severity::Warning };
    let finding = Finding::new(severity, FindingCode::NotWritable, Subject::system(&target.name), message)
        .hint("change it where it comes from; or leave it out of the Target by `select` or a rule")
        .at(Some(target.place.clone()));
    withhold(plan, &refused, finding);
}

/// What the target says can't be removed there: it owns something. That its access ends is a change of its own, which goes.
fn check_stuck(target: &TargetPolicy, stuck: &BTreeSet<(ObjectKind, Arc<str>)>, plan: &mut Plan) {
    let hit = |change: &Change| change.action == Action::Delete && stuck.contains(&(change.object.kind, change.object.key.clone()));
    let refused = positions(target, plan, hit);
    if refused.is_empty() {
        return;
    }
    let names: Vec<&str> = refused.iter().take(3).map(|&at| plan.changes[at].object.name.as_ref()).collect();
    let more = if refused.len() > names.len() { ", …" } else { "" };
    let message = format!(
        "{}: {} would be deleted and own something there, so they can't be ({}{more}); they stay, and no account of them has access",
        target.name,
        if refused.len() == 1 { "1 account or group".to_owned() } else { format!("{} accounts or groups", refused.len()) },
        names.join(", ")
    );
    let finding = Finding::new(Severity::Warning, FindingCode::NotWritable, Subject::system(&target.name), message)
        .hint("hand on what they own at the target, and the next plan deletes them; or keep them there with `action: deactivate`")
        .at(Some(target.place.clone()));
    withhold(plan, &refused, finding);
}

/// Protected accounts are given nothing either: whoever gets into one must not find more in it than a person put there.
fn check_gifts(target: &TargetPolicy, protected: &BTreeSet<Arc<str>>, plan: &mut Plan) {
    let mine = |object: &ObjectRef| object.kind == ObjectKind::Account && protected.contains(&object.key);
    let hit = |change: &Change| match change.action {
        Action::Adopt | Action::Update | Action::Reactivate | Action::AddEntitlement | Action::UpdateEntitlement => mine(&change.object),
        Action::AddMembers => change.members.iter().any(|member| mine(&member.member)),
        _ => false,
    };
    let refused = positions(target, plan, hit);
    if refused.is_empty() {
        return;
    }
    let message = format!("{}: protected accounts would be changed, or given a group or an entitlement; none of that goes", target.name);
    let finding = Finding::new(Severity::Warning, FindingCode::Protected, Subject::system(&target.name), message)
        .hint("do it at the target by hand; or take the account out of spec.protect of the Target, which counts from the run after")
        .at(Some(target.place.clone()));
    let refused = split(plan, &refused, |key| protected.contains(key));
    withhold(plan, &refused, finding);
}

/// The rule of groups that must keep members. What the same plan adds does not count: it may fail, and the next run sees it.
fn check_kept(target: &TargetPolicy, name: &str, at_least: u64, kept: &KeptGroup, plan: &mut Plan) {
    let hit = |change: &Change| change.runs() && loses(kept, change);
    let refused = positions(target, plan, hit);
    let lost = lost(kept, refused.iter().filter_map(|&at| plan.changes.get(at)));
    let now = kept.active.len() as u64;
    if refused.is_empty() || now.saturating_sub(lost) >= at_least {
        return;
    }
    let message = format!(
        "{}: group {name} has {now} active members and must keep at least {at_least}, but {lost} would go; none of them does. Members that this plan adds \
         count from the next run on",
        target.name
    );
    let finding = Finding::new(Severity::Refused, FindingCode::Protected, Subject::system(&target.name), message)
        .hint("give the group other members first, or lower spec.protect.keep of the Target, which counts from the run after")
        .at(Some(target.place.clone()));
    let refused = split(plan, &refused, |key| kept.active.contains(key) || kept.groups.contains(key));
    withhold(plan, &refused, finding);
}

fn positions(target: &TargetPolicy, plan: &Plan, hit: impl Fn(&Change) -> bool) -> Vec<usize> {
    let here = plan.changes.iter().enumerate().filter(|(_, change)| change.target == target.name && hit(change));
    here.map(|(at, _)| at).collect()
}

/// Whether a change takes active members from a kept group.
fn loses(kept: &KeptGroup, change: &Change) -> bool {
    lost(kept, std::iter::once(change)) > 0
}

/// How many active members a kept group loses by these changes; never fewer than it really does.
fn lost<'a>(kept: &KeptGroup, changes: impl Iterator<Item = &'a Change>) -> u64 {
    let mut people: BTreeSet<&Arc<str>> = BTreeSet::new();
    let mut nested = 0u64;
    for change in changes {
        match (change.object.kind, change.action) {
            (ObjectKind::Account, Action::Deactivate | Action::Delete) => people.extend(kept.active.get(&change.object.key)),
            (ObjectKind::Group, Action::Delete) if kept.groups.contains(&change.object.key) => people.extend(&kept.active),
            (_, Action::RemoveMembers) if kept.groups.contains(&change.object.key) => {
                people.extend(change.members.iter().filter_map(|member| kept.active.get(&member.member.key)));
                let groups = change.members.iter().filter(|member| member.member.kind == ObjectKind::Group);
                nested += groups.map(|member| u64::from(member.people)).sum::<u64>();
            }
            _ => {}
        }
    }
    (people.len() as u64).saturating_add(nested).min(kept.active.len() as u64)
}

/// The keys that lose something by a change.
fn touched(change: &Change) -> Vec<Arc<str>> {
    match change.action {
        Action::RemoveMembers => change.members.iter().map(|member| member.member.key.clone()).collect(),
        _ => vec![change.object.key.clone()],
    }
}

/// Parts removals that cover others too. Gives the changes that hold nothing but the refused ones.
fn split(plan: &mut Plan, changes: &[usize], mine: impl Fn(&Arc<str>) -> bool) -> Vec<usize> {
    changes.iter().map(|&at| part_members(plan, at, &mine).unwrap_or(at)).collect()
}
