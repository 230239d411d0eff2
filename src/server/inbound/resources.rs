//! Users and groups, as clients reach them.
//!
//! Must never: answer a change before it is kept.

use axum::http::Method;
use axum::http::header::{CONTENT_LOCATION, LOCATION};
use jiff::Timestamp;
use serde_json::json;

use super::Inbound;
use super::answer::Answer;
use super::asked::{Asked, sealed};
use super::service::{LIST, only};
use crate::inbox::{ListPaging, Match, Pushed};
use crate::scim::{self, ScimRefusal, ServedKind};
use crate::server::desk::Desk;

/// One endpoint of them.
pub(super) async fn serve(desk: &Desk, asked: &Asked, kind: ServedKind, rest: &[&str], inbound: &Inbound) -> Result<Answer, Answer> {
    match rest {
        [] => only(asked, &[Method::GET, Method::POST])?,
        [".search"] => only(asked, &[Method::POST])?,
        [_] => only(asked, &[Method::GET, Method::PUT, Method::PATCH, Method::DELETE])?,
        _ => return Err(ScimRefusal::missing("there is nothing there").into()),
    }
    let (inboxes, source, fits) = (desk.mail.inboxes(), asked.source.as_str(), asked.matches.as_ref());
    match (rest, asked.method.as_str()) {
        ([], "POST") => {
            let pushed = inboxes.create(source, kind, &asked.body).await?;
            kept(desk, asked, kind, &pushed, 201).await
        }
        ([] | [".search"], _) => list(desk, asked, &[kind], inbound).await,
        ([id], "PUT") => {
            let pushed = inboxes.replace(source, kind, id, &asked.body, fits).await?;
            kept(desk, asked, kind, &pushed, 200).await
        }
        ([id], "PATCH") => {
            let steps = scim::steps(&asked.body)?;
            let pushed = inboxes.patch(source, kind, id, &steps, fits).await?;
            // A group may have very many members, and both clients take an empty answer.
            let is_short = kind == ServedKind::Group && asked.search.only.is_empty();
            kept(desk, asked, kind, &pushed, if is_short { 204 } else { 200 }).await
        }
        ([id], "DELETE") => {
            inboxes.delete(source, kind, id, fits).await?;
            Ok(Answer::empty(204))
        }
        ([id], _) => one(desk, asked, kind, id).await,
        _ => Err(ScimRefusal::missing("there is nothing there").into()),
    }
}

async fn one(desk: &Desk, asked: &Asked, kind: ServedKind, id: &str) -> Result<Answer, Answer> {
    let told = |inbox: &crate::inbox::Inbox| Some((inbox.told(kind, id, &asked.search, &asked.base)?, inbox.version(kind, id)?));
    let found = desk.mail.inboxes().look(&asked.source, told).await?;
    let (body, version) = found.ok_or_else(|| Answer::from(ScimRefusal::missing(format!("there is no {} {id}", kind.word()))))?;
    if asked.unless.as_ref().is_some_and(|known| match known {
        Match::Any => true,
        Match::Of(versions) => versions.contains(&version),
    }) {
        return Ok(Answer::empty(304).version(version));
    }
    Ok(Answer::of(200, body).version(version).with(CONTENT_LOCATION, location(asked, kind, id)))
}

fn location(asked: &Asked, kind: ServedKind, id: &str) -> String {
    format!("{}/{}/{id}", asked.base, kind.endpoint())
}

async fn kept(desk: &Desk, asked: &Asked, kind: ServedKind, pushed: &Pushed, status: u16) -> Result<Answer, Answer> {
    if status == 204 {
        return Ok(Answer::empty(204).version(pushed.version));
    }
    let told = |inbox: &crate::inbox::Inbox| inbox.told(kind, &pushed.id, &asked.search, &asked.base);
    // Who deleted it meanwhile was told so.
    let body = desk.mail.inboxes().look(&asked.source, told).await?.unwrap_or_else(|| json!({"id": &*pushed.id}));
    let answer = Answer::of(status, body).version(pushed.version);
    Ok(if status == 201 { answer.with(LOCATION, location(asked, kind, &pushed.id)) } else { answer })
}

/// A list of some kinds.
pub(super) async fn list(desk: &Desk, asked: &Asked, kinds: &[ServedKind], inbound: &Inbound) -> Result<Answer, Answer> {
    let search = |inbox: &crate::inbox::Inbox| inbox.search(kinds, &asked.search, &asked.base);
    let listed = desk.mail.inboxes().look(&asked.source, search).await??;
    let mut body = json!({
        "schemas": [LIST], "totalResults": listed.total, "itemsPerPage": listed.resources.len(), "Resources": listed.resources,
    });
    match asked.search.paging {
        ListPaging::Index(first) => body["startIndex"] = json!(first),
        ListPaging::After(_) => {
            if let Some(next) = listed.next {
                body["nextCursor"] = json!(sealed(inbound, next, Timestamp::now()));
            }
        }
    }
    Ok(Answer::of(200, body))
}
