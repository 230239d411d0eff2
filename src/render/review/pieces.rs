//! The groups of a review as a reader takes them: by the document behind them, values of one attribute together, and somebody's many small changes in one line.
//!
//! Must never: leave a group out, or count one twice.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::words;
use crate::render::value::{self, DisplayNames};
use crate::review::{Along, AtomGroup, Divergence, EffectKind, Review, Who};

/// More people than these stand in columns, without what goes along.
pub const FEW: usize = 12;

/// What one document of the branch does, or what none does.
pub struct Section<'a> {
    /// position in the intent
    pub cause: Option<usize>,
    /// the gravest first
    pub pieces: Vec<Piece<'a>>,
}

/// What is told in one block.
pub struct Piece<'a> {
    /// how its lines read
    pub kind: PieceKind,
    /// one group, or several that differ only in their values
    pub groups: Vec<&'a AtomGroup>,
}

/// How the lines of a piece read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PieceKind {
    /// somebody a line, with what goes along
    Names,
    /// a pair of values a line, with whom it is for
    Values,
    /// somebody a line, with all of their values
    Persons,
}

/// A pair of values and whom it is for.
pub struct ValueRow<'a> {
    /// in words; none: not shown
    pub sides: Option<(String, String)>,
    /// what was pending in its place
    pub instead: Option<String>,
    /// the group
    pub group: &'a AtomGroup,
}

/// What goes along with the accounts of a long list.
pub enum CommonAlong<'a> {
    /// nothing, or each line says it
    None,
    /// with everybody the same
    Same(&'a [Along]),
    /// with each their own
    Various,
}

/// What the branch does: by document, the one with the gravest effect first; what has no document last.
pub fn effect(review: &Review) -> Vec<Section<'_>> {
    let mut sections: Vec<Section<'_>> = Vec::new();
    for piece in pieces(review.groups.iter().filter(|group| group.of_effect)) {
        let cause = piece.groups.first().and_then(|group| group.cause);
        match sections.iter_mut().find(|section| section.cause == cause) {
            Some(section) => section.pieces.push(piece),
            None => sections.push(Section { cause, pieces: vec![piece] }),
        }
    }
    sections.sort_by_key(|section| section.cause.is_none());
    sections
}

/// What happens without it.
pub fn pending(review: &Review) -> Vec<Piece<'_>> {
    pieces(review.groups.iter().filter(|group| !group.of_effect))
}

fn pieces<'a>(groups: impl Iterator<Item = &'a AtomGroup>) -> Vec<Piece<'a>> {
    let mut pieces: Vec<Piece<'a>> = Vec::new();
    let mut known = HashMap::new();
    for group in groups {
        if !has_values(group.effect) {
            pieces.push(Piece { kind: PieceKind::Names, groups: vec![group] });
            continue;
        }
        let AtomGroup { cause, how, reason, effect, targets, what, parameter, withheld, held, .. } = group;
        let place = *known.entry((cause, how, reason, effect, targets, what, parameter, withheld, held)).or_insert(pieces.len());
        match pieces.get_mut(place) {
            Some(piece) => piece.groups.push(group),
            None => pieces.push(Piece { kind: PieceKind::Values, groups: vec![group] }),
        }
    }
    persons(pieces)
}

fn has_values(effect: EffectKind) -> bool {
    matches!(effect, EffectKind::ChangesSignIn | EffectKind::ChangesGrant | EffectKind::Changes | EffectKind::GroupChanges)
}

