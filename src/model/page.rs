//! Rows as connectors deliver them: a few wanted columns, packed into one buffer of text and one of what the cells are.
//!
//! A reader is told which columns are wanted and packs just those, so a million records cost two buffers and not a million maps. Text stays text: nobody
//! checks it again when a cell is looked at. What the cells are is ASCII, so that a spool can keep both in one buffer of text.
//! Must never: keep a column nobody asked for.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::Arc;

use super::value::Value;

/// The columns that are wanted of one stream of rows, by path (`employee_id`, `name.givenName`), in the order the cells are packed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    paths: Box<[Arc<str>]>,
}

impl Columns {
    /// Columns with these paths.
    pub fn new<P: AsRef<str>>(paths: impl IntoIterator<Item = P>) -> Arc<Self> {
        Arc::new(Self { paths: paths.into_iter().map(|path| Arc::from(path.as_ref())).collect() })
    }

    /// The paths, in order.
    pub fn paths(&self) -> &[Arc<str>] {
        &self.paths
    }

    /// The position of a path.
    pub fn position(&self, path: &str) -> Option<usize> {
        self.paths.iter().position(|known| known.as_ref() == path)
    }
}

/// Some rows of one stream. Cells are packed in column order; see [`RowWriter`] and [`Row`].
#[derive(Clone, Debug)]
pub struct Page {
    columns: Arc<Columns>,
    text: String,
    heads: String,
    /// where the heads and the text of each row begin
    starts: Vec<(usize, usize)>,
}

/// One cell of a row, borrowed from its page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cell<'a> {
    /// the record does not have it
    Missing,
    /// the record says null: clear it
    Null,
    /// true or false
    Bool(bool),
    /// a whole number
    Int(i64),
    /// text
    Text(&'a str),
    /// a list or a map, as JSON
    Json(PackedJson<'a>),
    /// something stands there that is no value (a spreadsheet's error, a letter that was lost), and why; never the data
    Unreadable(&'a str),
}

/// JSON in up to three parts: what many have around it, and what is its own. Two are the same when their texts are, wherever they are divided.
#[derive(Clone, Copy, Debug)]
pub struct PackedJson<'a> {
    before: &'a str,
    own: &'a str,
    behind: &'a str,
}

/// One packed row: a head for each cell (what it is, how long its text is), the texts one behind the other, and words that many rows share. Two rows are the
/// same when their cells are, however they are packed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Row<'a> {
    heads: &'a str,
    text: &'a str,
    words: &'a [Box<str>],
}

/// Packs the cells of one row, in column order. Cells that are never written are `Missing`.
pub struct RowWriter<'a> {
    heads: &'a mut String,
    text: &'a mut String,
    left: usize,
}

const MISSING: u8 = 0;
const NULL: u8 = 1;
const FALSE: u8 = 2;
const TRUE: u8 = 3;
const INT: u8 = 4;
const TEXT: u8 = 5;
const JSON: u8 = 6;
const UNREADABLE: u8 = 7;
/// A text that stands in the row already: where, and how long it is.
const AGAIN: u8 = 8;
/// A text that is one of the shared words: which.
const WORD: u8 = 9;
/// JSON around a text, between two of the shared words: which, and the head of the text.
const AROUND: u8 = 10;
/// A text so short that its head says how long it is: none, one byte, two …
const SHORT: u8 = 11;
const LONGEST_SHORT: usize = 0x7f - SHORT as usize;

impl Page {
    /// An empty page of these columns.
    pub fn new(columns: Arc<Columns>) -> Self {
        Self { columns, text: String::new(), heads: String::new(), starts: Vec::new() }
    }

    /// What the cells are.
    pub fn columns(&self) -> &Arc<Columns> {
        &self.columns
    }

    /// How many rows.
    #[inline]
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// The packed size in bytes.
    pub fn size(&self) -> usize {
        self.text.len() + self.heads.len()
    }

