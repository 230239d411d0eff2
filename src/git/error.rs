//! Why something could not be had out of git.

use std::path::PathBuf;

/// Why something could not be had out of git. Each names the thing; [`GitError::hint`] has the next step.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// the program is not there
    #[error("the program `git` can't be run")]
    NotInstalled(#[source] std::io::Error),
    /// not in a repository
    #[error("{} is in no git repository", .path.display())]
    NoRepository {
        /// where it was looked for
        path: PathBuf,
    },
    /// a path that lies in another place
    #[error("{} lies outside of the repository {}", .path.display(), .root.display())]
    Outside {
        /// the path
        path: PathBuf,
        /// the repository
        root: PathBuf,
    },
    /// history or files that this clone does not have
    #[error("{what}")]
    Missing {
        /// what is not there, in one sentence
        what: String,
        /// how to fetch it
        hint: String,
    },
    /// what was asked for makes no sense
    #[error("{what}")]
    Usage {
        /// what is wrong
        what: String,
        /// what to write instead
        hint: String,
    },
    /// more than is read
    #[error("{what}")]
    TooMuch {
        /// what is too much
        what: String,
    },
    /// git did not come to an end
    #[error("`git {command}` did not end within {seconds} seconds")]
    Timeout {
        /// its first word
        command: String,
        /// how long was waited
        seconds: u64,
    },
    /// git said no
    #[error("`git {command}` failed: {words}")]
    Failed {
        /// its first word
        command: String,
        /// the first line of what it said
        words: String,
    },
    /// the remote did not give what was asked for
    #[error("can't fetch from {place}: {words}")]
    Remote {
        /// its address, without who signs in
        place: String,
        /// why
        words: String,
        /// what to do
        hint: String,
    },
    /// the copy of a remote can't be kept
    #[error("can't keep a copy of the repository in {}", .path.display())]
    Cache {
        /// its folder
        path: PathBuf,
        /// why
        source: std::io::Error,
    },
    /// files of a revision could not be laid down
    #[error("can't keep a file of the revision for a moment")]
    Keep(#[source] std::io::Error),
}

impl GitError {
    /// The next step.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NotInstalled(_) => "install git, and look that it is in PATH".to_owned(),
            Self::NoRepository { .. } => "run it inside of a clone, or name one: `--git-dir DIR`".to_owned(),
            Self::Outside { .. } => "name a folder of the repository with `-f`".to_owned(),
            Self::Missing { hint, .. } | Self::Usage { hint, .. } | Self::Remote { hint, .. } => hint.clone(),
            Self::Cache { .. } => "may headcount write there, and is there room?".to_owned(),
            Self::TooMuch { .. } => "name the folder of the workspace with `-f`, or split the workspace".to_owned(),
            Self::Timeout { .. } => "is the repository on a disk that answers? A partial clone fetches what it lacks".to_owned(),
            Self::Failed { .. } => "run the same in the repository by hand to see all that it says".to_owned(),
            Self::Keep(_) => "is there room in the temporary folder?".to_owned(),
        })
    }
}
