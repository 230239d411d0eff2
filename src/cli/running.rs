//! A workspace that runs all the time, as commands reach it: by its state alone, with whatever is sound of the manifests.
//!
//! Must never: reach a system, take the lock, or take a thing that can't be read for one that is not there.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::de::DeserializeOwned;

use super::Files;
use super::manifests;
use super::next;
use super::remote::{RemoteWorkspace, ServerArgs};
use super::report::{Failure, notice};
use super::session::{state_failure, state_place};
use crate::diagnostic::Level;
use crate::manifest::Loaded;
use crate::model::{Brake, Status, SystemRole};
use crate::pipeline;
use crate::policy::Policy;
use crate::render::safe;
use crate::render::status::{age, is_silent};
use crate::state::{self, Shelf, StateError, StatePlace, Store};

/// Where a workspace's state is: by its manifests, or by itself.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct RunningPlace {
    #[command(flatten)]
    pub files: Files,
    /// The state's file itself, where no manifests are at hand; one in a database or a bucket is found by the Workspace's document alone (-f)
    #[arg(long, value_name = "FILE", conflicts_with = "files")]
    pub state: Option<PathBuf>,
}

/// The same, or the API of whoever runs it.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct ServedPlace {
    #[command(flatten)]
    pub place: RunningPlace,
    #[command(flatten)]
    pub server: ServerArgs,
}

/// Where a workspace's state is, and what of its manifests says how to speak of it.
pub struct Running {
    /// the manifests, as far as they are sound: for words, never for a decision
    pub policy: Policy,
    /// where its state is
    pub state: StatePlace,
    /// what another command needs to find them: ` -f acme`
    pub files: String,
    /// whether these are manifests that a controller could run by, and not a Workspace alone
    pub whole: bool,
    /// whether nothing is wrong with them
    sound: bool,
    /// who is asked in the place of the state
    pub remote: Option<RemoteWorkspace>,
}

impl Running {
    /// Of whoever answers for it.
    pub fn served(served: &ServedPlace) -> Result<Self, Failure> {
        let Some(remote) = served.server.remote()? else { return Self::at(&served.place) };
        if served.place.state.is_some() {
            return Err(Failure::usage("--server and --state name two places").hint("leave one of them out"));
        }
        let (policy, _) = pipeline::compile_what_is_sound(&Loaded::default(), Vec::new());
        // Whose it is, and by which clock, the server does not say: times are this machine's.
        let policy = Policy { time_zone: TimeZone::system(), ..policy };
        let state = StatePlace::from(std::path::Path::new(""));
        Ok(Self { policy, state, files: remote.option(), whole: false, sound: false, remote: Some(remote) })
    }

    /// Of a place.
    pub fn at(place: &RunningPlace) -> Result<Self, Failure> {
        let Some(state) = &place.state else { return Self::load(&place.files) };
        if state.to_str().is_some_and(|text| text.contains("://")) {
            // What else is needed there has its place in that document: whose it is, who signs in, and with what.
            let failure = Failure::usage("--state takes the file of a state, and no address of a database or a bucket");
            return Err(failure.hint("name the Workspace's document, which is enough by itself: -f workspace.yaml"));
        }
        // Whose it is, the state itself says.
        let (policy, _) = pipeline::compile_what_is_sound(&Loaded::default(), Vec::new());
        let files = format!(" --state {}", next::quoted(&state.display().to_string()));
        Ok(Self { policy, state: state.into(), files, whole: false, sound: false, remote: None })
    }

    /// Of what `-f` names. What is wrong in the manifests holds nothing up but a Workspace that can't be told.
    pub fn load(files: &Files) -> Result<Self, Failure> {
        let manifests = manifests::load_what_is_sound(files)?;
        if manifests.warnings.iter().any(|problem| problem.level == Level::Error) {
            notice("warning: these manifests have errors (`headcount validate` shows them); they only tell where the state is");
        }
        let state = state_place(&manifests.loaded, files);
        let files = next::options(files).into_iter().map(|option| format!(" {option}")).collect();
        let sound = manifests.warnings.iter().all(|problem| problem.level != Level::Error);
        let whole = !manifests.loaded.targets.is_empty();
        Ok(Self { policy: manifests.policy, state, files, whole, sound, remote: None })
    }

    /// How to start a controller; nothing where these manifests are not all of the workspace's.
    pub fn start(&self) -> Option<String> {
        (self.whole && self.sound).then(|| format!("`headcount controller{}`", self.files))
    }

    /// In which times are told.
    pub fn zone(&self) -> &TimeZone {
        &self.policy.time_zone
    }