    /// Adds a row; `write` packs its cells.
    pub fn row(&mut self, write: impl FnOnce(&mut RowWriter<'_>)) {
        self.starts.push((self.heads.len(), self.text.len()));
        let mut writer = RowWriter { left: self.columns.paths.len(), heads: &mut self.heads, text: &mut self.text };
        write(&mut writer);
        writer.finish();
    }

    /// Adds a row of values; `None` is missing.
    pub fn row_of(&mut self, values: &[Option<Value>]) {
        self.row(|row| {
            for value in values {
                match value {
                    Some(value) => row.value(value),
                    None => row.missing(),
                }
            }
        });
    }

    /// The rows.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        let ends = self.starts.iter().skip(1).copied().chain([(self.heads.len(), self.text.len())]);
        self.starts.iter().zip(ends).map(|((head, text), (heads_end, text_end))| Row {
            heads: self.heads.get(*head..heads_end).unwrap_or_default(),
            text: self.text.get(*text..text_end).unwrap_or_default(),
            words: &[],
        })
    }

    /// Forgets the rows and keeps the buffer.
    pub fn clear(&mut self) {
        self.text.clear();
        self.heads.clear();
        self.starts.clear();
    }
}

impl RowWriter<'_> {
    /// The record does not have this column.
    #[inline]
    pub fn missing(&mut self) {
        self.tag(MISSING);
    }

    /// The record says null.
    #[inline]
    pub fn null(&mut self) {
        self.tag(NULL);
    }

    /// A truth value.
    pub fn bool(&mut self, value: bool) {
        self.tag(if value { TRUE } else { FALSE });
    }

    /// A whole number.
    #[inline]
    pub fn int(&mut self, value: i64) {
        self.tag(INT);
        // The sign last: whatever is near nothing is short.
        put_number(self.heads, ((value << 1) ^ (value >> 63)) as u64);
    }

    /// Text.
    #[inline]
    pub fn text(&mut self, text: &str) {
        self.next();
        self.plain(text);
    }

    #[inline]
    fn plain(&mut self, text: &str) {
        if text.len() <= LONGEST_SHORT {
            self.head(SHORT + text.len() as u8);
            self.text.push_str(text);
        } else {
            self.head(TEXT);
            self.sized(text);
        }
    }

    /// Text that stands in the row already, so many bytes from its start.
    #[inline]
    pub(crate) fn again(&mut self, from: usize, length: usize) {
        self.tag(AGAIN);
        put_number(self.heads, from as u64);
        put_number(self.heads, length as u64);
    }

    /// Text that is one of the words that the rows share.
    #[inline]
    pub(crate) fn word(&mut self, number: usize) {
        self.tag(WORD);
        put_number(self.heads, number as u64);
    }

    /// JSON that is a text of its own between two of the shared words.
    #[inline]
    pub(crate) fn json_around(&mut self, before: usize, own: &str, behind: usize) {
        self.tag(AROUND);
        put_number(self.heads, before as u64);
        put_number(self.heads, behind as u64);
        self.plain(own);
    }

    /// A list or a map as JSON text. The caller has made sure that it is JSON.
    #[inline]
    pub fn json(&mut self, json: &str) {
        self.tag(JSON);
        self.sized(json);
    }

    /// No value, for this reason: whatever depends on it is unknown.
    pub fn unreadable(&mut self, words: &str) {
        self.tag(UNREADABLE);
        self.sized(words);
    }

    /// Any value.
    pub fn value(&mut self, value: &Value) {
        match value {
            Value::Bool(value) => self.bool(*value),
            Value::Int(value) => self.int(*value),
            Value::Text(text) | Value::Reference(text) => self.text(text),
            Value::List(_) | Value::Map(_) => self.json(&value.to_json().to_string()),
        }
    }

    /// Copies a cell of another row.
    #[inline]
    pub fn cell(&mut self, cell: Cell<'_>) {
        match cell {
            Cell::Missing => self.missing(),
            Cell::Null => self.null(),
            Cell::Bool(value) => self.bool(value),
            Cell::Int(value) => self.int(value),
            Cell::Text(text) => self.text(text),
            Cell::Json(json) => self.json(&json.text()),
            Cell::Unreadable(words) => self.unreadable(words),
        }
    }

    #[inline]
    fn tag(&mut self, tag: u8) {
        self.next();
        self.head(tag);
    }

    #[inline]
    fn next(&mut self) {
        debug_assert!(self.left > 0, "more cells than columns");
        self.left = self.left.saturating_sub(1);
    }

    #[inline]
    fn head(&mut self, tag: u8) {
        self.heads.push(char::from(tag));
    }

    #[inline]
    fn sized(&mut self, text: &str) {
        put_number(self.heads, text.len() as u64);
        self.text.push_str(text);
    }

    fn finish(&mut self) {
        self.heads.extend(std::iter::repeat_n(char::from(MISSING), self.left));
    }
}

