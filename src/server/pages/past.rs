//! What was done to somebody, or at a target: each change with its reason and what came of it, as `headcount history` tells it.
//!
//! Must never: take one person for another where a name may be several people's.

use std::collections::BTreeSet;
use std::sync::Arc;

use maud::{Markup, html};

use super::history::{HistoryQuery, ROWS, row_of_act};
use super::named::FoundNames;
use super::person::{came, told};
use super::{PageContext, link, plan, tag, text, ticked};
use crate::journal::history::{ChangeQuery, LISTED, RecordedChange, RecordedChanges, WhoError, keys_of, why_meant};
use crate::journal::{Entry, Event, Journal};
use crate::model::ReceiptWord;
use crate::server::answer::Problem;
use crate::server::api::{EVERYBODY, broken};

/// People whom a page offers, where a name may be any of theirs.
const OFFERED: usize = 20;

/// Whom a name means.
enum Meant {
    /// by their keys
    These(BTreeSet<Arc<str>>),
    /// one of these, by key and what they are displayed as
    OneOf(Vec<(Arc<str>, String)>),
    /// why nobody is meant
    Nobody(String),
}

/// Rows, each with the number of its entry, or what is to be said in their place.
pub(super) async fn rows(
    context: &PageContext,
    asked: &HistoryQuery,
    span: (u64, u64),
) -> Result<Result<Vec<(u64, Markup)>, Markup>, Problem> {
    context.must_see_people()?;
    let store = context.site.desk()?.store;
    let journal = Journal::new(store.as_ref());
    let keys = match &asked.who {
        None => None,
        Some(who) => match meant(context, &journal, span, who).await? {
            Meant::These(keys) => Some(keys),
            Meant::OneOf(people) => return Ok(Err(offer(asked, &people))),
            Meant::Nobody(why) => return Ok(Err(html! { p role="status" { (text(&why)) "." } })),
        },
    };
    let looked_at = keys.as_ref().and_then(BTreeSet::first).map_or(EVERYBODY, |key| key);
    context.site.opened(&context.visitor, looked_at, context.now).await?;
    let wanted = ChangeQuery { person: None, target: asked.target.as_deref(), since: asked.since, until: asked.until };
    let mut whose = context.site.whose.lock().await;
    let found = RecordedChanges::within(&journal, span, keys.as_ref(), &wanted, &mut whose).await.map_err(broken)?;
    drop(whose);
    let names = names(context, &found).await?;
    let mut rows: Vec<(u64, Markup)> = found.changes.iter().map(|one| (one.seq, of_change(context, one, keys.as_ref(), &names))).collect();
    rows.extend(found.revocations.iter().map(|entry| (entry.seq, of_revocation(context, entry, &names))));
    rows.extend(found.acts.iter().filter_map(|entry| Some((entry.seq, row_of_act(context, entry)?))));
    rows.sort_by_key(|(seq, _)| std::cmp::Reverse(*seq));
    Ok(Ok(rows))
}

/// What those are displayed as whom rows name by their keys: members of groups, and who was cut off. Whoever is not there any more keeps the key.
async fn names(context: &PageContext, found: &RecordedChanges) -> Result<FoundNames, Problem> {
    let Ok((view, _)) = context.site.known().await else { return Ok(FoundNames::default()) };
    let members = found.changes.iter().rev().take(ROWS).flat_map(|one| one.intent.members.iter().take(LISTED));
    let cut_off = found.revocations.iter().rev().take(ROWS).flat_map(|entry| match &entry.event {
        Event::Revoked { keys, .. } | Event::Lifted { keys, .. } => keys.as_slice(),
        Event::Receipt { key, .. } => std::slice::from_ref(key),
        _ => &[],
    });
    FoundNames::of_keys(context, &view, members.chain(cut_off).cloned().collect()).await
}

