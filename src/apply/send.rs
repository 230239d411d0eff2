//! Sends one batch until every part of it has an answer: a durable intent, then the permit, then the write; patience and second looks in between.

use std::sync::Arc;

use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span};

use crate::connector::{TargetConnector, Write, Written};
use crate::model::{Action, Change, Outcome, SystemError};

use super::Job;
use super::doubt::{Doubt, Look};
use super::fence::{REVOKED, RevokedKeys, is_fenced_off, is_member_fenced_off};
use super::gate::{Gate, Granted, Pass, rest};
use super::prepare::{Part, PartMember, Prepared};
use super::record::{Recorder, Settled};
use crate::journal::Ticket;

/// The way to one target.
pub(super) struct Sender<'a> {
    pub(super) job: &'a Job<'a>,
    pub(super) target: &'a Arc<str>,
    pub(super) connector: &'a TargetConnector,
    pub(super) gate: &'a Gate,
    pub(super) recorder: &'a Recorder,
    pub(super) stop: &'a CancellationToken,
}

/// One part on its way.
struct Try<'b, 'a> {
    prepared: &'b Prepared<'a>,
    part: &'b Part,
    attempts: u32,
    doubt: Option<String>,
    /// the last that was heard of the target is that it is away
    away: bool,
    /// who is revoked, where it concerns this part
    revoked: RevokedKeys,
    end: Option<End>,
}

/// How a part ended.
enum End {
    Done { id: Arc<str>, already_so: bool },
    Failed(SystemError),
    Uncertain(String),
    Stopped(String),
}

impl<'a> Sender<'a> {
    /// Sends a batch, whose last intent has this ticket, and hands its outcomes over: with the ticket of the last.
    pub(super) async fn send(&self, batch: Vec<Prepared<'a>>, intents: Ticket) -> (Vec<Settled<'a>>, Option<Ticket>) {
        let mut tries: Vec<_> = batch.iter().flat_map(|prepared| prepared.parts.iter().map(move |part| Try::new(prepared, part))).collect();
        let most = self.connector.writer.batch_size().max(1);
        if let Err(why) = self.recorder.durable(intents).await {
            stop_all(&mut tries, &why);
        }
        loop {
            leave_out(&mut tries);
            let mut before_ended = true;
            let may = |part: &&mut Try<'_, 'a>| {
                let goes = part.end.is_none() && (before_ended || !part.part.follows);
                before_ended = part.end.is_some();
                goes
            };
            let mut open: Vec<_> = tries.iter_mut().filter(may).take(most).collect();
            if open.is_empty() {
                break;
            }
            self.round(&mut open).await;
        }
        let settled: Vec<_> = batch.iter().map(|prepared| conclude(prepared, &tries, self.connector.system)).collect();
        tries.iter().for_each(|part| self.judge(part));
        let last = settled.iter().map(|settled| self.recorder.outcome(settled)).max();
        (settled, last)
    }

