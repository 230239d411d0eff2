//! Subscriptions of Sources whose systems send webhooks only where they were asked to, and only for a time: made, renewed before they end, made anew after a loss,
//! stopped once nobody wants them. A row of the state for each (`Shelf::Subscriptions`); the process that has the lock does it.
//!
//! What fails here is told, and nothing else: Sources are read when they are due, as ever. Must never: make anything wait for a system, or try one that fails more often
//! than one that does not.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret as _;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::connector::subscription::{Subscriber, SubscriptionAsked};
use crate::connector::{Surroundings, registry};
use crate::manifest::Loaded;
use crate::manifest::connection::{SecretRef, SourceConnection};
use crate::metrics::Metrics;
use crate::model::{MadeSubscription, Need, NeedKind, Subscription, SubscriptionTrouble, SystemError};
use crate::secret;
use crate::server::desk::Desk;
use crate::server::token;
use crate::state::{Shelf, StateError};
use crate::workspace::Mail;

/// How often it is looked whether something is due.
const EVERY: Duration = Duration::from_secs(30);
/// The same until there is a workspace that this process writes for.
const AT_FIRST: Duration = Duration::from_secs(1);
/// The first pause after something failed, and the longest.
const PAUSE: SignedDuration = SignedDuration::from_mins(1);
const LONGEST: SignedDuration = SignedDuration::from_hours(1);
/// What failed so often is told: a system may be away for a moment.
const TOLD: u32 = 3;
/// Digits of a secret's hash that are kept.
const PROOF: usize = 8;

/// Those of one process.
pub(in crate::server) struct Subscriptions {
    /// where systems reach the listener
    url: Url,
    metrics: Metrics,
    /// Sources whose system says that a subscription ends, or is lost
    ending: Mutex<BTreeSet<Arc<str>>>,
    woken: Notify,
    /// what fails, by the name of its row
    failing: Mutex<BTreeMap<Arc<str>, Need>>,
    /// as they were wanted last: whoever is taken out of the manifests is stopped by what they said before
    before: tokio::sync::Mutex<BTreeMap<Arc<str>, Wanted>>,
}

/// One that the manifests want.
#[derive(Clone)]
struct Wanted {
    source: Arc<str>,
    each: Option<Arc<str>>,
    connection: SourceConnection,
    secret: SecretRef,
    base: PathBuf,
}

/// What is to be done about one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    Nothing,
    Make,
    Renew,
    /// another one is made, and this one stopped
    Replace,
}

/// By its row; none: it was never made.
fn due(row: Option<&Subscription>, (url, proof): (&str, &str), ending: bool, now: Timestamp) -> Due {
    let Some(row) = row else { return Due::Make };
    if row.trouble.as_ref().is_some_and(|trouble| trouble.next > now) {
        return Due::Nothing;
    }
    match &row.made {
        None => Due::Make,
        Some(made) if made.until <= now => Due::Make,
        Some(_) if row.url != url || row.proof != proof => Due::Replace,
        // What failed last is tried again, whatever it was for.
        Some(made) if ending || row.trouble.is_some() || made.renewed_at() <= now => Due::Renew,
        Some(_) => Due::Nothing,
    }
}

impl Subscriptions {
    pub fn new(url: Url, metrics: Metrics) -> Self {
        let (ending, failing) = (Mutex::default(), Mutex::default());
        Self { url, metrics, ending, woken: Notify::new(), failing, before: tokio::sync::Mutex::default() }
    }

    /// A Source's system says that one ends, or is lost: it is looked at now.
    pub fn ending(&self, source: &Arc<str>) {
        self.ending.lock().unwrap_or_else(PoisonError::into_inner).insert(source.clone());
        self.woken.notify_one();
    }

