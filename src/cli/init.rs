//! `headcount init`.

use super::report::{Exit, Failure};

/// Write a small workspace to start from
#[derive(Debug, clap::Args)]
pub struct InitArgs {}

pub fn run(_args: &InitArgs) -> Result<Exit, Failure> {
    todo!()
}
