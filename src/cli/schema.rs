//! `headcount schema`.

use super::report::{Exit, Failure};

/// Print the JSON Schemas of the manifests
#[derive(Debug, clap::Args)]
pub struct SchemaArgs {}

pub fn run(_args: &SchemaArgs) -> Result<Exit, Failure> {
    todo!()
}
