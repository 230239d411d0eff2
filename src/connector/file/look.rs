//! What a table in a file looks like to somebody who opens it: its separator and encoding, where its header is, what stands below its records.
//!
//! For `headcount init`, which writes down what it saw; a read goes by what is written. Must never: be asked by a read.

use std::path::Path;

use encoding_rs::Encoding;

use super::csv::{Records, SEPARATORS};
use super::input::Input;
use super::rows::plain;
use super::xlsx;
use crate::files;

/// Larger files are not looked at.
const MAX_FILE: u64 = 64 << 20;
/// So many records show which sign separates them.
const SAMPLE: usize = 200;
/// So far down a header is looked for.
const LOOKED_AT: usize = 50;
/// What the last line of a list begins with, where it is a total.
const TOTALS: &[&str] =
    &["total", "sum", "summe", "gesamt", "anzahl", "count", "somme", "nombre", "suma", "stand", "grand total", "end of"];
/// Encodings of one byte a letter that exports come in.
const SINGLE_BYTE: &[&str] = &["windows-1252", "windows-1250", "iso-8859-15"];

/// A table as it was found.
#[derive(Debug, Default)]
pub struct Found {
    /// the encoding, where it must be declared
    pub encoding: Option<&'static str>,
    /// the separator of a CSV file
    pub separator: Option<char>,
    /// the sheet of a workbook that has several
    pub sheet: Option<String>,
    /// whether it is a workbook
    pub workbook: bool,
    /// lines above the header
    pub skip: u64,
    /// records below the last one that counts, with the first one's words
    pub footer: Option<(usize, String)>,
    /// the columns' names
    pub header: Vec<String>,
    /// the records, as wide as the header
    pub rows: Vec<Vec<String>>,
    /// lines among the records that do not fit the header
    pub odd: Vec<u64>,
}

/// A line of the table: its number, from 1, and its cells.
type Line = (u64, Vec<String>);

/// Looks at a CSV file or a workbook. The error is a sentence without the file's name.
pub fn look(path: &Path) -> Result<Found, String> {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
    let (lines, found) = match ending.as_str() {
        "csv" | "tsv" | "txt" => text(path)?,
        "xlsx" | "xlsm" => {
            let (file, _) = files::open(path).map_err(|error| format!("can't be opened: {error}"))?;
            let (sheet, mut lines) = xlsx::look(file)?;
            let width = lines.iter().map(|(_, cells)| cells.len()).max().unwrap_or(0);
            lines.iter_mut().for_each(|(_, cells)| cells.resize(width, String::new()));
            (lines, Found { sheet, workbook: true, ..Found::default() })
        }
        _ => return Err("is neither CSV nor XLSX by its ending; export it as CSV".into()),
    };
    table(lines, found)
}

fn text(path: &Path) -> Result<(Vec<Line>, Found), String> {
    let bytes = files::read(path, MAX_FILE).map_err(|error| format!("can't be read: {error}"))?;
    let encoding = encoding(&bytes)?;
    drop(bytes);
    let mut best = (0, 0, b',');
    for separator in SEPARATORS {
        let (width, count) = usual_width(&records(path, encoding, *separator, SAMPLE).unwrap_or_default());
        let score = if width > 1 { count } else { 0 };
        if (score, width) > (best.0, best.1) {
            best = (score, width, *separator);
        }
    }
    let lines = records(path, encoding, best.2, usize::MAX)?;
    Ok((lines, Found { encoding, separator: Some(char::from(best.2)), ..Found::default() }))
}

/// What has to be declared: nothing for UTF-8, and for what a mark at its beginning tells.
fn encoding(bytes: &[u8]) -> Result<Option<&'static str>, String> {
    if Encoding::for_bom(bytes).is_some() {
        return Ok(None);
    }
    let zeros = |from: usize| bytes.iter().take(4096).skip(from).step_by(2).filter(|byte| **byte == 0).count();
    match (zeros(0), zeros(1)) {
        (0, 0) => {}
        (even, odd) => return Ok(Some(if odd > even { "utf-16le" } else { "utf-16be" })),
    }
    if std::str::from_utf8(bytes).is_ok() {
        return Ok(None);
    }
    // Signs that steer a terminal stand in no export: the encoding that would yield them is another one.
    let fits = |label: &&&str| {
        Encoding::for_label(label.as_bytes()).is_some_and(|encoding| {
            let (text, _, lost) = encoding.decode(bytes);
            !lost && !text.chars().any(|sign| ('\u{80}'..'\u{a0}').contains(&sign))
        })
    };
    SINGLE_BYTE
        .iter()
        .find(fits)
        .map(|label| Some(*label))
        .ok_or_else(|| "is text in no encoding that can be told; export it as UTF-8".into())
}

