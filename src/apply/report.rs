//! What a run came to.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::journal::ResultWord;
use crate::model::{ChangeId, Outcome, Plan};

/// What became of each change. Withheld changes have no outcome.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// the run's name in the journal
    pub run: String,
    /// by change
    pub outcomes: BTreeMap<ChangeId, Outcome>,
    /// why the run stopped before its end
    pub stopped: Option<String>,
}

impl Report {
    /// Whether every change holds now.
    pub fn complete(&self) -> bool {
        self.stopped.is_none() && self.outcomes.values().all(Outcome::holds)
    }

    /// How many changes ended how.
    pub fn results(&self) -> BTreeMap<ResultWord, u64> {
        let mut results = BTreeMap::new();
        for outcome in self.outcomes.values() {
            *results.entry(ResultWord::of(outcome)).or_default() += 1;
        }
        results
    }

    /// How many changes ended how, for each target.
    pub fn by_target(&self, plan: &Plan) -> BTreeMap<Arc<str>, BTreeMap<ResultWord, u64>> {
        let mut targets: BTreeMap<Arc<str>, BTreeMap<ResultWord, u64>> = BTreeMap::new();
        for (id, outcome) in &self.outcomes {
            if let Some(change) = plan.changes.get(id.0 as usize) {
                *targets.entry(change.target.clone()).or_default().entry(ResultWord::of(outcome)).or_default() += 1;
            }
        }
        targets
    }
}
