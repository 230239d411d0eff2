//! Which endpoint is asked, and what a service says of itself.
//!
//! Must never: do something for a method that an endpoint does not have.

use axum::http::Method;
use axum::http::header::ALLOW;
use serde_json::{Value as Json, json};

use super::Inbound;
use super::answer::Answer;
use super::asked::{Asked, CURSOR_LIFE, MAX_PAGE, PAGE};
use super::resources;
use crate::scim::{self, ScimRefusal, ServedKind};
use crate::server::desk::Desk;

/// Schema of a list.
pub(super) const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
const CONFIG: &str = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig";

/// Answers it.
pub(super) async fn serve(desk: &Desk, asked: &Asked, inbound: &Inbound) -> Result<Answer, Answer> {
    let path: Vec<&str> = asked.path.iter().map(String::as_str).collect();
    let kind = |name: &str| ServedKind::ALL.into_iter().find(|kind| kind.endpoint() == name);
    match path.as_slice() {
        [] => only(asked, &[Method::GET])?,
        [".search"] => only(asked, &[Method::POST])?,
        ["Me"] => return Err(ScimRefusal::new(501, "whoever pushes is no user here").into()),
        ["Bulk"] => return Err(ScimRefusal::new(501, "there is no bulk: each change is a request").into()),
        ["ServiceProviderConfig"] => {
            only(asked, &[Method::GET])?;
            return Ok(Answer::of(200, config(&asked.base)));
        }
        ["ResourceTypes", rest @ ..] => return told(asked, rest, scim::resource_types()),
        ["Schemas", rest @ ..] => return told(asked, rest, scim::schemas()),
        [endpoint, rest @ ..] => {
            let kind = kind(endpoint).ok_or_else(|| Answer::from(ScimRefusal::missing("there is no such endpoint")))?;
            return resources::serve(desk, asked, kind, rest, inbound).await;
        }
    }
    resources::list(desk, asked, &ServedKind::ALL, inbound).await
}

/// Refuses other methods.
pub(super) fn only(asked: &Asked, methods: &[Method]) -> Result<(), Answer> {
    let is_head = asked.method == Method::HEAD && methods.contains(&Method::GET);
    if is_head || methods.contains(&asked.method) {
        return Ok(());
    }
    let allowed: Vec<&str> = methods.iter().map(Method::as_str).collect();
    let refused = Answer::refused(&ScimRefusal::new(405, format!("{} is not done here", asked.method)));
    Err(refused.with(ALLOW, allowed.join(", ")))
}

fn told(asked: &Asked, rest: &[&str], all: Vec<Json>) -> Result<Answer, Answer> {
    only(asked, &[Method::GET])?;
    if asked.search.filter.is_some() {
        return Err(ScimRefusal::new(403, "this list takes no filter").into());
    }
    let placed = |mut one: Json| {
        if let Some(location) = one["meta"]["location"].as_str().map(str::to_owned) {
            one["meta"]["location"] = json!(format!("{}/{location}", asked.base));
        }
        one
    };
    let all: Vec<Json> = all.into_iter().map(placed).collect();
    match rest {
        [] => Ok(Answer::of(
            200,
            json!({"schemas": [LIST], "totalResults": all.len(), "startIndex": 1, "itemsPerPage": all.len(), "Resources": all}),
        )),
        [id] => {
            let found = all.into_iter().find(|one| one["id"].as_str().is_some_and(|known| known.eq_ignore_ascii_case(id)));
            found.map(|one| Answer::of(200, one)).ok_or_else(|| ScimRefusal::missing("there is no such document").into())
        }
        _ => Err(ScimRefusal::missing("there is nothing there").into()),
    }
}

fn config(base: &str) -> Json {
    json!({
        "schemas": [CONFIG],
        "patch": {"supported": true},
        "bulk": {"supported": false, "maxOperations": 0, "maxPayloadSize": 0},
        "filter": {"supported": true, "maxResults": MAX_PAGE},
        "changePassword": {"supported": false},
        "sort": {"supported": false},
        "etag": {"supported": true},
        "pagination": {
            "cursor": true, "index": true, "defaultPaginationMethod": "index",
            "defaultPageSize": PAGE, "maxPageSize": MAX_PAGE, "cursorTimeout": CURSOR_LIFE,
        },
        "authenticationSchemes": [{
            "type": "oauthbearertoken", "name": "Bearer token", "primary": true,
            "description": "A token of this Source, which `headcount token create --push` makes",
        }],
        "meta": {"resourceType": "ServiceProviderConfig", "location": format!("{base}/ServiceProviderConfig")},
    })
}
