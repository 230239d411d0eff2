//! What a run makes durable: intents before they are sent, and with each outcome what it teaches.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::bar::{Barred, sent};
use super::settings::Clock;
use crate::journal::{Event, GroupCommit, append};
use crate::model::Guardrail;
use crate::model::{
    Action, AttributeChange, Change, ChangeId, CutOff, Deactivation, DepartedName, Link, LinkOrigin, ObjectKind, Outcome, Repeat, Resting,
    Unheard, Value, WindowEntry, grant_key,
};
use crate::planning::guardrails::counted;
use crate::state::{
    Connection, SqliteResult, StateError, carry_link, forget_cut_off, forget_deactivation, forget_departed, forget_grants, forget_link,
    forget_object, forget_resting, forget_unheard, record_cut_off, record_deactivation, record_departed, record_link, record_resting,
    record_unheard, record_window, record_written, rename_link, revoked_keys,
};
use crate::world::prints::{Print, print};

/// What became of a change.
pub(super) struct Settled<'a> {
    pub(super) id: ChangeId,
    pub(super) change: &'a Change,
    pub(super) outcome: Outcome,
    /// the object's id, where it is known
    pub(super) object: Option<Arc<str>>,
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
}

/// Writes the journal and the state of one run.
pub(super) struct Recorder {
    group: GroupCommit,
    run: Arc<str>,
    workspace: Arc<str>,
    clock: Clock,
    failure: Mutex<Option<Arc<StateError>>>,
}

impl Recorder {
    /// For a run.
    pub(super) fn new(group: GroupCommit, run: Arc<str>, workspace: Arc<str>, clock: Clock) -> Self {
        Self { group, run, workspace, clock, failure: Mutex::new(None) }
    }

    /// Makes intents durable, and says who is revoked: nothing may be sent that gives them anything. Both in one transaction, so that a revocation either
    /// finds the intent in the journal or is found here. Where that fails nothing may be sent at all: the run stops.
    pub(super) async fn intents(&self, sending: Vec<Sending<'_>>, stop: &CancellationToken) -> Result<Barred, String> {
        let events: Vec<_> = sending.iter().map(|one| (Event::intent(one.id, one.change, one.attempt), one.change.clone())).collect();
        let at = self.clock.now();
        let intended: Vec<_> = sending.iter().flat_map(|sending| intended(sending, at)).collect();
        let run = self.run.clone();
        let (tell, told) = std::sync::mpsc::channel();
        let written = self.group.write(move |tx| {
            let barred = revoked_keys(tx)?;
            let events: Vec<_> = events.into_iter().filter_map(|(event, change)| sent(event, &change, &barred)).collect();
            // Nobody listens where the run is over; then nothing is sent either.
            let _ = tell.send(barred);
            intended.iter().try_for_each(|lesson| lesson.learn(tx))?;
            append(tx, &run, at, &events)
        });
        written.await.map_err(|error| self.fail(error, stop))?;
        Ok(told.try_recv().unwrap_or_default())
    }

