//! What of a plan gates hold by themselves: what main's own next run leaves, and what a branch lets through.
//!
//! Must never: decide what a gate holds; whoever knows the gates says it.

use std::collections::HashSet;

use serde::Serialize;

use super::atom::{self, Atom};
use crate::model::{Change, Plan};

/// What a Target's manifest holds changes back by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum HeldBy {
    /// it is suspended
    Suspend,
    /// no window is open
    Window,
    /// others changed it, and it is left to them
    Drift,
    /// somebody has to approve it
    Approval,
}

/// What of a plan one of these holds, whatever the others do.
#[derive(Clone, Debug)]
pub struct HeldChanges {
    /// which
    pub by: HeldBy,
    /// the changes, or the parts of them
    pub changes: Vec<Change>,
}

/// The atoms of a plan, each with what holds it.
pub(super) fn atoms(plan: &Plan, held: &[HeldChanges]) -> Vec<Atom> {
    let mut atoms = atom::of_plan(plan);
    for HeldChanges { by, changes } in held {
        let found = found(&atoms, changes);
        atoms.iter_mut().zip(found).filter(|(_, found)| *found).for_each(|(atom, _)| atom.held.push(*by));
    }
    atoms
}

/// Which of some atoms these changes are, or are of.
fn found(atoms: &[Atom], changes: &[Change]) -> Vec<bool> {
    let parts: Vec<Atom> = changes.iter().filter(|change| change.runs()).flat_map(|change| atom::of_change(change, 0)).collect();
    let known: HashSet<_> = parts.iter().map(Atom::step).collect();
    atoms.iter().map(|atom| !atom.withheld && known.contains(&atom.step())).collect()
}
