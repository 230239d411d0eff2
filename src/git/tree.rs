//! The files of one revision: of a commit, or of the working tree with what git does not ignore.
//!
//! Must never: follow a link, go into another repository, or lose a file that looks like a manifest without a word.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::listing::Entry;
use super::{BranchHead, GitError, Repository};
use crate::diagnostic::{Diagnostic, Place};
use crate::files;

/// Largest manifest of a revision in bytes.
const MAX_MANIFEST: u64 = 2 << 20;
/// Largest file that a manifest names.
const MAX_NAMED: u64 = 64 << 20;
/// Most manifests.
const MAX_FILES: usize = 20_000;
/// Everything together.
const MAX_ALL: u64 = 256 << 20;
const MAX_LISTING: u64 = 64 << 20;

/// The files of one revision.
#[derive(Debug)]
pub struct GitTree {
    repository: Repository,
    side: Side,
    /// what blobs are laid down in, to be opened
    store: tempfile::TempDir,
    looked: Mutex<HashMap<String, Option<Entry>>>,
    /// bytes that may still be read
    left: Mutex<u64>,
}

#[derive(Debug)]
enum Side {
    Commit(String),
    /// each name, and whether the index has it
    WorkTree(BTreeMap<String, bool>),
}

/// One file that may be a manifest.
#[derive(Clone, Debug)]
pub struct TreeText {
    /// as the repository calls it
    pub name: Arc<str>,
    /// its folder, as it would lie on this machine
    pub folder: PathBuf,
    /// its bytes
    pub bytes: Vec<u8>,
    /// found in a folder, and not named
    pub found: bool,
}

/// What manifests a revision has below some paths.
#[derive(Debug, Default)]
pub struct FoundManifests {
    /// sorted by name
    pub texts: Vec<TreeText>,
    /// what looks like one and is not read
    pub problems: Vec<Diagnostic>,
}

impl Repository {
    /// The files of the head of a comparison.
    pub fn head_tree(&self, head: &BranchHead) -> Result<GitTree, GitError> {
        match head {
            BranchHead::Commit(commit) => self.tree(&commit.id),
            BranchHead::WorkTree(_) => {
                let names = |arguments: &[&str]| -> Result<Vec<String>, GitError> {
                    let output = self.git.read(arguments, Vec::new(), MAX_LISTING)?;
                    let names = output.split(|byte| *byte == 0).filter(|name| !name.is_empty());
                    Ok(names.map(|name| String::from_utf8_lossy(name).into_owned()).collect())
                };
                let others = names(&["ls-files", "-z", "--others", "--exclude-standard"])?;
                let known = names(&["ls-files", "-z", "--cached"])?;
                let all = others.into_iter().map(|name| (name, false)).chain(known.into_iter().map(|name| (name, true)));
                GitTree::new(self, Side::WorkTree(all.collect()))
            }
        }
    }

    /// The files of a commit.
    pub fn tree(&self, commit: &str) -> Result<GitTree, GitError> {
        GitTree::new(self, Side::Commit(commit.to_owned()))
    }
}

impl GitTree {
    fn new(repository: &Repository, side: Side) -> Result<Self, GitError> {
        let mut store = tempfile::Builder::new();
        store.prefix("headcount-");
        let store = match &repository.scratch {
            Some(folder) => store.tempdir_in(folder),
            None => store.tempdir(),
        };
        let store = store.map_err(GitError::Keep)?;
        Ok(Self { repository: repository.clone(), side, store, looked: Mutex::default(), left: Mutex::new(MAX_ALL) })
    }

    /// The manifests below some paths, as the repository calls them. Of a path that the revision does not have there are none.
    pub fn manifests(&self, paths: &[String]) -> Result<FoundManifests, GitError> {
        let mut found = FoundManifests::default();
        let mut wanted = BTreeMap::new();
        for (name, entry) in self.below(paths)? {
            let Ok(name) = String::from_utf8(name) else { continue };
            let named = paths.contains(&name);
            let inside = paths.iter().filter_map(|path| below(&name, path)).max_by_key(|rest| rest.len());
            let hidden = inside.is_some_and(|rest| rest.split('/').any(|part| part.starts_with('.')));
            let what = match &entry {
                _ if hidden && !named => continue,
                Entry::Submodule => "a repository of its own, and nothing of it is read here",
                Entry::File(_) | Entry::Link if !named && !is_manifest(&name) => continue,
                Entry::Link => "a symbolic link, and links are not followed",
                Entry::File(blob) => {
                    wanted.insert(name, (blob.clone(), named));
                    continue;
                }
                Entry::Folder => continue,
            };
            let hint = "put the file itself there, or name the folders beside it with `-f`";
            found.problems.push(Diagnostic::error(format!("`{name}` is {what}")).at(at(&name), 1).hint(hint));
        }
        if wanted.len() > MAX_FILES {
            return Err(GitError::TooMuch { what: format!("the revision has more than {MAX_FILES} manifests there") });
        }
        self.read(wanted, &mut found)?;
        Ok(found)
    }

