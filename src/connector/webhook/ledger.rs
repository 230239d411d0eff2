//! What the application was told, as a file of lines: each is one object as it stands after an event, and of several of one object the last counts.
//!
//! Must never: begin by itself. A file that is not there may have been lost, and whoever is in it would be told anew, or never be told to go.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::files;
use crate::model::{ObjectKind, SystemError};

/// More is no ledger of people.
const MOST: u64 = 4 << 30;
/// So many lines without use are kept before the file is written anew.
const IDLE: usize = 10_000;

/// One object as the application knows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) kind: ObjectKind,
    pub(super) id: String,
    /// how many events there were of it
    pub(super) sequence: u64,
    /// by dotted names; nothing once it is deleted
    pub(super) attributes: Option<Map<String, Json>>,
    #[serde(default)]
    pub(super) active: bool,
    /// of a group
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) members: BTreeSet<(ObjectKind, String)>,
}

/// The ledger of one application.
#[derive(Debug)]
pub(super) struct Ledger {
    path: PathBuf,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    file: File,
    entries: BTreeMap<(ObjectKind, String), Entry>,
}

impl Ledger {
    /// Opens one that is there.
    pub(super) fn open(path: &Path) -> Result<Self, SystemError> {
        let cannot = |why: &dyn std::fmt::Display| SystemError::Unavailable(format!("the ledger {} can't be read: {why}", path.display()));
        if !path.exists() {
            let words = format!(
                "the ledger {} is not there: what the application was told is not known. Where it was told nothing yet, begin with an empty file of that name",
                path.display()
            );
            return Err(SystemError::Rejected(words));
        }
        let text = files::read_text(path, MOST).map_err(|error| cannot(&error))?;
        let (entries, whole, lines) = read(&text).map_err(|words| cannot(&words))?;
        let mut file = files::open_private(path).map_err(|error| cannot(&error))?;
        if lines > entries.len() + IDLE {
            file = anew(path, &entries).map_err(|error| cannot(&error))?;
        } else {
            // A line that was cut off was never told to be done.
            file.set_len(whole).and_then(|()| file.seek(SeekFrom::End(0))).map_err(|error| cannot(&error))?;
        }
        Ok(Self { path: path.to_owned(), inner: Mutex::new(Inner { file, entries }) })
    }

    /// All that are there.
    pub(super) fn all(&self, kind: ObjectKind) -> Vec<Entry> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.entries.values().filter(|entry| entry.kind == kind && entry.attributes.is_some()).cloned().collect()
    }

    /// One, there or deleted.
    pub(super) fn find(&self, kind: ObjectKind, id: &str) -> Option<Entry> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.entries.get(&(kind, id.to_owned())).cloned()
    }

    /// Notes what was heard, on the disk before it counts.
    pub(super) fn note(&self, entry: Entry) -> Result<(), SystemError> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let line = serde_json::to_string(&entry).unwrap_or_default() + "\n";
        let written = inner.file.write_all(line.as_bytes()).and_then(|()| inner.file.sync_data());
        let words = |error| format!("it was told, and the ledger {} could not be written: {error}", self.path.display());
        written.map_err(|error| SystemError::Uncertain(words(error)))?;
        inner.entries.insert((entry.kind, entry.id.clone()), entry);
        Ok(())
    }
}

type Entries = BTreeMap<(ObjectKind, String), Entry>;

/// Entries, up to which byte the text is whole, and how many lines there are.
fn read(text: &str) -> Result<(Entries, u64, usize), String> {
    let (mut entries, mut whole, mut lines) = (BTreeMap::new(), 0u64, 0);
    for line in text.split_inclusive('\n') {
        lines += 1;
        match serde_json::from_str::<Entry>(line) {
            Ok(entry) if line.ends_with('\n') => {
                entries.insert((entry.kind, entry.id.clone()), entry);
            }
            _ if line.trim().is_empty() => {}
            _ if !line.ends_with('\n') => break,
            Ok(_) => {}
            Err(error) => return Err(format!("line {lines}: {error}")),
        }
        whole += line.len() as u64;
    }
    Ok((entries, whole, lines))
}

/// The same entries in a new file, which takes the old one's place at once.
fn anew(path: &Path, entries: &Entries) -> std::io::Result<File> {
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    let mut new = tempfile::NamedTempFile::new_in(folder)?;
    for entry in entries.values() {
        serde_json::to_writer(&mut new, entry)?;
        new.write_all(b"\n")?;
    }
    new.as_file().sync_all()?;
    let mut file = new.persist(path).map_err(|error| error.error)?;
    file.seek(SeekFrom::End(0))?;
    Ok(file)
}
