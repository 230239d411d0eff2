//! The work at one target: look, cut off, look again, and go on trying where that failed; first by links and marks, and once more when sources have told.
//!
//! Must never: wait for another target, or call something done that a look after it does not show.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::beside::block_on;
use super::ground::{Ground, Obstacle, TargetCut, Told};
use super::receipt::{self, Troubles};
use super::sources::Found;
use crate::apply::{self, Job, Report, RunSettings};
use crate::connector::budget::Budget;
use crate::connector::{TargetConnector, registry};
use crate::journal::Journal;
use crate::model::{Action, Capabilities, Evidence, Key, ObjectKind, Outcome, Plan, ReceiptWord, SystemError};
use crate::pipeline::news::{HearNothing, News};
use crate::pipeline::plan::ask;
use crate::pipeline::read::{Reading, read_target, surroundings};
use crate::pipeline::receipts::{self, concerned};
use crate::planning::{self, KnownAs};
use crate::planning::{Answer, Lookup, Scope};
use crate::policy::Policy;
use crate::state::StateError;
use crate::world::{SourceSide, TargetSide, World, canonical};

/// How long a target may take to be opened, and to answer all questions.
const OPEN: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_secs(60);
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// From the first look to the last receipt.
pub(super) fn work(ground: &Ground, at: usize, sources: watch::Receiver<Option<Arc<Found>>>) -> Result<Vec<Told>, StateError> {
    block_on(async {
        let mut desk = TargetSession::new(ground, at).await?;
        desk.work(sources).await
    })
}

/// Everything that the work at one target needs.
pub(super) struct TargetSession<'a> {
    pub(super) ground: &'a Ground,
    /// its position among all targets
    at: usize,
    pub(super) name: Arc<str>,
    /// of this target alone
    policy: Policy,
    world: World,
    opened: BTreeMap<Arc<str>, Arc<TargetConnector>>,
    pub(super) people: Vec<KnownAs>,
    /// why somebody without an account by links and marks may have one
    pub(super) unsure: Option<String>,
    /// why somebody whom no source has may be there all the same
    pub(super) unseen: Option<String>,
    /// keys of the orders that some source has
    pub(super) known: BTreeSet<Arc<str>>,
    pub(super) seen: Seen,
}

/// What was seen and done so far, by the orders' keys.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) found: BTreeSet<Arc<str>>,
    pub(super) done: BTreeSet<Arc<str>>,
    sessions_ended: bool,
}

impl<'a> TargetSession<'a> {
    /// Before any source told anything.
    pub(super) async fn new(ground: &'a Ground, at: usize) -> Result<Self, StateError> {
        let policy = ground.policy.for_target(at);
        let people = ground.people();
        let unread = (0..policy.sources.len()).map(|source| {
            let mut side = SourceSide::new(&policy, source, ground.moment.today);
            side.finish(Evidence::Unreadable { reason: "it was not read yet".into() });
            side
        });
        let side = TargetSide::new(&policy, 0, Capabilities::default());
        let world = World::assemble(&policy, unread.collect(), vec![side], ground.memory(&people).await?);
        let name = ground.policy.targets[at].name.clone();
        let (opened, known, seen) = (BTreeMap::new(), BTreeSet::new(), Seen::default());
        Ok(Self { ground, at, name, policy, world, opened, people, unsure: None, unseen: None, known, seen })
    }

