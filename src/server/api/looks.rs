//! What the API answers to whoever looks.
//!
//! Must never: show a person before the journal says who looks.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::Response;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;

use crate::journal::history::RunsAndActs;
use crate::journal::{Journal, JournalError};
use crate::model::{Approval, Finding, Severity, Status};
use crate::pipeline::matches;
use crate::planning::explain::{Inventory, ListedAccount, ListedGroup, ListedPerson, ListedTarget};
use crate::server::answer::{Problem, json as answered};
use crate::server::desk::Site;
use crate::server::visitor::Visitor;
use crate::state::Shelf;
use crate::workspace::gates::{WaitingPlan, standing};

type Answer = Result<Response, Problem>;
type Here = State<Arc<Site>>;
type Who = Extension<Visitor>;

/// As many people come at once, unless somebody wants fewer.
const PAGE: usize = 500;

async fn told(site: &Site, visitor: &Visitor) -> Result<Status, Problem> {
    may(visitor.rights.status)?;
    site.status().await?.ok_or_else(|| Problem::away("nobody told yet how this workspace stands"))
}

fn may(right: bool) -> Result<(), Problem> {
    if right { Ok(()) } else { Err(Problem::forbidden("your role, or this token's scopes, do not reach so far")) }
}

/// What stands behind `?`.
pub(in crate::server) fn asked(uri: &Uri, name: &str) -> Option<String> {
    let query = uri.query().unwrap_or_default();
    let found = url::form_urlencoded::parse(query.as_bytes()).find(|(known, _)| known == name).map(|(_, value)| value.trim().to_owned());
    found.filter(|value| !value.is_empty())
}

pub(super) async fn status(State(site): Here, Extension(visitor): Who) -> Answer {
    Ok(answered(&json!(told(&site, &visitor).await?)))
}

pub(super) async fn systems(State(site): Here, Extension(visitor): Who) -> Answer {
    Ok(answered(&json!({"formatVersion": 1, "systems": told(&site, &visitor).await?.systems})))
}

pub(super) async fn system(State(site): Here, Extension(visitor): Who, Path(name): Path<String>) -> Answer {
    let status = told(&site, &visitor).await?;
    let found = status.systems.iter().find(|system| system.name.as_ref() == name);
    found.map(|system| answered(&json!(system))).ok_or_else(|| Problem::missing(format!("there is no system {name:?}")))
}

pub(super) async fn brake(State(site): Here, Extension(visitor): Who) -> Answer {
    may(visitor.rights.status)?;
    let brake = Shelf::brake(site.desk()?.store.as_ref()).await?;
    Ok(answered(&json!({"formatVersion": 1, "paused": brake})))
}

pub(super) async fn plans(State(site): Here, Extension(visitor): Who) -> Answer {
    may(visitor.rights.status)?;
    let (waiting, said) = site.waiting().await?;
    let (policy, now) = (site.view().await?.snapshot.policy.clone(), Timestamp::now());
    let one = |plan: &WaitingPlan| {
        let rule = policy.targets.iter().find(|target| target.name == plan.target).and_then(|target| target.gates.approval.as_ref());
        let standing = rule.map(|rule| standing(plan, rule, &said, now));
        let words: Vec<&Approval> = said.iter().filter(|word| word.plan == plan.hash).collect();
        let rule = rule.map(|rule| json!({"count": rule.count, "notAuthor": rule.not_author, "expires": rule.expires.as_secs()}));
        json!({
            "hash": plan.hash, "target": plan.target, "since": plan.since, "authors": plan.authors, "pending": plan.pending(), "standing": standing,
            "rule": rule, "approvals": words,
        })
    };
    Ok(answered(&json!({"formatVersion": 1, "plans": waiting.iter().map(|plan| one(plan)).collect::<Vec<_>>()})))
}

/// What is asked for in the place of a hash by whoever wants all that is needed.
const CURRENT: &str = "current";

pub(super) async fn plan(State(site): Here, Extension(visitor): Who, Path(hash): Path<String>) -> Answer {
    may(visitor.rights.people)?;
    if hash == CURRENT {
        let (_, plan) = site.known().await?;
        return Ok(answered(&json!(plan.as_ref())));
    }
    let (waiting, _) = site.waiting().await?;
    let found = waiting.iter().find(|plan| plan.hash.as_ref() == hash);
    found.map(|plan| answered(&json!(plan.plan))).ok_or_else(|| Problem::missing("no such plan waits for an approval"))
}

/// One kind of what there is, a page at a time, in the order of `next`.
async fn listed<T: Serialize + Clone + Send + 'static>(
    (site, visitor, uri): (&Site, &Visitor, &Uri),
    kind: &'static str,
    of: impl for<'i> Fn(&'i Inventory) -> Vec<(String, &'i T)> + Send + 'static,
) -> Answer {
    may(visitor.rights.people)?;
    let (view, plan) = site.known().await?;
    let limit = match asked(uri, "limit") {
        None => PAGE,
        Some(text) => {
            text.parse().ok().filter(|limit| (1..=PAGE).contains(limit)).ok_or_else(|| Problem::wrong(format!("limit is 1 to {PAGE}")))?
        }
    };
    let after = asked(uri, "after");
    site.opened(visitor, EVERYBODY, Timestamp::now()).await?;
    let unread: Vec<&Finding> = plan.findings.iter().filter(|finding| finding.severity == Severity::Incomplete).collect();
    let found = site.scholar.ask(view.snapshot, move |known| {
        let mut all = of(known.inventory());
        all.retain(|(place, _)| after.as_ref().is_none_or(|after| place > after));
        let more = all.len() > limit;
        if more {
            // Those of this page alone are put in order.
            all.select_nth_unstable_by(limit, |one, next| one.0.cmp(&next.0));
            all.truncate(limit);
        }
        all.sort_by(|one, next| one.0.cmp(&next.0));
        let next = all.last().filter(|_| more).map(|(place, _)| place.clone());
        (all.into_iter().map(|(_, row)| row.clone()).collect::<Vec<_>>(), next)
    });
    let (rows, next) = found.await?;
    Ok(answered(&json!({"formatVersion": 1, "complete": unread.is_empty(), "unread": unread, kind: rows, "next": next})))
}

