//! Notes and statuses of a merge request at GitLab (API v4).

use serde::Deserialize;
use serde_json::json;

use super::commit;
use super::error::ForgeError;
use super::talk::{Access, Talk};
use super::{Comment, Host, Signal};
use crate::http::{Method, Url};

/// GitLab refuses a status whose description is longer.
pub(super) const DESCRIPTION: usize = 255;
/// What answers are.
pub(super) const ACCEPT: &str = "application/json";
const RIGHT: &str = "HEADCOUNT_GITLAB_TOKEN must be a project access token with the scope `api` and the role Reporter at least; a job token can't write notes";
pub(super) const MAY_SET: &str = "HEADCOUNT_GITLAB_TOKEN must have the scope `api` and the role Developer to set a status";

/// A merge request.
pub struct GitLab {
    talk: Talk,
    request: MergeRequest,
}

/// Which merge request.
#[derive(Clone, Debug, Default)]
pub struct MergeRequest {
    /// the project that it is of: its number, or its path
    pub project: String,
    /// its number there
    pub number: u64,
    /// its newest commit, and the project that has it
    pub head: Option<(String, String)>,
    /// where the project's pages are
    pub web: Option<String>,
}

#[derive(Deserialize)]
struct NoteEntry {
    id: u64,
    #[serde(default)]
    body: String,
    author: Author,
    #[serde(default)]
    system: bool,
}

#[derive(Deserialize)]
struct Author {
    id: u64,
}

impl GitLab {
    /// The merge request.
    pub fn new(access: Access, request: MergeRequest) -> Result<Self, ForgeError> {
        Ok(Self { talk: Talk::new(access, ACCEPT, &[])?, request })
    }

    pub(super) async fn status(&self, signal: &Signal) -> Result<(), ForgeError> {
        let Some((project, commit)) = &self.request.head else {
            return Err(ForgeError::other("which commit gets the status is not known").hint("CI_COMMIT_SHA and CI_PROJECT_ID say it"));
        };
        commit::set_at_gitlab(&self.talk, project, commit, &signal.status()).await
    }

    fn notes(&self, parts: &[&str], query: &[(&str, &str)]) -> Url {
        let number = self.request.number.to_string();
        let all = ["projects", &self.request.project, "merge_requests", &number, "notes"];
        self.talk.url(&[&all, parts].concat(), query)
    }

    fn named(&self) -> String {
        format!("merge request !{}", self.request.number)
    }

    fn address(&self, note: u64) -> String {
        let web = self.request.web.as_ref();
        web.map_or_else(|| self.named(), |web| format!("{web}/-/merge_requests/{}#note_{note}", self.request.number))
    }
}

impl Host for GitLab {
    async fn page(&self, number: u32) -> Result<(Vec<Comment>, bool), ForgeError> {
        let page = number.to_string();
        let query = [("per_page", "100"), ("page", page.as_str()), ("order_by", "created_at"), ("sort", "asc")];
        let what = format!("read the notes of {}", self.named());
        let (notes, answer): (Vec<NoteEntry>, _) = self.talk.json(self.talk.reads(self.notes(&[], &query)), &what, RIGHT).await?;
        let more = answer.header("x-next-page").is_some_and(|next| !next.trim().is_empty())
            || answer.header("link").is_some_and(|links| links.contains("rel=\"next\""));
        let comment =
            |note: NoteEntry| Comment { id: note.id, text: note.body, author: note.author.id.to_string(), url: self.address(note.id) };
        Ok((notes.into_iter().filter(|note| !note.system).map(comment).collect(), more))
    }

    async fn me(&self) -> Result<String, ForgeError> {
        let request = self.talk.reads(self.talk.url(&["user"], &[]));
        let (author, _): (Author, _) = self.talk.json(request, "find out who the token is", RIGHT).await?;
        Ok(author.id.to_string())
    }

    async fn create(&self, text: &str) -> Result<String, ForgeError> {
        let request = self.talk.writes(Method::POST, self.notes(&[], &[]), &json!({"body": text}));
        let answer = self.talk.send(request, &format!("comment on {}", self.named()), RIGHT).await?;
        // It was written, whatever the answer says of it.
        let written: Option<NoteEntry> = serde_json::from_slice(&answer.body).ok();
        Ok(written.map_or_else(|| self.named(), |note| self.address(note.id)))
    }

    async fn update(&self, comment: &Comment, text: &str) -> Result<(), ForgeError> {
        let request = self.talk.writes(Method::PUT, self.notes(&[&comment.id.to_string()], &[]), &json!({"body": text}));
        self.talk.send(request, &format!("update the comment on {}", self.named()), RIGHT).await.map(drop)
    }
}
