//! What happened: runs and what people did besides, the newest first; one run in full; whether the record is whole.

use axum::Extension;
use axum::extract::State;
use axum::http::Uri;
use maud::{Markup, html};

use super::{Answer, Form, Here, PageContext, Part, Who, link, short, tag, text, ticked};
use crate::journal::history::{RecordedAct, RecordedRun, RunChange, RunPage, RunsAndActs};
use crate::journal::{Entry, Event, Journal, ResultWord};
use crate::render::{number, safe, verb};
use crate::server::answer::Problem;
use crate::server::api::{asked, broken};
use crate::server::desk::ENTRIES;

/// Rows that it shows.
const ROWS: usize = 200;
/// Changes of a run that it shows.
const OF_RUN: usize = 300;

/// One row, with when it was.
type Row = (jiff::Timestamp, Markup);

pub(super) async fn page(State(site): Here, Extension(visitor): Who, Extension(form): Form, uri: Uri) -> Answer {
    let context = PageContext::new(site.clone(), visitor, form).await?;
    let store = site.desk()?.store;
    if let Some(name) = asked(&uri, "run") {
        return one(&context, &name, asked(&uri, "from").and_then(|from| from.parse().ok()).unwrap_or(0)).await;
    }
    let heads = store.heads().await?;
    let last = heads.written.as_ref().map_or(0, |head| head.seq);
    let before = asked(&uri, "before").and_then(|before| before.parse::<u64>().ok()).unwrap_or(last);
    let first = before.saturating_sub(ENTRIES);
    let told = RunsAndActs::read(&Journal::new(store.as_ref()), first).await.map_err(broken)?;
    let mut rows: Vec<Row> = told.runs.iter().map(|run| (run.started, of_run(&context, run))).collect();
    rows.extend(told.acts.iter().filter_map(|act| Some((act.at, of_act(&context, act)?))));
    rows.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    let body = html! {
        h1 { "History" }
        p.quiet { (number(last)) " entries, the last one " @if let Some(head) = &heads.written { code { (short(&head.hash)) } }
            ". Whether all of them are as they were written: " code { "headcount history --verify" } ". All of it: " code { "headcount history -o ndjson" } "." }
        (under_way(&context))
        @if rows.is_empty() { p { "Nothing happened yet." } }
        @else {
            table.cards {
                thead { tr { th scope="col" { "When" } th scope="col" { "What" } th scope="col" { "Who" } th scope="col" { "What came of it" } } }
                tbody { @for (_, row) in rows.iter().take(ROWS) { (row) } }
            }
        }
        @if first > 0 { p { a.button href=(link("/history", &[("before", &first.to_string())])) { "Earlier" } } }
    };
    Ok(context.page(Part::History, "History", &body))
}

fn of_run(context: &PageContext, run: &RecordedRun) -> Markup {
    html! { tr {
        th.when scope="row" { (context.clock().at(run.started)) }
        td { a href=(link("/history", &[("run", &run.run)])) { "Run" } " of plan " code { (short(&run.plan)) } }
        td data-label="Who" { (text(&run.who)) }
        td { (outcome(run)) }
    } }
}

/// What came of a run.
pub(super) fn outcome(run: &RecordedRun) -> Markup {
    let results: Vec<String> = run.results.iter().map(|(result, many)| format!("{} {}", number(*many), result.words())).collect();
    let words = if results.is_empty() { "nothing to do".to_owned() } else { results.join(", ") };
    let well = run.ended.is_some()
        && run.stopped.is_none()
        && run.results.keys().all(|result| matches!(result, ResultWord::Done | ResultWord::AlreadySo));
    html! {
        (tag(if well { "gain" } else { "lose" }, if well { "✓" } else { "▲" }, &words))
        @if run.ended.is_none() { " it never ended: it still runs, or was killed" }
        @if let Some(why) = &run.stopped { " stopped: " (text(why)) }
    }
}

fn of_act(context: &PageContext, entry: &Entry) -> Option<Markup> {
    let act = RecordedAct::of(&entry.event)?;
    Some(
        html! { tr { th.when scope="row" { (context.clock().at(entry.at)) } td { (act.words) } td data-label="Who" { (text(act.who)) } td {} } },
    )
}

/// What is being done right now.
fn under_way(context: &PageContext) -> Markup {
    let running = context.status.iter().flat_map(|status| &status.systems).any(|system| system.progress.is_some());
    html! { @if running { p { a.button href="/run" { "A run is under way" } } } }
}

/// One run, entry by entry.
async fn one(context: &PageContext, name: &str, from: usize) -> Answer {
    context.must_see_people()?;
    let store = context.site.desk()?.store;
    context.site.opened(&context.visitor, crate::server::api::EVERYBODY, context.now).await?;
    let run = RunPage::read(&Journal::new(store.as_ref()), name, from, OF_RUN).await.map_err(broken)?;
    if run.bounds.is_empty() && run.all == 0 {
        return Err(Problem::missing("the journal has no such run"));
    }
    let left = run.all.saturating_sub(from).saturating_sub(OF_RUN);
    let body = html! {
        h1 { "Run " (text(name)) }
        @for entry in &run.bounds { @match &entry.event {
            Event::Started { plan, who, version, as_of, .. } => { p { "Begun " (context.clock().since(entry.at)) " by " (text(who)) ", headcount " (text(version)) ", for " (as_of.to_string()) ", plan " code { (short(plan)) } "." } }
            Event::Finished { stopped, .. } => { p { "Ended " (context.clock().since(entry.at)) @if let Some(why) = stopped { ": " (ticked(why)) } "." } }
            _ => {}
        } }
        table.cards {
            thead { tr { th scope="col" { "Entry" } th scope="col" { "Target" } th scope="col" { "What" } th scope="col" { "Why" } th scope="col" { "Came of it" } } }
            tbody { @for RunChange { seq, intent, result } in &run.changes { tr {
                th.when scope="row" { (seq) }
                td data-label="Target" { (text(&intent.target)) }
                td { (verb(intent.action)) " " a href=(super::plan::about(&intent.object.key)) { (safe::line(&intent.object.name)) } @for change in &intent.attributes { " " code { (text(&change.attribute)) } } }
                td { (crate::journal::history::why_meant(intent).unwrap_or_default()) }
                td { @match result {
                    Some((result, message)) => { (super::came_of(*result)) @if let Some(message) = message { " " (ticked(message)) } }
                    None => (tag("warn", "●", "no answer yet"))
                } }
            } } }
        }
        @if left > 0 { p { a.button href=(link("/history", &[("run", name), ("from", &(from + OF_RUN).to_string())])) { "The next " (OF_RUN.min(left)) } } }
    };
    Ok(context.page(Part::History, "Run", &body))
}
