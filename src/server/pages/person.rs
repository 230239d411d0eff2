//! A person: where each thing comes from, why and why not, what is about to change, what was done, and the way to cut them off.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::Uri;
use maud::{Markup, html};

use super::named::said_of;
use super::why::{because, known, reasons};
use super::{Answer, Form, Here, PageContext, Part, Who, link, plan, tag, text, ticked};
use crate::journal::Journal;
use crate::journal::history::{ChangeQuery, RecordedChange, RecordedChanges, why_meant};
use crate::model::{Action, Key, Plan, StandingRevocation};
use crate::pipeline::ChangeOrigins;
use crate::planning::explain::{
    AccountAttribute, AttributeWhy, EntitlementWhy, Explanation, KnownValue, MembershipWhy, PersonAnswer, TargetWhy,
};
use crate::render::explanation::gone;
use crate::render::{DisplayNames, number};
use crate::server::answer::Problem;
use crate::server::api::{asked, broken};
use crate::server::desk::ENTRIES;
use crate::server::settings::SiteAction;

/// What was done that a page shows, the newest.
const PAST: usize = 50;

/// Groups that they are not in, with why not.
const OUTSIDE: usize = 60;

/// What was worked out of somebody.
struct Found {
    key: Arc<str>,
    name: String,
    card: String,
    page: Markup,
}

pub(super) async fn page(State(site): Here, Extension(visitor): Who, Extension(form): Form, uri: Uri) -> Answer {
    let context = PageContext::new(site.clone(), visitor, form).await?;
    context.must_see_people()?;
    let key = asked(&uri, "key").unwrap_or_default();
    let revoked = site.standing(&key).await?;
    let (view, plan) = match (site.known().await, &revoked) {
        (Ok(known), _) => known,
        (Err(_), Some(order)) => return meanwhile(&context, order).await,
        (Err(problem), None) => return Err(problem),
    };
    let named = key.clone();
    let found = site.scholar.ask(view.snapshot, move |known| person(&known.origins, &plan, &named)).await?;
    let found = found.ok_or_else(|| Problem::missing(format!("nobody has the key {key:?}")).next("look for them on the page People"))?;
    site.opened(&context.visitor, &found.key, context.now).await?;
    let past = past(&context, &found.key).await?;
    let body = html! {
        header.top {
            div {
                h1 { (text(&found.name)) " " code.quiet { (text(&found.key)) } @if revoked.is_some() { " " (tag("lose", "▲", "cut off")) } }
                @if !found.card.is_empty() { p.sub { (text(&found.card)) } }
            }
            @if context.offers(SiteAction::Revoke) && revoked.is_none() { div.acts { a.button.lose href=(link("/revoke", &[("key", &found.key)])) { "Cut off everywhere" } } }
        }
        @if let Some(order) = &revoked { (cut_off(&context, order)) }
        (found.page)
        (past)
        @if !context.offers(SiteAction::Revoke) { p.quiet { "To cut them off everywhere, on the command line: " code { "headcount revoke " (text(&found.key)) " --reason TEXT" } } }
    };
    Ok(context.page(Part::People, &found.name, &body))
}

/// What came of cutting somebody off waits for no plan.
async fn meanwhile(context: &PageContext, order: &StandingRevocation) -> Answer {
    context.site.opened(&context.visitor, &order.key, context.now).await?;
    let body = html! {
        h1 { (text(&order.key)) " " (tag("lose", "▲", "cut off")) }
        (cut_off(context, order))
        p.quiet { "Everything else about them is being worked out. This page looks again by itself." }
    };
    Ok(context.page_that_looks_again(Part::People, &order.key, &body, Some(&link("/person", &[("key", &order.key)]))))
}