    fn read(&self, mut wanted: BTreeMap<String, (String, bool)>, found: &mut FoundManifests) -> Result<(), GitError> {
        let sizes = self.sizes(&wanted)?;
        let mut total = 0u64;
        wanted.retain(|name, _| match sizes.get(name) {
            Some(size) if *size > MAX_MANIFEST => {
                let problem = Diagnostic::error(format!("`{name}` is larger than {}", files::size(MAX_MANIFEST)));
                found.problems.push(problem.at(at(name), 1).hint("split it; bulk data belongs in a Source's file"));
                false
            }
            size => {
                total = total.saturating_add(size.copied().unwrap_or(0));
                true
            }
        });
        self.afford(total)?;
        for (name, bytes) in self.contents(&wanted, total)? {
            if is_pointer(&bytes) {
                let problem = Diagnostic::error(format!("`{name}` is {POINTER}"));
                found.problems.push(problem.at(at(&name), 1).hint("keep it in git itself: manifests are small"));
                continue;
            }
            let folder = self.folder_of(&name);
            let found_in_folder = wanted.get(&name).is_some_and(|(_, named)| !named);
            found.texts.push(TreeText { name: name.into(), folder, bytes, found: found_in_folder });
        }
        Ok(())
    }

    fn folder_of(&self, name: &str) -> PathBuf {
        let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
        self.repository.root().join(folder)
    }

    fn below(&self, paths: &[String]) -> Result<BTreeMap<Vec<u8>, Entry>, GitError> {
        match &self.side {
            Side::Commit(commit) => {
                // One path without a name is the whole tree, whatever else is named.
                let whole = paths.iter().any(String::is_empty);
                let paths: Vec<&str> = if whole { Vec::new() } else { paths.iter().map(String::as_str).collect() };
                self.repository.list(commit, &paths)
            }
            Side::WorkTree(names) => {
                let wanted = names.keys().filter(|name| paths.iter().any(|path| below(name, path).is_some()));
                Ok(wanted.filter_map(|name| Some((name.trim_end_matches('/').as_bytes().to_vec(), self.lies(name)?))).collect())
            }
        }
    }

    /// What lies in the working tree. Nothing where it was taken away.
    fn lies(&self, name: &str) -> Option<Entry> {
        let path = self.repository.root().join(name.trim_end_matches('/'));
        let kind = std::fs::symlink_metadata(&path).ok()?.file_type();
        // A folder that became a link leads elsewhere, whatever the file in it is.
        let moved = path.parent().and_then(|folder| folder.canonicalize().ok()).as_deref() != path.parent();
        Some(match kind {
            kind if kind.is_symlink() || moved => Entry::Link,
            kind if kind.is_dir() => Entry::Submodule,
            // By its own name: it is read from where it lies.
            _ => Entry::File(name.to_owned()),
        })
    }

    fn sizes(&self, wanted: &BTreeMap<String, (String, bool)>) -> Result<BTreeMap<String, u64>, GitError> {
        let Side::Commit(commit) = &self.side else {
            let size = |name: &String| std::fs::metadata(self.repository.root().join(name)).map_or(0, |found| found.len());
            return Ok(wanted.keys().map(|name| (name.clone(), size(name))).collect());
        };
        let blobs: Vec<&str> = wanted.values().map(|(blob, _)| blob.as_str()).collect();
        let sizes = self.repository.sizes(&blobs)?;
        let pairs = wanted.keys().zip(sizes);
        pairs.map(|(name, size)| Ok((name.clone(), size.ok_or_else(|| self.repository.blobs_missing(commit, name))?))).collect()
    }

