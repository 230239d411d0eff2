//! A group: what it is at each target, who is in it and why, who is kept out, what is about to change.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::Uri;
use maud::{Markup, html};

use super::named::said_of;
use super::why::{because, reasons_in_short};
use super::{Answer, Form, Here, PageContext, Part, Who, link, plan, tag, text};
use crate::model::Key;
use crate::planning::explain::{GroupAnswer, GroupRoster, MembershipWhy, Stands};
use crate::render::{DisplayNames, count, number};
use crate::server::answer::Problem;
use crate::server::api::asked;

/// Members that a page shows.
const PAGE: usize = 150;
/// Groups of a `forEach` that a page shows.
const MADE: usize = 500;
/// Changes of it that a page shows.
const CHANGES: usize = 20;

pub(super) async fn page(State(site): Here, Extension(visitor): Who, Extension(form): Form, uri: Uri) -> Answer {
    let context = PageContext::new(site.clone(), visitor, form).await?;
    context.must_see_people()?;
    let (view, plan) = site.known().await?;
    let key = asked(&uri, "key").unwrap_or_default();
    let from = asked(&uri, "from").and_then(|from| from.parse().ok()).unwrap_or(0);
    let named = key.clone();
    let found = site.scholar.ask(view.snapshot, move |known| {
        let origins = &known.origins;
        let provenance = origins.provenance();
        let Some(roster) = known.roster(&named) else {
            let made = provenance.made_by(&named)?;
            return Some((Key::group_name(&named).to_owned(), Arc::from(named.as_str()), self::made(&made)));
        };
        let explained = provenance.explain_members(&named, None, &roster, from..from.saturating_add(PAGE))?;
        let answer = provenance.with_changes(&plan, explained, None);
        let names = DisplayNames::known(origins).displayed();
        let changes = html! { @for change in answer.changes.iter().take(CHANGES) { (plan::one(&plan, change, &names, origins)) } };
        Some((answer.group.display_name.to_string(), answer.group.group.clone(), group(&answer, &names, &changes, (&roster, from))))
    });
    let found =
        found.await?.ok_or_else(|| Problem::missing(format!("no Group is declared as {key:?}")).next("look for it on the page People"));
    let (name, key, page) = found?;
    site.opened(&context.visitor, &key, context.now).await?;
    let body = html! { h1 { (text(&name)) " " code.quiet { (text(&key)) } } (page) };
    Ok(context.page(Part::People, &name, &body))
}

/// What stands behind a `forEach`: the groups that it makes.
fn made(groups: &[(Arc<str>, Arc<str>)]) -> Markup {
    html! {
        p { "This Group makes a group for each value that somebody has: " (count(groups.len() as u64, "group")) " now." }
        @if !groups.is_empty() { table.cards {
            thead { tr { th scope="col" { "Group" } } }
            tbody { @for (key, name) in groups.iter().take(MADE) { tr { th scope="row" { a href=(plan::about(key)) { (text(name)) } code.quiet { (text(key)) } } } } }
        } }
        @if groups.len() > MADE { p.quiet { "and " (number((groups.len() - MADE) as u64)) " more: " code { "headcount get groups" } } }
    }
}

/// Those of whom a page says why, with how many there are.
fn group(answer: &GroupAnswer<'_>, names: &DisplayNames<'_>, changes: &Markup, (roster, from): (&GroupRoster, usize)) -> Markup {
    let GroupAnswer { group, changes: all, findings } = answer;
    html! {
        div.verdict { (because(&group.because, "")) }
        @if !findings.is_empty() { section.risk { h2 { "Noticed" } ul.told { @for finding in findings { li { (said_of(finding, &|key| names.person(key))) } } } } }
        h2 { "At each target" }
        ul.told { @for at in &group.targets { li {
            b { (text(&at.target)) } " "
            @match at.is { Stands::Exists => (tag("gain", "✓", "it exists")), Stands::Missing => (tag("warn", "●", "it does not exist yet")), Stands::NotServed => (tag("edit", "–", "the target does not get it")), Stands::Unclear => (tag("warn", "●", "can't be told; everything stays")) }
            @if let (Some(name), Some(id)) = (&at.name, &at.id) { " " (text(name)) " " code.quiet { (text(id)) } }
        } } }
        h2 { @if all.is_empty() { "Nothing is about to change" } @else { "What is about to change" } }
        div.list { (changes) }
        @if all.len() > CHANGES { p.quiet { "and " (all.len() - CHANGES) " more: " a href="/pending" { "all that is needed now" } } }
        (members(&count(roster.members() as u64, "member"), &group.members, names))
        @let shown = from.saturating_add(PAGE);
        @let left = roster.members().max(roster.excluded()).saturating_sub(shown);
        @if left > 0 { p { a.button href=(link("/group", &[("key", &group.group), ("from", &shown.to_string())])) { "The next " (PAGE.min(left)) } } }
        @if !group.nested.is_empty() { (members("Groups in it", &group.nested, names)) }
        @if roster.excluded() > 0 { (members(&format!("Kept out: {}", number(roster.excluded() as u64)), &group.excluded, names)) }
    }
}

fn members(title: &str, members: &[MembershipWhy], names: &DisplayNames<'_>) -> Markup {
    html! {
        h2 { (title) }
        table.cards {
            thead { tr { th scope="col" { "Member" } th scope="col" { "Why" } } }
            tbody { @for one in members.iter().take(PAGE) { tr {
                @let person = names.person(&one.member);
                th scope="row" {
                    a href=(plan::about(&one.member)) { (person.as_deref().map_or_else(|| names.name(&one.member), text)) }
                    @if person.is_some() { " " code.quiet { (text(&one.member)) } }
                }
                td {
                    @if one.belongs.is_none() { (tag("warn", "●", "can't be told; what is there stays")) }
                    (reasons_in_short(one.because.iter().filter(|reason| one.belongs.is_none() || reason.holds == Some(true))))
                }
            } } }
        }
    }
}
