//! The numbers of an effect: by target, and how groups shrink or grow.
//!
//! Must never: count what is withheld as if it ran, or call a size known that was not read.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde::Serialize;

use super::atom::{self, Atom, AtomSlot};
use super::fold::effect;
use super::{Divergence, EffectAtom, EffectKind, ReviewSide, Watch, Who};

/// What a list of atoms comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReviewTotals {
    /// atoms that run, and pending ones that do not any more
    pub changes: u64,
    /// atoms that stand in the plan and will not run
    pub withheld: u64,
    /// atoms that main's own manifests hold
    #[serde(skip_serializing_if = "is_none")]
    pub held: u64,
    /// people they are about, without these
    pub people: u64,
    /// people who lose sign-in
    pub lose_sign_in: u64,
    /// people who get an account
    pub get_account: u64,
}

/// What the effect comes to at one target. What is cancelled is not counted: it does not happen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TargetFigures {
    /// the Target's name
    pub target: Arc<str>,
    /// how often each thing happens: people, or groups for what happens to groups; of an account that changes once, whatever its attributes
    pub counts: BTreeMap<EffectKind, u64>,
    /// atoms that stand in the plan and will not run
    pub withheld: u64,
    /// atoms of the pending plan that do not happen any more
    pub cancelled: u64,
}

/// How a group shrinks or grows by the effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupSize {
    /// the Target's name
    pub target: Arc<str>,
    /// which group
    #[serde(flatten)]
    pub group: Who,
    /// members now
    pub before: u64,
    /// members when the whole plan has run
    pub after: u64,
    /// how many of the effect come
    pub joins: u64,
    /// how many of the effect go
    pub leaves: u64,
}

impl GroupSize {
    /// Whether it loses half of its members or more, or is left with two or fewer.
    pub fn empties(&self) -> bool {
        self.leaves > 0 && self.after < self.before && (self.after <= 2 || self.after * 2 <= self.before)
    }
}

/// In all, whatever the target: somebody at two targets counts once.
pub(super) fn totals<'a>(atoms: impl Iterator<Item = (&'a Atom, Divergence)>, watch: Watch<'_>) -> ReviewTotals {
    let mut totals = ReviewTotals::default();
    let (mut people, mut lose, mut get) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for (atom, how) in atoms {
        if how != Divergence::Releases && !atom.held.is_empty() {
            totals.held += 1;
            continue;
        }
        *(if atom.withheld { &mut totals.withheld } else { &mut totals.changes }) += 1;
        let Some(person) = atom.person().map(|person| &person.key) else { continue };
        people.insert(person);
        match effect(atom, watch) {
            _ if atom.withheld || how == Divergence::Cancels => {}
            EffectKind::LosesSignIn => drop(lose.insert(person)),
            EffectKind::GetsAccount => drop(get.insert(person)),
            _ => {}
        }
    }
    let count = |keys: BTreeSet<&Arc<str>>| keys.len() as u64;
    ReviewTotals { people: count(people), lose_sign_in: count(lose), get_account: count(get), ..totals }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_none(count: &u64) -> bool {
    *count == 0
}

/// By target, in order of name.
pub(super) fn targets(all: &[EffectAtom], watch: Watch<'_>) -> Vec<TargetFigures> {
    let mut found: BTreeMap<Arc<str>, TargetFigures> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for one in all {
        let Atom { target, object, .. } = &one.atom;
        let figures = found.entry(target.clone()).or_insert_with(|| TargetFigures { target: target.clone(), ..Default::default() });
        let kind = effect(&one.atom, watch);
        match (one.how, one.atom.withheld) {
            (Divergence::Cancels, _) => figures.cancelled += 1,
            (_, true) => figures.withheld += 1,
            _ => {
                let once = matches!(kind, EffectKind::Changes | EffectKind::GroupChanges | EffectKind::ChangesGrant);
                let entitlement = one.atom.slot.name().1;
                let thing = (target.clone(), object.key.clone(), kind, if kind == EffectKind::ChangesGrant { entitlement } else { "" });
                if !once || seen.insert(thing) {
                    *figures.counts.entry(kind).or_default() += one.atom.weight();
                }
            }
        }
    }
    found.into_values().collect()
}

/// Of the groups that the effect touches, those whose size is known; by target, then by name.
pub(super) fn sizes(head: ReviewSide<'_>, all: &[EffectAtom]) -> Vec<GroupSize> {
    let mut touched: BTreeMap<(Arc<str>, Arc<str>), GroupSize> = BTreeMap::new();
    for one in all.iter().filter(|one| one.how != Divergence::Cancels && !one.atom.withheld) {
        let AtomSlot::Member { added, .. } = &one.atom.slot else { continue };
        let Atom { target, object, .. } = &one.atom;
        let Some(before) = head.explain.size(target, object) else { continue };
        let group = Who { key: object.key.clone(), name: object.name.clone() };
        let size = touched.entry((target.clone(), object.key.clone())).or_insert_with(|| GroupSize {
            target: target.clone(),
            group,
            before,
            after: before,
            joins: 0,
            leaves: 0,
        });
        *(if *added { &mut size.joins } else { &mut size.leaves }) += 1;
    }
    let mut moves: HashMap<(Arc<str>, Arc<str>), (u64, u64)> = HashMap::new();
    for atom in atom::of_plan(head.plan).iter().filter(|atom| !atom.withheld) {
        if let AtomSlot::Member { added, .. } = &atom.slot {
            let (comes, goes) = moves.entry((atom.target.clone(), atom.object.key.clone())).or_default();
            *(if *added { comes } else { goes }) += 1;
        }
    }
    for (group, size) in &mut touched {
        let (comes, goes) = moves.get(group).copied().unwrap_or_default();
        size.after = (size.before + comes).saturating_sub(goes);
    }
    touched.into_values().collect()
}
