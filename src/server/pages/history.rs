//! What happened: runs and what people did besides, the newest first; one run in full; whether the record is whole.

use std::cmp::Reverse;

use axum::Extension;
use axum::extract::State;
use axum::http::Uri;
use jiff::Timestamp;
use maud::{Markup, html};

use super::{Answer, Form, Here, PageContext, Part, Who, link, past, short, tag, text, ticked};
use crate::journal::history::{RecordedAct, RecordedRun, RunChange, RunPage, RunsAndActs, TimeBound};
use crate::journal::{Entry, Event, Journal, ResultWord};
use crate::model::SystemRole;
use crate::render::{number, safe, verb};
use crate::server::answer::Problem;
use crate::server::api::{asked, broken};
use crate::server::desk::ENTRIES;

/// Rows that it shows.
pub(super) const ROWS: usize = 200;
/// Changes of a run that it shows.
const OF_RUN: usize = 300;

/// What is asked for.
pub(super) struct HistoryQuery {
    /// a person, by a key or a name
    pub who: Option<String>,
    /// a Target
    pub target: Option<String>,
    /// not before
    pub since: Option<Timestamp>,
    /// not after
    pub until: Option<Timestamp>,
    /// times as they were written
    written: [Option<String>; 2],
}

impl HistoryQuery {
    fn of(context: &PageContext, uri: &Uri) -> Result<Self, Problem> {
        let written = ["since", "until"].map(|name| asked(uri, name));
        let bound = |text: &Option<String>| text.as_deref().map(TimeBound::parse).transpose().map_err(Problem::wrong);
        let (since, until) = (bound(&written[0])?, bound(&written[1])?);
        let since = since.map(|since| since.first(&context.zone, context.now));
        let until = until.map(|until| until.last(&context.zone, context.now));
        Ok(Self { who: asked(uri, "who"), target: asked(uri, "target"), since, until, written })
    }

    /// Whether it is about people's changes, not about runs.
    fn is_of_changes(&self) -> bool {
        self.who.is_some() || self.target.is_some()
    }

    /// How many entries one page looks through: each of changes is read to its end, so of these it is half as many.
    fn looks_through(&self) -> u64 {
        if self.is_of_changes() { ENTRIES / 2 } else { ENTRIES }
    }

    fn is_all(&self) -> bool {
        !self.is_of_changes() && self.since.is_none() && self.until.is_none()
    }

    /// The same of whoever has a key.
    pub fn instead(&self, key: &str) -> String {
        self.address(Some(key), None)
    }

    /// The same, of what was before an entry.
    fn address(&self, who: Option<&str>, before: Option<u64>) -> String {
        let [since, until] = &self.written;
        let before = before.map(|before| before.to_string());
        let all = [
            ("who", who),
            ("target", self.target.as_deref()),
            ("since", since.as_deref()),
            ("until", until.as_deref()),
            ("before", before.as_deref()),
        ];
        let given: Vec<(&str, &str)> = all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        link("/history", &given)
    }
}

/// Rows, each with the number of its entry.
type Rows = Vec<(u64, Markup)>;

pub(super) async fn page(State(site): Here, Extension(visitor): Who, Extension(form): Form, uri: Uri) -> Answer {
    let context = PageContext::new(site.clone(), visitor, form).await?;
    let store = site.desk()?.store;
    if let Some(name) = asked(&uri, "run") {
        return one(&context, &name, asked(&uri, "from").and_then(|from| from.parse().ok()).unwrap_or(0)).await;
    }
    let wanted = HistoryQuery::of(&context, &uri)?;
    let journal = Journal::new(store.as_ref());
    let heads = store.heads().await?;
    let end = heads.written.as_ref().map_or(0, |head| head.seq);
    let before = asked(&uri, "before").and_then(|before| before.parse::<u64>().ok());
    let last = match (before, wanted.until) {
        (Some(before), _) => before.min(end),
        (None, Some(until)) => journal.last_until(until).await.map_err(broken)?,
        (None, None) => end,
    };
    let first = last.saturating_sub(wanted.looks_through());
    let found = if wanted.is_of_changes() {
        past::rows(&context, &wanted, (first, last)).await?
    } else {
        Ok(runs(&context, &journal, &wanted, (first, last)).await?)
    };
    let earlier = match &found {
        Ok(rows) => earlier(&journal, &wanted, rows, first).await?,
        Err(_) => None,
    };
    let body = html! {
        h1 { "History" }
        (under_way(&context))
        (form_of(&context, &wanted))
        @match &found {
            Err(words) => (words),
            Ok(rows) => (table(&wanted, rows, (first, earlier))),
        }
        @if let Some(before) = earlier { p { a.button href=(wanted.address(wanted.who.as_deref(), Some(before))) { "Earlier" } } }
        p.quiet { (number(end)) " entries, the last one " @if let Some(head) = &heads.written { code { (short(&head.hash)) } }
            ". Whoever writes looks at all of them before it begins, and does not begin where one was changed or is missing. To look now: " code { "headcount history --verify" } ". All of it: " code { "headcount history -o ndjson" } "." }
    };
    Ok(context.page(Part::History, "History", &body))
}

