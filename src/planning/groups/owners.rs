//! Owners of groups at one target: what should be against what is, as sets.
//!
//! Must never: take the ownership from an account that is not ours, unless the target is authoritative.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::manifest::kinds::Ownership;
use crate::model::{Action, Cause, FindingCode, OWNERS, Reason, Severity, Value};
use crate::planning::accounts::presence::Presence;
use crate::planning::draft::{Grounds, Stage, attribute, with};
use crate::planning::findings::Shared;
use crate::planning::groups::Step;
use crate::planning::groups::diff::new_group;
use crate::planning::groups::members::{Roster, current, flatten, is_group, key, named};
use crate::planning::groups::resolve::{GroupState, ResolvedGroups};

/// The owners of one target's groups. A Group that names none leaves them alone.
pub(super) fn settle(step: &mut Step<'_, '_>, target: usize, groups: &ResolvedGroups, rosters: &[Roster]) {
    let basis = step.basis;
    let able = basis.observed[target].side.capabilities.group_owners;
    for (at, _) in basis.groups.all.iter().enumerate().filter(|(_, group)| !group.policy.owners.is_empty() && !group.empty) {
        let row = match groups.states[at] {
            GroupState::Here(row) => Some(row),
            GroupState::Made => None,
            GroupState::Out | GroupState::Unclear => continue,
        };
        if able {
            compare(step, target, at, row, rosters);
        } else {
            let sentence = "{who}: its groups have no owners, so those that are declared are not written";
            step.tell(Severity::Note, FindingCode::UnsupportedCapability, target, key(step.basis, at), sentence);
        }
    }
}

fn compare(step: &mut Step<'_, '_>, target: usize, at: usize, row: Option<u32>, rosters: &[Roster]) {
    let observed = row.map(|row| observed(step, target, row)).unwrap_or_default();
    // Ids of accounts that are there; keys of those that come.
    let (mut ids, mut keys) = (BTreeSet::new(), BTreeSet::new());
    for identity in wanted(step, at, rosters) {
        let name = step.basis.people.key(identity);
        let id = step.matched.claims[target].row(identity).map(|row| step.basis.observed[target].accounts().id(row).into_owned());
        match (step.accounts.presence[target][identity as usize], id) {
            (Presence::Made, _) => drop(keys.insert(name)),
            (Presence::Stays, Some(id)) => drop(ids.insert(id)),
            (Presence::Unclear, Some(id)) if observed.contains(&id) => drop(ids.insert(id)),
            _ => lost(step, target, at, &name),
        }
    }
    ids.extend(observed.iter().filter(|id| !goes(step, target, id)).cloned());
    if ids == observed && keys.is_empty() {
        return;
    }
    let list = |ids: &BTreeSet<String>| ids.iter().map(|id| shown(step, target, id)).collect::<BTreeSet<Value>>();
    let before = Some(list(&observed)).filter(|list| !list.is_empty()).map(|list| Value::List(list.into_iter().collect()));
    let mut after = list(&ids);
    after.extend(keys.into_iter().map(Value::Reference));
    let after = Some(after).filter(|list| !list.is_empty()).map(|list| Value::List(list.into_iter().collect()));
    let object = match row {
        Some(row) => step.basis.group(target, row, key(step.basis, at)),
        None => new_group(step, at),
    };
    let cause = Cause::Group(step.basis.groups.all[at].manifest as u32);
    let change = step.basis.change(target, Action::Update, object, Grounds::normal(Reason::Declared), cause);
    step.draft(target, Stage::References, with(change, vec![attribute(&Arc::from(OWNERS), before, after)], &[]));
}

/// Who should own a group: those who are named, and everybody in a group that is.
fn wanted(step: &Step<'_, '_>, at: usize, rosters: &[Roster]) -> BTreeSet<u32> {
    let owners = &step.basis.groups.all[at].policy.owners;
    let mut wanted = BTreeSet::new();
    for owner in current(step.basis, owners) {
        if is_group(owner) {
            wanted.extend(named(step.basis, owner).into_iter().flat_map(|group| flatten(rosters, group, |_| false).0.people));
        } else {
            wanted.extend(step.basis.people.find(&owner.key));
        }
    }
    wanted
}

fn lost(step: &mut Step<'_, '_>, target: usize, at: usize, owner: &Arc<str>) {
    let name = &step.basis.policy.targets[target].name;
    let sentence = format!("{{who}}: its owner {owner} has no account here and is left out");
    let shared = Shared::new(Severity::Warning, FindingCode::UnresolvedReference, Some(name), sentence);
    step.report.findings.share(shared.attribute(&Arc::from(OWNERS)), key(step.basis, at));
}

/// The ids of the owners that a group has.
fn observed(step: &Step<'_, '_>, target: usize, row: u32) -> BTreeSet<String> {
    let id = |value: &Value| match value {
        Value::Int(number) => Some(number.to_string()),
        other => other.as_text().map(str::to_owned),
    };
    match step.basis.observed[target].groups().cell_of(row, OWNERS).to_value() {
        Some(Value::List(items)) => items.iter().filter_map(id).collect(),
        Some(single) => id(&single).into_iter().collect(),
        None => BTreeSet::new(),
    }
}

/// Whether somebody who is not wanted stops being an owner.
fn goes(step: &Step<'_, '_>, target: usize, id: &str) -> bool {
    let ownership = step.basis.group_ownership(target);
    let Some(row) = step.basis.observed[target].accounts().find_id(id) else { return false };
    let unclear = |identity: u32| step.accounts.presence[target][identity as usize] == Presence::Unclear;
    match step.matched.claims[target].holder(row) {
        _ if ownership == Ownership::Additive => false,
        Some(identity) => !unclear(identity),
        None => ownership == Ownership::Authoritative || step.accounts.gone[target].contains(&row),
    }
}

/// An owner by its key where it is somebody's, else by its id.
fn shown(step: &Step<'_, '_>, target: usize, id: &str) -> Value {
    let row = step.basis.observed[target].accounts().find_id(id);
    match row.and_then(|row| step.matched.claims[target].holder(row)) {
        Some(identity) => Value::Reference(step.basis.people.key(identity)),
        None => Value::text(id),
    }
}
