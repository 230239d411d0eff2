//! Files that lie over those of this machine: a revision's. Whoever opens a file that a manifest names asks here first where it is.
//!
//! Must never: let what is not in a revision look as if it were.

use std::fmt::Debug;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::settle::{WRITTEN, comes_to_rest, read_unchanged};

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
pub struct NamedFiles {
    tree: Option<Arc<dyn FileTree>>,
    /// folders in which files of records lie; none: nobody has said
    folders: Arc<[PathBuf]>,
    /// whoever loads has seen to it that nobody writes to what is read with the manifests
    rested: bool,
}

impl NamedFiles {
    /// Those of a revision.
    pub fn of(tree: Arc<dyn FileTree>) -> Self {
        Self { tree: Some(tree), ..Self::default() }
    }

    /// Files of records lie in these folders, whenever one is opened.
    pub fn within(self, folders: impl IntoIterator<Item = PathBuf>) -> Self {
        Self { folders: folders.into_iter().collect(), ..self }
    }

    /// What is read with the manifests was waited for already.
    pub fn rested(self) -> Self {
        Self { rested: true, ..self }
    }

    /// The bytes of a file that is read with the manifests. Nobody has written to it for a while, nor while it was read; a revision's never changes.
    pub fn read(&self, path: &Path, most: u64) -> io::Result<Vec<u8>> {
        let place = self.place(path.to_owned())?;
        if !self.rested && !self.has(path) && !comes_to_rest(&place) {
            return Err(io::Error::new(io::ErrorKind::ResourceBusy, WRITTEN));
        }
        read_unchanged(&place, most)
    }

    /// Whether a revision has the file.
    pub fn has(&self, path: &Path) -> bool {
        self.tree.as_ref().is_some_and(|tree| tree.has(path))
    }

    /// Where a file of records can be opened: not where a link leads out of the folders by now, which was put there after the manifests were checked.
    pub fn place_inside(&self, path: PathBuf) -> io::Result<PathBuf> {
        let inside = || self.folders.iter().any(|folder| real(&path).starts_with(real(folder)));
        if !self.folders.is_empty() && !self.has(&path) && !inside() {
            let words = "it leads out of the workspace, by a link that was not there when the manifests were checked";
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, words));
        }
        self.place(path)
    }

    /// Where a file can be opened.
    pub fn place(&self, path: PathBuf) -> io::Result<PathBuf> {
        match &self.tree {
            Some(tree) => tree.place(&path),
            None => Ok(path),
        }
    }

    /// What a file is called in messages.
    pub fn name(&self, path: &Path) -> String {
        match &self.tree {
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

/// Where a path really leads: its links followed as far as it is there, the rest by its words.
pub fn real(path: &Path) -> PathBuf {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut real = PathBuf::new();
    for part in whole.components() {
        match part {
            Component::ParentDir => drop(real.pop()),
            Component::CurDir => {}
            part => {
                real.push(part);
                // `..` behind a link counts from where the link leads.
                real = real.canonicalize().unwrap_or(real);
            }
        }
    }
    real
}

/// Whether two paths lead to one file, whatever they are called: by links, or by two names of it. Neither is made.
pub fn same(one: &Path, other: &Path) -> bool {
    real(one) == real(other) || number(one).is_some_and(|of_one| number(other) == Some(of_one))
}

#[cfg(unix)]
fn number(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).ok().map(|found| (found.dev(), found.ino()))
}

#[cfg(not(unix))]
fn number(_: &Path) -> Option<(u64, u64)> {
    None
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
