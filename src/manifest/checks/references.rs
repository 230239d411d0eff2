//! What a document names must be there.

use super::{Context, Diagnostic, Origin};
use crate::manifest::kinds::{IdentityRef, Member};

pub(super) fn check(context: &Context<'_>, problems: &mut Vec<Diagnostic>) {
    let loaded = context.loaded;
    for source in &loaded.sources {
        mappings(context, &source.origin, &source.spec.mapping.from, problems);
    }
    for target in &loaded.targets {
        if let Some(rules) = &target.spec.mapping {
            mappings(context, &target.origin, &rules.from, problems);
        }
    }
    for user in &loaded.users {
        if let Some(overridden) = &user.spec.overrides {
            identity(context, &user.origin, "/spec/overrides", overridden, problems);
        }
        for (at, record) in user.spec.records.iter().enumerate() {
            named(context, &user.origin, "Source", &record.source, || format!("/spec/records/{at}/source"), problems);
        }
    }
    for group in &loaded.groups {
        for (list, listed) in group.spec.people() {
            members(context, &group.origin, list, listed, problems);
        }
    }
    for entitlement in &loaded.entitlements {
        named(context, &entitlement.origin, "Target", &entitlement.spec.target, || "/spec/target".to_owned(), problems);
        members(context, &entitlement.origin, "members", &entitlement.spec.members, problems);
    }
    for revocation in &loaded.revocations {
        members(context, &revocation.origin, "identities", &revocation.spec.identities, problems);
        for (at, account) in revocation.spec.accounts.iter().enumerate() {
            named(context, &revocation.origin, "Target", &account.target, || format!("/spec/accounts/{at}/target"), problems);
        }
    }
    for approval in &loaded.approvals {
        for (at, target) in approval.spec.targets.iter().enumerate() {
            approved(context, &approval.origin, target, at, problems);
        }
    }
}

/// An approval outlives what it was for: one that was used must not keep other manifests from being taken once its Target is gone.
fn approved(context: &Context<'_>, origin: &Origin, target: &str, at: usize, problems: &mut Vec<Diagnostic>) {
    if context.refers("Target", target) {
        return;
    }
    let problem = Diagnostic::warning(format!("there is no Target `{}`, so nothing is approved there", shown(target)));
    let hint = context.did_you_mean("Target", target).unwrap_or_else(|| "take it out once the Target is gone for good".to_owned());
    problems.push(context.at(origin, &format!("/spec/targets/{at}"), problem).hint(hint));
}

fn members(context: &Context<'_>, origin: &Origin, list: &str, members: &[Member], problems: &mut Vec<Diagnostic>) {
    for (at, member) in members.iter().enumerate() {
        let pointer = |field: &str| format!("/spec/{list}/{at}/{field}");
        if let Some(name) = &member.user {
            named(context, origin, "User", name, || pointer("user"), problems);
        }
        if let Some(name) = &member.group {
            group(context, origin, name, || pointer("group"), problems);
        }
        if let Some(key) = &member.identity {
            identity(context, origin, &pointer("identity"), key, problems);
        }
    }
}

/// A Group, or one of the groups that a Group with `forEach` makes: which there are only a read can tell.
fn group(context: &Context<'_>, origin: &Origin, written: &str, pointer: impl Fn() -> String, problems: &mut Vec<Diagnostic>) {
    let Some((name, _)) = written.split_once('/') else { return named(context, origin, "Group", written, pointer, problems) };
    let makes = context.loaded.groups.iter().find(|group| group.name.as_ref() == name);
    match makes {
        None => named(context, origin, "Group", name, pointer, problems),
        Some(group) if group.spec.for_each.is_none() => {
            let problem = Diagnostic::error(format!("the Group `{name}` is one group, so nothing stands behind its name"));
            problems.push(context.at(origin, &pointer(), problem).hint(format!("write `{name}`; only a Group with `forEach` has values")));
        }
        Some(_) => {}
    }
}

fn mappings(context: &Context<'_>, origin: &Origin, names: &[String], problems: &mut Vec<Diagnostic>) {
    for (at, name) in names.iter().enumerate() {
        named(context, origin, "AttributeMapping", name, || format!("/spec/mapping/from/{at}"), problems);
    }
}

/// An identity must come from a source that makes people exist; whether the key is there only a read can tell.
fn identity(context: &Context<'_>, origin: &Origin, pointer: &str, identity: &IdentityRef, problems: &mut Vec<Diagnostic>) {
    let pointer = format!("{pointer}/source");
    if context.loaded.sources.iter().any(|source| source.spec.previous_names.contains(&identity.source)) {
        return;
    }
    if !context.refers("Source", &identity.source) {
        return named(context, origin, "Source", &identity.source, || pointer.clone(), problems);
    }
    let source = context.loaded.sources.iter().find(|source| source.name.as_ref() == identity.source);
    if source.is_some_and(|source| source.spec.establishes == Some(false)) {
        let message = format!("the Source `{}` does not establish identities, so it has none to name", identity.source);
        let hint = "name the Source that establishes the identity, and its key there";
        problems.push(context.at(origin, &pointer, Diagnostic::error(message)).hint(hint));
    }
}

/// A document of that kind must be there.
pub(super) fn named(
    context: &Context<'_>,
    origin: &Origin,
    kind: &'static str,
    name: &str,
    pointer: impl FnOnce() -> String,
    problems: &mut Vec<Diagnostic>,
) {
    if context.refers(kind, name) {
        return;
    }
    let message = format!("there is no {kind} `{}`", shown(name));
    let hint = context.did_you_mean(kind, name).unwrap_or_else(|| match kind {
        "User" => "declare the User, or name the person by `identity: {source, key}`".to_owned(),
        _ => format!("declare the {kind}, or correct the name"),
    });
    problems.push(context.at(origin, &pointer(), Diagnostic::error(message)).hint(hint));
}

fn shown(name: &str) -> String {
    name.chars().filter(|letter| !letter.is_control()).take(64).collect()
}