    async fn work(&mut self, mut sources: watch::Receiver<Option<Arc<Found>>>) -> Result<Vec<Told>, StateError> {
        let mut told = false;
        let mut wait = FIRST_WAIT;
        let mut tries = 0;
        loop {
            let news = if told { None } else { sources.borrow_and_update().clone() };
            if let Some(found) = &news {
                self.listen(found).await?;
                told = true;
            }
            let troubles = self.attempt().await;
            if !told {
                // Whoever was found is cut off already; only then are sources waited for.
                let so_far = self.receipts(&troubles, 1).into_iter().filter(|told| self.seen.found.contains(&told.key));
                self.record(&so_far.collect::<Vec<_>>()).await?;
                told = tokio::select! {
                    changed = sources.wait_for(Option::is_some) => changed.is_err(),
                    () = self.ground.stop.cancelled() => true,
                };
                self.unsure = told.then(|| "no source has answered yet".to_owned());
                continue;
            }
            tries += 1;
            let receipts = self.receipts(&troubles, tries);
            self.record(&receipts).await?;
            let open = receipts.iter().find(|told| told.obstacle == Some(Obstacle::Passing));
            let Some(open) = open.filter(|_| !self.ground.stop.is_cancelled() && Instant::now() + wait < self.ground.deadline) else {
                return Ok(receipts);
            };
            self.ground.hear.hear(News::Again { target: &self.name, receipt: &open.receipt });
            tokio::select! {
                () = sleep(wait) => {}
                () = self.ground.stop.cancelled() => {}
            }
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    /// What sources told joins what is known.
    async fn listen(&mut self, found: &Found) -> Result<(), StateError> {
        let side = self.world.take_target().unwrap_or_else(|| TargetSide::new(&self.policy, 0, Capabilities::default()));
        self.people = found.people.clone();
        let memory = self.ground.memory(&self.people).await?;
        let links: Vec<_> = self.world.links().filter(|link| !memory.links.contains(link)).collect();
        self.world = World::assemble(&self.policy, found.sides.clone(), vec![side], memory);
        self.world.remember(&self.policy, links);
        self.known = found.known.clone();
        let unread = found.unread.iter().map(|(source, _)| format!("{source} could not be read"));
        let unused: Vec<String> = unread.chain(self.ground.unused.iter().cloned()).collect();
        self.unsure = (!unused.is_empty()).then(|| unused.join("; "));
        self.unseen = (!found.partial.is_empty()).then(|| format!("{} could not be read to the end", found.partial.join(", ")));
        Ok(())
    }

    /// One try: what is wrong afterwards, by key.
    async fn attempt(&mut self) -> Troubles {
        let look = match self.look().await {
            Ok(look) => look,
            Err(words) => return receipt::everybody(self.ground, ReceiptWord::Unreachable, &words),
        };
        for account in &look.accounts {
            self.seen.found.extend(self.order_of(&account.key));
        }
        let mut troubles = Troubles::new();
        let mut plan = without_sessions(look.plan, self.seen.sessions_ended);
        if plan.applyable() {
            self.ground.hear.hear(News::Cutting { plan: &plan });
            match self.run(&plan).await {
                Ok(report) => self.learn(&plan, &report, &mut troubles),
                Err(words) => return receipt::everybody(self.ground, ReceiptWord::Failed, &words),
            }
            // What was done is believed only when another look shows it.
            plan = match self.look().await {
                Err(words) => return receipt::everybody(self.ground, ReceiptWord::Unreachable, &words),
                Ok(again) => without_sessions(again.plan, self.seen.sessions_ended),
            };
        }
        self.judge(&plan, &mut troubles);
        self.under_way(&mut troubles).await;
        troubles
    }

    /// Looks at what those who are cut off have there now.
    pub(super) async fn look(&mut self) -> Result<TargetCut, String> {
        if !self.opened.contains_key(&self.name) {
            let open = timeout(OPEN, self.open()).await.map_err(|_| format!("it did not answer within {} s", OPEN.as_secs()))?;
            let connector = open.map_err(|error| error.to_string())?;
            self.opened.insert(self.name.clone(), connector);
        }
        timeout(LOOK, self.ask()).await.map_err(|_| format!("it did not answer within {} s", LOOK.as_secs()))?
    }

    async fn ask(&mut self) -> Result<TargetCut, String> {
        let moment = self.ground.moment;
        let scope = Scope::Revoked(0);
        let connector = self.opened.get(&self.name).map(AsRef::as_ref);
        let here = |_: usize| connector;
        let (answers, _) = ask(&self.policy, &self.world, &here, moment, scope).await;
        let store = self.ground.state.store();
        let links = store.links_by_id(self.name.clone(), ids(&answers)).await.map_err(|error| error.to_string())?;
        let new: Vec<_> = links.into_iter().filter(|link| !self.world.has_link(link)).collect();
        if !new.is_empty() {
            self.world.remember(&self.policy, new);
        }
        let prepared = planning::prepare(&self.policy, &self.world, &answers, moment, scope);
        Ok(TargetCut { accounts: prepared.revoked_accounts(0), plan: prepared.plan() })
    }

    /// Only a target that must keep some members in a group is read as a whole: how many there are must be known.
    async fn open(&mut self) -> Result<Arc<TargetConnector>, SystemError> {
        let ground = self.ground;
        let Some(document) = ground.loaded.targets.get(self.at) else {
            return Err(SystemError::Unavailable("it is not declared".into()));
        };
        if !self.policy.targets[0].protect.keep.is_empty() {
            let read =
                read_target(&self.policy, 0, (document, &ground.loaded.files), &Budget::default(), &Reading::once(&HearNothing)).await;
            let connector = read.connector.ok_or_else(|| SystemError::Unavailable("it could not be opened".into()))?;
            let links = ground.state.store().load().await.map(|memory| memory.links).unwrap_or_default();
            self.world.renew(0, read.side);
            self.world.remember(&self.policy, links.into_iter().filter(|link| link.target == self.name).collect());
            return Ok(connector);
        }
        let surroundings = surroundings(document).with(&ground.loaded.files).urgent();
        let connector = registry::open_target(&document.spec.connection, &surroundings).await?;
        let mut side = TargetSide::new(&self.policy, 0, connector.capabilities.clone());
        for kind in [ObjectKind::Account, ObjectKind::Group, ObjectKind::Membership, ObjectKind::Entitlement] {
            side.finish(kind, Evidence::Partial { reason: "only single accounts are asked for".into() });
        }
        self.world.renew(0, side);
        Ok(Arc::new(connector))
    }

    async fn run(&self, plan: &Plan) -> Result<Report, String> {
        match self.send(plan).await {
            Ok(report) if report.stopped.is_none() || self.ground.stop.is_cancelled() => Ok(report),
            // The state can't be written any more. Whoever is to be cut off is, all the same.
            stopped => {
                let store = self.ground.state.store();
                let error = match stopped {
                    Ok(_) => store.commit(Vec::new()).await.err().unwrap_or(StateError::Stopped),
                    Err(error) => error,
                };
                if store.is_kept() && self.ground.give_up(&store, &error).await {
                    return self.send(plan).await.map_err(|error| error.to_string());
                }
                Err(error.to_string())
            }
        }
    }

    async fn send(&self, plan: &Plan) -> Result<Report, StateError> {
        let settings = RunSettings::default();
        let store = self.ground.state.store();
        let lock = store.lock_beside().await?;
        let job = Job {
            plan,
            targets: &self.opened,
            store: &store,
            lock: &lock,
            settings: &settings,
            who: &self.ground.who,
            with: Vec::new(),
            known_ids: &|_, _, _| None,
            was_there: &|_, _, _| false,
            cancel: self.ground.stop.clone(),
            progress: &apply::Silent,
        };
        apply::apply(&job).await
    }

    fn learn(&mut self, plan: &Plan, report: &Report, troubles: &mut Troubles) {
        let mut sessions = true;
        let outcomes = report.outcomes.iter().filter_map(|(id, outcome)| Some((plan.changes.get(id.0 as usize)?, outcome)));
        for (change, outcome) in outcomes {
            let keys: BTreeSet<Arc<str>> = concerned(change).iter().flat_map(|key| self.order_of(key)).collect();
            if matches!(outcome, Outcome::Done { .. } | Outcome::Partly { .. }) && change.action != Action::EndSessions {
                self.seen.done.extend(keys.iter().cloned());
            }
            let Some(words) = outcome.trouble() else { continue };
            sessions &= change.action != Action::EndSessions;
            for key in keys {
                receipt::note(troubles, key, ReceiptWord::Failed, &words, Obstacle::Passing);
            }
        }
        self.seen.sessions_ended |= sessions;
    }

    /// What a run sent before it knew of the revocation may still arrive.
    async fn under_way(&self, troubles: &mut Troubles) {
        let store = self.ground.state.store();
        if store.under_way().await.is_ok_and(|under_way| !under_way.run) {
            return;
        }
        let open = Journal::new(store.as_ref()).unfinished().await.unwrap_or_default();
        for (_, intent) in open.iter().filter(|(_, intent)| intent.target == self.name && !intent.action.removes()) {
            let itself = intent.object.id.as_ref().map(|id| Key::account(&self.name, id).text());
            for key in std::iter::once(&intent.object.key).chain(&intent.members).chain(&itself).flat_map(|key| self.order_of(key)) {
                let words = "a run that is under way has sent something for it and has no answer yet";
                receipt::note(troubles, key, ReceiptWord::Failed, words, Obstacle::Passing);
            }
        }
    }

    /// The order that any key of a person means.
    pub(super) fn order_of(&self, key: &Arc<str>) -> Option<Arc<str>> {
        let means = |(order, person): &(&crate::model::StandingRevocation, &KnownAs)| {
            order.means(key) || person.key == *key || person.also.contains(key)
        };
        self.ground.orders.iter().zip(&self.people).find(means).map(|(order, _)| order.key.clone())
    }

    async fn record(&self, told: &[Told]) -> Result<(), StateError> {
        if told.is_empty() {
            return Ok(());
        }
        self.ground.commit(receipts::facts(told.iter().map(|told| (&told.key, &told.receipt)))).await
    }
}

/// Sessions can't be observed: once they are ended, they are.
fn without_sessions(mut plan: Plan, ended: bool) -> Plan {
    if ended {
        // Nothing needs the end of sessions, and it needs nothing, so positions don't matter.
        plan.changes.retain(|change| change.action != Action::EndSessions);
    }
    plan
}

/// The accounts that answers brought up.
fn ids(answers: &[(Lookup, Answer)]) -> Vec<Arc<str>> {
    let mut ids = BTreeSet::new();
    for (lookup, answer) in answers {
        let Answer::Objects(page) = answer else { continue };
        let Some(at) = page.columns().position("id").filter(|_| lookup.kind == ObjectKind::Account) else { continue };
        ids.extend(page.rows().map(|row| Arc::from(canonical::text(row.cell(at)).as_ref())));
    }
    ids.into_iter().collect()
}
