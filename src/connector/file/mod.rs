//! Files of records: CSV, XLSX, JSON, NDJSON and YAML on disk. A source only.
//!
//! Files are read as they come, never as a whole; what was read counts as complete only if nothing speaks against it (design 7).
//! Must never: guess an encoding, drop a bad record in silence, or take a file that was cut off for a whole one.

mod csv;
mod describe;
mod header;
mod input;
mod json;
mod look;
mod rows;
mod sample;
mod xlsx;
mod yaml;

use std::fs::{File, Metadata};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::SignedDuration;

use super::budget::Budget;
use super::pages::{PageQueue, read_blocking};
use super::{Gone, LookupRequest, PageSink, ReadRequest, Reader, Surroundings};
use crate::files;
use crate::manifest::connection::{FileConnection, FileFormat};
use crate::model::{Columns, Evidence, ObjectKind, Page, ReadReport, SystemError};
pub use describe::FileConnector;
use input::Input;
pub use look::{Found, look};
use rows::{Rows, Stop, names_column};

/// Reads one file.
#[derive(Clone, Debug)]
pub struct FileReader {
    path: PathBuf,
    connection: FileConnection,
    /// nobody writes to it: it is of a revision
    settled: bool,
    budget: Budget,
    /// the Source's name, for the log
    system: Arc<str>,
}

/// A reader of this file. Whether the file is there, only a read can tell.
pub fn open_source(connection: &FileConnection, surroundings: &Surroundings) -> Result<FileReader, SystemError> {
    Ok(FileReader {
        path: surroundings.place_inside(&connection.path)?,
        settled: surroundings.files.has(&surroundings.base.join(&connection.path)),
        connection: connection.clone(),
        budget: surroundings.budget.clone(),
        system: surroundings.system.clone(),
    })
}

impl Reader for FileReader {
    fn read<'a>(&'a self, request: &'a ReadRequest, sink: &'a mut dyn PageSink) -> BoxFuture<'a, ReadReport> {
        async move {
            let mut kinds = Vec::new();
            for (kind, columns) in &request.streams {
                let evidence = match kind {
                    ObjectKind::Account => self.read_records(columns.clone(), request.max_age, sink).await,
                    _ => Evidence::Unreadable { reason: "a file holds records only".into() },
                };
                kinds.push((*kind, evidence));
            }
            ReadReport::of_kinds(kinds)
        }
        .boxed()
    }

    fn lookup<'a>(&'a self, request: &'a LookupRequest) -> BoxFuture<'a, Result<Page, SystemError>> {
        async move {
            // One column more than wanted: the one that is asked about.
            let wanted = request.columns.paths().iter().chain([&request.attribute]);
            let columns = Columns::new(wanted);
            let mut hits = Hits { page: Page::new(request.columns.clone()), value: request.value.clone() };
            match self.read_records(columns, None, &mut hits).await {
                Evidence::Complete => Ok(hits.page),
                evidence => Err(SystemError::Unavailable(evidence.reason().unwrap_or("the file was not read to its end").into())),
            }
        }
        .boxed()
    }
}

impl FileReader {
    async fn read_records(&self, columns: Arc<Columns>, max_age: Option<SignedDuration>, sink: &mut dyn PageSink) -> Evidence {
        let this = self.clone();
        let read = read_blocking(&self.budget, sink, move |queue| this.read_file(columns, max_age, queue)).await;
        let evidence = read.unwrap_or_else(|broken| Evidence::Unreadable { reason: broken.words() });
        self.with_name(evidence)
    }

    fn read_file(&self, columns: Arc<Columns>, max_age: Option<SignedDuration>, queue: &mut PageQueue) -> Evidence {
        let started = Instant::now();
        if !self.settled && !files::comes_to_rest(&self.path) {
            return Evidence::Partial { reason: files::WRITTEN.into() };
        }
        // What was opened before may be another file by now.
        let (file, before) = match files::open(&self.path) {
            Ok(opened) => opened,
            Err(error) => return Evidence::Unreadable { reason: format!("can't be opened: {error}") },
        };
        let mut rows = Rows::new(queue, Page::new(columns));
        let end = self.read_format(file, &mut rows);
        let read = rows.finish(end, &self.connection.may_be_empty);
        let read = read.and(self.unchanged_since(&before)).and(young_enough(&before, max_age));
        self.log(before.len(), started, &read);
        read
    }

    fn log(&self, bytes: u64, started: Instant, read: &Evidence) {
        let ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let (system, path, complete) = (self.system.as_ref(), self.connection.path.as_str(), *read == Evidence::Complete);
        tracing::debug!(target: "headcount::file", system, path, bytes, complete, ms, "file read");
    }

