//! Files that lie over those of this machine: a revision's. Whoever opens a file that a manifest names asks here first where it is.
//!
//! Must never: let what is not in a revision look as if it were.

use std::fmt::Debug;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// The files of a revision, as they would lie on this machine.
pub trait FileTree: Debug + Send + Sync {
    /// Whether the revision itself has this file.
    fn has(&self, path: &Path) -> bool;

    /// Where the file can be opened, or why it is not there. A link is never followed.
    fn place(&self, path: &Path) -> io::Result<PathBuf>;

    /// The path as it is called in the repository.
    fn name(&self, path: &Path) -> String;
}

/// Where the files come from that manifests name: this machine, unless a revision lies over it.
#[derive(Clone, Debug, Default)]
pub struct NamedFiles(Option<Arc<dyn FileTree>>);

impl NamedFiles {
    /// Those of a revision.
    pub fn of(tree: Arc<dyn FileTree>) -> Self {
        Self(Some(tree))
    }

    /// Whether a revision has the file.
    pub fn has(&self, path: &Path) -> bool {
        self.0.as_ref().is_some_and(|tree| tree.has(path))
    }

    /// Where a file can be opened.
    pub fn place(&self, path: PathBuf) -> io::Result<PathBuf> {
        match &self.0 {
            Some(tree) => tree.place(&path),
            None => Ok(path),
        }
    }

    /// What a file is called in messages.
    pub fn name(&self, path: &Path) -> String {
        match &self.0 {
            Some(tree) => tree.name(path),
            None => path.strip_prefix(".").unwrap_or(path).to_string_lossy().into_owned(),
        }
    }
}

/// A path by its words: `.` and `..` taken out, no link followed.
pub fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if plain.components().next_back().is_some_and(|last| matches!(last, Component::Normal(_))) => {
                plain.pop();
            }
            part => plain.push(part),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_taken_by_their_words() {
        for (path, words) in [("/a/./b/../c", "/a/c"), ("a/../../c", "../c"), ("./x", "x"), ("/../a", "/../a")] {
            assert_eq!(plain(Path::new(path)), Path::new(words), "{path}");
        }
    }
}
