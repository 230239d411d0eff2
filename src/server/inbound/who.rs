//! Who pushes: whoever has a token of the Source, as fast as one may, and so many at once.
//!
//! Must never: tell a token that is not known from one of another Source.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::constant_time;
use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::answer::Answer;
use crate::inbox::InboxToken;
use crate::scim::ScimRefusal;
use crate::server::desk::Desk;
use crate::state::Shelf;

/// Tokens are looked up again after so long: one that was ended counts no longer than that.
const TOKENS: Duration = Duration::from_secs(1);
/// Requests of one token in a second, and at once.
const RATE: f64 = 100.0;
const AT_ONCE: usize = 32;
/// Its last use is noted as often.
const NOTED: SignedDuration = SignedDuration::from_mins(1);

/// Those who push.
#[derive(Default)]
pub(super) struct Who {
    tokens: tokio::sync::Mutex<Option<(Instant, Arc<Vec<InboxToken>>)>>,
    paces: Mutex<BTreeMap<String, Arc<Pace>>>,
}

/// How one token is used.
struct Pace {
    /// what is left of this second, and when that was
    left: Mutex<(f64, Instant)>,
    places: Arc<Semaphore>,
    noted: Mutex<Option<Timestamp>>,
}

/// A token that counts.
pub(super) struct Admitted {
    name: String,
    pace: Arc<Pace>,
}

impl Who {
    /// Whoever sent these headers to the inbox of a Source.
    pub async fn admit(&self, headers: &HeaderMap, source: &str, desk: &Desk, now: Timestamp) -> Result<Admitted, Answer> {
        let unknown = || {
            let refused = Answer::refused(&ScimRefusal::new(401, "this takes a token of this Source: Authorization: Bearer hcs_…"));
            refused.with(WWW_AUTHENTICATE, "Bearer")
        };
        let mut sent = headers.get_all(AUTHORIZATION).iter();
        let (Some(sent), None) = (sent.next(), sent.next()) else { return Err(unknown()) };
        let text = sent.to_str().ok().and_then(|text| text.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let hash = text.and_then(|(_, text)| InboxToken::hash_of(text.trim())).ok_or_else(unknown)?;
        let tokens = self.tokens(desk).await?;
        let same = |token: &&InboxToken| constant_time::verify_slices_are_equal(token.hash.as_bytes(), hash.as_bytes()).is_ok();
        // All of them are looked at, so that how long it takes says nothing.
        let found: Vec<&InboxToken> = tokens.iter().filter(same).collect();
        let token = found.first().filter(|token| token.source == source && token.expires > now).ok_or_else(unknown)?;
        let name = token.shelf_name();
        let mut paces = self.paces.lock().unwrap_or_else(PoisonError::into_inner);
        let pace = paces.entry(name.clone()).or_insert_with(|| Arc::new(Pace::new())).clone();
        Ok(Admitted { name, pace })
    }

    async fn tokens(&self, desk: &Desk) -> Result<Arc<Vec<InboxToken>>, Answer> {
        let mut known = self.tokens.lock().await;
        if let Some((_, tokens)) = known.as_ref().filter(|(at, _)| at.elapsed() < TOKENS) {
            return Ok(tokens.clone());
        }
        let tokens = Shelf::InboxTokens.all::<InboxToken>(desk.store.as_ref()).await;
        let tokens = tokens.map_err(|_| Answer::away("the state does not answer"))?;
        let tokens = Arc::new(tokens.into_iter().map(|(_, token)| token).collect::<Vec<_>>());
        *known = Some((Instant::now(), tokens.clone()));
        Ok(tokens)
    }
}

impl Pace {
    fn new() -> Self {
        Self { left: Mutex::new((RATE, Instant::now())), places: Arc::new(Semaphore::new(AT_ONCE)), noted: Mutex::default() }
    }

    fn take(&self, now: Instant) -> bool {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        left.0 = (left.0 + now.saturating_duration_since(left.1).as_secs_f64() * RATE).min(RATE);
        left.1 = now;
        let may = left.0 >= 1.0;
        if may {
            left.0 -= 1.0;
        }
        may
    }
}

impl Admitted {
    /// Leave to go on, as long as it is held.
    pub fn place(&self) -> Result<OwnedSemaphorePermit, Answer> {
        let many = || Answer::refused(&ScimRefusal::new(429, "too many requests: 100 a second, and 32 at once")).with(RETRY_AFTER, "1");
        if !self.pace.take(Instant::now()) {
            return Err(many());
        }
        self.pace.places.clone().try_acquire_owned().map_err(|_| many())
    }

    /// It was used. That this can't be noted keeps nobody from pushing.
    pub async fn used(&self, desk: &Desk, now: Timestamp) {
        {
            let mut noted = self.pace.noted.lock().unwrap_or_else(PoisonError::into_inner);
            if noted.is_some_and(|at| now.duration_since(at) < NOTED) {
                return;
            }
            *noted = Some(now);
        }
        if let Err(error) = desk.mail.inboxes().used(&self.name, now).await {
            tracing::warn!(target: "headcount::inbox", error = %error, "when a token was used last could not be noted");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_a_second_and_no_more() {
        let (pace, now) = (Pace::new(), Instant::now());
        let taken = |at: Instant, tries: usize| (0..tries).filter(|_| pace.take(at)).count();
        assert_eq!(taken(now, 150), 100);
        assert_eq!(taken(now + Duration::from_millis(500), 150), 50);
        assert_eq!(taken(now + Duration::from_secs(60), 150), 100);
    }
}
