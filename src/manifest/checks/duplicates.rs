//! A kind and name stand once; a Workspace stands once at all.

use super::{Arc, Context, Diagnostic, HashMap};

pub(super) fn check(context: &Context<'_>, problems: &mut Vec<Diagnostic>) {
    let mut seen: HashMap<(&str, Arc<str>), usize> = HashMap::with_capacity(context.declared.len());
    let mut workspace = None;
    for (at, one) in context.declared.iter().enumerate().filter(|(_, one)| one.unread.is_none()) {
        let first =
            if one.kind == "Workspace" { *workspace.get_or_insert(at) } else { *seen.entry((one.kind, one.name.clone())).or_insert(at) };
        let Some(first) = context.declared.get(first).filter(|_| first != at) else { continue };
        let (message, hint) = if one.kind == "Workspace" {
            ("there is a second Workspace".to_owned(), "a workspace has one; is another workspace's folder among the inputs?")
        } else {
            (format!("there is a second {} `{}`", one.kind, one.name), "rename one of them, or take it out")
        };
        let place = context.place(&first.origin, "/metadata/name");
        problems.push(context.at(&one.origin, "/metadata/name", Diagnostic::error(message)).hint(hint).related(place, "the first one"));
    }
}
