//! The plan for machines: one document, or one line a piece. The document is also what is saved to be applied later.

use std::io::{self, Write};

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::{FORMAT_VERSION, Plan};

/// A plan as it is written: its fields, and what a reader would else have to work out.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct PlanDocument<'a> {
    /// what a reviewer approves: SHA-256 over workspace, changes and evidence, in hex
    hash: String,
    /// whether everything that was needed could be read and decided
    complete: bool,
    /// whether there is anything to run
    applyable: bool,
    #[serde(flatten)]
    plan: &'a Plan,
}

/// Why a saved plan can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// not JSON, or not of this shape
    #[error("it is not a plan that `headcount plan --out` wrote")]
    Shape(#[source] serde_json::Error),
    /// written by another version
    #[error("its formatVersion is {0}; this headcount reads {FORMAT_VERSION}. Plan again")]
    Version(u64),
    /// its hash and its content differ
    #[error("its content does not fit its hash: it was edited or cut off. Plan again")]
    Changed,
}

/// Writes the document.
pub fn write(plan: &Plan, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &document(plan)).map_err(io::Error::from)?;
    writeln!(out)
}

/// Writes a line for the plan, then one for each read, finding and change, each with its `type`.
pub fn write_lines(plan: &Plan, out: &mut dyn Write) -> io::Result<()> {
    let head = serde_json::json!({
        "type": "plan", "formatVersion": plan.format_version, "workspace": plan.workspace, "asOf": plan.as_of,
        "hash": plan.hash(), "complete": plan.complete(), "applyable": plan.applyable(), "changes": plan.changes.len(),
    });
    writeln!(out, "{head}")?;
    lines("evidence", &plan.evidence, out)?;
    lines("finding", &plan.findings, out)?;
    lines("change", &plan.changes, out)
}

/// Reads a saved plan, and checks that it is whole.
pub fn read(text: &[u8]) -> Result<Plan, ReadError> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Head {
        format_version: u64,
        hash: String,
    }
    let head: Head = serde_json::from_slice(text).map_err(ReadError::Shape)?;
    if head.format_version != u64::from(FORMAT_VERSION) {
        return Err(ReadError::Version(head.format_version));
    }
    let plan: Plan = serde_json::from_slice(text).map_err(ReadError::Shape)?;
    if plan.hash() == head.hash { Ok(plan) } else { Err(ReadError::Changed) }
}

/// The published schema of the document.
pub fn schema() -> schemars::Schema {
    schemars::schema_for!(PlanDocument<'static>)
}

fn document(plan: &Plan) -> PlanDocument<'_> {
    PlanDocument { hash: plan.hash(), complete: plan.complete(), applyable: plan.applyable(), plan }
}

fn lines(kind: &str, items: &[impl Serialize], out: &mut dyn Write) -> io::Result<()> {
    #[derive(Serialize)]
    struct Line<'a, T> {
        r#type: &'a str,
        at: usize,
        #[serde(flatten)]
        item: &'a T,
    }
    for (at, item) in items.iter().enumerate() {
        serde_json::to_writer(&mut *out, &Line { r#type: kind, at, item }).map_err(io::Error::from)?;
        writeln!(out)?;
    }
    Ok(())
}

#[cfg(test)]
#[path = "json_tests.rs"]
mod tests;
