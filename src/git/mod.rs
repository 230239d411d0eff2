//! Revisions out of git: which commits are compared, what a remote has, and the files of a commit, without a checkout. The only user of the `git` program.
//!
//! Nothing of a revision runs: no hook, no filter, no checkout; a link is never followed. Must never: take history that is missing for an empty revision,
//! write into a repository that is not a copy of its own, ask anybody at a terminal, or read without a bound.

mod address;
mod apart;
mod compare;
mod error;
mod follow;
mod hints;
mod listing;
mod overlay;
mod program;
#[cfg(test)]
mod tests;
mod tree;

use std::path::{Path, PathBuf};

pub use address::{RemoteUrl, Scheme};
pub use apart::{SshAccess, Token};
pub use compare::{Compared, Question};
pub use error::GitError;
pub use follow::{Fetched, Follower, Remote, Seen, Verify, Which};
pub use overlay::{Beside, Overlay};
use program::Git;
pub use tree::{FoundManifests, GitTree, TreeText};

use crate::files;

/// A repository, found from a folder or named.
#[derive(Clone, Debug)]
pub struct Repository {
    git: Git,
    /// where the working tree is; of a bare repository: where it would be, so that what manifests name beside the repository is found
    root: PathBuf,
    /// whether there is a working tree
    has_work_tree: bool,
    /// where files are laid down to be opened; else where this machine keeps what is temporary
    scratch: Option<PathBuf>,
}

/// One commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// all of its digits
    pub id: String,
    /// how it was named
    pub named: String,
}

/// What stands at the head of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BranchHead {
    /// a commit
    Commit(Commit),
    /// the working tree, on this commit
    WorkTree(Commit),
}

impl BranchHead {
    /// The commit, or the one that the working tree stands on.
    pub fn commit(&self) -> &Commit {
        match self {
            Self::Commit(commit) | Self::WorkTree(commit) => commit,
        }
    }
}

impl Repository {
    /// The repository that a path lies in.
    pub fn around(path: &Path, offline: bool) -> Result<Self, GitError> {
        let folder = nearest_folder(path);
        let git = Git::in_folder(folder.clone(), offline);
        // A repository that belongs to somebody else is one: git's own words say what to do.
        let found = git.ask(&["rev-parse", "--show-toplevel"]).map_err(|error| match error {
            GitError::Failed { words, .. } if words.starts_with("not a git repository") => GitError::NoRepository { path: folder },
            other => other,
        })?;
        let root = PathBuf::from(&found);
        let root = root.canonicalize().unwrap_or(root);
        Ok(Self { git: Git::in_folder(root.clone(), offline), root, has_work_tree: true, scratch: None })
    }

    /// The repository that is named; what lies beside it counts from the current folder.
    pub fn at(git_dir: &Path, offline: bool) -> Result<Self, GitError> {
        let wrong = |_| GitError::NoRepository { path: git_dir.to_owned() };
        let git_dir = git_dir.canonicalize().map_err(wrong)?;
        let root = std::env::current_dir().and_then(|here| here.canonicalize()).map_err(wrong)?;
        let inner = git_dir.join(".git");
        let git = Git::of(if inner.is_dir() { inner } else { git_dir.clone() }, root.clone(), offline);
        git.ask(&["rev-parse", "--git-dir"]).map_err(|error| match error {
            GitError::Failed { .. } => GitError::NoRepository { path: git_dir },
            other => other,
        })?;
        Ok(Self { git, root, has_work_tree: false, scratch: None })
    }

    /// Where paths of the repository count from.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A path of this machine as the repository calls it: `identity/people`; the whole repository is the empty one.
    pub fn name(&self, path: &Path) -> Result<String, GitError> {
        let outside = || GitError::Outside { path: path.to_owned(), root: self.root.clone() };
        let whole = std::path::absolute(path).map_err(|_| outside())?;
        // What is there counts by where it really is; of a folder that only a revision has, the part that is there.
        let there = whole.ancestors().find(|part| part.exists()).unwrap_or(&whole);
        let rest = whole.strip_prefix(there).map_err(|_| outside())?;
        let real = files::plain(&there.canonicalize().map_err(|_| outside())?.join(rest));
        let inside = real.strip_prefix(&self.root).map_err(|_| outside())?;
        inside.to_str().map(|name| name.replace('\\', "/")).ok_or_else(outside)
    }
}

fn nearest_folder(path: &Path) -> PathBuf {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    whole.ancestors().find(|part| part.is_dir()).map_or_else(|| PathBuf::from("."), Path::to_owned)
}
