//! The work at all targets at once: look, cut off, look again, and go on trying where that failed.
//!
//! Must never: let one target wait for another, or call something done that a second look does not show.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use jiff::Timestamp;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::RevokeArgs;
use crate::apply::{self, Job, Settings, Silent, run_name};
use crate::cli::apply::who;
use crate::cli::outcome::receipt_word;
use crate::cli::progress::trouble;
use crate::cli::report::{Failure, notice};
use crate::cli::session::state_failure;
use crate::connector::TargetConnector;
use crate::journal::{Event, Journal, append};
use crate::model::{Action, Change, FindingCode, Outcome, Plan, Receipt, ReceiptWord, Severity, StandingRevocation};
use crate::pipeline::{self, Direct, Look};
use crate::policy::Policy;
use crate::render::safe;
use crate::state::{RunLock, Store, record_receipt};

/// How long a target may take to be opened, and to answer all questions.
const OPEN: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_secs(60);
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Everything that the work at one target needs.
pub struct Desk<'a> {
    direct: &'a Direct<'a>,
    policy: &'a Policy,
    store: &'a Arc<Store>,
    keys: Vec<Arc<str>>,
    targets: Vec<usize>,
    deadline: Instant,
    stop: CancellationToken,
}

/// The first look at one target.
pub struct First {
    /// its position in the policy
    at: usize,
    /// its name
    pub target: Arc<str>,
    opened: Opened,
    /// what was found, or why nothing could be
    pub look: Result<Look, String>,
}

/// An open target, by its name; empty before it is open.
type Opened = BTreeMap<Arc<str>, TargetConnector>;

/// What is wrong with one identity at one target.
struct Trouble {
    words: String,
    word: ReceiptWord,
    obstacle: Obstacle,
}

/// Whether trying again may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// it may
    Passing,
    /// it does not
    Lasting,
    /// it does not, since the target's protection refuses it
    Protection,
}

/// What was seen and done so far at one target.
#[derive(Default)]
struct Seen {
    found: BTreeSet<Arc<str>>,
    done: BTreeSet<Arc<str>>,
    sessions_ended: bool,
}

/// A receipt and whose it is.
pub struct Told {
    /// the identity's key
    pub key: Arc<str>,
    /// what came of it
    pub receipt: Receipt,
    /// what is in the way, if anything is
    pub obstacle: Option<Obstacle>,
}

impl First {
    /// Whether everything that was asked was answered.
    pub fn answered(&self) -> bool {
        self.look.as_ref().is_ok_and(|look| look.plan.complete())
    }

    /// Whether somebody has an account there.
    pub fn has(&self, key: &str) -> bool {
        self.look.as_ref().is_ok_and(|look| look.accounts.iter().any(|account| account.key.as_ref() == key))
    }
}

impl<'a> Desk<'a> {
    /// For these identities.
    pub fn new(
        direct: &'a Direct<'a>,
        policy: &'a Policy,
        store: &'a Arc<Store>,
        args: &RevokeArgs,
        revocations: &[StandingRevocation],
        stop: CancellationToken,
    ) -> Self {
        let named = |at: &usize| args.target.is_empty() || args.target.iter().any(|name| *name == *policy.targets[*at].name);
        let targets = (0..policy.targets.len()).filter(named).collect();
        let keys = revocations.iter().map(|revocation| revocation.key.clone()).collect();
        Self { direct, policy, store, keys, targets, deadline: Instant::now() + args.timeout, stop }
    }

    /// Looks at every target at once.
    pub async fn look_everywhere(&self) -> Vec<First> {
        let looks = self.targets.iter().map(|at| async {
            let mut opened = Opened::new();
            let look = self.look(*at, &mut opened).await;
            First { at: *at, target: self.policy.targets[*at].name.clone(), opened, look }
        });
        join_all(looks).await
    }

