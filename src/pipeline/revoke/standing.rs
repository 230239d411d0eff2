//! Revocations by command, as they stand in the state: how they end.
//!
//! Must never: end a revocation that no manifest covers and nobody lifted.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use crate::apply::run_name;
use crate::journal::{Event, append};
use crate::model::StandingRevocation;
use crate::pipeline::news::{Hear, News};
use crate::pipeline::read::Snapshot;
use crate::policy::{Policy, RevocationPolicy};
use crate::state::{StateError, Store, forget_revocation};

/// The document that cuts off the same identity, by whatever key of its.
pub(in crate::pipeline) fn covering<'p>(policy: &'p Policy, standing: &StandingRevocation) -> Option<&'p RevocationPolicy> {
    policy.revocations.iter().find(|known| known.identities.iter().any(|member| standing.means(&member.key)))
}

/// From now on the manifest alone says it: taking it out lifts the revocation.
pub(in crate::pipeline) fn end_covered(snapshot: &Snapshot, store: &Store, hear: &dyn Hear) -> Result<(), StateError> {
    let Snapshot { policy, world, moment, .. } = snapshot;
    let standing = world.memory().revocations.iter();
    let covered: Vec<_> = standing.filter_map(|standing| Some((&standing.key, covering(policy, standing)?))).collect();
    if covered.is_empty() {
        return Ok(());
    }
    let event = |(key, document): &(&Arc<str>, &RevocationPolicy)| Event::Lifted {
        keys: vec![(*key).clone()],
        why: format!("covered by {} from now on", document.key),
    };
    let events: Vec<_> = covered.iter().map(event).collect();
    store.write(|tx| {
        covered.iter().try_for_each(|(key, _)| forget_revocation(tx, key).map(drop))?;
        append(tx, &run_name(moment.now, true), moment.now, &events)
    })?;
    for (key, document) in covered {
        hear.hear(News::Covered { key, by: &document.key });
    }
    Ok(())
}

/// What became of a revocation that somebody wants to end.
#[derive(Clone, Debug)]
pub struct Lifted<'p> {
    /// the key by which it was named
    pub key: Arc<str>,
    /// it stood in the state, and ended
    pub ended: bool,
    /// a document that cuts off the same identity all the same
    pub still: Option<&'p RevocationPolicy>,
}

/// Ends revocations, by whatever key of theirs they are named.
pub fn lift<'p>(
    policy: &'p Policy,
    store: &Store,
    keys: &BTreeSet<&str>,
    who: &str,
    now: Timestamp,
) -> Result<Vec<Lifted<'p>>, StateError> {
    let standing = store.load()?.revocations;
    let ended = store.write(|tx| {
        let mut ended: Vec<Arc<str>> = Vec::new();
        for key in keys {
            if forget_revocation(tx, key)? {
                ended.push(Arc::from(*key));
            }
        }
        if !ended.is_empty() {
            append(tx, &run_name(now, true), now, &[Event::Lifted { keys: ended.clone(), why: format!("by {who}") }])?;
        }
        Ok(ended)
    })?;
    let lifted = keys.iter().map(|key| {
        let same = |member: &str| member == *key || standing.iter().any(|known| known.means(key) && known.means(member));
        let still = policy.revocations.iter().find(|known| known.identities.iter().any(|member| same(&member.key)));
        Lifted { key: Arc::from(*key), ended: ended.iter().any(|ended| ended.as_ref() == *key), still }
    });
    Ok(lifted.collect())
}
