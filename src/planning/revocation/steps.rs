//! The steps that cut somebody off at one target. They stand ahead of everything else.
//!
//! Must never: give anybody anything, or plan a step again that has been done.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::{Action, Cause, Change, FindingCode, MemberChange, ObjectKind, ObjectRef, Reason, Risk, Severity, Value};
use crate::planning::groups::members as roster;
use crate::planning::groups::resolve::TargetGroups;
use crate::planning::report::findings::Shared;
use crate::planning::work::{Stage, Work, attribute, with, with_members};
use crate::world::Member;

/// Puts the steps down for every account that was taken.
pub(in crate::planning) fn cut(work: &mut Work<'_, '_>, target: usize, groups: &TargetGroups) {
    if work.cut[target].is_empty() {
        return;
    }
    let rows = work.cut[target].clone();
    let leaving = memberships(work, target, &rows);
    let accounts = rows.keys().copied().collect();
    let held: Vec<(u32, Arc<str>)> =
        work.basis.observed[target].entitlements_of(&accounts).into_iter().map(|(row, name)| (row, name.clone())).collect();
    for (row, key) in &rows {
        let cause = cause(work, key);
        let mut steps = usize::from(deactivate(work, target, *row, key, cause));
        steps += leaving.values().flatten().filter(|(member, _)| member == row).count();
        steps += held.iter().filter(|(account, _)| account == row).count();
        let open = work.basis.revoked.of(key).is_some_and(|order| order.is_open_at(&work.basis.policy.targets[target].name));
        if (steps > 0 || open) && work.basis.observed[target].side.capabilities.end_sessions {
            draft(work, target, Action::EndSessions, work.account(target, *row, key), cause);
        }
    }
    for (row, name) in held {
        let key = &rows[&row];
        let change = work.change(target, Action::RemoveEntitlement, work.account(target, row, key), Reason::Revoked, cause(work, key));
        work.draft(target, Stage::Revoke, Change { entitlement: Some(name), ..change });
    }
    for (group, members) in leaving {
        remove(work, target, groups, group, members.into_iter().map(|(_, member)| member).collect());
    }
}

/// Takes the sign-in away. Says whether there is a step.
fn deactivate(work: &mut Work<'_, '_>, target: usize, row: u32, key: &Arc<str>, cause: Cause) -> bool {
    let observed = &work.basis.observed[target];
    if !observed.accounts().active(row) {
        return false;
    }
    if !observed.side.capabilities.deactivate_accounts {
        let sentence = "{who}: revoked, but accounts can't be deactivated here: what they hold is taken from them, and the sign-in stays";
        let shared =
            Shared::new(Severity::Error, FindingCode::UnsupportedCapability, Some(&work.basis.policy.targets[target].name), sentence);
        work.findings.share(shared.hint("End the sign-in at the target."), key);
        return false;
    }
    let attributes = vec![attribute(&Arc::from("active"), Some(Value::Bool(true)), Some(Value::Bool(false)))];
    let change = work.change(target, Action::Deactivate, work.account(target, row, key), Reason::Revoked, cause);
    work.draft(target, Stage::Revoke, with(change, attributes, &[Risk::SignIn]));
    true
}

/// By group: the accounts that are in it, each with its row.
fn memberships(work: &Work<'_, '_>, target: usize, rows: &BTreeMap<u32, Arc<str>>) -> BTreeMap<u32, Vec<(u32, MemberChange)>> {
    let mut leaving: BTreeMap<u32, Vec<(u32, MemberChange)>> = BTreeMap::new();
    for (group, member) in work.basis.observed[target].pairs() {
        let Member::Account(row) = member else { continue };
        if let Some(key) = rows.get(&row) {
            leaving.entry(group).or_default().push((row, MemberChange { member: work.account(target, row, key), people: 1 }));
        }
    }
    leaving
}

fn remove(work: &mut Work<'_, '_>, target: usize, groups: &TargetGroups, group: u32, members: Vec<MemberChange>) {
    let (key, cause) = match groups.holder(group) {
        Some(at) => (roster::key(work, at).clone(), Cause::Group(work.basis.groups.all[at].manifest as u32)),
        None => (work.group_key(target, group), Cause::None),
    };
    if !work.basis.observed[target].side.capabilities.write_memberships {
        let sentence = format!("{{who}}: revoked, but memberships can't be changed here; they stay in {key}");
        for member in &members {
            let member = &member.member.key;
            work.tell(Severity::Error, FindingCode::UnsupportedCapability, target, member, &sentence);
        }
        return;
    }
    let object = ObjectRef { kind: ObjectKind::Group, ..work.group(target, group, &key) };
    let change = work.change(target, Action::RemoveMembers, object, Reason::Revoked, cause);
    work.draft(target, Stage::Revoke, with_members(change, members));
}

fn draft(work: &mut Work<'_, '_>, target: usize, action: Action, object: ObjectRef, cause: Cause) {
    let change: Change = work.change(target, action, object, Reason::Revoked, cause);
    work.draft(target, Stage::Revoke, change);
}

fn cause(work: &Work<'_, '_>, key: &str) -> Cause {
    work.basis.people.find(key).map_or(Cause::None, Cause::Identity)
}
