//! Where the manifests of a workspace come from that runs all the time: a folder, or a branch of a git repository. Each look gives what is new, loaded and
//! compiled, or why it is not used.
//!
//! Must never: hand on what was caught in the middle of being written, take manifests that can't be read for none, or end because somebody is away: that is an
//! error of this look, and what ran before runs on.

mod folder;
mod held;
mod repository;
mod tell;
#[cfg(test)]
pub(super) mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::future::BoxFuture;

pub use folder::{FolderRevisions, Numbers, named_files};
pub use held::{ManifestInventory, Shrunk, names_the_same, shrank};
pub use repository::GitRevisions;
pub use tell::{CommitTeller, commit_statuses};

use crate::diagnostic::{Diagnostic, Level};
use crate::git::GitError;
use crate::manifest::{self, Loaded, load_revision};
use crate::model::Revision;
use crate::pipeline;
use crate::policy::Policy;
use crate::secret::SecretError;

/// How the names of revisions begin that are files of a machine.
const FILES: &str = "files@";

/// Whoever knows where manifests come from.
pub trait RevisionSource: Send {
    /// Looks, and gives what is new since the last look; the first one always gives something. `known` is what was in force last, also of an earlier process: who
    /// wrote what is new, and whether history was rewritten, counts from there. A call that is given up loses nothing.
    fn next<'a>(&'a mut self, known: Option<&'a Revision>) -> BoxFuture<'a, Result<Option<Arrived>, RevisionError>>;

    /// What was in force before, whatever is there now: by its id, or as the source itself noted it. Nothing where it keeps no earlier revision, or has that one no
    /// more. After it the next look gives something again, as the first one does.
    fn recall<'a>(&'a mut self, _id: Option<&'a str>) -> BoxFuture<'a, Result<Option<Arrived>, RevisionError>> {
        Box::pin(async { Ok(None) })
    }

    /// Whether earlier revisions can be had from it again.
    fn keeps(&self) -> bool {
        false
    }

    /// This revision is in force from now on.
    fn keep<'a>(&'a mut self, _revision: &'a Revision) -> BoxFuture<'a, ()> {
        Box::pin(async {})
    }

    /// What is sound of the manifests that were refused last: for words, and to find the state; never for a plan.
    fn sound_part(&self) -> Option<SoundPart> {
        None
    }

    /// What it looks at, for people.
    fn place(&self) -> String;
}

/// Manifests that were not there before.
#[derive(Debug)]
pub struct Arrived {
    /// which
    pub revision: Revision,
    /// what they say; or every reason why they are not used
    pub manifests: Result<SoundManifests, Vec<Diagnostic>>,
    /// what was in force did not lead here
    pub rewritten: bool,
}

/// Manifests without an error.
#[derive(Debug)]
pub struct SoundManifests {
    /// as they are written
    pub loaded: Arc<Loaded>,
    /// compiled
    pub policy: Arc<Policy>,
    /// what is odd about them
    pub warnings: Vec<Diagnostic>,
    /// by Source: a number of the files that it reads beside the manifests. Where another one comes, that Source has to be read.
    pub data: BTreeMap<Arc<str>, Arc<str>>,
}

/// What is sound of manifests that have errors.
#[derive(Clone, Debug)]
pub struct SoundPart {
    /// as they are written
    pub loaded: Arc<Loaded>,
    /// compiled, as far as they are sound
    pub policy: Arc<Policy>,
}

/// Why a look gave nothing. What ran before runs on.
#[derive(Debug, thiserror::Error)]
pub enum RevisionError {
    /// git, or the remote
    #[error(transparent)]
    Git(#[from] GitError),
    /// what signs in at the remote
    #[error("what signs in at the repository can't be had")]
    Secret(#[from] SecretError),
    /// a folder that is not there, or has no manifest
    #[error("{}: {why}", .path.display())]
    Folder {
        /// as it was named
        path: PathBuf,
        /// why
        why: String,
    },
    /// a file that does not come to rest
    #[error("{}: {}", .path.display(), crate::files::WRITTEN)]
    Written {
        /// which
        path: PathBuf,
    },
    /// what a cluster, or whatever else has them, said
    #[error("{what}")]
    Elsewhere {
        /// why
        what: String,
        /// the next step
        next: String,
    },
    /// a thread came to nothing
    #[error("looking for manifests came to nothing")]
    Broken,
}

impl RevisionError {
    /// The next step.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Git(error) => error.hint(),
            Self::Secret(_) => Some("HEADCOUNT_GIT_TOKEN, or the file that was named, must hold a token".to_owned()),
            Self::Folder { .. } => Some("is it mounted, and may headcount read it? What ran before runs on".to_owned()),
            Self::Written { .. } => Some("have it written beside, and moved into its place. What ran before runs on".to_owned()),
            Self::Elsewhere { next, .. } => Some(next.clone()),
            Self::Broken => None,
        }
    }
}

/// Everything wrong with manifests, a line each: the place, what, and what to do.
pub fn reasons(problems: &[Diagnostic]) -> Vec<String> {
    let errors = problems.iter().filter(|problem| problem.level == Level::Error);
    let line = |problem: &Diagnostic| {
        let place = problem.place.as_ref().map(|(place, _)| format!("{}:{}: ", place.file, place.line)).unwrap_or_default();
        let hint = problem.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
        format!("{place}{}{hint}", problem.message)
    };
    errors.map(line).collect()
}

/// What was loaded and compiled before: what is the same since is taken from there.
#[derive(Clone, Debug)]
pub struct CompiledBefore {
    loaded: Arc<Loaded>,
    policy: Arc<Policy>,
}

impl SoundManifests {
    /// For the next ones.
    pub fn as_before(&self) -> CompiledBefore {
        CompiledBefore { loaded: self.loaded.clone(), policy: self.policy.clone() }
    }
}

/// Rules with warnings, or every problem.
pub type CompiledManifests = Result<(Arc<Policy>, Vec<Diagnostic>), Vec<Diagnostic>>;

/// Loads and compiles what was read.
pub fn compile(revision: manifest::Revision, before: Option<&CompiledBefore>) -> (Arc<Loaded>, CompiledManifests) {
    let (loaded, problems) = load_revision(manifest::Revision { before: before.map(|before| before.loaded.clone()), ..revision });
    let (policy, problems) = pipeline::compile_after(&loaded, before.map(|before| (&*before.loaded, &*before.policy)), problems);
    let done = match policy {
        Some(policy) => Ok((Arc::new(policy), problems)),
        None => Err(problems),
    };
    (Arc::new(loaded), done)
}

/// What of manifests with errors says where the state is, and how to speak of it: nothing where not even the Workspace can be told.
pub fn sound_part(loaded: Arc<Loaded>, problems: &[Diagnostic]) -> Option<SoundPart> {
    let (policy, _) = pipeline::compile_what_is_sound(&loaded, problems.to_vec());
    (!policy.workspace.is_empty()).then(|| SoundPart { loaded, policy: Arc::new(policy) })
}

/// The files beside the manifests that are nothing but a Source's records: whose, and where the manifest says they are.
pub fn data_files(loaded: &Loaded) -> impl Iterator<Item = (&Arc<str>, PathBuf)> {
    loaded.sources.iter().filter(|source| source.spec.connection.described().is_data()).flat_map(|source| {
        let files = source.spec.connection.described().files();
        files.into_iter().map(move |file| (&source.name, source.origin.base.join(file.value)))
    })
}
