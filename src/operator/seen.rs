//! What is seen of a namespace: for each kind its objects, complete, or why it can't be read. One task a kind watches, and begins anew after every trouble.
//!
//! Must never: show a list before it is complete, or keep what can't be read looking as if it could.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::TryStreamExt;
use kube::runtime::watcher::{self, Event, watcher};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::cluster::{Cluster, words};
use super::kinds::{MANIFESTS, REVOCATION, USER};
use super::objects::{ManifestObject, ObjectName};

/// A kind that can't be read is asked again after so long, then after twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// After a document changed, so long is waited for more of them; and at most so long altogether.
const QUIET: Duration = Duration::from_secs(1);
const PATIENT: Duration = Duration::from_secs(10);
/// Where nothing changed but what Users say who were there before: each of these stands by itself, and makes no other object wrong for a moment. One that comes
/// alone waits for no longer than it takes to see that; of many, so many as come in a second are planned together.
const ALONE: Duration = Duration::from_millis(30);
const AMENDED: Duration = Duration::from_secs(1);

/// All of it. A copy is the same.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    kinds: Arc<Mutex<BTreeMap<&'static str, KindSeen>>>,
    /// another number whenever something changed
    changes: watch::Sender<Changes>,
}

/// How much changed, and when.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Changes {
    /// grows with each
    pub count: u64,
    /// when documents changed first, since they were taken last
    pub first: Option<Instant>,
    /// and when they did last
    pub last: Option<Instant>,
    /// so many times something was no longer there
    pub vanished: u64,
    /// somebody is to be cut off, since they were taken last
    pub revocation: u64,
    /// so many times since then something else changed than what a User says
    pub besides: u64,
    /// it is one change of what a User says, and none came shortly before
    pub alone: bool,
    /// when documents changed last before that
    before: Option<Instant>,
}

/// A kind.
#[derive(Clone, Debug, Default)]
pub(super) struct KindSeen {
    pub objects: BTreeMap<Arc<str>, ManifestObject>,
    /// it was listed to its end
    pub whole: bool,
    pub trouble: Option<Trouble>,
}

/// Why a kind can't be read.
#[derive(Clone, Debug)]
pub(super) struct Trouble {
    pub since: Instant,
    pub words: String,
    /// the server says so: waiting alone does not help
    pub said: bool,
}

impl Changes {
    fn note(&mut self, kind: &str, Change { other, vanished, amended }: Change, now: Instant) {
        self.count += 1;
        self.vanished += u64::from(vanished);
        if other {
            let quiet = self.before.is_none_or(|before| before + QUIET <= now);
            self.alone = amended && quiet && self.first.is_none();
            self.first.get_or_insert(now);
            self.last = Some(now);
            self.revocation += u64::from(kind == REVOCATION && !vanished);
            self.besides += u64::from(!amended);
        }
    }

    fn take(&mut self, count: u64) {
        if self.count == count {
            self.before = self.last.or(self.before);
            (self.first, self.last, self.revocation, self.besides) = (None, None, 0, 0);
        }
    }

    /// When what changed is a revision, unless more changes until then; nothing where no document did.
    pub fn settled(&self) -> Option<Instant> {
        let (quiet, patient) = match self {
            Self { alone: true, .. } => (ALONE, ALONE),
            Self { besides: 0, .. } => (QUIET, AMENDED),
            _ => (QUIET, PATIENT),
        };
        let settled = self.last? + quiet;
        Some(self.first.map_or(settled, |first| settled.min(first + patient)))
    }
}

