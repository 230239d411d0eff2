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
    #[error("another run is under way on {path}: {holder}; wait for it, or stop it", path = path.display())]
    Busy {
        /// the state's file
        path: PathBuf,
        /// who holds it
        holder: Box<Holder>,
    },
    /// SQLite failed
    #[error("the state {path} could not be read or written", path = path.display())]
    Sqlite {
        /// the state's file
        path: PathBuf,
        /// what SQLite said
        source: rusqlite::Error,
    },
    /// the thread that writes it is gone
    #[error("the state can no longer be written: its thread has ended; start again")]
    Stopped,
}
