//! What the commands that work on a workspace share: load, read, plan, with progress.
//!
//! Must never: write anything. The state is made by `apply` alone.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::civil::Date;

use super::Files;
use super::manifests::{self, Manifests};
use super::progress::Watching;
use super::report::{self, Exit, Failure};
use crate::manifest::Loaded;
use crate::model::{Left, Memory, Plan};
use crate::pipeline::{self, Reading, Snapshot};
use crate::planning::Scope;
use crate::policy::Policy;
use crate::state::{self, StateError};

/// Threads evaluate expressions: their stacks are as large as the main one's.
const STACK: usize = 16 << 20;
/// Where the state is unless the Workspace says otherwise.
const STATE: &str = ".headcount/state.db";

/// A workspace, loaded and checked.
pub struct Session {
    /// the manifests
    pub loaded: Loaded,
    /// the manifests, compiled
    pub policy: Policy,
    /// the state's file
    pub state: PathBuf,
}

impl Session {
    /// Loads and checks the manifests. Warnings are printed; errors, all of them, are the failure.
    pub fn load(files: &Files) -> Result<Self, Failure> {
        let Manifests { loaded, policy, warnings, texts } = manifests::load(files)?;
        if !warnings.is_empty() {
            report::diagnostics(&warnings, &texts);
        }
        let state = state_path(&loaded, files);
        Ok(Self { loaded, policy, state })
    }

    /// A target that does not exist is a slip of whoever named it.
    pub fn check_target(&self, name: &str) -> Result<(), Failure> {
        let names: Vec<_> = self.policy.targets.iter().map(|target| target.name.as_ref()).collect();
        if names.contains(&name) {
            return Ok(());
        }
        Err(Failure::usage(format!("there is no target {name:?}")).hint(format!("the manifests have: {}", names.join(", "))))
    }

    /// What earlier runs left of a revision's workspace. A state that the branch put into its place is none.
    pub async fn remembered(loaded: &Loaded, policy: &Policy) -> Result<Memory, Failure> {
        let path = state_path(loaded, &Files::default());
        let state = loaded.files.place(path.clone()).map_err(|error| Failure::file("open the state", &path, error).exit(Exit::Stale))?;
        let failed = |error| state_failure(&error);
        match state::look_at(&state, &policy.workspace).await.map_err(failed)? {
            Some(store) => store.load().await.map_err(failed),
            None => Ok(Memory::default()),
        }
    }

    /// What earlier runs left; nothing where there was none.
    async fn memory(&self) -> Result<Memory, Failure> {
        let failed = |error| state_failure(&error);
        match state::look_at(&self.state, &self.policy.workspace).await.map_err(failed)? {
            Some(store) => store.load().await.map_err(failed),
            None => Ok(Memory::default()),
        }
    }

    /// What the last complete run left at targets; nothing where there was none.
    pub(super) async fn left(&self) -> Result<Vec<Left>, Failure> {
        let failed = |error| state_failure(&error);
        match state::look_at(&self.state, &self.policy.workspace).await.map_err(failed)? {
            Some(store) => store.left().await.map_err(failed),
            None => Ok(Vec::new()),
        }
    }

    /// Reads every system and plans.
    pub fn plan(self, as_of: Option<Date>) -> Result<(Snapshot, Plan), Failure> {
        run(self.planned(as_of))?
    }

    /// The same for whoever goes on in the same runtime.
    pub(super) async fn planned(self, as_of: Option<Date>) -> Result<(Snapshot, Plan), Failure> {
        let memory = self.memory().await?;
        let moment = pipeline::moment(&self.policy, as_of);
        let watching = Watching::default();
        let snapshot = pipeline::read(&self.loaded, self.policy, memory, moment, &Reading::once(&watching)).await;
        let plan = pipeline::plan(&snapshot, Scope::All, &watching).await;
        Ok((snapshot, plan))
    }
}

/// The state's own messages name the next step already.
pub fn state_failure(error: &StateError) -> Failure {
    Failure::from_error(error)
}

/// Runs the part of a command that reaches systems. A thread that still blocks when it is over (a file on a network that is gone, a name server that does
/// not answer) holds nothing up.
pub fn run<T>(work: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().thread_stack_size(STACK).build();
    let runtime = runtime.map_err(|error| Failure::because("can't start the threads for network and files", &error))?;
    let result = runtime.block_on(work);
    runtime.shutdown_timeout(LINGER);
    Ok(result)
}

/// What is nearly done may end.
const LINGER: Duration = Duration::from_secs(2);

/// Beside the Workspace document, or beside what was named first.
pub fn state_path(loaded: &Loaded, files: &Files) -> PathBuf {
    match &loaded.workspace {
        Some(workspace) => {
            let path = workspace.spec.state.as_ref().map_or(STATE, |state| &state.path);
            workspace.origin.base.join(path)
        }
        None => match files.files.iter().find(|path| path.as_os_str() != "-") {
            Some(folder) if folder.is_dir() => folder.join(STATE),
            Some(file) => file.parent().unwrap_or(Path::new("")).join(STATE),
            None => PathBuf::from(STATE),
        },
    }
}
