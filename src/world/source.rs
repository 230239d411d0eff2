//! The records of one Source: which there are, by which key, and their packed cells.
//!
//! Must never: let the last of two records with one key win, or lose a record without saying so.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::civil::Date;

use super::bound::{Bound, Truth};
use super::canonical;
use super::cell::{EncodedTwice, clean_row};
use super::delta::{Delta, Moves};
use super::dirty::Changed;
use super::hash::Keyed;
use super::index::Index;
use super::own_ids::OwnIds;
use super::spool::{Spool, Spot};
use super::statuses::Seen;
use super::target::kind_of;
use super::twins::Twins;
use crate::expr::{Evaluation, Expression};
use crate::model::{Cell, Columns, Evidence, Page, Row, Value};
use crate::policy::{Policy, SourcePolicy};

/// The records of one Source, while and after they are read.
#[derive(Clone, Debug)]
pub struct SourceSide {
    columns: Arc<Columns>,
    /// the words of what says which rows count, and by which key
    asks: Arc<str>,
    key: Bound,
    filter: Option<Bound>,
    valid: Valid,
    keep_blanks: bool,
    twice: EncodedTwice,
    keyed: Keyed,
    spool: Spool,
    records: Vec<(Spot, RecordState)>,
    own_ids: OwnIds,
    index: Index,
    evidence: Evidence,
    keyless: Keyless,
    /// of keys that several records have, those that don't stand for the others
    twins: Twins,
    /// by column: how many records that count have a value
    filled: Vec<i64>,
    /// records that were read and not kept
    passed: u64,
    /// how many of those that were kept the scope covers
    scoped: u64,
    /// the values of columns that hold a status
    seen: Vec<Seen>,
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
    /// For the source at this position of the policy, on a day.
    pub fn new(policy: &Policy, source: usize, today: Date) -> Self {
        let rules = &policy.sources[source];
        let columns = wanted(rules);
        let seen = Seen::of(rules, &columns);
        Self {
            key: Bound::to_columns(&rules.key, &columns),
            filter: rules.filter.as_ref().map(|filter| Bound::to_columns(filter, &columns)),
            valid: Valid {
                from: rules.valid_from.as_ref().map(|from| Bound::to_columns(from, &columns)),
                to: rules.valid_to.as_ref().map(|to| Bound::to_columns(to, &columns)),
                today,
            },
            keep_blanks: rules.keep_blanks,
            twice: EncodedTwice::default(),
            filled: vec![0; columns.paths().len()],
            asks: asks(rules),
            columns,
            keyed: Keyed::of(&policy.workspace),
            spool: Spool::default(),
            records: Vec::new(),
            own_ids: OwnIds::default(),
            index: Index::default(),
            evidence: Evidence::Unreadable { reason: "it was not read".into() },
            keyless: Keyless::default(),
            twins: Twins::default(),
            passed: 0,
            scoped: 0,
            seen,
        }
    }

    /// The paths that the expressions of the source at this position read; a reader packs just these.
    pub fn columns_of(policy: &Policy, source: usize) -> Arc<Columns> {
        wanted(&policy.sources[source])
    }

    /// Whether the same rows count, by the same keys, in the same columns.
    pub(super) fn is_read_like(&self, other: &Self) -> bool {
        self.columns == other.columns && self.asks == other.asks
    }

    /// The same of this one.
    pub fn columns(&self) -> Arc<Columns> {
        self.columns.clone()
    }

    /// With where its system's own id of a record is at their end, unless that is the key anyway.
    pub fn columns_with(&self, own_id: Option<&str>) -> Arc<Columns> {
        let apart = own_id.filter(|path| self.key.bare_position().is_none_or(|at| &*self.columns.paths()[at] != *path));
        match apart {
            Some(path) => Columns::new(self.columns.paths().iter().map(AsRef::as_ref).chain([path])),
            None => self.columns.clone(),
        }
    }

    /// Takes a page of records.
    pub fn add(&mut self, page: &Page) {
        self.add_where(page, |_, _| true);
    }

