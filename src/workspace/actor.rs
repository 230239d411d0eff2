//! The actor: one task a workspace, which owns what is kept and hears messages.
//!
//! Must never: wait for a system.

mod journal;
mod progress;
mod report;
mod revision;
mod tenure;
mod turn;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, interval};
use tokio_util::sync::CancellationToken;

use journal::JournalWatch;
use progress::Running;
use revision::Newer;

use super::asks::{self, Asks};
use super::gates::{self, Opened};
use super::kept::Kept;
use super::messages::{CompiledRevision, Message, WorkspaceView};
use super::retry::RestingChanges;
use super::schedule;
use super::stirred::StirredBy;
use super::told::{Observer, TargetTrouble};
use super::work::{Asked, Hands, Read};
use crate::connector::connections::Connections;
use crate::inbox::Inboxes;
use crate::journal::JournalError;
use crate::model::{NeedKind, Plan, RefusedRevision, Status, SystemMemory, SystemRole};
use crate::planning;
use crate::state::{RunLock, StateError, Store, Watch};
use crate::world::Dirty;

/// How often shelves, clocks and the lock are looked at.
const TICK: Duration = Duration::from_secs(1);
/// A run that lasts longer lets go where something else waits: what it did not do is planned again with that.
const PATIENT: Duration = Duration::from_secs(2);
/// Without any news the plan is made again after so long: limits free up, and times pass.
const REPLAN: SignedDuration = SignedDuration::from_mins(5);
/// A status that does not change is told again after so long, so that whoever reads it knows that somebody is there.
const ALIVE: SignedDuration = SignedDuration::from_secs(30);
/// Whoever waits for the lock tries again after so long.
const STANDBY: Duration = Duration::from_secs(2);
/// What was sent is waited for at the end.
const LINGER: Duration = Duration::from_secs(25);

/// What a workspace needs to run.
pub struct Workspace {
    /// its state
    pub store: Arc<dyn Store>,
    /// for the journal and for whoever finds the lock taken
    pub who: String,
    /// hears what happens
    pub observer: Arc<dyn Observer>,
    /// ends once nothing is left to be done now
    pub once: bool,
    /// ends it: what was sent is waited for
    pub stop: CancellationToken,
}

/// Tells the actor of manifests.
#[derive(Clone)]
pub struct Mail {
    sender: UnboundedSender<Message>,
    inboxes: Arc<Inboxes>,
    pushed: Arc<Notify>,
    connections: Connections,
}

impl Mail {
    /// Newer manifests.
    pub fn manifests(&self, manifests: CompiledRevision) {
        drop(self.sender.send(Message::Manifests(Box::new(manifests))));
    }

    /// What is known now; nothing where the workspace has ended.
    pub async fn look(&self) -> Option<WorkspaceView> {
        let (answer, view) = oneshot::channel();
        self.sender.send(Message::Look(answer)).ok()?;
        view.await.ok()
    }

    /// Newer manifests that can't be used; nothing where those in force are the newest again.
    pub fn refused(&self, refused: Option<RefusedRevision>) {
        drop(self.sender.send(Message::Refused(refused.map(Box::new))));
    }

    /// What systems push to it.
    pub fn inboxes(&self) -> &Arc<Inboxes> {
        &self.inboxes
    }

    /// What is open, and how fast each system may be asked: whoever asks one besides shares it.
    pub fn connections(&self) -> &Connections {
        &self.connections
    }

    /// The host of what manifests come from says that something was pushed there.
    pub fn hooked_manifests(&self) {
        self.pushed.notify_one();
    }

    /// Until it says so.
    pub async fn until_hooked(&self) {
        self.pushed.notified().await;
    }

    /// A Source's system says that something changed there; nothing where the workspace has ended.
    pub fn hooked(&self, source: &str) -> Option<()> {
        self.sender.send(Message::Stirred { source: source.into(), by: StirredBy::Hook }).ok()
    }
}

/// How it ended.
#[derive(Debug)]
pub struct Ended {
    /// how it stood
    pub status: Status,
    /// what was needed last, whatever held it
    pub plan: Option<Arc<Plan>>,
    /// something that was tried did not come about
    pub failed: bool,
    /// something is needed, and a gate holds it
    pub held: bool,
    /// nothing was left to be done before something else happens
    pub settled: bool,
}

/// Why it could not go on.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    /// the state can't be used
    #[error(transparent)]
    State(#[from] StateError),
    /// nothing is added to a chain that is broken already
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// it was stopped while another process had the lock
    #[error("it was stopped while it waited for {0}")]
    Standby(String),
}

