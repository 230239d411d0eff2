//! A group: what it is at each target, who is in it and why, who is kept out, what is about to change.

use axum::Extension;
use axum::extract::State;
use axum::http::Uri;
use maud::{Markup, html};

use super::why::{because, reasons_in_short};
use super::{Answer, Form, Here, PageContext, Part, Who, link, plan, tag, text, ticked};
use crate::planning::explain::{GroupAnswer, MembershipWhy, Stands};
use crate::render::{DisplayNames, count};
use crate::server::answer::Problem;
use crate::server::api::asked;

/// Members that a page shows.
const PAGE: usize = 150;

pub(super) async fn page(State(site): Here, Extension(visitor): Who, Extension(form): Form, uri: Uri) -> Answer {
    let context = PageContext::new(site.clone(), visitor, form).await?;
    context.must_see_people()?;
    let (view, plan) = site.known().await?;
    let key = asked(&uri, "key").unwrap_or_default();
    let from = asked(&uri, "from").and_then(|from| from.parse().ok()).unwrap_or(0);
    let named = key.clone();
    let found = site.scholar.ask(view.snapshot, move |known| {
        let origins = &known.origins;
        let answer = origins.provenance().about_group(&plan, &named, None)?;
        let names = DisplayNames::known(origins);
        let changes = html! { @for change in &answer.changes { (plan::one(&plan, change, &names, Some(origins))) } };
        Some((answer.group.display_name.to_string(), answer.group.group.clone(), group(&answer, &names, &changes, from)))
    });
    let found =
        found.await?.ok_or_else(|| Problem::missing(format!("no Group is declared as {key:?}")).next("look for it on the page People"));
    let (name, key, page) = found?;
    site.opened(&context.visitor, &key, context.now).await?;
    let body = html! { h1 { (text(&name)) " " code.quiet { (text(&key)) } } (page) };
    Ok(context.page(Part::People, &name, &body))
}

fn group(answer: &GroupAnswer<'_>, names: &DisplayNames<'_>, changes: &Markup, from: usize) -> Markup {
    let GroupAnswer { group, changes: all, findings } = answer;
    html! {
        div.verdict { (because(&group.because, "")) }
        @if !findings.is_empty() { section.risk { h2 { "Noticed" } ul.told { @for finding in findings { li { (ticked(&finding.message)) } } } } }
        h2 { "At each target" }
        ul.told { @for at in &group.targets { li {
            b { (text(&at.target)) } " "
            @match at.is { Stands::Exists => (tag("gain", "✓", "it exists")), Stands::Missing => (tag("warn", "●", "it does not exist yet")), Stands::NotServed => (tag("edit", "–", "the target does not get it")), Stands::Unclear => (tag("warn", "●", "can't be told; everything stays")) }
            @if let (Some(name), Some(id)) = (&at.name, &at.id) { " " (text(name)) " " code.quiet { (text(id)) } }
        } } }
        h2 { @if all.is_empty() { "Nothing is about to change" } @else { "What is about to change" } }
        div.list { (changes) }
        (members(&count(group.members.len() as u64, "member"), &group.members, names, from))
        @let shown = from.saturating_add(PAGE);
        @if let Some(left) = group.members.len().checked_sub(shown).filter(|left| *left > 0) {
            p { a.button href=(link("/group", &[("key", &group.group), ("from", &shown.to_string())])) { "The next " (PAGE.min(left)) } }
        }
        @if !group.nested.is_empty() { (members("Groups in it", &group.nested, names, 0)) }
        @if !group.excluded.is_empty() { (members("Kept out", &group.excluded, names, 0)) }
    }
}

fn members(title: &str, members: &[MembershipWhy], names: &DisplayNames<'_>, from: usize) -> Markup {
    html! {
        h2 { (title) }
        table.cards {
            thead { tr { th scope="col" { "Member" } th scope="col" { "Why" } } }
            tbody { @for one in members.iter().skip(from).take(PAGE) { tr {
                th scope="row" { a href=(plan::about(&one.member)) { (names.name(&one.member)) } }
                td {
                    @if one.belongs.is_none() { (tag("warn", "●", "can't be told; what is there stays")) }
                    (reasons_in_short(one.because.iter().filter(|reason| one.belongs.is_none() || reason.holds == Some(true))))
                }
            } } }
        }
    }
}
