//! What the API does for whoever asks: `acts` does it, and says why not.
//!
//! Must never: do anything that `acts` does not.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::model::Decided;
use crate::server::answer::{Problem, json as answered, json_of};
use crate::server::desk::Site;
use crate::server::guard::SentJson;
use crate::server::visitor::Visitor;

type Answer = Result<Response, Problem>;
type Here = State<Arc<Site>>;
type Who = Extension<Visitor>;

/// That systems are read, and what is needed done.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct AskedSync {
    /// these Targets alone; none named: all
    #[serde(default)]
    pub targets: Vec<Arc<str>>,
    /// a closed window holds nothing of it; for an admin alone
    #[serde(default)]
    pub ignore_window: bool,
}

/// A word about a plan that waits.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct AskedApproval {
    /// its hash, or the first 8 digits and more
    pub plan: String,
    /// what is said
    pub decision: Decided,
    /// why
    #[serde(default)]
    pub reason: Option<String>,
}

/// That somebody is cut off.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct AskedRevocation {
    /// an immutable key: `hr/10023`, `user/jane`
    pub identity: String,
    /// why
    pub reason: String,
    /// the last day
    #[serde(default)]
    pub until: Option<Date>,
}

/// That all writing stops.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct AskedPause {
    /// why
    #[serde(default)]
    pub reason: Option<String>,
    /// revocations wait as well
    #[serde(default)]
    pub everything: bool,
}

pub(super) async fn sync(State(site): Here, Extension(visitor): Who, SentJson(asked): SentJson<AskedSync>) -> Answer {
    let name = site.sync(&visitor, asked.targets, asked.ignore_window).await?;
    Ok(json_of(StatusCode::ACCEPTED, "application/json", &json!({"formatVersion": 1, "request": name})))
}

pub(super) async fn approve(State(site): Here, Extension(visitor): Who, SentJson(asked): SentJson<AskedApproval>) -> Answer {
    let word = site.say(&visitor, asked.plan.trim(), asked.decision, asked.reason.as_deref()).await?;
    Ok(json_of(StatusCode::CREATED, "application/json", &json!({"formatVersion": 1, "approval": word})))
}

pub(super) async fn revoke(State(site): Here, Extension(visitor): Who, SentJson(asked): SentJson<AskedRevocation>) -> Answer {
    let key = site.revoke(&visitor, asked.identity.trim(), &asked.reason, asked.until).await?;
    Ok(json_of(StatusCode::ACCEPTED, "application/json", &json!({"formatVersion": 1, "revoked": [key]})))
}

pub(super) async fn pause(State(site): Here, Extension(visitor): Who, SentJson(asked): SentJson<AskedPause>) -> Answer {
    let changed = site.pause(&visitor, asked.reason.as_deref(), asked.everything).await?;
    Ok(answered(&json!({"formatVersion": 1, "changed": changed})))
}

pub(super) async fn resume(State(site): Here, Extension(visitor): Who) -> Answer {
    let changed = site.resume(&visitor).await?;
    Ok(answered(&json!({"formatVersion": 1, "changed": changed})))
}
