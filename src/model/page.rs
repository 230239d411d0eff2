//! Rows as connectors deliver them: a few wanted columns, packed into one buffer of text and one of what the cells are.
//!
//! A reader is told which columns are wanted and packs just those, so a million records cost two buffers and not a million maps. Text stays text: nobody
//! checks it again when a cell is looked at.
//! Must never: keep a column nobody asked for.

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
    heads: Vec<u8>,
    /// where the heads and the text of each row begin
    starts: Vec<(usize, usize)>,
}

/// One cell of a row, borrowed from its page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    Json(&'a str),
    /// something stands there that is no value (a spreadsheet's error, a letter that was lost), and why; never the data
    Unreadable(&'a str),
}

/// One packed row: a head for each cell (what it is, how long its text is), and the texts one behind the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row<'a> {
    heads: &'a [u8],
    text: &'a str,
}

/// Packs the cells of one row, in column order. Cells that are never written are `Missing`.
pub struct RowWriter<'a> {
    heads: &'a mut Vec<u8>,
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

impl Page {
    /// An empty page of these columns.
    pub fn new(columns: Arc<Columns>) -> Self {
        Self { columns, text: String::new(), heads: Vec::new(), starts: Vec::new() }
    }

    /// What the cells are.
    pub fn columns(&self) -> &Arc<Columns> {
        &self.columns
    }

    /// How many rows.
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
    pub fn missing(&mut self) {
        self.tag(MISSING);
    }

    /// The record says null.
    pub fn null(&mut self) {
        self.tag(NULL);
    }

    /// A truth value.
    pub fn bool(&mut self, value: bool) {
        self.tag(if value { TRUE } else { FALSE });
    }

    /// A whole number.
    pub fn int(&mut self, value: i64) {
        self.tag(INT);
        self.heads.extend_from_slice(&value.to_le_bytes());
    }

    /// Text.
    pub fn text(&mut self, text: &str) {
        self.tag(TEXT);
        self.sized(text);
    }

    /// A list or a map as JSON text. The caller has made sure that it is JSON.
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
    pub fn cell(&mut self, cell: Cell<'_>) {
        match cell {
            Cell::Missing => self.missing(),
            Cell::Null => self.null(),
            Cell::Bool(value) => self.bool(value),
            Cell::Int(value) => self.int(value),
            Cell::Text(text) => self.text(text),
            Cell::Json(json) => self.json(json),
            Cell::Unreadable(words) => self.unreadable(words),
        }
    }

    #[inline]
    fn tag(&mut self, tag: u8) {
        debug_assert!(self.left > 0, "more cells than columns");
        self.left = self.left.saturating_sub(1);
        self.heads.push(tag);
    }

    #[inline]
    fn sized(&mut self, text: &str) {
        put_length(self.heads, text.len());
        self.text.push_str(text);
    }

    fn finish(&mut self) {
        self.heads.extend(std::iter::repeat_n(MISSING, self.left));
    }
}

impl<'a> Row<'a> {
    /// A row packed earlier by [`Page`], from a spool.
    pub(crate) fn packed(heads: &'a [u8], text: &'a str) -> Self {
        Self { heads, text }
    }

    /// The heads and the text, to keep in a spool.
    pub(crate) fn parts(self) -> (&'a [u8], &'a str) {
        (self.heads, self.text)
    }

    /// The cells in column order.
    #[inline]
    pub fn cells(&self) -> impl Iterator<Item = Cell<'a>> + use<'a> {
        let Self { mut heads, mut text } = *self;
        std::iter::from_fn(move || take_cell(&mut heads, &mut text))
    }

    /// The cell at a position; `Missing` past the end.
    #[inline]
    pub fn cell(&self, position: usize) -> Cell<'a> {
        self.cells().nth(position).unwrap_or(Cell::Missing)
    }
}

impl<'a> Cell<'a> {
    /// The value, if there is one.
    pub fn to_value(self) -> Option<Value> {
        match self {
            Self::Missing | Self::Null | Self::Unreadable(_) => None,
            Self::Bool(value) => Some(Value::Bool(value)),
            Self::Int(value) => Some(Value::Int(value)),
            Self::Text(text) => Some(Value::text(text)),
            Self::Json(json) => serde_json::from_str(json).ok(),
        }
    }

    /// The text of a text cell.
    pub fn as_text(self) -> Option<&'a str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

#[inline]
fn take_cell<'a>(heads: &mut &[u8], text: &mut &'a str) -> Option<Cell<'a>> {
    let (&tag, after) = heads.split_first()?;
    *heads = after;
    Some(match tag {
        NULL => Cell::Null,
        FALSE => Cell::Bool(false),
        TRUE => Cell::Bool(true),
        INT => {
            let (number, after) = heads.split_first_chunk::<8>()?;
            *heads = after;
            Cell::Int(i64::from_le_bytes(*number))
        }
        TEXT => Cell::Text(take_sized(heads, text)?),
        JSON => Cell::Json(take_sized(heads, text)?),
        UNREADABLE => Cell::Unreadable(take_sized(heads, text)?),
        _ => Cell::Missing,
    })
}

#[inline]
fn take_sized<'a>(heads: &mut &[u8], text: &mut &'a str) -> Option<&'a str> {
    let (taken, after) = text.split_at_checked(take_length(heads)?)?;
    *text = after;
    Some(taken)
}

/// Writes a length, a small one in one byte.
#[inline]
pub(crate) fn put_length(out: &mut Vec<u8>, mut length: usize) {
    while length >= 0x80 {
        out.push((length as u8 & 0x7f) | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
}

/// Reads a length that [`put_length`] wrote.
#[inline]
pub(crate) fn take_length(rest: &mut &[u8]) -> Option<usize> {
    let (mut length, mut shift) = (0usize, 0);
    loop {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        length |= usize::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(length);
        }
        shift += 7;
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
        assert_eq!(cells, [Cell::Text(&long), Cell::Null, Cell::Int(-7), Cell::Bool(true), Cell::Json("[1,2]"), Cell::Missing]);
        assert_eq!(rows[0].cell(4).to_value(), Some(Value::List([Value::Int(1), Value::Int(2)].into())));
        assert_eq!(rows[0].cell(9), Cell::Missing);
    }
}
