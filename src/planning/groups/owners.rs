//! Owners of groups at one target: what should be against what is, as sets.
//!
//! Must never: take the ownership from an account that is not ours, unless the target is authoritative.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::manifest::kinds::Ownership;
use crate::model::{Action, Cause, FindingCode, Reason, Severity, Value};
use crate::planning::groups::diff::new_group;
use crate::planning::groups::members::{Roster, current, flatten, is_group, key, named};
use crate::planning::groups::resolve::{GroupState, TargetGroups};
use crate::planning::report::findings::Shared;
use crate::planning::work::{Presence, Stage, Work, attribute, with};

const OWNERS: &str = "owners";

/// The owners of one target's groups. A Group that names none leaves them alone.
pub(in crate::planning) fn settle(work: &mut Work<'_, '_>, target: usize, groups: &TargetGroups, rosters: &[Roster]) {
    let basis = work.basis;
    let able = basis.observed[target].side.capabilities.group_owners;
    for (at, _) in basis.groups.all.iter().enumerate().filter(|(_, group)| !group.policy.owners.is_empty() && !group.empty) {
        let row = match groups.states[at] {
            GroupState::Here(row) => Some(row),
            GroupState::Made => None,
            GroupState::Out | GroupState::Unclear => continue,
        };
        if able {
            compare(work, target, at, row, rosters);
        } else {
            let sentence = "{who}: its groups have no owners, so those that are declared are not written";
            work.tell(Severity::Note, FindingCode::UnsupportedCapability, target, key(work, at), sentence);
        }
    }
}

fn compare(work: &mut Work<'_, '_>, target: usize, at: usize, row: Option<u32>, rosters: &[Roster]) {
    let observed = row.map(|row| observed(work, target, row)).unwrap_or_default();
    // Ids of accounts that are there; keys of those that come.
    let (mut ids, mut keys) = (BTreeSet::new(), BTreeSet::new());
    for identity in wanted(work, at, rosters) {
        let name = work.basis.people.key(identity);
        let id = work.claims[target].row(identity).map(|row| work.basis.observed[target].accounts().id(row).into_owned());
        match (work.presence[target][identity as usize], id) {
            (Presence::Made, _) => drop(keys.insert(name)),
            (Presence::Stays, Some(id)) => drop(ids.insert(id)),
            (Presence::Unclear, Some(id)) if observed.contains(&id) => drop(ids.insert(id)),
            _ => lost(work, target, at, &name),
        }
    }
    ids.extend(observed.iter().filter(|id| !goes(work, target, id)).cloned());
    if ids == observed && keys.is_empty() {
        return;
    }
    let list = |ids: &BTreeSet<String>| ids.iter().map(|id| shown(work, target, id)).collect::<BTreeSet<Value>>();
    let before = Some(list(&observed)).filter(|list| !list.is_empty()).map(|list| Value::List(list.into_iter().collect()));
    let mut after = list(&ids);
    after.extend(keys.into_iter().map(Value::Reference));
    let after = Some(after).filter(|list| !list.is_empty()).map(|list| Value::List(list.into_iter().collect()));
    let object = match row {
        Some(row) => work.group(target, row, key(work, at)),
        None => new_group(work, at),
    };
    let cause = Cause::Group(work.basis.groups.all[at].manifest as u32);
    let change = work.change(target, Action::Update, object, Reason::Declared, cause);
    work.draft(target, Stage::References, with(change, vec![attribute(&Arc::from(OWNERS), before, after)], &[]));
}

/// Who should own a group: those who are named, and everybody in a group that is.
fn wanted(work: &Work<'_, '_>, at: usize, rosters: &[Roster]) -> BTreeSet<u32> {
    let owners = &work.basis.groups.all[at].policy.owners;
    let mut wanted = BTreeSet::new();
    for owner in current(work, owners) {
        if is_group(owner) {
            wanted.extend(named(work, owner).into_iter().flat_map(|group| flatten(rosters, group, |_| false).0.people));
        } else {
            wanted.extend(work.basis.people.find(&owner.key));
        }
    }
    wanted
}

fn lost(work: &mut Work<'_, '_>, target: usize, at: usize, owner: &Arc<str>) {
    let name = &work.basis.policy.targets[target].name;
    let sentence = format!("{{who}}: its owner {owner} has no account here and is left out");
    let shared = Shared::new(Severity::Warning, FindingCode::UnresolvedReference, Some(name), sentence);
    work.findings.share(shared.attribute(&Arc::from(OWNERS)), key(work, at));
}

/// The ids of the owners that a group has.
fn observed(work: &Work<'_, '_>, target: usize, row: u32) -> BTreeSet<String> {
    let id = |value: &Value| match value {
        Value::Int(number) => Some(number.to_string()),
        other => other.as_text().map(str::to_owned),
    };
    match work.basis.observed[target].groups().cell_of(row, OWNERS).to_value() {
        Some(Value::List(items)) => items.iter().filter_map(id).collect(),
        Some(single) => id(&single).into_iter().collect(),
        None => BTreeSet::new(),
    }
}

/// Whether somebody who is not wanted stops being an owner.
fn goes(work: &Work<'_, '_>, target: usize, id: &str) -> bool {
    let ownership = work.basis.group_ownership(target);
    let Some(row) = work.basis.observed[target].accounts().find_id(id) else { return false };
    let unclear = |identity: u32| work.presence[target][identity as usize] == Presence::Unclear;
    match work.claims[target].holder(row) {
        _ if ownership == Ownership::Additive => false,
        Some(identity) => !unclear(identity),
        None => ownership == Ownership::Authoritative || work.gone[target].contains(&row),
    }
}

/// An owner by its key where it is somebody's, else by its id.
fn shown(work: &Work<'_, '_>, target: usize, id: &str) -> Value {
    let row = work.basis.observed[target].accounts().find_id(id);
    match row.and_then(|row| work.claims[target].holder(row)) {
        Some(identity) => Value::Reference(work.basis.people.key(identity)),
        None => Value::text(id),
    }
}
