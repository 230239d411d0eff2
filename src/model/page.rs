//! Rows as connectors deliver them: a few wanted columns, packed into one buffer of text and one of what the cells are.
//!
//! A reader is told which columns are wanted and packs just those, so a million records cost two buffers and not a million maps. Text stays text: nobody
//! checks it again when a cell is looked at. A page is used again and again and says of each cell where its text stands; what is kept is denser (`packed`).
//! Must never: keep a column nobody asked for.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::Arc;

use super::packed::{Frame, PackedCells};
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
    cells: Vec<Place>,
    rows: usize,
}

/// What a cell of a page is, and where its text stands.
#[derive(Clone, Copy, Debug)]
enum Place {
    Missing,
    Null,
    Bool(bool),
    Int(i64),
    Text(usize, usize),
    Json(usize, usize),
    Unreadable(usize, usize),
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

/// JSON in up to three parts: what is its own, and what many have around it. Two are the same when their texts are, wherever they are divided.
#[derive(Clone, Copy, Debug)]
pub struct PackedJson<'a> {
    own: &'a str,
    frame: Option<&'a Frame>,
}

/// One row, of a page or of a spool. Two are the same when their cells are, however they are packed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Row<'a> {
    form: Form<'a>,
}

/// How a row is packed.
#[derive(Clone, Copy, Debug)]
enum Form<'a> {
    Page { cells: &'a [Place], text: &'a str },
    Packed(PackedCells<'a>),
}

/// Packs the cells of one row, in column order. Cells that are never written are `Missing`.
pub struct RowWriter<'a> {
    cells: &'a mut Vec<Place>,
    text: &'a mut String,
    left: usize,
}

impl Page {
    /// An empty page of these columns.
    pub fn new(columns: Arc<Columns>) -> Self {
        Self { columns, text: String::new(), cells: Vec::new(), rows: 0 }
    }

    /// What the cells are.
    pub fn columns(&self) -> &Arc<Columns> {
        &self.columns
    }

    /// How many rows.
    #[inline]
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The size in bytes: the texts, and one for each cell.
    pub fn size(&self) -> usize {
        self.text.len() + self.cells.len()
    }

    /// Adds a row; `write` packs its cells.
    pub fn row(&mut self, write: impl FnOnce(&mut RowWriter<'_>)) {
        let width = self.columns.paths.len();
        let mut writer = RowWriter { left: width, cells: &mut self.cells, text: &mut self.text };
        write(&mut writer);
        self.rows += 1;
        self.cells.resize(self.rows * width, Place::Missing);
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
        let width = self.columns.paths.len();
        (0..self.rows).map(move |row| {
            let cells = self.cells.get(row * width..(row + 1) * width).unwrap_or_default();
            Row { form: Form::Page { cells, text: &self.text } }
        })
    }

    /// Forgets the rows and keeps the buffer.
    pub fn clear(&mut self) {
        self.text.clear();
        self.cells.clear();
        self.rows = 0;
    }
}

impl RowWriter<'_> {
    /// The record does not have this column.
    #[inline]
    pub fn missing(&mut self) {
        self.put(Place::Missing);
    }

    /// The record says null.
    #[inline]
    pub fn null(&mut self) {
        self.put(Place::Null);
    }

    /// A truth value.
    pub fn bool(&mut self, value: bool) {
        self.put(Place::Bool(value));
    }

    /// A whole number.
    #[inline]
    pub fn int(&mut self, value: i64) {
        self.put(Place::Int(value));
    }

    /// Text.
    #[inline]
    pub fn text(&mut self, text: &str) {
        let (start, end) = self.add(text);
        self.put(Place::Text(start, end));
    }

    /// A list or a map as JSON text. The caller has made sure that it is JSON.
    #[inline]
    pub fn json(&mut self, json: &str) {
        let (start, end) = self.add(json);
        self.put(Place::Json(start, end));
    }