    /// Takes those records of a page that are wanted, by key and cells. The others count, and are not kept.
    pub(crate) fn add_where(&mut self, page: &Page, mut wanted: impl FnMut(&str, &[Cell<'_>]) -> bool) {
        let mut cells = Vec::with_capacity(self.columns.paths().len());
        let width = self.columns.paths().len();
        for row in page.rows() {
            row.put_cells(&mut cells);
            let own_id = OwnIds::print(self.keyed, cells.get(width).copied());
            cells.truncate(width);
            match clean_row(row, &cells, &self.columns, self.keep_blanks) {
                None => self.add_row(row, &cells, own_id, &mut wanted),
                Some(cleaned) => cleaned.rows().for_each(|row| self.add_row(row, &row.cells().collect::<Vec<_>>(), own_id, &mut wanted)),
            }
        }
    }

    fn add_row(&mut self, row: Row<'_>, cells: &[Cell<'_>], own_id: u64, wanted: &mut impl FnMut(&str, &[Cell<'_>]) -> bool) {
        if !row.is_ascii() {
            cells.iter().for_each(|cell| self.twice.look(*cell, 1));
        }
        match key(&self.key, cells) {
            Ok(key) if wanted(&key, cells) => self.take(&key, cells, own_id),
            Ok(_) => self.passed += 1,
            Err(words) => self.keyless.note(words),
        }
    }

    /// Gives the key of each row of a page, as it is known by once it is taken; none for a record without one.
    pub fn keys(&self) -> impl Fn(&Page) -> Vec<Option<Arc<str>>> + Send + Sync + use<> {
        let (bound, columns, keep_blanks) = (self.key.clone(), self.columns.clone(), self.keep_blanks);
        let of = move |cells: &[Cell<'_>]| key(&bound, cells).ok().map(|key| Arc::from(&*key));
        move |page| {
            let one = |row: Row<'_>| {
                let cells: Vec<_> = row.cells().take(columns.paths().len()).collect();
                match clean_row(row, &cells, &columns, keep_blanks) {
                    None => of(&cells),
                    Some(cleaned) => cleaned.rows().next().and_then(|row| of(&row.cells().collect::<Vec<_>>())),
                }
            };
            page.rows().map(one).collect()
        }
    }

    /// What came so far counts for nothing: the source is read again.
    pub fn restart(&mut self) {
        *self = self.empty();
    }

    /// The read is over. Where it came to nothing usable, what came of it is dropped.
    pub fn finish(&mut self, evidence: Evidence) {
        self.settle();
        self.judge(evidence);
    }

    /// The read is over; of what came the source says that some is gone.
    pub fn lose(&mut self, gone: &Delta) {
        drop(self.change(gone));
    }

    fn judge(&mut self, evidence: Evidence) {
        let evidence = self.twice.judge(evidence);
        if matches!(evidence, Evidence::Unreadable { .. }) {
            (self.spool, self.records, self.own_ids, self.index, self.keyless, self.twins) = Default::default();
            (self.passed, self.scoped) = (0, 0);
            self.seen = self.empty().seen;
            self.filled.fill(0);
        }
        self.evidence = evidence;
    }

    fn take(&mut self, key: &str, cells: &[Cell<'_>], own_id: u64) {
        let state = self.state_of(cells);
        self.index.insert(self.keyed.text(key), self.len());
        self.own_ids.put(self.len(), own_id);
        self.records.push((self.spool.add(key, cells), state));
        self.scoped += u64::from(state != RecordState::OutOfScope);
        self.seen.iter_mut().for_each(|seen| seen.count(cells.iter().copied(), 1));
        count(&mut self.filled, state, cells.iter().copied(), 1);
    }

    fn state_of(&self, cells: &[Cell<'_>]) -> RecordState {
        let covered = self.filter.as_ref().map(|filter| filter.holds_for_cells(cells));
        match (covered, self.valid.holds(cells)) {
            (Some(Truth::No), _) | (_, Some(false)) => RecordState::OutOfScope,
            (Some(Truth::Unknown(_)), _) | (_, None) => RecordState::ScopeFailed,
            (None | Some(Truth::Yes), Some(true)) => RecordState::Counts,
        }
    }

    /// The records that their system calls so: by their keys, where these are its own ids.
    fn called(&self, ids: &[Arc<str>]) -> Vec<u32> {
        if self.own_ids.is_empty() {
            return ids.iter().filter_map(|key| self.find(key)).collect();
        }
        self.own_ids.find(&ids.iter().map(|id| self.keyed.text(id)).collect())
    }

    /// What the system calls the records that are here, by another read of them; nothing is known of it without one.
    pub(super) fn call_as(&mut self, read: Option<&Self>) {
        self.own_ids = OwnIds::default();
        let Some(read) = read else { return };
        for record in 0..self.len() {
            if let Some(own_id) = read.find(self.key(record)).and_then(|there| read.own_ids.of(there)) {
                self.own_ids.put(record, own_id);
            }
        }
    }

    /// Takes what changed since: the records of these ids are gone, those of the page are new or other than they were.
    pub(super) fn change(&mut self, delta: &Delta) -> Changed {
        let mut told = Changed::new(self.columns.clone());
        let gone = self.called(&delta.gone);
        // Which of two records with one key is gone, nobody says: that is known after the next whole read.
        let gone: BTreeSet<u32> = gone.into_iter().filter(|record| self.state(*record) != RecordState::Ambiguous).collect();
        gone.iter().for_each(|record| told.was(self.key(*record), Some(self.row(*record))));
        self.remove(&gone);
        let mut changed = self.empty();
        changed.add(&delta.changed);
        changed.settle();
        for record in 0..changed.len() {
            let (key, row) = changed.entry(record);
            told.was(key, self.find(key).map(|known| self.row(known)));
            self.put(key, row, changed.state(record), changed.own_ids.of(record));
        }
        for spot in changed.twins.spots() {
            let (key, row) = changed.spool.get(spot);
            let spot = self.spool.add(key, &row.cells().collect::<Vec<_>>());
            self.twins.note(&self.spool, spot);
        }
        self.keyless.add(changed.keyless);
        let anew: Vec<Option<Seen>> = self.seen.iter().map(|seen| seen.anew(self)).collect();
        self.seen.iter_mut().zip(anew).for_each(|(seen, anew)| anew.into_iter().for_each(|anew| *seen = anew));
        self.index.tidy();
        if self.spool.is_wasteful() {
            let wanted = self.records.iter_mut().map(|(spot, _)| spot).chain(self.twins.spots_mut());
            self.spool = self.spool.gathered(wanted);
        }
        self.judge(delta.evidence.as_ref().unwrap_or(&self.evidence).clone());
        told
    }

    /// Whether what changed may be of other records than those with its keys: the source is read as a whole then, and of two records with one key neither wins.
    pub fn confuses(&self, delta: &Delta) -> bool {
        let mut changed = self.empty();
        changed.add(&delta.changed);
        changed.settle();
        let mut new = BTreeSet::new();
        for record in 0..changed.len() {
            let Some(own_id) = changed.own_ids.of(record) else { continue };
            match self.find(changed.key(record)) {
                Some(known) if self.own_ids.of(known).is_some_and(|known| known != own_id) => return true,
                Some(_) => {}
                None => _ = new.insert(own_id),
            }
        }
        // Whoever is new under this key may be somebody who had another one.
        !self.own_ids.find(&new).is_empty()
    }

    fn put(&mut self, key: &str, row: Row<'_>, state: RecordState, own_id: Option<u64>) {
        let known = self.find(key);
        let entry = (self.spool.add(key, &row.cells().collect::<Vec<_>>()), state);
        let at = match known {
            Some(record) => {
                self.tally(record, -1);
                self.spool.forget(self.records[record as usize].0);
                let was = std::mem::replace(&mut self.records[record as usize], entry).1;
                if was == RecordState::Ambiguous {
                    self.records[record as usize].1 = was;
                }
                record
            }
            None => {
                self.index.insert(self.keyed.text(key), self.len());
                self.records.push(entry);
                self.len() - 1
            }
        };
        own_id.iter().for_each(|own_id| self.own_ids.put(at, *own_id));
        self.tally(at, 1);
    }

    fn remove(&mut self, gone: &BTreeSet<u32>) {
        for record in gone {
            self.tally(*record, -1);
            self.index.remove(self.keyed.text(self.key(*record)), *record);
            self.spool.forget(self.records[*record as usize].0);
        }
        let moves = Moves::of(self.len(), gone.clone());
        for (last, hole) in moves.iter() {
            self.index.renumber(self.keyed.text(self.key(last)), last, hole);
            self.records[hole as usize] = self.records[last as usize];
        }
        self.records.truncate(self.records.len() - gone.len());
        self.own_ids.remove(&moves, self.len());
    }

    /// A record counts for what is known of the whole, or does no longer.
    fn tally(&mut self, record: u32, by: i64) {
        self.count(record, by);
        let Some((spot, state)) = self.records.get(record as usize) else { return };
        let row = self.spool.get(*spot).1;
        row.cells().for_each(|cell| self.twice.look(cell, by));
        if *state != RecordState::Ambiguous {
            self.seen.iter_mut().for_each(|seen| seen.count(row.cells(), by));
        }
    }

    /// Another day: which records count may be another matter.
    pub(super) fn turn(&mut self, today: Date) {
        let same = self.valid.today == today;
        self.valid.today = today;
        if same || (self.valid.from.is_none() && self.valid.to.is_none()) {
            return;
        }
        for record in 0..self.len() {
            let cells: Vec<_> = self.row(record).cells().collect();
            let state = self.state_of(&cells);
            if self.state(record) != RecordState::Ambiguous {
                self.count(record, -1);
                self.records[record as usize].1 = state;
                self.count(record, 1);
            }
        }
    }

    /// An empty side of the same source.
    fn empty(&self) -> Self {
        Self {
            columns: self.columns.clone(),
            asks: self.asks.clone(),
            key: self.key.clone(),
            filter: self.filter.clone(),
            valid: self.valid.clone(),
            keep_blanks: self.keep_blanks,
            twice: EncodedTwice::default(),
            keyed: self.keyed,
            spool: Spool::default(),
            records: Vec::new(),
            own_ids: OwnIds::default(),
            index: Index::default(),
            evidence: self.evidence.clone(),
            keyless: Keyless::default(),
            twins: Twins::default(),
            filled: vec![0; self.filled.len()],
            passed: 0,
            scoped: 0,
            seen: self.seen.iter().map(Seen::empty).collect(),
        }
    }

    /// These records alone; what is known of the whole is known of them too.
    pub(super) fn excerpt(&self, records: &BTreeSet<u32>) -> Self {
        let mut part = Self {
            spool: self.spool.clone(),
            keyless: self.keyless.clone(),
            twins: self.twins.clone(),
            filled: self.filled.clone(),
            passed: self.passed,
            scoped: self.scoped,
            ..self.empty()
        };
        for record in records.iter().filter_map(|record| self.records.get(*record as usize)) {
            part.index.insert(self.keyed.text(self.spool.get(record.0).0), part.len());
            part.records.push(*record);
        }
        part.index.settle();
        part
    }

    /// The records whose keys have this hash.
    pub(crate) fn find_hash(&self, hash: u64) -> impl Iterator<Item = u32> + '_ {
        self.index.candidates(hash).filter(move |record| self.keyed.text(self.key(*record)) == hash)
    }

    /// Everything came that comes: what was noted is put in order, and of records with one key one stays.
    fn settle(&mut self) {
        if self.index.is_settled() {
            return;
        }
        self.index.settle();
        self.records.shrink_to_fit();
        self.spool.close();
        let doubles = self.index.doubles(|one, other| self.key(one) == self.key(other));
        if doubles.is_empty() {
            return;
        }
        doubles.iter().for_each(|(known, again)| self.meet(*known, *again));
        let dropped: Vec<u32> = doubles.into_iter().map(|(_, again)| again).collect();
        let mut at = 0..;
        self.records.retain(|_| at.next().is_some_and(|at| dropped.binary_search(&at).is_err()));
        self.index.without(&dropped);
        self.own_ids.without(&dropped);
    }

    /// A second record with a known key: the same one again (a page that shifted), one that does not count, or trouble.
    fn meet(&mut self, known: u32, again: u32) {
        self.tally(again, -1);
        if self.row(known) == self.row(again) {
            return;
        }
        self.tally(known, -1);
        let (mut stays, mut second) = (self.records[known as usize], self.records[again as usize]);
        let counts = [stays, second].map(|(_, state)| state != RecordState::OutOfScope);
        // Where one is as good as the other the smaller one stays, so that the order of pages does not matter.
        if counts == [false, true] || (counts[0] == counts[1] && self.row(again) < self.row(known)) {
            std::mem::swap(&mut stays.0, &mut second.0);
            let own_id = self.own_ids.of(again).unwrap_or_default();
            self.own_ids.put(known, own_id);
        }
        stays.1 = match counts {
            [true, true] => RecordState::Ambiguous,
            [true, false] => stays.1,
            [false, _] => second.1,
        };
        if counts == [true, true] {
            self.twins.note(&self.spool, second.0);
        }
        self.records[known as usize] = stays;
        self.tally(known, 1);
    }

    fn count(&mut self, record: u32, by: i64) {
        let Some((spot, state)) = self.records.get(record as usize) else { return };
        if *state != RecordState::OutOfScope {
            self.scoped = self.scoped.saturating_add_signed(by);
        }
        count(&mut self.filled, *state, self.spool.get(*spot).1.cells(), by);
    }

    /// How many records have a value, by column. Nothing where not all records were kept.
    pub(crate) fn filled(&self) -> impl Iterator<Item = (&Arc<str>, u64)> {
        let all = self.passed == 0;
        self.columns.paths().iter().zip(&self.filled).filter(move |_| all).map(|(path, count)| (path, count.unsigned_abs()))
    }

    /// Whether all records were kept.
    pub(crate) fn is_whole(&self) -> bool {
        self.passed == 0
    }

    /// How many records there are.
    pub(crate) fn len(&self) -> u32 {
        self.records.len() as u32
    }

    /// How many the scope covers.
    pub(crate) fn in_scope(&self) -> u64 {
        self.passed + self.scoped
    }

    /// The record with a key.
    pub(crate) fn find(&self, key: &str) -> Option<u32> {
        self.index.candidates(self.keyed.text(key)).find(|record| self.key(*record) == key)
    }

    /// A record's key.
    pub(crate) fn key(&self, record: u32) -> &str {
        self.entry(record).0
    }

    /// A record's cells.
    pub(crate) fn row(&self, record: u32) -> Row<'_> {
        self.entry(record).1
    }

    /// The other records with its key, where nobody knows which of them is right.
    pub(crate) fn twins(&self, record: u32) -> impl Iterator<Item = Row<'_>> {
        self.twins.of(&self.spool, self.key(record)).filter(move |_| self.state(record) == RecordState::Ambiguous)
    }

    /// What is known of a record.
    pub(crate) fn state(&self, record: u32) -> RecordState {
        self.records[record as usize].1
    }

    /// How complete the read was, by the reader's word.
    pub(crate) fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    /// The values of columns that hold a status, as they are counted.
    pub(super) fn seen(&self) -> &[Seen] {
        &self.seen
    }

    /// Records without a key.
    pub(crate) fn keyless(&self) -> &Keyless {
        &self.keyless
    }

    fn entry(&self, record: u32) -> (&str, Row<'_>) {
        self.records.get(record as usize).map(|(spot, _)| self.spool.get(*spot)).unwrap_or_default()
    }
}

/// Counts the values of a record that counts; of two that contradict each other none does, so that their order does not matter.
fn count<'c>(filled: &mut [i64], state: RecordState, cells: impl Iterator<Item = Cell<'c>>, by: i64) {
    if !matches!(state, RecordState::Counts | RecordState::ScopeFailed) {
        return;
    }
    // What can't be read is not empty: it is told by itself, with its own cause.
    let has = |cell: Cell<'_>| matches!(cell, Cell::Unreadable(_)) || !canonical::is_nothing(cell);
    filled.iter_mut().zip(cells).filter(|(_, cell)| has(*cell)).for_each(|(count, _)| *count += by);
}

/// The days on which a record counts.
#[derive(Clone, Debug)]
struct Valid {
    from: Option<Bound>,
    to: Option<Bound>,
    today: Date,
}

impl Valid {
    /// Whether a record counts today; nothing where that can't be told.
    fn holds(&self, cells: &[Cell<'_>]) -> Option<bool> {
        let day = |bound: Option<&Bound>| match bound.map(|bound| bound.over_cells(cells)) {
            None | Some(Evaluation::Missing | Evaluation::Null) => Some(None),
            Some(Evaluation::Value(Value::Text(text))) => text.get(..10).unwrap_or(&text).parse::<Date>().ok().map(Some),
            Some(Evaluation::Value(_) | Evaluation::Failed(_)) => None,
        };
        let (from, to) = (day(self.from.as_ref())?, day(self.to.as_ref())?);
        Some(from.is_none_or(|from| from <= self.today) && to.is_none_or(|to| self.today <= to))
    }
}

impl Keyless {
    fn note(&mut self, words: Option<String>) {
        self.count += 1;
        self.words = self.words.take().into_iter().chain(words.map(Arc::from)).min();
    }

