//! Runs that ended without a word: the next run closes them, so that the journal tells of every intent what is known of it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::{Connection, Row, params};

use super::chain::{Entry, append};
use super::event::{Event, ResultWord};

const OPEN_RUNS: &str = "SELECT run FROM journal AS start WHERE event = 'started' AND (?1 OR run NOT LIKE '%r') \
    AND NOT EXISTS (SELECT 1 FROM journal WHERE event = 'finished' AND run = start.run) ORDER BY seq";
const OPEN_INTENTS: &str = "SELECT max(seq), body FROM journal AS intent WHERE event = 'intent' AND run = ?1 \
    AND NOT EXISTS (SELECT 1 FROM journal WHERE event = 'outcome' AND run = ?1 AND change = intent.change) GROUP BY change ORDER BY 1";
const WHY: &str = "the run ended before it heard; a new plan shows what became of it";

/// A run that ended without a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadRun {
    /// its name
    pub run: String,
    /// intents that have no outcome
    pub open: usize,
}

/// Closes every run that began and never ended. Only for whoever holds the lock: nobody else can know that they are dead. Runs of revocations, whose names
/// end in `r`, go on beside others: they are closed only when none of them can be alive.
pub fn close_dead_runs(connection: &Connection, revocations: bool, at: Timestamp) -> rusqlite::Result<Vec<DeadRun>> {
    let runs: Vec<String> =
        connection.prepare_cached(OPEN_RUNS)?.query_map([revocations], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    let mut closed = Vec::with_capacity(runs.len());
    for run in runs {
        let intents: Vec<_> =
            connection.prepare_cached(OPEN_INTENTS)?.query_map(params![run], uncertain)?.collect::<rusqlite::Result<_>>()?;
        let mut events: Vec<_> = intents.into_iter().flatten().collect();
        let open = events.len();
        let results = BTreeMap::from([(ResultWord::Uncertain, open as u64)]);
        events.push(Event::Finished { results, stopped: Some("the run ended without a word".to_owned()) });
        append(connection, &run, at, &events)?;
        closed.push(DeadRun { run, open });
    }
    Ok(closed)
}

/// The outcome of an intent that has none. One that can't be read stays as it is: `verify` will say so.
fn uncertain(row: &Row<'_>) -> rusqlite::Result<Option<Event>> {
    let entry: Option<Entry> = serde_json::from_str(&row.get::<_, String>(1)?).ok();
    let Some(Event::Intent(intent)) = entry.map(|entry| entry.event) else { return Ok(None) };
    Ok(Some(Event::Outcome {
        change: intent.change,
        target: intent.target,
        key: intent.object.key,
        result: ResultWord::Uncertain,
        id: None,
        message: Some(WHY.to_owned()),
    }))
}