impl<'a> RowWriter<'a> {
    /// For so many cells, into buffers of the caller's.
    #[inline]
    pub(crate) fn over(heads: &'a mut String, text: &'a mut String, cells: usize) -> Self {
        Self { heads, text, left: cells }
    }

    /// The buffer of texts as it is so far.
    #[inline]
    pub(crate) fn texts(&self) -> &str {
        self.text
    }
}

impl PartialEq for Row<'_> {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.cells().eq(other.cells())
    }
}

impl Eq for Row<'_> {}

impl PartialOrd for Row<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Row<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.cells().cmp(other.cells())
    }
}

impl<'a> Row<'a> {
    /// A row packed earlier by a [`RowWriter`], from a spool.
    #[inline]
    pub(crate) fn packed(heads: &'a str, text: &'a str, words: &'a [Box<str>]) -> Self {
        Self { heads, text, words }
    }

    /// Whether all its texts are plain ASCII. A no says nothing where it shares words with others.
    #[inline]
    pub(crate) fn is_ascii(&self) -> bool {
        self.words.is_empty() && self.text.is_ascii()
    }

    /// The cells in column order.
    #[inline]
    pub fn cells(&self) -> impl Iterator<Item = Cell<'a>> + use<'a> {
        let Self { heads, text, words } = *self;
        let (mut heads, mut at) = (heads.as_bytes(), 0);
        std::iter::from_fn(move || take_cell(&mut heads, text, &mut at, words))
    }

    /// The cell at a position; `Missing` past the end.
    #[inline]
    pub fn cell(&self, position: usize) -> Cell<'a> {
        self.cells().nth(position).unwrap_or(Cell::Missing)
    }
}

impl<'a> Cell<'a> {
    /// JSON as it stands.
    #[inline]
    pub const fn json(text: &'a str) -> Self {
        Self::Json(PackedJson::of(text))
    }

    /// The value, if there is one.
    pub fn to_value(self) -> Option<Value> {
        match self {
            Self::Missing | Self::Null | Self::Unreadable(_) => None,
            Self::Bool(value) => Some(Value::Bool(value)),
            Self::Int(value) => Some(Value::Int(value)),
            Self::Text(text) => Some(Value::text(text)),
            Self::Json(json) => serde_json::from_str(&json.text()).ok(),
        }
    }

    /// The text of a text cell.
    #[inline]
    pub fn as_text(self) -> Option<&'a str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl<'a> PackedJson<'a> {
    /// All of it its own.
    #[inline]
    pub const fn of(text: &'a str) -> Self {
        Self { before: "", own: text, behind: "" }
    }

    /// The text.
    #[inline]
    pub fn text(self) -> Cow<'a, str> {
        let Self { before, own, behind } = self;
        if before.is_empty() && behind.is_empty() { Cow::Borrowed(own) } else { Cow::Owned([before, own, behind].concat()) }
    }

    /// Whether it is just this text.
    #[inline]
    pub(crate) fn is(self, text: &str) -> bool {
        self == PackedJson::of(text)
    }

    /// What it begins with.
    #[inline]
    pub(crate) fn first(self) -> Option<u8> {
        self.parts().find_map(|part| part.bytes().next())
    }

    /// Its parts, of which some may be empty.
    #[inline]
    pub(crate) fn parts(self) -> impl Iterator<Item = &'a str> {
        [self.before, self.own, self.behind].into_iter()
    }

    #[inline]
    fn len(self) -> usize {
        self.parts().map(str::len).sum()
    }

    fn bytes(self) -> impl Iterator<Item = u8> {
        self.parts().flat_map(str::bytes)
    }
}