fn records(path: &Path, encoding: Option<&str>, separator: u8, most: usize) -> Result<Vec<Line>, String> {
    let (file, _) = files::open(path).map_err(|error| format!("can't be opened: {error}"))?;
    let mut records = Records::open(Input::open(file, encoding)?, separator);
    let mut lines = Vec::new();
    while lines.len() < most
        && let Some(record) = records.next()?
    {
        let text = record.text()?;
        let cells: Vec<String> = record.fields(text).map(|cell| cell_text(cell).to_owned()).collect();
        if cells.as_slice() != ["\u{1a}"] {
            lines.push((record.line, cells));
        }
    }
    Ok(lines)
}

/// Without blanks, and without the `="…"` with which a spreadsheet keeps zeros.
fn cell_text(cell: &str) -> &str {
    let cell = cell.trim().trim_end_matches('\u{1a}');
    cell.strip_prefix("=\"").and_then(|rest| rest.strip_suffix('"')).unwrap_or(cell)
}

/// The width that most lines have, and how many have it.
fn usual_width(lines: &[Line]) -> (usize, usize) {
    let mut counts: std::collections::BTreeMap<usize, usize> = std::collections::BTreeMap::new();
    for (_, cells) in lines {
        *counts.entry(cells.len()).or_default() += 1;
    }
    counts.into_iter().max_by_key(|(width, count)| (*count, *width)).unwrap_or((0, 0))
}

fn table(lines: Vec<Line>, mut found: Found) -> Result<Found, String> {
    let (width, _) = usual_width(&lines);
    let mut full: Vec<usize> = lines.iter().filter(|(_, cells)| cells.len() == width).map(|(_, cells)| filled(cells)).collect();
    full.sort_unstable();
    let usual = full.get(full.len() / 2).copied().unwrap_or(0);
    let is_header = |(_, cells): &Line| cells.len() == width && filled(cells) * 2 >= usual.max(1);
    let at = lines.iter().take(LOOKED_AT).position(is_header).ok_or("holds no table: no line of it looks like a header")?;
    let mut below = lines.into_iter().skip(at);
    let Some((line, names)) = below.next() else { return Err("is empty".into()) };
    if names.iter().any(|name| is_a_value(name)) {
        return Err(format!("line {line} looks like a record, not like a header: put the columns' names in a line above it"));
    }
    found.header = names.iter().map(|name| plain(name)).collect();
    found.skip = if at == 0 { 0 } else { line - 1 };
    let mut records: Vec<Line> = below.collect();
    found.footer = footer(&records, width, usual).map(|from| {
        let words = records.get(from).map(|(_, cells)| cells.join(" ").trim().to_owned()).unwrap_or_default();
        (records.drain(from..).count(), words)
    });
    records.retain(|(_, cells)| filled(cells) > 0);
    found.odd = records.iter().filter(|(_, cells)| cells.len() != width).map(|(line, _)| *line).collect();
    found.rows = records.into_iter().map(|(_, cells)| cells).filter(|cells| cells.len() == width).collect();
    if found.rows.is_empty() { Err("holds no record below its header".into()) } else { Ok(found) }
}

/// Where the lines below the records begin. A record of a person who has little more than a number is none of them.
fn footer(records: &[Line], width: usize, usual: usize) -> Option<usize> {
    let is_total = |cells: &[String]| {
        let first = cells.iter().find(|cell| !cell.is_empty()).map(|cell| cell.to_lowercase()).unwrap_or_default();
        TOTALS.iter().any(|word| first.strip_prefix(word).is_some_and(|rest| !rest.starts_with(char::is_alphabetic)))
    };
    // A cut record is none of them either: what is no total must be a sentence.
    let is_sentence = |cells: &[String]| {
        let words = cells.iter().find(|cell| !cell.is_empty()).map_or("", String::as_str);
        cells.len() != width && filled(cells) == 1 && words.contains(' ') && words.contains(char::is_alphabetic)
    };
    let belongs_below = |(_, cells): &Line| is_sentence(cells) || (filled(cells) * 2 <= usual.max(2) && is_total(cells));
    let last = records.iter().rposition(|(_, cells)| filled(cells) > 0)?;
    let mut from = None;
    for at in (0..=last).rev() {
        match records.get(at) {
            Some(line) if belongs_below(line) => from = Some(at),
            Some((_, cells)) if filled(cells) == 0 => {}
            _ => break,
        }
    }
    from
}

fn filled(cells: &[String]) -> usize {
    cells.iter().filter(|cell| !cell.is_empty()).count()
}

/// An address, a number or a date, which no column is called; a year may be.
fn is_a_value(name: &str) -> bool {
    let number =
        name.chars().all(|sign| sign.is_ascii_digit() || "./-: +".contains(sign)) && name.bytes().any(|byte| byte.is_ascii_digit());
    name.contains('@') || (number && name.len() != 4)
}
