//! What the commands that work on a workspace share: load, read, plan, with progress.
//!
//! Must never: write anything. The state is made by `apply` alone.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::Date;

use super::Files;
use super::progress::Reading;
use super::report::{self, Failure, Texts};
use crate::connector::registry::Facts;
use crate::diagnostic::Level;
use crate::manifest::{self, Input, Loaded};
use crate::model::{Memory, Plan};
use crate::pipeline::{self, Snapshot};
use crate::planning::Scope;
use crate::policy::{self, Policy};
use crate::state::Store;

/// No manifest is larger.
const STDIN_LIMIT: u64 = 512 << 20;
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
        let (inputs, texts) = inputs(files)?;
        let (loaded, mut found) = manifest::load(&inputs);
        if found.iter().any(|diagnostic| diagnostic.level == Level::Error) {
            return Err(Failure::Manifests(found, texts));
        }
        let policy = match policy::compile(&loaded, &Facts) {
            Ok((policy, warnings)) => {
                found.extend(warnings);
                policy
            }
            Err(errors) => {
                found.extend(errors);
                return Err(Failure::Manifests(found, texts));
            }
        };
        if !found.is_empty() {
            report::diagnostics(&found, &texts);
        }
        let state = state_path(&loaded, files);
        Ok(Self { loaded, policy, state })
    }

    /// What earlier runs left; nothing where there was none.
    pub fn memory(&self) -> Result<Memory, Failure> {
        if !self.state.exists() {
            return Ok(Memory::default());
        }
        let store = Store::open(&self.state, &self.policy.workspace).map_err(|error| state_failure(&error))?;
        store.load().map_err(|error| state_failure(&error))
    }

    /// Reads every system and plans.
    pub async fn plan(self, memory: Memory, as_of: Option<Date>) -> (Snapshot, Plan) {
        let moment = pipeline::moment(&self.policy, as_of);
        let reading = Reading::start(self.policy.sources.len() + self.policy.targets.len());
        let snapshot = pipeline::read(&self.loaded, self.policy, memory, moment, &reading).await;
        reading.planning();
        let plan = pipeline::plan(&snapshot, Scope::All).await;
        reading.done();
        (snapshot, plan)
    }
}

/// The state's own messages name the next step already.
pub fn state_failure(error: &crate::state::StateError) -> Failure {
    Failure::from_error(error)
}

/// The runtime for commands that reach systems.
pub fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().thread_stack_size(STACK).build();
    runtime.map_err(|error| Failure::because("can't start the threads for network and files", &error))
}

/// What `-f` names. Stdin is read here, once; its text is kept to mark lines in it.
pub fn inputs(files: &Files) -> Result<(Vec<Input>, Texts), Failure> {
    if files.files.is_empty() {
        return Ok((vec![Input::Path(PathBuf::from("."))], Texts::default()));
    }
    let mut texts = Texts::default();
    let mut inputs = Vec::new();
    for path in &files.files {
        if path.as_os_str() != "-" {
            inputs.push(Input::Path(path.clone()));
        } else if texts.stdin.is_none() {
            let mut bytes = Vec::new();
            let read = std::io::stdin().lock().take(STDIN_LIMIT).read_to_end(&mut bytes);
            read.map_err(|error| Failure::file("read", Path::new("standard input"), error))?;
            texts.stdin = Some(Arc::from(String::from_utf8_lossy(&bytes)));
            inputs.push(Input::stdin(bytes));
        }
    }
    Ok((inputs, texts))
}

/// Beside the Workspace document, or beside what was named first.
fn state_path(loaded: &Loaded, files: &Files) -> PathBuf {
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
