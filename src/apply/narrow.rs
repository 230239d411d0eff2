//! A plan made smaller: of each change the part that may run, closed over what changes need, with its positions right.
//!
//! Must never: leave a change in that needs one that is left out, or lose what was left out.

use std::collections::BTreeMap;

use crate::model::{AttributeChange, Change, ChangeId, MemberChange, Plan};

use super::atoms::part;
use super::prepare::{can_do_without, references};

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Narrowed {
    /// what may run, and what does not run anyway, numbered anew
    pub plan: Plan,
    /// the rest, by its position in the whole plan
    pub rest: BTreeMap<usize, Change>,
    /// of each change that stays: where it was, and where it is
    pub places: BTreeMap<usize, ChangeId>,
}

/// Keeps of each change what `split` gives first. What it gives second is left out, and so is what needs something that is left out.
pub fn narrow(whole: &Plan, mut split: impl FnMut(usize, &Change) -> (Option<Change>, Option<Change>)) -> Narrowed {
    let mut kept: BTreeMap<usize, Change> = BTreeMap::new();
    let mut all_rest = BTreeMap::new();
    for (at, change) in whole.changes.iter().enumerate() {
        let (run, mut rest) = split(at, change);
        if let Some(run) = run.and_then(|run| close(run, whole, &kept, &mut rest)) {
            kept.insert(at, run);
        }
        if let Some(rest) = rest {
            all_rest.insert(at, rest);
        }
    }
    let places: BTreeMap<usize, ChangeId> = kept.keys().copied().zip((0..).map(ChangeId)).collect();
    Narrowed { plan: Plan { changes: renumber(kept, &places), ..whole.clone() }, rest: all_rest, places }
}

/// Takes out what depends on something that does not run. What was taken out goes to `rest`.
fn close(mut change: Change, whole_plan: &Plan, kept: &BTreeMap<usize, Change>, rest: &mut Option<Change>) -> Option<Change> {
    if !change.runs() {
        return Some(change);
    }
    let whole = change.clone();
    let lacking = |need: &ChangeId| kept.get(&(need.0 as usize)).is_none_or(|need| !need.runs());
    let (missing, needs): (Vec<_>, Vec<_>) = change.needs.iter().copied().partition(lacking);
    change.needs = needs;
    for missed in missing.iter().filter_map(|need| whole_plan.changes.get(need.0 as usize)) {
        if !can_do_without(&whole, missed) {
            *rest = Some(joined(rest.take(), &whole, whole.attributes.clone(), whole.members.clone()));
            return None;
        }
        let key = &missed.object.key;
        let (out, members) = std::mem::take(&mut change.members).into_iter().partition(|member| member.member.key == *key);
        let refers = |attribute: &AttributeChange| attribute.after.as_ref().is_some_and(|value| references(value).contains(key));
        let (without, attributes) = std::mem::take(&mut change.attributes).into_iter().partition(refers);
        (change.members, change.attributes) = (members, attributes);
        *rest = Some(joined(rest.take(), &whole, without, out));
    }
    part(&change, change.attributes.clone(), change.members.clone())
}

fn joined(rest: Option<Change>, whole: &Change, attributes: Vec<AttributeChange>, members: Vec<MemberChange>) -> Change {
    let mut rest = rest.unwrap_or_else(|| Change { attributes: Vec::new(), members: Vec::new(), ..whole.clone() });
    rest.attributes.extend(attributes);
    rest.attributes.sort_by(|one, other| one.attribute.cmp(&other.attribute));
    rest.members.extend(members);
    rest.members.sort_by(|one, other| one.member.key.cmp(&other.member.key));
    // Two of its needs may be about one member: it stays out once.
    rest.members.dedup_by(|one, other| one.member == other.member);
    rest
}

/// Positions change when changes are left out; `needs` must follow.
fn renumber(kept: BTreeMap<usize, Change>, places: &BTreeMap<usize, ChangeId>) -> Vec<Change> {
    let place = |need: &ChangeId| places.get(&(need.0 as usize)).copied();
    kept.into_values().map(|change| Change { needs: change.needs.iter().filter_map(place).collect(), ..change }).collect()
}