/// What became of a revocation, what is open first.
fn cut_off(context: &PageContext, order: &StandingRevocation) -> Markup {
    let mut receipts: Vec<_> = order.receipts.iter().collect();
    receipts.sort_by_key(|receipt| receipt.outcome.holds());
    let open = receipts.iter().filter(|receipt| !receipt.outcome.holds()).count();
    html! {
        section.risk {
            h2 { @if receipts.is_empty() { "Cut off; no target answered yet" } @else if open == 0 { "Cut off everywhere" } @else { "Cut off, and not everywhere yet: " (open) " open" } }
            p { "Since " (context.clock().exactly(order.at)) ": " (text(&order.reason)) @if let Some(until) = order.until { ", until " (until.to_string()) } ". In force since then: no run gives this identity anything." }
            table.cards {
                thead { tr { th scope="col" { "Target" } th scope="col" { "What came of it" } th scope="col" { "Last tried" } } }
                tbody { @for receipt in &receipts { tr {
                    th scope="row" { (text(&receipt.target)) }
                    td { (tag(if receipt.outcome.holds() { "gain" } else { "lose" }, if receipt.outcome.holds() { "✓" } else { "▲" }, receipt.outcome.words())) @if let Some(words) = &receipt.message { " " (ticked(words)) } }
                    td data-label="Last tried" { (context.clock().since(receipt.at)) ", " @match receipt.tries { 1 => "1 try", tries => { (tries) " tries" } } }
                } } }
            }
            @if open > 0 { p { "What is open is tried again by itself. Where it can't wait, deactivate the account there by hand." } }
            p.quiet { "Who said so, and each try: " a href=(link("/history", &[("who", &order.key)])) { "their history" } "." }
            p.quiet { "What rules give is told below, and nothing of it is given while this stands. It is lifted on the command line: " code { "headcount revoke --lift " (text(&order.key)) } }
        }
    }
}

fn person(origins: &ChangeOrigins<'_>, plan: &Plan, key: &str) -> Option<Found> {
    let provenance = origins.provenance();
    let PersonAnswer { explanation, changes, findings } = provenance.about(plan, key, None)?;
    let names = DisplayNames::known(origins).displayed();
    let said = |attribute: &str| {
        let found = explanation.attributes.iter().find(|one| one.attribute.as_ref() == attribute)?;
        match &found.is {
            KnownValue::Set(value) => value.as_text().map(str::to_owned),
            _ => None,
        }
    };
    let name = said("displayName").or_else(|| provenance.name(&explanation.identity)).unwrap_or_else(|| explanation.identity.to_string());
    let card = card(&explanation, said);
    let page = html! {
        (standing(&explanation))
        @if !findings.is_empty() {
            section.risk { h2 { "Noticed" } ul.told { @for finding in &findings { li { (said_of(finding, &|key| names.person(key))) @if let Some(hint) = &finding.hint { br; span.quiet { "Next: " (ticked(hint)) } } } } } }
        }
        h2 { @if changes.is_empty() { "Nothing is about to change" } @else { "What is about to change" } }
        @if !changes.is_empty() { div.list { @for change in &changes { (plan::one(plan, change, &names, origins)) } } }
        h2 { "Accounts, and why" }
        div.list { @for target in &explanation.targets { (self::target(target, &names)) } }
        (groups(&explanation.groups))
        (entitlements(&explanation.entitlements))
        (attributes(&explanation.attributes, &names))
    };
    Some(Found { key: explanation.identity.clone(), name, card, page })
}