    /// One attempt for all of these parts.
    async fn round(&self, open: &mut Vec<&mut Try<'_, 'a>>) {
        let attempts = open.iter().map(|part| part.attempts).max().unwrap_or_default();
        if attempts > 0 {
            self.log_again(open, attempts);
            rest(Instant::now() + self.job.settings.wait(attempts), self.stop).await;
        }
        for part in open.iter_mut() {
            self.look_again(part).await;
        }
        open.retain(|part| part.end.is_none());
        if open.is_empty() {
            return;
        }
        // Whatever is waited for is waited for before it is read who is revoked: from there on nothing stands between that and the write.
        let Granted { pass, permit } = match self.gate.pass(self.job.lock, self.stop).await {
            Ok(granted) => granted,
            Err(why) => return stop_all(open.iter_mut().map(|part| &mut **part), &why),
        };
        // Its first intent is durable, and says already that it may have been sent; that it is sent once more need not be waited for.
        for again in open.iter().filter_map(|part| part.prepared.again()) {
            self.recorder.intend(&again);
        }
        // A state that is far away is asked over a network, and the lock once more after that.
        let revoked = self.recorder.barred().await.and_then(|revoked| self.job.lock.lost().map_or(Ok(revoked), Err));
        let revoked = match revoked {
            Ok(revoked) => revoked,
            Err(why) => return stop_all(open.iter_mut().map(|part| &mut **part), &why),
        };
        open.iter_mut().for_each(|part| part.fence_off(&revoked));
        open.retain(|part| part.end.is_none());
        if open.is_empty() {
            return;
        }
        let writes: Vec<Write<'_>> = open.iter().map(|part| part.write(self.recorder.run())).collect();
        let write = self.connector.writer.write(&writes, &permit).instrument(self.span(open));
        let answers = timeout(self.job.settings.deadline, write).await.unwrap_or_default();
        drop(permit);
        self.hear(pass, &answers);
        let mut answers = answers.into_iter();
        for (part, write) in open.iter_mut().zip(&writes) {
            let answer = answers.next().unwrap_or_else(|| Err(SystemError::Uncertain("it was sent, and no answer came".into())));
            self.take(part, write, answer).await;
        }
    }

    /// What a trace shows of a write: never whom it is about.
    fn span(&self, open: &[&mut Try<'_, 'a>]) -> Span {
        let action = open.first().map(|part| tracing::field::debug(part.prepared.change.action));
        tracing::info_span!(target: "headcount::run", "change", target = self.target.as_ref(), action, changes = open.len() as u64)
    }

    fn log_again(&self, open: &[&mut Try<'_, 'a>], attempts: u32) {
        let system = self.target.as_ref();
        for part in open {
            let (key, doubt) = (part.prepared.change.object.key.as_ref(), part.doubt.is_some());
            tracing::warn!(target: "headcount::apply", system, key, attempts, doubt, "trying again");
        }
    }

    /// What the answers say about the target's patience.
    fn hear(&self, pass: Pass<'_>, answers: &[Result<Written, SystemError>]) {
        let later = answers.iter().filter_map(|answer| match answer {
            Err(SystemError::Throttled { after, message }) => Some((*after, message)),
            _ => None,
        });
        let lost = |answer: &Result<Written, SystemError>| {
            matches!(
                answer,
                Err(SystemError::Unavailable(_) | SystemError::Unreachable(_) | SystemError::NotSent(_) | SystemError::Uncertain(_))
            )
        };
        match later.max_by_key(|(after, _)| *after) {
            Some((after, message)) => {
                if let Some(pause) = pass.throttled(self.job.settings, after, message) {
                    let (system, seconds) = (self.target.as_ref(), pause.as_secs());
                    tracing::warn!(target: "headcount::apply", system, seconds, why = message, "pause");
                    self.job.progress.paused(self.target, pause, message);
                }
            }
            None if answers.iter().all(lost) => drop(pass),
            None => pass.got_through(),
        }
    }

    /// Nothing that may have been done is sent again before somebody looked.
    async fn look_again(&self, part: &mut Try<'_, 'a>) {
        let Some(words) = part.doubt.take() else { return };
        let write = part.write(self.recorder.run());
        let look = self.doubt().look(&write).await;
        // What can't be read may be one object's fault.
        part.away = matches!(look, Look::Unknown(_)) && !self.doubt().answers().await;
        let create = write.change.action == Action::Create;
        part.end = match look {
            Look::Ours(id) => Some(End::Done { id, already_so: false }),
            Look::Absent if write.change.action == Action::Delete => write.id.map(|id| End::Done { id, already_so: false }),
            Look::Absent if !create => Some(End::Failed(SystemError::NotFound(format!("{} is gone", write.change.object.name)))),
            Look::Absent if part.attempts >= self.job.settings.attempts => {
                Some(End::Failed(SystemError::Unavailable(format!("{words}; it was not done"))))
            }
            Look::There if part.attempts >= self.job.settings.attempts => Some(End::Uncertain(words)),
            Look::Absent | Look::There => None,
            Look::Unproven(why) | Look::Unknown(why) => Some(End::Uncertain(format!("{words}; {why}"))),
        };
    }

