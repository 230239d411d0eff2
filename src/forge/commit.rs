//! The status beside a commit, without any request: what whoever looks at a branch sees of it.
//!
//! Must never: take a host for what it was not said to be, or set the same status again and again.

use serde_json::{Value, json};

use super::error::ForgeError;
use super::github;
use super::gitlab;
use super::talk::{Access, Talk};
use crate::http::{Method, Url};

/// What a commit is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitState {
    /// something is under way, or waits
    Pending,
    /// all is as it says
    Success,
    /// somebody has to do something
    Failure,
    /// it could not be told
    Error,
}

/// What stands beside a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitStatus {
    /// whose: `headcount/acme`
    pub name: String,
    /// in one word
    pub state: CommitState,
    /// in one short sentence
    pub sentence: String,
    /// where more of it is
    pub url: Option<String>,
}

/// Which software a host runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostKind {
    /// GitHub, or an Enterprise server of it
    GitHub,
    /// GitLab, wherever it runs
    GitLab,
}

impl HostKind {
    /// Of a host that everybody knows; of any other it has to be said.
    pub fn of(host: &str) -> Option<Self> {
        match host {
            "github.com" => Some(Self::GitHub),
            "gitlab.com" => Some(Self::GitLab),
            _ => None,
        }
    }

    /// Where the API of a host is, as its makers have it.
    pub fn api(self, host: &str) -> Option<Url> {
        let address = match self {
            Self::GitHub if host == "github.com" => "https://api.github.com".to_owned(),
            Self::GitHub => format!("https://{host}/api/v3"),
            Self::GitLab => format!("https://{host}/api/v4"),
        };
        Url::parse(&address).ok()
    }
}

/// A repository at a host.
pub struct CommitHost {
    talk: Talk,
    kind: HostKind,
    /// `acme/identity`; at GitLab a path of any depth, or a number
    repository: String,
}

impl CommitHost {
    /// The repository of a path at a host.
    pub fn new(kind: HostKind, access: Access, repository: &str) -> Result<Self, ForgeError> {
        let talk = match kind {
            HostKind::GitHub => Talk::new(access, github::ACCEPT, github::VERSION)?,
            HostKind::GitLab => Talk::new(access, gitlab::ACCEPT, &[])?,
        };
        if kind == HostKind::GitHub && repository.split('/').filter(|part| !part.is_empty()).count() != 2 {
            return Err(ForgeError::other(format!("{repository:?} is no repository of GitHub")).hint("it is written OWNER/NAME"));
        }
        Ok(Self { talk, kind, repository: repository.to_owned() })
    }

    /// Sets a status of a commit.
    pub async fn set(&self, commit: &str, status: &CommitStatus) -> Result<(), ForgeError> {
        match self.kind {
            HostKind::GitHub => set_at_github(&self.talk, &self.repository, commit, status).await,
            HostKind::GitLab => set_at_gitlab(&self.talk, &self.repository, commit, status).await,
        }
    }
}

pub(super) async fn set_at_github(talk: &Talk, repository: &str, commit: &str, status: &CommitStatus) -> Result<(), ForgeError> {
    let state = match status.state {
        CommitState::Pending => "pending",
        CommitState::Success => "success",
        CommitState::Failure => "failure",
        CommitState::Error => "error",
    };
    let content =
        json!({"state": state, "context": status.name, "description": short(status, github::DESCRIPTION), "target_url": status.url});
    let parts: Vec<&str> = ["repos"].into_iter().chain(repository.split('/')).chain(["statuses", commit]).collect();
    let request = talk.writes(Method::POST, talk.url(&parts, &[]), &content);
    talk.send(request, &what(repository, commit), github::MAY_SET).await.map(drop)
}

pub(super) async fn set_at_gitlab(talk: &Talk, project: &str, commit: &str, status: &CommitStatus) -> Result<(), ForgeError> {
    let state = match status.state {
        CommitState::Pending => "pending",
        CommitState::Success => "success",
        CommitState::Failure | CommitState::Error => "failed",
    };
    let mut content = json!({"state": state, "name": status.name, "description": short(status, gitlab::DESCRIPTION)});
    if let (Some(url), Some(content)) = (&status.url, content.as_object_mut()) {
        content.insert("target_url".into(), Value::from(url.as_str()));
    }
    let url = talk.url(&["projects", project, "statuses", commit], &[]);
    match talk.send(talk.writes(Method::POST, url, &content), &what(project, commit), gitlab::MAY_SET).await {
        // It goes from one state to another one only: it is in this one already.
        Err(error) if error.message.contains("Cannot transition status") => Ok(()),
        other => other.map(drop),
    }
}

fn what(repository: &str, commit: &str) -> String {
    format!("set the status of {} in {repository}", commit.get(..12).unwrap_or(commit))
}

fn short(status: &CommitStatus, most: usize) -> String {
    if status.sentence.chars().count() <= most {
        return status.sentence.clone();
    }
    status.sentence.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}
