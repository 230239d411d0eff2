//! Somebody is erased: what the state keeps of them goes, and the keys under which the journal says what it says of them.
//!
//! Must never: erase whom a source or a target still has, or may have, or whom a revocation by command keeps out.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use super::keeping::Keeping;
use super::read::{Reading, moment, read};
use crate::apply::run_name;
use crate::journal::{Event, entry};
use crate::manifest::Loaded;
use crate::model::{Key, Memory};
use crate::policy::Policy;
use crate::state::{Fact, RunLock, Shelf, StateError, Store};
use crate::world::{Whereabouts, World};

/// Whom, and for what.
pub struct Erasure<'a> {
    /// the manifests
    pub loaded: &'a Loaded,
    /// the manifests, compiled
    pub policy: Arc<Policy>,
    /// what is kept
    pub store: &'a Arc<dyn Store>,
    /// nobody may run meanwhile, since what is written ahead there is kept until a run ends
    pub alone: bool,
    /// whose: any of their keys
    pub key: &'a str,
    /// who erases
    pub who: &'a str,
    /// why
    pub reason: &'a str,
}

/// What was erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erased {
    /// by what names their keys were kept, which is all that the journal tells from now on
    pub subjects: Vec<Arc<str>>,
    /// whether there was anything
    pub found: bool,
}

/// Why somebody is not erased.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// the state can't be used
    #[error(transparent)]
    State(#[from] StateError),
    /// somebody still has them
    #[error("{key} is still there: {places}; nothing was erased", places = places.join(", "))]
    StillThere {
        /// whom
        key: String,
        /// where
        places: Vec<String>,
    },
    /// what was not read may have them
    #[error("whether {key} is gone can't be told: {places}; nothing was erased", places = places.join(", "))]
    Unread {
        /// whom
        key: String,
        /// where
        places: Vec<String>,
    },
    /// a revocation keeps them out
    #[error("{key} is cut off by a revocation of `headcount revoke`, which keeps them out; nothing was erased")]
    CutOff {
        /// whom
        key: String,
    },
    /// it would stand in the clear for ever
    #[error("the reason names {key}, and it stays in the journal as it is; nothing was erased")]
    Named {
        /// whom
        key: String,
    },
}

/// Erases somebody. Asked again it does again what may be left of it.
pub async fn erase(erasure: &Erasure<'_>, reading: &Reading<'_>) -> Result<Erased, EraseError> {
    let store = erasure.store;
    let key = erasure.key.to_owned();
    let memory = store.load().await?;
    let keys = keys_of(erasure, &memory).await?;
    if memory.revocations.iter().any(|standing| keys.iter().any(|key| standing.means(key))) {
        return Err(EraseError::CutOff { key });
    }
    let needles = needles(&keys, &memory);
    if needles.iter().any(|needle| erasure.reason.to_lowercase().contains(needle.as_str())) {
        return Err(EraseError::Named { key });
    }
    let now = moment(&erasure.policy, None);
    let snapshot = read(erasure.loaded, erasure.policy.clone(), memory, now, reading).await;
    let Whereabouts { there, unread } = snapshot.world.whereabouts(&snapshot.policy, &keys);
    if !there.is_empty() {
        return Err(EraseError::StillThere { key, places: there });
    }
    if !unread.is_empty() {
        return Err(EraseError::Unread { key, places: unread });
    }
    let lock = if erasure.alone { store.lock(erasure.who).await? } else { store.lock_beside().await? };
    let erased = forget(erasure, &snapshot.world, keys, &needles).await;
    if let Ok(erased) = &erased {
        Keeping::of(erasure.loaded, None).note_erased(&erased.subjects).await?;
    }
    let released = release(store.as_ref(), lock, erasure.alone).await;
    let erased = erased?;
    released?;
    Ok(erased)
}

async fn release(store: &dyn Store, lock: RunLock, alone: bool) -> Result<(), StateError> {
    if alone {
        return store.release(lock).await;
    }
    drop(lock);
    Ok(())
}

