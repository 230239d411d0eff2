//! The accounts or the groups of one Target as packed rows: what each carries, and indexes for what is searched.
//!
//! Must never: keep a map of values for an object.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::canonical;
use super::delta::Moves;
use super::dirty::Changed;
use super::hash::Keyed;
use super::index::Index;
use super::spool::{Spool, Spot};
use super::target::kind_of;
use crate::expr::Input;
use crate::model::{AttributeType, Cell, Columns, Evidence, Marks, Page, Row, Value, is_marker};

/// What is wanted of a stream of objects, besides their ids.
#[derive(Clone, Debug)]
pub(crate) struct ColumnNeeds {
    /// attributes to keep
    pub(crate) columns: BTreeSet<Arc<str>>,
    /// attributes by which objects are searched
    pub(crate) found_by: BTreeSet<Arc<str>>,
    /// user names are searched without their accents, too
    pub(crate) accentless: bool,
    /// the attribute with the marker
    pub(crate) marker: Option<Arc<str>>,
    /// whether `active` is wanted
    pub(crate) active: bool,
}

/// The accounts or the groups of one Target.
#[derive(Clone, Debug)]
pub(crate) struct Objects {
    shape: Arc<Shape>,
    keyed: Keyed,
    spool: Spool,
    rows: Vec<ObjectRow>,
    by_id: Index,
    by: Vec<Index>,
    pub(crate) evidence: Evidence,
}

/// How the packed rows are read.
#[derive(Debug, PartialEq)]
struct Shape {
    columns: Arc<Columns>,
    /// attribute, position and comparison of each index
    found_by: Vec<(Arc<str>, usize, AttributeType)>,
    marker: Option<usize>,
    active: Option<usize>,
    /// how its workspace marks
    marks: Marks,
}

#[derive(Clone, Copy, Debug)]
struct ObjectRow {
    spot: Spot,
    carries: Carries,
    access: Access,
    /// two different rows came with this id
    doubtful: bool,
}

/// What an account says of its access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    /// it has some
    Given,
    /// it has none
    Taken,
    /// neither: it counts as one that has some
    Unclear,
}

/// Whose marker an object carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carries {
    /// none
    Nothing,
    /// this workspace's
    Ours,
    /// another workspace's
    OtherWorkspace,
    /// something that is no marker of headcount
    Foreign,
}

fn access(said: Cell<'_>) -> Access {
    match canonical::truth(said) {
        Some(true) => Access::Given,
        Some(false) => Access::Taken,
        // Of accounts that can't be without access nothing is said.
        None if matches!(said, Cell::Missing) => Access::Given,
        None => Access::Unclear,
    }
}

const ID: usize = 0;
/// The index of user names without their accents; no attribute is called so.
const ALIKE: &str = "userName without accents";

impl Objects {
    /// An empty stream.
    pub(crate) fn new(keyed: Keyed, workspace: &str, wanted: &ColumnNeeds) -> Self {
        let active = wanted.active.then(|| Arc::from("active"));
        let attributes = wanted.columns.iter().filter(|name| name.as_ref() != "id" && name.as_ref() != "active");
        let columns = Columns::new([Arc::from("id")].iter().chain(&active).chain(attributes));
        let position = |name: &Arc<str>| columns.position(name);
        let alike = columns.position("userName").filter(|_| wanted.accentless);
        let alike = alike.map(|position| (Arc::from(ALIKE), position, AttributeType::AccentlessText));
        let shape = Shape {
            found_by: wanted.found_by.iter().filter_map(|name| Some((name.clone(), position(name)?, kind_of(name)))).chain(alike).collect(),
            marker: wanted.marker.as_ref().and_then(position),
            active: active.as_ref().and_then(position),
            marks: Marks::of(workspace),
            columns,
        };
        Self::of(Arc::new(shape), keyed)
    }

    /// An empty stream of the same shape.
    pub(crate) fn empty(&self) -> Self {
        Self::of(self.shape.clone(), self.keyed)
    }

    fn of(shape: Arc<Shape>, keyed: Keyed) -> Self {
        let by = shape.found_by.iter().map(|_| Index::default()).collect();
        let evidence = Evidence::Unreadable { reason: "it was not read".into() };
        Self { shape, keyed, spool: Spool::default(), rows: Vec::new(), by_id: Index::default(), by, evidence }
    }

