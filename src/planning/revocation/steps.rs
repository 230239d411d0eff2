//! The steps that cut somebody off at one target. They stand ahead of everything else.
//!
//! Must never: give anybody anything, or plan a step again that has been done.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::{Action, Cause, Change, FindingCode, MemberChange, ObjectKind, ObjectRef, Risk, Severity, Value};
use crate::planning::basis::Basis;
use crate::planning::draft::{Draft, Grounds, Stage, attribute, with, with_members};
use crate::planning::findings::{Shared, StepReport};
use crate::planning::groups::resolve::ResolvedGroups;
use crate::planning::targets::claims::Matched;
use crate::world::MemberRow;

/// The steps at these targets; `groups` are all targets'.
pub(in crate::planning) fn steps(
    basis: &Basis<'_>,
    matched: &Matched,
    groups: &[ResolvedGroups],
    targets: std::ops::Range<usize>,
) -> (Vec<Draft>, StepReport) {
    let mut step = Step { basis, matched, drafts: Vec::new(), report: StepReport::new(basis.moment.today) };
    for target in targets {
        cut(&mut step, target, &groups[target]);
    }
    (step.drafts, step.report)
}

/// The step while it is under way.
struct Step<'s, 'a> {
    basis: &'s Basis<'a>,
    matched: &'s Matched,
    drafts: Vec<Draft>,
    report: StepReport,
}

impl Step<'_, '_> {
    fn draft(&mut self, target: usize, change: Change) {
        self.drafts.push(Draft::new(target, Stage::Revoke, change));
    }
}

/// Puts the steps down for every account that was taken.
fn cut(step: &mut Step<'_, '_>, target: usize, groups: &ResolvedGroups) {
    if step.matched.cut[target].is_empty() {
        return;
    }
    let rows = step.matched.cut[target].clone();
    let leaving = memberships(step, target, &rows);
    let accounts = rows.keys().copied().collect();
    let held: Vec<(u32, Arc<str>)> =
        step.basis.observed[target].entitlements_of(&accounts).into_iter().map(|(row, name)| (row, name.clone())).collect();
    for (row, key) in &rows {
        let cause = cause(step, key);
        let mut steps = usize::from(deactivate(step, target, *row, key, cause));
        steps += leaving.values().flatten().filter(|(member, _)| member == row).count();
        steps += held.iter().filter(|(account, _)| account == row).count();
        let open = step.basis.revoked.of(key).is_some_and(|order| order.is_open_at(&step.basis.policy.targets[target].name));
        if (steps > 0 || open) && step.basis.observed[target].side.capabilities.end_sessions {
            draft(step, target, Action::EndSessions, step.basis.account(target, *row, key), cause);
        }
    }
    for (row, name) in held {
        let key = &rows[&row];
        let change = step.basis.change(
            target,
            Action::RemoveEntitlement,
            step.basis.account(target, row, key),
            Grounds::REVOCATION,
            cause(step, key),
        );
        step.draft(target, Change { entitlement: Some(name), ..change });
    }
    for (group, members) in leaving {
        remove(step, target, groups, group, members.into_iter().map(|(_, member)| member).collect());
    }
}

/// Takes the sign-in away. Says whether there is a step.
fn deactivate(step: &mut Step<'_, '_>, target: usize, row: u32, key: &Arc<str>, cause: Cause) -> bool {
    let observed = &step.basis.observed[target];
    if !observed.accounts().active(row) {
        return false;
    }
    if !observed.side.capabilities.deactivate_accounts {
        let sentence = "{who}: revoked, but accounts can't be deactivated here: the sign-in stays";
        let shared =
            Shared::new(Severity::Error, FindingCode::UnsupportedCapability, Some(&step.basis.policy.targets[target].name), sentence);
        step.report.findings.share(shared.hint("End the sign-in at the target."), key);
        return false;
    }
    let attributes = vec![attribute(&Arc::from("active"), Some(Value::Bool(true)), Some(Value::Bool(false)))];
    let change = step.basis.change(target, Action::Deactivate, step.basis.account(target, row, key), Grounds::REVOCATION, cause);
    step.draft(target, with(change, attributes, &[Risk::SignIn]));
    true
}

/// By group: the accounts that are in it, each with its row.
fn memberships(step: &Step<'_, '_>, target: usize, rows: &BTreeMap<u32, Arc<str>>) -> BTreeMap<u32, Vec<(u32, MemberChange)>> {
    let mut leaving: BTreeMap<u32, Vec<(u32, MemberChange)>> = BTreeMap::new();
    for (group, member) in step.basis.observed[target].pairs() {
        let MemberRow::Account(row) = member else { continue };
        if let Some(key) = rows.get(&row) {
            leaving.entry(group).or_default().push((row, MemberChange { member: step.basis.account(target, row, key), people: 1 }));
        }
    }
    leaving
}

fn remove(step: &mut Step<'_, '_>, target: usize, groups: &ResolvedGroups, group: u32, members: Vec<MemberChange>) {
    let (key, cause) = match groups.holder(group) {
        Some(at) => (step.basis.groups.all[at].key.clone(), Cause::Group(step.basis.groups.all[at].manifest as u32)),
        None => (step.basis.group_key(target, group), Cause::None),
    };
    if !step.basis.observed[target].side.capabilities.write_memberships {
        let sentence = format!("{{who}}: revoked, but memberships can't be changed here; they stay in {key}");
        for member in &members {
            let member = &member.member.key;
            step.report.findings.tell(
                Severity::Error,
                FindingCode::UnsupportedCapability,
                &step.basis.policy.targets[target].name,
                member,
                &sentence,
            );
        }
        return;
    }
    let object = ObjectRef { kind: ObjectKind::Group, ..step.basis.group(target, group, &key) };
    let change = step.basis.change(target, Action::RemoveMembers, object, Grounds::REVOCATION, cause);
    step.draft(target, with_members(change, members));
}

fn draft(step: &mut Step<'_, '_>, target: usize, action: Action, object: ObjectRef, cause: Cause) {
    let change: Change = step.basis.change(target, action, object, Grounds::REVOCATION, cause);
    step.draft(target, change);
}

fn cause(step: &Step<'_, '_>, key: &str) -> Cause {
    step.basis.people.find(key).map_or(Cause::None, Cause::Identity)
}
