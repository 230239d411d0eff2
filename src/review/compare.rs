//! What the plan at head does more than the plan at base, otherwise, or not any more; and what the base holds back and the head does not.
//!
//! The law: what is pending, less what is cancelled and what is altered, with what is added or released and what it is altered to, is the plan at head.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::atom::{self, Atom};
use super::held::{self, HeldBy};
use super::{Divergence, EffectAtom, ReviewSide};
use crate::model::{ObjectKind, ObjectRef, Plan};

/// All of a plan, as if nothing had been pending.
pub(super) fn all(plan: &Plan) -> Vec<EffectAtom> {
    atom::of_plan(plan).into_iter().map(|atom| EffectAtom { atom, how: Divergence::Adds, instead: None, causes: Vec::new() }).collect()
}

/// What came of it.
pub(super) struct Compared {
    /// in the order of the plan at head; what is cancelled follows, in the order of the plan at base
    pub effect: Vec<EffectAtom>,
    /// what is to be done without the branch, whether it runs or is held; what the branch releases is its effect
    pub pending: Vec<Atom>,
}

pub(super) fn compare(base: ReviewSide<'_>, head: ReviewSide<'_>) -> Compared {
    let (pending, planned) = (held::atoms(base.plan, base.held), held::atoms(head.plan, head.held));
    let ids = Ids::of(&pending, &planned);
    let mut left: HashMap<Name<'_>, Vec<usize>> = HashMap::new();
    for (at, atom) in pending.iter().enumerate() {
        left.entry(ids.name(atom)).or_default().push(at);
    }
    let mut effect = Vec::new();
    let mut released = HashSet::new();
    for atom in &planned {
        let at = left.get_mut(&ids.name(atom)).filter(|known| !known.is_empty()).map(|known| known.remove(0));
        let (how, held, instead) = match at.and_then(|at| Some((at, pending.get(at)?))) {
            Some((at, known)) if known.does_as(atom) => {
                let held: Vec<HeldBy> = known.held.iter().filter(|by| !atom.held.contains(by)).copied().collect();
                if held.is_empty() {
                    continue;
                }
                released.insert(at);
                (Divergence::Releases, held, None)
            }
            Some((_, known)) => (Divergence::Alters, Vec::new(), Some(known.clone())),
            None => (Divergence::Adds, Vec::new(), None),
        };
        effect.push(EffectAtom { atom: Atom { held, ..atom.clone() }, how, instead, causes: Vec::new() });
    }
    let mut cancelled: Vec<&Atom> = left.into_values().flatten().filter_map(|at| pending.get(at)).collect();
    cancelled.sort_by_key(|atom| (atom.change, ids.name(atom)));
    effect.extend(cancelled.into_iter().map(|atom| EffectAtom {
        atom: Atom { held: Vec::new(), ..atom.clone() },
        how: Divergence::Cancels,
        instead: None,
        causes: Vec::new(),
    }));
    let pending = pending.into_iter().enumerate().filter(|(at, _)| !released.contains(at)).map(|(_, atom)| atom).collect();
    Compared { effect, pending }
}

/// What of which object at which target.
type Name<'a> = (&'a str, ObjectKind, Known<'a>, (u8, &'a str, &'a str), Option<Known<'a>>);

/// By the target's id where either plan has one, else by our key: a group that is renamed gets another key and stays the same group.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Known<'a> {
    Id(&'a str),
    Key(&'a str),
}

/// The target's ids of what either plan names, by our keys.
struct Ids<'a> {
    by_key: BTreeMap<(&'a str, ObjectKind, &'a str), &'a Arc<str>>,
}

impl<'a> Ids<'a> {
    fn of(pending: &'a [Atom], planned: &'a [Atom]) -> Self {
        let mut by_key = BTreeMap::new();
        for atom in pending.iter().chain(planned) {
            for object in std::iter::once(&atom.object).chain(atom.slot.member()) {
                if let Some(id) = &object.id {
                    by_key.insert((atom.target.as_ref(), object.kind, object.key.as_ref()), id);
                }
            }
        }
        Self { by_key }
    }

    fn name(&self, atom: &'a Atom) -> Name<'a> {
        let member = atom.slot.member().map(|member| self.known(&atom.target, member));
        (&atom.target, atom.object.kind, self.known(&atom.target, &atom.object), atom.slot.name(), member)
    }

    fn known(&self, target: &'a str, object: &'a ObjectRef) -> Known<'a> {
        let id = object.id.as_ref().or_else(|| self.by_key.get(&(target, object.kind, object.key.as_ref())).copied());
        id.map_or(Known::Key(&object.key), |id| Known::Id(id))
    }
}
