//! Who changed things outside, and when, where the system says so of its accounts and groups.
//!
//! Must never: name somebody for what happened before headcount last left a target.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Drifted;
use crate::model::{LastChange, ObjectKind};

/// Whose last change is worth asking for: by target, the accounts and groups, by the target's ids.
pub fn changed_objects(drifted: &Drifted) -> BTreeMap<Arc<str>, BTreeSet<(ObjectKind, Arc<str>)>> {
    let mut wanted: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for drift in &drifted.drifts {
        if let Some(object) = &drift.object {
            wanted.entry(drift.target.clone()).or_default().insert(object.clone());
        }
    }
    wanted
}

/// Notes what the systems said. A change from before the last run is not the one that is told: that system does not note such changes.
pub fn attribute(drifted: &mut Drifted, told: &BTreeMap<(Arc<str>, ObjectKind, Arc<str>), LastChange>) {
    let since: BTreeMap<Arc<str>, jiff::Timestamp> = drifted.since.iter().cloned().collect();
    for drift in &mut drifted.drifts {
        let Some((kind, id)) = drift.object.clone() else { continue };
        let Some(change) = told.get(&(drift.target.clone(), kind, id)) else { continue };
        let is_later = change.at.is_some_and(|at| since.get(&drift.target).is_none_or(|since| at >= *since));
        drift.last_change = is_later.then(|| change.clone());
    }
}
