//! What is older than it has to be kept: written out to a file, then cut off. The chain begins behind it, at a checkpoint that has the last hash.
//!
//! Must never: cut what is not written out and durable there, what an open run wrote, or the last line.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use tokio::task::spawn_blocking;

use super::chain::{JournalError, entry, exported, sealed_by, written};
use super::event::Event;
use crate::files;
use crate::state::{Fact, Head, StateError, Store, Subjects, hex};

/// What was cut off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pruned {
    /// how many lines
    pub entries: u64,
    /// the number of the last one
    pub last: u64,
    /// where they are
    pub file: PathBuf,
    /// keys of people of whom nothing is said any more
    pub keys: u64,
}

/// Lines from one to the next that may go.
struct Old {
    first: u64,
    last: Head,
}

/// Cuts off what is older, and keys that seal nothing any longer; nothing where nothing is. Only for whoever holds the lock. `run`: by what name it stands in the journal.
pub async fn prune(store: &dyn Store, before: Timestamp, archive: &Path, run: &Arc<str>) -> Result<Option<Pruned>, JournalError> {
    let Some(Old { first, last }) = old(store, before).await? else { return Ok(None) };
    let file = archive.join(format!("journal-{first:012}-{:012}.jsonl", last.seq));
    write_out(store, first, last.seq, archive, &file).await?;
    let entries = last.seq - first + 1;
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let event = Event::Archived { entries, last: last.seq, file: name };
    let cut = Fact::Cut(last.clone());
    store.commit(vec![cut, entry(run, Timestamp::now(), &event)]).await?;
    let keys = forget_keys(store, before).await?;
    Ok(Some(Pruned { entries, last: last.seq, file, keys }))
}

/// Whether there is anything that may go, and how much.
pub async fn prunable(store: &dyn Store, before: Timestamp) -> Result<u64, JournalError> {
    Ok(old(store, before).await?.map_or(0, |old| old.last.seq - old.first + 1))
}

async fn old(store: &dyn Store, before: Timestamp) -> Result<Option<Old>, JournalError> {
    let heads = store.heads().await?;
    let newest = heads.written.map_or(0, |head| head.seq);
    let open: BTreeSet<Arc<str>> = store.open_runs().await?.into_iter().map(|open| open.run).collect();
    let mut after = heads.checkpoint.map_or(0, |head| head.seq);
    let mut old: Option<Old> = None;
    loop {
        let lines = store.lines(after, None).await?;
        let Some(end) = lines.last() else { return Ok(old) };
        after = end.seq;
        for line in &lines {
            let stays = line.seq >= newest || open.contains(line.run.as_str()) || written(line)?.entry.at >= before;
            if stays {
                return Ok(old);
            }
            let last = Head { seq: line.seq, hash: hex(&line.hash) };
            old = Some(Old { first: old.map_or(line.seq, |old| old.first), last });
        }
    }
}

/// Durable when it returns, under its name only as a whole.
async fn write_out(store: &dyn Store, first: u64, last: u64, archive: &Path, file: &Path) -> Result<(), JournalError> {
    let failed = |source| JournalError::State(StateError::Copy { path: file.to_path_buf(), source });
    let (folder, partial) = (archive.to_path_buf(), file.with_extension("partial"));
    let mut after = first - 1;
    let opened = {
        let partial = partial.clone();
        move || std::fs::create_dir_all(&folder).and_then(|()| files::open_private(&partial))
    };
    let mut out = blocking(opened).await.map_err(failed)?;
    while after < last {
        let lines = store.lines(after, None).await?;
        let Some(end) = lines.last() else { break };
        after = end.seq;
        let text: String = lines.iter().filter(|line| line.seq <= last).map(exported).collect();
        out = blocking(move || out.write_all(text.as_bytes()).map(|()| out)).await.map_err(failed)?;
    }
    let to = file.to_path_buf();
    blocking(move || out.sync_all().and_then(|()| std::fs::rename(&partial, &to))).await.map_err(failed)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> std::io::Result<T> + Send + 'static) -> std::io::Result<T> {
    spawn_blocking(work).await.unwrap_or_else(|error| Err(std::io::Error::other(error)))
}

/// Keys that are older, and by which no line is sealed any more. Those of things on a shelf go with the thing.
async fn forget_keys(store: &dyn Store, before: Timestamp) -> Result<u64, JournalError> {
    let mut used: BTreeSet<Arc<str>> = BTreeSet::new();
    let mut after = 0;
    loop {
        let lines = store.lines(after, None).await?;
        let Some(end) = lines.last() else { break };
        after = end.seq;
        for line in &lines {
            used.extend(sealed_by(line)?);
        }
    }
    let (mut last, mut gone) = (Arc::from(""), Vec::new());
    loop {
        let some = store.subjects(Subjects::After(last)).await?;
        let Some(end) = some.last() else { break };
        last = end.id.clone();
        let unused = some.iter().filter(|subject| subject.at < before && !subject.id.contains('/') && !used.contains(&subject.id));
        gone.extend(unused.map(|subject| subject.id.clone()));
    }
    let keys = gone.len() as u64;
    if keys > 0 {
        store.commit(vec![Fact::SubjectsGone(gone)]).await?;
    }
    Ok(keys)
}
