//! `--server`: the API of a headcount that runs, in the place of its state and its manifests. What comes is the same values, so it is shown the same way.
//!
//! Must never: send the token anywhere but there, or where it could be read on the way.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};
use url::Url;

use super::report::{Exit, Failure};
use crate::http::{Body, Client, Credentials, Method, Request, Settings};
use crate::model::{Approval, Brake, Decided, Finding, Plan, StandingRevocation, Status};
use crate::policy::ApprovalPolicy;
use crate::secret::SecretString;
use crate::workspace::gates::WaitingPlan;

/// Where the token is.
const TOKEN: &str = "HEADCOUNT_TOKEN";
/// No answer is longer: a plan of 100,000 changes is some 50 MiB.
const MOST: usize = 256 << 20;
/// Nothing is worked out for longer.
const PATIENCE: Duration = Duration::from_secs(120);

/// Whom a command asks.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct ServerArgs {
    /// Ask the API of a headcount that runs, in the place of the state and the manifests; HEADCOUNT_TOKEN holds a token of it
    #[arg(long, value_name = "URL", conflicts_with = "files")]
    pub server: Option<Url>,
}

/// The API of one workspace.
#[derive(Clone, Debug)]
pub struct RemoteWorkspace {
    client: Client,
    base: Url,
}

/// Plans that wait, with what was said of them, and by whose rules they are let through.
#[derive(Clone, Debug, Default)]
pub struct RemotePlans {
    pub waiting: Vec<WaitingPlan>,
    pub said: Vec<Approval>,
    pub rules: Vec<(Arc<str>, ApprovalPolicy)>,
}

#[derive(Deserialize)]
struct Waiting {
    plans: Vec<WaitingHead>,
}

#[derive(Deserialize)]
struct WaitingHead {
    hash: Arc<str>,
    target: Arc<str>,
    since: Timestamp,
    authors: Vec<String>,
    rule: Option<RemoteRule>,
    approvals: Vec<Approval>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RemoteRule {
    count: u32,
    not_author: bool,
    expires: i64,
}

/// A page of a list.
#[derive(Deserialize)]
struct ListedPage {
    unread: Vec<Finding>,
    next: Option<String>,
    #[serde(flatten)]
    rows: serde_json::Map<String, Json>,
}

impl ServerArgs {
    /// The API, where one is named.
    pub fn remote(&self) -> Result<Option<RemoteWorkspace>, Failure> {
        let token = || std::env::var(TOKEN).ok().map(|token| token.trim().to_owned()).filter(|token| !token.is_empty());
        self.server.as_ref().map(|server| RemoteWorkspace::at(server, token())).transpose()
    }
}

impl RemoteWorkspace {
    fn at(base: &Url, token: Option<String>) -> Result<Self, Failure> {
        let local = matches!(base.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        if base.cannot_be_a_base() || (base.scheme() != "https" && !(local && base.scheme() == "http")) {
            return Err(Failure::usage(format!("--server {base}: the token would be read on the way")).hint("name an address with https"));
        }
        // Whoever is on its machine may look without one, where nobody signs in.
        if token.is_none() && !local {
            let hint = "`headcount token create NAME --scope status`, where its state is, makes one";
            return Err(Failure::usage(format!("--server asks for a token, and {TOKEN} holds none")).hint(hint));
        }
        let settings = Settings {
            system: Arc::from("the server"),
            timeout: PATIENCE,
            max_body: MOST,
            credentials: token.map(|token| Credentials::Bearer(SecretString::from(token))),
            renew: None,
            ca_file: None,
            identity: None,
            detour: None,
            recording: None,
        };
        let client = Client::new(&settings).map_err(|error| Failure::from_error(&error))?;
        Ok(Self { client, base: base.clone() })
    }

    /// What another command needs to ask it, too: ` --server https://…`
    pub fn option(&self) -> String {
        format!(" --server {}", self.base.as_str().trim_end_matches('/'))
    }

    /// How the workspace stands.
    pub async fn status(&self) -> Result<Status, Failure> {
        self.get("status", &[]).await
    }

    /// What stops all writing, if anything does.
    pub async fn brake(&self) -> Result<Option<Brake>, Failure> {
        #[derive(Deserialize)]
        struct Paused {
            paused: Option<Brake>,
        }
        Ok(self.get::<Paused>("pause", &[]).await?.paused)
    }

    /// Stops all writing.
    pub async fn pause(&self, reason: Option<&str>, everything: bool) -> Result<bool, Failure> {
        changed(&self.send(Method::POST, "pause", Some(json!({"reason": reason, "everything": everything}))).await?)
    }

    /// Lets it go on.
    pub async fn resume(&self) -> Result<bool, Failure> {
        changed(&self.send(Method::DELETE, "pause", None).await?)
    }

    /// Asks for a sync: what the request is called.
    pub async fn sync(&self, targets: &[Arc<str>], ignore_window: bool) -> Result<Arc<str>, Failure> {
        let told = self.send(Method::POST, "sync", Some(json!({"targets": targets, "ignoreWindow": ignore_window}))).await?;
        text(&told, "request")
    }

    /// Whether a request is still to be done.
    pub async fn waits(&self, request: &str) -> Result<bool, Failure> {
        let told: Json = self.get(&format!("sync/{request}"), &[]).await?;
        told.get("waits").and_then(Json::as_bool).ok_or_else(other)
    }

    /// Plans that wait, in full.
    pub async fn plans(&self) -> Result<RemotePlans, Failure> {
        let heads: Waiting = self.get("plans", &[]).await?;
        let mut plans = RemotePlans::default();
        for WaitingHead { hash, target, since, authors, rule, approvals } in heads.plans {
            let plan: Plan = self.get(&format!("plans/{hash}"), &[]).await?;
            if let Some(RemoteRule { count, not_author, expires }) = rule {
                let expires = jiff::SignedDuration::from_secs(expires);
                plans.rules.push((target.clone(), ApprovalPolicy { waits: Default::default(), count, not_author, expires }));
            }
            plans.said.extend(approvals);
            plans.waiting.push(WaitingPlan { target, hash, plan, since, authors });
        }
        Ok(plans)
    }

    /// A word about a plan that waits, as it was recorded.
    pub async fn say(&self, plan: &str, decision: Decided, reason: Option<&str>) -> Result<Approval, Failure> {
        let told = self.send(Method::POST, "approvals", Some(json!({"plan": plan, "decision": decision, "reason": reason}))).await?;
        told.get("approval").and_then(|word| Approval::deserialize(word).ok()).ok_or_else(other)
    }

    /// Cuts somebody off: by which key they are.
    pub async fn revoke(&self, identity: &str, reason: &str, until: Option<Date>) -> Result<Arc<str>, Failure> {
        let told = self.send(Method::POST, "revocations", Some(json!({"identity": identity, "reason": reason, "until": until}))).await?;
        let key = told.pointer("/revoked/0").and_then(Json::as_str);
        key.map(Arc::from).ok_or_else(other)
    }

    /// What came of it so far.
    pub async fn revocation(&self, key: &str) -> Result<StandingRevocation, Failure> {
        self.get(&format!("revocations/{key}"), &[]).await
    }

    /// All of a list; what is answered is why some of it may be missing.
    pub async fn listed<T: DeserializeOwned>(&self, list: &str, rows: &mut Vec<T>) -> Result<Vec<Finding>, Failure> {
        let mut after: Option<String> = None;
        loop {
            let query: Vec<(&str, &str)> = after.iter().map(|after| ("after", after.as_str())).collect();
            let mut page: ListedPage = self.get(list, &query).await?;
            let more = page.rows.remove(list).and_then(|rows| Vec::<T>::deserialize(rows).ok()).ok_or_else(other)?;
            rows.extend(more);
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(page.unread),
            }
        }
    }

