//! Packed rows of many objects, each behind a label of its own, in chunks: growing never copies what is there.
//!
//! What stands in a row twice, and what many rows have, is kept once (`repeats`); so is a label that a row begins with.
//! Must never: hand out anything beyond an entry.

use std::sync::Arc;

use super::repeats::Repeats;
use crate::model::{Cell, PackedCells, Packing, Row, put_number, take_length};

/// Where an entry stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spot {
    /// seven bytes in all: there is one for each row
    chunk: [u8; 3],
    at: [u8; 4],
}

/// Rows with a label each (which may be empty), added once and read at random. A copy shares what is there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spool {
    /// of each entry the texts, behind them three lengths and its heads, and its label where that is not what its texts begin with
    chunks: Vec<Arc<String>>,
    /// bytes of entries that are kept, and of those that nobody wants any more
    kept: usize,
    dead: usize,
    repeats: Repeats,
    heads: String,
}

/// An entry as it stands in a chunk.
struct Entry<'s> {
    label: &'s str,
    row: Row<'s>,
    size: usize,
}

const CHUNK: usize = 1 << 20;
/// Three lengths take at most this, and the head of a cell this.
const LENGTHS: usize = 33;
const HEAD: usize = 34;

impl Spool {
    /// Keeps an entry.
    #[inline]
    pub(crate) fn add(&mut self, label: &str, cells: &[Cell<'_>]) -> Spot {
        let texts: usize = cells.iter().map(|cell| length_of(*cell)).sum();
        let room = label.len() + texts + LENGTHS + HEAD * cells.len();
        if self.chunks.last().is_none_or(|chunk| chunk.len() + room > chunk.capacity()) {
            self.chunks.push(Arc::new(String::with_capacity(room.max(CHUNK))));
        }
        let at = self.chunks.len() - 1;
        let chunk = Arc::make_mut(&mut self.chunks[at]);
        let start = chunk.len();
        self.heads.clear();
        self.repeats.write(cells, Packing::over(&mut self.heads, chunk), start);
        let spot = Spot::new(at, chunk.len());
        let own = !chunk.get(start..).is_some_and(|texts| texts.starts_with(label));
        for length in [(label.len() << 1) | usize::from(own), chunk.len() - start, self.heads.len()] {
            put_number(chunk, length as u64);
        }
        chunk.push_str(&self.heads);
        if own {
            chunk.push_str(label);
        }
        self.kept += chunk.len() - start;
        spot
    }

    /// Nobody wants an entry any more. Its room is given back with the next [`Spool::gathered`].
    pub(crate) fn forget(&mut self, spot: Spot) {
        let size = self.entry(spot).map_or(0, |entry| entry.size);
        (self.kept, self.dead) = (self.kept.saturating_sub(size), self.dead + size);
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.kept
    }

    /// All came for now: no room is kept for more.
    pub(crate) fn close(&mut self) {
        self.chunks.shrink_to_fit();
        let last = self.chunks.last_mut().and_then(Arc::get_mut);
        last.into_iter().for_each(String::shrink_to_fit);
    }

    /// Whether more room is lost than used.
    pub(crate) fn is_wasteful(&self) -> bool {
        self.dead > self.kept.max(CHUNK)
    }

    /// The entries that are still wanted, in a spool of their own; their spots are set anew.
    pub(crate) fn gathered<'s>(&self, spots: impl Iterator<Item = &'s mut Spot>) -> Self {
        let mut all = Self::default();
        for spot in spots {
            let (label, row) = self.get(*spot);
            *spot = all.add(label, &row.cells().collect::<Vec<_>>());
        }
        all.close();
        all
    }

    /// The label and the row at a spot.
    #[inline]
    pub(crate) fn get(&self, spot: Spot) -> (&str, Row<'_>) {
        self.entry(spot).map(|entry| (entry.label, entry.row)).unwrap_or_default()
    }

    #[inline]
    fn entry(&self, spot: Spot) -> Option<Entry<'_>> {
        let chunk = self.chunks.get(spot.chunk())?;
        let (texts, behind) = chunk.split_at_checked(spot.at())?;
        let mut rest = behind.as_bytes();
        let (label, text, heads) = (take_length(&mut rest)?, take_length(&mut rest)?, take_length(&mut rest)?);
        let lengths = behind.len() - rest.len();
        let text = texts.get(texts.len().checked_sub(text)?..)?;
        let ends = lengths.checked_add(heads)?;
        let (label, own) = (label >> 1, label & 1 == 1);
        let row = Row::packed(PackedCells::new(behind.get(lengths..ends)?, text, self.repeats.words()));
        let label = if own { behind.get(ends..ends.checked_add(label)?)? } else { text.get(..label)? };
        Some(Entry { label, row, size: text.len() + ends + if own { label.len() } else { 0 } })
    }
}

impl Spot {
    #[inline]
    fn new(chunk: usize, at: usize) -> Self {
        let [a, b, c, _] = (chunk as u32).to_le_bytes();
        Self { chunk: [a, b, c], at: (at as u32).to_le_bytes() }
    }

    #[inline]
    fn chunk(self) -> usize {
        let [a, b, c] = self.chunk;
        u32::from_le_bytes([a, b, c, 0]) as usize
    }

    #[inline]
    fn at(self) -> usize {
        u32::from_le_bytes(self.at) as usize
    }
}