    /// Makes outcomes durable, with what they teach, in one transaction.
    pub(super) async fn outcomes(&self, settled: &[Settled<'_>], stop: &CancellationToken) {
        let events: Vec<_> = settled.iter().map(|one| Event::outcome(one.id, one.change, &one.outcome, one.object.as_ref())).collect();
        let at = self.clock.now();
        let lessons: Vec<_> = settled.iter().flat_map(|one| lessons(one, at).into_iter().chain(self.written(one, at))).collect();
        let run = self.run.clone();
        let written = self.group.write(move |tx| {
            lessons.iter().try_for_each(|lesson| lesson.learn(tx))?;
            append(tx, &run, at, &events)
        });
        if let Err(error) = written.await {
            self.fail(error, stop);
        }
    }

    /// What an object got, as prints: after the object's other lessons, which may make it a new one.
    fn written(&self, settled: &Settled<'_>, at: Timestamp) -> Option<Lesson> {
        let Settled { change, outcome, object, .. } = settled;
        let writes = matches!(change.action, Action::Create | Action::Adopt | Action::Update | Action::Reactivate);
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
        Some(Lesson::Written(values)).filter(|lesson| !matches!(lesson, Lesson::Written(values) if values.is_empty()))
    }

    /// Why the state could not be written.
    pub(super) fn failure(&self) -> Option<Arc<StateError>> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn fail(&self, error: Arc<StateError>, stop: &CancellationToken) -> String {
        stop.cancel();
        let words = error.to_string();
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        words
    }
}

/// What an outcome teaches.
enum Lesson {
    Linked(Link),
    /// taken over: by another key, if it was ours before
    Carried(Link),
    Unlinked(Link),
    Renamed(Link),
    Active(Deactivation),
    Inactive(Deactivation),
    Resting(Resting),
    NotMade(Resting),
    Sent(Unheard),
    Heard(Unheard),
    CutOff(CutOff),
    Written(Vec<(u32, Repeat)>),
    Departed(DepartedName),
    Returned(DepartedName),
    Counted(WindowEntry),
}

impl Lesson {
    fn learn(&self, connection: &Connection) -> SqliteResult<()> {
        match self {
            Self::Linked(link) => record_link(connection, link),
            Self::Carried(link) => carry_link(connection, link),
            Self::Unlinked(link) => {
                if link.kind == ObjectKind::Account {
                    forget_grants(connection, &link.target, &link.key)?;
                }
                if link.kind != ObjectKind::Entitlement {
                    forget_object(connection, &link.target, link.kind, &link.id)?;
                }
                forget_link(connection, &link.target, link.kind, &link.key)
            }
            Self::Renamed(link) => rename_link(connection, link),
            Self::Inactive(made) => record_deactivation(connection, made),
            Self::Resting(resting) => record_resting(connection, resting),
            Self::NotMade(resting) => forget_resting(connection, &resting.target, &resting.key),
            Self::Sent(sent) => record_unheard(connection, sent),
            Self::Heard(of) => forget_unheard(connection, &of.target, &of.key),
            Self::Active(was) => {
                forget_deactivation(connection, &was.target, was.kind, &was.id)?;
                forget_cut_off(connection, &was.target, was.kind, &was.id)
            }
            Self::CutOff(cut_off) => record_cut_off(connection, cut_off),
            Self::Written(values) => record_written(connection, values),
            Self::Departed(name) => record_departed(connection, name),
            Self::Returned(name) => forget_departed(connection, &name.target, &name.key),
            Self::Counted(entry) => record_window(connection, entry),
        }
    }
}

fn lessons(settled: &Settled<'_>, at: Timestamp) -> Vec<Lesson> {
    let Settled { change, outcome, .. } = settled;
    let there = outcome.holds() || matches!(outcome, Outcome::Partly { .. });
    let refused = matches!(outcome, Outcome::Failed(_) | Outcome::Skipped(_));
    let mut lessons = Vec::new();
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
        let active = Lesson::Active(Deactivation { target: change.target.clone(), kind, id: id.clone(), at });
        match change.action {
            Action::AddEntitlement if there => lessons.push(Lesson::Linked(link(LinkOrigin::Created))),
            Action::Create if there => lessons.push(Lesson::Linked(link(LinkOrigin::Created))),
            Action::Adopt if there => {
                lessons.push(Lesson::Carried(link(LinkOrigin::Adopted)));
                lessons.extend(says_active(change, true).then_some(active));
            }
            Action::Delete if there => lessons.push(Lesson::Unlinked(link(LinkOrigin::Created))),
            Action::RemoveEntitlement if there => lessons.push(Lesson::Unlinked(link(LinkOrigin::Created))),
            Action::Update if there && change.former_key.is_some() => lessons.push(Lesson::Carried(link(LinkOrigin::Created))),
            Action::Update if there && renames(change) => lessons.push(Lesson::Renamed(link(LinkOrigin::Created))),
            Action::Reactivate if there => {
                lessons.push(active);
                lessons.extend(renames(change).then(|| Lesson::Renamed(link(LinkOrigin::Created))));
            }
            Action::Deactivate if refused => lessons.push(active),
            Action::Deactivate if change.mandate.is_revocation() => {
                lessons.push(Lesson::CutOff(CutOff { target: change.target.clone(), kind, id, key: change.object.key.clone() }));
            }
            _ => {}
        }
    }
    lessons.extend(name_lesson(change, at).filter(|_| there));
    if refused && says_rests(change) {
        lessons.push(Lesson::NotMade(Resting { target: change.target.clone(), key: change.object.key.clone(), at }));
    }
    lessons.extend(begins(change, at).filter(|_| there || refused).map(Lesson::Heard));
    // A revocation goes past guardrails, and takes nothing of what they allow others.
    if settled.weight > 0 && !change.mandate.is_revocation() {
        let entry = |(guardrail, weight)| Lesson::Counted(WindowEntry { target: change.target.clone(), guardrail, weight, at });
        lessons.extend(counted(change, settled.weight).into_iter().map(entry));
    }
    lessons
}

/// What becomes of the user name: of somebody who leaves, of somebody who gets another one, of somebody who is back.
fn name_lesson(change: &Change, at: Timestamp) -> Option<Lesson> {
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
        Action::Delete => Some(Lesson::Departed(name(&change.object.name, true))),
        Action::Deactivate if change.mandate.departs() => Some(Lesson::Departed(name(&change.object.name, true))),
        Action::Reactivate => Some(Lesson::Returned(name(&change.object.name, false))),
        Action::Update => {
            let before = naming(change)?.before.as_ref()?.as_text()?;
            Some(Lesson::Departed(name(before, false)))
        }
        _ => None,
    }
}

/// The attribute that people call an object by.
fn naming(change: &Change) -> Option<&AttributeChange> {
    let name = if change.object.kind == ObjectKind::Group { "displayName" } else { "userName" };
    change.attributes.iter().find(|attribute| attribute.attribute.as_ref() == name && attribute.after.is_some())
}

fn renames(change: &Change) -> bool {
    naming(change).is_some()
}

/// What an object is called once a change is done.
fn name_of(change: &Change) -> Arc<str> {
    let written = naming(change).and_then(|attribute| attribute.after.as_ref()?.as_text().map(Arc::from));
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
    let guardrail = match change.action {
        Action::Create => Guardrail::Create,
        Action::Adopt => Guardrail::Adopt,
        _ => return None,
    };
    let unheard = || Unheard { target: change.target.clone(), guardrail, key: change.object.key.clone(), at };
    (change.object.kind == ObjectKind::Account).then(unheard)
}

/// What is remembered before it is sent: whoever loses or lacks access by us must not look, after a kill, like somebody whom others locked out; and
/// what was made counts, whether or not an answer came.
fn intended(sending: &Sending<'_>, at: Timestamp) -> Vec<Lesson> {
    let Sending { change, attempt, object, .. } = sending;
    if *attempt > 1 {
        return Vec::new();
    }
    let target = || change.target.clone();
    let deactivation = |id| Lesson::Inactive(Deactivation { target: target(), kind: change.object.kind, id, at });
    let inactive = object.clone().filter(|_| change.action == Action::Deactivate).map(deactivation);
    let resting = || Lesson::Resting(Resting { target: target(), key: change.object.key.clone(), at });
    let rests = says_rests(change).then(resting);
    inactive.into_iter().chain(rests).chain(begins(change, at).map(Lesson::Sent)).collect()
}
