//! What a run makes durable: intents before they are sent, some ahead of what is under way, and with each outcome what it teaches.
//!
//! Must never: let anything be sent whose intent is not durable.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::Job;
use super::fence::RevokedKeys;
use super::settings::Clock;
use crate::journal::{Event, GroupCommit, Ticket, entry};
use crate::model::Guardrail;
use crate::model::{
    Action, AttributeChange, Change, ChangeId, CutOff, Deactivation, DepartedName, FormerLink, Link, LinkOrigin, ObjectKind, Outcome,
    Repeat, Resting, Unheard, Value, WindowEntry, grant_key,
};
use crate::planning::guardrails::counted;
use crate::state::{Fact, StateError, Watch};
use crate::world::prints::{Print, print};

/// What became of a change.
pub(super) struct Settled<'a> {
    pub(super) id: ChangeId,
    pub(super) change: &'a Change,
    pub(super) outcome: Outcome,
    /// the object's id, where it is known
    pub(super) object: Option<Arc<str>>,
    /// the id that it was to get
    pub(super) becomes: Option<Arc<str>>,
    /// how much was done, for guardrails
    pub(super) weight: u64,
    /// which system it was done at
    pub(super) system: u64,
}

/// A change that is about to be sent.
pub(super) struct Sending<'a> {
    pub(super) id: ChangeId,
    pub(super) change: &'a Change,
    /// from 1
    pub(super) attempt: u32,
    /// the object's id
    pub(super) object: Option<Arc<str>>,
    /// the id that it gets by the change
    pub(super) becomes: Option<Arc<str>>,
    /// by what groups list the account until this is done: attributes and their values
    pub(super) former: Vec<(Arc<str>, Arc<str>)>,
}

/// Writes the journal and the state of one run.
pub(super) struct Recorder {
    group: GroupCommit,
    watch: Box<dyn Watch>,
    run: Arc<str>,
    workspace: Arc<str>,
    clock: Clock,
    failure: Arc<Mutex<Option<Arc<StateError>>>>,
}

