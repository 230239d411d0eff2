//! Tells the host of a followed repository how the commit in force stands, beside whatever else a controller does.
//!
//! Must never: hold the workspace up, or send a token to a host that nobody named.

use std::path::Path;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::comment::place::variable;
use super::report::{Failure, notice};
use crate::forge::{Access, CommitHost, HostKind, Patience};
use crate::git::RemoteUrl;
use crate::http::{Credentials, Url};
use crate::manifest::connection::SecretRef;
use crate::model::Status;
use crate::render::safe;
use crate::secret;
use crate::workspace::revisions::CommitTeller;

/// A host may ask for so much patience; the next status tries again.
const PATIENCE: Duration = Duration::from_secs(60);
/// At the end so long is waited for the last one to arrive.
const LAST: Duration = Duration::from_secs(20);
const TOKEN: &str = "HEADCOUNT_STATUS_TOKEN";
const API: &str = "HEADCOUNT_STATUS_API";

/// Which software the repository's host runs.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum StatusHost {
    Github,
    Gitlab,
}

/// Begins to tell the host of a repository: who takes each status, and what to wait for at the end.
pub async fn start(url: &RemoteUrl, host: StatusHost) -> Result<(watch::Sender<Option<Status>>, JoinHandle<()>), Failure> {
    let teller = CommitTeller::new(commit_host(url, host).await?, None);
    let (to, from) = watch::channel(None);
    Ok((to, tokio::spawn(tell(teller, from))))
}

/// Waits for the last status to arrive, once nobody sends any more.
pub async fn arrived(teller: JoinHandle<()>) {
    let _ = tokio::time::timeout(LAST, teller).await;
}

async fn commit_host(url: &RemoteUrl, host: StatusHost) -> Result<CommitHost, Failure> {
    let kind = match host {
        StatusHost::Github => HostKind::GitHub,
        StatusHost::Gitlab => HostKind::GitLab,
    };
    let named = variable(API).map(|text| Url::parse(&text).map_err(|_| Failure::usage(format!("{API} is no address of an API: {text}"))));
    let api = match named.transpose()? {
        Some(api) => Some(api),
        None => url.host().and_then(|host| kind.api(host)),
    };
    let api =
        api.ok_or_else(|| Failure::usage("a folder of this machine has no host that shows a status").hint("leave --commit-status out"))?;
    let token = secret::resolve(&SecretRef::Env(TOKEN.to_owned()), Path::new(".")).await;
    let token =
        token.map_err(|error| Failure::from_error(&error).hint("it may set commit statuses of this repository, and nothing else"))?;
    let credentials = match kind {
        HostKind::GitHub => Credentials::Bearer(token),
        HostKind::GitLab => Credentials::Headers(vec![("PRIVATE-TOKEN".to_owned(), token)]),
    };
    let access = Access { api, credentials, patience: Patience { most: PATIENCE, told: |words| notice(words) } };
    CommitHost::new(kind, access, url.repository()).map_err(|error| Failure::new(error.message))
}

async fn tell(mut teller: CommitTeller, mut from: watch::Receiver<Option<Status>>) {
    let mut last = String::new();
    while from.changed().await.is_ok() {
        let status = from.borrow_and_update().clone();
        let Some(status) = status else { continue };
        let words = teller.tell(&status).await.err().map_or_else(String::new, |error| match error.hint {
            Some(hint) => format!("{}; {hint}", error.message),
            None => error.message,
        });
        // The same trouble again is no news.
        if !words.is_empty() && words != last {
            notice(safe::lines(&words));
        }
        last = words;
    }
}
