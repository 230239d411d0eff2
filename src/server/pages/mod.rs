//! Pages for people: each is a view of a value that a command shows too. They need no script, load one stylesheet, and read from 390 pixels on.
//!
//! The worst comes first, in sentences; a colour never says what no word says; beside a claim stands when it was read; what takes something from somebody asks for its number.
//! Must never: work anything out, put text from outside anywhere but where it is escaped, or name people to whoever may not see them.

mod comes;
mod forms;
mod group;
mod guardrails;
mod history;
mod lately;
mod named;
mod overview;
mod past;
mod people;
mod person;
mod plan;
mod run;
mod sources;
mod why;

use std::sync::Arc;

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use maud::{DOCTYPE, Markup, html};

use super::answer::Problem;
use super::desk::Site;
use super::guard::{FORM_FIELD, FormToken};
use super::settings::SiteAction;
use super::sign_in;
use super::visitor::Visitor;
use crate::journal::ResultWord;
use crate::model::{NeedKind, Status, SystemRole, SystemState};
use crate::render::status::{StatusClock, is_silent};
use crate::render::{number, safe};
use crate::workspace::WorkspaceView;

const STYLE: &str = concat!(include_str!("../../render/look.css"), include_str!("pages.css"));
const ICON: &str = include_str!("icon.svg");
/// Where the style's address ends, so that a newer one is another.
const STYLE_PATH: &str = "/style.css";

/// Seconds after which a page looks again, where something is under way.
const LOOKS_AGAIN: u32 = 3;

/// What anybody may load: it says nothing of anything.
pub(super) fn assets() -> Router {
    let text = |media_type: &'static str, text: &'static str| get(move || async move { ([(CONTENT_TYPE, media_type)], text) });
    Router::new().route(STYLE_PATH, text("text/css; charset=utf-8", STYLE)).route("/icon.svg", text("image/svg+xml", ICON))
}

pub(super) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route("/", get(overview::page))
        .route("/plans", get(plan::list))
        .route("/plan", get(plan::page).post(forms::say))
        .route("/pending", get(plan::pending))
        .route("/people", get(people::page))
        .route("/person", get(person::page))
        .route("/revoke", get(forms::ask_revoke).post(forms::revoke))
        .route("/group", get(group::page))
        .route("/sources", get(sources::page))
        .route("/guardrails", get(guardrails::page))
        .route("/history", get(history::page))
        .route("/run", get(run::page))
        .route("/sync", get(forms::ask_sync).post(forms::sync))
        .route("/pause", get(forms::ask_pause).post(forms::pause))
        .route("/resume", post(forms::resume))
}

type Here = axum::extract::State<Arc<Site>>;
type Who = Extension<Visitor>;
type Form = Extension<FormToken>;
type Answer = Result<Response, Problem>;

/// What every page knows.
struct PageContext {
    site: Arc<Site>,
    visitor: Visitor,
    form: FormToken,
    status: Option<Status>,
    /// what is known, for whoever sees people
    view: Option<WorkspaceView>,
    zone: TimeZone,
    now: Timestamp,
}

/// A part of the pages, as the navigation has it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Overview,
    Plans,
    People,
    Sources,
    Guardrails,
    History,
}

const PARTS: [(Part, &str, &str); 6] = [
    (Part::Overview, "/", "Overview"),
    (Part::Plans, "/plans", "Plans"),
    (Part::People, "/people", "People"),
    (Part::Sources, "/sources", "Sources"),
    (Part::Guardrails, "/guardrails", "Guardrails"),
    (Part::History, "/history", "History"),
];

impl PageContext {
    async fn new(site: Arc<Site>, visitor: Visitor, form: FormToken) -> Result<Self, Problem> {
        let status = site.status().await?;
        let view = site.view().await.ok();
        let zone = view.as_ref().map_or(TimeZone::UTC, |view| view.snapshot.policy.time_zone.clone());
        let view = view.filter(|_| visitor.rights.people);
        Ok(Self { site, visitor, form, status, view, zone, now: Timestamp::now() })
    }

