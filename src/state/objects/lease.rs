//! The lock of a workspace whose state is objects: one object, changed only by compare-and-swap, kept alive by beats.
//!
//! No two clocks are compared: whoever waits counts by its own how long the lock stays as it is, and its holder stops by its own before anybody may take it.
//! Must never: say that it is held when it may not be, or take it from a holder that gives signs of life.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use object_store::UpdateVersion;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::bucket::{Bucket, Read, Written};
use super::clock::LeaseClock;
use crate::state::StateError;
use crate::state::lock::Holder;

/// The object.
pub(super) const LOCK: &str = "lock";
/// A lock that stays as it is for so long is nobody's any more.
pub(in crate::state) const TERM: Duration = Duration::from_secs(60);
/// How often its holder gives a sign of life.
pub(in crate::state) const BEAT: Duration = Duration::from_secs(15);
/// Without one that arrived its holder stops after so long: well before anybody else may take it.
pub(in crate::state) const VALID: Duration = Duration::from_secs(45);
/// How often whoever waits looks.
const LOOK: Duration = Duration::from_secs(5);
/// A sign of life that takes longer is given again.
const PATIENCE: Duration = Duration::from_secs(10);
/// After so long.
const AGAIN: Duration = Duration::from_secs(3);

/// What the lock says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LockNote {
    #[serde(flatten)]
    pub(super) holder: Holder,
    /// signs of life so far
    pub(super) beat: u64,
    /// it was let go
    pub(super) released: bool,
}

impl LockNote {
    pub(super) fn read(bucket: &Bucket, read: &Read) -> Result<Self, StateError> {
        serde_json::from_slice(&read.bytes).map_err(|error| StateError::Damaged { object: bucket.object(LOCK), why: error.to_string() })
    }

    fn bytes(&self) -> Bytes {
        // Plain data has a JSON.
        Bytes::from(serde_json::to_vec(self).unwrap_or_default())
    }

    fn run(&self) -> &str {
        self.holder.run.as_deref().unwrap_or_default()
    }
}

/// The lock, held: asked before everything that is sent.
#[derive(Debug)]
pub(in crate::state) struct Lease {
    clock: Arc<dyn LeaseClock>,
    until: Mutex<Duration>,
    lost: Mutex<Option<String>>,
    stop: Notify,
}

impl Lease {
    /// Why nothing may be sent any more, if nothing may.
    pub(in crate::state) fn lost(&self) -> Option<String> {
        if let Some(why) = self.lost.lock().unwrap_or_else(PoisonError::into_inner).clone() {
            return Some(why);
        }
        let over = self.clock.now() >= *self.until.lock().unwrap_or_else(PoisonError::into_inner);
        over.then(|| format!("no sign of life of this run arrived for {} s, so another one may have begun", VALID.as_secs()))
    }

    /// It is somebody else's.
    pub(super) fn lose(&self, why: String) {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(why);
    }

    /// No more signs of life.
    pub(in crate::state) fn let_go(&self) {
        self.stop.notify_one();
    }

    fn renew(&self, sent: Duration) {
        *self.until.lock().unwrap_or_else(PoisonError::into_inner) = sent + VALID;
    }
}

/// A lock that was taken, with the task that keeps it.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) lease: Arc<Lease>,
    /// when it was taken, by the service's own clock
    pub(super) taken: i64,
    /// gives the last version
    beats: JoinHandle<(LockNote, UpdateVersion)>,
}

/// Takes the lock: at once where it is free, after a whole term without a sign of life where it is not. A holder that lives is an error that names it.
pub(super) async fn take(bucket: &Arc<Bucket>, clock: &Arc<dyn LeaseClock>, holder: Holder) -> Result<Kept, StateError> {
    let note = LockNote { holder, beat: 0, released: false };
    let mut seen: Option<(UpdateVersion, Duration)> = None;
    loop {
        let sent = clock.now();
        let Some(read) = bucket.get(LOCK).await? else {
            match bucket.create(LOCK, note.bytes()).await? {
                Written::Done(version) => return keep(bucket, clock, note, version, sent).await,
                Written::Taken => continue,
            }
        };
        let stands = LockNote::read(bucket, &read)?;
        let now = clock.now();
        let since = seen.as_ref().map(|(version, since)| (same(version, &read.version), *since));
        match since {
            _ if stands.released => {}
            Some((true, since)) if now - since >= TERM => {}
            Some((false, _)) => return Err(StateError::Busy { path: bucket.shown(), holder: Box::new(stands.holder) }),
            other => {
                if other.is_none() {
                    seen = Some((read.version, now));
                }
                clock.sleep(LOOK).await;
                continue;
            }
        }
        let sent = clock.now();
        if let Written::Done(version) = bucket.replace(LOCK, note.bytes(), read.version).await? {
            return keep(bucket, clock, note, version, sent).await;
        }
        // Somebody was quicker: it is theirs, and they are alive.
        seen = None;
    }
}

