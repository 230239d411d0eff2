//! `headcount version`: which headcount this is, and which forms it reads and writes.

use serde_json::json;

use super::output::TextOrJson;
use super::report::{self, Exit, Failure};
use crate::manifest::API_VERSION;
use crate::model::FORMAT_VERSION;
use crate::state::SCHEMA_VERSION;

/// Print the version, and the versions of the forms that it reads and writes
#[derive(Debug, clap::Args)]
pub struct VersionArgs {
    /// How to show it
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    output: TextOrJson,
}

pub fn run(args: &VersionArgs) -> Result<Exit, Failure> {
    let version = env!("CARGO_PKG_VERSION");
    let text = match args.output {
        TextOrJson::Text => format!("headcount {version}\n"),
        TextOrJson::Json => {
            let document = json!({
                "formatVersion": 1, "version": version, "apiVersion": API_VERSION, "planFormat": FORMAT_VERSION, "stateSchema": SCHEMA_VERSION,
            });
            format!("{document:#}\n")
        }
    };
    report::result(text.as_bytes()).map(|()| Exit::Done)
}
