//! What people send: each form asks once more with what will happen, and leads on to where it can be followed.
//!
//! Must never: do anything by a link, or anything that `acts` does not.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::header::LOCATION;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use maud::html;

use super::{Answer, Form, Here, PageContext, Part, Who, link, plan, text};
use crate::model::Decided;
use crate::render::count;
use crate::server::answer::Problem;
use crate::server::api::asked;
use crate::server::guard::SentForm;
use crate::server::settings::SiteAction;

fn to(address: &str) -> Response {
    (StatusCode::SEE_OTHER, [(LOCATION, address.to_owned())]).into_response()
}

/// A word about a plan that waits.
pub(super) async fn say(State(site): Here, Extension(visitor): Who, uri: Uri, form: SentForm) -> Answer {
    let hash = asked(&uri, "hash").unwrap_or_default();
    let decision = match form.value("decision") {
        Some("approve") => Decided::Approve,
        Some("reject") => Decided::Reject,
        _ => return Err(Problem::wrong("say whether it is approved or rejected")),
    };
    site.may(&visitor, SiteAction::Approve, None)?;
    if decision == Decided::Approve
        && let Some(takes) = plan::takes(&site.waiting().await?.0, &hash).filter(|takes| *takes > 0)
    {
        let typed = form.value("number").and_then(|number| number.replace(',', "").parse::<u64>().ok());
        if typed != Some(takes) {
            return Err(Problem::wrong("the number that was typed is not how many lose something").next("go back, and read it again"));
        }
    }
    site.say(&visitor, &hash, decision, form.value("reason")).await?;
    Ok(to("/plans"))
}

/// Asks once more before somebody is cut off.
pub(super) async fn ask_revoke(State(site): Here, Extension(visitor): Who, Extension(form): Form, uri: Uri) -> Answer {
    let context = PageContext::new(site.clone(), visitor, form).await?;
    context.must_see_people()?;
    site.may(&context.visitor, SiteAction::Revoke, None)?;
    let key = asked(&uri, "key").unwrap_or_default();
    if text(&key) != key {
        return Err(Problem::wrong("this key has signs that can't be typed").next("cut them off by the command line: `headcount revoke`"));
    }
    let (name, has) = held(&context, &key).await;
    let body = html! {
        h1 { "Cut " (text(name.as_deref().unwrap_or(&key))) " off everywhere" @if name.is_some() { " " code.quiet { (text(&key)) } } }
        p { "Sign-in ends at every target, now, past guardrails, approval and windows. It stops only at what a target protects. It stays so until somebody lifts it." }
        @if has.is_empty() { p { "No account of theirs is known at any target." } }
        @else {
            h2 { "What would go" }
            ul.told { @for (target, active) in &has { li { (text(target)) ": " @if *active { "an account that can sign in" } @else { "an account that can't sign in already" } } } }
        }
        form.panel method="post" action=(link("/revoke", &[("key", &key)])) {
            (context.token())
            input type="hidden" name="key" value=(key);
            label { "Why (it is kept)" input name="reason" required maxlength="500" autocomplete="off"; }
            label { "Type the key " code { (text(&key)) } " to do it" input name="typed" required autocomplete="off"; }
            div.acts { button.lose { "Cut off now" } a.button href=(plan::about(&key)) { "Leave it" } }
        }
    };
    Ok(context.page(Part::People, "Cut off", &body))
}

/// What somebody is displayed as, and at which targets they have an account, and whether it can sign in: as far as that is known now.
async fn held(context: &PageContext, key: &str) -> (Option<String>, Vec<(Arc<str>, bool)>) {
    let Ok((view, _)) = context.site.known().await else { return (None, Vec::new()) };
    let key = key.to_owned();
    let found = context.site.scholar.ask(view.snapshot, move |known| {
        let provenance = known.origins.provenance();
        let targets = provenance.explain(&key, None).map(|all| all.targets).unwrap_or_default();
        let held = targets.into_iter().filter_map(|one| Some((one.target, one.account?.active)));
        (provenance.displayed(&key), held.collect())
    });
    found.await.unwrap_or_default()
}

pub(super) async fn revoke(State(site): Here, Extension(visitor): Who, form: SentForm) -> Answer {
    let key = form.value("key").unwrap_or_default();
    if form.value("typed") != Some(key) {
        return Err(Problem::wrong("the key that was typed is another one; nobody was cut off").next("go back, and type it again"));
    }
    let key = site.revoke(&visitor, key, form.value("reason").unwrap_or_default(), None).await?;
    Ok(to(&link("/person", &[("key", &key)])))
}

pub(super) async fn ask_sync(State(site): Here, Extension(visitor): Who, Extension(form): Form) -> Answer {
    let context = PageContext::new(site.clone(), visitor, form).await?;
    site.may(&context.visitor, SiteAction::Sync, None)?;
    let targets: Vec<_> = site.view().await?.snapshot.policy.targets.iter().map(|target| target.name.clone()).collect();
    let systems = context.status.iter().flat_map(|status| &status.systems);
    let (many, rows) = systems.fold((0, 0), |(many, rows), system| (many + 1, rows + system.rows));
    let body = html! {
        h1 { "Sync now" }
        p { "Everything that it needs is read at once, and what may be done is done. Guardrails, approval, suspension and closed windows hold what they hold." }
        p.quiet { "Everything is " (count(many, "system")) ", which had " (count(rows, "row")) " when they were read last. A vendor's limit of requests is kept to." }
        form.panel method="post" action="/sync" {
            (context.token())
            label { "What" select name="target" { option value="" { "Everything" } @for name in &targets { option value=(name) { (text(name)) } } } }
            div.acts { button.main { "Sync now" } }
        }
    };
    Ok(context.page(Part::Overview, "Sync now", &body))
}

pub(super) async fn sync(State(site): Here, Extension(visitor): Who, form: SentForm) -> Answer {
    let targets = form.value("target").into_iter().map(Into::into).collect();
    let name = site.sync(&visitor, targets, false).await?;
    Ok(to(&link("/run", &[("request", &name)])))
}

pub(super) async fn ask_pause(State(site): Here, Extension(visitor): Who, Extension(form): Form) -> Answer {
    let context = PageContext::new(site.clone(), visitor, form).await?;
    site.may(&context.visitor, SiteAction::Pause, None)?;
    let body = html! {
        h1 { "Stop all writing" }
        p { "Nothing is written at any target until somebody lets it go on. Reading, planning and telling go on. What was sent already comes back." }
        form.panel method="post" action="/pause" {
            (context.token())
            label { "Why" input name="reason" maxlength="500" autocomplete="off"; }
            label.check { input type="checkbox" name="everything" value="yes"; " Revocations, too: whoever is cut off keeps what they have until it goes on" }
            div.acts { button.lose { "Stop all writing" } a.button href="/" { "Leave it" } }
        }
    };
    Ok(context.page(Part::Overview, "Stop all writing", &body))
}

pub(super) async fn pause(State(site): Here, Extension(visitor): Who, form: SentForm) -> Answer {
    site.pause(&visitor, form.value("reason"), form.value("everything").is_some()).await?;
    Ok(to("/"))
}

pub(super) async fn resume(State(site): Here, Extension(visitor): Who, _: SentForm) -> Answer {
    site.resume(&visitor).await?;
    Ok(to("/"))
}