    fn contents(&self, wanted: &BTreeMap<String, (String, bool)>, total: u64) -> Result<Vec<(String, Vec<u8>)>, GitError> {
        let Side::Commit(commit) = &self.side else {
            let read = |name: &String| {
                let bytes = files::read(&self.repository.root().join(name), MAX_MANIFEST);
                bytes
                    .map(|bytes| (name.clone(), bytes))
                    .map_err(|error| GitError::Failed { command: format!("read {name}"), words: error.to_string() })
            };
            return wanted.keys().map(read).collect();
        };
        let blobs: Vec<&str> = wanted.values().map(|(blob, _)| blob.as_str()).collect();
        let contents = self.repository.blobs(&blobs, total)?;
        let pairs = wanted.keys().zip(contents);
        pairs.map(|(name, bytes)| Ok((name.clone(), bytes.ok_or_else(|| self.repository.blobs_missing(commit, name))?))).collect()
    }

    fn afford(&self, bytes: u64) -> Result<(), GitError> {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        *left = left
            .checked_sub(bytes)
            .ok_or_else(|| GitError::TooMuch { what: format!("the revision has more than {} there", files::size(MAX_ALL)) })?;
        Ok(())
    }

    /// A path of this machine as the repository calls it.
    pub(super) fn name(&self, path: &Path) -> Option<String> {
        let plain = files::plain(path);
        plain.strip_prefix(self.repository.root()).ok().and_then(Path::to_str).map(|name| name.replace('\\', "/"))
    }

    /// What a name stands for in this revision.
    pub(super) fn entry(&self, name: &str) -> Result<Option<Entry>, GitError> {
        let commit = match &self.side {
            Side::WorkTree(names) => return Ok(names.contains_key(name).then(|| self.lies(name)).flatten()),
            Side::Commit(commit) => commit,
        };
        let known = self.looked.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        if let Some(entry) = known {
            return Ok(entry);
        }
        let entry = self.repository.look(commit, name)?;
        self.looked.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), entry.clone());
        Ok(entry)
    }

    /// Whether git keeps the file in this revision: of a working tree what only lies there is the machine's.
    pub(super) fn keeps(&self, name: &str) -> bool {
        match &self.side {
            Side::WorkTree(names) => names.get(name).copied().unwrap_or(false),
            Side::Commit(_) => !matches!(self.entry(name), Ok(None)),
        }
    }

    /// Where a file of this revision can be opened.
    pub(super) fn lay_down(&self, name: &str, blob: &str) -> Result<PathBuf, GitError> {
        let Side::Commit(commit) = &self.side else { return Ok(self.repository.root().join(name)) };
        // By its blob: the same file of two revisions is the same one.
        let path = self.store.path().join(blob);
        if path.exists() {
            return Ok(path);
        }
        let missing = || self.repository.blobs_missing(commit, name);
        let size = self.repository.sizes(&[blob])?.into_iter().flatten().next().ok_or_else(missing)?;
        if size > MAX_NAMED {
            return Err(GitError::TooMuch { what: format!("`{name}` is larger than {}", files::size(MAX_NAMED)) });
        }
        self.afford(size)?;
        let bytes = self.repository.blobs(&[blob], size)?.into_iter().flatten().next().ok_or_else(missing)?;
        if is_pointer(&bytes) {
            return Err(GitError::Usage {
                what: format!("`{name}` is {POINTER}"),
                hint: "keep it in git itself, or read it from where it is made".into(),
            });
        }
        std::fs::write(&path, bytes).map_err(GitError::Keep)?;
        Ok(path)
    }
}

/// What Git LFS leaves in a file's place.
const POINTER: &str = "a pointer of Git LFS, and the file itself is not in the repository";

fn is_pointer(bytes: &[u8]) -> bool {
    bytes.starts_with(b"version https://git-lfs.github.com/spec/") && bytes.len() < 1024
}

/// The rest of a name below a path; nothing where it lies elsewhere.
fn below<'n>(name: &'n str, path: &str) -> Option<&'n str> {
    if path.is_empty() || name == path {
        return Some(name.strip_prefix(path).unwrap_or(name));
    }
    name.strip_prefix(path)?.strip_prefix('/')
}

fn is_manifest(name: &str) -> bool {
    name.ends_with(".yaml") || name.ends_with(".yml")
}

fn at(name: &str) -> Place {
    Place { file: name.into(), line: 1, column: 1 }
}
