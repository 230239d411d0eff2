//! The plan for machines: one document, or one line a piece. The document is also what is saved to be applied later, without the lines of manifests.

use std::collections::BTreeMap;
use std::io::{self, Write};

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Lines, ViewOptions};
use crate::diagnostic::Place;
use crate::model::{Change, Finding, Forecast, LimitUse, MemberChange, Plan, PlanFilter, SystemEvidence, Upcoming};

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
    /// version of this form; it grows when a field changes its meaning or goes
    format_version: u32,
    /// the Workspace's immutable id
    workspace: &'a str,
    /// the day it was planned for, in the workspace's time zone
    as_of: Date,
    /// the part that was asked for; what is saved runs as that part
    #[serde(skip_serializing_if = "PlanFilter::is_everything", default)]
    filter: PlanFilter,
    /// the steps, in order
    changes: Vec<ChangeDocument<'a>>,
    /// what was noticed
    findings: &'a [Finding],
    /// how well everything was read
    evidence: &'a [SystemEvidence],
    /// limits that it uses, by target; nothing of it is approved
    #[serde(skip_serializing_if = "<[LimitUse]>::is_empty", default)]
    limits: &'a [LimitUse],
    /// what falls due in the coming days
    #[serde(skip_serializing_if = "Upcoming::is_empty", default)]
    upcoming: Upcoming,
    /// how long it will take, by target; nothing of it is approved
    #[serde(skip_serializing_if = "<[Forecast]>::is_empty", default)]
    forecast: &'a [Forecast],
}

/// A change with the lines of manifests that brought it about. They are for people and no part of what is approved: a line may move.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ChangeDocument<'a> {
    #[serde(flatten)]
    change: &'a Change,
    /// the manifest line behind it; none where a record brought it about
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<Place>,
    /// the manifest lines behind its members, by the member's key
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    member_places: BTreeMap<&'a str, Place>,
}

/// Writes the document, with the lines of manifests where they are known.
pub fn write(plan: &Plan, look: ViewOptions<'_>, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &document(plan, look)).map_err(io::Error::from)?;
    writeln!(out)
}

/// Writes a line for the plan, then one for each read, finding and change, each with its `type`.
pub fn write_lines(plan: &Plan, known: Option<&dyn Lines>, out: &mut dyn Write) -> io::Result<()> {
    let head = serde_json::json!({
        "type": "plan", "formatVersion": plan.format_version, "workspace": plan.workspace, "asOf": plan.as_of, "filter": plan.filter,
        "hash": plan.hash(), "complete": plan.complete(), "applyable": plan.applyable(), "changes": plan.changes.len(),
    });
    writeln!(out, "{head}")?;
    lines("evidence", plan.evidence.iter(), out)?;
    lines("finding", plan.findings.iter(), out)?;
    lines("change", plan.changes.iter().map(|change| with_places(change, known)), out)
}

/// The published schema of the document.
pub fn schema_text() -> String {
    // A schema is JSON already; an empty text would be seen by the test of the published file.
    serde_json::to_string_pretty(&schemars::schema_for!(PlanDocument<'static>)).map(|text| text + "\n").unwrap_or_default()
}

fn document<'a>(plan: &'a Plan, look: ViewOptions<'a>) -> PlanDocument<'a> {
    PlanDocument {
        hash: plan.hash(),
        complete: plan.complete(),
        applyable: plan.applyable(),
        format_version: plan.format_version,
        workspace: &plan.workspace,
        as_of: plan.as_of,
        filter: plan.filter.clone(),
        changes: plan.changes.iter().map(|change| with_places(change, look.lines)).collect(),
        findings: &plan.findings,
        evidence: &plan.evidence,
        limits: &plan.limits,
        upcoming: plan.upcoming.clone(),
        forecast: look.forecast,
    }
}

fn with_places<'a>(change: &'a Change, known: Option<&dyn Lines>) -> ChangeDocument<'a> {
    let member = |member: &'a MemberChange| Some((member.member.key.as_ref(), known?.of_member(change, member)?));
    ChangeDocument {
        change,
        place: known.and_then(|known| known.of(change)),
        member_places: change.members.iter().filter_map(member).collect(),
    }
}

fn lines(kind: &str, items: impl Iterator<Item = impl Serialize>, out: &mut dyn Write) -> io::Result<()> {
    #[derive(Serialize)]
    struct Line<'a, T> {
        r#type: &'a str,
        at: usize,
        #[serde(flatten)]
        item: T,
    }
    for (at, item) in items.enumerate() {
        serde_json::to_writer(&mut *out, &Line { r#type: kind, at, item }).map_err(io::Error::from)?;
        writeln!(out)?;
    }
    Ok(())
}

#[cfg(test)]
#[path = "json_tests.rs"]
mod tests;
