//! The overview: what needs somebody, each system, what comes up.

use axum::Extension;
use axum::extract::State;
use maud::{Markup, html};

use super::named::FoundNames;
use super::{Answer, Form, Here, PageContext, Part, Who, lately, link, plan, state_tag, tag, text, ticked};
use crate::model::{Finding, Need, NeedKind, Plan, Severity, Status, SystemRole, SystemState, SystemStatus};
use crate::render::status::{calm_words, need_word, pending, pending_words, state_words};
use crate::render::{coming_up, count};
use crate::server::settings::SiteAction;

/// Days that are looked ahead.
const DAYS: usize = 7;

pub(super) async fn page(State(site): Here, Extension(visitor): Who, Extension(form): Form) -> Answer {
    let context = PageContext::new(site.clone(), visitor, form).await?;
    let view = site.view().await.ok();
    let plan = view.as_ref().and_then(|view| view.plan.clone());
    let Some(status) = &context.status else {
        let body = html! {
            h1 { "Nobody told yet how this workspace stands" }
            p { "The systems are being read for the first time. Open this page again in a moment." }
        };
        return Ok(context.page(Part::Overview, "Overview", &body));
    };
    let names = match &view {
        Some(view) => FoundNames::of(&context, view, plan.as_deref()).await?,
        None => None,
    };
    let summary = lately::summary(&context, status).await;
    let body = html! {
        header.top {
            h1 { (heading(status)) }
            div.acts {
                @if context.offers(SiteAction::Sync) { a.button href="/sync" { "Sync now" } }
                @if context.offers(SiteAction::Pause) && status.brake.is_none() { a.button.lose href="/pause" { "Stop all writing" } }
            }
        }
        (summary)
        @if status.systems.is_empty() { p { "Declare them in the manifests: " code { "headcount init --from TABLE" } " writes some to start from, " code { "headcount connector init NAME" } " prints one." } }
        (needs(&context, status, (plan.as_deref(), names.as_ref())))
        (systems(&context, status, SystemRole::Target, "Targets"))
        (systems(&context, status, SystemRole::Source, "Sources"))
        @if let Some(plan) = &plan { (soon(plan)) }
    };
    Ok(context.page(Part::Overview, "Overview", &body))
}

fn heading(status: &Status) -> String {
    match status.needs.len() as u64 {
        0 if status.systems.is_empty() => "There is no Source and no Target yet".to_owned(),
        0 => format!("Nothing needs somebody{}", calm_words(status).trim_end_matches('.')),
        1 => "1 thing needs somebody".to_owned(),
        many => format!("{} need somebody", count(many, "thing")),
    }
}

fn needs(context: &PageContext, status: &Status, plan: (Option<&Plan>, Option<&FoundNames>)) -> Markup {
    html! {
        @if !status.needs.is_empty() {
            ul.needs aria-label="What needs somebody" {
                @for need in &status.needs {
                    li {
                        @let (word, _) = need_word(status, need);
                        @let can_wait = matches!(need.kind, NeedKind::Waits | NeedKind::Contested | NeedKind::Undeclared | NeedKind::Untold | NeedKind::Unsubscribed);
                        (if can_wait { tag("warn", "●", word) } else { tag("lose", "▲", word) })
                        div {
                            (sentence(need, plan))
                            p.quiet { "Since " (context.clock().since(need.since)) ". " (until_then(need.kind)) " On the command line: " code { (text(&need.next)) } }
                            @if need.kind == NeedKind::RevisionRefused { (refused(status)) }
                        }
                        @if let Some((address, words)) = leads(context, status, need) { a.button href=(address) { (words) } }
                    }
                }
            }
        }
    }
}

/// What it is about, in the plan's own words where there is one: the state alone tells less.
fn sentence(need: &Need, (plan, names): (Option<&Plan>, Option<&FoundNames>)) -> Markup {
    let waits = plan.filter(|_| need.kind == NeedKind::Waits).map(|plan| {
        let here = plan.changes.iter().filter(|change| *change.target == *need.about);
        plan::heading(here, "")
    });
    let is_refused =
        |finding: &&Finding| finding.severity == Severity::Refused && finding.subject.system.as_deref() == Some(need.about.as_str());
    // A need of the state is a word; the plan has the sentence.
    let is_meant = |finding: &&Finding| match need.kind {
        NeedKind::Held => is_refused(finding) || is_named(finding, need),
        NeedKind::Undecided | NeedKind::Contested => is_named(finding, need),
        _ => false,
    };
    let refused: Vec<&Finding> = plan.iter().flat_map(|plan| &plan.findings).filter(is_meant).collect();
    let first = names.zip(refused.first());
    let more = refused.len().saturating_sub(1) as u64;
    html! {
        p {
            b { (text(&need.about)) } ": "
            @if let Some(words) = &waits { b { (words) } "; " (ticked(&need.words)) }
            @else if let Some((names, first)) = first { (names.said(first)) @if more > 0 { ", and " (count(more, "more finding")) } }
            @else { (ticked(&need.words)) }
        }
    }
}

