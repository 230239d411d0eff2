//! What was found at targets that no manifest declares: told for a week. Whoever runs all the time leaves what it found at once, and nobody would hear of it.
//!
//! Must never: keep a name or a value, or call new what was there when a target was looked at first.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::compare::undeclared;
use crate::model::{Left, LeftWhat};
use crate::planning::LeftBehind;
use crate::world::World;

/// No more are kept, since whole directories may become nobody's at once: `headcount status` tells that it is so many, and `drift` shows these.
const MOST: usize = 1_000;

/// For so long it is told, unless it is declared or gone before.
const TOLD: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Somebody in a group that no manifest declares, or an account that is nobody's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Noticed {
    /// as it was found there
    pub left: Left,
    /// when
    pub at: Timestamp,
}

impl Noticed {
    /// The Target's name.
    pub fn target(&self) -> &Arc<str> {
        &self.left.target
    }

    /// What it is called on its shelf.
    pub fn name(&self) -> String {
        let Left { target, what, of, print } = &self.left;
        format!("{target}/{}-{of:016x}-{print:016x}", if *what == LeftWhat::Nobodys { "account" } else { "member" })
    }

    fn is(&self, left: &Left) -> bool {
        thing(left) == self.left
    }
}

/// An account that is nobody's is the same one whenever it was left.
fn thing(left: &Left) -> Left {
    let print = if left.what == LeftWhat::Nobodys { 0 } else { left.print };
    Left { print, ..left.clone() }
}

/// What was left at targets, but for what was noticed there since: it is still to be told.
pub fn untold(was: Vec<Left>, noticed: &[Noticed]) -> Vec<Left> {
    let noticed: BTreeSet<&Left> = noticed.iter().map(|one| &one.left).collect();
    was.into_iter().filter(|left| !noticed.contains(&thing(left))).collect()
}

/// What is to be told after a look: what is new since `was`, and what was noticed within a week and is there still.
pub fn notice(world: &World, was: &[Left], now: &LeftBehind, known: &[Noticed], at: Timestamp) -> Vec<Noticed> {
    let compared: BTreeSet<&Arc<str>> = was.iter().filter(|left| left.what == LeftWhat::Run).map(|left| &left.target).collect();
    let was: BTreeSet<&Left> = was.iter().collect();
    let looked: BTreeSet<&Arc<str>> = now.all.iter().filter(|left| left.what == LeftWhat::Run).map(|left| &left.target).collect();
    let ends = |one: &Noticed| one.at.saturating_add(TOLD).is_ok_and(|end| end <= at);
    // What could not be looked at is as it was.
    let stays = |one: &&Noticed| !ends(one) && (!looked.contains(one.target()) || now.names.keys().any(|left| one.is(left)));
    let found = undeclared(world, &was, now).map(|(left, _)| left).filter(|left| compared.contains(&left.target));
    let new = found.filter(|left| !known.iter().any(|one| one.is(left))).map(|left| Noticed { left: thing(left), at });
    known.iter().filter(stays).cloned().chain(new).take(MOST).collect()
}
