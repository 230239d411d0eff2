//! `headcount state`: where the memory of a workspace is kept, and what of it a person may have to do by hand: look at it, copy it, put a copy back, move it
//! elsewhere, take a lock away from a run that is gone, go on from one that was restored, write out what is old, put another secret in the place of the one that wraps
//! its keys.
//!
//! Must never: write over what is newer unless somebody said so, or take a lock from a run that is not named.

mod accept;
mod accept_clock;
mod migrate;
mod prune;
mod pull;
mod push;
mod rewrap;
mod show;
mod unlock;

use clap::Subcommand;

use super::Files;
use super::report::{Exit, Failure};
use super::session::{self, Session, state_failure};
use crate::state::{self, StateError, Store};

/// Show, copy and move the state: what headcount remembers between runs
#[derive(Debug, clap::Args)]
pub struct StateArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Show(show::ShowArgs),
    Pull(pull::PullArgs),
    Push(push::PushArgs),
    Migrate(migrate::MigrateArgs),
    Unlock(unlock::UnlockArgs),
    Prune(prune::PruneArgs),
    Rewrap(rewrap::RewrapArgs),
    AcceptRestore(accept::AcceptArgs),
    AcceptClock(accept_clock::AcceptClockArgs),
}

pub fn run(args: &StateArgs) -> Result<Exit, Failure> {
    match &args.command {
        Command::Show(args) => show::run(args),
        Command::Pull(args) => pull::run(args),
        Command::Push(args) => push::run(args),
        Command::Migrate(args) => migrate::run(args),
        Command::Unlock(args) => unlock::run(args),
        Command::Prune(args) => prune::run(args),
        Command::Rewrap(args) => rewrap::run(args),
        Command::AcceptRestore(args) => accept::run(args),
        Command::AcceptClock(args) => accept_clock::run(args),
    }
}

/// A workspace, and what is done with its state.
fn with<T>(files: &Files, work: impl AsyncFnOnce(&Session) -> Result<T, StateError>) -> Result<T, Failure> {
    let session = Session::load(files)?;
    session::run(async { work(&session).await.map_err(|error| state_failure(&error)) })?
}

/// The state of a workspace, to look at.
async fn looked(session: &Session) -> Result<std::sync::Arc<dyn Store>, StateError> {
    let store = state::look_at(&session.state, &session.policy.workspace).await?;
    store.ok_or_else(|| StateError::Missing { path: session.state.path() })
}
