//! `--target` and `--select`: a part of the finished plan. What is read and planned stays the same.
//!
//! Must never: leave a change in that needs one that is left out.

use std::sync::Arc;

use clap::Args;

use super::complete;
use super::report::Failure;
use super::session::Session;
use crate::apply::compare;
use crate::model::{Change, ChangeId, Due, ObjectRef, Plan, PlanFilter};

/// Which part of the plan.
#[derive(Clone, Debug, Default, Args)]
pub struct Selection {
    /// Only changes at this target; repeatable. Filters the finished plan, never what is read
    #[arg(long, value_name = "NAME", add = complete::targets())]
    pub target: Vec<String>,
    /// Only changes of these accounts and groups, by name or key, * standing for anything; repeatable
    #[arg(long, value_name = "PATTERN", add = complete::objects())]
    pub select: Vec<String>,
}

impl Selection {
    /// Whether it leaves nothing out.
    pub fn is_everything(&self) -> bool {
        self.filter().is_everything()
    }

    /// What it names, as a plan remembers it.
    pub fn filter(&self) -> PlanFilter {
        PlanFilter { targets: self.target.clone(), select: self.select.clone() }
    }

    /// The part that a saved plan is of. Named again it must be the same one; of a whole plan a part may be named.
    pub fn of_saved(&self, saved: &PlanFilter) -> Result<Self, Failure> {
        if self.is_everything() {
            return Ok(Self { target: saved.targets.clone(), select: saved.select.clone() });
        }
        if saved.is_everything() || saved.same(&self.filter()) {
            return Ok(self.clone());
        }
        let message = format!("the plan was saved with {}, and this run was given {}", words(saved), words(&self.filter()));
        Err(Failure::usage(message)
            .hint("leave --target and --select out: the plan file knows which part it is; for another part make another plan"))
    }

    /// A target that does not exist is a slip, not an empty part.
    pub fn check(&self, session: &Session) -> Result<(), Failure> {
        self.target.iter().try_for_each(|name| session.check_target(name))
    }

    /// The selected part of a plan, closed over what changes need.
    pub fn of(&self, plan: Plan) -> Plan {
        if self.is_everything() {
            return plan;
        }
        let selected = Plan { changes: plan.changes.iter().filter_map(|change| self.part(change)).collect(), ..plan.clone() };
        let mut part = compare(&selected, &plan).plan;
        retain(&mut part, |change| change.runs() || self.part(change).is_some());
        part.upcoming.dues.retain(|due| self.covers(due));
        part.filter = self.filter();
        part
    }

    /// What of a change is selected: all of it, or some of its members.
    fn part(&self, change: &Change) -> Option<Change> {
        if !self.target.is_empty() && !self.target.iter().any(|name| name.as_str() == change.target.as_ref()) {
            return None;
        }
        if self.select.is_empty() || self.names(&change.object) {
            return Some(change.clone());
        }
        let members: Vec<_> = change.members.iter().filter(|member| self.names(&member.member)).cloned().collect();
        if members.is_empty() { None } else { Some(Change { members, ..change.clone() }) }
    }

    fn covers(&self, due: &Due) -> bool {
        let here = |target: &Arc<str>| self.target.iter().any(|name| name.as_str() == target.as_ref());
        let at = self.target.is_empty() || due.target.as_ref().is_none_or(here);
        at && (self.select.is_empty() || self.select.iter().any(|pattern| matches(pattern, &due.name) || matches(pattern, &due.key)))
    }

    fn names(&self, object: &ObjectRef) -> bool {
        self.select.iter().any(|pattern| matches(pattern, &object.name) || matches(pattern, &object.key))
    }
}

/// A filter as it is written on the command line.
fn words(filter: &PlanFilter) -> String {
    let options = |option: &str, values: &[String]| values.iter().map(|value| format!("{option} {value}")).collect::<Vec<_>>();
    [options("--target", &filter.targets), options("--select", &filter.select)].concat().join(" ")
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

/// Whether a pattern with `*` covers a text, without regard to case.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
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