fn same(one: &UpdateVersion, other: &UpdateVersion) -> bool {
    one.e_tag == other.e_tag && one.version == other.version
}

async fn keep(
    bucket: &Arc<Bucket>,
    clock: &Arc<dyn LeaseClock>,
    note: LockNote,
    version: UpdateVersion,
    sent: Duration,
) -> Result<Kept, StateError> {
    bucket.keeps_conditions(LOCK, &note.bytes()).await?;
    let taken = bucket.get(LOCK).await?.map_or(0, |read| read.written);
    let lease = Arc::new(Lease { clock: clock.clone(), until: Mutex::new(sent + VALID), lost: Mutex::default(), stop: Notify::new() });
    let beats = tokio::spawn(beat(bucket.clone(), lease.clone(), note, version));
    Ok(Kept { lease, taken, beats })
}

async fn beat(bucket: Arc<Bucket>, lease: Arc<Lease>, mut note: LockNote, mut version: UpdateVersion) -> (LockNote, UpdateVersion) {
    let mut rest = BEAT;
    loop {
        tokio::select! {
            () = lease.stop.notified() => return (note, version),
            () = lease.clock.sleep(rest) => {}
        }
        if lease.lost().is_some() {
            return (note, version);
        }
        let sent = lease.clock.now();
        let next = LockNote { beat: note.beat + 1, ..note.clone() };
        rest = match timeout(PATIENCE, bucket.replace(LOCK, next.bytes(), version.clone())).await {
            Ok(Ok(Written::Done(written))) => {
                lease.renew(sent);
                (note, version) = (next, written);
                BEAT
            }
            Ok(Ok(Written::Taken)) => match timeout(PATIENCE, bucket.get(LOCK)).await {
                Ok(Ok(Some(read))) => match LockNote::read(&bucket, &read) {
                    // A sign of life of ours whose answer got lost.
                    Ok(stands) if stands.run() == note.run() && !stands.released => {
                        (note, version) = (stands, read.version);
                        Duration::ZERO
                    }
                    stands => {
                        let by = stands.map_or_else(|_| "nobody knows whom".to_owned(), |stands| taker(&stands));
                        lease.lose(format!("it was taken by {by}"));
                        return (note, version);
                    }
                },
                Ok(Ok(None)) => {
                    lease.lose("it was removed".to_owned());
                    return (note, version);
                }
                _ => AGAIN,
            },
            _ => AGAIN,
        };
    }
}

fn taker(stands: &LockNote) -> String {
    if stands.released { format!("`headcount state unlock`, or by {}, which has ended", stands.holder) } else { stands.holder.to_string() }
}

impl Kept {
    /// Lets the lock go, so that nobody waits for it.
    pub(super) async fn release(self, bucket: &Bucket) -> Result<(), StateError> {
        self.lease.let_go();
        let Ok((note, version)) = self.beats.await else { return Ok(()) };
        let free = LockNote { released: true, ..note };
        match bucket.replace(LOCK, free.bytes(), version).await? {
            Written::Done(_) => Ok(()),
            // A last sign of life whose answer got lost, or another holder: the term ends the first, and the second is none of our business.
            Written::Taken => Ok(()),
        }
    }
}

/// Takes the lock away from the run that is named, whether or not it lives.
pub(super) async fn unlock(bucket: &Bucket, run: &str) -> Result<Holder, StateError> {
    let not = |holder: String| StateError::NotLockedBy { path: bucket.shown(), run: run.to_owned(), holder };
    let read = bucket.get(LOCK).await?.ok_or_else(|| not("no run ever held it".to_owned()))?;
    let stands = LockNote::read(bucket, &read)?;
    if stands.released {
        return Err(not(format!("it is free; the last run was {}", stands.holder)));
    }
    if stands.run() != run {
        return Err(not(format!("it is held by {}", stands.holder)));
    }
    let free = LockNote { released: true, ..stands.clone() };
    match bucket.replace(LOCK, free.bytes(), read.version).await? {
        Written::Done(_) => Ok(stands.holder),
        Written::Taken => Err(not("it gave a sign of life just now: stop it first, or wait until it has ended".to_owned())),
    }
}

/// Who holds it.
pub(super) async fn holder(bucket: &Bucket) -> Result<Option<Holder>, StateError> {
    let Some(read) = bucket.get(LOCK).await? else { return Ok(None) };
    let stands = LockNote::read(bucket, &read)?;
    Ok((!stands.released).then_some(stands.holder))
}