impl Workspace {
    /// Runs until it is stopped, or once until nothing is left to be done now.
    pub async fn run(self, manifests: CompiledRevision, hand_over: impl FnOnce(Mail)) -> Result<Ended, WorkspaceError> {
        let (sender, mailbox) = unbounded_channel();
        let pushed = sender.clone();
        // Where nobody listens any more the workspace has ended.
        let tell = move |source: &str| drop(pushed.send(Message::Stirred { source: source.into(), by: StirredBy::Push }));
        let inboxes = Inboxes::new(self.store.clone(), tell);
        let connections = Connections::default().with_inboxes(inboxes.clone());
        hand_over(Mail { sender: sender.clone(), inboxes: inboxes.clone(), pushed: Arc::default(), connections: connections.clone() });
        let running = Arc::new(Running::new(self.observer.clone()));
        let hands =
            Hands { mailbox: sender, connections, observer: running.clone(), store: self.store.clone(), who: Arc::from(self.who.as_str()) };
        let watch = self.store.watch().await?;
        let kept = Kept::new(manifests, Timestamp::now());
        Actor {
            workspace: self,
            hands,
            watch,
            kept,
            running,
            asks: Asks::default(),
            lock: None,
            taking: false,
            waits_for: String::new(),
            planning: None,
            run: None,
            plan: None,
            planned: None,
            opened: None,
            opened_of: None,
            unremembered: true,
            unsettled: true,
            wholly_planned: None,
            resting: RestingChanges::default(),
            trouble: BTreeMap::new(),
            refused: None,
            newer: Newer::default(),
            serving: Vec::new(),
            since: BTreeMap::new(),
            told: None,
            memories: BTreeMap::new(),
            failed: false,
            journal: JournalWatch::default(),
            reads: CancellationToken::new(),
            inboxes,
        }
        .work(mailbox)
        .await
    }
}

/// A run under way.
struct UnderWay {
    version: u64,
    lineage: u64,
    began: Instant,
    stop: CancellationToken,
    opened: Opened,
    /// when a window closes that lets some of it through
    closes: Option<Timestamp>,
}

struct Actor {
    workspace: Workspace,
    hands: Hands,
    watch: Box<dyn Watch>,
    kept: Kept,
    running: Arc<Running>,
    asks: Asks,
    lock: Option<Arc<RunLock>>,
    /// somebody tries to get the lock
    taking: bool,
    /// who has the lock
    waits_for: String,
    /// a plan is being made, since
    planning: Option<Instant>,
    run: Option<UnderWay>,
    plan: Option<Arc<Plan>>,
    /// the version that was planned last, and when
    planned: Option<(u64, Timestamp)>,
    opened: Option<Opened>,
    /// what was read is not remembered yet
    unremembered: bool,
    /// what the manifests alone settle is not remembered yet: whose link is whose under a new key, and which revocation they cover
    unsettled: bool,
    /// the id of the last manifests of which all was planned
    wholly_planned: Option<Arc<str>>,
    resting: RestingChanges,
    /// the version of the world that `opened` is of
    opened_of: Option<u64>,
    /// of Targets: why nothing goes on there
    trouble: BTreeMap<Arc<str>, TargetTrouble>,
    refused: Option<RefusedRevision>,
    /// manifests that are to be in force
    newer: Newer,
    /// requests that the plan or run under way is for
    serving: Vec<Arc<str>>,
    since: BTreeMap<(NeedKind, String), Timestamp>,
    told: Option<Status>,
    /// systems, as they are kept
    memories: BTreeMap<String, SystemMemory>,
    /// the last run did not do all that it tried
    failed: bool,
    /// what is known of the journal
    journal: JournalWatch,
    /// ends reads
    reads: CancellationToken,
    /// what systems push
    inboxes: Arc<Inboxes>,
}

impl Actor {
    async fn work(mut self, mut mailbox: UnboundedReceiver<Message>) -> Result<Ended, WorkspaceError> {
        let mut tick = interval(TICK);
        let stop = self.workspace.stop.clone();
        loop {
            tokio::select! {
                message = mailbox.recv() => if let Some(message) = message {
                    let heard = self.hear(message).await;
                    self.endure(heard)?;
                },
                _ = tick.tick() => {
                    let ticked = self.tick().await;
                    self.endure(ticked)?;
                }
                () = stop.cancelled() => return self.end(mailbox, false).await,
            }
            while let Ok(message) = mailbox.try_recv() {
                let heard = self.hear(message).await;
                self.endure(heard)?;
            }
            let advanced = self.advance(Timestamp::now()).await;
            self.endure(advanced)?;
            if self.workspace.once && self.is_settled(Timestamp::now()) {
                return self.end(mailbox, true).await;
            }
        }
    }