    /// What an answer means for a part: an end, or another attempt.
    async fn take(&self, part: &mut Try<'_, 'a>, write: &Write<'_>, answer: Result<Written, SystemError>) {
        let settings = self.job.settings;
        part.away = matches!(answer, Err(SystemError::Unavailable(_) | SystemError::Unreachable(_)));
        part.end = match answer {
            Ok(written) if !written.already_so && self.is_anothers(&written.id, write) => {
                part.attempts += 1;
                part.doubt = Some(format!("the answer to its creation has the id {}, which was there before", written.id));
                None
            }
            Ok(written) => Some(End::Done { id: written.id, already_so: written.already_so }),
            // Whoever asks for a permit next is told the same.
            Err(SystemError::NotSent(why)) => Some(End::Stopped(why)),
            Err(SystemError::Throttled { .. }) if self.gate.closed().is_none() => None,
            Err(SystemError::Unavailable(_)) if part.attempts + 1 < settings.attempts => {
                part.attempts += 1;
                None
            }
            // An answer that makes no sense does not say that nothing was done.
            Err(SystemError::Uncertain(words) | SystemError::Protocol(words)) => {
                part.attempts += 1;
                part.doubt = Some(words);
                None
            }
            Err(SystemError::Conflict(words)) if write.change.action == Action::Create => Some(self.conflict(write, words).await),
            Err(SystemError::NotFound(_)) if write.change.action == Action::Delete => {
                write.id.clone().map(|id| End::Done { id, already_so: true })
            }
            Err(error) => Some(End::Failed(error)),
        };
    }

    /// Whether what was made has the id of something that was there before, and that this run neither deletes nor gives another id, as where ids are names.
    fn is_anothers(&self, id: &str, write: &Write<'_>) -> bool {
        let Write { change, .. } = write;
        let leaves = |other: &&Change| {
            let same = other.target == change.target && other.object.kind == change.object.kind && other.object.id.as_deref() == Some(id);
            same && (other.action == Action::Delete || other.naming().is_some())
        };
        let new = change.action == Action::Create && change.entitlement.is_none();
        new && (self.job.was_there)(self.target, change.object.kind, id) && !self.job.plan.changes.iter().any(|other| leaves(&other))
    }

    /// Something of that name is there already: ours, if it carries our marker.
    async fn conflict(&self, write: &Write<'_>, words: String) -> End {
        match self.doubt().look(write).await {
            Look::Ours(id) => End::Done { id, already_so: true },
            Look::Unproven(why) => End::Failed(SystemError::Conflict(format!("{words}; {why}"))),
            Look::Absent | Look::There | Look::Unknown(_) => End::Failed(SystemError::Conflict(words)),
        }
    }

    /// What the end of a part says about the target as a whole. An object that is refused or breaks the service, each time anew, does not speak for the others.
    fn judge(&self, part: &Try<'_, '_>) {
        match &part.end {
            Some(End::Failed(SystemError::Auth(why))) => self.gate.close(format!("sign-in was refused: {why}")),
            Some(End::Failed(SystemError::Unavailable(why) | SystemError::Unreachable(why)) | End::Uncertain(why)) if part.away => {
                self.gate.missed(self.job.settings.give_up_after, why);
            }
            Some(End::Stopped(_) | End::Failed(SystemError::Throttled { .. })) | None => {}
            Some(_) => self.gate.reached(),
        }
    }

    fn doubt(&self) -> Doubt<'_> {
        Doubt { job: self.job, target: self.target, connector: self.connector, gate: self.gate, stop: self.stop }
    }
}

impl<'b, 'a> Try<'b, 'a> {
    fn new(prepared: &'b Prepared<'a>, part: &'b Part) -> Self {
        Self { prepared, part, attempts: 0, doubt: None, away: false, revoked: RevokedKeys::new(), end: None }
    }

