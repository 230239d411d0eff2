//! Values that are handed on within one plan: whoever gives one up comes before whoever takes it. Where several exchange theirs in a circle, one steps aside
//! for a moment: its value is cleared (a name, which can't be empty, gets a spare one), the others move on, and then it takes what became free.
//!
//! Must never: change what anybody has in the end, or order what no two objects may have anyway.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::{Action, AttributeChange, Change, EntryNames, FindingCode, ObjectKind, RDN, Risk, Severity, Value, dn};
use crate::planning::assembly::Step;
use crate::planning::assembly::references::keys_of;
use crate::planning::basis::Basis;
use crate::planning::draft::{Draft, Grounds, Stage, attribute, with};
use crate::planning::question::texts;
use crate::planning::targets::entry_names::{self, Going};

/// What is one object's by its nature, where a target does not say what it wants unique.
const OF_ONE: &[(ObjectKind, &[&str])] =
    &[(ObjectKind::Account, &["userName", "emails", "employeeNumber"]), (ObjectKind::Group, &["displayName"])];
/// What can't be empty gets a spare value for the moment.
const NAMES: [&str; 2] = ["userName", "displayName"];
/// Directories take no longer names of entries everywhere.
const LONGEST_NAME: usize = 64;

/// One draft must come before another: positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::planning) struct Move {
    /// gives a value up
    pub(in crate::planning) giver: usize,
    /// gets it
    pub(in crate::planning) taker: usize,
}

/// Puts those who give something up first, and breaks circles.
pub(super) fn settle(step: &mut Step<'_, '_>) {
    let moves = moves(step.basis, &step.drafts);
    if moves.is_empty() {
        return;
    }
    let mut waiting = Waiting::new(&moves);
    let mut level = 0;
    while !waiting.for_others.is_empty() {
        let ready = std::mem::take(&mut waiting.ready);
        if ready.is_empty() {
            let Some(at) = in_circle(step, &waiting.for_others) else { return };
            // Whoever waits for what it gives up finds it free now; it still waits for the others itself.
            if step.drafts[at].change.action == Action::Update {
                step_aside(step, at, level, waiting.takers(at));
            }
            waiting.is_free(at);
        }
        for at in ready {
            waiting.for_others.remove(&at);
            go_ahead(step, at, level);
            waiting.is_free(at);
        }
        level += 1;
    }
}

/// Those who give something up, and for whom each waits.
struct Waiting {
    for_others: BTreeMap<usize, BTreeSet<usize>>,
    /// by giver, in order
    takers: BTreeMap<usize, Vec<usize>>,
    /// who waits for nobody any more
    ready: BTreeSet<usize>,
}

impl Waiting {
    fn new(moves: &BTreeSet<Move>) -> Self {
        let mut for_others: BTreeMap<usize, BTreeSet<usize>> = moves.iter().map(|one| (one.giver, BTreeSet::new())).collect();
        let mut takers: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for one in moves {
            takers.entry(one.giver).or_default().push(one.taker);
            if let Some(waits) = for_others.get_mut(&one.taker) {
                waits.insert(one.giver);
            }
        }
        let ready = for_others.iter().filter(|(_, waits)| waits.is_empty()).map(|(at, _)| *at).collect();
        Self { for_others, takers, ready }
    }

    fn takers(&self, giver: usize) -> &[usize] {
        self.takers.get(&giver).map_or(&[], Vec::as_slice)
    }

    /// What one gives up can be taken.
    fn is_free(&mut self, giver: usize) {
        for taker in self.takers.get(&giver).into_iter().flatten() {
            if let Some(waits) = self.for_others.get_mut(taker)
                && waits.remove(&giver)
                && waits.is_empty()
            {
                self.ready.insert(*taker);
            }
        }
    }
}

