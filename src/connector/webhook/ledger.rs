//! What the application was told, as a file of lines: each is one object as it stands after an event, and of several of one object the last counts.
//!
//! Whoever reads it opens it for reading; only what is noted opens it for writing, and holds it for itself while it writes, since a revocation may write beside a run.
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

/// What an application was told, as it stands.
#[derive(Debug, Default)]
pub(super) struct Told(BTreeMap<(ObjectKind, String), Entry>);

impl Told {
    /// All that are there.
    pub(super) fn all(&self, kind: ObjectKind) -> impl Iterator<Item = &Entry> {
        self.0.values().filter(move |entry| entry.kind == kind && entry.is_there())
    }

    /// One, there or deleted.
    pub(super) fn find(&self, kind: ObjectKind, id: &str) -> Option<&Entry> {
        self.0.get(&(kind, id.to_owned()))
    }
}

impl Entry {
    /// Whether it was not deleted.
    pub(super) fn is_there(&self) -> bool {
        self.attributes.is_some()
    }
}

/// The ledger of one application.
#[derive(Debug)]
pub(super) struct Ledger {
    path: PathBuf,
    writing: Mutex<Option<Writing>>,
}

/// The ledger as whoever notes something has it open.
#[derive(Debug)]
struct Writing {
    file: File,
    told: Told,
    /// bytes that were read or written; more are somebody else's
    known: u64,
}

impl Ledger {
    /// One that is there, and whole.
    pub(super) fn at(path: &Path) -> Result<Self, SystemError> {
        let ledger = Self { path: path.to_owned(), writing: Mutex::new(None) };
        if !path.exists() {
            let words = format!(
                "the ledger {} is not there: what the application was told is not known. Where it was told nothing yet, begin with an empty file of that name",
                path.display()
            );
            return Err(SystemError::Rejected(words));
        }
        ledger.told().map(|_| ledger)
    }

    /// What the application was told by now.
    pub(super) fn told(&self) -> Result<Told, SystemError> {
        Ok(self.read()?.told)
    }

    /// One, there or deleted, as whoever is about to tell of it knows it.
    pub(super) fn find(&self, kind: ObjectKind, id: &str) -> Result<Option<Entry>, SystemError> {
        let mut writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(self.open(&mut writing)?.told.find(kind, id).cloned())
    }

    /// Notes what was heard, on the disk before it counts.
    pub(super) fn note(&self, entry: Entry) -> Result<(), SystemError> {
        let mut writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let writing = self.open(&mut writing)?;
        let words = |error| format!("it was told, and the ledger {} could not be written: {error}", self.path.display());
        writing.file.lock().map_err(|error| SystemError::Uncertain(words(error)))?;
        let noted = self.add(writing, &entry);
        let _ = writing.file.unlock();
        noted.map_err(|error| SystemError::Uncertain(words(error)))?;
        writing.told.0.insert((entry.kind, entry.id.clone()), entry);
        Ok(())
    }

    fn add(&self, writing: &mut Writing, entry: &Entry) -> std::io::Result<()> {
        if writing.file.metadata()?.len() != writing.known {
            let now = self.read().map_err(std::io::Error::other)?;
            (writing.told, writing.known) = (now.told, now.whole);
        }
        let line = serde_json::to_string(entry).map_err(std::io::Error::other)? + "\n";
        // A line that was cut off was never told to be done.
        writing.file.set_len(writing.known)?;
        writing.file.seek(SeekFrom::End(0))?;
        writing.file.write_all(line.as_bytes())?;
        writing.file.sync_data()?;
        writing.known += line.len() as u64;
        Ok(())
    }

    fn open<'w>(&self, writing: &'w mut Option<Writing>) -> Result<&'w mut Writing, SystemError> {
        if writing.is_none() {
            let Content { told, whole, lines } = self.read()?;
            let file = if lines > told.0.len() + IDLE { anew(&self.path, &told) } else { files::open_private(&self.path) };
            let file = file.map_err(|error| self.unreadable(&error))?;
            let known = if lines > told.0.len() + IDLE { file.metadata().map_or(whole, |metadata| metadata.len()) } else { whole };
            *writing = Some(Writing { file, told, known });
        }
        writing.as_mut().ok_or_else(|| self.unreadable(&"it is not open"))
    }

    fn read(&self) -> Result<Content, SystemError> {
        let text = files::read_text(&self.path, MOST).map_err(|error| self.unreadable(&error))?;
        read(&text).map_err(|words| self.unreadable(&words))
    }

    fn unreadable(&self, why: &dyn std::fmt::Display) -> SystemError {
        SystemError::Unavailable(format!("the ledger {} can't be read: {why}", self.path.display()))
    }
}

/// What a file holds.
struct Content {
    told: Told,
    /// up to which byte it is whole
    whole: u64,
    lines: usize,
}

fn read(text: &str) -> Result<Content, String> {
    let mut content = Content { told: Told::default(), whole: 0, lines: 0 };
    for line in text.split_inclusive('\n') {
        content.lines += 1;
        match serde_json::from_str::<Entry>(line) {
            Ok(entry) if line.ends_with('\n') => {
                content.told.0.insert((entry.kind, entry.id.clone()), entry);
            }
            _ if line.trim().is_empty() => {}
            _ if !line.ends_with('\n') => break,
            Ok(_) => {}
            Err(error) => return Err(format!("line {}: {error}", content.lines)),
        }
        content.whole += line.len() as u64;
    }
    Ok(content)
}

/// The same entries in a new file, which takes the old one's place at once.
fn anew(path: &Path, told: &Told) -> std::io::Result<File> {
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    let mut new = tempfile::NamedTempFile::new_in(folder)?;
    for entry in told.0.values() {
        serde_json::to_writer(&mut new, entry)?;
        new.write_all(b"\n")?;
    }
    new.as_file().sync_all()?;
    new.persist(path).map_err(|error| error.error)
}