    fn clock(&self) -> StatusClock<'_> {
        StatusClock { now: self.now, zone: &self.zone }
    }

    /// Whether they see people.
    fn sees_people(&self) -> bool {
        self.visitor.rights.people
    }

    fn must_see_people(&self) -> Result<(), Problem> {
        match self.sees_people() {
            true => Ok(()),
            false => Err(Problem::forbidden("your role does not see people").next("ask whoever runs headcount for the role `people`")),
        }
    }

    /// Whether they may ask for something: the button is shown, and says what else it needs once it is pressed.
    fn offers(&self, action: SiteAction) -> bool {
        let rights = &self.visitor.rights;
        self.site.offers(action)
            && match action {
                SiteAction::Sync => rights.sync,
                SiteAction::Approve => rights.approve != super::visitor::Reach::Nowhere,
                SiteAction::Revoke => rights.revoke,
                SiteAction::Pause => rights.pause,
            }
    }

    /// What stands in the place of a form for which a sign-in is too old.
    fn signs_in_again(&self, here: &str) -> Markup {
        html! {
            p { "This asks for a sign-in of the last 15 minutes." }
            @if self.site.has_sessions() { div.acts { a.button.main href=(sign_in::address(here, true)) { "Sign in again" } } }
            @else { p { "Sign in again at the proxy that signs you in, and open this page anew." } }
        }
    }

    /// What makes a form one of ours.
    fn token(&self) -> Markup {
        html! { input type="hidden" name=(FORM_FIELD) value=(self.form.0); }
    }

    /// The page.
    fn page(&self, part: Part, title: &str, body: &Markup) -> Response {
        self.page_that_looks_again(part, title, body, None)
    }

    /// One that asks for another address in a moment, where there is one.
    fn page_that_looks_again(&self, part: Part, title: &str, body: &Markup, again: Option<&str>) -> Response {
        // Only then: what is worked out ahead is not what this page waits for.
        if let Some(view) = &self.view {
            self.site.attend(view);
        }
        respond(StatusCode::OK, &document(title, "shell", again, &self.shell(part, body)))
    }

    fn shell(&self, part: Part, body: &Markup) -> Markup {
        html! {
            a.skip href="#main" { "To the page" }
            header.bar {
                p.brand { "headcount" @if let Some(status) = &self.status { " " span { (text(&status.workspace)) } } }
                nav aria-label="Pages" {
                    @for (known, address, name) in PARTS.into_iter().filter(|(known, ..)| *known != Part::People || self.sees_people()) {
                        a href=(address) aria-current=[(known == part).then_some("page")] {
                            (name)
                            @let waits = self.badge(known);
                            @if waits > 0 { " " span.badge { (waits) span.unseen { " need somebody" } } }
                        }
                    }
                }
            }
            main id="main" tabindex="-1" { (self.silence()) (self.brake()) (body) }
            footer { (self.foot()) }
        }
    }

    fn badge(&self, part: Part) -> usize {
        let needs = self.status.iter().flat_map(|status| &status.needs);
        let systems = self.status.iter().flat_map(|status| &status.systems);
        let count = |of: fn(NeedKind) -> bool| needs.filter(|need| of(need.kind)).count();
        match part {
            Part::Overview => count(|_| true),
            Part::Plans => count(|kind| kind == NeedKind::Waits),
            Part::Sources => systems.filter(|system| system.role == SystemRole::Source && is_bad(system.state)).count(),
            Part::Guardrails => systems.map(|system| system.breached.len()).sum(),
            Part::People | Part::History => 0,
        }
    }

    /// What stands on these pages may be old.
    fn silence(&self) -> Markup {
        let silent = self.status.as_ref().filter(|status| is_silent(status, self.now));
        html! {
            @if let Some(status) = silent {
                p.banner.lose { b { "Nobody seems to run this workspace." } " What stands here was so at " (self.clock().since(status.at)) ", and nothing was told since." }
            }
        }
    }

    fn brake(&self) -> Markup {
        let brake = self.status.as_ref().and_then(|status| status.brake.as_ref());
        html! {
            @if let Some(brake) = brake {
                div.banner.warn {
                    p {
                        b { @if brake.everything { "All writing is stopped, revocations too," } @else { "All writing is stopped but revocations," } }
                        " by " (text(&brake.who)) " since " (self.clock().since(brake.at))
                        @if let Some(reason) = &brake.reason { ": " (text(reason)) }
                    }
                    @if self.offers(SiteAction::Pause) {
                        form method="post" action="/resume" { (self.token()) button { "Let writing go on" } }
                    }
                }
            }
        }
    }

    fn foot(&self) -> Markup {
        html! {
            @if self.site.has_sessions() { form.leave method="post" action="/sign-out" { (self.token()) button.plain { "Sign out" } } }
            p { (text(&self.visitor.name)) @if !self.site.acts() { ", read only" } ". Times in " (self.zone.iana_name().unwrap_or("the workspace's time zone")) "." }
            @if let Some(status) = &self.status {
                p {
                    @if let Some(revision) = &status.revision { (text(&revision.name)) " (" (self.clock().age(revision.at)) "). " }
                    @match &status.lease { Some(lease) => { "Written by " (text(&lease.holder)) ". " } None => { "Nobody writes. " } }
                    "As of " (self.clock().since(status.at)) ". Journal " (status.journal.0) " " code { (status.journal.1) } "."
                }
            }
        }
    }
}

