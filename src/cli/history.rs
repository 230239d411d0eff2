//! `headcount history`.

use super::report::{Exit, Failure};

/// Show past runs from the journal
#[derive(Debug, clap::Args)]
pub struct HistoryArgs {}

pub fn run(_args: &HistoryArgs) -> Result<Exit, Failure> {
    todo!()
}