impl Seen {
    /// Begins to watch.
    pub fn start(cluster: &Cluster, namespace: &str, stop: &CancellationToken) -> Self {
        let kinds = MANIFESTS.iter().map(|(kind, _)| (*kind, KindSeen::default())).collect();
        let seen = Self { kinds: Arc::new(Mutex::new(kinds)), changes: watch::Sender::new(Changes::default()) };
        for (kind, _) in MANIFESTS {
            let (seen, cluster, namespace, stop) = (seen.clone(), cluster.clone(), namespace.to_owned(), stop.clone());
            tokio::spawn(async move {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = keep_watching(&seen, &cluster, kind, &namespace) => {}
                }
            });
        }
        seen
    }

    pub fn kinds(&self) -> MutexGuard<'_, BTreeMap<&'static str, KindSeen>> {
        self.kinds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn changes(&self) -> watch::Receiver<Changes> {
        self.changes.subscribe()
    }

    /// All objects, where every kind was listed to its end.
    pub fn whole(&self) -> Option<BTreeMap<ObjectName, ManifestObject>> {
        let kinds = self.kinds();
        if !kinds.values().all(KindSeen::is_whole) {
            return None;
        }
        let all = kinds.iter().flat_map(|(kind, seen)| seen.objects.iter().map(|(name, object)| ((*kind, name.clone()), object.clone())));
        Some(all.collect())
    }

    /// Who is to be cut off, as far as that was listed to its end.
    pub fn revocations(&self) -> BTreeMap<ObjectName, ManifestObject> {
        let kinds = self.kinds();
        let seen = kinds.get(REVOCATION).filter(|seen| seen.is_whole());
        let all = seen.into_iter().flat_map(|seen| &seen.objects);
        all.map(|(name, object)| ((REVOCATION, name.clone()), object.clone())).collect()
    }

    /// What hinders, the longest first.
    pub fn trouble(&self) -> Option<(&'static str, Trouble)> {
        let kinds = self.kinds();
        let all = kinds.iter().filter_map(|(kind, seen)| Some((*kind, seen.trouble.clone()?)));
        all.min_by_key(|(_, trouble)| (!trouble.said, trouble.since))
    }

    fn hear(&self, kind: &'static str, building: &mut Option<BTreeMap<Arc<str>, ManifestObject>>, event: Event<kube::api::DynamicObject>) {
        match event {
            Event::Init => *building = Some(BTreeMap::new()),
            Event::InitApply(object) => {
                if let (Some(building), Some((name, object))) = (building, ManifestObject::of(kind, object)) {
                    building.insert(name, object);
                }
            }
            Event::InitDone => {
                if let Some(objects) = building.take() {
                    self.change(kind, |seen| {
                        let texts = |objects: &BTreeMap<Arc<str>, ManifestObject>| -> Vec<(Arc<str>, Arc<str>)> {
                            objects.iter().map(|(name, object)| (name.clone(), object.text.clone())).collect()
                        };
                        let other = !seen.whole || texts(&seen.objects) != texts(&objects);
                        let vanished = seen.objects.keys().any(|name| !objects.contains_key(name));
                        *seen = KindSeen { objects, whole: true, trouble: None };
                        Change { other, vanished, ..Change::default() }
                    });
                }
            }
            Event::Apply(object) => {
                if let Some((name, object)) = ManifestObject::of(kind, object) {
                    self.change(kind, |seen| {
                        let text = object.text.clone();
                        let before = seen.objects.insert(name, object);
                        let amended = kind == USER && before.is_some();
                        Change { other: before.is_none_or(|before| before.text != text), vanished: false, amended }
                    });
                }
            }
            Event::Delete(object) => {
                if let Some(name) = object.metadata.name {
                    self.change(kind, |seen| {
                        let gone = seen.objects.remove(name.as_str()).is_some();
                        Change { other: gone, vanished: gone, amended: false }
                    });
                }
            }
        }
    }

    fn lose(&self, kind: &'static str, error: &watcher::Error) {
        let (words, said) = told(error);
        tracing::debug!(target: "headcount::operator", kind, words, "a watch ended");
        self.change(kind, |seen| {
            let since = seen.trouble.as_ref().map_or_else(Instant::now, |trouble| trouble.since);
            seen.trouble = Some(Trouble { since, words, said });
            Change::default()
        });
    }

    fn change(&self, kind: &'static str, change: impl FnOnce(&mut KindSeen) -> Change) {
        let Some(change) = self.kinds().get_mut(kind).map(change) else { return };
        self.changes.send_modify(|changes| changes.note(kind, change, Instant::now()));
    }

    /// What changed so far is taken.
    pub fn taken(&self, count: u64) {
        self.changes.send_if_modified(|changes| {
            changes.take(count);
            false
        });
    }
}

