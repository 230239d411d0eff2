//! Separated values with a header line, as HR systems and spreadsheets write them.
//!
//! Must never: shift a row's cells, take one of two columns of one name, or hold more than one record.

use std::io::BufRead;

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

use super::input::Input;
use super::rows::{Rows, Stop, names_column};
use crate::diagnostic::did_you_mean;
use crate::model::Columns;

/// A record (its quoted lines too) is no longer than this; a longer one is a quote that nobody closed.
const MAX_RECORD: usize = 1024 * 1024;
const SEPARATORS: &[u8] = b",;\t|";
const NAMED_HEADERS: usize = 12;

/// Reads every record. `delimiter` is what the manifest says.
pub(super) fn read(mut input: Input, delimiter: Option<&str>, rows: &mut Rows<'_>) -> Result<(), Stop> {
    let announced = announced_separator(input.head());
    let separator = match (delimiter, announced) {
        (Some(text), _) => named_separator(text).map_err(Stop::Unreadable)?,
        (None, Some((separator, _))) => separator,
        (None, None) => likely_separator(input.head()),
    };
    let mut records = Records::new(separator);
    if let Some((_, length)) = announced {
        input.consume(length);
        records.core.set_line(2);
    }
    records.input = Some(input);
    let layout = read_header(&mut records, rows.page.columns())?;
    while let Some(record) = records.next().map_err(Stop::Cut)? {
        take_record(&record, &layout, rows)?;
    }
    Ok(())
}

/// Which field of a record each wanted column is.
struct Layout {
    fields: Vec<usize>,
    width: usize,
}

fn read_header(records: &mut Records, columns: &Columns) -> Result<Layout, Stop> {
    let header = records.next().map_err(Stop::Unreadable)?;
    let Some(header) = header else { return Err(Stop::Unreadable("it is empty, without even a header line".into())) };
    let text = header.text().map_err(Stop::Unreadable)?;
    let names: Vec<&str> =
        header.fields(text).map(|name| name.trim_matches(|sign: char| sign.is_whitespace() || sign == '\u{feff}')).collect();
    let mut fields = Vec::with_capacity(columns.paths().len());
    let mut missing = Vec::new();
    for path in columns.paths() {
        let mut hits = (0..names.len()).filter(|at| names_column(names[*at], path));
        match (hits.next(), hits.next()) {
            (Some(at), None) => fields.push(at),
            (Some(_), Some(_)) => {
                return Err(Stop::Unreadable(format!(
                    "line {}: there are two columns `{path}`; it is not clear which is meant",
                    header.line
                )));
            }
            (None, _) => missing.push(path.as_ref()),
        }
    }
    if missing.is_empty() {
        return Ok(Layout { fields, width: names.len() });
    }
    Err(Stop::Unreadable(missing_columns(&missing, &names, header.line)))
}

fn missing_columns(missing: &[&str], names: &[&str], line: u64) -> String {
    let mut named: Vec<String> = names.iter().filter(|name| !name.is_empty()).take(NAMED_HEADERS).map(|name| format!("`{name}`")).collect();
    if names.len() > NAMED_HEADERS {
        named.push(format!("and {} more", names.len() - NAMED_HEADERS));
    }
    let near = |path: &str| did_you_mean(path, names.iter().copied()).map_or_else(String::new, |hint| format!(" ({hint})"));
    let wanted: Vec<String> = missing.iter().map(|path| format!("`{path}`{}", near(path))).collect();
    let column = if missing.len() == 1 { "column" } else { "columns" };
    format!("line {line}: there is no {column} {}; the header has {}", wanted.join(", "), named.join(", "))
}

fn take_record(record: &Record<'_>, layout: &Layout, rows: &mut Rows<'_>) -> Result<(), Stop> {
    let text = record.text().map_err(Stop::Cut)?;
    if record.fields(text).all(|field| field.trim().is_empty()) {
        return Ok(());
    }
    let width = record.ends.len();
    if width != layout.width {
        let header = layout.width;
        return rows.trouble(record.line, format_args!("{width} fields, but the header has {header}; is a quote or a separator missing?"));
    }
    rows.page.row(|row| {
        for field in &layout.fields {
            match record.field(text, *field).filter(|text| !text.trim().is_empty()) {
                Some(text) => row.text(text),
                None => row.missing(),
            }
        }
    });
    rows.added()
}

/// Splits the text into records.
struct Records {
    core: Reader,
    input: Option<Input>,
    output: Vec<u8>,
    ends: Vec<usize>,
}