/// Text from outside: its signs are shown, and steer nothing.
fn text(text: &str) -> String {
    safe::line(text).into_owned()
}

/// The same, where what is to be typed stands between ticks.
fn ticked(words: &str) -> Markup {
    html! { @for (at, part) in words.split('`').enumerate() { @if at % 2 == 1 { code { (text(part)) } } @else { (text(part)) } } }
}

/// So many people.
fn people_words(count: usize) -> String {
    if count == 1 { "1 person".to_owned() } else { format!("{} people", number(count as u64)) }
}

/// An address of a page about something.
fn link(path: &str, query: &[(&str, &str)]) -> String {
    let mut address = url::form_urlencoded::Serializer::for_suffix(format!("{path}?"), path.len() + 1);
    address.extend_pairs(query);
    address.finish()
}

/// The first digits of a hash.
fn short(hash: &str) -> String {
    hash.chars().take(8).collect()
}

fn document(title: &str, class: &str, again: Option<&str>, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width,initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                @if let Some(address) = again { meta http-equiv="refresh" content=(format!("{LOOKS_AGAIN};url={address}")); }
                title { (text(title)) " · headcount" }
                link rel="icon" href="/icon.svg";
                link rel="stylesheet" href=(STYLE_PATH);
            }
            body.(class) { (body) }
        }
    }
}

fn respond(status: StatusCode, page: &Markup) -> Response {
    let mut response = (status, page.0.clone()).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    response
}

/// Why there is no page.
///
/// `again` is where it is looked again by itself, where what can't be told now can be in a moment.
pub(super) fn problem(problem: &Problem, is_known: bool, sign_in: Option<&str>, again: Option<&str>) -> Response {
    let heading = match problem.status {
        StatusCode::UNAUTHORIZED => "Nobody is signed in",
        StatusCode::FORBIDDEN => "This is not for you",
        StatusCode::NOT_FOUND => "There is no such thing",
        StatusCode::SERVICE_UNAVAILABLE => "That can't be told now",
        _ => "That was not done",
    };
    let body = html! {
        main {
            h1 { (heading) }
            div.banner.warn { p { (ticked(&problem.detail)) "." } @if let Some(next) = &problem.next { p { "Next: " (ticked(next)) "." } } @if again.is_some() { p { "This page looks again by itself." } } }
            div.acts {
                @if let Some(address) = sign_in { a.button href=(address) { @if is_known { "Sign in again" } @else if problem.status == StatusCode::FORBIDDEN { "Sign in as somebody else" } @else { "Sign in" } } }
                @if is_known { a.button href="/" { "To the overview" } }
            }
        }
    };
    respond(problem.status, &document(heading, "alone", again, &body))
}

/// They left.
pub(super) fn signed_out(sign_in: &str, way_out: Option<&str>) -> Response {
    let body = html! {
        main {
            h1 { "You are signed out of headcount" }
            p { "The provider may know you still: on a machine that others use, sign out there, too." }
            div.acts { a.button href=(sign_in) { "Sign in" } @if let Some(address) = way_out { a.button href=(address) rel="noreferrer" { "Sign out at the provider" } } }
        }
    };
    respond(StatusCode::OK, &document("Signed out", "alone", None, &body))
}

fn is_bad(state: SystemState) -> bool {
    matches!(state, SystemState::Held | SystemState::Stalled | SystemState::Unreadable)
}

/// A state as a word with a sign, so that it is not its colour alone.
fn state_tag(state: SystemState, words: &str) -> Markup {
    let (class, sign) = match state {
        SystemState::AsDeclared => ("gain", "✓"),
        SystemState::Changing => ("edit", "↻"),
        SystemState::WaitsForApproval | SystemState::Behind => ("warn", "●"),
        SystemState::WindowClosed | SystemState::Suspended | SystemState::Paused => ("edit", "‖"),
        SystemState::Held | SystemState::Stalled | SystemState::Unreadable => ("lose", "▲"),
        SystemState::Unknown => ("edit", "–"),
    };
    tag(class, sign, words)
}

/// What came of something that was sent.
fn came_of(result: ResultWord) -> Markup {
    match result {
        ResultWord::Done | ResultWord::AlreadySo => tag("gain", "✓", result.words()),
        ResultWord::Skipped => tag("edit", "–", result.words()),
        ResultWord::Partly | ResultWord::Failed | ResultWord::Uncertain => tag("lose", "▲", result.words()),
    }
}

fn tag(class: &str, sign: &str, words: &str) -> Markup {
    html! { span.tag.(class) { span aria-hidden="true" { (sign) } " " (words) } }
}