    /// Cuts off everywhere at once, until it is done or the time is over.
    pub async fn work(&self, first: Vec<First>) -> Result<Vec<Told>, Failure> {
        let lock = self.store.lock_beside().map_err(|error| state_failure(&error))?;
        let told = join_all(first.into_iter().map(|first| self.at_target(first, &lock))).await;
        Ok(told.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }

    async fn at_target(&self, first: First, lock: &RunLock) -> Result<Vec<Told>, Failure> {
        let First { at, target, mut opened, look } = first;
        let mut look = Some(look);
        let mut seen = Seen::default();
        let mut wait = FIRST_WAIT;
        for tries in 1.. {
            let troubles = self.attempt(at, &mut opened, look.take(), &mut seen, lock).await;
            let told: Vec<Told> = self.keys.iter().map(|key| receipt(&target, key, &seen, troubles.get(key), tries)).collect();
            self.record(&told)?;
            let open = told.iter().filter(|told| told.obstacle == Some(Obstacle::Passing)).collect::<Vec<_>>();
            if open.is_empty() || self.stop.is_cancelled() || Instant::now() + wait >= self.deadline {
                return Ok(told);
            }
            let words = open.first().and_then(|told| told.receipt.message.as_deref()).unwrap_or_default();
            notice(safe::lines(&format!("{target}: {}: {words}; trying again", receipt_word(open[0].receipt.outcome))));
            tokio::select! {
                () = sleep(wait) => {}
                () = self.stop.cancelled() => {}
            }
            wait = (wait * 2).min(LONGEST_WAIT);
        }
        Ok(Vec::new())
    }

    /// One try: what is wrong afterwards, by key.
    async fn attempt(
        &self,
        at: usize,
        opened: &mut Opened,
        look: Option<Result<Look, String>>,
        seen: &mut Seen,
        lock: &RunLock,
    ) -> BTreeMap<Arc<str>, Trouble> {
        let look = match look {
            Some(Ok(look)) => Ok(look),
            _ => self.look(at, opened).await,
        };
        let look = match look {
            Ok(look) => look,
            Err(words) => return self.everybody(ReceiptWord::Unreachable, &words),
        };
        seen.found.extend(look.accounts.iter().map(|account| account.key.clone()));
        let mut troubles = BTreeMap::new();
        let plan = without_sessions(look.plan, seen.sessions_ended);
        if plan.applyable() {
            match self.run(&plan, opened, lock).await {
                Ok(outcomes) => self.learn(&plan, &outcomes, seen, &mut troubles),
                Err(words) => return self.everybody(ReceiptWord::Failed, &words),
            }
        }
        // What was found so is believed only when a second look, after the revocation stands in the state, shows it.
        match self.look(at, opened).await {
            Err(words) => return self.everybody(ReceiptWord::Unreachable, &words),
            Ok(again) => self.judge(at, &without_sessions(again.plan, seen.sessions_ended), &mut troubles),
        }
        self.under_way(at, &mut troubles);
        troubles
    }

    async fn look(&self, at: usize, opened: &mut Opened) -> Result<Look, String> {
        let name = &self.policy.targets[at].name;
        if !opened.contains_key(name) {
            let open = timeout(OPEN, self.direct.open(at, &pipeline::Silent)).await;
            let connector = open.map_err(|_| format!("it did not answer within {} s", OPEN.as_secs()))?;
            opened.insert(name.clone(), connector.map_err(|error| error.to_string())?);
        }
        let Some(connector) = opened.get(name) else { return Err("it could not be opened".to_owned()) };
        timeout(LOOK, self.direct.look(at, connector)).await.map_err(|_| format!("it did not answer within {} s", LOOK.as_secs()))
    }

    async fn run(&self, plan: &Plan, targets: &Opened, lock: &RunLock) -> Result<Vec<(usize, Outcome)>, String> {
        let settings = Settings::default();
        let job = Job {
            plan,
            targets,
            store: self.store,
            lock,
            settings: &settings,
            who: &who(),
            known_ids: &|_, _, _| None,
            cancel: self.stop.clone(),
            progress: &Silent,
        };
        let report = apply::apply(&job).await.map_err(|error| error.to_string())?;
        Ok(report.outcomes.into_iter().map(|(id, outcome)| (id.0 as usize, outcome)).collect())
    }

    fn learn(&self, plan: &Plan, outcomes: &[(usize, Outcome)], seen: &mut Seen, troubles: &mut BTreeMap<Arc<str>, Trouble>) {
        let mut sessions = true;
        for (change, outcome) in outcomes.iter().filter_map(|(at, outcome)| Some((plan.changes.get(*at)?, outcome))) {
            if matches!(outcome, Outcome::Done { .. } | Outcome::Partly { .. }) && change.action != Action::EndSessions {
                seen.done.extend(concerned(change));
            }
            let Some(words) = trouble(outcome) else { continue };
            sessions &= change.action != Action::EndSessions;
            for key in concerned(change) {
                troubles.entry(key).or_insert_with(|| Trouble {
                    words: words.clone(),
                    word: ReceiptWord::Failed,
                    obstacle: Obstacle::Passing,
                });
            }
        }
        seen.sessions_ended |= sessions;
    }

    /// What a second look still shows.
    fn judge(&self, at: usize, plan: &Plan, troubles: &mut BTreeMap<Arc<str>, Trouble>) {
        for change in plan.changes.iter().filter(|change| change.runs()) {
            for key in concerned(change) {
                let words =
                    || Trouble { words: "something is left or came back".into(), word: ReceiptWord::Failed, obstacle: Obstacle::Passing };
                troubles.entry(key).or_insert_with(words);
            }
        }
        let name = &self.policy.targets[at].name;
        for finding in plan.findings.iter().filter(|finding| finding.subject.system.as_ref() == Some(name)) {
            let (word, obstacle) = match (finding.severity, finding.code) {
                (Severity::Incomplete, _) => (ReceiptWord::Unreachable, Obstacle::Passing),
                (Severity::Refused, FindingCode::Protected) => (ReceiptWord::Failed, Obstacle::Protection),
                (Severity::Error, _) => (ReceiptWord::Failed, Obstacle::Lasting),
                _ => continue,
            };
            for key in self.keys.iter().filter(|key| finding.subject.key.as_ref().is_none_or(|known| known == *key)) {
                if obstacle != Obstacle::Protection {
                    troubles.insert(key.clone(), Trouble { words: finding.message.clone(), word, obstacle });
                } else if is_withheld(plan, key) {
                    // What failed beside it can still be done, so that counts more.
                    troubles.entry(key.clone()).or_insert_with(|| Trouble { words: "it is protected".into(), word, obstacle });
                }
            }
        }
    }

    /// What a run sent before it knew of the revocation may still arrive.
    fn under_way(&self, at: usize, troubles: &mut BTreeMap<Arc<str>, Trouble>) {
        if !self.store.is_running() {
            return;
        }
        let name = &self.policy.targets[at].name;
        let open = Journal::new(self.store).unfinished().unwrap_or_default();
        for (_, intent) in open.iter().filter(|(_, intent)| intent.target == *name && !intent.action.removes()) {
            let about = |key: &&Arc<str>| intent.object.key == **key || intent.members.contains(*key);
            for key in self.keys.iter().filter(about) {
                let words = "a run that is under way has sent something for it and has no answer yet".to_owned();
                troubles.entry(key.clone()).or_insert(Trouble { words, word: ReceiptWord::Failed, obstacle: Obstacle::Passing });
            }
        }
    }

    fn everybody(&self, word: ReceiptWord, words: &str) -> BTreeMap<Arc<str>, Trouble> {
        let trouble = || Trouble { words: words.to_owned(), word, obstacle: Obstacle::Passing };
        self.keys.iter().map(|key| (key.clone(), trouble())).collect()
    }

    fn record(&self, told: &[Told]) -> Result<(), Failure> {
        let now = Timestamp::now();
        let event = |told: &Told| Event::Receipt {
            key: told.key.clone(),
            target: told.receipt.target.clone(),
            outcome: told.receipt.outcome,
            message: told.receipt.message.clone(),
        };
        let events: Vec<_> = told.iter().map(event).collect();
        let written = self.store.write(|tx| {
            told.iter().try_for_each(|told| record_receipt(tx, &told.key, &told.receipt))?;
            append(tx, &run_name(now, true), now, &events)
        });
        written.map_err(|error| state_failure(&error))
    }
}

fn receipt(target: &Arc<str>, key: &Arc<str>, seen: &Seen, trouble: Option<&Trouble>, tries: u32) -> Told {
    let outcome = match trouble {
        Some(trouble) => trouble.word,
        None if seen.done.contains(key) => ReceiptWord::Done,
        None if seen.found.contains(key) => ReceiptWord::AlreadySo,
        None => ReceiptWord::NoAccount,
    };
    let message = trouble.map(|trouble| Arc::from(trouble.words.as_str()));
    let receipt = Receipt { target: target.clone(), outcome, message, tries, at: Timestamp::now() };
    Told { key: key.clone(), receipt, obstacle: trouble.map(|trouble| trouble.obstacle) }
}

/// Sessions can't be observed: once they are ended, they are.
fn without_sessions(mut plan: Plan, ended: bool) -> Plan {
    if ended {
        // Nothing needs the end of sessions, and it needs nothing, so positions don't matter.
        plan.changes.retain(|change| change.action != Action::EndSessions);
    }
    plan
}

fn is_withheld(plan: &Plan, key: &Arc<str>) -> bool {
    plan.changes.iter().any(|change| !change.runs() && concerned(change).contains(key))
}

/// Whom a change is about.
pub fn concerned(change: &Change) -> BTreeSet<Arc<str>> {
    match change.members.as_slice() {
        [] => BTreeSet::from([change.object.key.clone()]),
        members => members.iter().map(|member| member.member.key.clone()).collect(),
    }
}
