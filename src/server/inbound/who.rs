//! Who pushes: whoever has a token of the Source, as fast as one may, and so many at once.
//!
//! Must never: tell a token that is not known from one of another Source.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::answer::Answer;
use crate::model::ApiToken;
use crate::scim::ScimRefusal;
use crate::server::desk::Desk;
use crate::server::pace::Pace;
use crate::server::token::{self, PREFIX};
use crate::state::Shelf;

/// Tokens are looked up again after so long: one that was ended counts no longer than that.
const TOKENS: Duration = Duration::from_secs(1);
/// Requests of one token in a second, after a rest, and at once.
const RATE: f64 = 100.0;
const MOST: f64 = 1_000.0;
const AT_ONCE: usize = 32;
/// Its last use is noted as often.
const NOTED: SignedDuration = SignedDuration::from_mins(1);

/// Those who push.
#[derive(Default)]
pub(super) struct Who {
    tokens: tokio::sync::Mutex<Option<(Instant, Arc<Vec<ApiToken>>)>>,
    usages: Mutex<BTreeMap<String, Arc<Usage>>>,
}

/// How one token is used.
struct Usage {
    pace: Pace,
    places: Arc<Semaphore>,
    noted: Mutex<Option<Timestamp>>,
}

/// A token that counts.
pub(super) struct Admitted {
    source: String,
    name: String,
    usage: Arc<Usage>,
}

impl Who {
    /// Whoever sent these headers to the inbox of a Source.
    pub async fn admit(&self, headers: &HeaderMap, source: &str, desk: &Desk, now: Timestamp) -> Result<Admitted, Answer> {
        let unknown = || {
            let refused = Answer::refused(&ScimRefusal::new(401, "this takes a token of this Source: Authorization: Bearer hct_…"));
            refused.with(WWW_AUTHENTICATE, "Bearer")
        };
        let mut sent = headers.get_all(AUTHORIZATION).iter();
        let (Some(sent), None) = (sent.next(), sent.next()) else { return Err(unknown()) };
        let text = sent.to_str().ok().and_then(|text| text.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        // Nothing has to be looked up for what can't be a token.
        let text = text.map(|(_, text)| text.trim()).filter(|text| text.starts_with(PREFIX)).ok_or_else(unknown)?;
        let tokens = self.tokens(desk).await?;
        let token = token::find(&tokens, text, now).filter(|token| token.source.as_deref() == Some(source)).ok_or_else(unknown)?;
        let mut usages = self.usages.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = || Arc::new(Usage { pace: Pace::new(RATE, MOST), places: Arc::new(Semaphore::new(AT_ONCE)), noted: Mutex::default() });
        let usage = usages.entry(token.name.clone()).or_insert_with(fresh).clone();
        Ok(Admitted { source: source.to_owned(), name: token.name.clone(), usage })
    }

    /// They are looked up again.
    #[cfg(test)]
    pub async fn forget(&self) {
        *self.tokens.lock().await = None;
    }

    async fn tokens(&self, desk: &Desk) -> Result<Arc<Vec<ApiToken>>, Answer> {
        let mut known = self.tokens.lock().await;
        if let Some((_, tokens)) = known.as_ref().filter(|(at, _)| at.elapsed() < TOKENS) {
            return Ok(tokens.clone());
        }
        let tokens = Shelf::Tokens.all::<ApiToken>(desk.store.as_ref()).await;
        let tokens = tokens.map_err(|_| Answer::away("the state does not answer"))?;
        let tokens = Arc::new(tokens.into_iter().map(|(_, token)| token).collect::<Vec<_>>());
        *known = Some((Instant::now(), tokens.clone()));
        Ok(tokens)
    }
}

impl Admitted {
    /// Leave to go on, as long as it is held.
    pub fn place(&self) -> Result<OwnedSemaphorePermit, Answer> {
        let many = || {
            Answer::refused(&ScimRefusal::new(429, "too many requests: 100 a second, 1,000 after a rest, and 32 at once"))
                .with(RETRY_AFTER, "1")
        };
        if !self.usage.pace.take(Instant::now()) {
            return Err(many());
        }
        self.usage.places.clone().try_acquire_owned().map_err(|_| many())
    }

    /// It was used. That this can't be noted keeps nobody from pushing.
    pub async fn used(&self, desk: &Desk, now: Timestamp) {
        {
            let mut noted = self.usage.noted.lock().unwrap_or_else(PoisonError::into_inner);
            if noted.is_some_and(|at| now.duration_since(at) < NOTED) {
                return;
            }
            *noted = Some(now);
        }
        if let Err(error) = desk.mail.inboxes().used(&self.source, &self.name, now).await {
            tracing::warn!(target: "headcount::inbox", error = %error, "when a token was used last could not be noted");
        }
    }
}
