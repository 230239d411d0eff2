//! An Entitlement stands once at its target, somebody gets it, and its parameters have names of their own.

use super::{Arc, Context, Diagnostic, HashMap};

/// What the target's own columns are called.
const TAKEN: [&str; 2] = ["account", "entitlement"];

pub(super) fn check(context: &Context<'_>, problems: &mut Vec<Diagnostic>) {
    let mut seen: HashMap<(&str, Arc<str>), usize> = HashMap::new();
    let all = &context.loaded.entitlements;
    for (at, document) in all.iter().enumerate() {
        let spec = &document.spec;
        let name = spec.entitlement.as_deref().map_or_else(|| document.name.clone(), Arc::from);
        let pointer = if spec.entitlement.is_some() { "/spec/entitlement" } else { "/metadata/name" };
        let first = *seen.entry((spec.target.as_str(), name.clone())).or_insert(at);
        if let Some(first) = all.get(first).filter(|_| first != at) {
            let message = format!(
                "the Entitlements `{}` and `{}` both say who gets `{name}` at the Target `{}`",
                first.name, document.name, spec.target
            );
            let place = context.place(&first.origin, if first.spec.entitlement.is_some() { "/spec/entitlement" } else { "/metadata/name" });
            let hint = "make one of them, or give one another name at the target by `entitlement`";
            problems.push(context.at(&document.origin, pointer, Diagnostic::error(message)).hint(hint).related(place, "the first one"));
        }
        if spec.when.is_none() && spec.members.is_empty() && context.is_sound(&document.origin) {
            let message = format!("the Entitlement `{}` has neither `when` nor `members`: whoever has it would lose it", document.name);
            let hint = "say who gets it, or write `when: \"false\"` if nobody should";
            problems.push(context.at(&document.origin, "/spec", Diagnostic::error(message)).hint(hint));
        }
        for parameter in spec.parameters.keys().filter(|name| TAKEN.contains(&name.as_str()) || name.trim().is_empty()) {
            let message = format!("a parameter can't be called `{parameter}`");
            let pointer = format!("/spec/parameters/{}", parameter.replace('~', "~0").replace('/', "~1"));
            problems.push(context.at(&document.origin, &pointer, Diagnostic::error(message)).hint("give it a name of its own"));
        }
    }
}
