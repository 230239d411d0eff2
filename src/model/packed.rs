//! Rows as they are kept: a head for each cell (what it is, how long its text is), the texts one behind the other, and what many rows share, once.
//!
//! The heads are ASCII, so that a spool can keep both in one buffer of text, in which nothing is checked again.
//! Must never: be read as another cell than was written.

use super::page::{Cell, PackedJson};

/// What the rows of one spool share.
#[derive(Clone, Debug, Default)]
pub(crate) struct RowWords {
    pub(crate) words: Vec<Box<str>>,
    pub(crate) frames: Vec<Frame>,
}

/// What many texts of JSON have around what is their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) before: Box<str>,
    pub(crate) behind: Box<str>,
}

/// The cells of a row that are still to be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PackedCells<'a> {
    heads: &'a [u8],
    text: &'a str,
    /// where the text of the next cell begins
    at: usize,
    words: &'a RowWords,
}

/// Packs the cells of one row, in column order, into buffers of the caller's.
pub(crate) struct Packing<'a> {
    heads: &'a mut String,
    text: &'a mut String,
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
/// JSON around a text, in one of the shared frames: which, and the head of the text.
const AROUND: u8 = 10;
/// A text so short that its head says how long it is: none, one byte, two …
const SHORT: u8 = 11;
const LONGEST_SHORT: usize = 0x7f - SHORT as usize;

impl<'a> PackedCells<'a> {
    /// A row that was packed by a [`Packing`].
    #[inline]
    pub(crate) fn new(heads: &'a str, text: &'a str, words: &'a RowWords) -> Self {
        Self { heads: heads.as_bytes(), text, at: 0, words }
    }

    /// So many cells at most: each has a head of a byte at least.
    #[inline]
    pub(crate) fn most(&self) -> usize {
        self.heads.len()
    }

    /// Past the next cell, without a look at what it is.
    #[inline]
    pub(crate) fn skip_next(&mut self) -> Option<()> {
        let (&tag, after) = self.heads.split_first()?;
        self.heads = after;
        let text = match tag {
            SHORT.. => usize::from(tag - SHORT),
            TEXT | JSON | UNREADABLE => take_length(&mut self.heads)?,
            INT | WORD => take_number(&mut self.heads).map(|_| 0)?,
            AGAIN => take_number(&mut self.heads).and(take_number(&mut self.heads)).map(|_| 0)?,
            AROUND => {
                take_number(&mut self.heads)?;
                return self.skip_next();
            }
            _ => 0,
        };
        self.at = self.at.checked_add(text)?;
        Some(())
    }

    /// The next cell.
    #[inline]
    pub(crate) fn take_next(&mut self) -> Option<Cell<'a>> {
        take_cell(&mut self.heads, self.text, &mut self.at, self.words)
    }
}

impl<'a> Packing<'a> {
    /// Into these buffers.
    #[inline]
    pub(crate) fn over(heads: &'a mut String, text: &'a mut String) -> Self {
        Self { heads, text }
    }

    /// The buffer of texts as it is so far.
    #[inline]
    pub(crate) fn texts(&self) -> &str {
        self.text
    }

    /// A cell just as it is.
    #[inline]
    pub(crate) fn cell(&mut self, cell: Cell<'_>) {
        match cell {
            Cell::Missing => self.head(MISSING),
            Cell::Null => self.head(NULL),
            Cell::Bool(value) => self.head(if value { TRUE } else { FALSE }),
            Cell::Int(value) => {
                self.head(INT);
                // The sign last: whatever is near nothing is short.
                put_number(self.heads, ((value << 1) ^ (value >> 63)) as u64);
            }
            Cell::Text(text) => self.text(text),
            Cell::Json(json) => self.json(&json.text()),
            Cell::Unreadable(words) => {
                self.head(UNREADABLE);
                self.sized(words);
            }
        }
    }

    /// A text of its own.
    #[inline]
    pub(crate) fn text(&mut self, text: &str) {
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
        self.head(AGAIN);
        put_number(self.heads, from as u64);
        put_number(self.heads, length as u64);
    }

    /// Text that is one of the words that the rows share.
    #[inline]
    pub(crate) fn word(&mut self, number: usize) {
        self.head(WORD);
        put_number(self.heads, number as u64);
    }

    /// JSON of its own.
    #[inline]
    pub(crate) fn json(&mut self, json: &str) {
        self.head(JSON);
        self.sized(json);
    }

    /// JSON that is a text of its own in one of the frames that the rows share.
    #[inline]
    pub(crate) fn json_around(&mut self, frame: usize, own: &str) {
        self.head(AROUND);
        put_number(self.heads, frame as u64);
        self.text(own);
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
}

#[inline]
fn take_cell<'a>(heads: &mut &'a [u8], text: &'a str, at: &mut usize, words: &'a RowWords) -> Option<Cell<'a>> {
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
        WORD => Cell::Text(words.words.get(take_length(heads)?)?),
        AROUND => {
            let frame = words.frames.get(take_length(heads)?)?;
            let (&tag, after) = heads.split_first()?;
            *heads = after;
            let length = if tag >= SHORT { usize::from(tag - SHORT) } else { take_length(heads)? };
            Cell::Json(PackedJson::within(frame, take_text(text, at, length)?))
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
