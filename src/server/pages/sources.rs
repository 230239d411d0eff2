//! Sources: whether what they don't say counts, what is held back because of that, and how exactly this is let through.

use axum::Extension;
use axum::extract::State;
use maud::{Markup, html};

use super::named::FoundNames;
use super::{Answer, Form, Here, PageContext, Part, Who, comes, plan, state_tag, text, ticked};
use crate::model::{Evidence, Plan, SystemRole, SystemStatus};
use crate::policy::SourcePolicy;
use crate::render::number;
use crate::render::status::{age, state_words};

pub(super) async fn page(State(site): Here, Extension(visitor): Who, Extension(form): Form) -> Answer {
    let context = PageContext::new(site.clone(), visitor, form).await?;
    let view = site.view().await?;
    let mut systems: Vec<&SystemStatus> =
        context.status.iter().flat_map(|status| &status.systems).filter(|system| system.role == SystemRole::Source).collect();
    systems.sort_by_key(|system| (system.state == crate::model::SystemState::AsDeclared, system.name.clone()));
    let doubtful = systems.iter().filter(|system| !matches!(system.evidence.as_str(), "complete" | "delta")).count();
    let policy = view.snapshot.policy.clone();
    let names = FoundNames::of(&context, &view, view.plan.as_deref()).await?;
    let comes = comes::read(site.desk()?.store.as_ref(), &view.loaded).await?;
    let body = html! {
        h1 { @match doubtful { 0 if systems.is_empty() => { "There is no Source yet" } 0 => { "Every source was read to its end" } 1 => { "1 source was not read to its end" } many => { (many) " sources were not read to their end" } } }
        p.quiet { "What a source does not say counts only where its last read was complete: nobody loses an account because a page, a token or a network was lost." }
        @for system in systems {
            @let rules = policy.sources.iter().find(|source| source.name == system.name);
            (source(&context, system, rules, (view.plan.as_deref(), names.as_ref()), &comes.of(&context, system)))
        }
    };
    Ok(context.page(Part::Sources, "Sources", &body))
}

fn source(
    context: &PageContext,
    system: &SystemStatus,
    rules: Option<&SourcePolicy>,
    (plan, names): (Option<&Plan>, Option<&FoundNames>),
    comes: &Markup,
) -> Markup {
    let clock = context.clock();
    let evidence = plan.iter().flat_map(|plan| &plan.evidence).find(|evidence| evidence.system == system.name);
    html! {
        section.panel {
            h2 { (text(&system.name)) " " (state_tag(system.state, &state_words(system))) }
            dl.facts {
                @if let Some(why) = &system.why { div { dt { "Why" } dd { (ticked(why)) } } }
                div { dt { "Last read" } dd { @match system.read { Some(read) => { (clock.since(read)) ", " (text(&system.evidence)) ", " (number(system.rows)) " rows" } None => { "never" } } } }
                @if let Some(reason) = evidence.and_then(|evidence| evidence.evidence.reason()).filter(|reason| system.why.as_deref() != Some(*reason)) { div { dt { "What was missing" } dd { (ticked(reason)) } } }
                @if matches!(evidence.map(|evidence| &evidence.evidence), Some(Evidence::Delta)) { div { dt { "What it proves" } dd { "what changed; that somebody is gone only a whole read proves" } } }
                div { dt { "Last complete" } dd { @match system.complete { Some(complete) => (clock.since(complete)), None => { "never yet: nobody counts as gone" } } } }
                div { dt { "Next" } dd { @match system.next { Some(next) => { (clock.due(next)) ", a whole read every " (age(jiff::SignedDuration::from_secs(i64::try_from(system.interval).unwrap_or(i64::MAX)))) } None => { "not known" } } } }
                @if let Some(rules) = rules { (limits(rules)) }
            }
            (comes)
            @if let Some(plan) = plan { (plan::findings(plan, Some(&system.name), names)) }
        }
    }
}

/// From when on a read is not believed.
fn limits(rules: &SourcePolicy) -> Markup {
    let bounds = &rules.completeness;
    html! {
        div { dt { "Makes people exist" } dd { @if rules.establishes { "yes" } @else { "no, it only says more about them" } } }
        @if let Some(share) = bounds.max_shrink_share { div { dt { "May shrink by" } dd { (format!("{:.0} %", share * 100.0)) } } }
        @if let Some(count) = bounds.max_shrink_count { div { dt { "May shrink by" } dd { (number(count)) " records" } } }
        @if let Some(fewest) = bounds.min_count { div { dt { "Has at least" } dd { (number(fewest)) " records" } } }
        @if let Some(oldest) = bounds.max_age { div { dt { "May be as old as" } dd { (age(oldest)) } } }
        div { dt { "Declared at" } dd { code { (text(&rules.place.to_string())) } } }
    }
}