/// Who gives what up that another takes. Both exist, or the taker is made in this plan.
pub(in crate::planning) fn moves(basis: &Basis<'_>, drafts: &[Draft]) -> BTreeSet<Move> {
    let mut given: BTreeMap<(usize, ObjectKind, Held), Vec<usize>> = BTreeMap::new();
    let there = |draft: &Draft| matches!(draft.stage, Stage::GiveUp | Stage::UpdateAccounts | Stage::UpdateGroups);
    for (at, draft) in drafts.iter().enumerate().filter(|(_, draft)| there(draft)) {
        for held in gives(basis, draft) {
            given.entry((draft.target, draft.change.object.kind, held)).or_default().push(at);
        }
    }
    let mut moves = BTreeSet::new();
    if given.is_empty() {
        return moves;
    }
    let may_take = |draft: &Draft| there(draft) || matches!(draft.stage, Stage::CreateAccounts | Stage::CreateGroups);
    for (taker, draft) in drafts.iter().enumerate().filter(|(_, draft)| may_take(draft)) {
        for held in takes(basis, draft) {
            let givers = given.get(&(draft.target, draft.change.object.kind, held)).into_iter().flatten();
            let others = givers.filter(|giver| drafts[**giver].change.object.key != draft.change.object.key);
            moves.extend(others.map(|giver| Move { giver: *giver, taker }));
        }
    }
    moves
}

/// What only one can have: an attribute, and a text of it. What an entry is called where it stands counts as one.
type Held = (Arc<str>, String);

/// What a draft gives up of it.
fn gives(basis: &Basis<'_>, draft: &Draft) -> Vec<Held> {
    let of = |change: &AttributeChange| texts_of(change, change.before.as_ref(), change.after.as_ref());
    let name = entry_names::going(basis, draft).and_then(|going| going.now);
    of_one(basis, draft).into_iter().flat_map(of).chain(name.map(|now| (Arc::from(RDN), now.normal()))).collect()
}

/// What it takes of it.
fn takes(basis: &Basis<'_>, draft: &Draft) -> Vec<Held> {
    let of = |change: &AttributeChange| texts_of(change, change.after.as_ref(), change.before.as_ref());
    let name = entry_names::going(basis, draft).map(|going| (Arc::from(RDN), going.after.normal()));
    of_one(basis, draft).into_iter().flat_map(of).chain(name).collect()
}

fn texts_of(change: &AttributeChange, one: Option<&Value>, other: Option<&Value>) -> Vec<Held> {
    beyond(one, other).into_iter().map(|text| (change.attribute.clone(), text)).collect()
}

/// The changes of a draft that are about what only one object has.
fn of_one<'d>(basis: &Basis<'_>, draft: &'d Draft) -> Vec<&'d AttributeChange> {
    let capabilities = &basis.observed[draft.target].side.capabilities;
    let kind = draft.change.object.kind;
    let said = match kind {
        ObjectKind::Group => &capabilities.unique_group_attributes,
        _ => &capabilities.unique_account_attributes,
    };
    let by_nature = |name: &str| OF_ONE.iter().any(|(of, names)| *of == kind && names.contains(&name));
    let watched = |name: &Arc<str>| said.as_ref().map_or_else(|| by_nature(name), |said| said.contains(name));
    draft.change.attributes.iter().filter(|change| watched(&change.attribute)).collect()
}

/// The texts of one value that the other does not have, compared as the strictest target compares.
fn beyond(one: Option<&Value>, other: Option<&Value>) -> BTreeSet<String> {
    let all = |value: Option<&Value>| value.map(texts).unwrap_or_default().iter().map(|text| text.to_lowercase()).collect::<BTreeSet<_>>();
    let (one, other) = (all(one), all(other));
    one.difference(&other).filter(|text| !text.is_empty()).cloned().collect()
}

/// Whoever gives something up comes ahead of what is made; what refers to somebody who is made stays behind.
fn go_ahead(step: &mut Step<'_, '_>, at: usize, level: usize) {
    let Some(draft) = step.drafts.get_mut(at) else { return };
    draft.level = level;
    if draft.stage != Stage::UpdateAccounts {
        return;
    }
    draft.stage = Stage::GiveUp;
    let (late, now) = std::mem::take(&mut draft.change.attributes).into_iter().partition(|change| keys_of(change).next().is_some());
    draft.change.attributes = now;
    let (target, change): (_, Vec<AttributeChange>) = (draft.target, late);
    if !change.is_empty() {
        let rest = Change { action: Action::Update, attributes: change, risks: Vec::new(), ..draft.change.clone() };
        step.draft(target, Stage::UpdateAccounts, rest);
    }
}

