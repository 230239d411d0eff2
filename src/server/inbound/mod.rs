//! Systems that push: SCIM 2.0 (RFC 7644) for each Source with an inbox, at `/scim/v2/` and its name.
//!
//! Whoever comes has a token of that Source (`who`); what is asked is read whole (`asked`), done by the inbox, and answered once it is kept (`answer`).
//! Must never: answer anything but SCIM's own shape, say what a Source is called to whoever has no token, or answer before something is kept.

mod answer;
mod asked;
mod resources;
mod service;
#[cfg(test)]
mod tests;
mod who;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::Method;
use axum::response::Response;
use jiff::Timestamp;
use tokio::time::{Instant, timeout};

use super::desk::Desk;
use answer::Answer;
use asked::Asked;
use who::Who;

use crate::scim::ScimRefusal;

/// Where every inbox is.
const ROOT: &str = "/scim/v2/";
/// Nothing takes longer.
const LONGEST: Duration = Duration::from_secs(30);
/// Which Sources have an inbox is looked up again after so long.
const SOURCES: Duration = Duration::from_secs(2);

/// The inboxes of one process, as they are reached.
pub struct Inbound {
    desk: Mutex<Option<Desk>>,
    sources: tokio::sync::Mutex<Option<(Instant, Vec<Arc<str>>)>>,
    who: Who,
    /// what seals cursors: they are of this process
    pub(super) seal: aws_lc_rs::hmac::Key,
}

impl Inbound {
    /// Nobody's yet; nothing where this machine has no random numbers.
    pub fn new() -> Option<Arc<Self>> {
        let mut bytes = [0; 32];
        aws_lc_rs::rand::fill(&mut bytes).ok()?;
        let seal = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &bytes);
        Some(Arc::new(Self { desk: Mutex::default(), sources: tokio::sync::Mutex::default(), who: Who::default(), seal }))
    }

    /// From here on they are this workspace's.
    pub fn serve(&self, desk: Desk) {
        *self.desk.lock().unwrap_or_else(PoisonError::into_inner) = Some(desk);
    }

    fn desk(&self) -> Result<Desk, Answer> {
        let desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner).clone();
        desk.ok_or_else(|| Answer::away("the workspace has not begun"))
    }

    async fn has(&self, desk: &Desk, source: &str) -> Result<bool, Answer> {
        let mut known = self.sources.lock().await;
        if let Some((_, sources)) = known.as_ref().filter(|(at, _)| at.elapsed() < SOURCES) {
            return Ok(sources.iter().any(|name| **name == *source));
        }
        let view = desk.mail.look().await.ok_or_else(|| Answer::away("the workspace has ended"))?;
        let pushed = view.loaded.sources.iter().filter(|document| document.spec.connection.described().is_pushed());
        let sources: Vec<Arc<str>> = pushed.map(|document| document.name.clone()).collect();
        let has = sources.iter().any(|name| **name == *source);
        *known = Some((Instant::now(), sources));
        Ok(has)
    }
}

/// All of it.
pub fn inbound_routes(inbound: &Arc<Inbound>) -> Router {
    Router::new().fallback(answered).with_state(inbound.clone())
}

async fn answered(State(inbound): State<Arc<Inbound>>, request: Request) -> Response {
    let is_head = request.method() == Method::HEAD;
    let answer = match timeout(LONGEST, handled(&inbound, request)).await {
        Ok(Ok(answer) | Err(answer)) => answer,
        Err(_) => Answer::refused(&ScimRefusal::new(408, "it took longer than 30 seconds")),
    };
    answer.response(is_head)
}

async fn handled(inbound: &Arc<Inbound>, request: Request) -> Result<Answer, Answer> {
    let (head, body) = request.into_parts();
    let nothing = || Answer::refused(&ScimRefusal::missing("there is nothing there"));
    let (source, path) = match head.uri.path().strip_prefix(ROOT) {
        Some(rest) => rest.split_once('/').unwrap_or((rest, "")),
        None => return Err(nothing()),
    };
    let desk = inbound.desk()?;
    let now = Timestamp::now();
    let token = inbound.who.admit(&head.headers, source, &desk, now).await?;
    let _place = token.place()?;
    if !inbound.has(&desk, source).await? {
        return Err(nothing());
    }
    let asked = Asked::read(&head, body, source, path, inbound).await?;
    let answer = service::serve(&desk, &asked, inbound).await?;
    token.used(&desk, now).await;
    Ok(answer)
}