    /// Whether rows are packed, found and marked in the same way.
    pub(super) fn is_read_like(&self, other: &Self) -> bool {
        self.shape == other.shape
    }

    /// What is packed.
    pub(crate) fn columns(&self) -> &Arc<Columns> {
        &self.shape.columns
    }

    /// Takes a page.
    pub(crate) fn add(&mut self, page: &Page) {
        let mut cells = Vec::with_capacity(self.shape.columns.paths().len());
        let mut buffer = Vec::new();
        for row in page.rows() {
            row.put_cells(&mut cells);
            let id = canonical::text(cells.first().copied().unwrap_or(Cell::Missing));
            // An object without an id can't be changed; that one is missing shows in the reader's own count.
            if !id.is_empty() {
                self.take(self.keyed.text(&id), &cells, &mut buffer);
            }
        }
    }

    fn take(&mut self, hash: u64, cells: &[Cell<'_>], buffer: &mut Vec<u8>) {
        let at = self.rows.len() as u32;
        self.by_id.insert(hash, at);
        for (index, (_, position, kind)) in self.by.iter_mut().zip(&self.shape.found_by) {
            canonical::each_key(*kind, cell(cells, *position), buffer, |key| index.insert(self.keyed.bytes(key), at));
        }
        let access = self.shape.active.map_or(Access::Given, |at| access(cell(cells, at)));
        let carries = self.shape.carries(cells);
        self.rows.push(ObjectRow { spot: self.spool.add("", cells), carries, access, doubtful: false });
    }

    /// Everything came that comes: what was noted is put in order, and of rows with one id the first stays.
    pub(crate) fn settle(&mut self) {
        if self.by_id.is_settled() {
            return;
        }
        self.by_id.settle();
        let doubles = self.by_id.doubles(|one, other| self.id(one) == self.id(other));
        for (known, again) in &doubles {
            // The same again, or it changed while it was read.
            if self.row(*known) != self.row(*again) {
                self.rows[*known as usize].doubtful = true;
            }
        }
        if !doubles.is_empty() {
            let dropped: Vec<u32> = doubles.into_iter().map(|(_, again)| again).collect();
            let mut at = 0..;
            self.rows.retain(|_| at.next().is_some_and(|at| dropped.binary_search(&at).is_err()));
            self.by.iter_mut().chain([&mut self.by_id]).for_each(|index| index.without(&dropped));
        }
        self.by.iter_mut().for_each(Index::settle);
        self.rows.shrink_to_fit();
        self.spool.close();
    }

    /// Which of these ids there are, and what becomes of the rows without them.
    pub(super) fn going(&self, ids: &[Arc<str>]) -> Moves {
        Moves::of(self.len(), ids.iter().filter_map(|id| self.find_id(id)).collect())
    }

    /// Takes what changed since: these rows go, and those of the page are new or other than they were.
    pub(super) fn change(&mut self, changed: &Page, moves: &Moves) -> Changed {
        let mut told = Changed::new(self.columns().clone());
        moves.gone().for_each(|row| told.was(&self.id(row), Some(self.row(row))));
        self.remove(moves);
        let mut coming = self.empty();
        coming.add(changed);
        coming.settle();
        for row in 0..coming.len() {
            let id = coming.id(row);
            told.was(&id, self.find_id(&id).map(|known| self.row(known)));
            self.put(coming.row(row), coming.doubtful(row));
        }
        self.by.iter_mut().chain([&mut self.by_id]).for_each(Index::tidy);
        if self.spool.is_wasteful() {
            self.spool = self.spool.gathered(self.rows.iter_mut().map(|row| &mut row.spot));
        }
        told
    }

    /// These rows alone.
    pub(super) fn excerpt(&self, rows: &BTreeSet<u32>) -> Self {
        let mut part = Self { spool: self.spool.clone(), evidence: self.evidence.clone(), ..self.empty() };
        let mut buffer = Vec::new();
        for row in rows.iter().copied().filter(|row| *row < self.len()) {
            let at = part.len();
            part.by_id.insert(self.keyed.text(&self.id(row)), at);
            for (index, (_, position, kind)) in part.by.iter_mut().zip(&self.shape.found_by) {
                canonical::each_key(*kind, self.cell(row, *position), &mut buffer, |key| index.insert(self.keyed.bytes(key), at));
            }
            part.rows.push(self.rows[row as usize]);
        }
        part.by.iter_mut().chain([&mut part.by_id]).for_each(Index::settle);
        part
    }

    fn put(&mut self, row: Row<'_>, doubtful: bool) {
        let cells: Vec<Cell<'_>> = row.cells().collect();
        let id = canonical::text(cell(&cells, ID));
        let hash = self.keyed.text(&id);
        match self.find_hashed(hash, &id) {
            Some(known) => {
                self.each_key(known, |index, hash| index.remove(hash, known));
                self.spool.forget(self.rows[known as usize].spot);
                let last = self.len();
                self.take(hash, &cells, &mut Vec::new());
                self.by_id.remove(hash, last);
                self.each_key(last, |index, hash| index.renumber(hash, last, known));
                self.rows.swap_remove(known as usize);
                self.rows[known as usize].doubtful = doubtful;
            }
            None => {
                self.take(hash, &cells, &mut Vec::new());
                self.rows.last_mut().into_iter().for_each(|row| row.doubtful = doubtful);
            }
        }
    }

    fn remove(&mut self, moves: &Moves) {
        for row in moves.gone() {
            self.by_id.remove(self.keyed.text(&self.id(row)), row);
            self.each_key(row, |index, hash| index.remove(hash, row));
            self.spool.forget(self.rows[row as usize].spot);
        }
        for (from, to) in moves.iter() {
            self.by_id.renumber(self.keyed.text(&self.id(from)), from, to);
            self.each_key(from, |index, hash| index.renumber(hash, from, to));
            self.rows[to as usize] = self.rows[from as usize];
        }
        self.rows.truncate(self.rows.len() - moves.gone().count());
    }

    /// Every hash under which a row is found by an attribute.
    fn each_key(&mut self, row: u32, mut with: impl FnMut(&mut Index, u64)) {
        let mut by = std::mem::take(&mut self.by);
        let mut buffer = Vec::new();
        for (index, (_, position, kind)) in by.iter_mut().zip(&self.shape.found_by) {
            canonical::each_key(*kind, self.cell(row, *position), &mut buffer, |key| with(index, self.keyed.bytes(key)));
        }
        self.by = by;
    }

    /// How many.
    pub(crate) fn len(&self) -> u32 {
        self.rows.len() as u32
    }

    /// The object with an id.
    pub(crate) fn find_id(&self, id: &str) -> Option<u32> {
        self.find_hashed(self.keyed.text(id), id)
    }

    fn find_hashed(&self, hash: u64, id: &str) -> Option<u32> {
        self.by_id.candidates(hash).find(|row| self.id(*row) == id)
    }

    /// All objects whose ids have this hash.
    pub(crate) fn find_id_hashes(&self, hash: u64) -> impl Iterator<Item = u32> + '_ {
        self.by_id.candidates(hash).filter(move |row| self.keyed.text(&self.id(*row)) == hash)
    }