impl Recorder {
    /// For a run, which stops where its journal can't be written.
    pub(super) async fn start(job: &Job<'_>, run: Arc<str>, stop: CancellationToken) -> Result<Self, StateError> {
        let failure: Arc<Mutex<Option<Arc<StateError>>>> = Arc::default();
        let told = failure.clone();
        let failed = move |error: &Arc<StateError>| {
            told.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| error.clone());
            stop.cancel();
        };
        let watch = job.store.watch().await?;
        let group = GroupCommit::start(job.store.clone(), failed);
        Ok(Self { group, watch, run, workspace: job.plan.workspace.clone(), clock: job.settings.clock.clone(), failure })
    }

    /// The run's name in the journal.
    pub(super) fn run(&self) -> &Arc<str> {
        &self.run
    }

    /// Hands an intent over, with what is remembered before it is sent. Nothing may be sent before its intent is durable.
    pub(super) fn intend(&self, sending: &Sending<'_>) -> Ticket {
        let at = self.clock.now();
        let mut facts = intended(sending, at);
        facts.push(entry(&self.run, at, &Event::intent(sending.id, sending.change, sending.attempt)));
        self.group.submit(facts)
    }

    /// Whether it is known by now what became of what was handed over.
    pub(super) fn is_settled(&self, ticket: Ticket) -> bool {
        self.group.is_settled(ticket)
    }

    /// Waits until what was handed over is durable. Where that fails nothing may be sent at all, and the run stops.
    pub(super) async fn durable(&self, ticket: Ticket) -> Result<(), String> {
        self.group.durable(ticket).await.map_err(|error| error.to_string())
    }

    /// Who is revoked at this moment. Asked after the intent is durable and right before it is sent, so that a revocation either finds the intent in the
    /// journal or is found here.
    pub(super) async fn barred(&self) -> Result<Arc<RevokedKeys>, String> {
        self.watch.revoked().await.map_err(|error| error.to_string())
    }

    /// Hands an outcome over, with what it teaches: durable together, and nobody waits for it. What a crash takes with it is an intent without an outcome,
    /// which is looked up.
    pub(super) fn outcome(&self, settled: &Settled<'_>) -> Ticket {
        let at = self.clock.now();
        let mut facts = taught(settled, at);
        facts.extend(self.written(settled, at));
        facts.push(entry(&self.run, at, &Event::outcome(settled.id, settled.change, &settled.outcome, settled.object.as_ref())));
        self.group.submit(facts)
    }

    /// Waits until everything is durable that ever will be.
    pub(super) async fn flush(&self) {
        self.group.flush().await;
    }

    /// What an object got, as prints: after the object's other facts, which may make it a new one.
    fn written(&self, settled: &Settled<'_>, at: Timestamp) -> Option<Fact> {
        let Settled { change, outcome, object, .. } = settled;
        let writes = matches!(change.action, Action::Create | Action::Adopt | Action::Update | Action::Reactivate | Action::Deactivate);
        let id = object.as_ref().filter(|_| writes && outcome.holds() && change.entitlement.is_none())?;
        let repeat = |change: &AttributeChange, print: &Print| Repeat {
            target: settled.change.target.clone(),
            kind: settled.change.object.kind,
            id: id.clone(),
            attribute: change.attribute.clone(),
            wrote: print.wrote,
            found: print.found,
            at,
        };
        let prints = change.attributes.iter().filter_map(|change| Some((change, print(&self.workspace, change)?)));
        let values: Vec<_> = prints.map(|(change, print)| (print.name, repeat(change, &print))).collect();
        (!values.is_empty()).then_some(Fact::Written(values))
    }

    /// Why the state could not be written.
    pub(super) fn failure(&self) -> Option<Arc<StateError>> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn taught(settled: &Settled<'_>, at: Timestamp) -> Vec<Fact> {
    let Settled { change, outcome, .. } = settled;
    let there = outcome.holds() || matches!(outcome, Outcome::Partly { .. });
    let refused = matches!(outcome, Outcome::Failed(_) | Outcome::Skipped(_));
    let mut facts = Vec::new();
    if let Some(id) = settled.object.clone() {
        let (kind, key) = match &change.entitlement {
            Some(entitlement) => (ObjectKind::Entitlement, grant_key(&change.object.key, entitlement)),
            None => (change.object.kind, change.object.key.clone()),
        };
        let link = |origin| Link {
            target: change.target.clone(),
            kind,
            key: key.clone(),
            id: id.clone(),
            origin,
            system: settled.system,
            name: Some(name_of(change)),
            at,
        };
        let moved = change.object.id.clone().filter(|before| *before != id);
        let active = Fact::Active(Deactivation { target: change.target.clone(), kind, id: id.clone(), at });
        match change.action {
            Action::AddEntitlement if there => facts.push(Fact::Linked(link(LinkOrigin::Created))),
            Action::Create if there => facts.push(Fact::Linked(link(LinkOrigin::Created))),
            Action::Adopt if there => {
                facts.push(Fact::Carried(link(LinkOrigin::Adopted)));
                facts.extend(says_active(change, true).then_some(active));
            }
            Action::Delete if there => facts.push(Fact::Unlinked(link(LinkOrigin::Created))),
            Action::RemoveEntitlement if there => facts.push(Fact::Unlinked(link(LinkOrigin::Created))),
            Action::Update if there && moved.is_some() => {
                facts.extend(moved.map(|from| Fact::Moved { link: link(LinkOrigin::Created), from }));
            }
            Action::Update if there && (change.former_key.is_some() || change.renews_mark()) => {
                facts.push(Fact::Carried(link(LinkOrigin::Created)));
            }
            Action::Update if there && renames(change) => facts.push(Fact::Renamed(link(LinkOrigin::Created))),
            Action::Reactivate if there => {
                facts.push(active);
                match change.renews_mark() {
                    true => facts.push(Fact::Carried(link(LinkOrigin::Created))),
                    false => facts.extend(renames(change).then(|| Fact::Renamed(link(LinkOrigin::Created)))),
                }
            }
            Action::Deactivate if refused => facts.push(active),
            Action::Deactivate if change.mandate.is_revocation() => {
                facts.push(Fact::CutOff(CutOff { target: change.target.clone(), kind, id, key: change.object.key.clone() }));
            }
            _ => {}
        }
    }
    facts.extend(taught_of_name(change, at).filter(|_| there));
    if refused && says_rests(change) {
        facts.push(Fact::NotMade(Resting { target: change.target.clone(), key: change.object.key.clone(), at }));
    }
    facts.extend(begins(change, at).filter(|_| there || refused).map(Fact::Heard));
    let stayed = |id: &Arc<str>| refused || (there && settled.object.as_ref() != Some(id));
    facts.extend(settled.becomes.clone().filter(stayed).map(|id| Fact::NotMoved(moves_to(change, id, at))));
    // A revocation goes past guardrails, and takes nothing of what they allow others.
    if settled.weight > 0 && !change.mandate.is_revocation() {
        let entry = |(guardrail, weight)| Fact::Counted(WindowEntry { target: change.target.clone(), guardrail, weight, at });
        facts.extend(counted(change, settled.weight).into_iter().map(entry));
    }
    facts
}