/// What is asked for, to be asked for otherwise.
fn form_of(context: &PageContext, wanted: &HistoryQuery) -> Markup {
    let targets = context.status.iter().flat_map(|status| &status.systems).filter(|system| system.role == SystemRole::Target);
    let [since, until] = &wanted.written;
    html! {
        form.search.filters method="get" action="/history" role="search" {
            @if context.sees_people() {
                label { "Person" input type="search" name="who" value=(text(wanted.who.as_deref().unwrap_or_default())) placeholder="a name or a key" autocomplete="off"; }
                label { "Target" select name="target" {
                    option value="" { "all of them" }
                    @for system in targets { option value=(system.name) selected[wanted.target.as_deref() == Some(&*system.name)] { (text(&system.name)) } }
                } }
            }
            label { "Since" input name="since" value=(text(since.as_deref().unwrap_or_default())) placeholder="2026-11-22, or 12h" autocomplete="off"; }
            label { "Until" input name="until" value=(text(until.as_deref().unwrap_or_default())) placeholder="2026-11-22, or 2h" autocomplete="off"; }
            button { "Show" }
            @if !wanted.is_all() { a.button href="/history" { "All of it" } }
        }
    }
}

fn table(wanted: &HistoryQuery, rows: &Rows, (first, earlier): (u64, Option<u64>)) -> Markup {
    html! {
        @if rows.is_empty() {
            p role="status" {
                @if wanted.is_all() { "Nothing happened yet." }
                @else if earlier.is_some() { "Nothing of that is among the " (number(wanted.looks_through())) " entries that were looked through, down to entry " (number(first + 1)) "." }
                @else { "Nothing of that happened." }
            }
        } @else {
            table.cards {
                @if wanted.is_of_changes() { thead { tr { th scope="col" { "When" } th scope="col" { "Target" } th scope="col" { "What" } th scope="col" { "Came of it" } th scope="col" { "Who" } } } }
                @else { thead { tr { th scope="col" { "When" } th scope="col" { "What" } th scope="col" { "Who" } th scope="col" { "What came of it" } } } }
                tbody { @for (_, row) in rows.iter().take(ROWS) { (row) } }
            }
        }
    }
}

/// Runs, and what people did besides, the newest first.
async fn runs(context: &PageContext, journal: &Journal<'_>, wanted: &HistoryQuery, span: (u64, u64)) -> Result<Rows, Problem> {
    let mut told = RunsAndActs::read(journal, span).await.map_err(broken)?;
    told.within(|at| wanted.since.is_none_or(|since| at >= since) && wanted.until.is_none_or(|until| at <= until));
    let mut rows: Rows = told.runs.iter().map(|run| (run.seq, of_run(context, run))).collect();
    rows.extend(told.acts.iter().filter_map(|act| Some((act.seq, of_act(context, act)?))));
    rows.sort_by_key(|(seq, _)| Reverse(*seq));
    Ok(rows)
}

/// Up to which entry it goes on, where there may be more.
async fn earlier(journal: &Journal<'_>, wanted: &HistoryQuery, rows: &Rows, first: u64) -> Result<Option<u64>, Problem> {
    if let Some((seq, _)) = rows.get(ROWS - 1).filter(|_| rows.len() > ROWS) {
        return Ok(Some(seq - 1));
    }
    if first == 0 {
        return Ok(None);
    }
    let at = journal.at(first).await.map_err(broken)?;
    Ok(at.filter(|at| wanted.since.is_none_or(|since| *at >= since)).map(|_| first))
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

/// The same among changes at a target.
pub(super) fn row_of_act(context: &PageContext, entry: &Entry) -> Option<Markup> {
    let act = RecordedAct::of(&entry.event)?;
    Some(
        html! { tr { th.when scope="row" { (context.clock().at(entry.at)) } td {} td { (act.words) } td {} td data-label="Who" { (text(act.who)) } } },
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
