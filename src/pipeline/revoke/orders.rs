//! Who is to be cut off: one order for each person, whichever of their keys was named.
//!
//! Must never: read a source: what manifests say and what is remembered has to do.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;

use super::state::State;
use crate::model::{Memory, StandingRevocation};
use crate::pipeline::news::Hear;
use crate::planning::{KnownAs, remembered_as};
use crate::policy::Policy;
use crate::state::{About, StateError, Store};

/// Why, and for how long.
#[derive(Clone, Debug)]
pub struct OrderTerms {
    /// in words
    pub reason: Arc<str>,
    /// the last day
    pub until: Option<Date>,
    /// since when
    pub at: Timestamp,
}

/// Why nobody is cut off.
#[derive(Debug, thiserror::Error)]
pub enum OrdersError {
    /// not even a passing state can be had
    #[error(transparent)]
    State(#[from] StateError),
    /// more than whoever asked allows
    #[error("this would cut off {found} identities, and at most {most} are allowed")]
    TooMany {
        /// so many people were named
        found: usize,
        /// so many are allowed
        most: usize,
    },
}

/// One order for each person that these keys mean, and no more than so many. A state that opens and can't be read is given up for a passing one.
pub async fn orders(
    policy: &Policy,
    state: State,
    keys: &[&str],
    most: usize,
    cause: &OrderTerms,
    hear: &dyn Hear,
) -> Result<(State, Vec<StandingRevocation>), OrdersError> {
    let (state, orders) = readable(policy, state, keys, cause, hear).await?;
    if orders.len() > most {
        return Err(OrdersError::TooMany { found: orders.len(), most });
    }
    Ok((state, orders))
}

async fn readable(
    policy: &Policy,
    state: State,
    keys: &[&str],
    cause: &OrderTerms,
    hear: &dyn Hear,
) -> Result<(State, Vec<StandingRevocation>), StateError> {
    match ordered(policy, state.store().as_ref(), keys, cause).await {
        Ok(orders) => Ok((state, orders)),
        Err(error) => {
            let passing = state.unread(&error, hear).await?;
            let orders = ordered(policy, passing.store().as_ref(), keys, cause).await?;
            Ok((passing, orders))
        }
    }
}

async fn ordered(policy: &Policy, store: &dyn Store, keys: &[&str], cause: &OrderTerms) -> Result<Vec<StandingRevocation>, StateError> {
    let OrderTerms { reason, until, at } = cause;
    let mut orders: BTreeMap<Arc<str>, StandingRevocation> = BTreeMap::new();
    for key in keys {
        let known = remembered(policy, store, key).await?;
        let order = StandingRevocation {
            key: known.key.clone(),
            reason: reason.clone(),
            at: *at,
            until: *until,
            also: known.also,
            receipts: Vec::new(),
        };
        orders.insert(known.key, order);
    }
    Ok(orders.into_values().collect())
}

/// Whoever a key means, with as much of the state as concerns them.
async fn remembered(policy: &Policy, store: &dyn Store, key: &str) -> Result<KnownAs, StateError> {
    let mut known = remembered_as(policy, &[], key);
    loop {
        let keys: Vec<Arc<str>> = std::iter::once(&known.key).chain(&known.also).cloned().collect();
        let records = about(store, policy, keys).await?.records;
        let again = remembered_as(policy, &records, key);
        if again == known {
            return Ok(known);
        }
        known = again;
    }
}

/// As much of the state as concerns these keys. That they are cut off the orders say, as they are to be from now on.
pub(super) async fn about(store: &dyn Store, policy: &Policy, keys: Vec<Arc<str>>) -> Result<Memory, StateError> {
    let sources = policy.sources.iter().map(|source| source.name.clone()).collect();
    let targets = policy.targets.iter().map(|target| target.name.clone()).collect();
    let memory = store.load_about(About { sources, targets, keys }).await?;
    Ok(Memory { revocations: Vec::new(), ..memory })
}
