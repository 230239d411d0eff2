//! `headcount diff`.

use super::report::{Exit, Failure};

/// Like plan, but exit with 1 where something differs
#[derive(Debug, clap::Args)]
pub struct DiffArgs {}

pub fn run(_args: &DiffArgs) -> Result<Exit, Failure> {
    todo!()
}
