//! Records that somebody wrote down by hand, packed as a connection's own reader would deliver them. For `headcount test`.
//!
//! Must never: open anything, or take a value that the reader could never give.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value as Json;

use super::pack::Packer;
use crate::model::{Columns, Page};

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

/// How one kind of source takes such a record.
pub trait Sample: std::fmt::Debug {
    /// Adds a row.
    fn add(&mut self, record: &BTreeMap<String, Json>, page: &mut Page) -> Result<(), SampleProblem>;
}

/// Packs the records of one source.
#[derive(Debug)]
pub struct Sampler {
    columns: Arc<Columns>,
    sample: Box<dyn Sample>,
}

impl Sampler {
    /// For records in these columns.
    pub fn new(columns: &Arc<Columns>, sample: Box<dyn Sample>) -> Self {
        Self { columns: columns.clone(), sample }
    }

    /// Packs records, one row each.
    pub fn page(&mut self, records: &[&BTreeMap<String, Json>]) -> Result<Page, (usize, SampleProblem)> {
        let mut page = Page::new(self.columns.clone());
        for (at, record) in records.iter().enumerate() {
            self.sample.add(record, &mut page).map_err(|problem| (at, problem))?;
        }
        Ok(page)
    }
}

/// As JSON has it.
#[derive(Debug)]
pub struct AsJson(Packer);

impl AsJson {
    /// In these columns.
    pub fn new(columns: &Arc<Columns>) -> Self {
        Self(Packer::new(columns))
    }
}

impl Sample for AsJson {
    fn add(&mut self, record: &BTreeMap<String, Json>, page: &mut Page) -> Result<(), SampleProblem> {
        json(&mut self.0, record, page)
    }
}

/// Packs a record as JSON has it.
pub(super) fn json(packer: &mut Packer, record: &impl serde::Serialize, page: &mut Page) -> Result<(), SampleProblem> {
    let packed = serde_json::to_string(record).and_then(|text| packer.json(&text, page));
    packed.map_err(|error| SampleProblem { field: None, message: format!("this is no record: {error}"), hint: "write a mapping of fields" })
}