/// What happens to nobody else is told with the person: a new title, another manager and another limit are one line.
fn persons(pieces: Vec<Piece<'_>>) -> Vec<Piece<'_>> {
    let single = |piece: &Piece<'_>| {
        let group = piece.groups.first()?;
        let own = matches!(group.effect, EffectKind::Changes | EffectKind::ChangesGrant) && group.how != Divergence::Cancels;
        (piece.kind == PieceKind::Values && own && piece.people() == 1).then_some((
            group.cause,
            group.how,
            group.reason,
            group.withheld,
            group.held.clone(),
        ))
    };
    let mut counts: HashMap<_, usize> = HashMap::new();
    pieces.iter().filter_map(single).for_each(|key| *counts.entry(key).or_default() += 1);
    let mut told: Vec<Piece<'_>> = Vec::new();
    let mut places = HashMap::new();
    for piece in pieces {
        let Some(key) = single(&piece).filter(|key| counts.get(key).is_some_and(|count| *count > 1)) else {
            told.push(piece);
            continue;
        };
        let place = *places.entry(key).or_insert(told.len());
        match told.get_mut(place) {
            Some(known) => known.groups.extend(piece.groups),
            None => told.push(Piece { kind: PieceKind::Persons, groups: piece.groups }),
        }
    }
    told
}

impl<'a> Piece<'a> {
    /// How many people, or groups, it is about.
    pub fn people(&self) -> u64 {
        match (self.kind, self.groups.as_slice()) {
            (PieceKind::Persons, _) => self.persons().len() as u64,
            (_, [group]) if !group.effect.is_of_people() => group.who.len() as u64,
            (_, groups) => groups.iter().map(|group| group.people).sum(),
        }
    }

    /// Whether it will not run.
    pub fn withheld(&self) -> bool {
        self.groups.first().is_some_and(|group| group.withheld)
    }

    /// Why it does not run, or did not before the branch: said behind the heading; nothing where it simply runs.
    pub fn waits(&self) -> String {
        let held: Vec<&str> = self.groups.first().into_iter().flat_map(|group| &group.held).map(|by| words::gate(*by)).collect();
        match (self.withheld(), held.is_empty(), self.groups.first().is_some_and(|group| group.of_effect)) {
            (true, ..) => ", which is withheld".to_owned(),
            (_, true, _) => String::new(),
            (.., true) => format!(", held without this branch by {}", held.join(" and ")),
            (.., false) => format!(", held by {}", held.join(" and ")),
        }
    }

    /// Where, sorted.
    pub fn targets(&self) -> Vec<Arc<str>> {
        let mut targets: Vec<Arc<str>> = self.groups.iter().flat_map(|group| &group.targets).cloned().collect();
        targets.sort_unstable();
        targets.dedup();
        targets
    }

    /// What goes along with everybody of a list that is too long to say it by line.
    pub fn along(&self) -> CommonAlong<'a> {
        let [group] = self.groups.as_slice() else { return CommonAlong::None };
        if group.who.len() <= FEW || group.who.iter().all(|line| line.along.is_empty()) {
            return CommonAlong::None;
        }
        match group.who.first() {
            Some(first) if group.who.iter().all(|line| line.along == first.along) => CommonAlong::Same(&first.along),
            _ => CommonAlong::Various,
        }
    }

    /// Pairs of values, the most frequent first.
    pub fn rows(&self, names: &DisplayNames<'_>) -> Vec<ValueRow<'a>> {
        let row = |group: &&'a AtomGroup| ValueRow {
            sides: (!group.hidden).then(|| value::both(&group.before, &group.after, names)),
            instead: group.instead.as_ref().map(|value| value::words(value, names)),
            group,
        };
        self.groups.iter().map(row).collect()
    }

    /// Each person with the groups that are about them, by name.
    pub fn persons(&self) -> Vec<(&'a Who, Vec<&'a AtomGroup>)> {
        let mut persons: BTreeMap<(&'a str, &'a str), (&'a Who, Vec<&'a AtomGroup>)> = BTreeMap::new();
        for group in &self.groups {
            for line in &group.who {
                persons.entry((&line.who.name, &line.who.key)).or_insert_with(|| (&line.who, Vec::new())).1.push(group);
            }
        }
        persons.into_values().collect()
    }

    /// How many changes it stands for.
    pub fn atoms(&self) -> u64 {
        self.groups.iter().map(|group| group.atoms).sum()
    }
}