/// What is kept goes with its keys in one commit, with the line that tells of it.
async fn forget(erasure: &Erasure<'_>, world: &World, keys: Vec<Arc<str>>, needles: &BTreeSet<String>) -> Result<Erased, StateError> {
    let store = erasure.store.as_ref();
    let subjects = store.subjects_of(keys.clone()).await?;
    let mut facts = named(store, needles).await?;
    let found = !subjects.is_empty() || !facts.is_empty() || knows(world, &keys);
    facts.extend([Fact::Erased(keys), Fact::SubjectsGone(subjects.clone())]);
    if found {
        let now = Timestamp::now();
        let event = Event::Erased { subjects: subjects.clone(), who: erasure.who.to_owned(), reason: erasure.reason.to_owned() };
        facts.push(entry(&run_name(now, true), now, &event));
    }
    store.commit(facts).await?;
    Ok(Erased { subjects, found })
}

/// Plans that wait and whatever else names them.
async fn named(store: &dyn Store, needles: &BTreeSet<String>) -> Result<Vec<Fact>, StateError> {
    let mut facts = Vec::new();
    for shelf in [Shelf::Plans, Shelf::Contested, Shelf::Notices] {
        for thing in store.shelf(shelf).await? {
            let body = thing.body.to_lowercase();
            if needles.iter().any(|needle| body.contains(needle.as_str())) {
                facts.push(shelf.take(thing.name));
            }
        }
    }
    Ok(facts)
}

/// Every key of theirs: that of each of their records, and those that they had while a Source had another name.
async fn keys_of(erasure: &Erasure<'_>, memory: &Memory) -> Result<Vec<Arc<str>>, StateError> {
    let mut keys = BTreeSet::from([Arc::from(erasure.key)]);
    let record = |link: &crate::model::RecordLink| Key::record(&link.source, &link.record).text();
    let whose: Vec<Arc<str>> = memory
        .records
        .iter()
        .filter(|link| link.identity.as_ref() == erasure.key || record(link).as_ref() == erasure.key)
        .map(|link| link.identity.clone())
        .collect();
    keys.extend(whose.iter().cloned());
    keys.extend(memory.records.iter().filter(|link| whose.contains(&link.identity)).map(record));
    let kept: Vec<(Arc<str>, Arc<str>)> = Shelf::Renames.all(erasure.store.as_ref()).await?;
    let mut names: BTreeSet<(Arc<str>, Arc<str>)> = kept.into_iter().collect();
    for source in &erasure.policy.sources {
        names.extend(source.previous_names.iter().map(|old| (old.clone(), source.name.clone())));
    }
    // A Source may have had several names, one after the other.
    loop {
        let former = |key: &Arc<str>| {
            let of = |(old, new): &(Arc<str>, Arc<str>)| Key::within(key, new).map(|record| Key::record(old, record).text());
            names.iter().filter_map(of).collect::<Vec<_>>()
        };
        let more: Vec<Arc<str>> = keys.iter().flat_map(former).filter(|key| !keys.contains(key)).collect();
        if more.is_empty() {
            return Ok(keys.into_iter().collect());
        }
        keys.extend(more);
    }
}

/// What of theirs a text may hold, in small letters: keys, ids and names.
fn needles(keys: &[Arc<str>], memory: &Memory) -> BTreeSet<String> {
    /// What is shorter stands in every text.
    const LEAST: usize = 4;
    let theirs = memory.links.iter().filter(|link| keys.contains(&link.key));
    let ids = theirs.clone().map(|link| &link.id);
    let names = theirs
        .filter_map(|link| link.name.as_ref())
        .chain(memory.departed.iter().filter(|name| keys.contains(&name.key)).map(|name| &name.value));
    let long = ids.chain(names).filter(|text| text.len() >= LEAST);
    long.chain(keys).map(|text| text.to_lowercase()).collect()
}

fn knows(world: &World, keys: &[Arc<str>]) -> bool {
    let Memory { formers, records, resting, unheard, departed, cut_off, .. } = world.memory();
    let mut known = (formers.iter().map(|former| &former.key))
        .chain(records.iter().map(|record| &record.identity))
        .chain(resting.iter().map(|resting| &resting.key))
        .chain(unheard.iter().map(|unheard| &unheard.key))
        .chain(departed.iter().map(|name| &name.key))
        .chain(cut_off.iter().map(|cut_off| &cut_off.key));
    world.has_links(keys) || known.any(|key| keys.contains(key))
}
