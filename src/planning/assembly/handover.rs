//! Values that are handed on within one plan: whoever gives one up comes before whoever takes it. Where several exchange theirs in a circle, one steps aside
//! for a moment: its value is cleared (a name, which can't be empty, gets a spare one), the others move on, and then it takes what became free.
//!
//! Must never: change what anybody has in the end, or order what no two objects may have anyway.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::{Action, AttributeChange, Change, FindingCode, ObjectKind, Risk, Severity, Value};
use crate::planning::assembly::Step;
use crate::planning::assembly::references::keys_of;
use crate::planning::basis::Basis;
use crate::planning::draft::{Draft, Grounds, Stage, attribute, with};
use crate::planning::question::texts;

/// What is one object's by its nature, where a target does not say what it wants unique.
const OF_ONE: &[(ObjectKind, &[&str])] =
    &[(ObjectKind::Account, &["userName", "emails", "employeeNumber"]), (ObjectKind::Group, &["displayName"])];
/// What can't be empty gets a spare value for the moment.
const NAMES: [&str; 2] = ["userName", "displayName"];

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
    let mut given: BTreeMap<(usize, ObjectKind, &Arc<str>, String), Vec<usize>> = BTreeMap::new();
    let there = |draft: &Draft| matches!(draft.stage, Stage::GiveUp | Stage::UpdateAccounts | Stage::UpdateGroups);
    for (at, draft) in drafts.iter().enumerate().filter(|(_, draft)| there(draft)) {
        for change in of_one(basis, draft) {
            for text in beyond(change.before.as_ref(), change.after.as_ref()) {
                given.entry((draft.target, draft.change.object.kind, &change.attribute, text)).or_default().push(at);
            }
        }
    }
    let mut moves = BTreeSet::new();
    if given.is_empty() {
        return moves;
    }
    let takes = |draft: &Draft| there(draft) || matches!(draft.stage, Stage::CreateAccounts | Stage::CreateGroups);
    for (taker, draft) in drafts.iter().enumerate().filter(|(_, draft)| takes(draft)) {
        for change in of_one(basis, draft) {
            for text in beyond(change.after.as_ref(), change.before.as_ref()) {
                let givers = given.get(&(draft.target, draft.change.object.kind, &change.attribute, text)).into_iter().flatten();
                let others = givers.filter(|giver| drafts[**giver].change.object.key != draft.change.object.key);
                moves.extend(others.map(|giver| Move { giver: *giver, taker }));
            }
        }
    }
    moves
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
    let wanted: BTreeSet<(Arc<str>, String)> = takers.iter().flat_map(|taker| gets(&step.drafts[*taker].change)).collect();
    let draft = &mut step.drafts[at];
    let mut aside = Vec::new();
    for change in &mut draft.change.attributes {
        let given = beyond(change.before.as_ref(), change.after.as_ref());
        if given.iter().any(|text| wanted.contains(&(change.attribute.clone(), text.clone()))) {
            let spare = spare(change);
            aside.push(attribute(&change.attribute, std::mem::replace(&mut change.before, spare.clone()), spare));
        }
    }
    let sign_in = aside.iter().any(|change| change.attribute.as_ref() == "userName");
    let risks: &[Risk] = if sign_in { &[Risk::SignIn] } else { &[] };
    let (target, stage) = (draft.target, draft.stage);
    let Change { object, mandate, reason, cause, .. } = draft.change.clone();
    let names: Vec<&str> = aside.iter().map(|change| change.attribute.as_ref()).collect();
    let sentence = format!("{{who}}: its {} is handed on and another comes in a circle, so it is set aside for a moment", names.join(", "));
    step.tell(Severity::Note, FindingCode::HandedOn, target, &object.key, &sentence);
    let change = step.basis.change(target, Action::Update, object, Grounds { mandate, reason }, cause);
    let stage = if stage == Stage::UpdateAccounts { Stage::GiveUp } else { stage };
    step.draft(target, stage, with(change, aside, risks));
    if let Some(draft) = step.drafts.last_mut() {
        draft.level = level;
    }
}

fn gets(change: &Change) -> Vec<(Arc<str>, String)> {
    let of = |change: &AttributeChange| {
        let texts = beyond(change.after.as_ref(), change.before.as_ref());
        texts.into_iter().map(|text| (change.attribute.clone(), text)).collect::<Vec<_>>()
    };
    change.attributes.iter().flat_map(of).collect()
}

fn spare(change: &AttributeChange) -> Option<Value> {
    let name = change.before.as_ref().and_then(Value::as_text).filter(|_| NAMES.contains(&change.attribute.as_ref()))?;
    Some(Value::text(format!("moving-{name}")))
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
