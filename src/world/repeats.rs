//! What rows of one stream have in common, so that a spool keeps it once: words that many rows have (departments, titles), what stands around the texts in a list
//! (`[{"value":"…","primary":true}]`), and texts that stand in their own row already (a name in an address).
//!
//! All of it is learnt from the rows as they come, and nothing is searched for twice: a text is compared with what is expected there. Must never: be needed to read a
//! row right, search in every row, or grow with their number.

use std::sync::Arc;

use crate::model::{Cell, Frame, PackedJson, Packing, RowWords};

/// What was learnt of the columns of a stream.
#[derive(Clone, Debug, Default)]
pub(super) struct Repeats {
    columns: Arc<Vec<Column>>,
    words: Arc<RowWords>,
    /// where the text of each cell of the row at hand stands
    places: Vec<(usize, usize)>,
}

#[derive(Clone, Debug, Default)]
struct Column {
    words: Words,
    around: Around,
    place: Option<Place>,
    tries: Tries,
}

/// Shorter texts are as short as what says where they stand.
const SHORTEST: usize = 5;

impl Repeats {
    /// What rows share.
    #[inline]
    pub(super) fn words(&self) -> &RowWords {
        &self.words
    }

    /// Writes a row, whose texts begin there in the buffer.
    pub(super) fn write(&mut self, cells: &[Cell<'_>], mut row: Packing<'_>, start: usize) {
        let columns = Arc::make_mut(&mut self.columns);
        if columns.len() < cells.len() {
            columns.resize_with(cells.len(), Column::default);
        }
        self.places.clear();
        for (column, cell) in columns.iter_mut().zip(cells) {
            let before = row.texts().len();
            match cell {
                Cell::Text(text) if text.len() >= SHORTEST => {
                    if let Some(word) = column.words.number(text, &mut self.words) {
                        row.word(word);
                    } else if let Some(from) = column.again(text, row.texts().get(start..).unwrap_or_default(), &self.places) {
                        row.again(from, text.len());
                    } else {
                        row.text(text);
                    }
                }
                Cell::Json(json) => column.around.write(*json, &mut self.words, &mut row),
                cell => row.cell(*cell),
            }
            self.places.push((before - start, row.texts().len() - start));
        }
    }
}

impl Column {
    /// Where a text stands in the row already.
    #[inline]
    fn again(&mut self, text: &str, texts: &str, places: &[(usize, usize)]) -> Option<usize> {
        let expected = self.place.and_then(|place| place.of(text.len(), places));
        if let Some(from) = expected.filter(|from| texts.get(*from..*from + text.len()) == Some(text)) {
            return Some(from);
        }
        if !self.tries.is_due() {
            return None;
        }
        let from = memchr::memmem::find(texts.as_bytes(), text.as_bytes())?;
        self.place = Place::at(from, text.len(), places).or(self.place);
        Some(from)
    }
}

/// When it is worth to look for something else than what was expected: each time at first, then now and then.
#[derive(Clone, Debug, Default)]
struct Tries(u32);

impl Tries {
    const EAGER: u32 = 8;
    const SELDOM: u32 = 64;

    #[inline]
    fn is_due(&mut self) -> bool {
        self.0 = self.0.wrapping_add(1);
        self.0 <= Self::EAGER || self.0.is_multiple_of(Self::SELDOM)
    }
}

/// A place in the text of an earlier cell of the row.
#[derive(Clone, Copy, Debug)]
struct Place {
    column: usize,
    /// bytes before it, or else behind it
    before: Option<usize>,
    behind: usize,
}

impl Place {
    /// Of a text that stands there; nothing where it stands in no cell.
    fn at(from: usize, length: usize, places: &[(usize, usize)]) -> Option<Self> {
        let ends = from + length;
        let column = places.iter().position(|(starts, end)| *starts <= from && ends <= *end)?;
        let (starts, end) = *places.get(column)?;
        let before = from - starts;
        Some(Self { column, before: (before == 0 || ends < end).then_some(before), behind: end - ends })
    }