    /// How it stands, as it was told last; nothing where nobody ever told.
    pub async fn told(&self) -> Result<Option<Status>, Failure> {
        match &self.remote {
            Some(remote) => remote.status().await.map(Some),
            None => status(self.look().await?.as_ref()).await,
        }
    }

    /// Whether looking costs nothing.
    pub fn is_near(&self) -> bool {
        self.remote.is_none() && self.state.file().is_some()
    }

    /// The state, to look at.
    pub async fn look(&self) -> Result<Arc<dyn Store>, Failure> {
        let store = match self.policy.workspace.is_empty() {
            true => state::look(&self.state).await,
            false => state::look_at(&self.state, &self.policy.workspace).await,
        };
        let store = store.map_err(|error| state_failure(&error))?;
        store.ok_or_else(|| state_failure(&StateError::Missing { path: self.state.path() }))
    }

    /// The state, to ask something of whoever runs it. One that is not there is not made: a first run has to know that it is the first.
    pub async fn open(&self) -> Result<Arc<dyn Store>, Failure> {
        let looked = self.look().await?;
        let workspace = match self.policy.workspace.is_empty() {
            true => status(looked.as_ref()).await?.map(|status| status.workspace).ok_or_else(|| {
                Failure::new(format!("nothing has told yet whose the state {} is", self.state))
                    .hint("name the Workspace's document with -f")
            })?,
            false => self.policy.workspace.clone(),
        };
        state::open(&self.state, &workspace).await.map_err(|error| state_failure(&error))
    }

    /// A target that nobody knows is a slip of whoever named it. `status` knows targets that these manifests don't have.
    pub fn check_targets(&self, names: &[String], status: Option<&Status>) -> Result<(), Failure> {
        let kept = status.into_iter().flat_map(|status| &status.systems).filter(|system| system.role == SystemRole::Target);
        let mut known: Vec<&Arc<str>> =
            self.policy.targets.iter().map(|target| &target.name).chain(kept.map(|system| &system.name)).collect();
        known.sort();
        known.dedup();
        match names.iter().find(|name| !known.iter().any(|known| ***known == ***name)) {
            None => Ok(()),
            Some(name) => {
                let known: Vec<&str> = known.into_iter().map(AsRef::as_ref).collect();
                Err(Failure::usage(format!("there is no target {name:?}")).hint(format!("there are: {}", known.join(", "))))
            }
        }
    }
}

/// All that stands on a shelf. A thing that can't be read is another headcount's, and no reason to go on as if it were not there.
pub async fn all<T: DeserializeOwned>(shelf: Shelf, store: &dyn Store) -> Result<Vec<(Arc<str>, T)>, Failure> {
    let things = store.shelf(shelf).await.map_err(|error| state_failure(&error))?;
    let read = |thing: crate::state::Shelved| {
        let value = serde_json::from_str(&thing.body).map_err(|error| {
            let message = format!(
                "what the state {} holds under {:?} can't be read",
                store.place().display(),
                format!("{}/{}", shelf.word(), thing.name)
            );
            Failure::because(message, &error).hint("another version of headcount wrote it: use the one that runs the workspace")
        })?;
        Ok((thing.name, value))
    };
    things.into_iter().map(read).collect()
}

/// What was told last; nothing where no controller ever ran. The brake is the one that is pulled now, whether or not whoever runs it has seen it.
pub async fn status(store: &dyn Store) -> Result<Option<Status>, Failure> {
    let Some((_, mut status)) = all::<Status>(Shelf::Status, store).await?.into_iter().next() else { return Ok(None) };
    status.brake = brake(store).await?;
    Ok(Some(status))
}

/// The brake, where it is pulled.
pub async fn brake(store: &dyn Store) -> Result<Option<Brake>, Failure> {
    Ok(all::<Brake>(Shelf::Brake, store).await?.into_iter().map(|(_, brake)| brake).next())
}

/// Who takes up what was asked, or that nobody seems to.
pub fn heard(running: &Running, status: Option<&Status>, now: Timestamp) -> String {
    let words = match status {
        None => {
            let start = running.start().map(|start| format!(" ({start})")).unwrap_or_default();
            format!("No controller has run this workspace yet: it waits in the state until one does{start}.")
        }
        Some(status) if is_silent(status, now) => {
            let silent = age(now.duration_since(status.at));
            // How it was started is known where it was: with other flags it would be another one.
            format!(
                "Nobody seems to run this workspace (the last sign of life is {silent} old): it waits in the state until its controller runs again."
            )
        }
        Some(status) => match &status.lease {
            Some(lease) => format!("{} takes it up within seconds.", lease.holder),
            None => "Whoever runs this workspace takes it up once they have the lock.".to_owned(),
        },
    };
    safe::line(&words).into_owned()
}
