//! What can go wrong with the state, each with the place and the next step.

use std::path::PathBuf;

use super::lock::Holder;

/// Why the state can't be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// the folder could not be made
    #[error("the folder of the state {path} could not be made: check its permissions, or set another path in the Workspace's `state`", path = path.display())]
    Folder {
        /// the state's file
        path: PathBuf,
        /// what the system said
        source: std::io::Error,
    },
    /// the file could not be opened or made
    #[error("the state {path} could not be opened: check its permissions, or set another path in the Workspace's `state`", path = path.display())]
    Open {
        /// the state's file
        path: PathBuf,
        /// what the system said
        source: std::io::Error,
    },
    /// there is no state yet
    #[error("there is no state at {path} yet: the first `headcount apply` makes it", path = path.display())]
    Missing {
        /// where it would be
        path: PathBuf,
    },
    /// the file is something else
    #[error("{path} is no headcount state: move it away, or set another path in the Workspace's `state`", path = path.display())]
    Foreign {
        /// the file
        path: PathBuf,
    },
    /// a headcount of a newer version wrote it
    #[error("the state {path} has version {found}, and this headcount knows versions up to {known}: a newer one has worked on it, so use that one", path = path.display())]
    Version {
        /// the state's file
        path: PathBuf,
        /// what it says
        found: i64,
        /// what we know
        known: i64,
    },
    /// it belongs to another workspace
    #[error(
        "the state {path} belongs to workspace {found:?}, and this one is {wanted:?}: a workspace's id must never change, and each workspace needs a state of its own",
        path = path.display()
    )]
    OtherWorkspace {
        /// the state's file
        path: PathBuf,
        /// whose it is
        found: String,
        /// who asks
        wanted: String,
    },
    /// another run is under way
    #[error(
        "another process has {path}: {holder}; a command's run ends by itself, while a controller or an operator goes on and does what is due (`headcount sync` asks it to, `headcount status` shows how it stands)",
        path = path.display()
    )]
    Busy {
        /// the state's file
        path: PathBuf,
        /// who holds it
        holder: Box<Holder>,
    },
    /// a service that holds it could not be reached, or refused
    #[error("the state {path} could not be read or written ({why}); {hint}", path = path.display())]
    Unreachable {
        /// where it is
        path: PathBuf,
        /// what was said
        why: String,
        /// the next step
        hint: &'static str,
    },
    /// the service overwrites what it was told not to
    #[error(
        "the service behind {path} writes over what it was asked to keep, so two runs would not see each other: use one that honours If-None-Match and If-Match",
        path = path.display()
    )]
    NoConditions {
        /// where it is
        path: PathBuf,
    },
    /// an object is not as it was written
    #[error("{object} can't be used: {why}; put an earlier version of it back, or compare with a copy (`headcount state pull`)")]
    Damaged {
        /// its name
        object: String,
        /// what is wrong
        why: String,
    },
    /// the lock is somebody else's by now
    #[error("the lock on {path} was lost: {why}; nothing more was sent. Plan again: it finds what was done", path = path.display())]
    LostLock {
        /// the state
        path: PathBuf,
        /// how
        why: String,
    },
    /// somebody wrote it past our lock
    #[error(
        "somebody else wrote {path} while this run held its lock; what this run would have written is kept as {ours}. Compare both (`headcount state pull`, `headcount history -o ndjson`), and take away {ours} when you have",
        path = path.display()
    )]
    Conflict {
        /// the state
        path: PathBuf,
        /// what is kept beside it
        ours: String,
    },
    /// no run holds the lock by that name
    #[error("{path} is not locked by a run {run:?}: {holder}", path = path.display())]
    NotLockedBy {
        /// the state
        path: PathBuf,
        /// who was named
        run: String,
        /// who holds it
        holder: String,
    },
    /// it was opened to be looked at
    #[error("{path} was opened to be looked at, and is not written", path = path.display())]
    OnlyLooked {
        /// the state
        path: PathBuf,
    },
    /// a copy would take the place of something newer
    #[error("{path} is newer than the file: it has {theirs}, and the file {ours}; nothing was written. With --force the file takes its place", path = path.display())]
    Newer {
        /// the state
        path: PathBuf,
        /// what the state has
        theirs: String,
        /// what the file has
        ours: String,
    },
    /// nothing may be there
    #[error("there is a state at {path} already: {extent}; nothing was written. To put another one in its place: headcount state push", path = path.display())]
    Taken {
        /// where
        path: PathBuf,
        /// what it has
        extent: String,
    },
    /// SQLite failed
    #[error("the state {path} could not be read or written", path = path.display())]
    Sqlite {
        /// the state's file
        path: PathBuf,
        /// what SQLite said
        source: rusqlite::Error,
    },
    /// a file beside it, or a copy of it, could not be written
    #[error("{path} could not be written", path = path.display())]
    Copy {
        /// the file
        path: PathBuf,
        /// what the system said
        source: std::io::Error,
    },
    /// a cipher or the system's random numbers failed
    #[error("what the state {path} is told of people could not be sealed, so nothing was written: the system's random numbers or ciphers fail", path = path.display())]
    Unsealed {
        /// the state
        path: PathBuf,
    },
    /// what was forgotten is not overwritten yet
    #[error("what was to be forgotten is forgotten, and its bytes are still in the file {path} ({why}): ask for it again", path = path.display())]
    Remains {
        /// the state
        path: PathBuf,
        /// what was in the way
        why: String,
    },
    /// keys are wrapped by another secret
    #[error(
        "some keys of the state {path} can't be used: they are wrapped by another secret than `state.encryption` of the Workspace names now; name that one",
        path = path.display()
    )]
    Locked {
        /// the state
        path: PathBuf,
    },
    /// what wraps the keys can't be had
    #[error("the secret that `state.encryption` of the Workspace names can't be had, so the state {path} can't be used", path = path.display())]
    Encryption {
        /// the state
        path: PathBuf,
        /// why
        source: crate::secret::SecretError,
    },
    /// the thread that writes it is gone
    #[error("the state can no longer be written: its thread has ended; start again")]
    Stopped,
}

impl StateError {
    /// Whether waiting helps nothing: somebody has to see to the state.
    pub fn is_final(&self) -> bool {
        use StateError::{Damaged, Foreign, NoConditions, OtherWorkspace, Version};
        matches!(self, Foreign { .. } | Version { .. } | OtherWorkspace { .. } | Damaged { .. } | NoConditions { .. })
    }

    /// The same of the place that a file of ours stands for.
    pub(super) fn at(self, place: &std::path::Path) -> Self {
        let path = place.to_path_buf();
        match self {
            Self::Folder { source, .. } => Self::Folder { path, source },
            Self::Open { source, .. } => Self::Open { path, source },
            Self::Missing { .. } => Self::Missing { path },
            Self::Foreign { .. } => Self::Foreign { path },
            Self::Version { found, known, .. } => Self::Version { path, found, known },
            Self::OtherWorkspace { found, wanted, .. } => Self::OtherWorkspace { path, found, wanted },
            Self::Busy { holder, .. } => Self::Busy { path, holder },
            Self::Sqlite { source, .. } => Self::Sqlite { path, source },
            other => other,
        }
    }
}
