//! What the commands that work on a workspace share: load, read, plan, with progress.
//!
//! Must never: write anything. The state is made by `apply` alone.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;

use super::Files;
use super::manifests::{self, Manifests};
use super::progress::Watching;
use super::report::{self, Exit, Failure, notice};
use crate::inbox::Inboxes;
use crate::manifest::Loaded;
use crate::model::{Finding, FindingCode, Left, Memory, Plan, Severity, Subject};
use crate::pipeline::{self, GateMemory, Keeping, Reading, Snapshot};
use crate::planning::Scope;
use crate::policy::Policy;
use crate::render::safe;
use crate::state::{self, PlaceKind, StateError, StatePlace};
use crate::workspace::acts;

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
    /// where the state is
    pub state: StatePlace,
}

impl Session {
    /// Loads and checks the manifests. Warnings are printed; errors, all of them, are the failure.
    pub fn load(files: &Files) -> Result<Self, Failure> {
        let Manifests { loaded, policy, warnings, texts } = manifests::load(files)?;
        if !warnings.is_empty() {
            report::diagnostics(&warnings, &texts);
        }
        let state = state_place(&loaded, files);
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
    pub async fn remembered(loaded: &Loaded, policy: &Policy) -> Result<(Memory, Vec<Left>), Failure> {
        // What is remembered is read, and nothing that is sealed: a branch names no secret of ours.
        let state = match state_place(loaded, &Files::default()).at {
            PlaceKind::File(path) => {
                let place = loaded.files.place(path.clone());
                PlaceKind::File(place.map_err(|error| Failure::file("open the state", &path, error).exit(Exit::Stale))?)
            }
            PlaceKind::Postgres(postgres) => {
                let place = |path: PathBuf| loaded.files.place(path.clone()).map_err(|error| (path, error));
                let placed = postgres.with_files(place);
                PlaceKind::Postgres(placed.map_err(|(path, error)| Failure::file("open the state", &path, error).exit(Exit::Stale))?)
            }
            elsewhere => elsewhere,
        };
        let failed = |error| state_failure(&error);
        match state::look_at(StatePlace::from(state), &policy.workspace).await.map_err(failed)? {
            Some(store) => Ok((store.load().await.map_err(failed)?, store.left().await.map_err(failed)?)),
            None => Ok(Default::default()),
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

    /// What the last complete run left at targets, but for what it found there that no manifest declares; nothing where there was none.
    pub(super) async fn left_untold(&self) -> Result<Vec<Left>, Failure> {
        let failed = |error| state_failure(&error);
        match state::look_at(&self.state, &self.policy.workspace).await.map_err(failed)? {
            Some(store) => acts::left_untold(store.as_ref()).await.map_err(failed),
            None => Ok(Vec::new()),
        }
    }

    /// What the state says about running now; nothing where there is none.
    pub(super) async fn kept(&self) -> Result<GateMemory, Failure> {
        let failed = |error| state_failure(&error);
        match state::look_at(&self.state, &self.policy.workspace).await.map_err(failed)? {
            Some(store) => pipeline::kept(&self.policy, store.as_ref()).await.map_err(failed),
            None => Ok(GateMemory::default()),
        }
    }

    /// Reads every system and plans.
    pub fn plan(self, as_of: Option<Date>) -> Result<(Snapshot, Plan), Failure> {
        run(self.planned(as_of))?
    }

    /// Whether a job of a CI system would begin with nothing and leave nothing behind: what it needs is a place that stays.
    pub fn forgets(&self) -> Option<Finding> {
        let set = std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false");
        let path = self.state.file().filter(|path| set && !path.exists())?;
        let message = format!(
            "there is no state at {}, and this is a CI job: nothing is known of earlier runs. So accounts without headcount's mark are nobody's, whoever is missing from a source keeps access, \
             limits of the day begin anew, and whom `headcount revoke` cut off is not known; leavers whom a source reports still lose access",
            path.display()
        );
        let hint = "Name a place that stays in the Workspace: `state: {s3: {bucket: …}}`, `gcs`, `azure` or `postgres` (docs/ci.md). If this is the very first run, say --first-run.";
        Some(Finding::new(Severity::Incomplete, FindingCode::NoState, Subject::system(&Arc::from("state")), message).hint(hint))
    }

    /// Why what is planned now could not be applied: the state was put back, or the clock is wrong.
    pub async fn doubts(&self) -> Result<Vec<Finding>, Failure> {
        let Some(store) = state::look_at(&self.state, &self.policy.workspace).await.map_err(|error| state_failure(&error))? else {
            return Ok(Vec::new());
        };
        let keeping = Keeping::of(&self.loaded, self.state.file());
        // What is wrong with the journal itself `apply` tells, and `history --verify`.
        let restored = keeping.restored(store.as_ref()).await.ok().flatten();
        let clock = keeping.clock(store.as_ref(), Timestamp::now()).await.ok().flatten();
        let finding = |code, about: &str, message| Finding::new(Severity::Incomplete, code, Subject::system(&Arc::from(about)), message);
        let restored = restored.map(|why| {
            finding(FindingCode::StateRestored, "state", format!("the state was restored: {why}; `apply` changes nothing"))
                .hint("Put a newer copy back, or say that it is meant: headcount state accept-restore --reason TEXT")
        });
        let clock = clock.map(|why| {
            finding(FindingCode::ClockWrong, "clock", format!("the clock is wrong: {why}; `apply` changes nothing"))
                .hint("Set the clock right; if it is right, and was ahead before: headcount state accept-clock --reason TEXT")
        });
        Ok(restored.into_iter().chain(clock).collect())
    }

    /// The same for whoever goes on in the same runtime.
    pub(super) async fn planned(self, as_of: Option<Date>) -> Result<(Snapshot, Plan), Failure> {
        let failed = |error| state_failure(&error);
        let memory = self.memory().await?;
        let moment = pipeline::moment(&self.policy, as_of);
        let watching = Watching::default();
        let mut reading = Reading::once(&watching);
        if let Some(store) = state::look_at(&self.state, &self.policy.workspace).await.map_err(failed)? {
            reading = reading.with_inboxes(Inboxes::to_read(store));
        }
        let snapshot = pipeline::read(&self.loaded, Arc::new(self.policy), memory, moment, &reading).await;
        let plan = pipeline::plan(&snapshot, Scope::All, &watching).await;
        // Whether it can be told or not changes nothing.
        if let Ok(Some(holder)) = state::holder(&self.state).await {
            notice(safe::lines(&format!("a run is under way ({holder}): what it does meanwhile is not in this plan")));
        }
        Ok((snapshot, plan))
    }
}

/// The state's own messages name the next step already.
pub fn state_failure(error: &StateError) -> Failure {
    let failure = Failure::from_error(error);
    match error {
        StateError::Busy { holder, .. } => match &holder.run {
            Some(run) => failure.hint(format!(
                "once it gives no sign of life for a while (a minute; 15 s in PostgreSQL), the next run takes the lock by itself; to take it at once, when you know that it is gone: headcount state unlock {run}"
            )),
            None => failure,
        },
        StateError::LostLock { .. } => failure.exit(Exit::Partly),
        _ => failure,
    }
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

/// Where the Workspace says; else beside its document, or beside what was named first.
pub fn state_place(loaded: &Loaded, files: &Files) -> StatePlace {
    let beside = |folder: &Path| PlaceKind::File(folder.join(STATE)).into();
    match &loaded.workspace {
        Some(workspace) => match &workspace.spec.state {
            Some(state) => StatePlace::of(state, &workspace.origin.base, &workspace.spec.id, STATE),
            None => beside(&workspace.origin.base),
        },
        None => match files.files.iter().find(|path| path.as_os_str() != "-") {
            Some(folder) if folder.is_dir() => beside(folder),
            Some(file) => beside(file.parent().unwrap_or(Path::new(""))),
            None => beside(Path::new("")),
        },
    }
}
