//! One run of the journal, a page of its changes at a time: whatever is not on the page stays sealed, and is not read but for its number.
//!
//! Must never: leave out what came of a change that it shows.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::read_line;
use crate::journal::{Entry, Event, Intent, Journal, JournalError, ResultWord};
use crate::model::ChangeId;
use crate::state::ChainLine;

/// One run, with some of its changes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunPage {
    /// that it began, that it ended; nothing where the journal has no such run
    pub bounds: Vec<Entry>,
    /// changes, in the order in which they were meant
    pub changes: Vec<RunChange>,
    /// how many there are
    pub all: usize,
}

/// One change of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct RunChange {
    /// the entry's number
    pub seq: u64,
    /// what was meant
    pub intent: Intent,
    /// what came of it last, and what is missing or went wrong; none: nobody heard yet
    pub result: Option<(ResultWord, Option<String>)>,
}

/// Of a line what it takes to know whether it is on the page.
#[derive(Deserialize)]
struct Numbered {
    change: ChangeId,
    #[serde(default)]
    attempt: u32,
}

impl RunPage {
    /// Those changes of a run that stand from one place on.
    pub async fn read(journal: &Journal<'_>, run: &str, from: usize, most: usize) -> Result<Self, JournalError> {
        let (mut page, mut bounds, mut lines) = (Self::default(), Vec::new(), Vec::new());
        let mut shown: BTreeMap<ChangeId, Vec<ChainLine>> = BTreeMap::new();
        journal
            .each_line((0, Some(run)), |line| {
                match line.event.as_str() {
                    "intent" => {
                        let Numbered { change, attempt } = read_line(line)?;
                        if attempt == 1 {
                            page.all += 1;
                            if page.all > from && page.all <= from.saturating_add(most) {
                                shown.insert(change, Vec::new());
                                lines.push(line.clone());
                            }
                        }
                    }
                    // The last one counts.
                    "outcome" => {
                        if let Some(kept) = shown.get_mut(&read_line::<Numbered>(line)?.change) {
                            *kept = vec![line.clone()];
                        }
                    }
                    "started" | "finished" => bounds.push(line.clone()),
                    _ => {}
                }
                Ok(())
            })
            .await?;
        lines.extend(shown.into_values().flatten());
        page.bounds = journal.opened(&bounds).await?;
        page.changes = changes(journal.opened(&lines).await?);
        Ok(page)
    }
}

/// Intents stand first, and what came of them behind.
fn changes(entries: Vec<Entry>) -> Vec<RunChange> {
    let mut changes: Vec<RunChange> = Vec::new();
    let mut at = BTreeMap::new();
    for Entry { seq, event, .. } in entries {
        match event {
            Event::Intent(intent) => {
                at.insert(intent.change, changes.len());
                changes.push(RunChange { seq, intent, result: None });
            }
            Event::Outcome { change, result, message, .. } => {
                if let Some(told) = at.get(&change).and_then(|at| changes.get_mut(*at)) {
                    told.result = Some((result, message));
                }
            }
            _ => {}
        }
    }
    changes
}
