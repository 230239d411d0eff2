//! Marks changes by which somebody gets what can do more than the rest, so that a reviewer looks twice and an approval waits.
//!
//! Must never: miss what comes by a group that is nested in a privileged one, whether manifests nest it or somebody did at the target.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Action, Change, ObjectRef, Risk};
use crate::planning::basis::Basis;
use crate::world::MemberRow;

/// Marks them all.
pub(in crate::planning) fn mark(basis: &Basis<'_>, changes: &mut [Change]) {
    let mut above = BTreeMap::new();
    for change in changes {
        if brings(basis, change, &mut above) {
            change.risks.push(Risk::Privilege);
            change.risks.sort_unstable();
        }
    }
}

/// By target: the groups that have a group as a member there.
type Above = BTreeMap<usize, BTreeMap<u32, BTreeSet<u32>>>;

fn brings(basis: &Basis<'_>, change: &Change, above: &mut Above) -> bool {
    let policy = basis.policy;
    match (change.action, &change.entitlement) {
        (Action::AddMembers, _) => {
            policy.is_privileged_group(&change.target, &change.object) || is_nested_there(basis, &change.target, &change.object, above)
        }
        (Action::AddEntitlement, Some(entitlement)) => policy.is_privileged_entitlement(&change.target, entitlement),
        _ => change.attributes.iter().any(|one| policy.is_privileged_value(&change.target, &change.object, one)),
    }
}

/// Whether a group stands in a privileged one as the target shows it.
fn is_nested_there(basis: &Basis<'_>, target: &str, group: &ObjectRef, above: &mut Above) -> bool {
    let policy = basis.policy;
    let Some(at) = policy.targets.iter().position(|rules| *rules.name == *target) else { return false };
    let observed = &basis.observed[at];
    let Some(row) = group.id.as_ref().and_then(|id| observed.groups().find_id(id)) else { return false };
    if !observed.side.capabilities.nested_groups || !policy.has_privileged_groups(target) {
        return false;
    }
    let edges = above.entry(at).or_insert_with(|| {
        let mut edges: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
        for (group, member) in observed.pairs() {
            if let MemberRow::Group(inner) = member {
                edges.entry(inner).or_default().insert(group);
            }
        }
        edges
    });
    let (mut seen, mut open) = (BTreeSet::from([row]), vec![row]);
    while let Some(row) = open.pop() {
        for outer in edges.get(&row).into_iter().flatten().filter(|outer| seen.insert(**outer)) {
            let key = basis.group_key(at, *outer);
            if policy.is_privileged_group(target, &basis.group(at, *outer, &key)) {
                return true;
            }
            open.push(*outer);
        }
    }
    false
}
