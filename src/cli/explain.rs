//! `headcount explain`.

use super::report::{Exit, Failure};

/// Show where each attribute, group and account of an identity comes from
#[derive(Debug, clap::Args)]
pub struct ExplainArgs {}

pub fn run(_args: &ExplainArgs) -> Result<Exit, Failure> {
    todo!()
}
