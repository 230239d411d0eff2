//! Who there is: found by a name, a key or a word of them.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::Uri;
use maud::html;

use super::{Answer, Form, Here, PageContext, Part, Who, link, people_words, plan, tag, text};
use crate::planning::explain::RegisteredPerson;
use crate::render::{count, number};
use crate::server::api::{EVERYBODY, asked};

/// People that a page shows.
const PAGE: usize = 100;

pub(super) async fn page(State(site): Here, Extension(visitor): Who, Extension(form): Form, uri: Uri) -> Answer {
    let context = PageContext::new(site.clone(), visitor, form).await?;
    context.must_see_people()?;
    let (view, found_plan) = site.known().await?;
    site.opened(&context.visitor, EVERYBODY, context.now).await?;
    let wanted = asked(&uri, "q").unwrap_or_default();
    let from: usize = asked(&uri, "from").and_then(|from| from.parse().ok()).unwrap_or(0);
    let small = wanted.replace('\n', " ").to_lowercase();
    let complete = found_plan.complete();
    let (people, groups, all) = site
        .scholar
        .ask(view.snapshot, move |known| {
            let (found, provenance) = (known.called(&small), known.origins.provenance());
            let is_meant =
                |(key, name): &(&Arc<str>, &Arc<str>)| key.to_lowercase().contains(&small) || name.to_lowercase().contains(&small);
            let meant = provenance.groups().filter(|group| !small.is_empty() && is_meant(group));
            let mut groups: Vec<(Arc<str>, Arc<str>)> = meant.map(|(key, name)| (key.clone(), name.clone())).collect();
            groups.sort();
            let people: Vec<RegisteredPerson> = found.iter().skip(from).take(PAGE).map(|number| provenance.registered(*number)).collect();
            (people, groups, found.len())
        })
        .await?;
    let body = html! {
        h1 { "People" }
        form.search method="get" action="/people" role="search" {
            label { "A name, a key, or a part of one" input type="search" name="q" value=(text(&wanted)) autocomplete="off"; }
            button { "Search" }
        }
        @if !complete { p.banner.warn { "Not everything could be read, so somebody may be missing here." } }
        p role="status" {
            @if wanted.is_empty() && all == 0 { "Nobody is known yet: people come from Sources and Users." }
            @else { (people_words(all)) @if !groups.is_empty() { " and " (count(groups.len() as u64, "group")) } @if !wanted.is_empty() { " found" } }
        }
        @if !groups.is_empty() { ul.told { @for (key, name) in groups.iter().take(PAGE) { li { a href=(plan::about(key)) { (text(name)) } " " code.quiet { (text(key)) } } } } }
        @if all > 0 {
            table.cards {
                thead { tr { th scope="col" { "Name" } th scope="col" { "Lifecycle" } th scope="col" { "Title" } th scope="col" { "Department" } th scope="col" { "Accounts" } } }
                tbody { @for person in &people { tr {
                    th scope="row" { a href=(plan::about(&person.key)) { (text(&person.displayed)) } " " code.quiet { @if person.name != person.displayed { (text(&person.name)) " " } (text(&person.key)) } }
                    td data-label="Lifecycle" { (person.lifecycle) }
                    td { @if let Some(title) = &person.title { (text(title)) } }
                    td { @if let Some(department) = &person.department { (text(department)) } }
                    td data-label="Accounts" { @for (target, active) in &person.accounts { (tag(if *active { "gain" } else { "edit" }, if *active { "✓" } else { "‖" }, &text(target))) " " } }
                } } }
            }
            @if from + PAGE < all { p { a.button href=(link("/people", &[("q", &wanted), ("from", &(from + PAGE).to_string())])) { "The next " (PAGE.min(all - from - PAGE)) } " " span.quiet { "of " (number(all as u64)) } } }
            p.quiet { "✓ can sign in, ‖ has an account without sign-in" }
        }
    };
    Ok(context.page(Part::People, "People", &body))
}
