//! What some identities and groups can reach in a plan: their own objects, their memberships, references to them, and what all that needs.
//!
//! Must never: change what a step does, but for the members of a group that are out of reach.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::{Change, ChangeId};
use crate::planning::assembly::handover::hands_on;
use crate::planning::assembly::references::keys_of;

/// The steps that these keys reach, in the plan's order.
pub fn restrict(changes: &[Change], keys: &BTreeSet<Arc<str>>) -> Vec<Change> {
    let reached: Vec<Option<Change>> = changes.iter().map(|change| reach(change, keys)).collect();
    let mut wanted: BTreeSet<usize> = reached.iter().enumerate().filter(|(_, change)| change.is_some()).map(|(at, _)| at).collect();
    // Needs stand before what needs them, so one walk from the end is enough.
    for at in (0..changes.len()).rev() {
        if wanted.contains(&at) {
            let step = reached[at].as_ref().unwrap_or(&changes[at]);
            wanted.extend(step.needs.iter().map(|need| need.0 as usize).filter(|need| needed(step, &changes[*need])));
        }
    }
    let places: BTreeMap<usize, u32> = wanted.iter().enumerate().map(|(place, at)| (*at, place as u32)).collect();
    let taken = wanted.iter().map(|at| (reached[*at].clone().unwrap_or_else(|| changes[*at].clone()), *at));
    let renumber = |mut change: Change| {
        change.needs = change.needs.iter().filter_map(|need| places.get(&(need.0 as usize)).copied().map(ChangeId)).collect();
        change
    };
    taken.map(|(change, _)| renumber(change)).collect()
}

/// A step as far as it is reached.
fn reach(change: &Change, keys: &BTreeSet<Arc<str>>) -> Option<Change> {
    if keys.contains(&change.object.key) || change.attributes.iter().flat_map(keys_of).any(|key| keys.contains(key)) {
        return Some(change.clone());
    }
    let members: Vec<_> = change.members.iter().filter(|member| keys.contains(&member.member.key)).cloned().collect();
    (!members.is_empty()).then(|| Change { members, ..change.clone() })
}

/// Whether a step still needs another: not for a member that was left out.
fn needed(step: &Change, need: &Change) -> bool {
    let object = &need.object.key;
    *object == step.object.key
        || step.members.iter().any(|member| member.member.key == *object)
        || step.attributes.iter().flat_map(keys_of).any(|key| key == object)
        || hands_on(need, step)
}
