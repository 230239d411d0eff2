//! A file of records.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{ConnectionPart, Described};

/// A file of records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FileConnection {
    /// The file, relative to the manifest.
    pub path: String,
    /// Default: by the file's ending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<FileFormat>,
    /// CSV: the separator, one sign or `tab`. Default: comma, semicolon, tab or bar, whichever the header line has most of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<String>,
    /// CSV and XLSX: lines (rows) above the header, such as a title and the time of the export.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub skip: u16,
    /// CSV and XLSX: lines (rows) below the records, such as a total.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub footer: u16,
    /// XLSX: the sheet's name. Default: the first one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sheet: Option<String>,
    /// XLSX: the sheet by its position, from 1, where its name changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sheet_number: Option<u16>,
    /// The encoding's WHATWG label. Default: UTF-8 (UTF-16 by its byte order mark).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    /// JSON and YAML: JSON pointer to the list of records. Default: the document itself, which must be a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records: Option<String>,
    /// Columns that may be without a value in every record. Any other one that is makes the read incomplete: an export that lost a column looks just so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub may_be_empty: Vec<String>,
}

fn is_zero(number: &u16) -> bool {
    *number == 0
}

/// How a file of records is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum FileFormat {
    /// comma, semicolon or tab separated, with a header line
    Csv,
    /// one JSON document
    Json,
    /// one JSON object a line
    Ndjson,
    /// one YAML document
    Yaml,
    /// a sheet of an Excel workbook, with a header row
    Xlsx,
}

impl Described for FileConnection {
    fn word(&self) -> &'static str {
        "file"
    }

    fn system(&self) -> String {
        format!("file {}", self.path)
    }

    fn rows(&self) -> Value {
        let number = self.sheet_number.map(|number| number.to_string());
        json!({"file": self.path, "records": self.records, "sheet": [&self.sheet, &number], "around": [self.skip, self.footer]})
    }

    fn place(&self) -> &'static str {
        "path"
    }

    fn is_data(&self) -> bool {
        true
    }

    fn files(&self) -> Vec<ConnectionPart<'_, str>> {
        vec![ConnectionPart { pointer: "path", value: &self.path }]
    }
}
