//! Members of declared groups whom nobody knows.
//!
//! Must never: take one out for whom nobody waits, or out of a group that is not ours.

use std::collections::BTreeMap;

use crate::manifest::kinds::Ownership;
use crate::model::{Action, Cause, Finding, FindingCode, Key, MemberChange, ObjectKind, ObjectRef, Reason, Risk, Severity, Subject};
use crate::planning::draft::{Grounds, Stage, with_members};
use crate::planning::groups::Step;
use crate::planning::groups::resolve::{GroupState, ResolvedGroups};
use crate::world::Stranger;

/// So many are named in one sentence.
const NAMED: usize = 3;

/// Members of declared groups that are nobody's account, where all accounts were read: mostly what a deleted account left behind. Where somebody waits for the
/// name, it goes.
pub(super) fn settle(step: &mut Step<'_, '_>, target: usize, groups: &ResolvedGroups) {
    let basis = step.basis;
    let observed = &basis.observed[target];
    let strangers = observed.strangers();
    if strangers.is_empty() {
        return;
    }
    let all = observed.accounts().evidence().proves_absence() && observed.memberships_evidence().proves_absence();
    let mut by_group: BTreeMap<u32, Vec<&Stranger>> = BTreeMap::new();
    strangers.iter().for_each(|stranger| by_group.entry(stranger.group).or_default().push(stranger));
    for at in 0..basis.groups.all.len() {
        let GroupState::Here(row) = groups.states[at] else { continue };
        let Some(strangers) = by_group.get(&row) else { continue };
        let left: Vec<&Stranger> = strangers.iter().copied().filter(|stranger| !goes(step, target, stranger)).collect();
        let gone: Vec<&Stranger> = strangers.iter().copied().filter(|stranger| goes(step, target, stranger)).collect();
        if !gone.is_empty() {
            remove(step, target, (at, row), &gone);
        }
        if all && !left.is_empty() {
            tell(step, target, at, &left);
        }
    }
}

/// Whether somebody waits for the name of this one, and it may be taken out.
fn goes(step: &Step<'_, '_>, target: usize, stranger: &Stranger) -> bool {
    let waits = step.accounts.ghosts.get(target).is_some_and(|ghosts| ghosts.contains_key(&stranger.hash));
    let able = step.basis.observed[target].side.capabilities.write_memberships;
    waits && able && step.basis.group_ownership(target) != Ownership::Additive
}

fn remove(step: &mut Step<'_, '_>, target: usize, (at, row): (usize, u32), gone: &[&Stranger]) {
    let basis = step.basis;
    let group = &basis.groups.all[at];
    let members = gone.iter().filter_map(|stranger| {
        let name = stranger.name.clone().or_else(|| step.accounts.ghosts.get(target)?.get(&stranger.hash).cloned())?;
        let key = Key::unclaimed(&name).text();
        let member = ObjectRef { kind: ObjectKind::Account, key, id: Some(name.clone()), name };
        Some(MemberChange { member, people: 1 })
    });
    let members: Vec<_> = members.collect();
    let object = basis.group(target, row, &group.key);
    let mut change =
        basis.change(target, Action::RemoveMembers, object, Grounds::normal(Reason::Mover), Cause::Group(group.manifest as u32));
    change.risks.push(Risk::Stranger);
    step.draft(target, Stage::RemoveMembers, with_members(change, members));
}

fn tell(step: &mut Step<'_, '_>, target: usize, at: usize, left: &[&Stranger]) {
    let key = &step.basis.groups.all[at].key;
    let members = if left.len() == 1 { "a member that is".to_owned() } else { format!("{} members that are", left.len()) };
    let named: Vec<&str> = left.iter().filter_map(|stranger| stranger.name.as_deref()).take(NAMED).collect();
    let named = match (named.len(), left.len()) {
        (0, _) => String::new(),
        (some, all) if some < all => format!(" ({}, …)", named.join("; ")),
        _ => format!(" ({})", named.join("; ")),
    };
    let message = format!("{key}: it has {members} no account or group there{named}; headcount leaves it so");
    let subject = Subject::object(&step.basis.policy.targets[target].name, key);
    let hint = "remove it there, or look whether the list of accounts leaves somebody out";
    step.report.findings.push(Finding::new(Severity::Warning, FindingCode::GhostMember, subject, message).hint(hint));
}
