//! Compares a saved plan with a fresh one. What was reviewed and is still needed may run, closed over dependencies; what is new is listed and does not run.
//!
//! Must never: let anything run that nobody has reviewed, but for what cuts somebody off.

use std::collections::HashSet;

use super::atoms::{Atom, Atoms, atoms};
use super::narrow::narrow;
use crate::model::{Change, Plan};

/// What a comparison came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// the fresh plan, reduced to what was reviewed
    pub plan: Plan,
    /// what is needed now and was not reviewed, or waits for something that was not; in the fresh plan's order
    pub new: Vec<Change>,
    /// how many reviewed steps are no longer needed
    pub gone: usize,
}

impl Comparison {
    /// Whether the fresh plan is just what was reviewed.
    pub fn exact(&self) -> bool {
        self.new.is_empty() && self.gone == 0
    }
}

/// Compares the reviewed plan with one that was made from the world as it is now.
pub fn compare(saved: &Plan, fresh: &Plan) -> Comparison {
    let reviewed = Atoms::of(&saved.changes);
    // A revocation goes past approval: who is to be cut off is named in a manifest or by a person, and waits for no second review.
    let narrowed = narrow(fresh, |_, change| match change.runs() && !change.mandate.is_revocation() {
        true => reviewed.split(change),
        false => (Some(change.clone()), None),
    });
    let needed: HashSet<Atom> = fresh.changes.iter().flat_map(atoms).flat_map(|atom| [atom.at_creation(), atom]).collect();
    let gone = reviewed.all.iter().filter(|atom| !needed.contains(*atom)).count();
    Comparison { plan: narrowed.plan, new: narrowed.rest.into_values().collect(), gone }
}
