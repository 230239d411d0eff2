//! Records that somebody wrote down, as the file would hold them.
//!
//! Must never: take a value that the file's format has no way to write.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::names_column;
use crate::connector::sample::{Sample, SampleProblem};
use crate::model::Page;

/// In a file of text cells: every cell is text, and an empty one is missing.
#[derive(Debug)]
pub(super) struct AsCsv;

impl Sample for AsCsv {
    fn add(&mut self, record: &BTreeMap<String, Json>, page: &mut Page) -> Result<(), SampleProblem> {
        csv(record, page)
    }
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
            let text = texts.iter().find(|(field, _)| names_column(field, path)).map(|(_, text)| text);
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
    use crate::connector::registry;
    use crate::connector::sample::Sampler;
    use crate::manifest::connection::{FileConnection, SourceConnection};
    use crate::model::{Cell, Columns};

    fn sampler(path: &str, columns: &[&str]) -> Sampler {
        let connection: FileConnection = serde_json::from_value(serde_json::json!({ "path": path })).unwrap();
        registry::sampler(&SourceConnection::File(connection), &Columns::new(columns))
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
