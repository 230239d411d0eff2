//! Cutting people off, now: remembered first, then at each target on its own, from the look to the cut; whatever sources tell later only adds.
//!
//! Links and marks lead to accounts without any source. Must never: let one target or source wait for another, plan anybody else, or say that nobody has an
//! account where nobody could look properly.

mod everybody;
mod preview;
mod receipt;
mod sources;
mod standing;
mod target;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::apply::run_name;
use crate::journal::{Event, append};
use crate::manifest::Loaded;
use crate::model::{Memory, ObjectRef, Plan, Receipt, ReceiptWord, StandingRevocation};
use crate::pipeline::news::{Hear, News};
use crate::planning::Moment;
use crate::planning::{KnownAs, remembered_as};
use crate::policy::Policy;
use crate::state::{StateError, Store, forget_revocation, record_other_keys, record_revocation};
pub use everybody::Everybody;
pub use preview::preview;
use sources::Found;
pub use standing::{Lifted, lift};
pub(super) use standing::{covering, end_covered};

/// How long a thread that is past its deadline is waited for. A system that hangs for longer is left behind.
const GRACE: Duration = Duration::from_secs(70);
/// Stacks of threads that evaluate expressions.
const STACK: usize = 16 << 20;

/// One revocation: whom, where, and what it works with.
pub struct Ground {
    /// the manifests, as far as they are sound
    pub loaded: Loaded,
    /// compiled; standing revocations of others are no part of it
    pub policy: Policy,
    /// where it is remembered
    pub state: State,
    /// who is cut off
    pub orders: Vec<StandingRevocation>,
    /// positions of the targets
    pub targets: Vec<usize>,
    /// when
    pub moment: Moment,
    /// how long a target that fails is tried
    pub deadline: Instant,
    /// for the journal
    pub who: String,
    /// finish what was sent, then stop
    pub stop: CancellationToken,
    /// sources and manifests that can't be used, in words: whoever has no account by links and marks may have one by what they would say
    pub unused: Vec<String>,
    /// told about each step
    pub hear: Box<dyn Hear>,
}

/// What was found at one target, and the steps that cut it off.
pub struct Look {
    /// the accounts of those who are revoked
    pub accounts: Vec<ObjectRef>,
    /// nothing but their steps
    pub plan: Plan,
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

/// A receipt and whose it is.
#[derive(Clone, Debug)]
pub struct Told {
    /// the identity's key
    pub key: Arc<str>,
    /// what came of it
    pub receipt: Receipt,
    /// what is in the way, if anything is
    pub obstacle: Option<Obstacle>,
}

/// What came of it.
pub struct Done {
    /// at each target
    pub told: Vec<Told>,
    /// those who are cut off, with every key that was found
    pub people: Vec<KnownAs>,
    /// keys that nobody has, though everything was asked; they are forgotten again
    pub slips: Vec<Arc<str>>,
    /// sources that could not be read, and why
    pub unread: Vec<(Arc<str>, String)>,
}

/// The state as long as it can be written, and a passing one from then on: being cut off comes before being remembered.
pub struct State {
    store: Mutex<Arc<Store>>,
    workspace: Arc<str>,
    lost: Mutex<Option<String>>,
}

impl State {
    /// The state at a path, or a passing one in its place where it can't be used; with the reason.
    pub fn open(path: &Path, workspace: &Arc<str>) -> Result<(Self, Option<StateError>), StateError> {
        let (store, error) = match Store::open(path, workspace) {
            Ok(store) => (store, None),
            Err(error) => (Store::passing(path, workspace, !matches!(error, StateError::OtherWorkspace { .. }))?, Some(error)),
        };
        Ok((Self::of(store, workspace, error.as_ref()), error))
    }

    /// None is kept: what there is tells what it knows.
    pub fn passing(path: &Path, workspace: &Arc<str>) -> Result<Self, StateError> {
        Ok(Self::of(Store::passing(path, workspace, true)?, workspace, None))
    }

    /// In the place of one that opens and can't be read.
    pub fn unread(path: &Path, workspace: &Arc<str>, error: &StateError) -> Result<Self, StateError> {
        Ok(Self::of(Store::passing(path, workspace, true)?, workspace, Some(error)))
    }

