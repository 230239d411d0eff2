//! Withholding: what does not run, what waits with it, and what somebody who keeps an access keeps with it.
//!
//! Must never: shift a change's position, or give a change that is withheld another reason.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::{Action, Change, ChangeId, Finding, FindingCode, Mandate, ObjectKind, Plan, Withheld};

/// Adds the finding, and marks these changes with its position. A change that is withheld already keeps its first reason.
pub(in crate::planning) fn withhold(plan: &mut Plan, changes: &[usize], finding: Finding) {
    let position = u32::try_from(plan.findings.len()).unwrap_or(u32::MAX);
    plan.findings.push(finding);
    for &at in changes {
        if let Some(change) = plan.changes.get_mut(at) {
            change.withheld.get_or_insert(Withheld { finding: position });
        }
    }
}

/// Parts a change of members where just some of them are `mine`: the others stay in place, mine move into a change of their own at the end, where no
/// position shifts. Gives the position of the new change; none where the change holds nothing else.
pub(in crate::planning) fn part_members(plan: &mut Plan, at: usize, mine: impl Fn(&Arc<str>) -> bool) -> Option<usize> {
    let change = plan.changes.get_mut(at)?;
    if !change.members.iter().any(|member| mine(&member.member.key)) || change.members.iter().all(|member| mine(&member.member.key)) {
        return None;
    }
    let (held, rest) = std::mem::take(&mut change.members).into_iter().partition(|member| mine(&member.member.key));
    change.members = rest;
    let held = Change { members: held, ..change.clone() };
    plan.changes.push(held);
    Some(plan.changes.len() - 1)
}

/// Whoever keeps an access that was to be taken away keeps the memberships and entitlements that would have gone with it.
pub(super) fn keep_possessions(target: &Arc<str>, plan: &mut Plan) {
    // Where the target can't take the access itself, what can be taken goes.
    let can_go = |change: &Change| {
        let why = change.withheld.as_ref().and_then(|why| plan.findings.get(why.finding as usize));
        why.is_none_or(|why| why.code != FindingCode::NotWritable)
    };
    let stays: BTreeSet<Arc<str>> = plan.changes.iter().filter(|change| !can_go(change)).map(|change| change.object.key.clone()).collect();
    let takes_access = |change: &Change| {
        matches!(change.action, Action::Deactivate | Action::Delete)
            && change.mandate != Mandate::Grace
            && !stays.contains(&change.object.key)
    };
    withhold_with(target, plan, takes_access, (Action::RemoveMembers, Action::RemoveEntitlement));
}

/// Whoever does not get an access back gets no membership and no entitlement either.
pub(super) fn give_nothing_ahead(target: &Arc<str>, plan: &mut Plan) {
    withhold_with(target, plan, |change| change.action == Action::Reactivate, (Action::AddMembers, Action::AddEntitlement));
}

/// What goes along with changes of accounts that are withheld is withheld for the same reason.
fn withhold_with(target: &Arc<str>, plan: &mut Plan, of_access: impl Fn(&Change) -> bool, (members, entitlement): (Action, Action)) {
    let held = plan.changes.iter().filter(|change| change.target == *target && change.object.kind == ObjectKind::Account);
    let held: BTreeMap<Arc<str>, Withheld> =
        held.filter(|change| of_access(change)).filter_map(|change| Some((change.object.key.clone(), change.withheld.clone()?))).collect();
    if held.is_empty() {
        return;
    }
    for at in 0..plan.changes.len() {
        let change = &plan.changes[at];
        if change.target != *target || !change.runs() {
            continue;
        }
        let why = match change.action {
            action if action == members => change.members.iter().find_map(|member| held.get(&member.member.key)),
            action if action == entitlement => held.get(&change.object.key),
            _ => None,
        };
        let Some(why) = why.cloned() else { continue };
        let stays = part_members(plan, at, |key| held.contains_key(key)).unwrap_or(at);
        plan.changes[stays].withheld = Some(why);
    }
}

/// A change whose need is withheld is withheld for the same reason; needs of needs too. Of an addition to a group just the members that can't come wait.
pub(super) fn withhold_dependents(plan: &mut Plan) {
    loop {
        let mut moved = false;
        for at in 0..plan.changes.len() {
            if plan.changes[at].runs() {
                moved |= withhold_dependent(plan, at);
            }
        }
        if !moved {
            return;
        }
    }
}

fn withhold_dependent(plan: &mut Plan, at: usize) -> bool {
    let held = |need: &ChangeId| plan.changes.get(need.0 as usize).filter(|needed| !needed.runs());
    let change = &plan.changes[at];
    let Some(why) = change.needs.iter().find_map(|need| held(need)?.withheld.clone()) else { return false };
    let missing: BTreeSet<Arc<str>> = change.needs.iter().filter_map(|need| Some(held(need)?.object.key.clone())).collect();
    let without: Vec<ChangeId> = change.needs.iter().copied().filter(|need| held(need).is_none()).collect();
    let waits = match missing.contains(&change.object.key) {
        true => at,
        false => part_members(plan, at, |key| missing.contains(key)).unwrap_or(at),
    };
    plan.changes[waits].withheld = Some(why);
    if waits != at {
        plan.changes[at].needs = without;
    }
    true
}
