//! A sheet of an Excel workbook (ECMA-376), as HR people send it.
//!
//! What is stored counts, not how it is shown: a number has no leading zeros. Must never: take a formula's error for a value, guess which of
//! two sheets is meant, or unpack more than a bound.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufReader, Read};

use calamine::{DataRef, ExcelDateTime, Reader, Xlsx};
use zip::ZipArchive;

use super::header::{self, Layout, Trouble};
use super::rows::{Rows, Stop};
use crate::files;
use crate::manifest::connection::FileConnection;
use crate::model::RowWriter;

/// Larger workbooks are exported as CSV.
const MAX_FILE: u64 = 64 << 20;
/// What is unpacked at once: texts, styles, the list of sheets.
const MAX_PART: u64 = 256 << 20;
/// Cells of one sheet.
const MAX_CELLS: u64 = 50_000_000;
/// Columns of one sheet, as Excel has them.
const MAX_COLUMNS: u32 = 16_384;

const FORMULA: &str = "it holds a spreadsheet's error instead of a value; mend the formula and save it again";

/// Reads every row below the header.
pub(super) fn read(file: File, connection: &FileConnection, rows: &mut Rows<'_>) -> Result<(), Stop> {
    let mut book = open(file).map_err(Stop::Unreadable)?;
    let sheet = choose(&book.sheet_names(), connection).map_err(Stop::Unreadable)?;
    let mut cells =
        book.worksheet_cells_reader(&sheet).map_err(|error| Stop::Unreadable(format!("sheet {sheet:?} can't be read: {error}")))?;
    let mut table = Table::new(connection);
    let mut row = Line::default();
    let mut seen = 0u64;
    while let Some(cell) = cells.next_cell().map_err(|error| Stop::Cut(format!("sheet {sheet:?} can't be read on: {error}")))? {
        seen += 1;
        let (number, column) = cell.get_position();
        if seen > MAX_CELLS || column >= MAX_COLUMNS {
            return Err(Stop::Cut(format!("sheet {sheet:?} has more cells than can be read: export it as CSV")));
        }
        if number != row.number {
            table.take(std::mem::replace(&mut row, Line { number, cells: Vec::new() }), rows)?;
        }
        row.put(column as usize, Held::of(cell.get_value()));
    }
    table.take(row, rows)?;
    table.finish()
}

/// The number of a line, and its cells as texts.
type NumberedRow = (u64, Vec<String>);

/// The sheet with most rows, named where there are several, and its rows that are not blank, numbered from 1.
pub(super) fn look(file: File) -> Result<(Option<String>, Vec<NumberedRow>), String> {
    let mut book = open(file)?;
    let sheets = book.sheet_names();
    let mut most = (None, Vec::new());
    for sheet in &sheets {
        let mut rows: Vec<NumberedRow> = Vec::new();
        let mut cells = book.worksheet_cells_reader(sheet).map_err(|error| format!("sheet {sheet:?} can't be read: {error}"))?;
        let mut seen = 0u64;
        while let Some(cell) = cells.next_cell().map_err(|error| format!("sheet {sheet:?} can't be read on: {error}"))? {
            seen += 1;
            let ((row, column), text) = (cell.get_position(), Held::of(cell.get_value()).seen());
            if seen > MAX_CELLS || column >= MAX_COLUMNS {
                return Err(format!("sheet {sheet:?} has more cells than can be read: export it as CSV"));
            }
            if text.is_empty() {
                continue;
            }
            let number = u64::from(row) + 1;
            if rows.last().is_none_or(|(last, _)| *last != number) {
                rows.push((number, Vec::new()));
            }
            if let Some((_, cells)) = rows.last_mut() {
                cells.resize(column as usize, String::new());
                cells.push(text);
            }
        }
        if rows.len() > most.1.len() {
            most = (Some(sheet.clone()), rows);
        }
    }
    Ok((most.0.filter(|_| sheets.len() > 1), most.1))
}

/// Opens within the bounds.
fn open(file: File) -> Result<Xlsx<BufReader<File>>, String> {
    let size = file.metadata().map_err(|error| format!("can't be read: {error}"))?.len();
    if size > MAX_FILE {
        return Err(format!("is larger than {}: export it as CSV", files::size(MAX_FILE)));
    }
    check_parts(&file)?;
    Xlsx::new(BufReader::new(file)).map_err(|error| format!("is no Excel workbook that can be read: {error}"))
}

/// That it is a workbook at all, and that nothing in it unpacks to more than a bound, whatever it says of itself.
fn check_parts(file: &File) -> Result<(), String> {
    let none = |error: &dyn std::fmt::Display| {
        format!("is no Excel workbook (.xlsx), whatever its name says; a CSV file is read with `format: csv` ({error})")
    };
    let file = file.try_clone().map_err(|error| none(&error))?;
    let mut parts = ZipArchive::new(BufReader::new(file)).map_err(|error| none(&error))?;
    for at in 0..parts.len() {
        let part = parts.by_index(at).map_err(|error| none(&error))?;
        // Sheets are read as they come, within bounds of their own.
        if part.name().is_ok_and(|name| name.starts_with("xl/worksheets/")) {
            continue;
        }
        let unpacked = io::copy(&mut part.take(MAX_PART + 1), &mut io::sink()).map_err(|error| none(&error))?;
        if unpacked > MAX_PART {
            return Err(format!("unpacks to more than {}: export it as CSV", files::size(MAX_PART)));
        }
    }
    Ok(())
}