    /// No value, for this reason: whatever depends on it is unknown.
    pub fn unreadable(&mut self, words: &str) {
        let (start, end) = self.add(words);
        self.put(Place::Unreadable(start, end));
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
    fn add(&mut self, text: &str) -> (usize, usize) {
        let start = self.text.len();
        self.text.push_str(text);
        (start, self.text.len())
    }

    #[inline]
    fn put(&mut self, place: Place) {
        debug_assert!(self.left > 0, "more cells than columns");
        if let Some(left) = self.left.checked_sub(1) {
            self.left = left;
            self.cells.push(place);
        }
    }
}

impl Default for Form<'_> {
    fn default() -> Self {
        Self::Page { cells: &[], text: "" }
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
    /// A row of a spool.
    #[inline]
    pub(crate) fn packed(cells: PackedCells<'a>) -> Self {
        Self { form: Form::Packed(cells) }
    }

    /// Whether all its texts are plain ASCII. A no says nothing of a row of a spool.
    #[inline]
    pub(crate) fn is_ascii(&self) -> bool {
        let Form::Page { cells, text } = self.form else { return false };
        // They stand one behind the other.
        let (first, last) = (cells.iter().find_map(Place::text), cells.iter().rev().find_map(Place::text));
        first.zip(last).is_none_or(|((start, _), (_, end))| text.as_bytes().get(start..end).is_some_and(<[u8]>::is_ascii))
    }

    /// The cells in column order.
    #[inline]
    pub fn cells(&self) -> impl Iterator<Item = Cell<'a>> + use<'a> {
        let mut form = self.form;
        std::iter::from_fn(move || form.take_next())
    }

    /// The cells, in the place of what a buffer held: for loops over as many rows as there are people.
    #[inline]
    pub(crate) fn put_cells(&self, out: &mut Vec<Cell<'a>>) {
        out.clear();
        match self.form {
            Form::Page { cells, text } => out.extend(cells.iter().map(|place| place.cell(text))),
            Form::Packed(mut cells) => {
                out.reserve(cells.most());
                while let Some(cell) = cells.take_next() {
                    out.push(cell);
                }
            }
        }
    }

    /// The cell at a position; `Missing` past the end.
    #[inline]
    pub fn cell(&self, position: usize) -> Cell<'a> {
        let cell = match self.form {
            Form::Page { cells, text } => cells.get(position).map(|place| place.cell(text)),
            Form::Packed(mut cells) => (0..position).try_for_each(|_| cells.skip_next()).and_then(|()| cells.take_next()),
        };
        cell.unwrap_or(Cell::Missing)
    }
}

impl<'a> Form<'a> {
    /// The first of the cells, without which the others are left.
    #[inline]
    fn take_next(&mut self) -> Option<Cell<'a>> {
        match self {
            Self::Page { cells, text } => {
                let (first, rest) = cells.split_first()?;
                *cells = rest;
                Some(first.cell(text))
            }
            Self::Packed(cells) => cells.take_next(),
        }
    }
}

impl Place {
    #[inline]
    fn text(&self) -> Option<(usize, usize)> {
        match *self {
            Self::Text(start, end) | Self::Json(start, end) | Self::Unreadable(start, end) => Some((start, end)),
            Self::Missing | Self::Null | Self::Bool(_) | Self::Int(_) => None,
        }
    }

    #[inline]
    fn cell<'a>(&self, text: &'a str) -> Cell<'a> {
        let part = |start: usize, end: usize| text.get(start..end).unwrap_or_default();
        match *self {
            Self::Missing => Cell::Missing,
            Self::Null => Cell::Null,
            Self::Bool(value) => Cell::Bool(value),
            Self::Int(value) => Cell::Int(value),
            Self::Text(start, end) => Cell::Text(part(start, end)),
            Self::Json(start, end) => Cell::json(part(start, end)),
            Self::Unreadable(start, end) => Cell::Unreadable(part(start, end)),
        }
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
        Self { own: text, frame: None }
    }

    /// What is its own in a frame that others have too.
    #[inline]
    pub(super) const fn within(frame: &'a Frame, own: &'a str) -> Self {
        Self { own, frame: Some(frame) }
    }

    /// The text.
    #[inline]
    pub fn text(self) -> Cow<'a, str> {
        match self.frame {
            None => Cow::Borrowed(self.own),
            Some(Frame { before, behind }) => Cow::Owned([before, self.own, behind].concat()),
        }
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
        let (before, behind) = self.frame.map_or(("", ""), |frame| (&frame.before, &frame.behind));
        [before, self.own, behind].into_iter()
    }

    /// What it ends with.
    #[inline]
    pub(crate) fn last(self) -> Option<u8> {
        self.parts().filter_map(|part| part.bytes().next_back()).last()
    }

    #[inline]
    pub(crate) fn len(self) -> usize {
        self.parts().map(str::len).sum()
    }

    fn bytes(self) -> impl Iterator<Item = u8> {
        self.parts().flat_map(str::bytes)
    }
}

impl PartialEq for PackedJson<'_> {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        match self.frame == other.frame {
            true => self.own == other.own,
            false => self.len() == other.len() && self.bytes().eq(other.bytes()),
        }
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