    /// Where a text of this length would stand.
    #[inline]
    fn of(self, length: usize, places: &[(usize, usize)]) -> Option<usize> {
        let (starts, end) = *places.get(self.column)?;
        match self.before {
            Some(before) => Some(starts + before),
            None => end.checked_sub(self.behind + length),
        }
    }
}

/// Texts of one column that came several times, in a table of one place for each.
#[derive(Clone, Debug, Default)]
struct Words {
    table: Vec<Known>,
    hits: u32,
    misses: u32,
}

/// What was seen last at a place of the table: a text once, by its hash, or a word.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    hash: u32,
    /// one more than the number of the word
    word: u32,
}

impl Words {
    const PLACES: usize = 1024;
    const LONGEST: usize = 64;
    /// So many texts that are no words say that the column has none, unless as many were.
    const GIVEN_UP: u32 = 2048;

    /// The number of a text that is a word, or becomes one now.
    #[inline]
    fn number(&mut self, text: &str, all: &mut Arc<RowWords>) -> Option<usize> {
        if text.len() > Self::LONGEST || self.is_given_up() {
            return None;
        }
        let hash = hash(text.as_bytes());
        let known = self.table.get_mut(hash as usize % Self::PLACES)?;
        if let Some(number) = known.word.checked_sub(1) {
            if known.hash == hash && all.words.get(number as usize).is_some_and(|word| **word == *text) {
                self.hits = self.hits.saturating_add(1);
                return Some(number as usize);
            }
        } else if known.hash == hash {
            known.word = u32::try_from(all.words.len()).ok()?.checked_add(1)?;
            Arc::make_mut(all).words.push(text.into());
            return Some(all.words.len() - 1);
        } else {
            known.hash = hash;
        }
        self.misses = self.misses.saturating_add(1);
        None
    }

    /// Whether the column has no words, as far as can be seen. The table is there where it has.
    #[inline]
    fn is_given_up(&mut self) -> bool {
        let up = self.misses > Self::GIVEN_UP.max(self.hits);
        let places = if up { 0 } else { Self::PLACES };
        if self.table.len() != places {
            self.table = vec![Known::default(); places];
        }
        up
    }
}

/// Good enough to find a place: what stands there is compared.
#[inline]
fn hash(bytes: &[u8]) -> u32 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let add = |sum: u64, part: u64| (sum ^ part).wrapping_mul(ODD).rotate_left(29);
    let (eights, _) = bytes.as_chunks::<8>();
    let sum = eights.iter().fold(bytes.len() as u64, |sum, eight| add(sum, u64::from_le_bytes(*eight)));
    // The rest, with some of what was there already.
    let rest = match (bytes.last_chunk::<8>(), bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        (Some(eight), ..) => u64::from_le_bytes(*eight),
        (None, Some(first), Some(last)) => (u64::from(u32::from_le_bytes(*first)) << 32) | u64::from(u32::from_le_bytes(*last)),
        _ => bytes.iter().fold(0, |rest, byte| (rest << 8) | u64::from(*byte)),
    };
    (add(sum, rest).wrapping_mul(ODD) >> 32) as u32
}

/// What stands around the one text that differs in the lists or maps of a column.
#[derive(Clone, Debug, Default)]
struct Around {
    /// which of the frames
    known: Option<usize>,
    /// a text that it did not fit
    last: String,
    /// falls where it does not fit, and where it is below nothing, another one is looked for
    worth: i32,
    tries: Tries,
    learnt: u32,
}

impl Around {
    const MOST: u32 = 32;
    const NEW: i32 = 8;
    const PROVEN: i32 = 64;
    const MISS: i32 = 4;

    fn write(&mut self, json: PackedJson<'_>, all: &mut Arc<RowWords>, row: &mut Packing<'_>) {
        let json = json.text();
        if let Some((frame, own)) = self.divided(&json, all) {
            self.worth = Self::PROVEN.min(self.worth + 1);
            return row.json_around(frame, own);
        }
        row.json(&json);
        self.worth -= Self::MISS;
        if self.worth < 0 && self.learnt < Self::MOST && self.tries.is_due() {
            self.learn(&json, all);
        }
    }

