//! A part of the finished plan, as `--target` and `--select` name it. What is read and planned stays the same.
//!
//! Must never: leave a change in that needs one that is left out.

use std::sync::Arc;

use crate::apply::compare;
use crate::model::{Change, ChangeId, Due, ObjectRef, Plan, PlanFilter};

/// The named part of a plan, closed over what changes need.
pub fn part(plan: Plan, filter: &PlanFilter) -> Plan {
    if filter.is_everything() {
        return plan;
    }
    let selected = Plan { changes: plan.changes.iter().filter_map(|change| selected_of(filter, change)).collect(), ..plan.clone() };
    let mut part = compare(&selected, &plan).plan;
    retain(&mut part, |change| change.runs() || selected_of(filter, change).is_some());
    part.upcoming.dues.retain(|due| covers(filter, due));
    part.filter = filter.clone();
    part
}

/// Whether a pattern with `*` covers a text, without regard to case.
pub fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.to_lowercase(), text.to_lowercase());
    let mut pieces = pattern.split('*');
    let Some(mut rest) = pieces.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let Some(last) = pieces.next_back() else { return rest.is_empty() };
    for piece in pieces {
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// What of a change is selected: all of it, or some of its members.
fn selected_of(filter: &PlanFilter, change: &Change) -> Option<Change> {
    if !filter.targets.is_empty() && !filter.targets.iter().any(|name| name.as_str() == change.target.as_ref()) {
        return None;
    }
    if filter.select.is_empty() || names(filter, &change.object) {
        return Some(change.clone());
    }
    let members: Vec<_> = change.members.iter().filter(|member| names(filter, &member.member)).cloned().collect();
    if members.is_empty() { None } else { Some(Change { members, ..change.clone() }) }
}

fn covers(filter: &PlanFilter, due: &Due) -> bool {
    let here = |target: &Arc<str>| filter.targets.iter().any(|name| name.as_str() == target.as_ref());
    let at = filter.targets.is_empty() || due.target.as_ref().is_none_or(here);
    at && (filter.select.is_empty() || filter.select.iter().any(|pattern| matches(pattern, &due.name) || matches(pattern, &due.key)))
}

fn names(filter: &PlanFilter, object: &ObjectRef) -> bool {
    filter.select.iter().any(|pattern| matches(pattern, &object.name) || matches(pattern, &object.key))
}

/// Drops changes that nothing left needs, and numbers the rest anew.
fn retain(plan: &mut Plan, keep: impl Fn(&Change) -> bool) {
    let mut numbers = Vec::with_capacity(plan.changes.len());
    let mut next = 0;
    for change in &plan.changes {
        numbers.push(keep(change).then_some(ChangeId(next)));
        next += u32::from(keep(change));
    }
    let mut kept = numbers.iter();
    plan.changes.retain(|_| kept.next().is_some_and(Option::is_some));
    for change in &mut plan.changes {
        let new = |need: &ChangeId| numbers.get(need.0 as usize).copied().flatten();
        change.needs = change.needs.iter().filter_map(new).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, text) in [("jane", "Jane"), ("j*", "jane"), ("*", ""), ("*ne", "jane"), ("hr/*", "hr/1"), ("j*n*e", "jane")] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("jan", "jane"), ("j*x", "jane"), ("*ane*ne", "jane"), ("", "a"), ("ja*ane", "jane")] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }
}
