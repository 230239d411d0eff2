//! Durations, shares, dates, time zones and names of guardrails are written so that they can be read.

use super::{Context, Diagnostic, Origin};
use crate::diagnostic::did_you_mean;
use crate::manifest::connection::{Mistake, Unreadable};
use crate::manifest::kinds::{Guardrails, Member, Removals, TargetSpec};
use crate::manifest::quantity;
use crate::model::Guardrail;

pub(super) fn check(context: &Context<'_>, problems: &mut Vec<Diagnostic>) {
    let loaded = context.loaded;
    if let Some(workspace) = &loaded.workspace
        && let Some(zone) = &workspace.spec.time_zone
    {
        let mut formats = Formats { context, origin: &workspace.origin, problems };
        formats.that("time zone", "/spec/timeZone", quantity::time_zone(zone));
    }
    if let Some(workspace) = &loaded.workspace
        && let Some(most) = &workspace.spec.max_read
    {
        Formats { context, origin: &workspace.origin, problems }.that("size", "/spec/maxRead", quantity::bytes(most));
    }
    if let Some(workspace) = &loaded.workspace
        && let Some(removals) = &workspace.spec.removals
    {
        self::removals(&mut Formats { context, origin: &workspace.origin, problems }, removals);
    }
    for (origin, connection) in loaded.connections() {
        let mut formats = Formats { context, origin, problems };
        for Unreadable { pointer, what, hint } in connection.unreadable() {
            formats.wrong(what, &connection.pointer(pointer), hint);
        }
    }
    for (role, origin, connection) in loaded.connections_by_role() {
        for Mistake { pointer, message, hint } in connection.mistakes(role) {
            let pointer = connection.pointer(&pointer);
            let problem = hidden_address(&pointer, Diagnostic::error(message));
            problems.push(context.at(origin, &pointer, problem).hint(hint));
        }
    }
    for source in &loaded.sources {
        let mut formats = Formats { context, origin: &source.origin, problems };
        if let Some(completeness) = &source.spec.completeness {
            formats.duration("/spec/completeness/maxAge", completeness.max_age.as_deref());
            if let Some(shrink) = &completeness.max_shrink {
                formats.that("share or number", "/spec/completeness/maxShrink", quantity::amount(shrink));
            }
        }
    }
    for target in &loaded.targets {
        self::target(&mut Formats { context, origin: &target.origin, problems }, &target.spec);
    }
    for source in &loaded.sources {
        if let Some(day) = source.spec.lifecycle.as_ref().and_then(|lifecycle| lifecycle.shared_end.as_ref()) {
            Formats { context, origin: &source.origin, problems }.that("date", "/spec/lifecycle/sharedEnd", quantity::date(day));
        }
    }
    for group in &loaded.groups {
        let mut formats = Formats { context, origin: &group.origin, problems };
        for (list, members) in group.spec.people() {
            formats.untils(list, members);
        }
    }
    for entitlement in &loaded.entitlements {
        Formats { context, origin: &entitlement.origin, problems }.untils("members", &entitlement.spec.members);
    }
    for revocation in &loaded.revocations {
        let mut formats = Formats { context, origin: &revocation.origin, problems };
        if let Some(until) = &revocation.spec.until {
            formats.that("date", "/spec/until", quantity::date(until));
        }
        if revocation.spec.reason.trim().is_empty() {
            formats.wrong("reason", "/spec/reason", "say why, for whoever reads this later");
        }
    }
    for persona in &loaded.personas {
        Formats { context, origin: &persona.origin, problems }.that("date", "/spec/asOf", quantity::date(&persona.spec.as_of));
    }
}

fn target(formats: &mut Formats<'_, '_>, spec: &TargetSpec) {
    let departures = [("leaver", &spec.leaver), ("absent", &spec.absent), ("deselected", &spec.deselected), ("suspended", &spec.suspended)];
    for (name, departure) in departures {
        let after = departure.as_ref().and_then(|departure| departure.delete_after.as_deref());
        formats.duration(&format!("/spec/{name}/deleteAfter"), after);
    }
    formats.duration("/spec/names/reuseAfter", spec.names.as_ref().and_then(|names| names.reuse_after.as_deref()));
    if let Some(before) = spec.pre_hire.as_ref().and_then(|early| early.before.as_ref()) {
        formats.that("number of days", "/spec/preHire/before", quantity::days(before));
    }
    if let Some(guards) = &spec.guardrails {
        guardrails(formats, guards);
    }
    for (at, _) in spec.previous_systems.iter().enumerate().filter(|(_, number)| u64::from_str_radix(number, 16).is_err()) {
        formats.wrong("number of a system", &format!("/spec/previousSystems/{at}"), "write it as the finding printed it, such as 9f3c0a…");
    }
    if let Some(limits) = &spec.limits {
        if limits.concurrency == Some(0) {
            formats.wrong(
                "number of requests",
                "/spec/limits/concurrency",
                "with 0 requests at once nothing would be written; write 1 or more",
            );
        }
        if limits.per_second.is_some_and(|rate| !(rate > 0.0 && rate <= 100_000.0)) {
            formats.wrong("rate", "/spec/limits/perSecond", "write how many requests a second, more than 0");
        }
        if limits.burst == Some(0) {
            formats.wrong("number of requests", "/spec/limits/burst", "at least one has to go; write 1 or more");
        }
        if limits.burst.is_some() && limits.per_second.is_none() {
            formats.wrong("burst", "/spec/limits/burst", "it is what a rate allows at once; write `perSecond` beside it, or leave it out");
        }
    }
}