pub(super) async fn people(State(site): Here, Extension(visitor): Who, uri: Uri) -> Answer {
    let name = asked(&uri, "name");
    listed::<ListedPerson>((site.as_ref(), &visitor, &uri), "people", move |inventory| {
        let called =
            |person: &&ListedPerson| name.as_deref().is_none_or(|pattern| matches(pattern, &person.key) || matches(pattern, &person.name));
        inventory.people.iter().filter(called).map(|person| (person.key.to_string(), person)).collect()
    })
    .await
}

pub(super) async fn accounts(State(site): Here, Extension(visitor): Who, uri: Uri) -> Answer {
    listed::<ListedAccount>((site.as_ref(), &visitor, &uri), "accounts", |inventory| {
        inventory.accounts.iter().map(|account| (format!("{}/{}", account.held.target, account.held.id), account)).collect()
    })
    .await
}

pub(super) async fn groups(State(site): Here, Extension(visitor): Who, uri: Uri) -> Answer {
    let place = |group: &ListedGroup| {
        let known = group.id.as_deref().or(group.key.as_deref()).unwrap_or_default();
        format!("{}/{known}/{}", group.target, group.name)
    };
    listed::<ListedGroup>((site.as_ref(), &visitor, &uri), "groups", move |inventory| {
        inventory.groups.iter().map(|group| (place(group), group)).collect()
    })
    .await
}

pub(super) async fn targets(State(site): Here, Extension(visitor): Who, uri: Uri) -> Answer {
    listed::<ListedTarget>((site.as_ref(), &visitor, &uri), "targets", |inventory| {
        // In the order of the manifests.
        inventory.targets.iter().enumerate().map(|(at, target)| (format!("{at:06}"), target)).collect()
    })
    .await
}

pub(super) async fn revocation(State(site): Here, Extension(visitor): Who, Path(key): Path<String>) -> Answer {
    may(visitor.rights.people || visitor.rights.revoke)?;
    let standing = site.standing(&key).await?;
    standing.map(|standing| answered(&json!(standing))).ok_or_else(|| Problem::missing(format!("nobody cut {key:?} off by command")))
}

pub(super) async fn request(State(site): Here, Extension(visitor): Who, Path(name): Path<String>) -> Answer {
    may(visitor.rights.status || visitor.rights.sync)?;
    let open = site.desk()?.store.shelf(Shelf::Requests).await?;
    let waits = open.iter().any(|request| *request.name == *name);
    Ok(answered(&json!({"formatVersion": 1, "request": name, "waits": waits})))
}

/// In the journal in the place of a key, where all were looked at.
pub(in crate::server) const EVERYBODY: &str = "everybody";

pub(super) async fn person(State(site): Here, Extension(visitor): Who, Path(key): Path<String>, uri: Uri) -> Answer {
    may(visitor.rights.people)?;
    let (view, plan) = site.known().await?;
    let (found, target) = (key.clone(), asked(&uri, "target"));
    let answer = site.scholar.ask(view.snapshot, move |known| {
        known
            .origins
            .provenance()
            .about(&plan, &found, target.as_deref())
            .map(|answer| (answer.explanation.identity.clone(), answer.document(&[])))
    });
    let (key, document) = answer.await?.ok_or_else(|| Problem::missing(format!("nobody has the key {key:?}")))?;
    site.opened(&visitor, &key, Timestamp::now()).await?;
    Ok(answered(&document))
}

pub(super) async fn runs(State(site): Here, Extension(visitor): Who) -> Answer {
    may(visitor.rights.status)?;
    let store = site.desk()?.store;
    let told = RunsAndActs::read(&Journal::new(store.as_ref()), (0, u64::MAX)).await.map_err(broken)?;
    Ok(answered(&told.document()))
}

pub(super) async fn history(State(site): Here, Extension(visitor): Who, uri: Uri) -> Answer {
    may(visitor.rights.people)?;
    let store = site.desk()?.store;
    let after = match asked(&uri, "cursor") {
        None => 0,
        Some(text) => text.parse().map_err(|_| Problem::wrong("cursor is `next` of the page before"))?,
    };
    site.opened(&visitor, EVERYBODY, Timestamp::now()).await?;
    let entries = Journal::new(store.as_ref()).page(after).await.map_err(broken)?;
    let next = entries.last().map(|last| last.seq.to_string());
    Ok(answered(&json!({"formatVersion": 1, "entries": entries, "next": next})))
}

pub(in crate::server) fn broken(error: JournalError) -> Problem {
    Problem::away(error.to_string())
}
