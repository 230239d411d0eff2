//! A lock whose run is gone for good.

use super::with;
use crate::cli::Files;
use crate::cli::report::{Exit, Failure, notice};
use crate::render::safe;
use crate::state;

/// Take the lock away from a run that is gone
#[derive(Debug, clap::Args)]
#[command(
    after_help = "A run that gives no sign of life for a minute (15 s in PostgreSQL) loses its lock to the next one by itself: this is for whoever can't wait. A run that is alive after all stops, and what it sent by then is in the journal."
)]
pub struct UnlockArgs {
    /// The run, as `headcount state show` names it
    #[arg(value_name = "RUN")]
    run: String,
    #[command(flatten)]
    files: Files,
}

pub fn run(args: &UnlockArgs) -> Result<Exit, Failure> {
    let words = with(&args.files, async |session| {
        let holder = state::unlock(&session.state, args.run.trim()).await?;
        Ok(format!("The lock on {} is free; it was held by {holder}", session.state))
    })?;
    notice(safe::lines(&words));
    Ok(Exit::Done)
}
