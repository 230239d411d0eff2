//! Former names of groups: each is one group's, and none is written as one that it never was.
//!
//! Must never: leave two groups that both go on as one object to a run.

use std::collections::BTreeMap;

use super::{Context, Diagnostic};
use crate::diagnostic::Place;
use crate::manifest::kinds::fold;

pub(super) fn check(context: &Context<'_>, problems: &mut Vec<Diagnostic>) {
    let mut taken: BTreeMap<String, (&str, Place)> = BTreeMap::new();
    for group in context.loaded.groups.iter().filter(|group| context.is_sound(&group.origin)) {
        let (origin, spec) = (&group.origin, &group.spec);
        for (at, name) in spec.previous_names.iter().enumerate() {
            let pointer = format!("/spec/previousNames/{at}");
            let here = || context.place(origin, &pointer);
            if spec.not_formerly.iter().any(|never| fold(never) == fold(name)) {
                let problem = Diagnostic::error(format!("`{name}` is written as a former name and as one that it never had"));
                problems.push(context.at(origin, &pointer, problem).hint("keep it in one of `previousNames` and `notFormerly`"));
            }
            match taken.get(&fold(name)) {
                Some((other, place)) => {
                    let problem = Diagnostic::error(format!("`{name}` is written as a former name of Group `{other}` too"));
                    let problem = context.at(origin, &pointer, problem).related(place.clone(), "the first one");
                    problems.push(problem.hint("one object goes on as one group: write it at the group that it became"));
                }
                None => {
                    taken.insert(fold(name), (&group.name, here()));
                }
            }
        }
    }
}