    /// A state that can't be used for now holds everything up and ends nothing: the lock is taken anew once it can. A job that runs by the clock ends, and so does
    /// whoever finds a journal that is not whole.
    fn endure(&mut self, done: Result<(), WorkspaceError>) -> Result<(), WorkspaceError> {
        match done {
            Err(WorkspaceError::State(error)) if !self.workspace.once && !error.is_final() => {
                self.workspace.observer.state_lost(&error.to_string());
                self.lose(&error.to_string());
                Ok(())
            }
            done => done,
        }
    }

    async fn hear(&mut self, message: Message) -> Result<(), WorkspaceError> {
        let now = Timestamp::now();
        match message {
            Message::Took(took) => self.took(*took).await?,
            Message::NotTaken(error) => self.not_taken(error)?,
            Message::Manifests(manifests) => self.newest(*manifests),
            Message::Refused(refused) => self.refuse(refused.map(|refused| *refused)),
            Message::Source { name, asked, news } => {
                self.kept.take_source(&name, asked, *news, now);
                self.unremembered = true;
            }
            Message::Target { name, asked, read } => {
                self.kept.take_target(&name, asked, *read, now);
                self.unremembered = true;
                self.trouble.retain(|target, trouble| **target != *name || trouble.stall.is_some());
                self.seen().await?;
            }
            Message::Lost { role, name } => self.kept.lose_read(role, &name),
            Message::Stirred { source, by } => self.kept.stirred(&source, by, now),
            Message::Planned(planned) => self.planned(*planned, now).await?,
            Message::Unplanned { why } => {
                tracing::error!(target: "headcount::workspace", why, "the plan could not be made; it is made again");
                (self.planning, self.kept.last) = (None, Some(planning::LastPlan::new()));
            }
            Message::Forgotten(error) => {
                (self.planning, self.kept.last) = (None, Some(planning::LastPlan::new()));
                self.state_failed(error)?;
            }
            Message::Ran(ran) => self.ran(*ran, now).await?,
            // Whoever asked may have gone.
            Message::Look(answer) => drop(answer.send(self.view(now))),
        }
        Ok(())
    }

    /// What nobody sends a message for.
    async fn tick(&mut self) -> Result<(), WorkspaceError> {
        let now = Timestamp::now();
        self.workspace.observer.turned(now);
        if let Some(lost) = self.lock.as_ref().and_then(|lock| lock.lost()) {
            self.lose(&lost);
        }
        if self.lock.is_none() {
            return Ok(());
        }
        let store = self.workspace.store.clone();
        self.watch_journal(now).await?;
        let asks = asks::look(store.as_ref(), self.watch.as_ref()).await?;
        if asks.differs(&self.asks) {
            self.asked(asks).await?;
        } else {
            self.asks = asks;
        }
        // What was said about plans of which nothing is known any more goes after a day.
        let expired = gates::expired(&self.asks.waiting, &self.asks.approvals, now);
        if !expired.is_empty() {
            store.commit(expired).await?;
        }
        self.tell(now).await
    }

    /// Somebody asked for something since the last look.
    async fn asked(&mut self, asks: Asks) -> Result<(), WorkspaceError> {
        let before = std::mem::replace(&mut self.asks, asks);
        let new = |name: &Arc<str>| !before.requests.iter().any(|(known, _)| known == name);
        let fresh = Asks { requests: self.asks.requests.iter().filter(|(name, _)| new(name)).cloned().collect(), ..Asks::default() };
        if !fresh.requests.is_empty() {
            self.resting.wake();
            self.kept.doubt();
            for system in &mut self.kept.systems {
                if system.role == SystemRole::Source || fresh.wants(&system.name) {
                    (system.wanted, system.known, system.asked) = (true, false, true);
                    system.memory.until = None;
                    self.trouble.remove(&system.name);
                }
            }
        }
        if before.revoked != self.asks.revoked {
            self.recollect().await?;
        }
        // A word about a plan, the brake: the same plan meets other gates.
        self.planned = None;
        Ok(())
    }