impl PartialEq for PackedJson<'_> {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        let alike = (self.before, self.behind) == (other.before, other.behind);
        if alike { self.own == other.own } else { self.len() == other.len() && self.bytes().eq(other.bytes()) }
    }
}

impl Eq for PackedJson<'_> {}

impl PartialOrd for PackedJson<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for PackedJson<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.bytes().cmp(other.bytes())
    }
}

#[inline]
fn take_cell<'a>(heads: &mut &[u8], text: &'a str, at: &mut usize, words: &'a [Box<str>]) -> Option<Cell<'a>> {
    let (&tag, after) = heads.split_first()?;
    *heads = after;
    Some(match tag {
        SHORT.. => Cell::Text(take_text(text, at, usize::from(tag - SHORT))?),
        NULL => Cell::Null,
        FALSE => Cell::Bool(false),
        TRUE => Cell::Bool(true),
        INT => {
            let number = take_number(heads)?;
            Cell::Int((number >> 1) as i64 ^ -((number & 1) as i64))
        }
        TEXT => Cell::Text(take_text(text, at, take_length(heads)?)?),
        JSON => Cell::json(take_text(text, at, take_length(heads)?)?),
        UNREADABLE => Cell::Unreadable(take_text(text, at, take_length(heads)?)?),
        AGAIN => {
            let mut from = take_length(heads)?;
            Cell::Text(take_text(text, &mut from, take_length(heads)?)?)
        }
        WORD => Cell::Text(words.get(take_length(heads)?)?),
        AROUND => {
            let (before, behind) = (words.get(take_length(heads)?)?, words.get(take_length(heads)?)?);
            let (&tag, after) = heads.split_first()?;
            *heads = after;
            let length = if tag >= SHORT { usize::from(tag - SHORT) } else { take_length(heads)? };
            Cell::Json(PackedJson { before, own: take_text(text, at, length)?, behind })
        }
        _ => Cell::Missing,
    })
}

#[inline]
fn take_text<'a>(text: &'a str, at: &mut usize, length: usize) -> Option<&'a str> {
    let end = at.checked_add(length)?;
    let taken = text.get(*at..end)?;
    *at = end;
    Some(taken)
}

/// The last six bits of a number go with this where more of them follow.
const MORE: u8 = 0x40;

/// Writes a number as ASCII, a small one in one byte.
#[inline]
pub(crate) fn put_number(out: &mut String, mut number: u64) {
    while number >= u64::from(MORE) {
        out.push(char::from(number as u8 & (MORE - 1) | MORE));
        number >>= 6;
    }
    out.push(char::from(number as u8));
}

/// Reads a number that [`put_number`] wrote.
#[inline]
fn take_number(rest: &mut &[u8]) -> Option<u64> {
    let (mut number, mut shift) = (0u64, 0);
    loop {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        number |= u64::from(byte & (MORE - 1)).checked_shl(shift)?;
        if byte & MORE == 0 {
            return Some(number);
        }
        shift += 6;
    }
}

/// Reads a length that [`put_number`] wrote.
#[inline]
pub(crate) fn take_length(rest: &mut &[u8]) -> Option<usize> {
    usize::try_from(take_number(rest)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_gives_back_its_cells() {
        let long = "ü".repeat(300);
        let mut page = Page::new(Columns::new(["a", "b", "c", "d", "e", "f"]));
        page.row(|row| {
            row.text(&long);
            row.null();
            row.int(-7);
            row.bool(true);
            row.json("[1,2]");
        });
        let rows: Vec<_> = page.rows().collect();
        let cells: Vec<_> = rows[0].cells().collect();
        assert_eq!(cells, [Cell::Text(&long), Cell::Null, Cell::Int(-7), Cell::Bool(true), Cell::json("[1,2]"), Cell::Missing]);
        assert_eq!(rows[0].cell(4).to_value(), Some(Value::List([Value::Int(1), Value::Int(2)].into())));
        assert_eq!(rows[0].cell(9), Cell::Missing);
    }
}
