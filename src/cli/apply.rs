//! `headcount apply`.

use super::report::{Exit, Failure};

/// Run a saved plan, or plan, ask and run
#[derive(Debug, clap::Args)]
pub struct ApplyArgs {}

pub fn run(_args: &ApplyArgs) -> Result<Exit, Failure> {
    todo!()
}