    /// The object whose id has this hash.
    pub(crate) fn find_id_hash(&self, hash: u64) -> Option<u32> {
        self.by_id.candidates(hash).find(|row| self.keyed.text(&self.id(*row)) == hash)
    }

    /// The objects whose attribute has a value, by its own rules; of a multi-valued one any item. In order of rows.
    pub(crate) fn find_by(&self, attribute: &str, key: &[u8]) -> Vec<u32> {
        let mut rows = Vec::new();
        self.each_by(attribute, key, |row| rows.push(row));
        rows.sort_unstable();
        rows.dedup();
        rows
    }

    /// Calls for each of them, in no order and maybe twice.
    #[inline]
    pub(crate) fn each_by(&self, attribute: &str, key: &[u8], mut found: impl FnMut(u32)) {
        let mut indexes = self.shape.found_by.iter().zip(&self.by);
        let Some(((_, position, kind), index)) = indexes.find(|((name, ..), _)| name.as_ref() == attribute) else { return };
        index.each(self.keyed.bytes(key), |row| {
            if canonical::has_key(*kind, self.cell(row, *position), key) {
                found(row);
            }
        });
    }

    /// Each of them for several values at once, with the position of the value, in no order and maybe twice.
    pub(crate) fn each_by_all(&self, attribute: &str, keys: &[&[u8]], mut found: impl FnMut(usize, u32)) {
        let mut indexes = self.shape.found_by.iter().zip(&self.by);
        let Some(((_, position, kind), index)) = indexes.find(|((name, ..), _)| name.as_ref() == attribute) else { return };
        let hashes: Vec<u64> = keys.iter().map(|key| self.keyed.bytes(key)).collect();
        index.each_of(&hashes, |at, row| {
            if keys.get(at).is_some_and(|key| canonical::has_key(*kind, self.cell(row, *position), key)) {
                found(at, row);
            }
        });
    }

