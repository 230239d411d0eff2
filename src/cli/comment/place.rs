//! Where a run is: at which host, of which request, with which token. What pipelines say in variables is read here.
//!
//! Must never: guess a request's number, or send a token to a host that no variable names.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use crate::cli::report::{Failure, notice};
use crate::files;
use crate::forge::{Access, Forge, GitHub, GitLab, MergeRequest, Patience};
use crate::http::{Credentials, Url};
use crate::manifest::connection::SecretRef;
use crate::secret;

/// How long a host may ask us to wait.
const PATIENCE: Duration = Duration::from_secs(5 * 60);
/// An event is far smaller.
const MAX_EVENT: u64 = 32 << 20;
const GITHUB: &str = "https://api.github.com";

/// What an event of GitHub's says about its pull request.
#[derive(Default, Deserialize)]
struct Event {
    #[serde(default)]
    pull_request: Option<Pull>,
    #[serde(default)]
    issue: Option<Issue>,
    #[serde(default)]
    repository: Option<Repository>,
}

#[derive(Deserialize)]
struct Repository {
    #[serde(default)]
    private: Option<bool>,
}

#[derive(Deserialize)]
struct Pull {
    number: u64,
    head: Commit,
}

#[derive(Deserialize)]
struct Commit {
    sha: String,
}

/// A comment on a pull request is one on its issue.
#[derive(Deserialize)]
struct Issue {
    number: u64,
    #[serde(default)]
    pull_request: Option<serde::de::IgnoredAny>,
}

/// A variable that says something.
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.trim().is_empty())
}

/// The page of this run.
pub fn run() -> Option<String> {
    let github = || {
        let (server, repository, run) = (variable("GITHUB_SERVER_URL")?, variable("GITHUB_REPOSITORY")?, variable("GITHUB_RUN_ID")?);
        Some(format!("{server}/{repository}/actions/runs/{run}"))
    };
    github().or_else(|| variable("CI_JOB_URL"))
}

/// Which request this run is of, as text; none where no variable says it.
pub fn request() -> Option<String> {
    let repository = variable("GITHUB_REPOSITORY").or_else(|| variable("CI_PROJECT_ID"))?;
    let number = || number_of_ref(&variable("GITHUB_REF")?).map(|number| number.to_string());
    let of_event = || event().ok()?.pull_request.map(|pull| pull.number.to_string());
    let number = of_event().or_else(number).or_else(|| variable("CI_MERGE_REQUEST_IID"))?;
    Some(format!("{repository}#{number}"))
}

/// Whether everybody may read what a job of GitHub's or GitLab's shows: the repository is public, or nothing says that it is not. Elsewhere nobody else reads along.
pub fn is_public() -> bool {
    let is_set = |name| variable(name).is_some_and(|value| value == "true");
    if is_set("GITHUB_ACTIONS") {
        // https://docs.github.com/en/webhooks/webhook-events-and-payloads: `repository.private` is false of public ones alone.
        return event().ok().and_then(|event| event.repository?.private) != Some(true);
    }
    is_set("GITLAB_CI") && !variable("CI_PROJECT_VISIBILITY").is_some_and(|known| matches!(known.as_str(), "private" | "internal"))
}

/// The host of this run, and the request.
pub async fn forge(number: Option<u64>) -> Result<Forge, Failure> {
    match (variable("GITHUB_REPOSITORY"), variable("CI_API_V4_URL")) {
        (Some(repository), _) => github(&repository, number).await,
        (None, Some(api)) => gitlab(&api, number).await,
        (None, None) => Err(Failure::new("which host this runs at is not known")
            .hint("at GitHub set GITHUB_REPOSITORY (OWNER/NAME), at GitLab CI_API_V4_URL and CI_PROJECT_ID; their own pipelines do")),
    }
}

async fn github(repository: &str, number: Option<u64>) -> Result<Forge, Failure> {
    let event = event()?;
    let pull = event.pull_request.as_ref();
    let issue = event.issue.as_ref().filter(|issue| issue.pull_request.is_some()).map(|issue| issue.number);
    let known = pull.map(|pull| pull.number).or(issue).or_else(|| number_of_ref(&variable("GITHUB_REF")?));
    let Some(number) = number.or(known) else {
        return Err(Failure::new("this run belongs to no pull request").hint("name it: `--number N`"));
    };
    let head = pull.filter(|pull| pull.number == number).map(|pull| pull.head.sha.clone());
    let token = token("GITHUB_TOKEN", "hand it on to this step: `env: {GITHUB_TOKEN: \"${{ github.token }}\"}`").await?;
    let api = address("GITHUB_API_URL", &variable("GITHUB_API_URL").unwrap_or_else(|| GITHUB.to_owned()))?;
    GitHub::new(Access { api, credentials: Credentials::Bearer(token), patience: patience() }, repository, number, head)
        .map(Forge::GitHub)
        .map_err(super::failed)
}

async fn gitlab(api: &str, number: Option<u64>) -> Result<Forge, Failure> {
    let own = variable("CI_PROJECT_ID");
    let of_request = variable("CI_MERGE_REQUEST_PROJECT_ID").or_else(|| own.clone());
    let Some(project) = of_request else {
        return Err(Failure::new("which project this is of is not known").hint("set CI_PROJECT_ID, as GitLab's pipelines do"));
    };
    let Some(number) = number.or_else(|| variable("CI_MERGE_REQUEST_IID")?.parse().ok()) else {
        return Err(Failure::new("this run belongs to no merge request").hint(
            "run the job in merge request pipelines (`if: $CI_PIPELINE_SOURCE == \"merge_request_event\"`), or name it: `--number N`",
        ));
    };
    // Of a merged result the newest commit of the branch, which the request shows.
    let commit = variable("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA").or_else(|| variable("CI_COMMIT_SHA"));
    let request = MergeRequest { project, number, head: own.zip(commit), web: variable("CI_MERGE_REQUEST_PROJECT_URL") };
    let hint = "make a project access token (scope api, role Reporter) and keep it as a masked variable of that name; a job token can't write notes";
    let token = token("HEADCOUNT_GITLAB_TOKEN", hint).await?;
    let credentials = Credentials::Headers(vec![("PRIVATE-TOKEN".to_owned(), token)]);
    let access = Access { api: address("CI_API_V4_URL", api)?, credentials, patience: patience() };
    GitLab::new(access, request).map(Forge::GitLab).map_err(super::failed)
}

async fn token(name: &str, hint: &str) -> Result<secret::SecretString, Failure> {
    secret::resolve(&SecretRef::Env(name.to_owned()), Path::new(".")).await.map_err(|error| Failure::from_error(&error).hint(hint))
}

fn patience() -> Patience {
    Patience { most: PATIENCE, told: |words| notice(words) }
}

fn address(name: &str, text: &str) -> Result<Url, Failure> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "https" | "http") && url.has_host());
    url.ok_or_else(|| Failure::new(format!("{name} is no address of an API: {text}")).hint("it is written https://HOST/…"))
}

fn event() -> Result<Event, Failure> {
    let Some(path) = variable("GITHUB_EVENT_PATH") else { return Ok(Event::default()) };
    let path = Path::new(&path);
    let text = files::read_text(path, MAX_EVENT).map_err(|error| Failure::file("read", path, error))?;
    serde_json::from_str(&text).map_err(|error| Failure::because(format!("{} is no event of GitHub's", path.display()), &error))
}

/// `refs/pull/7/merge`
fn number_of_ref(reference: &str) -> Option<u64> {
    reference.strip_prefix("refs/pull/")?.split('/').next()?.parse().ok()
}
