//! One run at a time on one state; revocations run beside it, as many as there are. The operating system's file lock goes with the process, however it ends; where
//! there is no file to lock, the lock has to be kept alive (`lease.rs`).

use std::fmt;
use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::error::StateError;
use crate::fence::{Fence, Tenure};
use crate::files::{self, LockedFile};

/// Longest note that a lock file is believed to hold.
const NOTE_LIMIT: u64 = 4096;

/// Who holds the lock, as the holder wrote it down.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// the person or service
    pub who: String,
    /// the process
    pub pid: u32,
    /// the machine
    pub host: String,
    /// since when
    pub since: Option<Timestamp>,
    /// its name, by which `headcount state unlock` takes the lock away; none where the lock goes with the process
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
}

impl Holder {
    /// This process, on behalf of somebody.
    pub(super) fn this(who: &str) -> Self {
        Self { who: who.to_owned(), pid: std::process::id(), host: host(), since: Some(Timestamp::now()), run: None }
    }
}

/// How long a lock lasts that has to be kept alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseTerms {
    /// one that stays as it is for so long is nobody's any more
    pub term: Duration,
    /// how often its holder gives a sign of life
    pub beat: Duration,
    /// without one that arrived its holder stops after so long: well before anybody else may take it
    pub valid: Duration,
}

impl Default for LeaseTerms {
    fn default() -> Self {
        Self { term: Duration::from_secs(60), beat: Duration::from_secs(15), valid: Duration::from_secs(45) }
    }
}

impl LeaseTerms {
    /// Where a sign of life costs next to nothing: another replica goes on after seconds.
    pub const QUICK: Self = Self { term: Duration::from_secs(15), beat: Duration::from_secs(5), valid: Duration::from_secs(10) };

    /// How often whoever waits looks.
    pub(super) fn look(&self) -> Duration {
        self.term / 12
    }

    /// A sign of life that takes longer is given again.
    pub(super) fn patience(&self) -> Duration {
        self.term / 6
    }

    /// After so long.
    pub(super) fn again(&self) -> Duration {
        self.term / 20
    }
}

/// Whoever a lock was taken over from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenOver {
    /// who they are
    pub from: Holder,
    /// for so long at least they have sent nothing, by the clock of whoever took it
    pub quiet: Duration,
}

/// A lock that has to be kept alive.
pub(super) trait Kept: Tenure {
    /// No more signs of life.
    fn let_go(&self);
    /// Which holder this is, where they are counted.
    fn epoch(&self) -> Option<u64>;
}

/// Held while a run is under way; let go when it is dropped or the process ends.
#[derive(Debug)]
pub struct RunLock {
    _file: Option<LockedFile>,
    lease: Option<Arc<Lease>>,
    fence: Fence,
    beside: bool,
    _alive: Option<Alive>,
}

/// Somebody listens for its end.
pub(super) type Alive = tokio::sync::oneshot::Sender<std::convert::Infallible>;

/// A lock that has to be kept alive, in the words of whoever works under it.
#[derive(Debug)]
struct Lease {
    kept: Arc<dyn Kept>,
    from: Option<TakenOver>,
}

impl Tenure for Lease {
    fn lost(&self) -> Option<String> {
        self.kept.lost().map(|why| format!("the lock on the state was lost: {why}"))
    }
}

impl RunLock {
    /// Takes the lock that belongs to a state file, or says who holds it.
    pub(super) fn take(state: &Path, who: &str) -> Result<Self, StateError> {
        let failed = |source| StateError::Open { path: state.to_path_buf(), source };
        let mut file = match LockedFile::alone(open(&lock_path(state, RUN)).map_err(failed)?) {
            Ok(file) => file,
            Err((mut file, TryLockError::WouldBlock)) => {
                return Err(StateError::Busy { path: state.to_path_buf(), holder: Box::new(read_note(&mut file)) });
            }
            Err((_, TryLockError::Error(source))) => return Err(failed(source)),
        };
        write_note(file.file(), who).map_err(failed)?;
        Ok(Self::of_file(Some(file), false))
    }

    /// For a revocation: it waits for nobody.
    pub(super) fn beside(state: &Path) -> Result<Self, StateError> {
        let file = open(&lock_path(state, REVOCATION)).and_then(LockedFile::shared);
        let file = file.map_err(|source| StateError::Open { path: state.to_path_buf(), source })?;
        Ok(Self::of_file(Some(file), true))
    }

    /// For a revocation without a state: there is nothing to share.
    pub(super) fn of_nothing() -> Self {
        Self::of_file(None, true)
    }

    /// For a revocation that tells others of itself until this is dropped.
    pub(super) fn beside_until(alive: Alive) -> Self {
        Self { _file: None, lease: None, fence: Fence::open(), beside: true, _alive: Some(alive) }
    }

