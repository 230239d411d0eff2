//! User names that become free within one plan: before it is said that a name is taken, whoever has it is decided, for it may be on its way to another one.
//!
//! Must never: promise a name twice, or follow a chain without an end.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::AttributeChange;
use crate::planning::accounts::Step;
use crate::planning::accounts::unique::holders;

/// How many may wait for each other; what lies beyond is free for the next plan.
const LONGEST: usize = 100;

/// Who is decided, and which accounts give their user name up.
#[derive(Default)]
pub(in crate::planning) struct Renames {
    /// by identity: it is still to be decided
    open: Vec<bool>,
    /// target and row of those who wait for a name that another has; none: for an account that is new
    waiting: Vec<(usize, Option<u32>)>,
    given_up: BTreeSet<(usize, u32)>,
}

impl Renames {
    /// These are to be decided.
    pub(in crate::planning) fn await_all(&mut self, people: u32, identities: &[u32]) {
        self.open = vec![false; people as usize];
        for identity in identities {
            self.open[*identity as usize] = true;
        }
    }

    /// Whether somebody is still to be decided; from here on it is not.
    pub(in crate::planning) fn begin(&mut self, identity: u32) -> bool {
        self.open.get_mut(identity as usize).is_some_and(std::mem::take)
    }

    /// Notes that an account gets another user name.
    pub(in crate::planning) fn note(&mut self, target: usize, row: u32, attributes: &[AttributeChange]) {
        if attributes.iter().any(|change| change.attribute.as_ref() == "userName" && change.before.is_some()) {
            self.given_up.insert((target, row));
        }
    }
}

/// Whether a user name that others have is free once this plan has run, for this account (none: a new one). Those who have it are decided on the way.
pub(super) fn becomes_free(step: &mut Step<'_, '_>, at: (usize, &Arc<str>), name: &str, identity: u32, row: Option<u32>) -> bool {
    let target = at.0;
    let held = holders(step.basis, &step.matched.claims, at, name, identity);
    step.renames.waiting.push((target, row));
    let given_up = held.into_iter().all(|holder| gives_up(step, target, holder));
    step.renames.waiting.pop();
    given_up && !step.names.is_given(at, name, identity)
}

fn gives_up(step: &mut Step<'_, '_>, target: usize, row: u32) -> bool {
    // Whoever waits in the same chain gives its own up as soon as the chain moves.
    if step.renames.given_up.contains(&(target, row)) || step.renames.waiting.contains(&(target, Some(row))) {
        return true;
    }
    let Some(holder) = step.matched.claims[target].holder(row).filter(|_| step.renames.waiting.len() < LONGEST) else { return false };
    step.decide(holder);
    step.renames.given_up.contains(&(target, row))
}
