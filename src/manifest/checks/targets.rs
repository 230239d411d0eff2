//! Two Targets never have the same accounts: each would take those of the other for its own, and cut off whom it does not serve.

use super::{Context, Diagnostic};
use crate::manifest::Document;
use crate::manifest::kinds::TargetSpec;

pub(super) fn check(context: &Context<'_>, problems: &mut Vec<Diagnostic>) {
    let targets = &context.loaded.targets;
    for (at, target) in targets.iter().enumerate() {
        let connection = target.spec.connection.described();
        // Two documents of one name are told of by themselves.
        let shares = |other: &&Document<TargetSpec>| {
            let there = (other.spec.connection.described(), other.origin.base.as_path());
            other.name != target.name && connection.shares_with(&target.origin.base, there)
        };
        let Some(other) = targets.iter().take(at).find(shares) else { continue };
        let message = format!(
            "the Targets `{}` and `{}` have the same accounts: each would cut off whom only the other serves",
            other.name, target.name
        );
        let hint = "make one Target of them, or give each its own part of the system, such as a base beside the other's, a filter that \
                    leaves out the other's, or a table";
        let problem = Diagnostic::error(message).related(context.place(&other.origin, &place(other)), "the other one");
        problems.push(context.at(&target.origin, &place(target), problem).hint(hint));
    }
}

fn place(target: &Document<TargetSpec>) -> String {
    let connection = target.spec.connection.described();
    format!("/spec/connection/{}/{}", connection.word(), connection.place())
}
