//! The API: what commands write with `-o json`, and what they ask for, over HTTP. One table says every operation; the routes and the document that tells of them are
//! made of it.
//!
//! Must never: answer with another form than the command's, or have an operation that the document does not tell.

mod asks;
mod document;
mod looks;

use std::sync::Arc;

use axum::Router;
use axum::routing::{MethodRouter, delete, get, post};

use super::desk::Site;

/// One operation.
pub(super) struct ApiOperation {
    /// the verb, in small letters
    pub method: &'static str,
    /// where, with parameters in braces
    pub path: &'static str,
    /// what it is for
    pub summary: &'static str,
    /// what whoever asks has to be allowed, as a token's scope
    pub scope: &'static str,
    /// what may stand behind `?`
    pub query: &'static [(&'static str, &'static str)],
    /// what is sent, by the name of its schema
    pub sends: Option<&'static str>,
    /// what is answered, by the name of its schema
    pub answers: Option<&'static str>,
    /// how it is done
    serve: fn() -> MethodRouter<Arc<Site>>,
}

const NOTHING: &[(&str, &str)] = &[];
const PAGED: &[(&str, &str)] = &[("after", "`next` of the page before"), ("limit", "at most so many")];

/// All of them.
pub(super) const OPERATIONS: &[ApiOperation] = &[
    ApiOperation {
        method: "get",
        path: "/api/v1/status",
        summary: "How the workspace stands: `headcount status -o json`",
        scope: "status",
        query: NOTHING,
        sends: None,
        answers: Some("Status"),
        serve: || get(looks::status),
    },
    ApiOperation {
        method: "get",
        path: "/api/v1/systems",
        summary: "Sources and Targets, as the status has them",
        scope: "status",
        query: NOTHING,
        sends: None,
        answers: Some("Systems"),
        serve: || get(looks::systems),
    },
    ApiOperation {
        method: "get",
        path: "/api/v1/systems/{name}",
        summary: "One Source or Target",
        scope: "status",
        query: NOTHING,
        sends: None,
        answers: Some("SystemStatus"),
        serve: || get(looks::system),
    },
    ApiOperation {
        method: "get",
        path: "/api/v1/plans",
        summary: "Plans that wait for an approval, in numbers",
        scope: "status",
        query: NOTHING,
        sends: None,
        answers: Some("WaitingPlans"),
        serve: || get(looks::plans),
    },
    ApiOperation {
        method: "get",
        path: "/api/v1/plans/{hash}",
        summary: "A plan that waits, in full; of `current` all that is needed now, whatever holds it: `headcount plan -o json`",
        scope: "people",
        query: NOTHING,
        sends: None,
        answers: Some("Plan"),
        serve: || get(looks::plan),
    },
    ApiOperation {
        method: "get",
        path: "/api/v1/people",
        summary: "Who there is, and what they have: `headcount get people -o json`. The journal says who asked",
        scope: "people",
        query: &[("name", "only whoever is called so, * standing for anything"), PAGED[0], PAGED[1]],
        sends: None,
        answers: None,
        serve: || get(looks::people),
    },
    ApiOperation {
        method: "get",
        path: "/api/v1/people/{key}",
        summary: "Where everything about a person comes from: `headcount explain KEY -o json`, without requests. The journal says who asked",
        scope: "people",
        query: &[("target", "at this Target alone")],
        sends: None,
        answers: None,
        serve: || get(looks::person),
    },
    ApiOperation {
        method: "get",
        path: "/api/v1/accounts",
        summary: "Whose each account is: `headcount get accounts -o json`. The journal says who asked",
        scope: "people",
        query: PAGED,
        sends: None,
        answers: None,
        serve: || get(looks::accounts),
    },
    ApiOperation {
        method: "get",
        path: "/api/v1/groups",
        summary: "Groups at each target: `headcount get groups -o json`. The journal says who asked",
        scope: "people",
        query: PAGED,
        sends: None,
        answers: None,
        serve: || get(looks::groups),
    },
    ApiOperation {
        method: "get",
        path: "/api/v1/targets",
        summary: "What each target has: `headcount get targets -o json`. The journal says who asked",
        scope: "people",
        query: PAGED,
        sends: None,
        answers: None,
        serve: || get(looks::targets),
    },
    ApiOperation {
        method: "get",
        path: "/api/v1/runs",
        summary: "Runs, and what people did besides: `headcount history -o json`",
        scope: "status",
        query: NOTHING,
        sends: None,
        answers: None,
        serve: || get(looks::runs),
    },
    ApiOperation {
        method: "get",
        path: "/api/v1/history",
        summary: "The journal's entries, oldest first: `headcount history -o ndjson`, a page at a time",
        scope: "people",
        query: &[("cursor", "`next` of the page before")],
        sends: None,
        answers: None,
        serve: || get(looks::history),
    },
    ApiOperation {
        method: "get",
        path: "/api/v1/openapi.json",
        summary: "This document",
        scope: "status",
        query: NOTHING,
        sends: None,
        answers: None,
        serve: || get(document::answer),
    },
    ApiOperation {
        method: "post",
        path: "/api/v1/sync",
        summary: "Read now, and do what is needed: `headcount sync`",
        scope: "sync",
        query: NOTHING,
        sends: Some("AskedSync"),
        answers: None,
        serve: || post(asks::sync),
    },
    ApiOperation {
        method: "get",
        path: "/api/v1/sync/{request}",
        summary: "Whether a sync that was asked for still waits to be done",
        scope: "status",
        query: NOTHING,
        sends: None,
        answers: None,
        serve: || get(looks::request),
    },
    ApiOperation {
        method: "post",
        path: "/api/v1/approvals",
        summary: "A word about a plan that waits: `headcount approve`",
        scope: "approve",
        query: NOTHING,
        sends: Some("AskedApproval"),
        answers: None,
        serve: || post(asks::approve),
    },
    ApiOperation {
        method: "post",
        path: "/api/v1/revocations",
        summary: "Cut somebody off everywhere, now: `headcount revoke`",
        scope: "revoke",
        query: NOTHING,
        sends: Some("AskedRevocation"),
        answers: None,
        serve: || post(asks::revoke),
    },
    ApiOperation {
        method: "get",
        path: "/api/v1/revocations/{key}",
        summary: "What came of cutting somebody off by command, target by target",
        scope: "people",
        query: NOTHING,
        sends: None,
        answers: None,
        serve: || get(looks::revocation),
    },
    ApiOperation {
        method: "get",
        path: "/api/v1/pause",
        summary: "Whether all writing is stopped, and who stopped it",
        scope: "status",
        query: NOTHING,
        sends: None,
        answers: Some("Paused"),
        serve: || get(looks::brake),
    },
    ApiOperation {
        method: "post",
        path: "/api/v1/pause",
        summary: "Stop all writing: `headcount pause`",
        scope: "pause",
        query: NOTHING,
        sends: Some("AskedPause"),
        answers: None,
        serve: || post(asks::pause),
    },
    ApiOperation {
        method: "delete",
        path: "/api/v1/pause",
        summary: "Let writing go on: `headcount resume`",
        scope: "pause",
        query: NOTHING,
        sends: None,
        answers: None,
        serve: || delete(asks::resume),
    },
];

pub(super) use looks::{EVERYBODY, asked, broken};

pub(super) fn routes() -> Router<Arc<Site>> {
    OPERATIONS.iter().fold(Router::new(), |router, one| {
        // A key has a slash in it.
        router.route(&one.path.replace("{key}", "{*key}"), (one.serve)())
    })
}

#[cfg(test)]
pub(super) use document::document;
