//! An anchor: how far the journal was, noted where a restore of the state does not reach. A state that is behind it, or holds other lines, was restored.
//!
//! Beside it stands who was erased, by what names their keys were kept: whom a restored state brings back is erased again. Must never: name a person, or go back by itself.

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

use super::chain::JournalError;
use crate::files;
use crate::state::{StateError, Store, hex};

/// More than any anchor holds, and more names than anybody erases.
const MOST: u64 = 16 << 20;

/// How far a journal was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Anchor {
    /// whose
    pub workspace: String,
    /// the number of its last line
    pub seq: u64,
    /// the hash of that, in hex
    pub hash: String,
    /// when
    pub at: Timestamp,
}

/// How a state stands to its anchor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Anchored {
    /// it goes on where the anchor is
    Fits,
    /// it was restored: why that is certain
    Restored(String),
}

/// Where anchors are kept.
#[derive(Clone, Debug)]
pub struct AnchorFile(PathBuf);

impl AnchorFile {
    /// A file; who was erased stands beside it.
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// What messages call it.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// What was noted last; nothing where nothing was.
    pub async fn read(&self) -> Result<Option<Anchor>, JournalError> {
        let Some(text) = read(self.0.clone()).await? else { return Ok(None) };
        let broken = |error| JournalError::Anchor { path: self.0.clone(), why: format!("{error}") };
        serde_json::from_str(&text).map(Some).map_err(broken)
    }

    /// Notes how far the journal is.
    pub async fn note(&self, anchor: &Anchor) -> Result<(), JournalError> {
        let text = serde_json::to_string(anchor).unwrap_or_default();
        replace(self.0.clone(), format!("{text}\n")).await
    }

    /// Who was erased, by the names of their keys.
    pub async fn erased(&self) -> Result<Vec<Arc<str>>, JournalError> {
        let text = read(beside(&self.0, "erased")).await?.unwrap_or_default();
        Ok(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(Arc::from).collect())
    }

    /// Notes who was erased, beside those that are there.
    pub async fn note_erased(&self, subjects: &[Arc<str>]) -> Result<(), JournalError> {
        let mut all = self.erased().await?;
        all.extend(subjects.iter().filter(|subject| !all.contains(subject)).cloned().collect::<Vec<_>>());
        replace(beside(&self.0, "erased"), all.iter().map(|subject| format!("{subject}\n")).collect()).await
    }

    /// How a state stands to what was noted last.
    pub async fn look(&self, store: &dyn Store) -> Result<Anchored, JournalError> {
        match self.read().await? {
            Some(anchor) => compare(store, &anchor).await,
            None => Ok(Anchored::Fits),
        }
    }
}

/// How a state stands to an anchor.
async fn compare(store: &dyn Store, anchor: &Anchor) -> Result<Anchored, JournalError> {
    let heads = store.heads().await?;
    let last = heads.written.map_or(0, |head| head.seq);
    let at = anchor.at.strftime("%Y-%m-%d %H:%M UTC");
    if last < anchor.seq {
        let why = format!("its journal ends with entry {last}, and on {at} it had {}", anchor.seq);
        return Ok(Anchored::Restored(why));
    }
    let hash = match heads.checkpoint {
        Some(checkpoint) if checkpoint.seq > anchor.seq => return Ok(Anchored::Fits),
        Some(checkpoint) if checkpoint.seq == anchor.seq => Some(checkpoint.hash),
        _ => match anchor.seq {
            0 => return Ok(Anchored::Fits),
            seq => store.lines(seq - 1, None).await?.first().filter(|line| line.seq == seq).map(|line| hex(&line.hash)),
        },
    };
    if hash.as_deref() == Some(anchor.hash.as_str()) {
        return Ok(Anchored::Fits);
    }
    Ok(Anchored::Restored(format!("its entry {} is another one than it was on {at}", anchor.seq)))
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    PathBuf::from(name)
}

/// As a whole or not at all.
async fn replace(path: PathBuf, text: String) -> Result<(), JournalError> {
    let shown = path.clone();
    let write = move || {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder)?;
        }
        let partial = beside(&path, "partial");
        let mut file = files::open_private(&partial)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&partial, &path)
    };
    let written = spawn_blocking(write).await.unwrap_or_else(|error| Err(std::io::Error::other(error)));
    written.map_err(|source| StateError::Copy { path: shown, source }.into())
}

async fn read(path: PathBuf) -> Result<Option<String>, JournalError> {
    let shown = path.clone();
    let read = spawn_blocking(move || files::read_text(&path, MOST)).await;
    match read.unwrap_or_else(|error| Err(std::io::Error::other(error))) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(JournalError::Anchor { path: shown, why: error.to_string() }),
    }
}