#[inline]
fn length_of(cell: Cell<'_>) -> usize {
    match cell {
        Cell::Text(text) | Cell::Unreadable(text) => text.len(),
        Cell::Json(json) => json.parts().map(str::len).sum(),
        Cell::Missing | Cell::Null | Cell::Bool(_) | Cell::Int(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Cell, Columns, Page};

    /// All cells of a row; each is the same where it is asked for by itself.
    fn cells(row: Row<'_>) -> Vec<Cell<'_>> {
        let cells: Vec<_> = row.cells().collect();
        (0..=cells.len()).for_each(|at| assert_eq!(row.cell(at), cells.get(at).copied().unwrap_or(Cell::Missing)));
        cells
    }

    #[test]
    fn entries_come_back_even_those_larger_than_a_chunk() {
        let large = "ü".repeat(CHUNK);
        let mut page = Page::new(Columns::new(["a", "b"]));
        page.row(|row| row.text("one"));
        page.row(|row| row.text(&large));
        page.row(|_| {});
        page.row(|row| {
            row.int(2);
            row.text("two");
        });
        let labels = ["first", "", "third", &large];
        let mut spool = Spool::default();
        let spots: Vec<Spot> = page.rows().zip(labels).map(|(row, label)| spool.add(label, &cells(row))).collect();
        for ((spot, row), label) in spots.iter().zip(page.rows()).zip(labels) {
            assert_eq!(spool.get(*spot), (label, row));
        }
        assert_eq!(spool.get(spots[3]).1.cells().collect::<Vec<_>>(), [Cell::Int(2), Cell::Text("two")]);
        assert_eq!(spool.get(Spot::new(9, 0)), ("", Row::default()));
    }

    #[test]
    fn what_nobody_wants_any_more_gives_its_room_back() {
        let mut page = Page::new(Columns::new(["a"]));
        page.row(|row| row.text(&"x".repeat(CHUNK / 4)));
        page.row(|row| row.text("kept"));
        let rows: Vec<_> = page.rows().collect();
        let mut spool = Spool::default();
        let mut kept = [spool.add("one", &cells(rows[1])), spool.add("two", &cells(rows[1]))];
        for _ in 0..4 {
            assert!(!spool.is_wasteful());
            let spot = spool.add("", &cells(rows[0]));
            spool.forget(spot);
        }
        assert!(spool.is_wasteful());
        let gathered = spool.gathered(kept.iter_mut());
        assert_eq!(kept.map(|spot| gathered.get(spot)), [("one", rows[1]), ("two", rows[1])]);
        assert_eq!((gathered.chunks.len(), gathered.dead), (1, 0));
    }

    #[test]
    fn what_stands_in_a_row_twice_is_kept_once_and_comes_back() {
        let mut spool = Spool::default();
        let people = [("ann@acme.example", "Annabel", "Çelik"), ("bo@acme.example", "Benjamin", "Ödegaard"), ("", "Charlotte", "Miller-Ü")];
        let mut spots = Vec::new();
        for round in 0..40 {
            for (at, (mail, first, last)) in people.iter().enumerate() {
                let key = format!("key-{}", round * people.len() + at);
                let (display, json) = (format!("{first} {last}"), format!("[{{\"value\":\"{mail}\"}}]"));
                // Now and then a name is not where it is as a rule.
                let first = if round % 7 == 3 { "Somebody else" } else { *first };
                let row = [
                    Cell::Text(&key),
                    Cell::json(&json),
                    Cell::Text(&display),
                    Cell::Text(first),
                    Cell::Null,
                    Cell::Text(last),
                    Cell::Text(mail),
                ];
                let spot = spool.add(&key, &row);
                let (label, packed) = spool.get(spot);
                assert_eq!((label, cells(packed)), (key.as_str(), row.to_vec()));
                spots.push((spot, key, display, json, first, *last, *mail));
            }
        }
        let mut bytes = 0;
        for (spot, key, display, json, first, last, mail) in &spots {
            let (label, row) = spool.get(*spot);
            let expected =
                [Cell::Text(key), Cell::json(json), Cell::Text(display), Cell::Text(first), Cell::Null, Cell::Text(last), Cell::Text(mail)];
            assert_eq!((label, cells(row)), (key.as_str(), expected.to_vec()));
            bytes += key.len() * 2 + display.len() + json.len() + first.len() + last.len() + mail.len();
        }
        assert!(spool.bytes() * 2 < bytes, "{} of {bytes}", spool.bytes());
    }

    #[test]
    fn rows_are_the_same_when_their_cells_are_however_they_are_packed() {
        let row = [Cell::Text("Ann Smith"), Cell::Text("Smith"), Cell::Int(-7)];
        let (mut one, mut other) = (Spool::default(), Spool::default());
        // One of them has learnt where the second text stands, the other looks elsewhere.
        other.add("", &[Cell::Text("Smith Ann"), Cell::Text("Smith"), Cell::Int(0)]);
        for _ in 0..20 {
            other.add("", &[Cell::Text("Ann"), Cell::Text("Smith"), Cell::Null]);
        }
        let spots = (one.add("", &row), other.add("", &row));
        let (one, other) = (one.get(spots.0).1, other.get(spots.1).1);
        assert_eq!((one, one.cmp(&other)), (other, std::cmp::Ordering::Equal));
        assert_ne!(format!("{one:?}"), format!("{other:?}"));
    }
}
