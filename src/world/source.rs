//! The records of one Source: which there are, by which key, and their packed cells.
//!
//! Must never: let the last of two records with one key win, or lose a record without saying so.

use std::sync::Arc;

use super::bound::{Bound, Truth};
use super::canonical;
use super::hash::{Index, Keyed};
use super::spool::{Spool, Spot};
use crate::expr::{Evaluation, Expression};
use crate::model::{Cell, Columns, Evidence, Page, Row};
use crate::policy::{Policy, SourcePolicy};

/// The records of one Source, while and after they are read.
#[derive(Clone, Debug)]
pub struct SourceSide {
    columns: Arc<Columns>,
    key: Bound,
    filter: Option<Bound>,
    keyed: Keyed,
    spool: Spool,
    records: Vec<(Spot, RecordState)>,
    index: Index,
    evidence: Evidence,
    keyless: Keyless,
    /// records that were read and not kept
    passed: u64,
}

/// What is known of the record with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RecordState {
    /// it counts
    Counts,
    /// the source's scope does not cover it
    OutOfScope,
    /// two different records have this key
    Ambiguous,
    /// whether the scope covers it could not be worked out
    ScopeFailed,
}

/// Records without a key: they can't be told apart, so they are nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Keyless {
    /// how many
    pub(crate) count: u64,
    /// why, of one of them: the same one in whatever order they come
    pub(crate) words: Option<Arc<str>>,
}

/// Longer keys are no keys.
const LONGEST_KEY: usize = 1024;

impl SourceSide {
    /// For the source at this position of the policy.
    pub fn new(policy: &Policy, source: usize) -> Self {
        let rules = &policy.sources[source];
        let columns = wanted(rules);
        Self {
            key: Bound::to_columns(&rules.key, &columns),
            filter: rules.filter.as_ref().map(|filter| Bound::to_columns(filter, &columns)),
            columns,
            keyed: Keyed::of(&policy.workspace),
            spool: Spool::default(),
            records: Vec::new(),
            index: Index::default(),
            evidence: Evidence::Unreadable { reason: "it was not read".into() },
            keyless: Keyless::default(),
            passed: 0,
        }
    }

    /// The paths that the source's expressions read; a reader packs just these.
    pub fn columns(&self) -> Arc<Columns> {
        self.columns.clone()
    }

    /// Takes a page of records.
    pub fn add(&mut self, page: &Page) {
        self.add_where(page, |_, _| true);
    }