/// What becomes of the user name: of somebody who leaves, of somebody who gets another one, of somebody who is back.
fn taught_of_name(change: &Change, at: Timestamp) -> Option<Fact> {
    if change.object.kind != ObjectKind::Account || change.entitlement.is_some() {
        return None;
    }
    let name = |value: &str, left| DepartedName {
        target: change.target.clone(),
        attribute: Arc::from("userName"),
        value: Arc::from(value),
        key: change.object.key.clone(),
        left,
        at,
    };
    match change.action {
        Action::Delete => Some(Fact::Departed(name(&change.object.name, true))),
        Action::Deactivate if change.mandate.departs() => Some(Fact::Departed(name(&change.object.name, true))),
        Action::Reactivate => Some(Fact::Returned(name(&change.object.name, false))),
        Action::Update => {
            let before = change.naming()?.before.as_ref()?.as_text()?;
            Some(Fact::Departed(name(before, false)))
        }
        _ => None,
    }
}

fn renames(change: &Change) -> bool {
    change.naming().is_some()
}

/// What an object is called once a change is done.
fn name_of(change: &Change) -> Arc<str> {
    let written = change.naming().and_then(|attribute| attribute.after.as_ref()?.as_text().map(Arc::from));
    written.unwrap_or_else(|| change.object.name.clone())
}

fn says_active(change: &Change, active: bool) -> bool {
    change.attributes.iter().any(|attribute| attribute.attribute.as_ref() == "active" && attribute.after == Some(Value::Bool(active)))
}

/// An account that is made without access, ahead of a start date.
fn says_rests(change: &Change) -> bool {
    change.action == Action::Create && change.object.kind == ObjectKind::Account && says_active(change, false)
}

/// What becomes headcount's by a change.
fn begins(change: &Change, at: Timestamp) -> Option<Unheard> {
    let guardrail = match (change.action, change.object.kind) {
        (Action::Create, ObjectKind::Account) => Guardrail::Create,
        (Action::Create, ObjectKind::Group) => Guardrail::CreateGroups,
        (Action::Adopt, ObjectKind::Account) => Guardrail::Adopt,
        _ => return None,
    };
    Some(Unheard { target: change.target.clone(), guardrail, key: change.object.key.clone(), at })
}

fn moves_to(change: &Change, id: Arc<str>, at: Timestamp) -> FormerLink {
    FormerLink { target: change.target.clone(), kind: change.object.kind, key: change.object.key.clone(), id, at }
}

/// What is remembered before it is sent: whoever loses or lacks access by us must not look, after a kill, like somebody whom others locked out; what was made
/// counts, whether or not an answer came; and by what names groups list somebody who gets another one, so that they can follow later.
fn intended(sending: &Sending<'_>, at: Timestamp) -> Vec<Fact> {
    let Sending { change, attempt, object, becomes, former, .. } = sending;
    if *attempt > 1 {
        return Vec::new();
    }
    let target = || change.target.clone();
    let deactivation = |id| Fact::Inactive(Deactivation { target: target(), kind: change.object.kind, id, at });
    let inactive = object.clone().filter(|_| change.action == Action::Deactivate).map(deactivation);
    let resting = || Fact::Resting(Resting { target: target(), key: change.object.key.clone(), at });
    let rests = says_rests(change).then(resting);
    let moving = becomes.clone().map(|id| Fact::Moving(moves_to(change, id, at)));
    let former = former.iter().map(|(attribute, value)| {
        let (attribute, value) = (attribute.clone(), value.clone());
        Fact::Departed(DepartedName { target: target(), attribute, value, key: change.object.key.clone(), left: false, at })
    });
    inactive.into_iter().chain(rests).chain(moving).chain(begins(change, at).map(Fact::Sent)).chain(former).collect()
}
