//! What people ask of a workspace beside its runs, whether by a command, a page or the API: each is a thing on a shelf and its line in the journal, both or none.
//!
//! Must never: decide who may ask it, or wait for whoever takes it up.

use std::borrow::Borrow;
use std::sync::Arc;

use jiff::Timestamp;

use super::gates::{self, WaitingPlan};
use crate::apply::run_name;
use crate::drift::{Noticed, untold};
use crate::journal::{Event, PlanWord, entry};
use crate::model::{Approval, Brake, Decided, Left, Status, SyncRequest};
use crate::state::{Fact, Shelf, StateError, Store};

/// What the brake is called on its shelf.
const BRAKE: &str = "workspace";

/// Keeps what somebody did, with its line in the journal: both or none.
pub async fn keep(store: &dyn Store, now: Timestamp, event: &Event, facts: Vec<Fact>) -> Result<(), StateError> {
    store.commit(facts.into_iter().chain([entry(&run_name(now, true), now, event)]).collect()).await
}

/// Somebody wants systems read, and what is needed then done. By this name it stands on its shelf until that came about.
pub async fn ask(store: &dyn Store, request: &SyncRequest) -> Result<Arc<str>, StateError> {
    let SyncRequest { who, at, targets, ignore_window } = request;
    let event = Event::Asked { who: who.clone(), targets: targets.clone(), ignore_window: *ignore_window };
    let name = run_name(*at, true);
    keep(store, *at, &event, vec![Shelf::Requests.put(name.clone(), request)]).await?;
    Ok(name)
}

/// Somebody stops all writing. Whoever calls has seen that no stronger brake is pulled.
pub async fn pull(store: &dyn Store, brake: &Brake) -> Result<(), StateError> {
    let event = Event::Paused { who: brake.who.clone(), reason: brake.reason.clone(), everything: brake.everything };
    keep(store, brake.at, &event, vec![Shelf::Brake.put(BRAKE, brake)]).await
}

/// Writing goes on. Says whether it was stopped. By their names alone: a brake that can't be read holds all the same.
pub async fn let_go(store: &dyn Store, who: &str, now: Timestamp) -> Result<bool, StateError> {
    let pulled = store.shelf(Shelf::Brake).await?;
    if pulled.is_empty() {
        return Ok(false);
    }
    let facts = pulled.iter().map(|thing| Shelf::Brake.take(thing.name.clone())).collect();
    keep(store, now, &Event::Resumed { who: who.to_owned() }, facts).await?;
    Ok(true)
}

/// What was left at Targets, but for what was noticed there that nobody has looked at.
pub async fn left_untold(store: &dyn Store) -> Result<Vec<Left>, StateError> {
    let noticed: Vec<Noticed> = Shelf::Noticed.all(store).await?.into_iter().map(|(_, one)| one).collect();
    Ok(untold(store.left().await?, &noticed))
}

/// Somebody looked at what was found at Targets that no manifest declares: nobody is told of it any more. Says how much that was.
pub async fn seen(store: &dyn Store, at: impl Fn(&str) -> bool) -> Result<usize, StateError> {
    let noticed: Vec<(Arc<str>, Noticed)> = Shelf::Noticed.all(store).await?;
    let facts: Vec<Fact> = noticed.iter().filter(|(_, one)| at(one.target())).map(|(name, _)| Shelf::Noticed.take(name.clone())).collect();
    let many = facts.len();
    if many > 0 {
        store.commit(facts).await?;
    }
    Ok(many)
}

/// Somebody's word about a plan that waits.
pub async fn say(store: &dyn Store, word: &Approval, plan: &WaitingPlan) -> Result<(), StateError> {
    let told = PlanWord { who: word.approver.clone(), plan: plan.hash.clone(), target: plan.target.clone(), reason: word.reason.clone() };
    let event = match word.decision {
        Decided::Approve => Event::Approved(told),
        Decided::Reject => Event::Rejected(told),
    };
    keep(store, word.at, &event, vec![gates::approve(word)]).await
}

/// Those of the plans that are kept which wait now, the first that waited first. What is kept for those that were approved before, or was put in another's place,
/// waits no more: only what the status names does.
pub fn now_waiting<P: Borrow<WaitingPlan>>(mut plans: Vec<P>, status: Option<&Status>) -> Vec<P> {
    if let Some(status) = status {
        plans.retain(|plan| status.systems.iter().any(|system| system.waits.as_ref() == Some(&plan.borrow().hash)));
    }
    plans.sort_by(|one, other| {
        let (one, other): (&WaitingPlan, &WaitingPlan) = (one.borrow(), other.borrow());
        (one.since, &one.hash).cmp(&(other.since, &other.hash))
    });
    plans
}