    fn of_file(file: Option<LockedFile>, beside: bool) -> Self {
        Self { _file: file, lease: None, fence: Fence::open(), beside, _alive: None }
    }

    /// Of a run whose lock ends unless it is kept alive. `from`: who held it until now, and never let it go.
    pub(super) fn leased(kept: Arc<dyn Kept>, from: Option<TakenOver>) -> Self {
        let lease = Arc::new(Lease { kept, from });
        Self { _file: None, fence: Fence::of(lease.clone()), lease: Some(lease), beside: false, _alive: None }
    }

    /// The same lock, which counts only as long as another one does.
    pub(super) fn and_leased(mut self, kept: Arc<dyn Kept>, from: Option<TakenOver>) -> Self {
        let lease = Arc::new(Lease { kept, from });
        self.fence = Fence::of(lease.clone());
        self.lease = Some(lease);
        self
    }

    /// Why nothing may be sent any more, if nothing may: the lock may be somebody else's by now. Costs next to nothing, and is asked before each request.
    pub fn lost(&self) -> Option<String> {
        self.fence.lost()
    }

    /// The same for whoever sends: asked once more where bytes leave the process.
    pub fn fence(&self) -> &Fence {
        &self.fence
    }

    /// Whoever held it before and never let it go: killed, frozen, or cut off from the state. What they sent last may still be under way.
    pub fn taken_over(&self) -> Option<&TakenOver> {
        self.lease.as_ref()?.from.as_ref()
    }

    /// Which holder of the lock this is, where holders are counted: the number only grows, and whoever has a smaller one is late.
    pub fn epoch(&self) -> Option<u64> {
        self.lease.as_ref()?.kept.epoch()
    }

    /// Whether it was taken for a revocation, beside whatever else runs.
    pub fn is_beside(&self) -> bool {
        self.beside
    }
}

#[cfg(test)]
impl RunLock {
    /// Taken over from somebody, and never lost.
    pub fn after(who: &str, quiet: Duration) -> Self {
        #[derive(Debug)]
        struct ForEver;
        impl Tenure for ForEver {
            fn lost(&self) -> Option<String> {
                None
            }
        }
        impl Kept for ForEver {
            fn let_go(&self) {}

            fn epoch(&self) -> Option<u64> {
                None
            }
        }
        Self::leased(Arc::new(ForEver), Some(TakenOver { from: Holder::this(who), quiet }))
    }
}

/// A lock that nobody let go is let go with its process; one that has to be kept alive ends with its term.
impl Drop for RunLock {
    fn drop(&mut self) {
        if let Some(lease) = &self.lease {
            lease.kept.let_go();
        }
    }
}

/// Whether a run, or a revocation, is under way on a state. What can't be looked at counts as under way.
pub(super) fn is_held(state: &Path, by: &str) -> bool {
    match open(&lock_path(state, by)) {
        Ok(file) => LockedFile::alone(file).is_err(),
        Err(_) => true,
    }
}

/// What a run locks.
pub(super) const RUN: &str = ".lock";
/// What revocations share.
pub(super) const REVOCATION: &str = ".revoke.lock";

fn lock_path(state: &Path, suffix: &str) -> PathBuf {
    let mut name = state.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn open(path: &Path) -> std::io::Result<File> {
    files::open_private(path)
}

fn write_note(file: &mut File, who: &str) -> std::io::Result<()> {
    let note = Holder::this(who);
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(&serde_json::to_vec(&note)?)
}

/// The note only informs: one that can't be read is an unknown holder.
fn read_note(file: &mut File) -> Holder {
    let mut text = String::new();
    let read = file.rewind().and_then(|()| file.take(NOTE_LIMIT).read_to_string(&mut text));
    read.ok().and_then(|_| serde_json::from_str(&text).ok()).unwrap_or_default()
}

fn host() -> String {
    let named = files::read_text(Path::new("/proc/sys/kernel/hostname"), NOTE_LIMIT).ok().or_else(|| std::env::var("HOSTNAME").ok());
    named.map_or_else(|| "this machine".to_owned(), |name| name.trim().to_owned())
}

/// `jane, process 4711 on build-3, since 2026-11-22T10:00:00Z`
impl fmt::Display for Holder {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.pid == 0 {
            return out.write_str("its holder left no name");
        }
        write!(out, "{}, process {} on {}", self.who, self.pid, self.host)?;
        self.since.map_or(Ok(()), |since| write!(out, ", since {since:.0}"))?;
        self.run.as_ref().map_or(Ok(()), |run| write!(out, " (run {run})"))
    }
}
