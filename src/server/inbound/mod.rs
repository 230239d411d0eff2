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
use axum::routing::any;
use jiff::Timestamp;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::desk::Desk;
use super::hooks::{self, Hooks, ManifestHooks, Subscriptions};
use answer::Answer;
use asked::Asked;
use who::Who;

use crate::metrics::{Metrics, PushResult};
use crate::model::Need;
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
    pub(super) hooks: Hooks,
    /// where it is said how systems reach this listener
    pub(super) subscriptions: Option<Subscriptions>,
    pub(super) metrics: Metrics,
    /// what seals cursors: they are of this process
    pub(super) seal: aws_lc_rs::hmac::Key,
}

impl Inbound {
    /// Nobody's yet; nothing where this machine has no random numbers.
    pub fn new(metrics: Metrics, manifests: Option<ManifestHooks>, url: Option<Url>) -> Option<Arc<Self>> {
        let mut bytes = [0; 32];
        aws_lc_rs::rand::fill(&mut bytes).ok()?;
        let seal = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &bytes);
        let (desk, sources) = (Mutex::default(), tokio::sync::Mutex::default());
        let (hooks, subscriptions) = (Hooks::new(manifests), url.map(|url| Subscriptions::new(url, metrics.clone())));
        Some(Arc::new(Self { desk, sources, who: Who::default(), hooks, subscriptions, metrics, seal }))
    }

    /// Has systems send webhooks, where it is said how they reach this listener, until it is stopped.
    pub async fn keep_subscriptions(self: Arc<Self>, stop: CancellationToken) {
        if let Some(subscriptions) = &self.subscriptions {
            subscriptions.keep(|| self.desk_now(), stop).await;
        }
    }

    /// What needs somebody here.
    pub fn needs(&self) -> Vec<Need> {
        self.subscriptions.as_ref().map(Subscriptions::needs).unwrap_or_default()
    }

    /// From here on they are this workspace's.
    pub fn serve(&self, desk: Desk) {
        *self.desk.lock().unwrap_or_else(PoisonError::into_inner) = Some(desk);
    }

    pub(super) fn desk_now(&self) -> Option<Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn desk(&self) -> Result<Desk, Answer> {
        self.desk_now().ok_or_else(|| Answer::away("the workspace has not begun"))
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
    let hooked = format!("{}{{*rest}}", hooks::ROOT);
    Router::new().route(&hooked, any(hooks::answered)).fallback(answered).with_state(inbound.clone())
}

async fn answered(State(inbound): State<Arc<Inbound>>, request: Request) -> Response {
    let is_head = request.method() == Method::HEAD;
    let changes = matches!(*request.method(), Method::POST | Method::PUT | Method::PATCH | Method::DELETE);
    let changes = changes && !request.uri().path().ends_with("/.search");
    let mut subject = None;
    let answer = match timeout(LONGEST, handled(&inbound, request, &mut subject)).await {
        Ok(Ok(answer) | Err(answer)) => answer,
        Err(_) => Answer::refused(&ScimRefusal::new(408, "it took longer than 30 seconds")),
    };
    if changes {
        // Nobody who has no token names a label.
        inbound.metrics.push(subject.as_deref(), PushResult::of_status(answer.status()));
    }
    answer.response(is_head)
}

async fn handled(inbound: &Arc<Inbound>, request: Request, subject: &mut Option<String>) -> Result<Answer, Answer> {
    let (head, body) = request.into_parts();
    let nothing = || Answer::refused(&ScimRefusal::missing("there is nothing there"));
    let (source, path) = match head.uri.path().strip_prefix(ROOT) {
        Some(rest) => rest.split_once('/').unwrap_or((rest, "")),
        None => return Err(nothing()),
    };
    let desk = inbound.desk()?;
    let now = Timestamp::now();
    let token = inbound.who.admit(&head.headers, source, &desk, now).await?;
    *subject = Some(source.to_owned());
    let _place = token.place()?;
    if !inbound.has(&desk, source).await? {
        return Err(nothing());
    }
    let asked = Asked::read(&head, body, source, path, inbound).await?;
    let answer = service::serve(&desk, &asked, inbound).await?;
    token.used(&desk, now).await;
    if let Ok(size) = desk.mail.inboxes().look(source, crate::inbox::Inbox::size).await {
        inbound.metrics.inbox(source, size.users, size.groups, now);
    }
    Ok(answer)
}
