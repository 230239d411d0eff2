//! `headcount plan`.

use super::report::{Exit, Failure};

/// Read the live systems and show what would change
#[derive(Debug, clap::Args)]
pub struct PlanArgs {}

pub fn run(_args: &PlanArgs) -> Result<Exit, Failure> {
    todo!()
}