    async fn get<T: DeserializeOwned>(&self, path: &str, query: &[(&str, &str)]) -> Result<T, Failure> {
        let mut url = self.url(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let told = self.ask(Request::reads(Method::GET, url, ACCEPTED)).await?;
        serde_json::from_slice(&told).map_err(|_| other())
    }

    async fn send(&self, method: Method, path: &str, body: Option<Json>) -> Result<Json, Failure> {
        let body = body.map(|body| Body::new("application/json", body.to_string()));
        let told = self.ask(Request { body, ..Request::writes(method, self.url(path), ACCEPTED) }).await?;
        serde_json::from_slice(&told).map_err(|_| other())
    }

    async fn ask(&self, request: Request) -> Result<Vec<u8>, Failure> {
        let answer = self.client.send(request).await.map_err(|error| Failure::from_error(&error))?;
        if answer.succeeded() {
            return Ok(answer.body);
        }
        let told: Json = serde_json::from_slice(&answer.body).unwrap_or_default();
        let says = |field: &str| told.get(field).and_then(Json::as_str).map(str::to_owned);
        let detail = says("detail").unwrap_or_else(|| "and does not say why: is it a headcount's?".to_owned());
        let failure = Failure::new(format!("{} answers {}: {detail}", self.base, answer.status));
        let failure = if answer.status == 503 { failure.exit(Exit::Stale) } else { failure };
        Err(match (says("next"), answer.status) {
            (Some(next), _) => failure.hint(next),
            (None, 401) => failure.hint(format!("{TOKEN} holds another token, or one that has ended")),
            (None, _) => failure,
        })
    }

    /// Below the API's place; a key's slashes stand as they are.
    fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["api", "v1"]).extend(path.split('/'));
        }
        url
    }
}

const ACCEPTED: &str = "application/json, application/problem+json";

fn changed(told: &Json) -> Result<bool, Failure> {
    told.get("changed").and_then(Json::as_bool).ok_or_else(other)
}

fn text(told: &Json, field: &str) -> Result<Arc<str>, Failure> {
    told.get(field).and_then(Json::as_str).map(Arc::from).ok_or_else(other)
}

fn other() -> Failure {
    Failure::new("the server answers something else than was asked for").hint("is it a headcount of this version?")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_goes_to_https_or_to_this_machine() {
        let at = |url: &str, token: Option<&str>| RemoteWorkspace::at(&url.parse().unwrap(), token.map(str::to_owned));
        for url in ["https://headcount.acme.example", "http://localhost:8080/", "http://127.0.0.1:8080"] {
            assert!(at(url, Some("hct_x")).is_ok(), "{url}");
        }
        for url in ["http://headcount.acme.example", "http://127.0.0.1.evil.example", "http://10.0.0.1", "ftp://localhost/", "data:x"] {
            assert!(at(url, Some("hct_x")).is_err(), "{url}");
        }
        assert!(at("https://headcount.acme.example", None).is_err(), "without one it would be told only there");
        assert!(at("http://localhost:8080", None).is_ok(), "where nobody signs in, whoever is there may look");
    }

    #[test]
    fn a_key_stands_in_a_path_as_it_is_and_nothing_leads_out_of_it() {
        let remote = RemoteWorkspace::at(&"https://h.example/base/".parse().unwrap(), Some("x".into())).unwrap();
        assert_eq!(remote.url("people/hr/10 023").as_str(), "https://h.example/base/api/v1/people/hr/10%20023");
        assert_eq!(remote.url("people/a?b#c").path(), "/base/api/v1/people/a%3Fb%23c");
        assert_eq!(remote.option(), " --server https://h.example/base");
    }
}