    #[inline]
    fn divided<'j>(&self, json: &'j str, all: &RowWords) -> Option<(usize, &'j str)> {
        let known = self.known?;
        let Frame { before, behind } = all.frames.get(known)?;
        Some((known, json.strip_prefix(before.as_ref())?.strip_suffix(behind.as_ref())?))
    }

    /// What a text has in common with what was known so far, or else with another text.
    fn learn(&mut self, json: &str, all: &mut Arc<RowWords>) {
        let known = self.known.and_then(|known| all.frames.get(known));
        let (before, behind) = known.map_or((self.last.as_str(), self.last.as_str()), |frame| (&frame.before, &frame.behind));
        let frame = common(json, before, behind).map(|(before, behind)| Frame { before: before.into(), behind: behind.into() });
        self.known = frame.map(|frame| {
            all.frames.iter().position(|known| *known == frame).unwrap_or_else(|| {
                Arc::make_mut(all).frames.push(frame);
                all.frames.len() - 1
            })
        });
        self.learnt += u32::from(self.known.is_some());
        self.worth = if self.known.is_some() { Self::NEW } else { 0 };
        self.last.clear();
        self.last.push_str(json);
    }
}

/// What a text has in common with the start of one from its start up to a quote, and with the end of another from a quote to its end.
fn common<'j>(json: &'j str, before: &str, behind: &str) -> Option<(&'j str, &'j str)> {
    let alike = |one: &mut dyn Iterator<Item = u8>, other: &mut dyn Iterator<Item = u8>| one.zip(other).take_while(|(a, b)| a == b).count();
    let start = alike(&mut json.bytes(), &mut before.bytes());
    let start = memchr::memrchr(b'"', json.as_bytes().get(..start)?)? + 1;
    let end = alike(&mut json.bytes().rev(), &mut behind.bytes().rev()).min(json.len() - start);
    let end = json.len() - end;
    let end = end + memchr::memchr(b'"', json.as_bytes().get(end..)?)?;
    Some((json.get(..start)?, json.get(end..)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::spool::Spool;

    #[test]
    fn what_many_rows_have_is_kept_once() {
        let mut spool = Spool::default();
        let row = |at: usize| [format!("Person {at}"), ["Engineering", "Sales & Support"][at % 2].to_owned()];
        let json = |at: usize| match at % 50 {
            7 => r#"[{"value":"a \"quoted\" ü"},{"value":"b"}]"#.to_owned(),
            9 => "[]".to_owned(),
            _ => format!(r#"[{{"value":"p{at}@acme.example","type":"work"}}]"#),
        };
        let spots: Vec<_> = (0..500)
            .map(|at| {
                let ([name, department], json) = (row(at), json(at));
                spool.add("", &[Cell::json(&json), Cell::Text(&name), Cell::Text(&department), Cell::Text(&name)])
            })
            .collect();
        for (at, spot) in spots.into_iter().enumerate() {
            let ([name, department], json) = (row(at), json(at));
            let kept = spool.get(spot).1;
            let cells: Vec<_> = kept.cells().collect();
            assert!(cells.iter().enumerate().all(|(at, cell)| kept.cell(at) == *cell));
            assert_eq!(cells, [Cell::json(&json), Cell::Text(&name), Cell::Text(&department), Cell::Text(&name)]);
            let found = |cell: &Cell<'_>| match cell {
                Cell::Json(json) => json.text().into_owned(),
                _ => String::new(),
            };
            assert_eq!(cells.first().map(found), Some(json));
        }
        assert!(spool.bytes() < 500 * 45, "{}", spool.bytes());
    }

    #[test]
    fn words_are_bounded_and_a_column_without_any_is_given_up() {
        let (mut words, mut all) = (Words::default(), Arc::new(RowWords::default()));
        for _ in 0..2 {
            for at in 0..100_000 {
                words.number(&format!("text number {at}"), &mut all);
            }
        }
        assert!(all.words.len() <= Words::PLACES && words.table.is_empty(), "{}", all.words.len());
        let (mut words, mut all) = (Words::default(), Arc::new(RowWords::default()));
        let numbers: Vec<_> = (0..10_000).map(|at| words.number(["department", "another"][at % 2], &mut all)).collect();
        assert_eq!((numbers.first(), numbers.last(), all.words.len()), (Some(&None), Some(&Some(1)), 2));
    }
}