/// One of a circle gives up what others wait for, before it takes anything itself.
fn step_aside(step: &mut Step<'_, '_>, at: usize, level: usize, takers: &[usize]) {
    let basis = step.basis;
    let wanted: BTreeSet<Held> = takers.iter().flat_map(|taker| takes(basis, &step.drafts[*taker])).collect();
    let draft = &mut step.drafts[at];
    let going = entry_names::going(basis, draft);
    let names = basis.observed[draft.target].side.capabilities.entry_names.as_ref();
    let mut aside = Vec::new();
    for change in &mut draft.change.attributes {
        let given = beyond(change.before.as_ref(), change.after.as_ref());
        if given.iter().any(|text| wanted.contains(&(change.attribute.clone(), text.clone()))) {
            let spare = spare(change, names);
            aside.push(attribute(&change.attribute, std::mem::replace(&mut change.before, spare.clone()), spare));
        }
    }
    if let Some((names, going)) = names.zip(going) {
        aside.extend(called_aside(names, going, &wanted, &aside).map(|(now, moving, then)| {
            let rdn: Arc<str> = Arc::from(RDN);
            draft.change.attributes.push(attribute(&rdn, Some(Value::text(moving.as_str())), Some(Value::text(then))));
            attribute(&rdn, Some(Value::text(now)), Some(Value::text(moving)))
        }));
    }
    let sign_in = aside.iter().any(|change| change.attribute.as_ref() == "userName");
    let risks: &[Risk] = if sign_in { &[Risk::SignIn] } else { &[] };
    let (target, stage) = (draft.target, draft.stage);
    let Change { object, mandate, reason, cause, .. } = draft.change.clone();
    let told =
        |change: &AttributeChange| if change.attribute.as_ref() == RDN { "entry's name".to_owned() } else { change.attribute.to_string() };
    let names: Vec<String> = aside.iter().map(told).collect();
    let sentence = format!("{{who}}: its {} is handed on and another comes in a circle, so it is set aside for a moment", names.join(", "));
    step.tell(Severity::Note, FindingCode::HandedOn, target, &object.key, &sentence);
    let change = step.basis.change(target, Action::Update, object, Grounds { mandate, reason }, cause);
    let stage = if stage == Stage::UpdateAccounts { Stage::GiveUp } else { stage };
    step.draft(target, stage, with(change, aside, risks));
    if let Some(draft) = step.drafts.last_mut() {
        draft.level = level;
    }
}

/// What an entry is called whose name and place others wait for: now, for the moment, and in the end. Nothing where what it is named by is set aside anyway.
fn called_aside(names: &EntryNames, going: Going, wanted: &BTreeSet<Held>, aside: &[AttributeChange]) -> Option<(String, String, String)> {
    let now = going.now.filter(|now| wanted.contains(&(Arc::from(RDN), now.normal())))?;
    let is_renamed = |by: &&Arc<str>| aside.iter().any(|change| change.attribute == **by);
    if entry_names::named_by(names, &now).iter().any(is_renamed) {
        return None;
    }
    let parts = dn::makes_up(&now.rdn);
    let moving: Vec<String> = parts.iter().map(|(_, value)| for_the_moment(value).chars().take(LONGEST_NAME).collect()).collect();
    let moving = dn::made_of(parts.iter().zip(&moving).map(|((own, _), value)| (*own, value.as_str())));
    Some((now.rdn, moving, going.after.rdn))
}

/// What can't be empty gets a spare value.
fn spare(change: &AttributeChange, names: Option<&EntryNames>) -> Option<Value> {
    let is_name = NAMES.contains(&change.attribute.as_ref()) || names.is_some_and(|names| names.attribute == change.attribute);
    let name = change.before.as_ref().and_then(Value::as_text).filter(|_| is_name)?;
    Some(Value::text(for_the_moment(name)))
}

fn for_the_moment(name: &str) -> String {
    format!("moving-{name}")
}

/// The update with the smallest key in the circle that the first of those who wait leads into; without one, the first that waits.
fn in_circle(step: &Step<'_, '_>, before: &BTreeMap<usize, BTreeSet<usize>>) -> Option<usize> {
    let first = *before.keys().next()?;
    let next = |at: usize| before.get(&at).and_then(|waits| waits.first()).copied();
    let (mut at, mut seen) = (first, BTreeSet::new());
    while seen.insert(at) {
        at = next(at)?;
    }
    let start = at;
    let mut circle = vec![start];
    while let Some(on) = next(at).filter(|on| *on != start) {
        circle.push(on);
        at = on;
    }
    let key = |at: &usize| (step.drafts[*at].change.action != Action::Update, step.drafts[*at].change.object.key.clone());
    circle.into_iter().min_by_key(key)
}
