//! The plan for machines: one document, or one line a piece. The document is also what is saved to be applied later.

use std::io::{self, Write};

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::Plan;

/// A plan as it is written: its fields, and what a reader would else have to work out.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct PlanDocument<'a> {
    /// what a reviewer approves: SHA-256 over workspace, filter, changes and evidence, in hex
    hash: String,
    /// whether everything that was needed could be read and decided
    complete: bool,
    /// whether there is anything to run
    applyable: bool,
    #[serde(flatten)]
    plan: &'a Plan,
}

/// Writes the document.
pub fn write(plan: &Plan, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &document(plan)).map_err(io::Error::from)?;
    writeln!(out)
}

/// Writes a line for the plan, then one for each read, finding and change, each with its `type`.
pub fn write_lines(plan: &Plan, out: &mut dyn Write) -> io::Result<()> {
    let head = serde_json::json!({
        "type": "plan", "formatVersion": plan.format_version, "workspace": plan.workspace, "asOf": plan.as_of, "filter": plan.filter,
        "hash": plan.hash(), "complete": plan.complete(), "applyable": plan.applyable(), "changes": plan.changes.len(),
    });
    writeln!(out, "{head}")?;
    lines("evidence", &plan.evidence, out)?;
    lines("finding", &plan.findings, out)?;
    lines("change", &plan.changes, out)
}

/// The published schema of the document.
pub fn schema_text() -> String {
    // A schema is JSON already; an empty text would be seen by the test of the published file.
    serde_json::to_string_pretty(&schemars::schema_for!(PlanDocument<'static>)).map(|text| text + "\n").unwrap_or_default()
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
