//! The lock of a workspace whose state is objects: one object, changed only by compare-and-swap, kept alive by beats (`state/lease.rs`).
//!
//! Must never: take it from a holder that gives signs of life.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use object_store::UpdateVersion;
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::bucket::{Bucket, Read, Written};
use crate::fence::Tenure;
use crate::state::StateError;
use crate::state::clock::ClockReading;
use crate::state::lease::{Lease, LeaseTime};
use crate::state::lock::{Holder, Kept as KeptAlive, TakenOver};

/// The object.
pub(super) const LOCK: &str = "lock";
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
    /// by somebody else, so that its holder may still be at work
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) taken_away: bool,
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

/// A lock that was taken, with the task that keeps it.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) lease: Arc<Lease>,
    /// when it was taken, by the service's own clock
    pub(super) taken: i64,
    /// who held it until then, and did not let it go
    pub(super) from: Option<TakenOver>,
    /// gives the last version
    beats: JoinHandle<(LockNote, UpdateVersion)>,
}

/// Takes the lock: at once where it is free, after a whole term without a sign of life where it is not. A holder that lives is an error that names it.
pub(super) async fn take(bucket: &Arc<Bucket>, time: &LeaseTime, holder: Holder) -> Result<Kept, StateError> {
    let LeaseTime { clock, terms } = time;
    let note = LockNote { holder, beat: 0, released: false, taken_away: false };
    let mut seen: Option<(UpdateVersion, ClockReading)> = None;
    loop {
        let sent = clock.now();
        let Some(read) = bucket.get(LOCK).await? else {
            match bucket.create(LOCK, note.bytes()).await? {
                Written::Done(version) => return keep(bucket, time, (note, version), sent, None).await,
                Written::Taken => continue,
            }
        };
        let stands = LockNote::read(bucket, &read)?;
        let now = clock.now();
        let since = seen.as_ref().map(|(version, since)| (same(version, &read.version), *since));
        match since {
            _ if stands.released => {}
            Some((true, since)) if now.at_least_since(&since) >= terms.term => {}
            Some((false, _)) => return Err(StateError::Busy { path: bucket.shown(), holder: Box::new(stands.holder) }),
            other => {
                if other.is_none() {
                    seen = Some((read.version, now));
                }
                clock.sleep(terms.look()).await;
                continue;
            }
        }
        let sent = clock.now();
        if let Written::Done(version) = bucket.replace(LOCK, note.bytes(), read.version).await? {
            let from = match (stands.released, stands.taken_away) {
                (true, false) => None,
                // Nobody waited for a term; it may be at work until its next sign of life.
                (true, true) => Some(TakenOver { from: stands.holder, quiet: Duration::ZERO }),
                (false, _) => Some(TakenOver { from: stands.holder, quiet: terms.term.saturating_sub(terms.valid) }),
            };
            return keep(bucket, time, (note, version), sent, from).await;
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
    time: &LeaseTime,
    (note, version): (LockNote, UpdateVersion),
    sent: ClockReading,
    from: Option<TakenOver>,
) -> Result<Kept, StateError> {
    bucket.keeps_conditions(LOCK, &note.bytes()).await?;
    let taken = bucket.get(LOCK).await?.map_or(0, |read| read.written);
    let lease = Lease::taken(time, sent, None);
    let beats = tokio::spawn(beat(bucket.clone(), lease.clone(), note, version));
    Ok(Kept { lease, taken, from, beats })
}

async fn beat(bucket: Arc<Bucket>, lease: Arc<Lease>, mut note: LockNote, mut version: UpdateVersion) -> (LockNote, UpdateVersion) {
    let LeaseTime { clock, terms } = lease.time().clone();
    let mut rest = terms.beat;
    loop {
        tokio::select! {
            () = lease.stopped() => return (note, version),
            () = clock.sleep(rest) => {}
        }
        if lease.lost().is_some() {
            return (note, version);
        }
        let sent = clock.now();
        let next = LockNote { beat: note.beat + 1, ..note.clone() };
        rest = match timeout(terms.patience(), bucket.replace(LOCK, next.bytes(), version.clone())).await {
            Ok(Ok(Written::Done(written))) => {
                lease.renew(sent);
                (note, version) = (next, written);
                terms.beat
            }
            Ok(Ok(Written::Taken)) => match timeout(terms.patience(), bucket.get(LOCK)).await {
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
                _ => terms.again(),
            },
            _ => terms.again(),
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
    let free = LockNote { released: true, taken_away: true, ..stands.clone() };
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