    /// The objects whose user name is one with this to the target, though its accents are others; none where the target tells such names apart.
    pub(crate) fn called_alike(&self, name: &str) -> Vec<u32> {
        self.find_by(ALIKE, &canonical::bytes(AttributeType::AccentlessText, Input::Value(&Value::text(name))))
    }

    /// The objects that carry our marker with this key.
    pub(crate) fn marked(&self, key: &str) -> Vec<u32> {
        let Some(attribute) = self.shape.marker.and_then(|at| self.shape.columns.paths().get(at)) else { return Vec::new() };
        let marker = Value::text(self.shape.marks.mark(key));
        let keys = canonical::keys(kind_of(attribute), Input::Value(&marker));
        keys.iter().flat_map(|key| self.find_by(attribute, key)).collect()
    }

    /// The target's id.
    pub(crate) fn id(&self, row: u32) -> Cow<'_, str> {
        canonical::text(self.cell(row, ID))
    }

    /// All cells.
    pub(crate) fn row(&self, row: u32) -> Row<'_> {
        self.rows.get(row as usize).map(|row| self.spool.get(row.spot).1).unwrap_or_default()
    }

    /// One cell.
    pub(crate) fn cell(&self, row: u32, position: usize) -> Cell<'_> {
        self.row(row).cell(position)
    }

    /// One cell by its attribute.
    pub(crate) fn cell_of(&self, row: u32, attribute: &str) -> Cell<'_> {
        self.shape.columns.position(attribute).map_or(Cell::Missing, |position| self.cell(row, position))
    }

    /// Whether it has access.
    pub(crate) fn active(&self, row: u32) -> bool {
        self.rows[row as usize].access != Access::Taken
    }

    /// What accounts say of their access that is neither yes nor no, and how many do: `"locked"`, or nothing where they say nothing. In order.
    pub(crate) fn unclear_access(&self) -> BTreeMap<String, usize> {
        let mut said = BTreeMap::new();
        let Some(position) = self.shape.active else { return said };
        for (row, _) in self.rows.iter().enumerate().filter(|(_, row)| row.access == Access::Unclear) {
            *said.entry(canonical::text(self.cell(row as u32, position)).into_owned()).or_default() += 1;
        }
        said
    }

    /// Whose marker it carries.
    pub(crate) fn carries(&self, row: u32) -> Carries {
        self.rows[row as usize].carries
    }

    /// Whether two different rows came with its id.
    pub(crate) fn doubtful(&self, row: u32) -> bool {
        self.rows[row as usize].doubtful
    }

    /// Whether its marker is the one of a key, as headcount writes it.
    pub(crate) fn is_marked(&self, row: u32, key: &str) -> bool {
        let Some(position) = self.shape.marker else { return false };
        self.cell(row, position).as_text().is_some_and(|text| self.shape.marks.is_of(text, key))
    }

    /// Our key in its marker: `hr/10023`.
    pub(crate) fn marked_key(&self, row: u32) -> Option<Cow<'_, str>> {
        self.shape.marks.key(self.cell(row, self.shape.marker?).as_text()?)
    }
}

impl Shape {
    fn carries(&self, cells: &[Cell<'_>]) -> Carries {
        let Some(position) = self.marker else { return Carries::Nothing };
        match canonical::text(cell(cells, position)).as_ref() {
            "" => Carries::Nothing,
            text if self.marks.are_in(text) => Carries::Ours,
            text if is_marker(text) => Carries::OtherWorkspace,
            _ => Carries::Foreign,
        }
    }
}

fn cell<'a>(cells: &[Cell<'a>], position: usize) -> Cell<'a> {
    cells.get(position).copied().unwrap_or(Cell::Missing)
}
