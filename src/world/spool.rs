//! Packed rows of many objects, each behind a label of its own, in chunks: growing never copies what is there.
//!
//! Must never: hand out anything beyond an entry.

use std::sync::Arc;

use crate::model::{Row, put_length, take_length};

/// Where an entry stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spot {
    chunk: u32,
    start: u32,
}

/// Rows with a label each (which may be empty), added once and read at random. A copy shares what is there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spool {
    chunks: Vec<Arc<Chunk>>,
    /// bytes of entries that are kept, and of those that nobody wants any more
    kept: usize,
    dead: usize,
}

#[derive(Clone, Debug)]
struct Chunk {
    /// of each entry: where its text begins, how long its label, its text and its heads are, and its heads
    heads: Vec<u8>,
    /// of each entry: its label, and the text of its row
    text: String,
}

const CHUNK: usize = 1 << 20;
const START: usize = 4;
/// Three lengths take at most this.
const LENGTHS: usize = 30;

impl Spool {
    /// Keeps an entry.
    pub(crate) fn add(&mut self, label: &str, row: Row<'_>) -> Spot {
        let (heads, text) = row.parts();
        let (heads_size, text_size) = (START + LENGTHS + heads.len(), label.len() + text.len());
        if self.chunks.last().is_none_or(|chunk| !chunk.has_room(heads_size, text_size)) {
            self.chunks.push(Arc::new(Chunk::with_room(heads_size, text_size)));
        }
        let at = self.chunks.len() - 1;
        let chunk = Arc::make_mut(&mut self.chunks[at]);
        let spot = Spot { chunk: at as u32, start: chunk.heads.len() as u32 };
        chunk.heads.extend_from_slice(&(chunk.text.len() as u32).to_le_bytes());
        [label.len(), text.len(), heads.len()].into_iter().for_each(|length| put_length(&mut chunk.heads, length));
        chunk.heads.extend_from_slice(heads);
        chunk.text.push_str(label);
        chunk.text.push_str(text);
        self.kept += label.len() + text.len() + heads.len();
        spot
    }

    /// Nobody wants an entry any more. Its room is given back with the next [`Spool::gathered`].
    pub(crate) fn forget(&mut self, spot: Spot) {
        let (label, row) = self.get(spot);
        let (heads, text) = row.parts();
        let size = label.len() + text.len() + heads.len();
        (self.kept, self.dead) = (self.kept.saturating_sub(size), self.dead + size);
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
            *spot = all.add(label, row);
        }
        all
    }

    /// The label and the row at a spot.
    #[inline]
    pub(crate) fn get(&self, spot: Spot) -> (&str, Row<'_>) {
        self.entry(spot).unwrap_or_default()
    }

    #[inline]
    fn entry(&self, spot: Spot) -> Option<(&str, Row<'_>)> {
        let chunk = self.chunks.get(spot.chunk as usize)?;
        let (start, mut heads) = chunk.heads.get(spot.start as usize..)?.split_first_chunk::<START>()?;
        let (label, text, size) = (take_length(&mut heads)?, take_length(&mut heads)?, take_length(&mut heads)?);
        let (label, rest) = chunk.text.get(u32::from_le_bytes(*start) as usize..)?.split_at_checked(label)?;
        Some((label, Row::packed(heads.get(..size)?, rest.get(..text)?)))
    }
}

impl Chunk {
    fn with_room(heads: usize, text: usize) -> Self {
        Self { heads: Vec::with_capacity(heads.max(CHUNK / 4)), text: String::with_capacity(text.max(CHUNK)) }
    }

    fn has_room(&self, heads: usize, text: usize) -> bool {
        self.heads.len() + heads <= self.heads.capacity() && self.text.len() + text <= self.text.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Cell, Columns, Page};

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
        let spots: Vec<Spot> = page.rows().zip(labels).map(|(row, label)| spool.add(label, row)).collect();
        for ((spot, row), label) in spots.iter().zip(page.rows()).zip(labels) {
            assert_eq!(spool.get(*spot), (label, row));
        }
        assert_eq!(spool.get(spots[3]).1.cells().collect::<Vec<_>>(), [Cell::Int(2), Cell::Text("two")]);
        assert_eq!(spool.get(Spot { chunk: 9, start: 0 }), ("", Row::default()));
    }

    #[test]
    fn what_nobody_wants_any_more_gives_its_room_back() {
        let mut page = Page::new(Columns::new(["a"]));
        page.row(|row| row.text(&"x".repeat(CHUNK / 4)));
        page.row(|row| row.text("kept"));
        let rows: Vec<_> = page.rows().collect();
        let mut spool = Spool::default();
        let mut kept = [spool.add("one", rows[1]), spool.add("two", rows[1])];
        for _ in 0..4 {
            assert!(!spool.is_wasteful());
            let spot = spool.add("", rows[0]);
            spool.forget(spot);
        }
        assert!(spool.is_wasteful());
        let gathered = spool.gathered(kept.iter_mut());
        assert_eq!(kept.map(|spot| gathered.get(spot)), [("one", rows[1]), ("two", rows[1])]);
        assert_eq!((gathered.chunks.len(), gathered.dead), (1, 0));
    }
}
