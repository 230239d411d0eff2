//! What of the journal is older than it has to be kept, into a file.

use jiff::Timestamp;

use crate::cli::Files;
use crate::cli::report::{Exit, Failure, notice};
use crate::cli::session::{self, Session, state_failure};
use crate::cli::who::who;
use crate::journal::{JournalError, Pruned, prunable};
use crate::pipeline::Keeping;
use crate::render::count;
use crate::state::{self, StateError};

/// Write what of the journal is older than `state.retention` into a file, and take it out of the state
#[derive(Debug, clap::Args)]
#[command(
    after_help = "A controller does it once a day. The file holds the entries as they were written, each with its hash; what they say of people stays sealed, and whoever is erased later can't be read there either. `headcount history --verify` begins behind it."
)]
pub struct PruneArgs {
    #[command(flatten)]
    files: Files,
}

/// What became of it.
enum Done {
    Nothing,
    /// there is something, and no place for it
    NoArchive(u64),
    Pruned(Pruned),
}

pub fn run(args: &PruneArgs) -> Result<Exit, Failure> {
    let session = Session::load(&args.files)?;
    let done = session::run(pruned(&session))?.map_err(|error| match error {
        JournalError::State(error) => state_failure(&error),
        error => Failure::from_error(&error),
    })?;
    match done {
        Done::Nothing => notice("Nothing in the journal is older than it has to be kept."),
        Done::NoArchive(entries) => {
            let failure = Failure::new(format!("{} may go, and there is no place for them", entries_of(entries)));
            return Err(failure.hint("name a folder in the Workspace: `state: {archive: DIR}`"));
        }
        Done::Pruned(pruned) => {
            let keys =
                if pruned.keys > 0 { format!("; {} that sealed nothing else went, too", count(pruned.keys, "key")) } else { String::new() };
            notice(format_args!("{} went into {}{keys}.", entries_of(pruned.entries), pruned.file.display()));
        }
    }
    Ok(Exit::Done)
}

fn entries_of(entries: u64) -> String {
    if entries == 1 { "1 entry".to_owned() } else { format!("{entries} entries") }
}

async fn pruned(session: &Session) -> Result<Done, JournalError> {
    let (workspace, place) = (&session.policy.workspace, &session.state);
    if state::look_at(place, workspace).await?.is_none() {
        return Err(StateError::Missing { path: place.path() }.into());
    }
    let store = state::open(place, workspace).await?;
    let lock = store.lock(&who()).await?;
    let keeping = Keeping::of(&session.loaded, place.file());
    let now = Timestamp::now();
    let done = keeping.prune(store.as_ref(), now).await;
    let left = if keeping.archive.is_none() { prunable(store.as_ref(), keeping.before(now)).await.unwrap_or_default() } else { 0 };
    store.release(lock).await?;
    Ok(match done? {
        Some(pruned) => Done::Pruned(pruned),
        None if left > 0 => Done::NoArchive(left),
        None => Done::Nothing,
    })
}
