//! How the changes of a target are put before a reader: who stands with what, in which order, and what is alike.
//!
//! One block tells one person or one group. A membership belongs to two, and is told by one of them: by the one that makes fewer blocks of the whole
//! ([`Sides::with_person`] is the rule). What takes or is to be looked at twice comes first, what gives last. More than [`ALIKE`] blocks that say the same, take
//! nothing and risk nothing are one entry.
//!
//! Must never: drop a change, tell it twice, or count among many what takes or is risky.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::ViewOptions;
use super::summary::is_membership;
use super::words::{reason, renamed};
use crate::diagnostic::Place;
use crate::model::{Action, AttributeChange, Change, MemberChange, ObjectKind, ObjectRef, Plan};

/// So many blocks that say the same are told one by one.
pub(super) const ALIKE: usize = 10;
/// A block that is there anyway counts for so many memberships.
const THERE: usize = 10;

/// The targets by name, with what stands below each.
pub(super) fn targets(plan: &Plan, full: bool) -> BTreeMap<&str, Vec<Entry<'_>>> {
    let mut changes: BTreeMap<&str, Vec<&Change>> = BTreeMap::new();
    for change in &plan.changes {
        changes.entry(&change.target).or_default().push(change);
    }
    changes.into_iter().map(|(target, changes)| (target, entries(&changes, full))).collect()
}

/// One block, or many that say the same.
#[derive(Debug)]
pub(super) enum Entry<'a> {
    One(Block<'a>),
    Alike(Vec<Block<'a>>),
}

/// What happens to one person or to one group.
#[derive(Debug)]
pub(super) struct Block<'a> {
    /// whom it is about
    pub about: &'a ObjectRef,
    /// their own changes, in the order of reading
    pub steps: Vec<&'a Change>,
    /// memberships: of a person the groups, of a group its members
    pub moves: Vec<Move<'a>>,
}

/// One membership that comes or goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Move<'a> {
    pub change: &'a Change,
    pub member: &'a MemberChange,
}

type Key<'a> = (ObjectKind, &'a str);

fn entries<'a>(changes: &[&'a Change], full: bool) -> Vec<Entry<'a>> {
    let mut blocks: BTreeMap<Key<'a>, Block<'a>> = BTreeMap::new();
    for change in changes.iter().filter(|change| !is_membership(change)) {
        block(&mut blocks, &change.object).steps.push(change);
    }
    let likenesses = if full { BTreeMap::new() } else { likenesses(&blocks) };
    let moves: Vec<Move<'a>> = changes
        .iter()
        .filter(|change| is_membership(change))
        .flat_map(|change| change.members.iter().map(|member| Move { change, member }))
        .collect();
    let sides = Sides::of(&moves, &blocks, &likenesses);
    for one in moves {
        let about = if sides.with_person(&one) { &one.member.member } else { &one.change.object };
        block(&mut blocks, about).moves.push(one);
    }
    let mut entries = Vec::new();
    let mut alike: BTreeMap<usize, Vec<Block<'a>>> = BTreeMap::new();
    for (key, mut block) in blocks {
        block.steps.sort_by_key(|change| change.entitlement.as_deref());
        block.moves.sort_by_key(|one| one.order(block.about));
        match likenesses.get(&key).filter(|_| block.moves.iter().all(|one| plain(one.change))) {
            Some(kind) => alike.entry(*kind).or_default().push(block),
            None => entries.push(Entry::One(block)),
        }
    }
    for mut blocks in alike.into_values() {
        blocks.sort_by_key(|block| (&block.about.name, &block.about.key));
        entries.push(Entry::Alike(blocks));
    }
    entries.sort_by_key(Entry::order);
    entries
}

fn block<'b, 'a>(blocks: &'b mut BTreeMap<Key<'a>, Block<'a>>, about: &'a ObjectRef) -> &'b mut Block<'a> {
    blocks.entry((about.kind, &about.key)).or_insert_with(|| Block { about, steps: Vec::new(), moves: Vec::new() })
}