/// What becomes of it while nobody does anything.
fn until_then(kind: NeedKind) -> &'static str {
    match kind {
        NeedKind::RevocationOpen => "Until it is done it is tried again and again.",
        NeedKind::Waits => "Until somebody approves it nothing of it happens, and everything else goes on.",
        NeedKind::Held | NeedKind::Undecided => "Until somebody sees to it what it is about stays as it is, and everything else goes on.",
        NeedKind::Stalled => "Until somebody sees to it nothing is written there.",
        NeedKind::Unreadable => "Until it can be read what is not known stays as it is; it is tried again by itself.",
        NeedKind::RevisionRefused => "Until it is mended the manifests before it are in force.",
        NeedKind::Contested => "Until it is settled it is not fought over: what others wrote stays.",
        NeedKind::Undeclared => "Nothing is done about it by itself.",
        NeedKind::Untold => "Until then this receiver hears of nothing.",
        NeedKind::Unsubscribed => "Until then changes there are found by the next read.",
    }
}

/// Whether a need is about a finding: it says its word.
fn is_named(finding: &Finding, need: &Need) -> bool {
    need.words.split(": ").next().is_some_and(|words| words.ends_with(finding.code.word().as_str()))
}

fn refused(status: &Status) -> Markup {
    html! {
        @if let Some(refused) = status.refused.as_ref().filter(|refused| refused.why.len() > 1) {
            ul.told { @for why in &refused.why { li { (ticked(why)) } } }
        }
    }
}

/// Where somebody goes on from a need.
fn leads(context: &PageContext, status: &Status, need: &Need) -> Option<(String, &'static str)> {
    let system = status.systems.iter().find(|system| system.name.as_ref() == need.about);
    match need.kind {
        NeedKind::Waits => {
            let hash = system.and_then(|system| system.waits.as_ref());
            Some(match hash {
                Some(hash) => (link("/plan", &[("hash", hash)]), "Review"),
                None => ("/plans".to_owned(), "Review"),
            })
        }
        NeedKind::Held | NeedKind::Undecided if system.is_some_and(|system| system.role == SystemRole::Source) => {
            Some(("/sources".to_owned(), "Look at it"))
        }
        NeedKind::Held => Some(("/guardrails".to_owned(), "Look at it")),
        NeedKind::Undecided => Some(("/pending".to_owned(), "Look at it")),
        NeedKind::Unreadable if system.is_some_and(|system| system.role == SystemRole::Source) => {
            Some(("/sources".to_owned(), "Look at it"))
        }
        NeedKind::Unsubscribed => Some(("/sources".to_owned(), "Look at it")),
        NeedKind::Contested => Some(("/pending".to_owned(), "Look at it")),
        NeedKind::RevocationOpen if context.sees_people() => Some(("/history".to_owned(), "See what is open")),
        _ => None,
    }
}

fn systems(context: &PageContext, status: &Status, role: SystemRole, title: &str) -> Markup {
    let mut systems: Vec<&SystemStatus> = status.systems.iter().filter(|system| system.role == role).collect();
    systems.sort_by_key(|system| rank(system.state));
    html! {
        @if !systems.is_empty() {
            h2 { (title) ", worst first" }
            table.cards {
                thead { tr { th scope="col" { "Name" } th scope="col" { "State" } @if role == SystemRole::Target { th scope="col" { "Pending" } } th scope="col" { "Read" } th scope="col" { "Rows" } th scope="col" { "Next" } } }
                tbody { @for system in systems { (row(context, system)) } }
            }
        }
    }
}

fn rank(state: SystemState) -> u8 {
    match state {
        SystemState::Stalled => 0,
        SystemState::Unreadable => 1,
        SystemState::Held => 2,
        SystemState::WaitsForApproval => 3,
        SystemState::Behind => 4,
        SystemState::Unknown => 5,
        SystemState::Changing => 6,
        SystemState::Paused | SystemState::Suspended | SystemState::WindowClosed => 7,
        SystemState::AsDeclared => 8,
    }
}

fn row(context: &PageContext, system: &SystemStatus) -> Markup {
    let (clock, address) = (context.clock(), link("/pending", &[("target", &system.name)]));
    html! {
        tr {
            th scope="row" { (text(&system.name)) }
            td {
                (state_tag(system.state, &state_words(system)))
                " " span.quiet { "since " (clock.at(system.since)) }
                @if let Some(why) = &system.why { p.quiet { (ticked(why)) } }
                @if let Some((done, all)) = system.progress { progress max=(all) value=(done) { (done) " of " (all) } }
            }
            @if system.role == SystemRole::Target {
                td data-label="Pending" {
                    @if system.pending.sum() == 0 { span.quiet { "nothing" } }
                    @else { a href=(address) title=(pending_words(system.pending)) { (pending(system.pending)) } }
                }
            }
            td data-label="Read" {
                @match system.read { Some(read) => { (clock.age(read)) " ago" } None => { "never" } }
                " " span.quiet.whole { "(" (text(&system.evidence)) ")" }
            }
            td data-label="Rows" { (crate::render::number(system.rows)) }
            td data-label="Next" { @if let Some(next) = system.next { (clock.due(next)) } }
        }
    }
}

fn soon(plan: &Plan) -> Markup {
    let days = coming_up(&plan.upcoming);
    html! {
        @if !days.is_empty() {
            h2 { "Coming up" }
            ul.days { @for (day, words) in days.iter().take(DAYS) { li { time datetime=(day.to_string()) { (day.strftime("%a %-d %b").to_string()) } " " (words) } } }
        }
    }
}
