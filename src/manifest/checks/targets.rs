//! Two Targets never have the same accounts: each would take those of the other for its own, and cut off whom it does not serve.

use std::collections::BTreeMap;

use super::{Context, Diagnostic};
use crate::manifest::Document;
use crate::manifest::kinds::TargetSpec;

pub(super) fn check(context: &Context<'_>, problems: &mut Vec<Diagnostic>) {
    let mut known = BTreeMap::new();
    for target in &context.loaded.targets {
        let connection = target.spec.connection.described();
        let place = format!("/spec/connection/{}/{}", connection.word(), connection.place());
        let accounts = (connection.system(), connection.rows().to_string());
        let Some((other, there)) = known.get(&accounts).cloned() else {
            known.insert(accounts, (target, place));
            continue;
        };
        let other: &Document<TargetSpec> = other;
        // Two documents of one name are told of by themselves.
        if other.name == target.name {
            continue;
        }
        let message = format!(
            "the Targets `{}` and `{}` have the same accounts: each would cut off whom only the other serves",
            other.name, target.name
        );
        let hint = "make one Target of them, or give each its own part of the system, such as another base, filter, or table";
        let problem = Diagnostic::error(message).related(context.place(&other.origin, &there), "the other one");
        problems.push(context.at(&target.origin, &place, problem).hint(hint));
    }
}