/// One record's fields, unquoted, one behind the other.
struct Record<'a> {
    bytes: &'a [u8],
    ends: &'a [usize],
    /// where it begins, from 1
    line: u64,
}

impl Records {
    fn new(separator: u8) -> Self {
        let core = ReaderBuilder::new().delimiter(separator).build();
        Self { core, input: None, output: vec![0; 1024], ends: vec![0; 64] }
    }

    fn next(&mut self) -> Result<Option<Record<'_>>, String> {
        let Some(input) = &mut self.input else { return Ok(None) };
        let (mut written, mut fields, mut last_byte) = (0, 0, None);
        loop {
            let chunk = input.fill_buf().map_err(|error| error.to_string())?;
            let at_end = chunk.is_empty();
            // A line end closes the last record, unless a quote is open.
            let chunk = if at_end { b"\n" } else { chunk };
            let (result, taken, wrote, ended) = self.core.read_record(chunk, &mut self.output[written..], &mut self.ends[fields..]);
            last_byte = taken.checked_sub(1).and_then(|at| chunk.get(at)).copied().or(last_byte);
            input.consume(if at_end { 0 } else { taken });
            written += wrote;
            fields += ended;
            match result {
                ReadRecordResult::InputEmpty if at_end => return self.nothing_is_open().map(|()| None),
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull if self.output.len() >= MAX_RECORD => {
                    return Err(format!("line {}: a record is longer than 1 MiB; is a quote not closed?", self.core.line()));
                }
                ReadRecordResult::OutputFull => self.output.resize(self.output.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::End => return Ok(None),
                ReadRecordResult::Record => break,
            }
        }
        let bytes = &self.output[..written];
        let behind = self.core.line() - u64::from(last_byte == Some(b'\n'));
        let line = behind.saturating_sub(memchr::memchr_iter(b'\n', bytes).count() as u64).max(1);
        Ok(Some(Record { bytes, ends: &self.ends[..fields], line }))
    }

    /// At the end, a record of one letter can only fail to be one inside of quotes.
    fn nothing_is_open(&mut self) -> Result<(), String> {
        let line = self.core.line() - 1;
        match self.core.read_record(b"a\n", &mut [0; 8], &mut [0; 8]).0 {
            ReadRecordResult::Record => Ok(()),
            _ => Err(format!("it ends in the middle of a quoted field, in line {line}: was it cut off?")),
        }
    }
}

impl<'a> Record<'a> {
    fn text(&self) -> Result<&'a str, String> {
        std::str::from_utf8(self.bytes).map_err(|error| {
            let byte = self.bytes.get(error.valid_up_to()).copied().unwrap_or_default();
            let line = self.line + memchr::memchr_iter(b'\n', &self.bytes[..error.valid_up_to()]).count() as u64;
            format!("line {line}: the byte 0x{byte:02X} is not UTF-8; set `encoding`, such as windows-1252")
        })
    }

    fn fields<'t>(&self, text: &'t str) -> impl Iterator<Item = &'t str> {
        (0..self.ends.len()).map(move |at| self.field(text, at).unwrap_or_default())
    }

    fn field<'t>(&self, text: &'t str, at: usize) -> Option<&'t str> {
        let start = if at == 0 { 0 } else { *self.ends.get(at - 1)? };
        text.get(start..*self.ends.get(at)?)
    }
}

/// Spreadsheets may say the separator in a line of its own, `sep=;`; with the length of that line.
fn announced_separator(head: &[u8]) -> Option<(u8, usize)> {
    let (separator, rest) = head.strip_prefix(b"sep=")?.split_first()?;
    let end = if rest.starts_with(b"\r\n") { 2 } else { usize::from(rest.starts_with(b"\n")) };
    (end > 0 && separator.is_ascii()).then_some((*separator, 5 + end))
}

fn named_separator(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        b"tab" | b"\\t" => Ok(b'\t'),
        [one] if one.is_ascii() && !matches!(one, b'"' | b'\r' | b'\n') => Ok(*one),
        _ => Err(format!("can't be read: `delimiter` \"{text}\" must be one sign, or tab")),
    }
}

/// The separator that the header line has most of, outside of quotes.
fn likely_separator(head: &[u8]) -> u8 {
    let mut counts = [0usize; 4];
    let mut quoted = false;
    for byte in head {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => break,
            other if !quoted => {
                if let Some(at) = SEPARATORS.iter().position(|separator| separator == other) {
                    counts[at] += 1;
                }
            }
            _ => {}
        }
    }
    let most = (0..SEPARATORS.len()).rev().max_by_key(|at| counts[*at]).unwrap_or(0);
    SEPARATORS.get(most).copied().unwrap_or(b',')
}
