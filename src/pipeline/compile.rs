//! From loaded manifests to compiled rules: the same for commands, the controller and the operator.
//!
//! Must never: hand on rules of manifests with an error in them.

use std::collections::HashSet;

use crate::connector::registry::{self, Facts};
use crate::diagnostic::{Diagnostic, Level};
use crate::manifest::Loaded;
use crate::pipeline::read::moment;
use crate::policy::{self, Policy};

/// Every problem of the manifests and of the expressions in them, sorted by place; a policy only where none is an error.
pub fn compile(loaded: &Loaded, problems: Vec<Diagnostic>) -> (Option<Policy>, Vec<Diagnostic>) {
    compile_after(loaded, None, problems)
}

/// The same where others were compiled before, without an error: what is the same in both is taken from there.
pub fn compile_after(loaded: &Loaded, before: Option<(&Loaded, &Policy)>, problems: Vec<Diagnostic>) -> (Option<Policy>, Vec<Diagnostic>) {
    let (policy, found) = match policy::compile_after(loaded, before, &Facts) {
        Ok((policy, warnings)) => (Some(policy), warnings),
        Err(errors) => (None, errors),
    };
    let long = policy.as_ref().map(|policy| policy.suspended_too_long(moment(policy, None).today));
    let found = found.into_iter().chain(registry::check(loaded)).chain(long.into_iter().flatten());
    let problems = merge(problems, found.collect());
    let broken = problems.iter().any(|problem| problem.level == Level::Error);
    (policy.filter(|_| !broken), problems)
}

/// The rules of what is sound, with all that is wrong: for what has to work whatever else is wrong, and never for a plan.
pub fn compile_what_is_sound(loaded: &Loaded, problems: Vec<Diagnostic>) -> (Policy, Vec<Diagnostic>) {
    let (policy, found) = policy::compile_what_is_sound(loaded, &Facts);
    (policy, merge(problems, found))
}

/// All problems, sorted by place. What could not be loaded is missing for the compiler, and what was told once need not be told again.
fn merge(mut problems: Vec<Diagnostic>, found: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let broken = problems.iter().any(|problem| problem.level == Level::Error);
    let places: HashSet<_> = problems.iter().filter_map(|problem| problem.place.clone()).collect();
    let told = |found: &Diagnostic| broken && found.place.as_ref().is_none_or(|place| places.contains(place));
    let new: Vec<_> = found.into_iter().filter(|found| !told(found)).collect();
    problems.extend(new);
    problems.sort_by(|one, next| one.place.cmp(&next.place));
    problems
}
