//! Which document of the branch stands behind an effect: the one that holds a line by which it came about.
//!
//! Must never: blame a document that no line of the effect stands in.

use std::collections::HashMap;

use super::atom::{Atom, AtomSlot};
use super::{Divergence, DocumentChange, DocumentDifference, DocumentLines, EffectAtom, Origins, ReviewSide};
use crate::diagnostic::Place;
use crate::model::{ObjectKind, Plan};

/// Fills in the causes. What goes along with somebody's account, or comes through a nested group, has the cause of that.
pub(super) fn attribute(base: ReviewSide<'_>, head: ReviewSide<'_>, intent: &[DocumentChange], effect: &mut [EffectAtom]) {
    let spans = Spans::of(intent);
    if spans.is_empty() {
        return;
    }
    let mut known: HashMap<(bool, u32), [Origins; 2]> = HashMap::new();
    for one in effect.iter_mut() {
        let cancels = one.how == Divergence::Cancels;
        let plan = if cancels { base.plan } else { head.plan };
        let origins = known.entry((cancels, one.atom.change)).or_insert_with(|| both(base, head, plan, one.atom.change));
        one.causes = spans.behind(&one.atom, origins);
    }
    follow(effect);
}

/// The lines at base and at head. What is gone at head stands at base alone: a member's line that the branch takes out.
fn both(base: ReviewSide<'_>, head: ReviewSide<'_>, plan: &Plan, change: u32) -> [Origins; 2] {
    let change = plan.changes.get(change as usize);
    [base, head].map(|side| change.map(|change| side.explain.origins(change)).unwrap_or_default())
}

/// The documents that differ in what they say, by file, at base and at head.
struct Spans<'a> {
    sides: [HashMap<&'a str, Vec<(&'a DocumentLines, usize)>>; 2],
}

impl<'a> Spans<'a> {
    fn of(intent: &'a [DocumentChange]) -> Self {
        let mut sides = [HashMap::new(), HashMap::new()];
        for (at, change) in intent.iter().enumerate() {
            if matches!(change.what, DocumentDifference::Moved | DocumentDifference::Cosmetic) {
                continue;
            }
            for (side, lines) in sides.iter_mut().zip([&change.base, &change.head]) {
                if let Some(lines) = lines {
                    side.entry(lines.file.as_ref()).or_insert_with(Vec::new).push((lines, at));
                }
            }
        }
        Self { sides }
    }

    fn is_empty(&self) -> bool {
        self.sides.iter().all(HashMap::is_empty)
    }

    fn behind(&self, atom: &Atom, origins: &[Origins; 2]) -> Vec<usize> {
        let mut found = Vec::new();
        for (side, origins) in self.sides.iter().zip(origins) {
            for place in places(atom, origins) {
                let documents = side.get(place.file.as_ref()).into_iter().flatten();
                found.extend(documents.filter(|(lines, _)| (lines.first..=lines.last).contains(&place.line)).map(|(_, at)| *at));
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

fn places<'o>(atom: &Atom, origins: &'o Origins) -> &'o [Place] {
    let of = |known: Option<&'o Vec<Place>>| known.map_or(&[][..], Vec::as_slice);
    match &atom.slot {
        AtomSlot::Attribute(value) | AtomSlot::Parameter { value, .. } => of(origins.attributes.get(&value.name)),
        AtomSlot::Member { member, .. } => of(origins.members.get(&member.key)),
        AtomSlot::Object { .. } | AtomSlot::Loser { .. } | AtomSlot::Entitlement { .. } => &origins.places,
    }
}

/// What has no line of its own goes along with what has: memberships and grants with their person's account at the same target, members with their group.
fn follow(effect: &mut [EffectAtom]) {
    let mut wholes: HashMap<_, Vec<usize>> = HashMap::new();
    for one in effect.iter().filter(|one| !one.causes.is_empty() && matches!(one.atom.slot, AtomSlot::Object { .. })) {
        let EffectAtom { atom: Atom { target, object, .. }, causes, .. } = one;
        wholes.insert((target.clone(), object.kind, object.key.clone()), causes.clone());
    }
    for one in effect.iter_mut().filter(|one| one.causes.is_empty()) {
        let Atom { target, object, .. } = &one.atom;
        let person = one.atom.person().and_then(|person| wholes.get(&(target.clone(), ObjectKind::Account, person.key.clone())));
        let causes = person.or_else(|| wholes.get(&(target.clone(), object.kind, object.key.clone())));
        one.causes = causes.cloned().unwrap_or_default();
    }
}