    fn of(store: Store, workspace: &Arc<str>, error: Option<&StateError>) -> Self {
        let lost = Mutex::new(error.map(ToString::to_string));
        Self { store: Mutex::new(Arc::new(store)), workspace: workspace.clone(), lost }
    }

    /// What is written to now.
    pub fn store(&self) -> Arc<Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Why the state could not be used, if it could not.
    pub fn lost(&self) -> Option<String> {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// It can't be written any more. Says whether there is another one now, which goes with the process.
    fn give_up(&self, failed: &Arc<Store>, error: &StateError) -> bool {
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        if !Arc::ptr_eq(&store, failed) {
            return true;
        }
        let Some(passing) = failed.is_kept().then(|| Store::passing(failed.path(), &self.workspace, true).ok()).flatten() else {
            return false;
        };
        *store = Arc::new(passing);
        self.lost.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| error.to_string());
        true
    }
}

impl Ground {
    /// Writes to the state; where that fails, to one that goes with the process.
    fn write<T>(&self, write: impl Fn(&Store) -> Result<T, StateError>) -> Result<T, StateError> {
        let store = self.state.store();
        match write(&store) {
            Err(error) if self.give_up(&store, &error) => write(&self.state.store()),
            other => other,
        }
    }

    fn give_up(&self, store: &Arc<Store>, error: &StateError) -> bool {
        let another = self.state.give_up(store, error);
        if another && store.is_kept() {
            self.hear.hear(News::StateLost(error));
        }
        another
    }

    /// From here on every run knows of it, whatever becomes of this one.
    pub fn remember(&self) -> Result<(), StateError> {
        let Some(first) = self.orders.first() else { return Ok(()) };
        let keys = self.orders.iter().map(|order| order.key.clone()).collect();
        let events = [Event::Revoked { keys, reason: first.reason.clone(), until: first.until, who: self.who.clone() }];
        self.write(|store| {
            store.write(|tx| {
                self.orders.iter().try_for_each(|order| record_revocation(tx, order))?;
                append(tx, &run_name(first.at, true), first.at, &events)
            })
        })
    }

    /// Keys that sources brought up: whatever a run has for one of them is for nobody.
    fn remember_keys(&self, people: &[KnownAs]) -> Result<(), StateError> {
        let known = |(order, person): (&StandingRevocation, &KnownAs)| {
            let also: Vec<_> = std::iter::once(&person.key).chain(&person.also).filter(|key| !order.means(key)).cloned().collect();
            (!also.is_empty()).then(|| (order.key.clone(), also))
        };
        let new: Vec<_> = self.orders.iter().zip(people).filter_map(known).collect();
        if new.is_empty() {
            return Ok(());
        }
        self.write(|store| store.write(|tx| new.iter().try_for_each(|(key, also)| record_other_keys(tx, key, also))))
    }

    /// What is remembered of those who are cut off, and of nobody else.
    fn memory(&self, people: &[KnownAs]) -> Result<Memory, StateError> {
        let keys: BTreeSet<Arc<str>> = people.iter().flat_map(|person| std::iter::once(&person.key).chain(&person.also)).cloned().collect();
        let about = about(&self.state.store(), &self.policy, &keys.into_iter().collect::<Vec<_>>())?;
        let standing = self.orders.iter().zip(people).map(|(order, person)| {
            let also = std::iter::once(&person.key).chain(&person.also).filter(|key| **key != order.key).cloned().collect();
            StandingRevocation { also, ..order.clone() }
        });
        Ok(Memory { revocations: standing.collect(), ..about })
    }

