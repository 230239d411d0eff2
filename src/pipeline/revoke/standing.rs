//! Revocations by command, as they stand in the state: how they end.
//!
//! Must never: end a revocation that no manifest covers and nobody lifted.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use crate::apply::run_name;
use crate::journal::{Event, entry};
use crate::model::StandingRevocation;
use crate::pipeline::news::{Hear, News};
use crate::pipeline::read::Snapshot;
use crate::policy::{Policy, RevocationPolicy};
use crate::state::{Fact, StateError, Store};

/// The document that cuts off the same identity, by whatever key of its.
pub(in crate::pipeline) fn covering<'p>(policy: &'p Policy, standing: &StandingRevocation) -> Option<&'p RevocationPolicy> {
    policy.revocations.iter().find(|known| known.identities.iter().any(|member| standing.means(&member.key)))
}

/// From now on the manifest alone says it: taking it out lifts the revocation.
pub(in crate::pipeline) async fn end_covered(snapshot: &Snapshot, store: &dyn Store, hear: &dyn Hear) -> Result<(), StateError> {
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
    let run = run_name(moment.now, true);
    let ended = covered.iter().map(|(key, _)| Fact::Lifted((*key).clone()));
    let lines = covered.iter().map(|covered| entry(&run, moment.now, &event(covered)));
    store.commit(ended.chain(lines).collect()).await?;
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
pub async fn lift<'p>(
    policy: &'p Policy,
    store: &dyn Store,
    keys: &BTreeSet<&str>,
    who: &str,
    now: Timestamp,
) -> Result<Vec<Lifted<'p>>, StateError> {
    let standing = store.load().await?.revocations;
    let in_force = |key: &str| standing.iter().any(|known| known.means(key));
    let ended: Vec<Arc<str>> = keys.iter().filter(|key| in_force(key)).map(|key| Arc::from(*key)).collect();
    if !ended.is_empty() {
        let event = Event::Lifted { keys: ended.clone(), why: format!("by {who}") };
        let facts = ended.iter().cloned().map(Fact::Lifted).chain([entry(&run_name(now, true), now, &event)]);
        store.commit(facts.collect()).await?;
    }
    let lifted = keys.iter().map(|key| {
        let same = |member: &str| member == *key || standing.iter().any(|known| known.means(key) && known.means(member));
        let still = policy.revocations.iter().find(|known| known.identities.iter().any(|member| same(&member.key)));
        Lifted { key: Arc::from(*key), ended: in_force(key), still }
    });
    Ok(lifted.collect())
}
