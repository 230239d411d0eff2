//! Sessions of browsers: begun when somebody signed in, ended by them, by an hour of nothing or after eight. They stand in the state, so that every replica knows
//! them, and one that was ended counts nowhere.
//!
//! Must never: keep what the browser holds, take one for another that looks alike, or let one be used longer because it is used much.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;

use super::assertion::Asserted;
use super::oidc::EndedThere;
use super::token;
use crate::model::SiteSession;
use crate::state::{Fact, Shelf, StateError, Store};

/// What holds one. Its name lets no other host set it.
pub(super) const COOKIE: &str = "__Host-headcount";
/// No session is longer.
pub(super) const LONGEST: SignedDuration = SignedDuration::from_hours(8);
/// Nor unused for so long.
const IDLE: SignedDuration = SignedDuration::from_hours(1);
/// That one is used is noted so often.
const NOTED: SignedDuration = SignedDuration::from_mins(5);
/// They are looked up again after so long: one that was ended by another replica counts no longer than that.
const FRESH: Duration = Duration::from_secs(1);
/// Clocks may differ by so much.
const LEEWAY: SignedDuration = SignedDuration::from_secs(30);
/// Whoever sends nonsense makes nobody look more often.
const AGAIN: Duration = Duration::from_millis(100);

/// As they were looked up last.
#[derive(Debug, Default)]
pub(super) struct Sessions(Mutex<Option<(Instant, Arc<Known>)>>);

/// Those that there are, by what names them, and when each was used last.
#[derive(Debug, Default)]
struct Known {
    begun: BTreeMap<Arc<str>, SiteSession>,
    used: BTreeMap<Arc<str>, Timestamp>,
}

impl Known {
    async fn read(store: &dyn Store) -> Result<Self, StateError> {
        let begun = Shelf::Sessions.all(store).await?.into_iter().collect();
        Ok(Self { begun, used: Shelf::SessionUses.all(store).await?.into_iter().collect() })
    }

    fn find(&self, name: &str, now: Timestamp) -> Option<(&SiteSession, Timestamp)> {
        let (session, used) = (self.begun.get(name)?, *self.used.get(name)?);
        let counts = now.duration_since(session.at) < LONGEST && now.duration_since(used) < IDLE;
        counts.then_some((session, used))
    }
}

impl Sessions {
    /// Whose browser this is.
    pub async fn find(&self, store: &dyn Store, held: &str, now: Timestamp) -> Result<Option<SiteSession>, StateError> {
        let name = token::hash(held);
        let mut known = self.known(store, FRESH).await?;
        if known.find(&name, now).is_none() {
            // It may have begun at another replica a moment ago.
            known = self.known(store, AGAIN).await?;
        }
        let Some((session, used)) = known.find(&name, now) else { return Ok(None) };
        if now.duration_since(used) >= NOTED {
            // By itself it opens nothing: whoever ended the session took the other half away.
            store.commit(vec![Shelf::SessionUses.put(name.as_str(), &now)]).await?;
            *self.0.lock().await = None;
        }
        Ok(Some(session.clone()))
    }

    /// Somebody signed in: what their browser is to hold. Nothing where this machine has no random numbers.
    pub async fn begin(&self, store: &dyn Store, asserted: Asserted, now: Timestamp) -> Result<Option<String>, StateError> {
        let Some(held) = token::random() else { return Ok(None) };
        let name = token::hash(&held);
        let hashed = |text: Option<String>| text.map(|text| token::hash(&text));
        let (subject, there) = (hashed(asserted.subject), hashed(asserted.there));
        let session = SiteSession { name: asserted.name, groups: asserted.groups, since: asserted.since, at: now, subject, there };
        let known = Known::read(store).await?;
        let all = known.begun.keys().chain(known.used.keys());
        let over = all.filter(|name| known.find(name, now).is_none()).flat_map(|name| gone(name));
        let begun = [Shelf::Sessions.put(name.as_str(), &session), Shelf::SessionUses.put(name.as_str(), &now)];
        store.commit(over.chain(begun).collect()).await?;
        *self.0.lock().await = None;
        Ok(Some(held))
    }

    /// It counts no more, here from now on and everywhere within a second.
    pub async fn end(&self, store: &dyn Store, held: &str) -> Result<(), StateError> {
        store.commit(gone(&token::hash(held)).into()).await?;
        *self.0.lock().await = None;
        Ok(())
    }

    /// Those of somebody who left at the provider count no more. Says how many there were.
    pub async fn end_there(&self, store: &dyn Store, ended: &EndedThere) -> Result<usize, StateError> {
        let hashed = |text: &Option<String>| text.as_deref().map(token::hash);
        let (subject, there) = (hashed(&ended.subject), hashed(&ended.there));
        let is_meant = |session: &SiteSession| match &there {
            Some(_) => session.there == there && (subject.is_none() || session.subject == subject),
            // A token that comes late ends no session that began since.
            None => session.subject == subject && session.at.duration_since(ended.at) <= LEEWAY,
        };
        let known = Known::read(store).await?;
        let meant: Vec<&Arc<str>> = known.begun.iter().filter(|(_, session)| is_meant(session)).map(|(name, _)| name).collect();
        if !meant.is_empty() {
            store.commit(meant.iter().flat_map(|name| gone(name)).collect()).await?;
            *self.0.lock().await = None;
        }
        Ok(meant.len())
    }

    async fn known(&self, store: &dyn Store, fresh: Duration) -> Result<Arc<Known>, StateError> {
        let mut known = self.0.lock().await;
        if let Some((_, sessions)) = known.as_ref().filter(|(at, _)| at.elapsed() < fresh) {
            return Ok(sessions.clone());
        }
        let sessions = Arc::new(Known::read(store).await?);
        *known = Some((Instant::now(), sessions.clone()));
        Ok(sessions)
    }
}

fn gone(name: &str) -> [Fact; 2] {
    [Shelf::Sessions.take(name), Shelf::SessionUses.take(name)]
}
