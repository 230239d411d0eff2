//! What a run leaves in the state beside what it did: before anything new is done, and at its end.
//!
//! Must never: remember a read that was not complete.

use super::read::Snapshot;
use crate::planning;
use crate::state::{StateError, Store, record_other_keys};

/// What a run that may write remembers of its reads before anything new is done: deactivations of ours that somebody undid are forgotten, links that a lost
/// state had are made anew from the marks, and those of identities that have another key now follow it. Whose record is whose must outlive a changed name, and a
/// revocation that comes during the run must know it.
pub fn catch_up(snapshot: &Snapshot, store: &Store) -> Result<(), StateError> {
    let Snapshot { policy, world, moment, .. } = snapshot;
    for source in &policy.sources {
        source.previous_names.iter().try_for_each(|previous| store.rename_source(previous, &source.name))?;
    }
    store.record_records(&planning::record_links(policy, world, *moment))?;
    for standing in &world.memory().revocations {
        if let Some(known) = planning::known_as(policy, world, *moment, &standing.key) {
            let also: Vec<_> = std::iter::once(known.key).chain(known.also).collect();
            store.write(|tx| record_other_keys(tx, &standing.key, &also))?;
        }
    }
    store.forget_deactivations(&world.undone_deactivations(policy))?;
    store.record_links(&world.missing_links(policy, moment.now))?;
    store.forget_repeats(&world.kept_values(policy))?;
    store.carry_links(&planning::carried_links(policy, world, *moment))
}

/// And what it remembers at its end: complete reads are what the next run's counts are compared with.
pub fn remember(snapshot: &Snapshot, store: &Store) -> Result<(), StateError> {
    let Snapshot { policy, world, moment, .. } = snapshot;
    store.record_baselines(&world.baselines(policy, moment.now))
}