/// The sheet that the manifest names, or the only one.
fn choose(sheets: &[String], connection: &FileConnection) -> Result<String, String> {
    let named = || sheets.iter().map(|sheet| format!("{sheet:?}")).collect::<Vec<_>>().join(", ");
    match (&connection.sheet, connection.sheet_number) {
        (Some(name), _) => match sheets.iter().find(|sheet| sheet.trim() == name.trim()) {
            Some(sheet) => Ok(sheet.clone()),
            None => Err(format!("has no sheet {name:?}; it has {}", named())),
        },
        (None, Some(number)) => match usize::from(number).checked_sub(1).and_then(|at| sheets.get(at)) {
            Some(sheet) => Ok(sheet.clone()),
            None => Err(format!("has no sheet number {number}; it has {}", named())),
        },
        (None, None) => match sheets {
            [only] => Ok(only.clone()),
            [] => Err("has no sheet".into()),
            _ => Err(format!("has several sheets ({}): say which with `sheet`", named())),
        },
    }
}

/// One row of the sheet.
#[derive(Default)]
struct Line {
    /// from 0
    number: u32,
    cells: Vec<Held>,
}

/// A cell that waits for the rest of its row.
#[derive(Clone, Debug, Default, PartialEq)]
enum Held {
    #[default]
    Nothing,
    Text(String),
    Int(i64),
    Bool(bool),
    Error,
}

impl Line {
    fn put(&mut self, column: usize, cell: Held) {
        if self.cells.len() <= column {
            self.cells.resize(column + 1, Held::Nothing);
        }
        if let Some(place) = self.cells.get_mut(column) {
            *place = cell;
        }
    }

    fn is_blank(&self) -> bool {
        self.cells.iter().all(|cell| matches!(cell, Held::Nothing))
    }
}

impl Held {
    fn of(value: &DataRef<'_>) -> Self {
        match value {
            DataRef::Empty => Self::Nothing,
            DataRef::Int(number) => Self::Int(*number),
            DataRef::Float(number) => Self::number(*number),
            DataRef::Bool(value) => Self::Bool(*value),
            DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => Self::text(text),
            DataRef::SharedString(text) => Self::text(text),
            DataRef::DateTime(time) => Self::text(&moment(time)),
            DataRef::Error(_) => Self::Error,
        }
    }

    fn text(text: &str) -> Self {
        if text.trim().is_empty() { Self::Nothing } else { Self::Text(text.to_owned()) }
    }

    /// Excel stores every number as a float; a whole one is a whole number.
    fn number(number: f64) -> Self {
        const EXACT: f64 = 9_007_199_254_740_992.0;
        if number.fract() == 0.0 && number.abs() < EXACT { Self::Int(number as i64) } else { Self::Text(number.to_string()) }
    }

    fn write(&self, row: &mut RowWriter<'_>) {
        match self {
            Self::Nothing => row.missing(),
            Self::Text(text) => row.text(text),
            Self::Int(number) => row.int(*number),
            Self::Bool(value) => row.bool(*value),
            Self::Error => row.unreadable(FORMULA),
        }
    }

    /// As somebody sees it who looks at the table.
    fn seen(&self) -> String {
        match self {
            Self::Bool(value) => value.to_string(),
            Self::Error => "#ERROR".into(),
            other => other.name(),
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Int(number) => number.to_string(),
            Self::Nothing | Self::Bool(_) | Self::Error => String::new(),
        }
    }
}

/// The day of a date, with the time where there is one.
fn moment(time: &ExcelDateTime) -> String {
    let (year, month, day, hour, minute, second, _) = time.to_ymd_hms_milli();
    match (hour, minute, second) {
        (0, 0, 0) => format!("{year:04}-{month:02}-{day:02}"),
        _ => format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"),
    }
}

/// The table in the sheet: a header, records, a footer.
struct Table {
    skip: u32,
    footer: usize,
    layout: Option<Layout>,
    waiting: VecDeque<Line>,
}

impl Table {
    fn new(connection: &FileConnection) -> Self {
        Self { skip: u32::from(connection.skip), footer: usize::from(connection.footer), layout: None, waiting: VecDeque::new() }
    }

    fn take(&mut self, line: Line, rows: &mut Rows<'_>) -> Result<(), Stop> {
        if line.number < self.skip || line.is_blank() {
            return Ok(());
        }
        if self.layout.is_none() {
            let names: Vec<String> = line.cells.iter().map(Held::name).collect();
            let number = u64::from(line.number) + 1;
            let layout = header::layout(&names, rows.page.columns()).map_err(|trouble| match trouble {
                Trouble::Twice(path) => {
                    Stop::Unreadable(format!("row {number}: there are two columns `{path}`; it is not clear which is meant"))
                }
                Trouble::Missing(missing) => Stop::Unreadable(format!(
                    "{}; set `skip` in `spec.connection.file` of the Source where the header is further down",
                    header::missing_columns(&missing, &names, number)
                )),
            })?;
            self.layout = Some(layout);
            return Ok(());
        }
        self.waiting.push_back(line);
        if self.waiting.len() <= self.footer {
            return Ok(());
        }
        match self.waiting.pop_front() {
            Some(first) => self.add(&first, rows),
            None => Ok(()),
        }
    }

    fn add(&self, line: &Line, rows: &mut Rows<'_>) -> Result<(), Stop> {
        let Some(layout) = &self.layout else { return Ok(()) };
        rows.page.row(|row| {
            for field in &layout.fields {
                line.cells.get(*field).unwrap_or(&Held::Nothing).write(row);
            }
        });
        rows.added()
    }

    fn finish(self) -> Result<(), Stop> {
        if self.layout.is_some() { Ok(()) } else { Err(Stop::Unreadable("it is empty, without even a header row".into())) }
    }
}
