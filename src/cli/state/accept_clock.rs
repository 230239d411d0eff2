//! Somebody says that the clock is right, and was ahead before, so that whoever runs it goes on.

use jiff::Timestamp;

use crate::cli::Files;
use crate::cli::report::{Exit, Failure, notice};
use crate::cli::session::{self, Session, state_failure};
use crate::cli::who::who;
use crate::journal::JournalError;
use crate::pipeline::Keeping;
use crate::state::{self, StateError};

/// Go on after the clock was ahead
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Where the journal has an entry of a later time than this machine's clock says, the clock is wrong now or was then. Who is here today can't be told by it, and nothing but revocations runs until it is set right, or somebody says that it is. Look first at who left and who came while it was ahead: headcount history.\n\nExample: headcount state accept-clock --reason 'the host came up in 2031'"
)]
pub struct AcceptClockArgs {
    /// Why: it stays in the journal
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    files: Files,
}

pub fn run(args: &AcceptClockArgs) -> Result<Exit, Failure> {
    let reason = args.reason.trim();
    if reason.is_empty() {
        return Err(Failure::usage("the reason is empty").hint("say what happened: --reason 'the host came up in 2031'"));
    }
    let session = Session::load(&args.files)?;
    let found = session::run(accepted(&session, reason))?.map_err(|error| match error {
        JournalError::State(error) => state_failure(&error),
        error => Failure::from_error(&error),
    })?;
    match found {
        None => notice("No entry of the journal is later than the clock. Nothing was changed."),
        Some(found) => notice(format_args!("The clock counts as right from now on ({found}).")),
    }
    Ok(Exit::Done)
}

async fn accepted(session: &Session, reason: &str) -> Result<Option<String>, JournalError> {
    let (workspace, place) = (&session.policy.workspace, &session.state);
    if state::look_at(place, workspace).await?.is_none() {
        return Err(StateError::Missing { path: place.path() }.into());
    }
    let store = state::open(place, workspace).await?;
    let keeping = Keeping::of(&session.loaded, place.file());
    let now = Timestamp::now();
    let Some(found) = keeping.clock(store.as_ref(), now).await? else { return Ok(None) };
    // A controller that waits for this holds the lock, and writes nothing meanwhile.
    let lock = store.lock_beside().await?;
    let accepted = keeping.accept_clock(store.as_ref(), &found, (&who(), reason), now).await;
    drop(lock);
    accepted.map(|()| Some(found))
}
