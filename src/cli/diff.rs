//! `headcount diff`: like `kubectl diff`, for scripts that only ask whether something differs.

use super::Files;
use super::output::Output;
use super::plan::{make, verdict};
use super::report::{Exit, Failure};
use super::selection::Selection;

/// Like plan, but exit with 1 where something differs
#[derive(Debug, clap::Args)]
pub struct DiffArgs {
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    output: Output,
}

pub fn run(args: &DiffArgs) -> Result<Exit, Failure> {
    let plan = make(&args.files, &args.selection, &args.output, None, 0)?;
    Ok(match verdict(&plan) {
        Exit::Done if !plan.changes.is_empty() => Exit::DIFFERENT,
        exit => exit,
    })
}
