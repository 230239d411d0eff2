//! `headcount validate`.

use super::Files;
use super::report::{Exit, Failure};

/// Check everything that can be checked without reaching a system
#[derive(Debug, clap::Args)]
pub struct ValidateArgs {
    #[command(flatten)]
    pub files: Files,
}

pub fn run(_args: &ValidateArgs) -> Result<Exit, Failure> {
    todo!()
}