/// What an event did.
#[derive(Clone, Copy, Debug, Default)]
struct Change {
    /// to documents
    other: bool,
    /// something is no longer there
    vanished: bool,
    /// to what a User says that was there before
    amended: bool,
}

impl KindSeen {
    pub fn is_whole(&self) -> bool {
        self.whole && self.trouble.is_none()
    }
}

async fn keep_watching(seen: &Seen, cluster: &Cluster, kind: &'static str, namespace: &str) {
    let mut pause = FIRST_PAUSE;
    loop {
        let mut events = Box::pin(watcher(cluster.objects(kind, namespace), watcher::Config::default()));
        let mut building = None;
        let error = loop {
            match events.try_next().await {
                Ok(Some(event)) => {
                    if matches!(event, Event::InitDone) {
                        pause = FIRST_PAUSE;
                    }
                    seen.hear(kind, &mut building, event);
                }
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        // Only a list that comes anew to its end says that nothing was missed.
        error.iter().for_each(|error| seen.lose(kind, error));
        tokio::time::sleep(pause.mul_f64(0.5 + fastrand::f64())).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// What the cluster said, and whether it was the cluster that said it.
fn told(error: &watcher::Error) -> (String, bool) {
    let of = |error: &kube::Error| match error {
        kube::Error::Api(status) => (status.message.clone(), matches!(status.code, 401 | 403 | 404)),
        other => (words(other), false),
    };
    match error {
        watcher::Error::InitialListFailed(error) | watcher::Error::WatchStartFailed(error) | watcher::Error::WatchFailed(error) => {
            of(error)
        }
        watcher::Error::WatchError(status) => (status.message.clone(), false),
        watcher::Error::NoResourceVersion => ("the server tells no version of the list".to_owned(), true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Changes, each so many milliseconds after the one before; when they are a revision, counted from the last one.
    fn settles(kind: &str, change: Change, after: &[u64]) -> Duration {
        let (mut changes, mut now) = (Changes::default(), Instant::now());
        // Something changed once, and was taken.
        changes.note("Group", Change { other: true, ..Change::default() }, now);
        changes.take(1);
        for pause in after {
            now += Duration::from_millis(*pause);
            changes.note(kind, change, now);
        }
        changes.settled().expect("something changed").saturating_duration_since(now)
    }

    #[test]
    fn a_user_that_changes_alone_waits_for_none_and_whatever_else_changes_for_more() {
        let amended = Change { other: true, amended: true, ..Change::default() };
        let other = Change { other: true, ..Change::default() };
        assert_eq!(settles(USER, amended, &[2000]), ALONE);
        assert_eq!(settles(USER, amended, &[500]), QUIET, "something has just changed");
        assert_eq!(settles(USER, amended, &[2000, 20]), QUIET - Duration::from_millis(20), "a second one comes");
        assert_eq!(settles(USER, amended, &[2000, 400, 400]), AMENDED - Duration::from_millis(800), "they go on");
        assert_eq!(settles(USER, other, &[2000]), QUIET, "a User comes");
        assert_eq!(settles("Group", other, &[2000, 900, 900]), QUIET);
        assert_eq!(
            settles("Group", other, &[2000, 900, 900, 900, 900, 900, 900, 900, 900, 900, 900, 900]),
            PATIENT - Duration::from_millis(9900)
        );
    }
}