/// Who of a target's blocks says the same as more than [`ALIKE`] others, by the number of what they say.
fn likenesses<'a>(blocks: &BTreeMap<Key<'a>, Block<'a>>) -> BTreeMap<Key<'a>, usize> {
    let mut same: BTreeMap<Vec<Likeness<'a>>, Vec<Key<'a>>> = BTreeMap::new();
    for (key, block) in blocks.iter().filter(|(_, block)| block.steps.iter().all(|change| plain(change))) {
        same.entry(block.steps.iter().map(|change| likeness(change)).collect()).or_default().push(*key);
    }
    let many = same.into_values().filter(|keys| keys.len() > ALIKE);
    many.enumerate().flat_map(|(kind, keys)| keys.into_iter().map(move |key| (key, kind))).collect()
}

/// Whether a change takes nothing and asks for no second look.
fn plain(change: &Change) -> bool {
    let gives =
        matches!(change.action, Action::Create | Action::Update | Action::AddMembers | Action::AddEntitlement | Action::UpdateEntitlement);
    gives && change.risks.is_empty() && change.runs() && !renamed(change)
}

/// Whether it may be counted where there are many: one account more in a group, and nothing to look at.
pub(super) fn counted(one: &Move<'_>) -> bool {
    plain(one.change) && one.member.member.kind == ObjectKind::Account
}

/// The attributes of a step that all of these blocks share, value and all.
pub(super) fn shared<'a>(blocks: &[Block<'a>], step: usize) -> (Vec<&'a AttributeChange>, BTreeSet<&'a str>) {
    let mut steps = blocks.iter().filter_map(|block| block.steps.get(step).copied());
    let Some(first) = steps.next() else { return Default::default() };
    let mut shared: Vec<_> = first.attributes.iter().collect();
    let mut own: BTreeSet<&str> = BTreeSet::new();
    for change in steps {
        shared.retain(|known| change.attributes.contains(known));
        own.extend(change.attributes.iter().map(|changed| changed.attribute.as_ref()));
    }
    own.extend(first.attributes.iter().map(|changed| changed.attribute.as_ref()));
    shared.iter().for_each(|known| {
        own.remove(known.attribute.as_ref());
    });
    (shared, own)
}

/// What a change has in common with another: of what is new just that it is new, of what is updated both values.
type Likeness<'a> = (ObjectKind, Action, Option<Cow<'a, str>>, Option<&'a str>, Vec<(&'a str, String)>);

fn likeness(change: &Change) -> Likeness<'_> {
    let values = |changed: &'_ AttributeChange| format!("{:?} {:?}", changed.before, changed.after);
    let values: Vec<_> = match change.action {
        Action::Create | Action::AddEntitlement => Vec::new(),
        _ => change.attributes.iter().map(|changed| (changed.attribute.as_ref(), values(changed))).collect(),
    };
    (change.object.kind, change.action, reason(change), change.entitlement.as_deref(), values)
}

/// What is needed to say with whom a membership stands.
struct Sides<'a> {
    people: BTreeMap<&'a str, usize>,
    groups: BTreeMap<&'a str, usize>,
    /// people who have a block of their own
    there: BTreeSet<&'a str>,
    /// people who lose the account or the sign-in
    leaving: BTreeSet<&'a str>,
    /// people who are one of many
    alike: BTreeSet<&'a str>,
    /// groups that are made or taken over
    new: BTreeSet<&'a str>,
}

