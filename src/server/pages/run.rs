//! What is being done now, system by system. While something is, the page looks again by itself, which whoever reads it can stop; then it says that it ended, and how.
//!
//! Must never: look again where nothing is under way, or say that something ended of which that is not known.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::Uri;
use maud::{Markup, html};

use super::history::outcome;
use super::{Answer, Form, Here, PageContext, Part, Who, link, state_tag, text, ticked};
use crate::journal::Journal;
use crate::journal::history::RunsAndActs;
use crate::model::{SyncRequest, SystemRole, SystemStatus};
use crate::render::status::{pending_words, state_words};
use crate::server::answer::Problem;
use crate::server::api::{asked, broken};
use crate::server::desk::ENTRIES;
use crate::server::settings::SiteAction;
use crate::state::Shelf;

/// How a page was come to.
struct Followed {
    /// what somebody asked for, and whether it still stands in the state
    request: Option<(String, bool)>,
    /// something was under way when it was looked at last
    before: bool,
    /// it is not to look again by itself
    still: bool,
}

pub(super) async fn page(State(site): Here, Extension(visitor): Who, Extension(form): Form, uri: Uri) -> Answer {
    let context = PageContext::new(site.clone(), visitor, form).await?;
    let open: Vec<(Arc<str>, SyncRequest)> = Shelf::Requests.all(site.desk()?.store.as_ref()).await?;
    let systems: Vec<&SystemStatus> = context.status.iter().flat_map(|status| &status.systems).collect();
    let running = systems.iter().any(|system| system.progress.is_some());
    let request = asked(&uri, "request").map(|name| {
        let waits = open.iter().any(|(known, _)| **known == *name);
        (name, waits)
    });
    let followed = Followed { request, before: asked(&uri, "before").is_some(), still: asked(&uri, "still").is_some() };
    let goes_on = running || followed.request.as_ref().map_or(!open.is_empty(), |(_, waits)| *waits);
    let last = if goes_on { None } else { last(&context).await? };
    let body = html! {
        header.top {
            h1 { (heading(running, !open.is_empty(), &followed)) }
            div.acts { @if goes_on && context.offers(SiteAction::Pause) && context.status.as_ref().is_some_and(|status| status.brake.is_none()) { a.button.lose href="/pause" { "Stop all writing" } } }
        }
        @if let Some((_, waits)) = &followed.request { p.banner { @if *waits { "What you asked for stands in the state, and is taken up within seconds." } @else { "What you asked for was done, as far as it may be; what is left is said below." } } }
        @if let Some(last) = &last { (last) }
        p.quiet {
            "Closing this page stops nothing. Whoever stops all writing stops it safely: what was sent comes back, and nothing more is sent. "
            @if goes_on && followed.still { a href=(address(&followed, false)) { "Look again by itself" } }
            @else if goes_on { "It looks again by itself. " a href=(address(&followed, true)) { "Stop looking" } }
            @else { a href="/run" { "Look again" } }
        }
        (table(&context, &systems))
    };
    let again = (goes_on && !followed.still).then(|| address(&followed, false));
    Ok(context.page_that_looks_again(Part::History, "Run", &body, again.as_deref()))
}

fn heading(running: bool, open: bool, followed: &Followed) -> &'static str {
    match (running, open) {
        (true, _) => "A run is under way",
        (false, true) => "A sync was asked for",
        (false, false) if followed.before => "The run has ended",
        (false, false) => "Nothing is under way",
    }
}

/// The same page, once more.
fn address(followed: &Followed, still: bool) -> String {
    let request = followed.request.iter().map(|(name, _)| ("request", name.as_str()));
    let query: Vec<(&str, &str)> = request.chain([("before", "yes")]).chain(still.then_some(("still", "yes"))).collect();
    link("/run", &query)
}

/// How the last run ended.
async fn last(context: &PageContext) -> Result<Option<Markup>, Problem> {
    let store = context.site.desk()?.store;
    let newest = store.heads().await?.written.map_or(0, |head| head.seq);
    let told = RunsAndActs::read(&Journal::new(store.as_ref()), (newest.saturating_sub(ENTRIES), u64::MAX)).await.map_err(broken)?;
    let run = told.runs.last();
    Ok(run.and_then(|run| run.ended.map(|ended| (run, ended))).map(|(run, ended)| {
        html! { p { "The last run ended " (context.clock().since(ended)) ": " (outcome(run)) " " @if context.sees_people() { a href=(link("/history", &[("run", &run.run)])) { "What it did" } } } }
    }))
}

fn table(context: &PageContext, systems: &[&SystemStatus]) -> Markup {
    html! {
        @if !systems.is_empty() { table.cards {
            thead { tr { th scope="col" { "System" } th scope="col" { "State" } th scope="col" { "Read" } th scope="col" { "Left to do" } } }
            tbody { @for system in systems { tr {
                th scope="row" { (text(&system.name)) }
                td { (state_tag(system.state, &state_words(system))) @if let Some((done, all)) = system.progress { progress max=(all) value=(done) { (done) " of " (all) } } @if let Some(why) = &system.why { p.quiet { (ticked(why)) } } }
                td data-label="Read" { @match system.read { Some(read) => { (context.clock().age(read)) " ago, " (text(&system.evidence)) } None => { "never" } } }
                td data-label="Left to do" { @if system.role == SystemRole::Target { (pending_words(system.pending)) } }
            } } }
        } }
    }
}
