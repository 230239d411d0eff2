//! What stands in a tree, and the blobs of it: sizes first, so that nothing large is ever read.
//!
//! Must never: take an object that is missing for an empty one.

use std::collections::BTreeMap;

use super::{GitError, Repository};

/// Most bytes of a listing.
const MAX_LISTING: u64 = 64 << 20;
/// Of an object's line in a batch.
const HEADER: u64 = 128;

/// What a name of a tree stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// a regular file, by its blob
    File(String),
    /// a symbolic link
    Link,
    /// another repository
    Submodule,
    /// a folder
    Folder,
}

impl Repository {
    /// Everything below some paths of a commit, folders taken apart.
    pub(super) fn list(&self, commit: &str, paths: &[&str]) -> Result<BTreeMap<Vec<u8>, Entry>, GitError> {
        self.ls_tree(&["ls-tree", "-r", "-z", "--full-tree", commit], paths)
    }

    /// What one name of a commit stands for.
    pub(super) fn look(&self, commit: &str, path: &str) -> Result<Option<Entry>, GitError> {
        if path.is_empty() {
            return Ok(Some(Entry::Folder));
        }
        Ok(self.ls_tree(&["ls-tree", "-z", "--full-tree", commit], &[path])?.remove(path.as_bytes()))
    }

    fn ls_tree(&self, arguments: &[&str], paths: &[&str]) -> Result<BTreeMap<Vec<u8>, Entry>, GitError> {
        let paths = paths.iter().filter(|path| !path.is_empty());
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--"]).chain(paths.copied()).collect();
        let answer = self.git.run(&arguments, Vec::new(), MAX_LISTING)?;
        if !answer.succeeded {
            // A shallow or partial clone may lack a tree.
            let what = format!("a folder of the revision is not in this clone: {}", answer.words());
            return Err(GitError::Missing { what, hint: "fetch all of the revision: `git fetch --refetch --no-filter`".to_owned() });
        }
        Ok(answer.output.split(|byte| *byte == 0).filter_map(entry).collect())
    }

    /// How large blobs are; nothing for one that is missing.
    pub(super) fn sizes(&self, blobs: &[&str]) -> Result<Vec<Option<u64>>, GitError> {
        let most = (blobs.len() as u64).saturating_add(1).saturating_mul(HEADER);
        // Of an object that it may not fetch git says nothing more than that, and ends.
        let output = self.git.run(&["cat-file", "--batch-check=%(objectname) %(objectsize)"], lines(blobs), most)?.output;
        let text = String::from_utf8_lossy(&output);
        let size = |line: &str| line.split_once(' ').and_then(|(_, size)| size.parse().ok());
        let mut sizes: Vec<Option<u64>> = text.lines().map(size).collect();
        sizes.resize(blobs.len(), None);
        Ok(sizes)
    }

    /// The bytes of blobs, which have these many in all. Nothing for one that is missing.
    pub(super) fn blobs(&self, blobs: &[&str], total: u64) -> Result<Vec<Option<Vec<u8>>>, GitError> {
        let most = (blobs.len() as u64).saturating_add(1).saturating_mul(HEADER).saturating_add(total);
        let output = self.git.run(&["cat-file", "--batch=%(objectname) %(objectsize)"], lines(blobs), most)?.output;
        let mut rest = output.as_slice();
        Ok(blobs.iter().map(|_| take(&mut rest)).collect())
    }
}

/// One object of a batch: its line, its bytes, a line's end.
fn take(rest: &mut &[u8]) -> Option<Vec<u8>> {
    let end = memchr::memchr(b'\n', rest)?;
    let (line, after) = rest.split_at_checked(end)?;
    let after = after.get(1..)?;
    let size = std::str::from_utf8(line).ok().and_then(|line| line.split_once(' ')).and_then(|(_, size)| size.parse::<usize>().ok());
    let Some(size) = size else {
        *rest = after;
        return None;
    };
    let (bytes, after) = after.split_at_checked(size)?;
    *rest = after.get(1..).unwrap_or_default();
    Some(bytes.to_vec())
}

fn lines(blobs: &[&str]) -> Vec<u8> {
    blobs.iter().flat_map(|blob| blob.bytes().chain([b'\n'])).collect()
}

/// `100644 blob 6b58…<tab>identity/acme.yaml`
fn entry(line: &[u8]) -> Option<(Vec<u8>, Entry)> {
    let tab = memchr::memchr(b'\t', line)?;
    let (head, path) = line.split_at_checked(tab)?;
    let mut words = std::str::from_utf8(head).ok()?.split(' ');
    let (mode, _, object) = (words.next()?, words.next()?, words.next()?);
    let entry = match mode {
        "100644" | "100755" | "100664" => Entry::File(object.to_owned()),
        "120000" => Entry::Link,
        "160000" => Entry::Submodule,
        _ => Entry::Folder,
    };
    Some((path.get(1..)?.to_vec(), entry))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_taken_apart_by_sizes_and_what_is_missing_is_nothing() {
        let mut rest: &[u8] = b"aa 3\na\nb\nbb missing\ncc 0\n\ndd 2\nxy\n";
        let taken: Vec<_> = std::iter::repeat_with(|| take(&mut rest)).take(5).collect();
        assert_eq!(taken, [Some(b"a\nb".to_vec()), None, Some(Vec::new()), Some(b"xy".to_vec()), None]);
    }

    #[test]
    fn modes_say_what_a_name_stands_for() {
        let read = |line: &str| entry(line.as_bytes()).map(|(path, entry)| (String::from_utf8(path).unwrap(), entry));
        assert_eq!(read("100755 blob ab\ta b\nc.yaml"), Some(("a b\nc.yaml".into(), Entry::File("ab".into()))));
        assert_eq!(read("120000 blob ab\tlink"), Some(("link".into(), Entry::Link)));
        assert_eq!(read("160000 commit ab\tvendor"), Some(("vendor".into(), Entry::Submodule)));
        assert_eq!(read(""), None);
    }
}
