//! `headcount diff`: like `kubectl diff`, for scripts that only ask whether something differs; and what a branch does, for whoever reviews it.

mod branch;
mod held;
mod personas;

use super::Files;
use super::output::Output;
use super::plan::{Horizon, make, verdict};
use super::report::{Exit, Failure};
use super::selection::Selection;

/// Like plan, but exit with 1 where something differs; with --base: what a branch does to people
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  headcount diff                                   exit with 1 where something differs
  headcount diff --base origin/main                what this branch does
  headcount diff --base origin/main --offline      what the manifests say differently

Exit codes: 0 nothing changes; 1 something does (with --allow-changes: 0); 2 wrong usage or (with
--base) manifests; 3 a guardrail refused; 5 incomplete, or history is missing; 6 not decided")]
pub struct DiffArgs {
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    branch: branch::BranchArgs,
}

pub fn run(args: &DiffArgs) -> Result<Exit, Failure> {
    if args.branch.is_asked() {
        return branch::run(args);
    }
    args.branch.check_alone()?;
    let plan = make(&args.files, &args.selection, &args.output, &Horizon { as_of: None, due_days: 0, first_run: false })?;
    Ok(match verdict(&plan) {
        Exit::Done if !plan.changes.is_empty() && !args.branch.allows_changes() => Exit::DIFFERENT,
        exit => exit,
    })
}
