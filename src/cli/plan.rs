//! `headcount plan`: reads the live systems and shows what would change. Writes nothing but the files it was told to.

use std::path::PathBuf;

use jiff::civil::Date;

use super::Files;
use super::output::{self, Output};
use super::report::{Exit, Failure};
use super::selection::Selection;
use super::session::{self, Session};
use crate::model::Plan;
use crate::render::Format;

/// Read the live systems and show what would change
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  headcount plan -f acme/                          show it
  headcount plan -o markdown=comment.md --out plan.json
  headcount apply plan.json                        run just what was reviewed")]
pub struct PlanArgs {
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    output: Output,
    /// Save the plan, to be applied later
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Plan for this day (YYYY-MM-DD). Such a plan can't be applied
    #[arg(long, value_name = "DATE", conflicts_with = "out")]
    as_of: Option<Date>,
    /// Exit with 2 where the plan has changes
    #[arg(long)]
    detailed_exitcode: bool,
}

pub fn run(args: &PlanArgs) -> Result<Exit, Failure> {
    let plan = make(&args.files, &args.selection, &args.output, args.as_of)?;
    if let Some(file) = &args.out {
        output::save(&plan, Format::Json, 0, file)?;
    }
    Ok(match verdict(&plan) {
        Exit::Done if args.detailed_exitcode && !plan.changes.is_empty() => Exit::CHANGES,
        exit => exit,
    })
}

/// Plans and shows; what `plan` and `diff` have in common.
pub fn make(files: &Files, selection: &Selection, output: &Output, as_of: Option<Date>) -> Result<Plan, Failure> {
    output.check()?;
    let session = Session::load(files)?;
    selection.check(&session)?;
    let memory = session.memory()?;
    let (_, plan) = session::runtime()?.block_on(session.plan(memory, as_of));
    let all = plan.changes.len();
    let plan = selection.of(plan);
    output.write(&plan, all - plan.changes.len())?;
    Ok(plan)
}

/// How a command ends that only planned.
pub fn verdict(plan: &Plan) -> Exit {
    match (plan.refused(), plan.complete()) {
        (true, _) => Exit::Refused,
        (false, false) => Exit::Stale,
        (false, true) => Exit::Done,
    }
}