/// Who that is, in one line.
fn card(explanation: &Explanation, said: impl Fn(&str) -> Option<String>) -> String {
    let active = explanation.targets.iter().filter(|target| target.account.as_ref().is_some_and(|account| account.active)).count();
    let held = explanation.targets.iter().filter(|target| target.account.is_some()).count();
    let parts = [
        said("title"),
        said("department"),
        said("userName").map(|name| format!("signs in as {name}")),
        Some(match held {
            0 => "no account anywhere".to_owned(),
            held => format!("{}, {active} with sign-in", crate::render::count(held as u64, "account")),
        }),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

fn standing(explanation: &Explanation) -> Markup {
    html! {
        @let gone = gone(explanation);
        div.verdict { p { b { @match &explanation.lifecycle { Some(word) => (text(word)), None => "Left out, or not known" } } } @if !gone.is_empty() { ul.told { @for line in &gone { li { (line) } } } } (reasons(&explanation.standing, "it would be otherwise")) }
        ul.told {
            @for record in &explanation.behind { li {
                "From " b { (text(&record.source)) @if let Some(key) = &record.key { "/" (text(key)) } }
                @if let Some(found) = &record.found { ", " (ticked(found)) }
                " " span.quiet { "declared at " code { (text(&record.place.to_string())) } }
            } }
        }
    }
}

fn target(target: &TargetWhy, names: &DisplayNames<'_>) -> Markup {
    let (class, sign, words) = match target.serves {
        Some(true) => ("gain", "✓", "should have an account"),
        Some(false) => ("edit", "–", "should have none"),
        None => ("warn", "●", "can't be told; everything stays"),
    };
    let told: Vec<&AccountAttribute> =
        target.attributes.iter().filter(|one| one.should_be != KnownValue::Unmanaged || one.because.place.is_some()).collect();
    html! {
        details.change {
            summary {
                span { b { (text(&target.target)) } " " (tag(class, sign, words)) " "
                    @match &target.account {
                        Some(account) if account.active => { "has one, and can sign in" }
                        Some(_) => { "has one, without sign-in" }
                        None if target.unread => { span.warn { "whether there is one is not known" } }
                        None => { "has none" }
                    }
                }
            }
            div.in {
                (reasons(&target.because, "it would be otherwise"))
                @if let Some(account) = &target.account { p { "The account there is " code { (text(&account.id)) } ", found " (text(&account.found)) @if let Some(access) = &account.access { " (" (text(access)) ")" } "." } }
                @if !told.is_empty() {
                    table.cards {
                        thead { tr { th scope="col" { "Attribute" } th scope="col" { "Should be" } th scope="col" { "By" } } }
                        tbody { @for one in told { tr { th scope="row" { (text(&one.attribute)) } td { (known(&one.should_be, names)) } td { (because(&one.because, "")) } } } }
                    }
                }
            }
        }
    }
}

/// Where somebody is comes first.
fn groups(groups: &[MembershipWhy]) -> Markup {
    let (inside, outside): (Vec<_>, Vec<_>) = groups.iter().partition(|one| one.belongs != Some(false));
    html! {
        @if !groups.is_empty() {
            h2 { "Groups, and why" }
            @if !inside.is_empty() { table.cards {
                thead { tr { th scope="col" { "Group" } th scope="col" { "Why" } } }
                tbody { @for one in &inside { tr {
                    th scope="row" { a href=(plan::about(&one.group)) { (text(Key::group_name(&one.group))) } }
                    td {
                        @if one.belongs.is_none() { (tag("warn", "●", "can't be told; what is there stays")) }
                        (reasons(one.because.iter().filter(|reason| one.belongs.is_none() || reason.holds == one.belongs || reason.holds.is_none()), "they would not be in it"))
                    }
                } } }
            } }
            @if !outside.is_empty() {
                div.list { details.change { summary { span { (crate::render::count(outside.len() as u64, "group")) " that they are not in, and why not" } }
                    div.in { ul.told { @for one in outside.iter().take(OUTSIDE) { li { a href=(plan::about(&one.group)) { (text(Key::group_name(&one.group))) } (reasons(&one.because, "they would be in it")) } } }
                        @if outside.len() > OUTSIDE { p.quiet { "and " (outside.len() - OUTSIDE) " more: " code { "headcount explain" } } }
                    } } }
            }
        }
    }
}

fn entitlements(entitlements: &[EntitlementWhy]) -> Markup {
    html! {
        @if !entitlements.is_empty() {
            h2 { "Entitlements, and why" }
            table.cards {
                thead { tr { th scope="col" { "Entitlement" } th scope="col" { "Target" } th scope="col" { "By its rule" } th scope="col" { "Why" } } }
                tbody { @for one in entitlements { tr {
                    th scope="row" { (text(&one.entitlement)) }
                    td data-label="Target" { (text(&one.target)) }
                    td { @match one.has { Some(true) => (tag("gain", "✓", "gets it")), Some(false) => (tag("edit", "–", "does not get it")), None => (tag("warn", "●", "can't be told; what is there stays")) } }
                    td { (reasons(&one.because, "it would be otherwise")) }
                } } }
            }
        }
    }
}

fn attributes(attributes: &[AttributeWhy], names: &DisplayNames<'_>) -> Markup {
    html! {
        h2 { "Attributes, and who says so" }
        table.cards {
            thead { tr { th scope="col" { "Attribute" } th scope="col" { "Value" } th scope="col" { "Who says so" } } }
            tbody { @for one in attributes { tr {
                th scope="row" { (text(&one.attribute)) }
                td { (known(&one.is, names)) }
                td {
                    @if let Some(given) = &one.given { b { (text(&given.by)) } ": " (because(&given.because, "")) }
                    @for other in &one.outranked { br; span.quiet { "outranked: " (text(&other.by)) " says " (known(&other.says, names)) } }
                }
            } } }
        }
    }
}

/// What was done, as it goes on behind their name where it is about a group of theirs.
pub(super) fn told(one: &RecordedChange, key: &Arc<str>) -> String {
    let group = text(&one.intent.object.name);
    match one.intent.action {
        Action::AddMembers if one.intent.members.contains(key) => format!("comes into the group {group}"),
        Action::RemoveMembers if one.intent.members.contains(key) => format!("leaves the group {group}"),
        _ => one.words(),
    }
}

/// What came of it.
pub(super) fn came(one: &RecordedChange) -> Markup {
    html! {
        @match one.result { Some(result) => (super::came_of(result)), None => (tag("warn", "●", "no answer yet")) }
        @if let Some(message) = &one.message { ": " (ticked(message)) }
    }
}

/// What the journal has of them, the newest first.
async fn past(context: &PageContext, key: &Arc<str>) -> Result<Markup, Problem> {
    let store = context.site.desk()?.store;
    let last = store.heads().await?.written.map_or(0, |head| head.seq);
    let first = last.saturating_sub(ENTRIES);
    let mut whose = context.site.whose.lock().await;
    let (journal, keys) = (Journal::new(store.as_ref()), [key.clone()].into());
    let found = RecordedChanges::within(&journal, (first, last), Some(&keys), &ChangeQuery::default(), &mut whose).await.map_err(broken)?;
    drop(whose);
    let all = found.changes.len();
    Ok(html! {
        h2 { @if all > 0 { "What was done, the newest first" } @else if first > 0 { "Nothing was done lately" } @else { "Nothing was done yet" } }
        @if all > 0 {
            table.cards {
                thead { tr { th scope="col" { "When" } th scope="col" { "Target" } th scope="col" { "What" } th scope="col" { "Why" } th scope="col" { "Came of it" } th scope="col" { "Who" } } }
                tbody { @for one in found.changes.iter().rev().take(PAST) { tr {
                    th.when scope="row" { (context.clock().at(one.at)) }
                    td data-label="Target" { (text(&one.intent.target)) }
                    td { (told(one, key)) }
                    td { (why_meant(&one.intent).unwrap_or_default()) }
                    td { (came(one)) }
                    td data-label="Who" { (text(&one.who)) }
                } } }
            }
        }
        @if all > PAST || first > 0 { p.quiet { @if first > 0 { "These are of the newest " (number(ENTRIES)) " entries of the journal. " } "What was done before: " a href=(link("/history", &[("who", key)])) { "their history" } "." } }
    })
}
