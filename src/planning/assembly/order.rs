//! The plan's order, and what each change needs to have succeeded before.
//!
//! Must never: let the order depend on anything but targets, keys and what the changes say.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::{Action, Change, ChangeId, ObjectKind};
use crate::planning::assembly::handover::{Move, moves};
use crate::planning::assembly::references::{depths, keys_of};
use crate::planning::basis::Basis;
use crate::planning::draft::{Draft, Stage};

/// Sorts the drafts and gives each its needs.
pub(in crate::planning) fn order(basis: &Basis<'_>, mut drafts: Vec<Draft>) -> Vec<Change> {
    let depths = depths(&drafts);
    for draft in &mut drafts {
        draft.sort();
    }
    let depth = |draft: &Draft| depths.get(&(draft.target, draft.change.object.key.clone())).copied().unwrap_or_default();
    drafts.sort_by_cached_key(|draft| {
        let change = &draft.change;
        let object = &change.object;
        // Whoever is cut off loses the sign-in first.
        let sign_in_first = (draft.stage == Stage::Revoke).then_some(change.action);
        let who = (draft.level, depth(draft), object.key.clone(), object.id.clone());
        (draft.stage, draft.target, sign_in_first, who, change.action, change.entitlement.clone())
    });
    let mut made = Made::new();
    for (at, draft) in drafts.iter().enumerate().filter(|(_, draft)| matches!(draft.change.action, Action::Create | Action::Adopt)) {
        let entry = (ChangeId(at as u32), draft.change.action);
        made.insert((draft.target, draft.change.object.kind, draft.change.object.key.clone()), entry);
    }
    let mut handed_on: BTreeMap<usize, Vec<ChangeId>> = BTreeMap::new();
    for Move { giver, taker } in moves(basis, &drafts).into_iter().filter(|one| one.giver < one.taker) {
        handed_on.entry(taker).or_default().push(ChangeId(giver as u32));
    }
    let taken = |at: usize| handed_on.get(&at).cloned().unwrap_or_default();
    let needs: Vec<_> = drafts.iter().enumerate().map(|(at, draft)| needs(draft, &made, taken(at))).collect();
    drafts.into_iter().zip(needs).map(|(draft, needs)| Change { needs, ..draft.change }).collect()
}

/// The step that makes or adopts an object.
type Made = BTreeMap<(usize, ObjectKind, Arc<str>), (ChangeId, Action)>;

/// What gives up the values that a change takes; the creation or adoption of what it is about and of its members, and the creations of what it refers to: an account that is only being adopted has
/// its id already, so those that refer to each other in a circle wait for nobody. A group has only owners who are ours. What cuts somebody off waits for nothing.
fn needs(draft: &Draft, made: &Made, taken: Vec<ChangeId>) -> Vec<ChangeId> {
    if draft.stage == Stage::Revoke {
        return Vec::new();
    }
    let change = &draft.change;
    let find = |kind: ObjectKind, key: &Arc<str>| made.get(&(draft.target, kind, key.clone())).copied();
    let begins = matches!(change.action, Action::Create | Action::Adopt);
    let own = if begins { None } else { find(change.object.kind, &change.object.key) };
    let references = change.attributes.iter().flat_map(keys_of).filter_map(|key| find(ObjectKind::Account, key));
    let members = change.members.iter().filter_map(|member| find(member.member.kind, &member.member.key));
    let created = references.filter(|(_, action)| *action == Action::Create || change.object.kind == ObjectKind::Group);
    let mut needs: Vec<ChangeId> = own.into_iter().chain(created).chain(members).map(|(at, _)| at).chain(taken).collect();
    needs.sort_unstable();
    needs.dedup();
    needs
}
