//! Records that somebody wrote down, as rows of a table: what is null or empty is missing.
//!
//! Must never: tell an empty text from none.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::connector::pack::Packer;
use crate::connector::sample::{Sample, SampleProblem, json};
use crate::model::Page;

#[derive(Debug)]
pub(super) struct AsRow(pub(super) Packer);

impl Sample for AsRow {
    fn add(&mut self, record: &BTreeMap<String, Json>, page: &mut Page) -> Result<(), SampleProblem> {
        let held = |value: &Json| !value.is_null() && value.as_str() != Some("");
        let record: BTreeMap<_, _> = record.iter().filter(|(_, value)| held(value)).collect();
        json(&mut self.0, &record, page)
    }
}
