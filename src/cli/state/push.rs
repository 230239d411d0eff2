//! A copy of the state back in its place.

use std::path::PathBuf;

use super::{looked, with};
use crate::cli::Files;
use crate::cli::report::{Exit, Failure, notice};
use crate::cli::who::who;
use crate::state::{self, Extent, Replacement};

/// Put a copy of the state back in its place
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The file takes the place of the state as a whole. It is refused where the state was written to after the copy was made: what runs did since would be forgotten, and whoever was revoked since would get access back.\n\nExample: headcount state push backup.db"
)]
pub struct PushArgs {
    /// A copy that `headcount state pull` made, or a state of another place
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    files: Files,
    /// Even where what stands there is newer: what runs did since is forgotten
    #[arg(long)]
    force: bool,
}

pub fn run(args: &PushArgs) -> Result<Exit, Failure> {
    let words = with(&args.files, async |session| {
        let replacement = Replacement { file: &args.file, workspace: &session.policy.workspace, who: &who(), force: args.force };
        state::put(&session.state, replacement).await?;
        Ok(format!("{} has {} now", session.state, Extent::of(looked(session).await?.as_ref()).await?))
    })?;
    notice(words);
    Ok(Exit::Done)
}
