//! Guardrails and exceptions: what did not run and why, how exactly this is let through, how close the limits are, and which exceptions are in force until when.

use axum::Extension;
use axum::extract::State;
use maud::{Markup, html};

use super::named::FoundNames;
use super::{Answer, Form, Here, PageContext, Part, Who, plan, tag, text, ticked};
use crate::model::{LimitUse, Plan, Severity, SystemStatus};
use crate::policy::{Lets, Policy, ProtectionPolicy, TargetPolicy};
use crate::render::{count, number};
use crate::server::settings::SiteAction;

pub(super) async fn page(State(site): Here, Extension(visitor): Who, Extension(form): Form) -> Answer {
    let context = PageContext::new(site.clone(), visitor, form).await?;
    let view = site.view().await?;
    let systems: Vec<&SystemStatus> = context.status.iter().flat_map(|status| &status.systems).collect();
    let names = FoundNames::of(&context, &view, view.plan.as_deref()).await?;
    let breached: usize = systems.iter().map(|system| system.breached.len()).sum();
    let body = html! {
        header.top {
            h1 { @match breached { 0 => { "No guardrail holds anything back" } 1 => { "1 guardrail holds changes back" } many => { (many) " guardrails hold changes back" } } }
            div.acts { @if context.offers(SiteAction::Pause) && context.status.as_ref().is_some_and(|status| status.brake.is_none()) { a.button.lose href="/pause" { "Stop all writing" } } }
        }
        p.quiet { "Limits count what was done within their window, over all runs. Revocations go past them." }
        @for system in systems.iter().filter(|system| !system.breached.is_empty()) { (held(system)) }
        @if let Some(plan) = &view.plan { (refused(names.as_ref(), plan)) (room(plan)) }
        (exceptions(&view.snapshot.policy))
    };
    Ok(context.page(Part::Guardrails, "Guardrails", &body))
}

fn held(system: &SystemStatus) -> Markup {
    html! {
        section.risk {
            h2 { (text(&system.name)) }
            ul.told { @for limit in &system.breached { li { (tag("lose", "▲", limit.guardrail.word())) " " (limit.words()) ": " (number(limit.withheld)) " changes are withheld" } } }
        }
    }
}

/// What is refused, with what lets exactly this through, ready to be pasted.
fn refused(names: Option<&FoundNames>, plan: &Plan) -> Markup {
    let found: Vec<_> = plan.findings.iter().filter(|finding| finding.severity == Severity::Refused).collect();
    html! {
        @if let Some(names) = names.filter(|_| !found.is_empty()) {
            h2 { "What is refused, and how exactly this is let through" }
            ul.told { @for finding in found { li {
                (names.said(finding))
                @if let Some(place) = &finding.place { " " code { (text(&place.to_string())) } }
                @if let Some(hint) = &finding.hint { @if hint.contains('\n') { pre { (crate::render::safe::lines(hint)) } } @else { br; "Next: " (ticked(hint)) } }
            } } }
        } @else if !found.is_empty() { (plan::findings(plan, None, None)) }
    }
}

/// How close the limits are, the closest first.
fn room(plan: &Plan) -> Markup {
    let used = |limit: &LimitUse| limit.planned + limit.done.unwrap_or_default();
    let share = |limit: &LimitUse| used(limit) * 1000 / limit.allowed.max(1);
    let mut limits: Vec<&LimitUse> = plan.limits.iter().filter(|limit| used(limit) > 0).collect();
    limits.sort_by_key(|limit| std::cmp::Reverse(share(limit)));
    html! {
        h2 { @if limits.is_empty() { "No limit is used" } @else { "How much room is left" } }
        @if !limits.is_empty() {
            table.cards {
                thead { tr { th scope="col" { "Limit" } th scope="col" { "Used" } th scope="col" { "How much of how many" } th scope="col" { "Declared at" } } }
                tbody { @for limit in limits { tr {
                    th scope="row" { (text(&limit.target)) ", " (limit.guardrail.word()) }
                    td { meter min="0" max=(limit.allowed.max(1)) value=(used(limit).min(limit.allowed.max(1))) high=(limit.allowed * 8 / 10) { (used(limit)) " of " (limit.allowed) } }
                    td { (number(limit.planned)) " planned" @match limit.done { Some(0) => {} Some(done) => { " and " (number(done)) " done before" } None => { ", and nobody knows what was done before" } } ", of " (number(limit.allowed)) }
                    td { @match &limit.place { Some(place) => code { (text(&place.to_string())) }, None => span.quiet { "the default" } } }
                } } }
            }
        }
    }
}

fn exceptions(policy: &Policy) -> Markup {
    let rows: Vec<Markup> = policy.targets.iter().flat_map(of_target).collect();
    html! {
        h2 { @if rows.is_empty() { "No exceptions are in force" } @else { "Exceptions in force" } }
        @if !rows.is_empty() {
            table.cards {
                thead { tr { th scope="col" { "What" } th scope="col" { "Where" } th scope="col" { "Why" } th scope="col" { "Ends" } th scope="col" { "Declared at" } } }
                tbody { @for row in rows { (row) } }
            }
        }
    }
}

/// What is protected by name, by rule, and as groups that keep some.
fn protected_words(protect: &ProtectionPolicy) -> String {
    let parts = [(protect.accounts.len(), "account"), (protect.rules.len(), "rule"), (protect.keep.len(), "guarded group")];
    let words: Vec<String> = parts.iter().filter(|(many, _)| *many > 0).map(|(many, what)| count(*many as u64, what)).collect();
    words.join(", ")
}

fn of_target(target: &TargetPolicy) -> Vec<Markup> {
    let row = |what: &str, why: &str, ends: &str, place: &str| html! { tr { th scope="row" { (text(what)) } td { (text(&target.name)) } td { (text(why)) } td data-label="Ends" { (ends) } td { code { (text(place)) } } } };
    let mut rows = Vec::new();
    for one in &target.guardrails.overrides {
        let lets = match &one.lets {
            Lets::Exactly(hash) => format!("override of {}: the changes {hash}", one.guardrail.word()),
            Lets::AtMost(count) => format!("override of {}: up to {count}", one.guardrail.word()),
        };
        rows.push(row(&lets, &one.reason, &one.expires.to_string(), &one.place.to_string()));
    }
    if let Some(suspend) = &target.gates.suspend {
        rows.push(row("suspended, still watched", &suspend.reason, &suspend.until.to_string(), &suspend.place.to_string()));
    }
    for window in &target.gates.windows {
        let clock = |minutes: u32| format!("{:02}:{:02}", minutes / 60 % 24, minutes % 60);
        let what = format!("{} {} to {}", if window.deny { "closed from" } else { "open from" }, clock(window.from), clock(window.to));
        rows.push(row(
            &what,
            if window.destructive { "what takes something alone" } else { "all writing" },
            "–",
            &target.place.to_string(),
        ));
    }
    let protect = &target.protect;
    let protected = protect.accounts.len() + protect.rules.len() + protect.keep.len();
    if protected > 0 {
        let kept: Vec<String> = protect.keep.iter().map(|(group, count)| format!("{group} keeps {count}")).collect();
        rows.push(row(&format!("protected: {}", protected_words(protect)), &kept.join(", "), "–", &target.place.to_string()));
    }
    rows
}
