//! A revision's files as manifests name them, with what may be taken from this machine beside them.
//!
//! The base is trusted as a checkout is: what it names and git does not keep (an export, a database, a key) lies on this machine. The branch is not: of this
//! machine it gets only what the base names too. Must never: open for the base what the branch put in its place.

use std::collections::BTreeSet;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::listing::Entry;
use super::tree::GitTree;
use crate::files::{FileTree, plain};

/// A revision, and what of this machine may be seen beside it.
#[derive(Debug)]
pub struct Overlay {
    tree: Arc<GitTree>,
    beside: Beside,
}

/// What of this machine may be seen beside a revision.
#[derive(Debug)]
pub enum Beside {
    /// all of it, but for files that the branch keeps
    AllBut(Arc<GitTree>),
    /// all of it: what a manifest of the revision may name there is said by the Workspace
    All,
    /// these files
    Only(BTreeSet<PathBuf>),
}

impl Overlay {
    /// A revision with what lies beside it.
    pub fn new(tree: Arc<GitTree>, beside: Beside) -> Self {
        Self { tree, beside }
    }

    fn machine(&self, path: &Path) -> io::Result<PathBuf> {
        let path = plain(path);
        let refused = |words: &str| Err(io::Error::new(ErrorKind::NotFound, words.to_owned()));
        match &self.beside {
            Beside::AllBut(branch) if branch.name(&path).is_some_and(|name| branch.keeps(&name)) => {
                refused("the base does not have it, and what lies there is the branch's")
            }
            Beside::Only(named) if !named.contains(&path) => {
                refused("the branch does not have it, and for a branch no other file of this machine is opened")
            }
            _ => Ok(path),
        }
    }
}

impl FileTree for Overlay {
    fn has(&self, path: &Path) -> bool {
        self.tree.name(path).is_some_and(|name| !matches!(self.tree.entry(&name), Ok(None)))
    }

    fn place(&self, path: &Path) -> io::Result<PathBuf> {
        let Some(name) = self.tree.name(path) else { return self.machine(path) };
        let wrong = |words: &str| Err(io::Error::new(ErrorKind::InvalidInput, words.to_owned()));
        match self.tree.entry(&name).map_err(told)? {
            None => self.machine(path),
            Some(Entry::File(blob)) => self.tree.lay_down(&name, &blob).map_err(told),
            Some(Entry::Link) => wrong("it is a symbolic link, and links are not followed"),
            Some(Entry::Submodule) => wrong("it is a repository of its own, and nothing of it is read here"),
            Some(Entry::Folder) => wrong("it is no regular file but a folder"),
        }
    }

    fn name(&self, path: &Path) -> String {
        self.tree.name(path).unwrap_or_else(|| path.to_string_lossy().into_owned())
    }
}

fn told(error: super::GitError) -> io::Error {
    let words = match error.hint() {
        Some(hint) => format!("{error}; {hint}"),
        None => error.to_string(),
    };
    io::Error::other(words)
}
