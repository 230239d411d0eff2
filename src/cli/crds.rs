//! `headcount crds`.

use std::path::PathBuf;

use super::generated;
use super::report::{self, Exit, Failure};
use crate::manifest;

/// Print the Kubernetes CustomResourceDefinitions
#[derive(Debug, clap::Args)]
pub struct CrdsArgs {
    /// Write one file a kind into this directory
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

pub fn run(args: &CrdsArgs) -> Result<Exit, Failure> {
    let files = manifest::crds();
    if let Some(dir) = &args.dir {
        return generated::write(dir, &files);
    }
    // One stream, for `kubectl apply -f -`.
    let stream: String = files.iter().map(|(_, text)| format!("---\n{text}")).collect();
    report::result(stream.as_bytes())?;
    Ok(Exit::Done)
}
