//! Somebody says that the state was restored on purpose, so that whoever runs it goes on.

use jiff::Timestamp;

use crate::cli::Files;
use crate::cli::report::{Exit, Failure, notice};
use crate::cli::session::{self, Session, state_failure};
use crate::cli::who::who;
use crate::journal::JournalError;
use crate::pipeline::Keeping;
use crate::render::count;
use crate::state::{self, StateError};

/// Go on from a state that was restored
#[derive(Debug, clap::Args)]
#[command(
    after_help = "A state that is behind the anchor that the Workspace names was restored: who was revoked, made or erased since then is not known to it, and nothing but revocations runs until somebody says that this is meant. Look first at what the next plan would do: headcount plan. Whoever was erased since then is erased again.\n\nExample: headcount state accept-restore --reason 'disk failed, copy of 02:00'"
)]
pub struct AcceptArgs {
    /// Why: it stays in the journal
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    files: Files,
}

pub fn run(args: &AcceptArgs) -> Result<Exit, Failure> {
    let reason = args.reason.trim();
    if reason.is_empty() {
        return Err(Failure::usage("the reason is empty").hint("say what happened: --reason 'disk failed, copy of 02:00'"));
    }
    let session = Session::load(&args.files)?;
    let accepted = session::run(accepted(&session, reason))?;
    let (found, again) = accepted.map_err(|error| match error {
        JournalError::State(error) => state_failure(&error),
        error => Failure::from_error(&error),
    })?;
    match found {
        None => notice("The state was not restored: it fits what was noted of it. Nothing was changed."),
        Some(found) => {
            notice(format_args!("The state counts as it is from now on ({found})."));
            if again > 0 {
                notice(format_args!("{} erased before and erased again.", count(again, "person")));
            }
        }
    }
    Ok(Exit::Done)
}

async fn accepted(session: &Session, reason: &str) -> Result<(Option<String>, u64), JournalError> {
    let (workspace, place) = (&session.policy.workspace, &session.state);
    if state::look_at(place, workspace).await?.is_none() {
        return Err(StateError::Missing { path: place.path() }.into());
    }
    let store = state::open(place, workspace).await?;
    let keeping = Keeping::of(&session.loaded, place.file());
    let Some(found) = keeping.restored(store.as_ref()).await? else { return Ok((None, 0)) };
    // A controller that waits for this holds the lock, and writes nothing meanwhile.
    let lock = store.lock_beside().await?;
    let again = keeping.accept(store.as_ref(), &found, (&who(), reason), Timestamp::now()).await;
    drop(lock);
    Ok((Some(found), again?))
}