/// Whoever is there by that name; else whoever the journal knew by it.
async fn meant(context: &PageContext, journal: &Journal<'_>, span: (u64, u64), who: &str) -> Result<Meant, Problem> {
    if let Ok((view, _)) = context.site.known().await {
        let (named, small) = (who.to_owned(), who.to_lowercase());
        let people = context.site.scholar.ask(view.snapshot, move |known| {
            let provenance = known.origins.provenance();
            let keys = if provenance.has_group(&named) { vec![Arc::from(named)] } else { provenance.find(&named) };
            if keys.is_empty() {
                let people = known.called(&small).into_iter().take(OFFERED).map(|number| provenance.registered(number));
                return people.map(|person| (person.key, person.displayed.to_string())).collect();
            }
            keys.into_iter().map(|key| (key.clone(), provenance.displayed(&key).unwrap_or_default())).collect::<Vec<_>>()
        });
        match people.await? {
            people if people.len() > 1 => return Ok(Meant::OneOf(people)),
            people if people.len() == 1 => return Ok(Meant::These(people.into_iter().map(|(key, _)| key).collect())),
            _ => {}
        }
    }
    match keys_of(journal, span, who).await {
        Ok(keys) => Ok(Meant::These(keys)),
        Err(WhoError::Journal(error)) => Err(broken(error)),
        Err(other) => Ok(Meant::Nobody(other.to_string())),
    }
}

fn offer(asked: &HistoryQuery, people: &[(Arc<str>, String)]) -> Markup {
    html! {
        p role="status" { "Several people are called so. Whom do you mean?" }
        ul.told { @for (key, name) in people { li { a href=(asked.instead(key)) { (text(name)) } " " code.quiet { (text(key)) } } } }
    }
}

fn of_change(context: &PageContext, one: &RecordedChange, keys: Option<&BTreeSet<Arc<str>>>, names: &FoundNames) -> Markup {
    let key = keys.and_then(BTreeSet::first).filter(|key| one.intent.members.contains(key));
    html! { tr {
        th.when scope="row" { (context.clock().at(one.at)) }
        td data-label="Target" { (text(&one.intent.target)) }
        td {
            @match key { Some(key) => (told(one, key)), None => (said(one, names)) }
            @if let Some(why) = why_meant(&one.intent) { " " span.quiet { "(" (why) ")" } }
        }
        td { (came(one)) }
        td data-label="Who" { (text(&one.who)) " " a.quiet href=(link("/history", &[("run", &one.run)])) { "its run" } }
    } }
}

/// What was done; of a group with a link to each of those whom it names.
fn said(one: &RecordedChange, names: &FoundNames) -> Markup {
    let (words, about) = (one.words(), plan::about(&one.intent.object.key));
    let group = format!("group {}", text(&one.intent.object.name));
    html! {
        @match words.strip_prefix(&group).filter(|_| !one.intent.members.is_empty()) {
            Some(rest) => { a href=(about) { (group) } (names.in_words(rest, &one.intent.members)) }
            None => a href=(about) { (words) },
        }
    }
}

/// Somebody was cut off, and what came of it.
fn of_revocation(context: &PageContext, entry: &Entry, names: &FoundNames) -> Markup {
    let people = |keys: &[Arc<str>]| names.list(keys);
    let (target, what, who) = match &entry.event {
        Event::Revoked { keys, reason, who, .. } => ("", html! { (people(keys)) " is cut off everywhere: " (text(reason)) }, who.as_str()),
        Event::Lifted { keys, why } => ("", html! { (people(keys)) " is cut off no longer: " (text(why)) }, ""),
        Event::Receipt { key, target, outcome, message } => {
            let came = html! { (people(std::slice::from_ref(key))) ", cut off: " (receipt(*outcome)) @if let Some(words) = message { " " (ticked(words)) } };
            (&**target, came, "")
        }
        _ => ("", html! {}, ""),
    };
    html! { tr {
        th.when scope="row" { (context.clock().at(entry.at)) }
        td data-label="Target" { (text(target)) }
        td { (what) }
        td {}
        td data-label="Who" { (text(who)) }
    } }
}

fn receipt(outcome: ReceiptWord) -> Markup {
    if outcome.holds() { tag("gain", "✓", outcome.words()) } else { tag("lose", "▲", outcome.words()) }
}