    /// What fails for so long that somebody has to look.
    pub fn needs(&self) -> Vec<Need> {
        self.failing.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Until it is stopped.
    pub async fn keep(&self, desk: impl Fn() -> Option<Desk> + Send + Sync, stop: CancellationToken) {
        let mut pause = AT_FIRST;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
                () = self.woken.notified() => {}
            }
            let found = desk().filter(|desk| desk.mail.inboxes().writes());
            pause = if found.is_some() { EVERY } else { AT_FIRST };
            let Some(desk) = found else { continue };
            if let Err(error) = self.turn(&desk, Timestamp::now()).await {
                tracing::warn!(target: "headcount::hooks", %error, "subscriptions could not be looked at");
            }
        }
    }

    /// Does what is due.
    pub(super) async fn turn(&self, desk: &Desk, now: Timestamp) -> Result<(), StateError> {
        let Some(view) = desk.mail.look().await else { return Ok(()) };
        let rows: BTreeMap<Arc<str>, Subscription> = Shelf::Subscriptions.all(desk.store.as_ref()).await?.into_iter().collect();
        let ending = std::mem::take(&mut *self.ending.lock().unwrap_or_else(PoisonError::into_inner));
        let wanted = wanted(&view.loaded);
        for (name, one) in &wanted {
            // What is made there is noted before the lock is let go: the next process would make a second one.
            let Some(_errand) = desk.mail.inboxes().errand().await else { return Ok(()) };
            let row = self.look(&desk.mail, one, rows.get(name), ending.contains(&one.source), now).await;
            self.told(name, one, row.as_ref().or(rows.get(name)));
            if let Some(row) = row {
                desk.store.commit(vec![Shelf::Subscriptions.put(name.clone(), &row)]).await?;
            }
        }
        let mut before = self.before.lock().await;
        for (name, row) in rows.iter().filter(|(name, _)| !wanted.contains_key(*name)) {
            let Some(_errand) = desk.mail.inboxes().errand().await else { return Ok(()) };
            if let (Some(one), Some(made)) = (before.get(name), &row.made) {
                self.stop(&desk.mail, one, row, made, now).await;
            }
            // Of what was taken out while no process ran nobody knows how to stop it: it ends by itself.
            self.failing.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
            desk.store.commit(vec![Shelf::Subscriptions.take(name.clone())]).await?;
        }
        *before = wanted;
        Ok(())
    }

    /// The row as it is otherwise from now on; nothing where it stays.
    async fn look(&self, mail: &Mail, one: &Wanted, row: Option<&Subscription>, ending: bool, now: Timestamp) -> Option<Subscription> {
        let (asked, subscriber) = match self.open(mail, one, now).await {
            Ok(opened) => opened,
            Err(why) => return failed(one, row, (&self.address(one), ""), why, now),
        };
        let proof: String = token::hash(asked.secret.expose_secret()).chars().take(PROOF).collect();
        let known = row.and_then(|row| row.made.as_ref());
        let (made, over) = match (due(row, (&asked.url, &proof), ending, now), known) {
            (Due::Nothing, _) => return None,
            (Due::Renew, Some(known)) => match subscriber.renew(&asked, known).await {
                Ok(Some(renewed)) => (Ok(renewed), None),
                Ok(None) => (subscriber.make(&asked).await, Some(known)),
                // It is lost there.
                Err(SystemError::NotFound(_)) => (subscriber.make(&asked).await, None),
                Err(error) => (Err(error), None),
            },
            (Due::Replace, known) => (subscriber.make(&asked).await, known),
            (Due::Make | Due::Renew, _) => (subscriber.make(&asked).await, None),
        };
        match made {
            Err(error) => failed(one, row, (&asked.url, &proof), error.to_string(), now),
            Ok(made) => {
                // The new one sends already.
                if let Some(over) = over
                    && let Err(error) = subscriber.stop(&asked, over).await
                {
                    tracing::warn!(target: "headcount::hooks", source = &*one.source, %error, "a subscription that was replaced could not be stopped");
                }
                Some(Subscription {
                    source: one.source.clone(),
                    each: one.each.clone(),
                    url: asked.url,
                    proof,
                    made: Some(made),
                    trouble: None,
                })
            }
        }
    }

    async fn stop(&self, mail: &Mail, one: &Wanted, row: &Subscription, made: &MadeSubscription, now: Timestamp) {
        let stopped = match self.open(mail, one, now).await {
            Ok((asked, subscriber)) => subscriber.stop(&asked, made).await.map_err(|error| error.to_string()),
            Err(why) => Err(why),
        };
        if let Err(why) = stopped {
            let until = row.made.as_ref().map(|made| made.until.to_string()).unwrap_or_default();
            tracing::warn!(target: "headcount::hooks", source = &*one.source, why, until, "a subscription that nobody wants could not be stopped: it ends by itself");
        }
    }

    async fn open(&self, mail: &Mail, one: &Wanted, now: Timestamp) -> Result<(SubscriptionAsked, Box<dyn Subscriber>), String> {
        let around = Surroundings::at(one.base.as_path()).of(&one.source).over(mail.connections());
        let secret = secret::resolve(&one.secret, &one.base).await.map_err(|error| error.to_string())?;
        let subscriber = registry::open_subscriber(&one.connection, &around).await.map_err(|error| error.to_string())?;
        let subscriber = subscriber.ok_or("its Connector does not say how")?;
        Ok((SubscriptionAsked { each: one.each.clone(), url: self.address(one), secret, at: now }, subscriber))
    }

    fn address(&self, one: &Wanted) -> String {
        let mut url = self.url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(["hooks", "sources", &one.source]);
        }
        url.into()
    }

    /// Numbers, and what needs somebody.
    fn told(&self, name: &Arc<str>, one: &Wanted, row: Option<&Subscription>) {
        let Some(row) = row else { return };
        self.metrics.subscription(&one.source, one.each.as_deref(), row.made.as_ref().map(|made| made.until), row.trouble.is_some());
        let mut failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        match row.trouble.as_ref().filter(|trouble| trouble.tries >= TOLD) {
            None => drop(failing.remove(name)),
            Some(trouble) => {
                let words = format!("its system could not be asked to send webhooks, so it is read when it is due: {}", trouble.why);
                let (about, next) = (one.source.to_string(), "headcount connector check".to_owned());
                failing.insert(name.clone(), Need { kind: NeedKind::Unsubscribed, about, words, next, since: trouble.since });
            }
        }
    }
}