impl<'a> Sides<'a> {
    fn of(moves: &[Move<'a>], blocks: &BTreeMap<Key<'a>, Block<'a>>, likenesses: &BTreeMap<Key<'a>, usize>) -> Self {
        let (mut people, mut groups) = (BTreeMap::new(), BTreeMap::new());
        for one in moves {
            *people.entry(one.member.member.key.as_ref()).or_default() += 1;
            *groups.entry(one.change.object.key.as_ref()).or_default() += 1;
        }
        let with = |kind: ObjectKind, actions: &[Action]| {
            let has = |block: &Block<'_>| block.steps.iter().any(|change| actions.is_empty() || actions.contains(&change.action));
            let found = blocks.iter().filter(move |((known, _), block)| *known == kind && has(block));
            found.map(|((_, key), _)| *key).collect()
        };
        Self {
            people,
            groups,
            there: with(ObjectKind::Account, &[]),
            leaving: with(ObjectKind::Account, &[Action::Deactivate, Action::Delete]),
            alike: likenesses.keys().filter(|(kind, _)| *kind == ObjectKind::Account).map(|(_, key)| *key).collect(),
            new: with(ObjectKind::Group, &[Action::Create, Action::Adopt]),
        }
    }

    /// The rule. A group in a group stands with the outer one, and a new group tells whom it has; whoever leaves tells all that goes with them. Else the one
    /// with more memberships at the target tells them, since it makes one block of them; a person's own block, which is there anyway, weighs as much as ten.
    fn with_person(&self, one: &Move<'_>) -> bool {
        let (member, group) = (one.member.member.key.as_ref(), one.change.object.key.as_ref());
        if one.member.member.kind == ObjectKind::Group || self.new.contains(group) || self.alike.contains(member) {
            return false;
        }
        let count = |all: &BTreeMap<&str, usize>, key: &str| all.get(key).copied().unwrap_or_default();
        let there = if self.there.contains(member) { THERE } else { 0 };
        let leaves = one.change.action == Action::RemoveMembers && self.leaving.contains(member);
        leaves || count(&self.people, member) + there > count(&self.groups, group)
    }
}

impl<'a> Move<'a> {
    /// The other side of the membership than the one that tells it.
    pub fn other(&self, about: &ObjectRef) -> &'a ObjectRef {
        let group = about.kind == ObjectKind::Group && about.key == self.change.object.key;
        if group { &self.member.member } else { &self.change.object }
    }

    /// What goes, then what comes, by name.
    fn order(&self, about: &ObjectRef) -> (bool, &'a str, &'a str) {
        let other = self.other(about);
        (!self.change.action.removes(), &other.name, &other.key)
    }
}

impl<'a> Block<'a> {
    pub fn is_group(&self) -> bool {
        self.about.kind == ObjectKind::Group
    }

    /// Every change that has a part in it.
    pub fn changes(&self) -> impl Iterator<Item = &'a Change> {
        self.steps.iter().copied().chain(self.moves.iter().map(|one| one.change))
    }

    /// The line behind one of its memberships; none where somebody goes, since everything goes with them.
    pub fn line(&self, one: &Move<'_>, look: &ViewOptions<'_>) -> Option<Place> {
        let goes = !self.is_group() && self.steps.iter().any(|change| matches!(change.action, Action::Deactivate | Action::Delete));
        if goes { None } else { look.lines?.of_member(one.change, one.member) }
    }

    fn rank(&self) -> usize {
        // What a new one starts with is no change of its own.
        let made = self.steps.iter().any(|change| change.action == Action::Create);
        self.changes().map(rank).filter(|known| !made || *known != GIVES).min().unwrap_or(usize::MAX)
    }
}

impl Entry<'_> {
    /// What takes, what is to be looked at, what changes, what is new; of the same the many last.
    fn order(&self) -> (usize, bool, bool, String, String) {
        let (block, many) = match self {
            Self::One(block) => (Some(block), false),
            Self::Alike(blocks) => (blocks.first(), true),
        };
        block.map_or_else(Default::default, |block| {
            let about = block.about;
            (block.rank(), block.is_group(), many, about.name.to_string(), about.key.to_string())
        })
    }
}

/// The place of what is merely added.
const GIVES: usize = 9;

fn rank(change: &Change) -> usize {
    match change.action {
        Action::Delete => 0,
        Action::Deactivate => 1,
        Action::EndSessions => 2,
        Action::RemoveEntitlement => 3,
        Action::RemoveMembers => 4,
        Action::Adopt => 5,
        Action::Reactivate => 6,
        _ if !change.risks.is_empty() || renamed(change) => 7,
        Action::Update | Action::UpdateEntitlement => 8,
        Action::AddEntitlement | Action::AddMembers => GIVES,
        Action::Create => GIVES + 1,
    }
}

#[cfg(test)]
#[path = "layout_tests.rs"]
mod tests;
