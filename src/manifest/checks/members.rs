//! A member names exactly one thing, and an empty list says that it means it.

use super::{Context, Diagnostic, Origin};
use crate::manifest::kinds::Member;

pub(super) fn check(context: &Context<'_>, problems: &mut Vec<Diagnostic>) {
    for group in context.loaded.groups.iter().filter(|group| context.is_sound(&group.origin)) {
        let spec = &group.spec;
        for (list, members) in spec.people() {
            each(context, &group.origin, list, members, problems);
        }
        if spec.members.as_ref().is_some_and(Vec::is_empty) && spec.rule.is_none() && spec.for_each.is_none() && !spec.allow_empty {
            let message = format!("the Group `{}` has an empty list of members and no rule: everybody would be removed", group.name);
            let hint = "add `allowEmpty: true` to the spec if that is meant, or leave `members` out to leave them alone";
            problems.push(context.at(&group.origin, "/spec/members", Diagnostic::error(message)).hint(hint));
        }
    }
    for one in context.loaded.entitlements.iter().filter(|one| context.is_sound(&one.origin)) {
        each(context, &one.origin, "members", &one.spec.members, problems);
        people_only(context, &one.origin, "members", &one.spec.members, problems);
    }
    for one in context.loaded.revocations.iter().filter(|one| context.is_sound(&one.origin)) {
        each(context, &one.origin, "identities", &one.spec.identities, problems);
        people_only(context, &one.origin, "identities", &one.spec.identities, problems);
        if one.spec.identities.is_empty() && one.spec.accounts.is_empty() {
            let problem = Diagnostic::error(format!("the Revocation `{}` names nobody", one.name));
            let hint = "write whom it cuts off into `identities`, or an account that nobody has into `accounts`; to give access back, remove the document";
            problems.push(context.at(&one.origin, "/spec", problem).hint(hint));
        }
    }
}

fn people_only(context: &Context<'_>, origin: &Origin, list: &str, members: &[Member], problems: &mut Vec<Diagnostic>) {
    for (at, _) in members.iter().enumerate().filter(|(_, member)| member.group.is_some()) {
        let problem = Diagnostic::error("only people can be named here, not groups").hint("name each by `user` or `identity`");
        problems.push(context.at(origin, &format!("/spec/{list}/{at}/group"), problem));
    }
}

fn each(context: &Context<'_>, origin: &Origin, list: &str, members: &[Member], problems: &mut Vec<Diagnostic>) {
    for (at, member) in members.iter().enumerate() {
        let named = [member.user.is_some(), member.identity.is_some(), member.group.is_some()];
        let message = match named.iter().filter(|named| **named).count() {
            1 => continue,
            0 => "a member needs one of `user`, `identity` and `group`",
            _ => "a member takes only one of `user`, `identity` and `group`",
        };
        let hint = "one entry of the list for each of them";
        problems.push(context.at(origin, &format!("/spec/{list}/{at}"), Diagnostic::error(message)).hint(hint));
    }
}
