//! Where the state is, how far it is, and who has its lock.

use std::collections::BTreeSet;
use std::fmt::Write;

use serde_json::json;

use super::{looked, with};
use crate::cli::Files;
use crate::cli::output::TextOrJson;
use crate::cli::report::{self, Exit, Failure};
use crate::render::{count, safe};
use crate::state::{self, Extent, Holder, SCHEMA_VERSION};

/// Show where the state is, what it holds, and who has its lock
#[derive(Debug, clap::Args)]
pub struct ShowArgs {
    #[command(flatten)]
    files: Files,
    /// How to show it
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    output: TextOrJson,
}

pub fn run(args: &ShowArgs) -> Result<Exit, Failure> {
    let text = with(&args.files, async |session| {
        let store = looked(session).await?;
        let (extent, memory) = (Extent::of(store.as_ref()).await?, store.load().await?);
        let holder = state::holder(&session.state).await?;
        let place = session.state.path().display().to_string();
        let targets: BTreeSet<_> = memory.links.iter().map(|link| &link.target).collect();
        let holds = [
            (memory.links.len(), "link"),
            (memory.records.len(), "record"),
            (memory.deactivations.len(), "deactivation"),
            (memory.revocations.len(), "revocation"),
        ];
        if args.output == TextOrJson::Json {
            let shown = json!({
                "formatVersion": 1, "place": place, "workspace": session.policy.workspace, "tables": SCHEMA_VERSION,
                "generation": extent.generation, "journal": { "entries": extent.entries, "head": extent.hash },
                "links": memory.links.len(), "records": memory.records.len(), "deactivations": memory.deactivations.len(),
                "revocations": memory.revocations.len(), "known": memory.known, "lock": holder,
            });
            return Ok(format!("{shown:#}\n"));
        }
        let holds: Vec<String> = holds.iter().filter(|(number, _)| *number > 0).map(|(number, what)| count(*number as u64, what)).collect();
        let holds = if holds.is_empty() { "nothing yet".to_owned() } else { holds.join(", ") };
        let at = if targets.is_empty() { String::new() } else { format!(" at {}", count(targets.len() as u64, "target")) };
        let mut text = String::new();
        let _ = writeln!(text, "State       {}", safe::line(&place));
        let _ = writeln!(text, "Workspace   {}", safe::line(&session.policy.workspace));
        let _ = writeln!(text, "Generation  {}, tables of version {SCHEMA_VERSION}", extent.generation);
        let _ = writeln!(text, "Journal     {}", journal(&extent));
        let _ = writeln!(text, "Holds       {holds}{at}");
        let _ = writeln!(text, "Lock        {}", lock(session.state.file().is_some(), holder.as_ref()));
        Ok(text)
    })?;
    report::result(text.as_bytes())?;
    Ok(Exit::Done)
}

fn journal(extent: &Extent) -> String {
    let noun = if extent.entries == 1 { "entry" } else { "entries" };
    match &extent.hash {
        None => "empty".to_owned(),
        Some(hash) => format!("{} {noun}, head {}", extent.entries, hash.chars().take(12).collect::<String>()),
    }
}

fn lock(file: bool, holder: Option<&Holder>) -> String {
    match holder {
        Some(holder) => safe::line(&format!("held by {holder}")).into_owned(),
        None if file => "goes with the process that holds it".to_owned(),
        None => "free".to_owned(),
    }
}
