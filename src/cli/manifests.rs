//! From `-f` to loaded manifests and compiled rules: the same for every command.
//!
//! Must never: hand on manifests with an error in them.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Files;
use super::report::{Failure, Texts};
use crate::diagnostic::Diagnostic;
use crate::manifest::{self, Loaded, ManifestInput, Revision};
use crate::pipeline;
use crate::policy::Policy;

/// Most bytes of standard input; what is larger is told so by the loader.
const MAX_STDIN: u64 = 600 << 20;

/// Manifests without an error.
pub struct Manifests {
    pub loaded: Loaded,
    pub policy: Policy,
    pub warnings: Vec<Diagnostic>,
    pub texts: Texts,
}

/// Loads and compiles what `-f` names; all errors at once.
pub fn load(files: &Files) -> Result<Manifests, Failure> {
    let (inputs, texts) = inputs(files)?;
    let (loaded, policy, problems) = check(&inputs);
    match policy {
        Some(policy) => Ok(Manifests { loaded, policy, warnings: problems, texts }),
        None => Err(Failure::Manifests(problems, texts)),
    }
}

/// What is sound of what `-f` names, with all that is wrong: for what has to work whatever else is wrong, and never for a plan. Without a Workspace nothing can
/// be said to be ours.
pub fn load_what_is_sound(files: &Files) -> Result<Manifests, Failure> {
    let (inputs, texts) = inputs(files)?;
    let (loaded, problems) = manifest::load(&inputs);
    let (policy, warnings) = pipeline::compile_what_is_sound(&loaded, problems);
    if policy.workspace.is_empty() {
        return Err(Failure::Manifests(warnings, texts));
    }
    Ok(Manifests { loaded, policy, warnings, texts })
}

/// The Workspace's id, whatever else is wrong; none where that itself can't be told.
pub fn workspace(files: &Files) -> Option<String> {
    if files.files.iter().any(|path| path.as_os_str() == "-") {
        return None;
    }
    load_what_is_sound(files).ok().map(|manifests| manifests.policy.workspace.to_string())
}

/// What `-f` names; the current folder if it names nothing.
pub fn inputs(files: &Files) -> Result<(Vec<ManifestInput>, Texts), Failure> {
    let mut texts = Texts::default();
    let mut inputs = Vec::new();
    for path in &files.files {
        if path != Path::new("-") {
            inputs.push(ManifestInput::Path(path.clone()));
        } else if texts.stdin.is_none() {
            let mut bytes = Vec::new();
            let read = std::io::stdin().lock().take(MAX_STDIN).read_to_end(&mut bytes);
            read.map_err(|error| Failure::file("read", path, error))?;
            texts.stdin = Some(Arc::from(String::from_utf8_lossy(&bytes)));
            inputs.push(ManifestInput::stdin(bytes));
        }
    }
    if inputs.is_empty() {
        inputs.push(ManifestInput::Path(PathBuf::from(".")));
    }
    Ok((inputs, texts))
}

/// Every problem of the manifests and of the expressions in them, sorted by place; a policy only where none is an error.
pub fn check(inputs: &[ManifestInput]) -> (Loaded, Option<Policy>, Vec<Diagnostic>) {
    let (loaded, problems) = manifest::load(inputs);
    checked(loaded, problems)
}

/// The same for manifests that are not, or not yet, on the disk.
pub fn check_revision(revision: Revision) -> (Loaded, Option<Policy>, Vec<Diagnostic>) {
    let (loaded, problems) = manifest::load_revision(revision);
    checked(loaded, problems)
}

/// The same for what is loaded already.
pub fn checked(loaded: Loaded, problems: Vec<Diagnostic>) -> (Loaded, Option<Policy>, Vec<Diagnostic>) {
    let (policy, problems) = pipeline::compile(&loaded, problems);
    (loaded, policy, problems)
}
