//! JSON documents and JSON lines.
//!
//! Must never: hold the document, or pass over a line that is no record.

use std::cell::Cell;
use std::fmt;
use std::io::{BufRead, BufReader, Read};

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::input::Input;
use super::rows::{Rows, Stop};
use crate::connector::pack::Packer;
use crate::files;

/// A record of a document, or what stands before the list, is no longer than this.
const MAX_BETWEEN: usize = 64 << 20;
/// A line is no longer than this.
const MAX_LINE: usize = 1024 * 1024;

/// Reads one document, record by record.
pub(super) fn read_document(input: Input, pointer: &[String], rows: &mut Rows<'_>) -> Result<(), Stop> {
    let mut packer = Packer::new(rows.page.columns());
    let mut stop = None;
    let since = Cell::new(0);
    let input = Metered { input, since: &since };
    let mut json = serde_json::Deserializer::from_reader(BufReader::with_capacity(64 * 1024, input));
    let seed = List { pointer, packer: &mut packer, rows, stop: &mut stop, since: &since };
    let read = seed.deserialize(&mut json).and_then(|found| json.end().map(|()| found));
    finish(read.map_err(|error| cut_words(&error)), stop, pointer)
}

/// Counts what was read since the last record: a text without an end would else be held whole.
struct Metered<'c> {
    input: Input,
    since: &'c Cell<usize>,
}

impl Read for Metered<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let count = self.input.read(out)?;
        self.since.set(self.since.get() + count);
        if self.since.get() > MAX_BETWEEN {
            return Err(std::io::Error::other(format!("more than {} without the end of a record", files::size(MAX_BETWEEN as u64))));
        }
        Ok(count)
    }
}

/// What the end of a document means for the read.
pub(super) fn finish(read: Result<bool, String>, stop: Option<Stop>, pointer: &[String]) -> Result<(), Stop> {
    match (stop, read) {
        (Some(stop), _) => Err(stop),
        (None, Ok(true)) => Ok(()),
        (None, Ok(false)) => Err(Stop::Unreadable(format!("there is no list of records at `records: /{}`", pointer.join("/")))),
        (None, Err(words)) => Err(Stop::Cut(words)),
    }
}

fn cut_words(error: &serde_json::Error) -> String {
    if error.is_eof() { format!("it ends in the middle of a record: was it cut off? ({error})") } else { error.to_string() }
}

/// Reads one record a line.
pub(super) fn read_lines(mut input: Input, rows: &mut Rows<'_>) -> Result<(), Stop> {
    let mut packer = Packer::new(rows.page.columns());
    let mut line = Vec::new();
    let mut number = 0;
    while let Some(ended) = next_line(&mut input, &mut line, number + 1)? {
        number += 1;
        let text = std::str::from_utf8(&line).map_err(|_| {
            Stop::Cut(format!("line {number} is not UTF-8; set `encoding`, such as windows-1252, in `spec.connection.file` of the Source"))
        })?;
        if text.trim().is_empty() {
            continue;
        }
        match packer.json(text, &mut rows.page) {
            Ok(()) => rows.added()?,
            Err(error) if error.is_eof() && !ended => {
                return Err(Stop::Cut(format!("it ends in the middle of line {number}: was it cut off?")));
            }
            Err(error) => rows.trouble(number, line_words(&error))?,
        }
    }
    Ok(())
}

/// The error without its line, which is always the first of one.
fn line_words(error: &serde_json::Error) -> String {
    let words = error.to_string();
    let words = words.rsplit_once(" at line ").map_or(words.as_str(), |(words, _)| words);
    format!("column {}: {words}", error.column())
}

/// Reads the next line; whether it ended with a line end. None at the end.
fn next_line(input: &mut Input, line: &mut Vec<u8>, number: u64) -> Result<Option<bool>, Stop> {
    line.clear();
    loop {
        let chunk = input.fill_buf().map_err(|error| Stop::Cut(error.to_string()))?;
        if chunk.is_empty() {
            return Ok((!line.is_empty()).then_some(false));
        }
        let end = memchr::memchr(b'\n', chunk);
        let taken = end.unwrap_or(chunk.len());
        if line.len() + taken > MAX_LINE {
            return Err(Stop::Cut(format!("line {number} is longer than 1 MiB")));
        }
        line.extend_from_slice(&chunk[..taken]);
        input.consume(taken + usize::from(end.is_some()));
        if end.is_some() {
            return Ok(Some(true));
        }
    }
}

/// Finds the list that a pointer leads to and packs its records; gives whether it was there.
pub(super) struct List<'a, 'q> {
    pub(super) pointer: &'a [String],
    pub(super) packer: &'a mut Packer,
    pub(super) rows: &'a mut Rows<'q>,
    /// why rows could not be handed on; the deserializer's own error says nothing then
    pub(super) stop: &'a mut Option<Stop>,
    /// bytes since the last record
    pub(super) since: &'a Cell<usize>,
}

impl<'de> DeserializeSeed<'de> for List<'_, '_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for List<'_, '_> {
    type Value = bool;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pointer.first() {
            None => out.write_str("a list of records (where it is deeper in the document, `records` says where)"),
            Some(key) => write!(out, "a map with the key \"{key}\", as `records` says"),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<bool, A::Error> {
        if !self.pointer.is_empty() {
            while items.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(false);
        }
        while items.next_element_seed(self.packer.seed(&mut self.rows.page))?.is_some() {
            self.since.set(0);
            if let Err(stop) = self.rows.added() {
                *self.stop = Some(stop);
                return Err(A::Error::custom("stopped"));
            }
        }
        Ok(true)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let Some((wanted, deeper)) = self.pointer.split_first() else {
            return Err(A::Error::invalid_type(serde::de::Unexpected::Map, &self));
        };
        let (mut passed, mut found) = (false, false);
        while let Some(key) = map.next_key::<String>()? {
            if key != *wanted {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            if std::mem::replace(&mut passed, true) {
                return Err(A::Error::custom(format_args!("the key \"{wanted}\" stands twice")));
            }
            found =
                map.next_value_seed(List { pointer: deeper, packer: self.packer, rows: self.rows, stop: self.stop, since: self.since })?;
        }
        Ok(found)
    }
}
