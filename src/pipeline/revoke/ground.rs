//! What one revocation works with, and what it remembers.
//!
//! Must never: let a state that can't be written hold anything up.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::orders::about;
use super::state::State;
use crate::apply::run_name;
use crate::journal::{Event, entry};
use crate::manifest::Loaded;
use crate::model::{Memory, ObjectRef, Plan, Receipt, StandingRevocation};
use crate::pipeline::news::{Hear, News};
use crate::planning::{KnownAs, Moment};
use crate::policy::Policy;
use crate::state::{Fact, StateError, Store};

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
pub struct TargetCut {
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

impl Ground {
    /// Writes to the state; where that fails, to one that goes with the process.
    pub(super) async fn commit(&self, facts: Vec<Fact>) -> Result<(), StateError> {
        let store = self.state.store();
        match store.commit(facts.clone()).await {
            Err(error) if self.give_up(&store, &error).await => self.state.store().commit(facts).await,
            other => other,
        }
    }

    pub(super) async fn give_up(&self, store: &Arc<dyn Store>, error: &StateError) -> bool {
        let another = self.state.give_up(store, error).await;
        if another && store.is_kept() {
            self.hear.hear(News::StateLost(error));
        }
        another
    }

    /// From here on every run knows of it, whatever becomes of this one.
    pub(super) async fn remember(&self) -> Result<(), StateError> {
        let Some(first) = self.orders.first() else { return Ok(()) };
        let keys = self.orders.iter().map(|order| order.key.clone()).collect();
        let event = Event::Revoked { keys, reason: first.reason.clone(), until: first.until, who: self.who.clone() };
        let line = entry(&run_name(first.at, true), first.at, &event);
        self.commit(self.orders.iter().cloned().map(Fact::Revoked).chain([line]).collect()).await
    }

    /// Keys that sources brought up: whatever a run has for one of them is for nobody.
    pub(super) async fn remember_keys(&self, people: &[KnownAs]) -> Result<(), StateError> {
        let known = |(order, person): (&StandingRevocation, &KnownAs)| {
            let also: Vec<_> = std::iter::once(&person.key).chain(&person.also).filter(|key| !order.means(key)).cloned().collect();
            (!also.is_empty()).then(|| Fact::OtherKeys { identity: order.key.clone(), also })
        };
        let new: Vec<_> = self.orders.iter().zip(people).filter_map(known).collect();
        if new.is_empty() { Ok(()) } else { self.commit(new).await }
    }

    /// What is remembered of those who are cut off, and of nobody else.
    pub(super) async fn memory(&self, people: &[KnownAs]) -> Result<Memory, StateError> {
        let keys: BTreeSet<Arc<str>> = people.iter().flat_map(|person| std::iter::once(&person.key).chain(&person.also)).cloned().collect();
        let about = about(self.state.store().as_ref(), &self.policy, keys.into_iter().collect()).await?;
        let standing = self.orders.iter().zip(people).map(|(order, person)| {
            let also = std::iter::once(&person.key).chain(&person.also).filter(|key| **key != order.key).cloned().collect();
            StandingRevocation { also, ..order.clone() }
        });
        Ok(Memory { revocations: standing.collect(), ..about })
    }

    /// Those who are cut off, by what is known before any source was asked.
    pub(super) fn people(&self) -> Vec<KnownAs> {
        self.orders.iter().map(|order| KnownAs { key: order.key.clone(), also: order.also.clone() }).collect()
    }
}
