//! The state at another place: copied under the lock of the old one, and looked at there.

use super::with;
use crate::cli::Files;
use crate::cli::report::{self, Exit, Failure, notice};
use crate::cli::session::state_failure;
use crate::cli::who::who;
use crate::journal::{Journal, JournalError};
use crate::manifest::kinds::StateLocation;
use crate::state::{self, Extent, Replacement, StateError, StatePlace};

/// Copy the state to another place, before the Workspace names that
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Afterwards write the new place into the Workspace, and take the old state away: what goes on with it does not know what happens at the new one.\n\nExample: headcount state migrate --to '{s3: {bucket: acme-headcount, region: eu-central-1}}'"
)]
pub struct MigrateArgs {
    /// What `state` of the Workspace will say, as YAML; a path counts from the Workspace document
    #[arg(long, value_name = "PLACE")]
    to: String,
    #[command(flatten)]
    files: Files,
}

pub fn run(args: &MigrateArgs) -> Result<Exit, Failure> {
    let hint = "write it as `state` of the Workspace would: '{s3: {bucket: acme-headcount}}' or '{path: state.db}'";
    let location =
        StateLocation::parse(&args.to).map_err(|error| Failure::because("can't read --to", &error).exit(Exit::Usage).hint(hint))?;
    let moved = with(&args.files, async |session| {
        let base = session.loaded.workspace.as_ref().map(|workspace| workspace.origin.base.as_path()).unwrap_or(std::path::Path::new(""));
        let place = StatePlace::at(&location, base, &session.policy.workspace).wrapped_as(&session.state);
        copied(&session.state, &place, &session.policy.workspace)
            .await
            .map(|extent| extent.map(|extent| (extent, session.state.clone(), place)))
    })?;
    let (extent, from, to) = match moved {
        Ok(moved) => moved,
        Err(JournalError::State(error)) => return Err(state_failure(&error)),
        Err(error) => return Err(Failure::from_error(&error)),
    };
    notice(format_args!("Copied {extent} from {from} to {to}; its journal is whole there."));
    notice("Now the Workspace has to say:");
    report::result(format!("  state: {}\n", args.to.trim()).as_bytes())?;
    notice(format_args!("Then take {from} away, so that nobody goes on with it."));
    Ok(Exit::Done)
}

/// While no run is under way at the old place, and where nothing is at the new one.
async fn copied(from: &StatePlace, to: &StatePlace, workspace: &str) -> Result<Result<Extent, JournalError>, StateError> {
    if from.path() == to.path() {
        return Err(StateError::Taken { path: to.path(), extent: "it is there already".to_owned() });
    }
    if let Some(there) = state::look_at(to, workspace).await? {
        return Err(StateError::Taken { path: to.path(), extent: format!("it has {}", Extent::of(there.as_ref()).await?) });
    }
    if state::look_at(from, workspace).await?.is_none() {
        return Err(StateError::Missing { path: from.path() });
    }
    let folder = tempfile::tempdir().map_err(|source| StateError::Copy { path: from.path(), source })?;
    let file = folder.path().join("state.db");
    let old = state::open(from, workspace).await?;
    let lock = old.lock(&who()).await?;
    let copied = old.copy_to(file.clone()).await;
    let moved = match copied {
        Ok(()) => state::put(to, Replacement { file: &file, workspace, who: &who(), force: false }).await,
        error => error,
    };
    old.release(lock).await?;
    moved?;
    let new = state::look_at(to, workspace).await?.ok_or_else(|| StateError::Missing { path: to.path() })?;
    match Journal::new(new.as_ref()).verify_chain().await {
        Ok(_) => Ok(Ok(Extent::of(new.as_ref()).await?)),
        Err(error) => Ok(Err(error)),
    }
}