/// The row with why it can't be had now, and when it is tried next.
fn failed(one: &Wanted, row: Option<&Subscription>, (url, proof): (&str, &str), why: String, now: Timestamp) -> Option<Subscription> {
    let before = row.and_then(|row| row.trouble.as_ref());
    if before.is_some_and(|trouble| trouble.next > now) {
        return None;
    }
    let tries = before.map_or(0, |trouble| trouble.tries).saturating_add(1);
    let pause = PAUSE.checked_mul(1 << (tries - 1).min(10)).unwrap_or(LONGEST).min(LONGEST);
    let trouble = SubscriptionTrouble { why, since: before.map_or(now, |trouble| trouble.since), tries, next: now + pause };
    tracing::warn!(target: "headcount::hooks", source = &*one.source, why = trouble.why, tries, "a subscription could not be made or renewed");
    Some(match row {
        Some(row) => Subscription { trouble: Some(trouble), ..row.clone() },
        None => Subscription {
            source: one.source.clone(),
            each: one.each.clone(),
            url: url.to_owned(),
            proof: proof.to_owned(),
            made: None,
            trouble: Some(trouble),
        },
    })
}

/// All that the manifests want, by the names of their rows.
fn wanted(loaded: &Loaded) -> BTreeMap<Arc<str>, Wanted> {
    let mut all = BTreeMap::new();
    for document in &loaded.sources {
        let Some((spec, secret)) = document.spec.connection.described().webhook() else { continue };
        let Some(subscribe) = &spec.subscribe else { continue };
        let each: Vec<Option<Arc<str>>> = match subscribe.each.as_slice() {
            [] => vec![None],
            several => several.iter().map(|one| Some(Arc::from(one.as_str()))).collect(),
        };
        for each in each {
            let name = each.as_ref().map_or_else(|| document.name.clone(), |each| format!("{}/{each}", document.name).into());
            let (connection, secret) = (document.spec.connection.clone(), secret.clone());
            let base = document.origin.base.as_path().to_path_buf();
            all.insert(name, Wanted { source: document.name.clone(), each, connection, secret, base });
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_renewed_after_two_thirds_of_its_life_and_made_where_there_is_none() {
        let at: Timestamp = "2026-11-30T00:00:00Z".parse().unwrap();
        let hours = |hours: i64| at + SignedDuration::from_hours(hours);
        let made = MadeSubscription { id: "7".into(), at, until: hours(6), kept: BTreeMap::new() };
        let row = Subscription { source: "entra".into(), each: None, url: "u".into(), proof: "p".into(), made: Some(made), trouble: None };
        let of = |row: Option<&Subscription>, ending, now| due(row, ("u", "p"), ending, now);
        assert_eq!(of(None, false, at), Due::Make);
        assert_eq!((of(Some(&row), false, hours(3)), of(Some(&row), false, hours(4))), (Due::Nothing, Due::Renew));
        assert_eq!((of(Some(&row), true, hours(1)), of(Some(&row), false, hours(6))), (Due::Renew, Due::Make));
        assert_eq!((due(Some(&row), ("v", "p"), false, at), due(Some(&row), ("u", "q"), false, at)), (Due::Replace, Due::Replace));
        let trouble = SubscriptionTrouble { why: "x".into(), since: at, tries: 1, next: hours(1) };
        let rests = Subscription { made: None, trouble: Some(trouble), ..row };
        assert_eq!((of(Some(&rests), true, at), of(Some(&rests), false, hours(1))), (Due::Nothing, Due::Make));
    }

    #[test]
    fn what_fails_is_tried_less_and_less_often_and_once_an_hour_at_least() {
        let (mut now, mut row, mut pauses): (Timestamp, Option<Subscription>, Vec<i64>) = (Timestamp::UNIX_EPOCH, None, Vec::new());
        let connection = serde_json::from_value(serde_json::json!({"file": {"path": "a.csv"}})).unwrap();
        let secret = SecretRef::Env("X".into());
        let one = Wanted { source: "entra".into(), each: None, connection, secret, base: PathBuf::new() };
        for _ in 0..12 {
            row = failed(&one, row.as_ref(), ("u", "p"), "away".into(), now);
            let next = row.as_ref().and_then(|row| row.trouble.as_ref()).unwrap().next;
            assert_eq!(failed(&one, row.as_ref(), ("u", "p"), "away".into(), now), None, "it rests");
            pauses.push(next.duration_since(now).as_secs() / 60);
            now = next;
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60, 60]);
    }
}