    fn add(&mut self, others: Self) {
        self.count += others.count;
        self.words = self.words.take().into_iter().chain(others.words).min();
    }
}

/// Every path that an expression of the source reads, once, in order of first use; addresses and the like before names, since those stand in them.
fn wanted(source: &SourcePolicy) -> Arc<Columns> {
    let (many, single): (Vec<_>, Vec<_>) = source.rules.iter().partition(|rule| kind_of(&rule.attribute).is_many());
    let rules = many.into_iter().chain(single).flat_map(|rule| rule.when.iter().chain([&rule.value]));
    let valid = source.valid_from.iter().chain(&source.valid_to);
    let conditions = source.filter.iter().chain(valid).chain(&source.leaver).chain(&source.suspended);
    let mut paths: Vec<&str> = Vec::new();
    for path in [&source.key].into_iter().chain(conditions).chain(rules).flat_map(Expression::reads) {
        if !paths.contains(&path.as_ref()) {
            paths.push(path);
        }
    }
    Columns::new(paths)
}

fn asks(rules: &SourcePolicy) -> Arc<str> {
    let SourcePolicy { key, filter, valid_from, valid_to, keep_blanks, .. } = rules;
    let text = |expression: &Option<Expression>| expression.as_ref().map(|expression| expression.text().to_owned());
    format!("{:?}", (key.text(), text(filter), text(valid_from), text(valid_to), keep_blanks)).into()
}

/// The key's text, or why there is none.
fn key<'c>(key: &Bound, cells: &[Cell<'c>]) -> Result<Cow<'c, str>, Option<String>> {
    let text = match key.bare_position().and_then(|position| cells.get(position)) {
        Some(Cell::Text(text)) => Cow::Borrowed(text.trim()),
        _ => Cow::Owned(worked_out(key.over_cells(cells))?),
    };
    match text.len() {
        0 => Err(None),
        1..=LONGEST_KEY => Ok(text),
        _ => Err(Some("a key has at most 1024 bytes".into())),
    }
}

fn worked_out(evaluation: Evaluation) -> Result<String, Option<String>> {
    match evaluation {
        Evaluation::Value(Value::Text(text)) => Ok(text.trim().to_owned()),
        Evaluation::Value(Value::Int(number)) => Ok(number.to_string()),
        Evaluation::Value(_) => Err(Some("a key is a text or a whole number".into())),
        Evaluation::Missing | Evaluation::Null => Err(None),
        Evaluation::Failed(words) => Err(Some(words)),
    }
}
