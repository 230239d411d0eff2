//! `headcount crds`.

use super::report::{Exit, Failure};

/// Print the Kubernetes CustomResourceDefinitions
#[derive(Debug, clap::Args)]
pub struct CrdsArgs {}

pub fn run(_args: &CrdsArgs) -> Result<Exit, Failure> {
    todo!()
}
