//! The header of a table: which of its columns is which field, and what to do where the first line is no header.
//!
//! Must never: take one of two columns of one name.

use super::csv::Records;
use super::rows::{Stop, names_column};
use crate::diagnostic::did_you_mean;
use crate::model::Columns;

const NAMED_HEADERS: usize = 12;
/// So far down a header is looked for, to say where it is.
const LOOKED_AT: usize = 50;
/// So much of a line is shown.
const SHOWN: usize = 60;

/// Which field of a record each wanted column is.
pub(super) struct Layout {
    pub(super) fields: Vec<usize>,
    pub(super) width: usize,
}

/// Reads the header line.
pub(super) fn read(records: &mut Records, columns: &Columns) -> Result<Layout, Stop> {
    let header = records.next().map_err(Stop::Unreadable)?;
    let Some(header) = header else { return Err(Stop::Unreadable("it is empty, without even a header line".into())) };
    let (text, line) = (header.text().map_err(Stop::Unreadable)?, header.line);
    let names: Vec<String> = header.fields(text).map(str::to_owned).collect();
    match layout(&names, columns) {
        Ok(layout) => Ok(layout),
        Err(Trouble::Twice(path)) => {
            Err(Stop::Unreadable(format!("line {line}: there are two columns `{path}`; it is not clear which is meant")))
        }
        Err(Trouble::Missing(missing)) => {
            let mut words = missing_columns(&missing, &names, line);
            if let Some(found) = further_down(records, columns) {
                let first: String = names.join(" ").trim().chars().take(SHOWN).collect();
                words = format!(
                    "line {line} (`{first}`) is not the header, line {found} is: set `skip: {}` in `spec.connection.file` of the Source",
                    found - 1
                );
            }
            Err(Stop::Unreadable(words))
        }
    }
}

/// Which of these names the wanted columns are.
pub(super) fn layout(names: &[String], columns: &Columns) -> Result<Layout, Trouble> {
    let mut fields = Vec::with_capacity(columns.paths().len());
    let mut missing = Vec::new();
    for path in columns.paths() {
        let mut hits = (0..names.len()).filter(|at| names.get(*at).is_some_and(|name| names_column(name, path)));
        match (hits.next(), hits.next()) {
            (Some(at), None) => fields.push(at),
            (Some(_), Some(_)) => return Err(Trouble::Twice(path.to_string())),
            (None, _) => missing.push(path.to_string()),
        }
    }
    if missing.is_empty() { Ok(Layout { fields, width: names.len() }) } else { Err(Trouble::Missing(missing)) }
}

/// Why a line is no header.
pub(super) enum Trouble {
    Missing(Vec<String>),
    Twice(String),
}

/// The line of a header that stands further down.
fn further_down(records: &mut Records, columns: &Columns) -> Option<u64> {
    for _ in 0..LOOKED_AT {
        let record = records.next().ok()??;
        let text = record.text().ok()?;
        let names: Vec<String> = record.fields(text).map(str::to_owned).collect();
        if layout(&names, columns).is_ok() {
            return Some(record.line);
        }
    }
    None
}

/// What is missing, and what there is.
pub(super) fn missing_columns(missing: &[String], names: &[String], line: u64) -> String {
    let names: Vec<&str> = names.iter().map(|name| name.trim()).collect();
    let mut named: Vec<String> = names.iter().filter(|name| !name.is_empty()).take(NAMED_HEADERS).map(|name| format!("`{name}`")).collect();
    if names.len() > NAMED_HEADERS {
        named.push(format!("and {} more", names.len() - NAMED_HEADERS));
    }
    let near = |path: &str| did_you_mean(path, names.iter().copied()).map_or_else(String::new, |hint| format!(" ({hint})"));
    let wanted: Vec<String> = missing.iter().map(|path| format!("`{path}`{}", near(path))).collect();
    let column = if missing.len() == 1 { "column" } else { "columns" };
    // A header in one piece was cut at the wrong sign.
    let separator =
        names.first().filter(|_| names.len() == 1).and_then(|only| only.chars().find(|sign| matches!(sign, ';' | ',' | '\t' | '|')));
    let separator =
        separator.map_or_else(String::new, |sign| format!("; is `{}` its separator? Then set `delimiter`", sign.escape_debug()));
    let there = if missing.len() == 1 { "is" } else { "are" };
    // A line with numbers or addresses in it is likely to be somebody's, and this text is shown to more people than the file.
    let is_header = !names.iter().any(|name| name.contains('@') || name.bytes().any(|byte| byte.is_ascii_digit()));
    let has = if is_header { named.join(", ") } else { format!("{} columns with numbers or addresses in them: is it one?", names.len()) };
    format!("line {line}: there {there} no {column} {}; the header has {has}{separator}", wanted.join(", "))
}
