//! Comments, statuses and checks of a pull request at GitHub (REST, version 2022-11-28), and who the token is (GraphQL, since an app's token is told nothing by `/user`).

use serde::Deserialize;
use serde_json::json;

use super::commit;
use super::error::ForgeError;
use super::talk::{Access, Talk};
use super::{Comment, Host, Signal};
use crate::http::{Method, Url};
use crate::review::VerdictLevel;

pub(super) const ACCEPT: &str = "application/vnd.github+json";
pub(super) const VERSION: &[(&str, &str)] = &[("x-github-api-version", "2022-11-28")];
/// GitHub refuses a status whose description is longer.
pub(super) const DESCRIPTION: usize = 140;

const MAY_COMMENT: &str = "give the job `permissions: {pull-requests: write}`; in a `pull_request` run of a fork no token may write";
const MAY_READ: &str = "give the job `permissions: {pull-requests: read}` at least";
pub(super) const MAY_SET: &str = "give the job `permissions: {statuses: write}`, or a token of your own that right for commit statuses";
const MAY_CHECK: &str = "give the job `permissions: {checks: write}`; only an app's token such as GITHUB_TOKEN makes checks";

/// A pull request.
pub struct GitHub {
    talk: Talk,
    owner: String,
    repository: String,
    number: String,
    /// its newest commit, where the event says it
    head: Option<String>,
}

#[derive(Deserialize)]
struct IssueComment {
    id: u64,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    html_url: String,
    #[serde(default)]
    user: Option<Author>,
}

#[derive(Deserialize)]
struct Author {
    login: String,
}

impl GitHub {
    /// The pull request of a number in `owner/name`.
    pub fn new(access: Access, repository: &str, number: u64, head: Option<String>) -> Result<Self, ForgeError> {
        let odd = || ForgeError::other(format!("{repository:?} is no repository of GitHub")).hint("it is written OWNER/NAME");
        let (owner, repository) = repository.split_once('/').filter(|(_, name)| !name.contains('/')).ok_or_else(odd)?;
        let talk = Talk::new(access, ACCEPT, VERSION)?;
        Ok(Self { talk, owner: owner.into(), repository: repository.into(), number: number.to_string(), head })
    }

    pub(super) async fn status(&self, signal: &Signal) -> Result<(), ForgeError> {
        let head = self.head().await?;
        commit::set_at_github(&self.talk, &format!("{}/{}", self.owner, self.repository), &head, &signal.status()).await
    }

    pub(super) async fn check(&self, signal: &Signal) -> Result<(), ForgeError> {
        let conclusion = match signal.verdict {
            VerdictLevel::None | VerdictLevel::Clean => "success",
            VerdictLevel::Intent | VerdictLevel::Check => "neutral",
            VerdictLevel::Undecided | VerdictLevel::Incomplete | VerdictLevel::Blocked => "failure",
        };
        let head = self.head().await?;
        let mut content = json!({
            "name": signal.name, "head_sha": head, "status": "completed", "conclusion": conclusion,
            "output": {"title": signal.sentence, "summary": format!("The comment of pull request {} has all of it.", self.number)},
        });
        if let (Some(url), Some(content)) = (&signal.url, content.as_object_mut()) {
            content.insert("details_url".into(), url.as_str().into());
        }
        let url = self.below(&["check-runs"], &[]);
        let what = format!("make a check of {}", self.named());
        self.talk.send(self.talk.writes(Method::POST, url, &content), &what, MAY_CHECK).await.map(drop)
    }

    async fn head(&self) -> Result<String, ForgeError> {
        #[derive(Deserialize)]
        struct Pull {
            head: Commit,
        }
        #[derive(Deserialize)]
        struct Commit {
            sha: String,
        }
        if let Some(head) = &self.head {
            return Ok(head.clone());
        }
        let url = self.below(&["pulls", &self.number], &[]);
        let what = format!("look which commit {} is at", self.named());
        let (pull, _): (Pull, _) = self.talk.json(self.talk.reads(url), &what, MAY_READ).await?;
        Ok(pull.head.sha)
    }

    fn below(&self, parts: &[&str], query: &[(&str, &str)]) -> Url {
        let all: Vec<&str> = ["repos", &self.owner, &self.repository].into_iter().chain(parts.iter().copied()).collect();
        self.talk.url(&all, query)
    }

    /// GraphQL stands beside the API: `/graphql`, at an Enterprise server `/api/graphql` beside `/api/v3`.
    fn graphql(&self) -> Url {
        let mut url = self.talk.url(&["graphql"], &[]);
        if let Some(above) = url.path().strip_suffix("/v3/graphql") {
            let path = format!("{above}/graphql");
            url.set_path(&path);
        }
        url
    }

    /// `acme/identity#7`
    fn named(&self) -> String {
        format!("{}/{}#{}", self.owner, self.repository, self.number)
    }
}

impl Host for GitHub {
    async fn page(&self, number: u32) -> Result<(Vec<Comment>, bool), ForgeError> {
        let page = number.to_string();
        let url = self.below(&["issues", &self.number, "comments"], &[("per_page", "100"), ("page", &page)]);
        let what = format!("read the comments of {}", self.named());
        let (comments, answer): (Vec<IssueComment>, _) = self.talk.json(self.talk.reads(url), &what, MAY_READ).await?;
        let more = answer.header("link").is_some_and(|links| links.contains("rel=\"next\""));
        let comment = |found: IssueComment| Comment {
            id: found.id,
            text: found.body.unwrap_or_default(),
            author: found.user.map(|user| user.login).unwrap_or_default(),
            url: found.html_url,
        };
        Ok((comments.into_iter().map(comment).collect(), more))
    }

    async fn me(&self) -> Result<String, ForgeError> {
        #[derive(Deserialize)]
        struct Answer {
            data: Data,
        }
        #[derive(Deserialize)]
        struct Data {
            viewer: Author,
        }
        let question = self.talk.asks(self.graphql(), &json!({"query": "query { viewer { login } }"}));
        let (answer, _): (Answer, _) = self.talk.json(question, "find out who the token is", MAY_READ).await?;
        Ok(answer.data.viewer.login)
    }

    async fn create(&self, text: &str) -> Result<String, ForgeError> {
        let url = self.below(&["issues", &self.number, "comments"], &[]);
        let what = format!("comment on {}", self.named());
        let request = self.talk.writes(Method::POST, url, &json!({"body": text}));
        let answer = self.talk.send(request, &what, MAY_COMMENT).await?;
        // It was written, whatever the answer says of it.
        let written: Option<IssueComment> = serde_json::from_slice(&answer.body).ok();
        Ok(written.map_or_else(|| self.named(), |comment| comment.html_url))
    }

    async fn update(&self, comment: &Comment, text: &str) -> Result<(), ForgeError> {
        let url = self.below(&["issues", "comments", &comment.id.to_string()], &[]);
        let what = format!("update the comment on {}", self.named());
        let request = self.talk.writes(Method::PATCH, url, &json!({"body": text}));
        self.talk.send(request, &what, MAY_COMMENT).await.map(drop)
    }
}
