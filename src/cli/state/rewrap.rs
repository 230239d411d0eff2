//! Another secret in the place of the one that wraps the keys of people.

use std::path::{Path, PathBuf};

use crate::cli::Files;
use crate::cli::report::{Exit, Failure, notice};
use crate::cli::session::{self, Session, state_failure};
use crate::cli::who::who;
use crate::manifest::connection::SecretRef;
use crate::render::count;
use crate::secret;
use crate::state::{self, StateError, Wrapped, Wrapping};

/// Wrap the keys of people by the secret that the Workspace names now
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Put the new secret where `state.encryption.secret` of the Workspace finds it, keep the former one in a file, and run this once, while no controller runs. What is sealed stays as it is: only its keys are wrapped anew. Copies of the state from before need the former secret.\n\nExample: headcount state rewrap --former old-secret -f acme"
)]
pub struct RewrapArgs {
    /// The file with the secret that wraps them so far; without it only keys that nothing wraps are wrapped
    #[arg(long, value_name = "FILE")]
    former: Option<PathBuf>,
    #[command(flatten)]
    files: Files,
}

pub fn run(args: &RewrapArgs) -> Result<Exit, Failure> {
    let session = Session::load(&args.files)?;
    let named = session.loaded.workspace.as_ref().and_then(|workspace| workspace.spec.state.as_ref());
    if named.is_none_or(|state| state.encryption.is_none()) {
        let failure = Failure::new("the Workspace names no secret that could wrap the keys");
        return Err(failure.hint("write `state: {encryption: {secret: {file: PATH}}}` into it"));
    }
    let wrapped = session::run(async {
        let former = match &args.former {
            Some(file) => Some(former(file).await?),
            None => None,
        };
        rewrapped(&session, former).await.map_err(|error| state_failure(&error))
    })??;
    notice(format_args!("{} wrapped anew.", count(wrapped.anew, "key")));
    if wrapped.locked == 0 {
        return Ok(Exit::Done);
    }
    let failure = Failure::new(format!("yet another secret wraps {}", count(wrapped.locked, "key")));
    Err(failure.hint("name the file of that one with --former"))
}

async fn former(file: &Path) -> Result<Wrapping, Failure> {
    let here = std::env::current_dir().map_err(|error| Failure::because("can't tell where this is", &error))?;
    let secret = secret::resolve(&SecretRef::File(file.display().to_string()), &here).await;
    let secret = secret.map_err(|error| Failure::because("the former secret can't be had", &error))?;
    Wrapping::of(&secret).ok_or_else(|| Failure::new("no key can be made of the former secret"))
}

async fn rewrapped(session: &Session, former: Option<Wrapping>) -> Result<Wrapped, StateError> {
    let (workspace, place) = (&session.policy.workspace, &session.state);
    if state::look_at(place, workspace).await?.is_none() {
        return Err(StateError::Missing { path: place.path() });
    }
    let store = state::open(place, workspace).await?;
    let lock = store.lock(&who()).await?;
    let wrapped = store.wrap_keys(former).await;
    store.release(lock).await?;
    wrapped
}
