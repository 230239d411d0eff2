//! Members of declared groups whom nobody knows.
//!
//! Must never: take one out for whom nobody waits and who is nobody's former name, or out of a group that is not ours for any other reason.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::manifest::kinds::Ownership;
use crate::model::{Action, Cause, Finding, FindingCode, Key, MemberChange, ObjectKind, ObjectRef, Reason, Risk, Severity, Subject};
use crate::planning::accounts::presence::Presence;
use crate::planning::draft::{Grounds, Stage, with_members};
use crate::planning::groups::Step;
use crate::planning::groups::resolve::{GroupState, ResolvedGroups};
use crate::planning::targets::old_names;
use crate::world::{MemberRow, Stranger};

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
    // Of those who were not read somebody may have that name.
    let old = if all { old_names::of(basis, step.matched, target, &strangers) } else { BTreeMap::new() };
    if !old.is_empty() {
        step.report.findings.rest_on_all("groups list accounts by names that they had");
    }
    let mut by_group: BTreeMap<u32, Vec<&Stranger>> = BTreeMap::new();
    strangers.iter().for_each(|stranger| by_group.entry(stranger.group).or_default().push(stranger));
    for at in 0..basis.groups.all.len() {
        let GroupState::Here(row) = groups.states[at] else { continue };
        let Some(strangers) = by_group.remove(&row) else { continue };
        let (gone, left): (Vec<&Stranger>, Vec<&Stranger>) =
            strangers.into_iter().partition(|stranger| goes(step, target, stranger, old.contains_key(&stranger.hash)));
        if !gone.is_empty() {
            tell_of_old(step, target, row, gone.iter().filter_map(|stranger| Some((*stranger, *old.get(&stranger.hash)?))));
            let group = &basis.groups.all[at];
            remove(step, target, (row, &group.key, Cause::Group(group.manifest as u32)), &gone);
        }
        if all && !left.is_empty() {
            tell(step, target, at, &left);
        }
    }
    for (row, strangers) in by_group.into_iter().filter(|(row, _)| groups.holder(*row).is_none()) {
        let theirs = strangers.into_iter().filter_map(|stranger| Some((stranger, *old.get(&stranger.hash)?)));
        follow(step, target, row, &theirs.collect::<Vec<_>>());
    }
}

/// A group that no manifest declares follows, as it would have in the run that was cut short: whoever it lists by the old name comes in by the new one, and
/// once that is so the old one goes. It is all that says who was in it.
fn follow(step: &mut Step<'_, '_>, target: usize, row: u32, theirs: &[(&Stranger, u32)]) {
    let basis = step.basis;
    let members = basis.observed[target].members(row);
    let able = basis.observed[target].side.capabilities.write_memberships;
    let stays = |account: u32| {
        let holder = step.matched.claims[target].holder(account);
        holder.is_some_and(|identity| step.accounts.presence[target][identity as usize] == Presence::Stays)
    };
    let theirs: Vec<(&Stranger, u32)> = theirs.iter().copied().filter(|(_, account)| able && stays(*account)).collect();
    let (there, out): (Vec<_>, Vec<_>) = theirs.iter().partition(|(_, account)| members.contains(&MemberRow::Account(*account)));
    tell_of_old(step, target, row, theirs.into_iter());
    let key = basis.group_key(target, row);
    let gone: Vec<&Stranger> = there.into_iter().map(|(stranger, _)| stranger).collect();
    if !gone.is_empty() && basis.group_ownership(target) != Ownership::Additive {
        remove(step, target, (row, &key, Cause::None), &gone);
    }
    let accounts: BTreeSet<u32> = out.into_iter().map(|(_, account)| account).collect();
    let come = |account: u32| MemberChange {
        member: basis.account(target, account, &step.matched.account_key(basis, target, account)),
        people: 1,
    };
    let members: Vec<MemberChange> = accounts.into_iter().map(come).collect();
    if !members.is_empty() {
        let object = basis.group(target, row, &key);
        let change = basis.change(target, Action::AddMembers, object, Grounds::normal(Reason::Mover), Cause::None);
        step.draft(target, Stage::AddMembers, with_members(change, members));
    }
}

/// Says that a group lists somebody by a name that they had.
fn tell_of_old<'n>(step: &mut Step<'_, '_>, target: usize, row: u32, theirs: impl Iterator<Item = (&'n Stranger, u32)>) {
    let basis = step.basis;
    let group = basis.group(target, row, &basis.group_key(target, row)).name;
    for (stranger, account) in theirs {
        let key = step.matched.account_key(basis, target, account);
        let name = stranger.name.as_deref().unwrap_or_default();
        let sentence = format!(
            "{{who}}: group {group} lists the account as {name}, as it was called before headcount renamed or moved it and was cut short; that is put right"
        );
        step.tell(Severity::Note, FindingCode::GhostMember, target, &key, &sentence);
    }
}

/// Whether somebody waits for the name of this one, or has another one by now, and it may be taken out.
fn goes(step: &Step<'_, '_>, target: usize, stranger: &Stranger, is_old: bool) -> bool {
    let waits = step.accounts.ghosts.get(target).is_some_and(|ghosts| ghosts.contains_key(&stranger.hash));
    let able = step.basis.observed[target].side.capabilities.write_memberships;
    (waits || is_old) && able && step.basis.group_ownership(target) != Ownership::Additive
}

fn remove(step: &mut Step<'_, '_>, target: usize, (row, key, cause): (u32, &Arc<str>, Cause), gone: &[&Stranger]) {
    let basis = step.basis;
    let members = gone.iter().filter_map(|stranger| {
        let name = stranger.name.clone().or_else(|| step.accounts.ghosts.get(target)?.get(&stranger.hash).cloned())?;
        let key = Key::unclaimed(&name).text();
        let member = ObjectRef { kind: ObjectKind::Account, key, id: Some(name.clone()), name };
        Some(MemberChange { member, people: 1 })
    });
    let members: Vec<_> = members.collect();
    let object = basis.group(target, row, key);
    let mut change = basis.change(target, Action::RemoveMembers, object, Grounds::normal(Reason::Mover), cause);
    // Their own old name is nobody's loss.
    let waited_for = |stranger: &&Stranger| step.accounts.ghosts.get(target).is_some_and(|ghosts| ghosts.contains_key(&stranger.hash));
    if gone.iter().copied().any(|stranger| waited_for(&stranger)) {
        change.risks.push(Risk::Stranger);
    }
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