    fn write(&self, run: &Arc<str>) -> Write<'a> {
        self.prepared.write(self.part, &self.revoked, run)
    }

    /// Leaves out whoever is revoked; where nobody is left, it is over.
    fn fence_off(&mut self, revoked: &RevokedKeys) {
        let change = self.prepared.change;
        let held = |member: &&PartMember| is_member_fenced_off(change, &member.key, revoked);
        self.revoked = self.part.members.iter().filter(held).map(|member| member.key.clone()).collect();
        let nobody = !self.revoked.is_empty() && self.revoked.len() == self.part.members.len();
        if nobody || is_fenced_off(change, revoked) {
            self.end = Some(End::Stopped(REVOKED.to_owned()));
        }
    }
}

fn stop_all<'t, 'b: 't, 'a: 'b>(tries: impl IntoIterator<Item = &'t mut Try<'b, 'a>>, why: &str) {
    for part in tries {
        part.end = Some(End::Stopped(why.to_owned()));
    }
}

/// What follows on a part that was not done is not sent.
fn leave_out(tries: &mut [Try<'_, '_>]) {
    let mut before_done = true;
    for part in tries {
        if part.part.follows && !before_done && part.end.is_none() {
            part.end = Some(End::Stopped("it follows on what was not done".into()));
        }
        before_done = matches!(part.end, None | Some(End::Done { .. }));
    }
}

/// What the parts of a change come to.
fn conclude<'a>(prepared: &Prepared<'a>, tries: &[Try<'_, 'a>], system: u64) -> Settled<'a> {
    let mut found = Found { missing: prepared.unresolved.clone(), object: prepared.object.clone(), ..Found::default() };
    for part in tries.iter().filter(|part| part.prepared.id == prepared.id) {
        found.add(part);
    }
    let Found { object, weight, .. } = &found;
    let (object, weight) = (object.clone(), *weight);
    let becomes = prepared.becomes.clone();
    Settled { id: prepared.id, change: prepared.change, outcome: found.outcome(), object, becomes, weight, system }
}

#[derive(Default)]
struct Found {
    object: Option<Arc<str>>,
    weight: u64,
    done: usize,
    already: usize,
    missing: Vec<String>,
    failed: Option<SystemError>,
    uncertain: Option<String>,
    stopped: Option<String>,
}

impl Found {
    fn add(&mut self, part: &Try<'_, '_>) {
        match &part.end {
            Some(End::Done { id, already_so }) => {
                self.done += 1;
                self.missing.extend(part.revoked.iter().map(|key| format!("{key} is revoked")));
                self.already += usize::from(*already_so);
                self.weight += if *already_so { 0 } else { part.part.weight };
                // A change may give it another id.
                self.object = Some(id.clone());
            }
            Some(End::Failed(error)) => {
                self.missing.push(error.to_string());
                self.failed.get_or_insert_with(|| error.clone());
            }
            Some(End::Uncertain(words)) => {
                self.weight += part.part.weight;
                self.missing.push(words.clone());
                self.uncertain.get_or_insert_with(|| words.clone());
            }
            Some(End::Stopped(why)) => {
                self.missing.push(why.clone());
                self.stopped.get_or_insert_with(|| why.clone());
            }
            None => {}
        }
    }

    fn outcome(self) -> Outcome {
        match (self.done, self.uncertain, self.failed, self.stopped) {
            (0, Some(words), _, _) => Outcome::Uncertain(words),
            (0, None, Some(error), _) => Outcome::Failed(error),
            (0, None, None, stopped) => Outcome::Skipped(stopped.unwrap_or_default()),
            _ if !self.missing.is_empty() => Outcome::Partly { missing: self.missing.join("; ") },
            _ if self.already == self.done => Outcome::AlreadySo { id: self.object },
            _ => Outcome::Done { id: self.object },
        }
    }
}
