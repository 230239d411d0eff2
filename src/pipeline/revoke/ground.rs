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
use crate::journal::{Event, append};
use crate::manifest::Loaded;
use crate::model::{Memory, ObjectRef, Plan, Receipt, StandingRevocation};
use crate::pipeline::news::{Hear, News};
use crate::planning::{KnownAs, Moment};
use crate::policy::Policy;
use crate::state::{StateError, Store, record_other_keys, record_revocation};

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

impl Ground {
    /// Writes to the state; where that fails, to one that goes with the process.
    pub(super) fn write<T>(&self, write: impl Fn(&Store) -> Result<T, StateError>) -> Result<T, StateError> {
        let store = self.state.store();
        match write(&store) {
            Err(error) if self.give_up(&store, &error) => write(&self.state.store()),
            other => other,
        }
    }

    pub(super) fn give_up(&self, store: &Arc<Store>, error: &StateError) -> bool {
        let another = self.state.give_up(store, error);
        if another && store.is_kept() {
            self.hear.hear(News::StateLost(error));
        }
        another
    }

    /// From here on every run knows of it, whatever becomes of this one.
    pub(super) fn remember(&self) -> Result<(), StateError> {
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
    pub(super) fn remember_keys(&self, people: &[KnownAs]) -> Result<(), StateError> {
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
    pub(super) fn memory(&self, people: &[KnownAs]) -> Result<Memory, StateError> {
        let keys: BTreeSet<Arc<str>> = people.iter().flat_map(|person| std::iter::once(&person.key).chain(&person.also)).cloned().collect();
        let about = about(&self.state.store(), &self.policy, &keys.into_iter().collect::<Vec<_>>())?;
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
