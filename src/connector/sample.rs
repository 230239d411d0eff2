//! Records that somebody wrote down by hand, packed as a connection's own reader would deliver them. For `headcount test`.
//!
//! Must never: open anything, or take a value that the reader could never give.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value as Json;

use super::file;
use super::pack::Packer;
use super::scim;
use crate::manifest::kinds::{FileFormat, SourceConnection};
use crate::model::{Columns, Page, SystemError};

/// Why a record is none that the system could give: the field, if it is one, and one sentence with the next step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampleProblem {
    /// the field
    pub field: Option<String>,
    /// what is wrong
    pub message: String,
    /// the next step
    pub hint: &'static str,
}

/// Packs the records of one source.
#[derive(Debug)]
pub struct Sampler {
    columns: Arc<Columns>,
    as_read: AsRead,
}

#[derive(Debug)]
enum AsRead {
    /// every cell is text, and an empty one is missing
    Csv,
    /// what is null or empty is missing
    Sql(Packer),
    /// as JSON has it
    Json(Packer),
    /// a SCIM resource
    Scim(scim::SampleRows),
}

impl Sampler {
    /// For a connection's records in these columns.
    pub fn new(connection: &SourceConnection, columns: &Arc<Columns>) -> Self {
        let as_read = match connection {
            SourceConnection::File(connection) => match file::format_of(connection) {
                Ok(FileFormat::Csv) => AsRead::Csv,
                _ => AsRead::Json(Packer::new(columns)),
            },
            SourceConnection::Sql(_) => AsRead::Sql(Packer::new(columns)),
            SourceConnection::Scim(connection) => AsRead::Scim(scim::SampleRows::new(connection, columns)),
        };
        Self { columns: columns.clone(), as_read }
    }

    /// Packs records, one row each.
    pub fn page(&mut self, records: &[&BTreeMap<String, Json>]) -> Result<Page, (usize, SampleProblem)> {
        let mut page = Page::new(self.columns.clone());
        for (at, record) in records.iter().enumerate() {
            self.add(record, &mut page).map_err(|problem| (at, problem))?;
        }
        Ok(page)
    }

    fn add(&mut self, record: &BTreeMap<String, Json>, page: &mut Page) -> Result<(), SampleProblem> {
        match &mut self.as_read {
            AsRead::Csv => csv(record, page),
            AsRead::Sql(packer) => {
                let held = |value: &Json| !value.is_null() && value.as_str() != Some("");
                let record: BTreeMap<_, _> = record.iter().filter(|(_, value)| held(value)).collect();
                json(packer, &record, page)
            }
            AsRead::Json(packer) => json(packer, record, page),
            AsRead::Scim(rows) => rows.add(&serde_json::json!(record).to_string(), page).map_err(|error| scim_problem(&error)),
        }
    }
}

fn scim_problem(error: &SystemError) -> SampleProblem {
    let words = match error {
        SystemError::Protocol(words) => words.clone(),
        other => other.to_string(),
    };
    let hint = "write it as the service would send it, with its `id`";
    SampleProblem { field: None, message: format!("this is no User of SCIM: {words}"), hint }
}

fn json(packer: &mut Packer, record: &impl serde::Serialize, page: &mut Page) -> Result<(), SampleProblem> {
    let packed = serde_json::to_string(record).and_then(|text| packer.json(&text, page));
    packed.map_err(|error| SampleProblem { field: None, message: format!("this is no record: {error}"), hint: "write a mapping of fields" })
}

/// A file of text cells: blank is missing, and null, lists and truth values can't be written there.
fn csv(record: &BTreeMap<String, Json>, page: &mut Page) -> Result<(), SampleProblem> {
    let mut texts: Vec<(&str, String)> = Vec::with_capacity(record.len());
    for (field, value) in record {
        let wrong = |message: &str, hint| SampleProblem { field: Some(field.clone()), message: format!("`{field}`: {message}"), hint };
        let text = match value {
            Json::String(text) => text.clone(),
            Json::Number(number) => number.to_string(),
            Json::Null => return Err(wrong("a CSV file has no null", "leave the field out: an empty cell is missing")),
            Json::Bool(_) => {
                return Err(wrong("a CSV file holds text, no truth values", "quote it as the file has it: `\"TRUE\"`"));
            }
            Json::Array(_) | Json::Object(_) => return Err(wrong("a cell of a CSV file holds one text", "write it as the file has it")),
        };
        texts.push((field, text));
    }
    let columns = page.columns().clone();
    page.row(|row| {
        for path in columns.paths() {
            let text = texts.iter().find(|(field, _)| file::names_column(field, path)).map(|(_, text)| text);
            match text.filter(|text| !text.trim().is_empty()) {
                Some(text) => row.text(text),
                None => row.missing(),
            }
        }
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::kinds::FileConnection;
    use crate::model::Cell;

    fn sampler(path: &str, columns: &[&str]) -> Sampler {
        let connection: FileConnection = serde_json::from_value(serde_json::json!({ "path": path })).unwrap();
        Sampler::new(&SourceConnection::File(connection), &Columns::new(columns))
    }

    fn record(json: Json) -> BTreeMap<String, Json> {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn a_csv_file_has_text_and_blanks_are_missing() {
        let record = record(serde_json::json!({"id": 7, "Emp. No": "0042", "end": " ", "note": ""}));
        let page = sampler("hr.csv", &["id", "Emp\\. No", "end", "note", "other"]).page(&[&record]).unwrap();
        let cells: Vec<_> = page.rows().next().unwrap().cells().collect();
        assert_eq!(cells, [Cell::Text("7"), Cell::Text("0042"), Cell::Missing, Cell::Missing, Cell::Missing]);
    }

    #[test]
    fn what_a_csv_file_can_t_hold_is_told() {
        for (value, words) in [
            (Json::Null, "`left`: a CSV file has no null"),
            (Json::Bool(true), "`left`: a CSV file holds text, no truth values"),
            (serde_json::json!(["a"]), "`left`: a cell of a CSV file holds one text"),
        ] {
            let (_, problem) = sampler("hr.tsv", &["left"]).page(&[&record(serde_json::json!({ "left": value }))]).unwrap_err();
            assert_eq!((problem.field.as_deref(), problem.message.as_str()), (Some("left"), words));
        }
    }

    #[test]
    fn json_keeps_null_apart_from_missing() {
        let record = record(serde_json::json!({"a": null, "b": {"c": 1}, "d": ""}));
        let page = sampler("hr.json", &["a", "b.c", "d", "e"]).page(&[&record]).unwrap();
        let cells: Vec<_> = page.rows().next().unwrap().cells().collect();
        assert_eq!(cells, [Cell::Null, Cell::Int(1), Cell::Text(""), Cell::Missing]);
    }
}