fn removals(formats: &mut Formats<'_, '_>, removals: &Removals) {
    formats.that("date", "/spec/removals/expires", quantity::date(&removals.expires));
    if removals.reason.trim().is_empty() {
        formats.wrong("reason", "/spec/removals/reason", "say for the reviewer why this may go");
    }
    for (at, name) in removals.names.iter().enumerate().filter(|(_, name)| Removals::kind_and_name(name).is_none()) {
        let hint = match name.starts_with("User/") || name.starts_with("Group/") {
            true => "of Users and Groups write how many may go: `users: 40`, `groups: 12`",
            false => "write the kind and the name: `Source/old-hr`, `Target/chat`",
        };
        formats.wrong("name of what may go", &format!("/spec/removals/names/{at}"), hint);
    }
}

fn guardrails(formats: &mut Formats<'_, '_>, guards: &Guardrails) {
    formats.duration("/spec/guardrails/window", guards.window.as_deref());
    for (guardrail, limit) in guards.limits() {
        if limit.percent.is_some_and(|percent| !(0.0..=100.0).contains(&percent)) {
            let pointer = format!("/spec/guardrails/{}/percent", guardrail.word());
            formats.wrong("share", &pointer, "write per cent of the population: 0 to 100");
        }
    }
    for (at, over) in guards.overrides.iter().enumerate() {
        let pointer = |field: &str| format!("/spec/guardrails/overrides/{at}/{field}");
        formats.that("date", &pointer("expires"), quantity::date(&over.expires));
        if Guardrail::of_word(&over.guardrail).is_none() {
            let known = Guardrail::ALL.map(Guardrail::word);
            let near = did_you_mean(&over.guardrail, known);
            formats.wrong("guardrail", &pointer("guardrail"), &near.unwrap_or_else(|| format!("known: {}", known.join(", "))));
        }
        if over.reason.trim().is_empty() {
            formats.wrong("reason", &pointer("reason"), "say for the reviewer why this may pass");
        }
    }
}

/// Tells of values of one document that can't be read.
pub(super) struct Formats<'a, 'c> {
    pub(super) context: &'a Context<'c>,
    pub(super) origin: &'a Origin,
    pub(super) problems: &'a mut Vec<Diagnostic>,
}

impl Formats<'_, '_> {
    fn untils(&mut self, list: &str, members: &[Member]) {
        for (at, until) in members.iter().enumerate().filter_map(|(at, member)| member.until.as_deref().map(|until| (at, until))) {
            if let Err(hint) = quantity::date(until) {
                self.wrong("date", &format!("/spec/{list}/{at}/until"), hint);
            }
        }
    }

    fn duration(&mut self, pointer: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.that("duration", pointer, quantity::duration(text));
        }
    }

    pub(super) fn that<T>(&mut self, what: &str, pointer: &str, read: Result<T, &'static str>) {
        if let Err(hint) = read {
            self.wrong(what, pointer, hint);
        }
    }

    pub(super) fn wrong(&mut self, what: &str, pointer: &str, hint: &str) {
        let mut path = String::new();
        for part in pointer.split('/').skip(1) {
            match part.parse::<usize>() {
                Ok(at) => path.push_str(&format!("[{at}]")),
                Err(_) if path.is_empty() => path.push_str(part),
                Err(_) => path.push_str(&format!(".{part}")),
            }
        }
        let problem = Diagnostic::error(format!("`{path}` is no {what}"));
        let problem = hidden_address(pointer, problem);
        self.problems.push(self.context.at(self.origin, pointer, problem).hint(hint));
    }
}

/// An address that is written wrongly may hold a password.
fn hidden_address(pointer: &str, problem: Diagnostic) -> Diagnostic {
    if pointer.ends_with("/url") || pointer.contains("/urls/") { problem.conceal() } else { problem }
}