    /// Those who are cut off, by what is known before any source was asked.
    fn people(&self) -> Vec<KnownAs> {
        self.orders.iter().map(|order| KnownAs { key: order.key.clone(), also: order.also.clone() }).collect()
    }
}

/// One order for each person that these keys mean, whichever of their keys it is: by what manifests say and what is remembered.
pub fn orders(
    policy: &Policy,
    store: &Store,
    keys: &[&str],
    reason: &Arc<str>,
    until: Option<Date>,
    at: Timestamp,
) -> Result<Vec<StandingRevocation>, StateError> {
    let mut orders: BTreeMap<Arc<str>, StandingRevocation> = BTreeMap::new();
    for key in keys {
        let known = remembered(policy, store, key)?;
        let order =
            StandingRevocation { key: known.key.clone(), reason: reason.clone(), at, until, also: known.also, receipts: Vec::new() };
        orders.insert(known.key, order);
    }
    Ok(orders.into_values().collect())
}

/// Whoever a key means, with as much of the state as concerns them.
fn remembered(policy: &Policy, store: &Store, key: &str) -> Result<KnownAs, StateError> {
    let mut known = remembered_as(policy, &[], key);
    loop {
        let keys: Vec<Arc<str>> = std::iter::once(&known.key).chain(&known.also).cloned().collect();
        let records = about(store, policy, &keys)?.records;
        let again = remembered_as(policy, &records, key);
        if again == known {
            return Ok(known);
        }
        known = again;
    }
}

fn about(store: &Store, policy: &Policy, keys: &[Arc<str>]) -> Result<Memory, StateError> {
    let sources: Vec<Arc<str>> = policy.sources.iter().map(|source| source.name.clone()).collect();
    let targets: Vec<Arc<str>> = policy.targets.iter().map(|target| target.name.clone()).collect();
    store.load_about(&sources, &targets, keys)
}

/// Cuts off everywhere at once, until it is done or the time is over. It stands in the state already.
pub async fn cut_off(ground: &Arc<Ground>) -> Result<Done, StateError> {
    let (tell, hear) = watch::channel(None::<Arc<Found>>);
    let (report, mut reports) = mpsc::unbounded_channel();
    for at in ground.targets.clone() {
        let (ground, hear, report) = (ground.clone(), hear.clone(), report.clone());
        // Whoever waits for it takes a closed channel for a target that gave no answer.
        beside(move || drop(report.send((at, target::work(&ground, at, hear)))));
    }
    drop(report);
    let read = ground.clone();
    beside(move || drop(tell.send_replace(Some(Arc::new(sources::read(&read))))));
    let mut told = BTreeMap::new();
    let until = ground.deadline + GRACE;
    while let Ok(Some((at, of_target))) = timeout_at(until, reports.recv()).await {
        told.insert(at, of_target?);
    }
    let found = hear.borrow().clone();
    let all = ground.targets.iter().flat_map(|at| told.remove(at).unwrap_or_else(|| receipt::nothing(ground, *at))).collect();
    finish(ground, all, found.as_deref())
}

fn finish(ground: &Ground, told: Vec<Told>, found: Option<&Found>) -> Result<Done, StateError> {
    let people = found.map_or_else(|| ground.people(), |found| found.people.clone());
    let unread = found.map_or_else(Vec::new, |found| found.unread.clone());
    let mut slips = Vec::new();
    for (order, person) in ground.orders.iter().zip(&people) {
        let mut theirs = told.iter().filter(|told| told.key == order.key).peekable();
        let everywhere = theirs.peek().is_some() && theirs.all(|told| told.receipt.outcome == ReceiptWord::NoAccount);
        let known = found.is_none_or(|found| found.known.contains(&order.key)) || !person.also.is_empty();
        if everywhere && !known && ground.targets.len() == ground.policy.targets.len() {
            slips.push(order.key.clone());
        }
    }
    if !slips.is_empty() {
        let now = Timestamp::now();
        let events = [Event::Lifted { keys: slips.clone(), why: "nobody has the key, neither in a source nor at a target".to_owned() }];
        ground.write(|store| {
            store.write(|tx| {
                slips.iter().try_for_each(|key| forget_revocation(tx, key).map(drop))?;
                append(tx, &run_name(now, true), now, &events)
            })
        })?;
    }
    let told = told.into_iter().filter(|told| !slips.contains(&told.key)).collect();
    Ok(Done { told, people, slips, unread })
}

/// Runs on a thread of its own: a system that blocks its thread keeps nobody else from theirs.
fn beside(work: impl FnOnce() + Send + 'static) {
    let handle = tokio::runtime::Handle::current();
    let run = move || {
        let _inside = handle.enter();
        work();
    };
    // Without a thread there is nobody to answer, and the receipt says so.
    drop(std::thread::Builder::new().stack_size(STACK).spawn(run));
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Handle::current().block_on(work)
}
