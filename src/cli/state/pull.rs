//! A copy of the state in a file: a backup, or something to look into with any SQLite.

use std::path::PathBuf;

use super::{looked, with};
use crate::cli::Files;
use crate::cli::report::{Exit, Failure, notice};
use crate::state::Extent;

/// Copy the state to a file: a backup
#[derive(Debug, clap::Args)]
#[command(
    after_help = "It takes no lock and may be made while a run is under way. It holds names and addresses of people: keep it as private as the state itself.\n\nExample: headcount state pull backup.db"
)]
pub struct PullArgs {
    /// Where the copy goes; nothing may stand there
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    files: Files,
}

pub fn run(args: &PullArgs) -> Result<Exit, Failure> {
    if args.file.exists() {
        return Err(Failure::new(format!("{} is there already, and is not written over", args.file.display()))
            .hint("name a file that is not there yet"));
    }
    let words = with(&args.files, async |session| {
        let store = looked(session).await?;
        store.copy_to(args.file.clone()).await?;
        Ok(format!("Copied {} of {} to {}", Extent::of(store.as_ref()).await?, session.state, args.file.display()))
    })?;
    notice(words);
    Ok(Exit::Done)
}
