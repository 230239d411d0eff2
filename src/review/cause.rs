//! Which document of the branch stands behind an effect: the one that holds a line by which it came about.
//!
//! Must never: blame a document that no line of the effect stands in.

use std::collections::HashMap;

use super::atom::{Atom, AtomSlot};
use super::{Divergence, DocumentChange, DocumentDifference, DocumentLines, EffectAtom, FieldChange, ReviewSide};
use crate::diagnostic::Place;
use crate::model::{ObjectKind, Plan};
use crate::planning::explain::Origins;

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
        let gate = (one.how == Divergence::Releases).then(|| gate(intent, &one.atom)).flatten();
        one.causes = gate.map_or_else(|| spans.behind(&one.atom, origins), |gate| vec![gate]);
    }
    follow(effect);
}

/// What is let through follows from the Target that held it, where that is another document now; else from whatever marked it.
fn gate(intent: &[DocumentChange], atom: &Atom) -> Option<usize> {
    let holds = |change: &DocumentChange| {
        change.what == DocumentDifference::Changed && change.document.kind.as_ref() == "Target" && change.document.name == atom.target
    };
    intent.iter().position(holds)
}

/// The lines at base and at head. What is gone at head stands at base alone: a member's line that the branch takes out.
fn both(base: ReviewSide<'_>, head: ReviewSide<'_>, plan: &Plan, change: u32) -> [Origins; 2] {
    let change = plan.changes.get(change as usize);
    [base, head].map(|side| change.map(|change| side.explain.origins(change)).unwrap_or_default())
}

/// The documents that differ in what they say, by file, at base and at head.
struct Spans<'a> {
    sides: [HashMap<&'a str, Vec<Span<'a>>>; 2],
}

/// One of them on one side.
struct Span<'a> {
    lines: &'a DocumentLines,
    /// position in the intent
    at: usize,
    /// only this side has it
    alone: bool,
    /// lines of the fields that differ
    fields: Vec<u32>,
}

/// How near a line is to what differs: the field itself, a document that only one side has, elsewhere in the document.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Nearness {
    Field,
    Whole,
    Document,
}

impl<'a> Spans<'a> {
    fn of(intent: &'a [DocumentChange]) -> Self {
        let mut sides = [HashMap::new(), HashMap::new()];
        for (at, change) in intent.iter().enumerate() {
            if matches!(change.what, DocumentDifference::Moved | DocumentDifference::Cosmetic) {
                continue;
            }
            let alone = matches!(change.what, DocumentDifference::Added | DocumentDifference::Removed);
            let fields = |place: fn(&FieldChange) -> &Option<Place>| {
                change.fields.iter().filter_map(|field| place(field).as_ref().map(|place| place.line)).collect::<Vec<_>>()
            };
            let of_sides = [(&change.base, fields(|field| &field.base_place)), (&change.head, fields(|field| &field.place))];
            for (side, (lines, fields)) in sides.iter_mut().zip(of_sides) {
                if let Some(lines) = lines {
                    side.entry(lines.file.as_ref()).or_insert_with(Vec::new).push(Span { lines, at, alone, fields });
                }
            }
        }
        Self { sides }
    }

    fn is_empty(&self) -> bool {
        self.sides.iter().all(HashMap::is_empty)
    }

    /// The nearest first. What differs elsewhere in a document counts only where nothing nearer stands behind it.
    fn behind(&self, atom: &Atom, origins: &[Origins; 2]) -> Vec<usize> {
        let mut found = Vec::new();
        for (side, origins) in self.sides.iter().zip(origins) {
            for place in places(atom, origins) {
                let documents = side.get(place.file.as_ref()).into_iter().flatten();
                let within = documents.filter(|span| (span.lines.first..=span.lines.last).contains(&place.line));
                found.extend(within.map(|span| (span.nearness(place.line), span.at)));
            }
        }
        found.sort_unstable();
        let nearest = found.first().map(|(nearness, _)| *nearness);
        found.retain(|(nearness, _)| *nearness != Nearness::Document || nearest == Some(Nearness::Document));
        let mut documents: Vec<usize> = Vec::new();
        for (_, at) in found {
            if !documents.contains(&at) {
                documents.push(at);
            }
        }
        documents
    }
}

impl Span<'_> {
    fn nearness(&self, line: u32) -> Nearness {
        match self.alone {
            true => Nearness::Whole,
            false if self.fields.contains(&line) => Nearness::Field,
            false => Nearness::Document,
        }
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
