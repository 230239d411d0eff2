//! `headcount schema`.

use std::path::PathBuf;

use super::complete;
use super::generated;
use super::report::{Exit, Failure};
use crate::diagnostic::did_you_mean;
use crate::manifest;
use crate::render::json;

/// Print the JSON Schemas of the manifests and of the plan
#[derive(Debug, clap::Args)]
pub struct SchemaArgs {
    /// Only this kind, or plan; without it the schema that fits every kind
    #[arg(value_name = "KIND", ignore_case = true, conflicts_with = "dir", add = complete::kinds())]
    kind: Option<String>,
    /// Write one file a kind, and `headcount.json` for all of them, into this directory
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

pub fn run(args: &SchemaArgs) -> Result<Exit, Failure> {
    let mut files = manifest::schema();
    files.push(("plan.json".to_owned(), json::schema_text()));
    match &args.dir {
        Some(dir) => generated::write(dir, &files),
        None => {
            let kind = args.kind.as_deref().unwrap_or("headcount");
            generated::print(&files, &format!("{}.json", kind.to_lowercase())).unwrap_or_else(|| {
                let known = files.iter().map(|(name, _)| name.trim_end_matches(".json")).collect::<Vec<_>>();
                let near = did_you_mean(kind, known.iter().copied());
                Err(Failure::usage(format!("there is no kind `{kind}`"))
                    .hint(near.unwrap_or_else(|| format!("known: {}", known.join(", ")))))
            })
        }
    }
}
