//! What the journal tells of the past: runs, what people did besides, and each change of somebody, gathered from its entries. Every view of it shows these values.
//!
//! Must never: show anything; or open what is sealed where nobody asked for people.

mod acts;
mod changes;
mod lately;
mod moment;
mod run;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;

pub use acts::RecordedAct;
pub use changes::{ChangeQuery, KnownSubjects, LISTED, RecordedChange, RecordedChanges, WhoError, keys_of, why_meant};
pub use lately::RecentNumbers;
pub use moment::TimeBound;
pub use run::{RunChange, RunPage};

use super::chain::{Entry, Journal, JournalError};
use super::event::{Event, ResultWord};
use crate::state::ChainLine;

/// One run, gathered from its entries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordedRun {
    /// the number of its first entry
    #[serde(skip)]
    pub seq: u64,
    /// its name
    pub run: String,
    /// when it began
    pub started: Timestamp,
    /// when it ended; none: it was killed, or still runs
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// who ran it
    pub who: String,
    /// the hash of its plan
    pub plan: String,
    /// how many changes ended how
    pub results: BTreeMap<ResultWord, u64>,
    /// why it stopped early
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
}

/// Of an outcome what came of it.
#[derive(Deserialize)]
struct Came {
    result: ResultWord,
}

/// What stands in the clear of a line, or of it what is wanted.
fn read_line<T: DeserializeOwned>(line: &ChainLine) -> Result<T, JournalError> {
    serde_json::from_str(&line.body).map_err(|error| JournalError::Broken { seq: line.seq, why: error.to_string() })
}

/// All runs, and what people did besides, each in order of time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunsAndActs {
    /// runs
    pub runs: Vec<RecordedRun>,
    /// what people did
    pub acts: Vec<Entry>,
    at: BTreeMap<String, usize>,
}

impl RunsAndActs {
    /// What began among the entries behind one and up to another, and what came of it. Nothing that is sealed is opened, since nothing here is about the people of
    /// the workspace.
    pub async fn read(journal: &Journal<'_>, (after, last): (u64, u64)) -> Result<Self, JournalError> {
        let mut told = Self::default();
        journal.each_line((after, None), |line| told.hear(line)).await?;
        told.runs.retain(|run| run.seq <= last);
        told.acts.retain(|act| act.seq <= last);
        Ok(told)
    }

    /// Most lines are of changes: what is meant tells nothing here, and of what came of it the one word is read.
    fn hear(&mut self, line: &ChainLine) -> Result<(), JournalError> {
        match line.event.as_str() {
            "intent" => {}
            "outcome" => {
                let Came { result } = read_line(line)?;
                if let Some(run) = self.run(&line.run) {
                    *run.results.entry(result).or_default() += 1;
                }
            }
            _ => self.take(read_line(line)?),
        }
        Ok(())
    }

    fn take(&mut self, entry: Entry) {
        match entry.event {
            Event::Started { plan, who, .. } => {
                self.at.insert(entry.run.clone(), self.runs.len());
                let results = BTreeMap::new();
                let seq = entry.seq;
                self.runs.push(RecordedRun { seq, run: entry.run, started: entry.at, ended: None, who, plan, results, stopped: None });
            }
            Event::Finished { results, stopped } => {
                if let Some(run) = self.run(&entry.run) {
                    (run.ended, run.results, run.stopped) = (Some(entry.at), results, stopped);
                }
            }
            event if RecordedAct::of(&event).is_some() => self.acts.push(Entry { event, ..entry }),
            _ => {}
        }
    }

    fn run(&mut self, name: &str) -> Option<&mut RecordedRun> {
        self.at.get(name).and_then(|at| self.runs.get_mut(*at))
    }

    /// Keeps what began at these times alone.
    pub fn within(&mut self, then: impl Fn(Timestamp) -> bool) {
        self.runs.retain(|run| then(run.started));
        self.acts.retain(|act| then(act.at));
    }

    /// As JSON.
    pub fn document(&self) -> serde_json::Value {
        json!({"formatVersion": 1, "runs": self.runs, "acts": self.acts})
    }
}
