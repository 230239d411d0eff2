//! `headcount plan --requests`: what each change would ask of its target, without secrets. Nothing is sent but reads.

use serde_json::json;

use super::Files;
use super::output::Output;
use super::plan::verdict;
use super::report::{self, Exit, Failure};
use super::selection::Selection;
use super::session::{self, Session};
use crate::model::{ChangeId, Plan, RehearsedChange};
use crate::pipeline::{self, Snapshot, part};
use crate::render::{Format, requests};

/// Reads, plans, and lists the requests of whatever would run.
pub fn run(files: &Files, selection: &Selection, output: &Output) -> Result<Exit, Failure> {
    let form = form(output)?;
    let session = Session::load(files)?;
    selection.check(&session)?;
    let (snapshot, plan) = session.plan(None)?;
    let plan = part(plan, &selection.filter());
    let wanted: Vec<ChangeId> = numbered(&plan).filter(|id| plan.changes.get(id.0 as usize).is_some_and(|change| change.runs())).collect();
    let all = of(&snapshot, &plan, &wanted)?;
    match form {
        Format::Json => report::result(format!("{:#}\n", json!({ "formatVersion": 1, "requests": all })).as_bytes())?,
        _ => {
            let mut out = Vec::new();
            requests::write(&plan, &all, &mut out)?;
            report::result(&out)?;
        }
    }
    Ok(verdict(&plan))
}

/// The requests of some changes.
pub fn of(snapshot: &Snapshot, plan: &Plan, wanted: &[ChangeId]) -> Result<Vec<RehearsedChange>, Failure> {
    session::run(pipeline::requests(snapshot, plan, wanted))
}

fn numbered(plan: &Plan) -> impl Iterator<Item = ChangeId> {
    (0..u32::try_from(plan.changes.len()).unwrap_or(u32::MAX)).map(ChangeId)
}

fn form(output: &Output) -> Result<Format, Failure> {
    match output.output.as_slice() {
        [] => Ok(Format::Text),
        [view] if view.file.is_none() && matches!(view.format, Format::Text | Format::Json) => Ok(view.format),
        _ => Err(Failure::usage("--requests is shown as text or json on standard output").hint("leave -o out, or pass `-o json`")),
    }
}
