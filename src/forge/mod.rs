//! The hosts of git repositories, which show what headcount found beside the request that would bring it about: one comment, written anew in place, and a status;
//! and a status beside the commit that is in force.
//!
//! Must never: write over what somebody else wrote, leave a second comment beside the first, send a text that has not changed, follow an address that a host
//! gave, or try a write again whose first try may have had an effect.

mod commit;
mod error;
mod github;
mod gitlab;
mod talk;

pub use commit::{CommitHost, CommitState, CommitStatus, HostKind};
pub use error::ForgeError;
pub use github::GitHub;
pub use gitlab::{GitLab, MergeRequest};
pub use talk::{Access, Patience};

use crate::render::marker::Marker;
use crate::review::VerdictLevel;

/// Longer comments are refused by GitHub; one bound for all.
pub const MOST: usize = 65_536;
/// Pages of a hundred comments that are looked through for ours.
const PAGES: u32 = 30;
/// A comment that is gone, or an answer that was lost, is looked for once more.
const LOOKS: u32 = 3;

/// A host, and the request there.
pub enum Forge {
    /// GitHub, or an Enterprise server of it
    GitHub(GitHub),
    /// GitLab, wherever it runs
    GitLab(GitLab),
}

/// What became of a comment, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placed {
    /// it is the first one
    Created(String),
    /// the one that was there says something else now
    Updated(String),
    /// the one that was there says just that
    AlreadySo(String),
}

/// What stands beside a commit.
#[derive(Clone, Debug)]
pub struct Signal {
    /// whose: `headcount/acme`
    pub name: String,
    /// what came of it
    pub verdict: VerdictLevel,
    /// in one sentence
    pub sentence: String,
    /// where more of it is
    pub url: Option<String>,
}

impl Signal {
    /// As a commit has it, which knows fewer words.
    fn status(&self) -> CommitStatus {
        let state = match self.verdict {
            VerdictLevel::None | VerdictLevel::Clean | VerdictLevel::Intent | VerdictLevel::Check => CommitState::Success,
            VerdictLevel::Undecided | VerdictLevel::Incomplete => CommitState::Error,
            VerdictLevel::Blocked => CommitState::Failure,
        };
        CommitStatus { name: self.name.clone(), state, sentence: self.sentence.clone(), url: self.url.clone() }
    }
}

/// One comment.
#[derive(Clone, Debug)]
struct Comment {
    id: u64,
    text: String,
    /// who wrote it, as [`Host::me`] says who we are
    author: String,
    url: String,
}

/// What a host must be able to do.
trait Host {
    /// A page of comments, from 1, and whether there is another one.
    async fn page(&self, number: u32) -> Result<(Vec<Comment>, bool), ForgeError>;
    /// Who the token is.
    async fn me(&self) -> Result<String, ForgeError>;
    /// Writes a new comment; where it is.
    async fn create(&self, text: &str) -> Result<String, ForgeError>;
    /// Writes a comment anew; where it is.
    async fn update(&self, comment: &Comment, text: &str) -> Result<(), ForgeError>;
}

impl Forge {
    /// Makes this text the one comment of what its marker names.
    pub async fn place(&self, marker: &Marker, text: &str) -> Result<Placed, ForgeError> {
        if text.len() > MOST {
            return Err(ForgeError::too_long(text.len()));
        }
        match self {
            Self::GitHub(host) => place(host, marker, text).await,
            Self::GitLab(host) => place(host, marker, text).await,
        }
    }

    /// Sets the status of the request's newest commit.
    pub async fn status(&self, signal: &Signal) -> Result<(), ForgeError> {
        match self {
            Self::GitHub(host) => host.status(signal).await,
            Self::GitLab(host) => host.status(signal).await,
        }
    }

    /// Makes a check of the request's newest commit, which knows more conclusions than a status. GitLab has none.
    pub async fn check(&self, signal: &Signal) -> Result<(), ForgeError> {
        match self {
            Self::GitHub(host) => host.check(signal).await,
            Self::GitLab(_) => Err(ForgeError::other("GitLab has no checks").hint("set a status: `--status`")),
        }
    }
}

async fn place(host: &impl Host, marker: &Marker, text: &str) -> Result<Placed, ForgeError> {
    let mut last = ForgeError::other("the comment could not be written");
    for _ in 0..LOOKS {
        let written = match find(host, marker).await? {
            Some(known) if alike(&known.text, text) => return Ok(Placed::AlreadySo(known.url)),
            Some(known) => host.update(&known, text).await.map(|()| Placed::Updated(known.url)),
            None => host.create(text).await.map(Placed::Created),
        };
        match written {
            Ok(placed) => return Ok(placed),
            // What was there a moment ago was deleted, or nobody knows whether it arrived: look again.
            Err(error) if error.is_gone() || error.is_uncertain() => last = error,
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

/// The first comment that shows the same and that the token itself wrote: anybody can write a marker.
async fn find(host: &impl Host, marker: &Marker) -> Result<Option<Comment>, ForgeError> {
    let mut me = None;
    for number in 1..=PAGES {
        let (comments, more) = host.page(number).await?;
        for comment in comments {
            if !Marker::read(&comment.text).is_some_and(|found| found.same(marker)) {
                continue;
            }
            if me.is_none() {
                me = Some(host.me().await?);
            }
            if me.as_deref() == Some(comment.author.as_str()) {
                return Ok(Some(comment));
            }
        }
        if !more {
            return Ok(None);
        }
    }
    Err(ForgeError::other(format!("ours is not among the first {} comments of this request, and a second one is not written", PAGES * 100))
        .hint("open a new request for what is left of this one; the step summary and the report have the text"))
}

/// Hosts keep line ends and what stands at the end as they like.
fn alike(one: &str, other: &str) -> bool {
    let lines = |text: &str| text.trim_end().replace("\r\n", "\n");
    lines(one) == lines(other)
}