    /// Takes those records of a page that are wanted, by key and cells. The others count, and are not kept.
    pub(crate) fn add_where(&mut self, page: &Page, mut wanted: impl FnMut(&str, &[Cell<'_>]) -> bool) {
        let mut cells = Vec::with_capacity(self.columns.paths().len());
        let mut packed = Vec::new();
        for row in page.rows() {
            cells.clear();
            cells.extend(row.cells());
            match key(self.key.over_cells(&cells)) {
                Ok(key) if wanted(&key, &cells) => self.take(&key, &cells, row, &mut packed),
                Ok(_) => self.passed += 1,
                Err(words) => self.keyless.note(words),
            }
        }
    }

    /// The read is over. Where it came to nothing usable, what came of it is dropped.
    pub fn finish(&mut self, evidence: Evidence) {
        if matches!(evidence, Evidence::Unreadable { .. }) {
            (self.spool, self.records, self.index, self.keyless) = Default::default();
            self.passed = 0;
        }
        self.evidence = evidence;
    }

    fn take(&mut self, key: &str, cells: &[Cell<'_>], row: Row<'_>, packed: &mut Vec<u8>) {
        let state = match self.filter.as_ref().map(|filter| filter.holds_for_cells(cells)) {
            None | Some(Truth::Yes) => RecordState::Counts,
            Some(Truth::No) => RecordState::OutOfScope,
            Some(Truth::Unknown(_)) => RecordState::ScopeFailed,
        };
        packed.clear();
        packed.extend_from_slice(&(key.len() as u16).to_le_bytes());
        packed.extend_from_slice(key.as_bytes());
        packed.extend_from_slice(row.bytes());
        match self.find(key) {
            None => {
                let spot = self.spool.add(packed);
                self.index.insert(self.keyed.text(key), self.records.len() as u32);
                self.records.push((spot, state));
            }
            Some(known) => self.meet(known, state, packed),
        }
    }

    /// A second record with a known key: the same one again (a page that shifted), one that does not count, or trouble.
    fn meet(&mut self, known: u32, state: RecordState, packed: &[u8]) {
        let (spot, before) = self.records[known as usize];
        if self.spool.get(spot) == packed {
            return;
        }
        let entry = &mut self.records[known as usize];
        match (before, state) {
            (RecordState::OutOfScope, RecordState::OutOfScope) => {
                // Neither counts; the smaller one stays, so that the order of pages does not matter.
                if packed < self.spool.get(spot) {
                    entry.0 = self.spool.add(packed);
                }
            }
            (_, RecordState::OutOfScope) => {}
            (RecordState::OutOfScope, _) => *entry = (self.spool.add(packed), state),
            _ => entry.1 = RecordState::Ambiguous,
        }
    }

    /// How many records there are.
    pub(crate) fn len(&self) -> u32 {
        self.records.len() as u32
    }

    /// How many the scope covers.
    pub(crate) fn in_scope(&self) -> u64 {
        self.passed + self.records.iter().filter(|(_, state)| *state != RecordState::OutOfScope).count() as u64
    }

    /// The record with a key.
    pub(crate) fn find(&self, key: &str) -> Option<u32> {
        self.index.candidates(self.keyed.text(key)).find(|record| self.key(*record) == key)
    }

    /// A record's key.
    pub(crate) fn key(&self, record: u32) -> &str {
        self.split(record).0
    }

    /// A record's cells.
    pub(crate) fn row(&self, record: u32) -> Row<'_> {
        Row::packed(self.split(record).1)
    }

    /// What is known of a record.
    pub(crate) fn state(&self, record: u32) -> RecordState {
        self.records[record as usize].1
    }

    /// How complete the read was, by the reader's word.
    pub(crate) fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    /// Records without a key.
    pub(crate) fn keyless(&self) -> &Keyless {
        &self.keyless
    }

    fn split(&self, record: u32) -> (&str, &[u8]) {
        let entry = self.records.get(record as usize).map(|(spot, _)| self.spool.get(*spot)).unwrap_or_default();
        let Some((length, rest)) = entry.split_first_chunk::<2>() else { return ("", &[]) };
        let (key, row) = rest.split_at_checked(usize::from(u16::from_le_bytes(*length))).unwrap_or_default();
        (std::str::from_utf8(key).unwrap_or_default(), row)
    }
}

impl Keyless {
    fn note(&mut self, words: Option<String>) {
        self.count += 1;
        self.words = self.words.take().into_iter().chain(words.map(Arc::from)).min();
    }
}

/// Every path that an expression of the source reads, once, in order of first use.
fn wanted(source: &SourcePolicy) -> Arc<Columns> {
    let rules = source.rules.iter().flat_map(|rule| rule.when.iter().chain([&rule.value]));
    let conditions = source.filter.iter().chain(&source.leaver).chain(&source.suspended);
    let mut paths: Vec<&str> = Vec::new();
    for path in [&source.key].into_iter().chain(conditions).chain(rules).flat_map(Expression::reads) {
        if !paths.contains(&path.as_ref()) {
            paths.push(path);
        }
    }
    Columns::new(paths)
}

/// The key's text, or why there is none.
fn key(evaluation: Evaluation) -> Result<String, Option<String>> {
    let value = match evaluation {
        Evaluation::Value(value) => value,
        Evaluation::Missing | Evaluation::Null => return Err(None),
        Evaluation::Failed(words) => return Err(Some(words)),
    };
    let text = match &value {
        crate::model::Value::Text(text) => canonical::text(Cell::Text(text)).trim().to_owned(),
        crate::model::Value::Int(number) => number.to_string(),
        _ => return Err(Some("a key is a text or a whole number".into())),
    };
    match text.len() {
        0 => Err(None),
        1..=LONGEST_KEY => Ok(text),
        _ => Err(Some("a key has at most 1024 bytes".into())),
    }
}
