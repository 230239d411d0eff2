//! Separated values with a header line, as HR systems and spreadsheets write them.
//!
//! Must never: shift a row's cells, take one of two columns of one name, or hold more than one record.

use std::collections::VecDeque;
use std::io::BufRead;

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

use super::header::{self, Layout};
use super::input::Input;
use super::rows::{Rows, Stop};

/// A record (its quoted lines too) is no longer than this; a longer one is a quote that nobody closed.
const MAX_RECORD: usize = 1024 * 1024;
pub(super) const SEPARATORS: &[u8] = b",;\t|";

/// DOS's mark for the end of a file, with which exports of old systems end.
const END_MARK: char = '\u{1a}';

/// What the manifest says of a table in a file.
pub(super) struct Table<'m> {
    /// what stands between the cells
    pub(super) delimiter: Option<&'m str>,
    /// lines above the header
    pub(super) skip: u64,
    /// records below the last one that counts
    pub(super) footer: usize,
}

/// Reads every record.
pub(super) fn read(mut input: Input, table: &Table<'_>, rows: &mut Rows<'_>) -> Result<(), Stop> {
    skip_lines(&mut input, table.skip)?;
    let announced = announced_separator(input.head());
    let separator = match (table.delimiter, announced) {
        (Some(text), _) => named_separator(text).map_err(Stop::Unreadable)?,
        (None, Some((separator, _))) => separator,
        (None, None) => likely_separator(input.head()),
    };
    let mut records = Records::new(separator);
    if let Some((_, length)) = announced {
        input.consume(length);
    }
    records.core.set_line(table.skip + 1 + u64::from(announced.is_some()));
    records.input = Some(input);
    let layout = header::read(&mut records, rows.page.columns())?;
    let mut end_mark = None;
    // The last ones that were read wait here: they are the footer, if nothing comes behind them.
    let mut waiting: VecDeque<Kept> = VecDeque::with_capacity(table.footer + 1);
    while let Some(record) = records.next().map_err(Stop::Cut)? {
        if let Some(line) = end_mark {
            return Err(Stop::Cut(format!("line {line}: a mark for the end of the file (0x1A), and lines behind it")));
        }
        end_mark = record.ends_the_file().then_some(record.line);
        match table.footer {
            _ if record.is_end_mark() => {}
            0 => take_record(&record, &layout, rows)?,
            footer => {
                waiting.push_back(Kept::of(&record));
                if waiting.len() > footer
                    && let Some(first) = waiting.pop_front()
                {
                    take_record(&first.record(), &layout, rows)?;
                }
            }
        }
    }
    Ok(())
}

/// Leaves lines out, whatever stands in them.
fn skip_lines(input: &mut Input, lines: u64) -> Result<(), Stop> {
    for line in 1..=lines {
        let mut seen = 0;
        loop {
            let chunk = input.fill_buf().map_err(|error| Stop::Cut(error.to_string()))?;
            if chunk.is_empty() {
                return Err(Stop::Unreadable(format!("`skip` says {lines} lines above the header, and the file has {line}")));
            }
            let end = memchr::memchr(b'\n', chunk);
            let taken = end.map_or(chunk.len(), |end| end + 1);
            seen += taken;
            input.consume(taken);
            if end.is_some() {
                break;
            }
            if seen > MAX_RECORD {
                return Err(Stop::Unreadable(format!("line {line} is longer than 1 MiB")));
            }
        }
    }
    input.fill_buf().map(drop).map_err(|error| Stop::Cut(error.to_string()))
}

fn take_record(record: &Record<'_>, layout: &Layout, rows: &mut Rows<'_>) -> Result<(), Stop> {
    let text = record.text().map_err(Stop::Cut)?;
    if record.fields(text).all(|field| field.trim().is_empty()) {
        return Ok(());
    }
    let width = record.ends.len();
    if width != layout.width {
        let header = layout.width;
        let words = format!("{width} fields, but the header has {header}; is a quote or a separator missing?");
        return rows.odd_record(record.line, &words, record.field(text, 0).unwrap_or_default().trim());
    }
    let lost = text.contains(char::REPLACEMENT_CHARACTER);
    rows.page.row(|row| {
        for field in &layout.fields {
            match record.field(text, *field).filter(|text| !text.trim().is_empty()) {
                Some(text) if lost && text.contains(char::REPLACEMENT_CHARACTER) => row.unreadable(&lost_letter(record.line)),
                Some(text) => row.text(text.strip_suffix(END_MARK).unwrap_or(text)),
                None => row.missing(),
            }
        }
    });
    rows.added()
}

fn lost_letter(line: u64) -> String {
    format!("line {line} of the file holds U+FFFD, the sign for a letter that was lost before headcount saw it; export it again")
}

/// A record that waits.
struct Kept {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    line: u64,
}

impl Kept {
    fn of(record: &Record<'_>) -> Self {
        Self { bytes: record.bytes.to_vec(), ends: record.ends.to_vec(), line: record.line }
    }

    fn record(&self) -> Record<'_> {
        Record { bytes: &self.bytes, ends: &self.ends, line: self.line }
    }
}

/// Splits the text into records.
pub(super) struct Records {
    core: Reader,
    input: Option<Input>,
    output: Vec<u8>,
    ends: Vec<usize>,
}

/// One record's fields, unquoted, one behind the other.
pub(super) struct Record<'a> {
    bytes: &'a [u8],
    ends: &'a [usize],
    /// where it begins, from 1
    pub(super) line: u64,
}

impl Records {
    fn new(separator: u8) -> Self {
        let core = ReaderBuilder::new().delimiter(separator).build();
        Self { core, input: None, output: vec![0; 1024], ends: vec![0; 64] }
    }

    /// Of a text whose separator is known, from its first line on; one that announces its separator begins behind that.
    pub(super) fn open(mut input: Input, separator: u8) -> Self {
        let mut records = Self::new(separator);
        if let Some((_, length)) = announced_separator(input.head()) {
            input.consume(length);
            records.core.set_line(2);
        }
        records.input = Some(input);
        records
    }

    pub(super) fn next(&mut self) -> Result<Option<Record<'_>>, String> {
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
    fn ends_the_file(&self) -> bool {
        self.bytes.ends_with(&[END_MARK as u8])
    }

    fn is_end_mark(&self) -> bool {
        self.bytes == [END_MARK as u8]
    }

    pub(super) fn text(&self) -> Result<&'a str, String> {
        std::str::from_utf8(self.bytes).map_err(|error| {
            let byte = self.bytes.get(error.valid_up_to()).copied().unwrap_or_default();
            let line = self.line + memchr::memchr_iter(b'\n', &self.bytes[..error.valid_up_to()]).count() as u64;
            format!("line {line}: the byte 0x{byte:02X} is not UTF-8; set `encoding`, such as windows-1252, in `spec.connection.file` of the Source")
        })
    }

    pub(super) fn fields<'t>(&self, text: &'t str) -> impl Iterator<Item = &'t str> {
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
