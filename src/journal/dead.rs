//! Runs that ended without a word: the next run closes them, so that the journal tells of every intent what is known of it.
//!
//! Must never: close a run that may be alive.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::chain::{Entry, JournalError, entry, read};
use super::event::{Event, ResultWord};
use crate::state::{StateError, Store};

const WHY: &str = "the run ended before it heard; a new plan shows what became of it";

/// A run that ended without a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadRun {
    /// its name
    pub run: Arc<str>,
    /// intents that have no outcome
    pub open: usize,
}

/// Closes every run that began and never ended. Only for whoever holds the lock: nobody else can know that they are dead. Runs of revocations, whose names
/// end in `r`, go on beside others: they are closed only when none of them is alive.
pub async fn close_dead_runs(store: &dyn Store, at: Timestamp) -> Result<Vec<DeadRun>, StateError> {
    // First: a revocation that begins after this is open rightly, and not among these.
    let open = store.open_runs().await?;
    let alone = !store.under_way().await?.revocation;
    let mut closed = Vec::new();
    let mut facts = Vec::new();
    for dead in open.into_iter().filter(|open| alone || !open.run.ends_with('r')) {
        let mut outcomes = BTreeMap::new();
        for line in &dead.intents {
            // One that can't be read stays as it is: `verify` will say so.
            let entries = match read(store, std::slice::from_ref(line)).await {
                Err(JournalError::State(error)) => return Err(error),
                read => read.unwrap_or_default(),
            };
            outcomes.extend(entries.into_iter().filter_map(uncertain));
        }
        let open = outcomes.len();
        facts.extend(outcomes.values().map(|outcome| entry(&dead.run, at, outcome)));
        let results = BTreeMap::from([(ResultWord::Uncertain, open as u64)]);
        facts.push(entry(&dead.run, at, &Event::Finished { results, stopped: Some("the run ended without a word".to_owned()) }));
        closed.push(DeadRun { run: dead.run, open });
    }
    if !facts.is_empty() {
        store.commit(facts).await?;
    }
    Ok(closed)
}

/// The outcome of an intent that has none.
fn uncertain(entry: Entry) -> Option<(u32, Event)> {
    let Event::Intent(intent) = entry.event else { return None };
    let change = intent.change;
    let (target, key) = (intent.target, intent.object.key);
    Some((change.0, Event::Outcome { change, target, key, result: ResultWord::Uncertain, id: None, message: Some(WHY.to_owned()) }))
}