    fn read_format(&self, file: File, rows: &mut Rows<'_>) -> Result<(), Stop> {
        let format = format_of(&self.connection).map_err(Stop::Unreadable)?;
        let pointer = pointer_segments(self.connection.records.as_deref().unwrap_or("")).map_err(Stop::Unreadable)?;
        let text = |file| Input::open(file, self.connection.encoding.as_deref()).map_err(Stop::Unreadable);
        match format {
            FileFormat::Csv => csv::read(text(file)?, &self.table(), rows),
            FileFormat::Json => json::read_document(text(file)?, &pointer, rows),
            FileFormat::Ndjson => json::read_lines(text(file)?, rows),
            FileFormat::Yaml => yaml::read(text(file)?, &pointer, rows),
            FileFormat::Xlsx => xlsx::read(file, &self.connection, rows),
        }
    }

    fn table(&self) -> csv::Table<'_> {
        let FileConnection { delimiter, skip, footer, .. } = &self.connection;
        csv::Table { delimiter: delimiter.as_deref(), skip: u64::from(*skip), footer: usize::from(*footer) }
    }

    fn unchanged_since(&self, before: &Metadata) -> Evidence {
        match std::fs::metadata(&self.path) {
            Ok(after) if files::stamp(&after) == files::stamp(before) => Evidence::Complete,
            _ => Evidence::Partial { reason: files::CHANGED.into() },
        }
    }

    fn with_name(&self, evidence: Evidence) -> Evidence {
        let named = |reason: String| format!("{}: {reason}", self.connection.path);
        match evidence {
            Evidence::Partial { reason } => Evidence::Partial { reason: named(reason) },
            Evidence::Unreadable { reason } => Evidence::Unreadable { reason: named(reason) },
            whole => whole,
        }
    }
}

/// The format that a connection says or its file's ending tells.
fn format_of(connection: &FileConnection) -> Result<FileFormat, String> {
    if let Some(format) = connection.format {
        return Ok(format);
    }
    let ending = Path::new(&connection.path).extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
    match ending.as_str() {
        "csv" | "tsv" | "txt" => Ok(FileFormat::Csv),
        "json" => Ok(FileFormat::Json),
        "ndjson" | "jsonl" => Ok(FileFormat::Ndjson),
        "yaml" | "yml" => Ok(FileFormat::Yaml),
        "xlsx" | "xlsm" => Ok(FileFormat::Xlsx),
        "xls" => Err("is an old Excel file: save it as .xlsx or CSV".into()),
        _ => Err("has an ending that says nothing of its format; set `format` in `spec.connection.file` of the Source".into()),
    }
}

fn young_enough(metadata: &Metadata, max_age: Option<SignedDuration>) -> Evidence {
    let Some(max_age) = max_age else { return Evidence::Complete };
    let age = metadata.modified().ok().map(|written| SystemTime::now().duration_since(written).unwrap_or_default());
    match age.and_then(|age| SignedDuration::try_from(age).ok()) {
        Some(age) if age <= max_age => Evidence::Complete,
        Some(age) => {
            let age = SignedDuration::from_mins(age.as_mins());
            Evidence::Partial { reason: format!("it was written {age:#} ago, and `maxAge` is {max_age:#}: did the export stop?") }
        }
        None => Evidence::Partial { reason: "its age is not known".into() },
    }
}

/// RFC 6901: `/data/people` leads through two keys.
fn pointer_segments(pointer: &str) -> Result<Vec<String>, String> {
    match pointer.strip_prefix('/') {
        None if pointer.is_empty() => Ok(Vec::new()),
        None => Err(format!("can't be read: `records` \"{pointer}\" must begin with a slash, as in /data/people")),
        Some(rest) => Ok(rest.split('/').map(|segment| segment.replace("~1", "/").replace("~0", "~")).collect()),
    }
}

/// Keeps the rows whose last cell is what was asked for.
struct Hits {
    page: Page,
    value: Arc<str>,
}

impl PageSink for Hits {
    fn page(&mut self, _kind: ObjectKind, page: &Page) {
        let wanted = self.page.columns().paths().len();
        for row in page.rows().filter(|row| row.cell(wanted).to_value().is_some_and(|value| value.to_string() == *self.value)) {
            self.page.row(|out| row.cells().take(wanted).for_each(|cell| out.cell(cell)));
        }
    }

    fn restart(&mut self, _kind: ObjectKind) {
        self.page.clear();
    }

    fn gone(&mut self, _kind: ObjectKind, _gone: Gone<'_>) {}
}

#[cfg(test)]
mod tests;