    /// Whatever can go on goes on.
    async fn advance(&mut self, now: Timestamp) -> Result<(), WorkspaceError> {
        self.renew(now).await?;
        let Some(lock) = self.lock.clone() else {
            self.take();
            return Ok(());
        };
        self.kept.wake(now);
        self.read_due(now);
        if let Some(run) = &self.run {
            // Whatever else is needed now is planned with what this run does not come to.
            if run.version != self.kept.version && run.began.elapsed() > PATIENT && self.kept.is_known(now) {
                run.stop.cancel();
            }
            // What was sent comes back, and the rest meets the gates again.
            if run.closes.is_some_and(|closes| closes <= now) && !run.stop.is_cancelled() {
                run.stop.cancel();
                self.planned = None;
            }
            return Ok(());
        }
        if lock.lost().is_some() || self.planning.is_some() || !self.kept.is_known(now) || !self.is_plan_due(now) {
            return Ok(());
        }
        self.kept.turn(now);
        self.planning = Some(Instant::now());
        self.serving = self.asks.requests.iter().map(|(name, _)| name.clone()).collect();
        let drifts = self.kept.outside || !self.asks.contested.is_empty();
        let (version, era, lineage) = (self.kept.version, self.kept.era, self.kept.lineage);
        let (last, dirty) = (self.kept.last.take().unwrap_or_default(), std::mem::take(&mut self.kept.dirty));
        // From time to time everybody is planned, whatever changed.
        let now_and_then = self.planned.is_some_and(|(_, at)| schedule::passed(at, now, REPLAN));
        let dirty = if now_and_then { Dirty::everybody("nobody was planned for a while") } else { dirty };
        let noticed = self.asks.noticed.clone();
        self.hands.plan(Asked { version, era, lineage, drifts, noticed, last, dirty }, self.kept.snapshot.clone());
        Ok(())
    }

    fn is_plan_due(&self, now: Timestamp) -> bool {
        // What was planned by a clock that was ahead is planned again.
        let Some((version, at)) = self.planned.filter(|(_, at)| *at <= now) else { return true };
        let held = self.opened.iter().flat_map(|opened| &opened.held).filter_map(|part| part.until);
        let next = held.chain(self.resting.next(at)).chain([at.saturating_add(REPLAN).unwrap_or(at)]).min();
        version != self.kept.version || next.is_some_and(|next| next <= now)
    }

    fn read_due(&mut self, now: Timestamp) {
        for (place, due) in schedule::due(now, &self.kept.waiting()) {
            let asked = self.kept.begin_read(place, now);
            let Some(system) = self.kept.systems.get(place) else { continue };
            let read = Read { role: system.role, name: system.name.clone(), at: system.at, asked, due, mark: system.mark.clone() };
            self.hands.read(read, self.kept.manifests.loaded.clone(), self.kept.snapshot.clone(), &self.reads);
        }
    }

    /// Whether there is nothing to be done before something else happens.
    fn is_settled(&self, now: Timestamp) -> bool {
        let quiet = self.planning.is_none() && self.run.is_none() && self.kept.systems.iter().all(|system| system.reading.is_none());
        let read = self.kept.is_known(now) && schedule::due(now, &self.kept.waiting()).is_empty();
        self.lock.is_some()
            && self.newer.is_none()
            && quiet
            && read
            && self.planned.is_some_and(|(version, _)| version == self.kept.version)
            && !self.is_plan_due(now)
    }

    /// What was sent comes back, what is known is told, and the lock is let go after the memory says so.
    async fn end(mut self, mut mailbox: UnboundedReceiver<Message>, settled: bool) -> Result<Ended, WorkspaceError> {
        self.reads.cancel();
        let last = Instant::now() + LINGER;
        if let Some(run) = &self.run {
            run.stop.cancel();
            let over = tokio::time::sleep_until(last);
            tokio::pin!(over);
            while self.run.is_some() {
                tokio::select! {
                    message = mailbox.recv() => match message {
                        Some(Message::Ran(ran)) => self.ran(*ran, Timestamp::now()).await?,
                        Some(_) => {}
                        None => break,
                    },
                    () = &mut over => break,
                }
            }
        }
        let Some(lock) = self.lock.take() else {
            return Err(WorkspaceError::Standby(self.waits_for));
        };
        self.inboxes.close(last.saturating_duration_since(Instant::now())).await;
        let now = Timestamp::now();
        // From here on nobody writes, and the last word says so.
        self.told = None;
        self.tell(now).await?;
        self.note_last(now).await?;
        if let Ok(lock) = Arc::try_unwrap(lock) {
            self.workspace.store.release(lock).await?;
        }
        let status = self.told.take().unwrap_or_else(|| self.status(now, (0, String::new())));
        let held = self.opened.as_ref().is_some_and(|opened| opened.extent().partial);
        Ok(Ended { status, plan: self.plan.take(), failed: self.failed, held, settled })
    }
}
