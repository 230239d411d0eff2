//! The lock of a workspace, written down elsewhere than in its state: where the state is a file of one machine and processes of several machines may want it. A
//! record that is changed only by compare-and-swap, kept alive by signs of life (`state/lease.rs`).
//!
//! Must never: take it from a holder that gives signs of life.

use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::StateError;
use super::clock::{ClockReading, MachineClock};
use super::lease::{Lease, LeaseTime};
use super::lock::{Holder, Kept, LeaseTerms, RunLock, TakenOver};
use crate::fence::Tenure;

/// Where such a record is kept.
pub trait LeaseRecord: Debug + Send + Sync {
    /// What messages call it.
    fn place(&self) -> PathBuf;
    /// What stands there.
    fn read(&self) -> BoxFuture<'_, Result<Option<LeaseNote>, String>>;
    /// Puts a note in the place of the one of its version, or of none; nothing where another one stands there by now.
    fn write(&self, note: LeaseNote) -> BoxFuture<'_, Result<Option<LeaseNote>, String>>;
}

/// What a record says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeaseNote {
    /// who holds it, or did
    pub holder: Holder,
    /// which holder this is: it only grows
    pub epoch: u64,
    /// it was let go
    pub released: bool,
    /// how long it lasts without a sign of life
    pub term: Duration,
    /// another one after every change
    pub version: Option<Arc<str>>,
}

/// A record, and how it is held.
#[derive(Debug)]
pub(super) struct Elsewhere {
    record: Arc<dyn LeaseRecord>,
    time: LeaseTime,
    /// ends once the record says that it was let go
    beats: Mutex<Option<JoinHandle<()>>>,
}

impl Elsewhere {
    /// By this machine's clock.
    pub(super) fn new(record: Arc<dyn LeaseRecord>) -> Self {
        Self::by(record, LeaseTime { clock: Arc::new(MachineClock), terms: LeaseTerms::QUICK })
    }

    pub(super) fn by(record: Arc<dyn LeaseRecord>, time: LeaseTime) -> Self {
        Self { record, time, beats: Mutex::default() }
    }

    /// Takes it: at once where it is free, after a whole term without a sign of life where it is not. A holder that lives is an error that names it.
    pub(super) async fn take(&self, who: &str) -> Result<Taken, StateError> {
        let run = format!("{}-{:08x}", jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ"), fastrand::u32(..));
        let holder = Holder { run: Some(run), ..Holder::this(who) };
        let (lease, from, beats) = take(&self.record, &self.time, holder).await?;
        *self.beats.lock().unwrap_or_else(PoisonError::into_inner) = Some(beats);
        Ok(Taken { lease, from })
    }

    /// Waits until the record says that it was let go.
    pub(super) async fn released(&self) {
        let beats = self.beats.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(beats) = beats {
            drop(beats.await);
        }
    }
}

/// It was taken; where nothing is made of it, it is let go.
#[derive(Debug)]
pub(super) struct Taken {
    lease: Arc<Lease>,
    from: Option<TakenOver>,
}

impl Taken {
    /// A lock that counts as long as the record is held.
    pub(super) fn with(self, lock: RunLock) -> RunLock {
        lock.and_leased(self.lease.clone(), self.from.clone())
    }

    /// Nothing is made of it.
    pub(super) fn let_go(&self) {
        self.lease.let_go();
    }
}

/// The lease, from whom it was taken over, and the task that keeps it.
type Held = (Arc<Lease>, Option<TakenOver>, JoinHandle<()>);

async fn take(record: &Arc<dyn LeaseRecord>, time: &LeaseTime, holder: Holder) -> Result<Held, StateError> {
    let LeaseTime { clock, terms } = time;
    let unreachable = |why| StateError::Unreachable {
        path: record.place(),
        why,
        hint: "who writes is decided there, so nothing is written before it answers",
    };
    let mut seen: Option<(Option<Arc<str>>, ClockReading)> = None;
    loop {
        let stands = record.read().await.map_err(unreachable)?;
        let now = clock.now();
        match (&stands, &seen) {
            (None, _) => {}
            (Some(stands), _) if stands.released => {}
            (Some(stands), Some((version, since))) if *version == stands.version && now.at_least_since(since) >= terms.term => {}
            (Some(stands), Some((version, _))) if *version != stands.version => {
                return Err(StateError::Busy { path: record.place(), holder: Box::new(stands.holder.clone()) });
            }
            (Some(stands), known) => {
                if known.is_none() {
                    seen = Some((stands.version.clone(), now));
                }
                clock.sleep(terms.look()).await;
                continue;
            }
        }
        let (epoch, version) = stands.as_ref().map_or((0, None), |stands| (stands.epoch, stands.version.clone()));
        let note = LeaseNote { holder: holder.clone(), epoch: epoch + 1, released: false, term: terms.term, version };
        let sent = clock.now();
        if let Some(note) = record.write(note).await.map_err(unreachable)? {
            let quiet = terms.term.saturating_sub(terms.valid);
            let from = stands.filter(|stands| !stands.released).map(|stands| TakenOver { from: stands.holder, quiet });
            let lease = Lease::taken(time, sent, Some(note.epoch));
            let beats = tokio::spawn(beat(record.clone(), lease.clone(), note));
            return Ok((lease, from, beats));
        }
        // Somebody was quicker: it is theirs, and they are alive.
        seen = None;
    }
}

/// Gives signs of life until it is let go, and then says so.
async fn beat(record: Arc<dyn LeaseRecord>, lease: Arc<Lease>, mut note: LeaseNote) {
    let LeaseTime { clock, terms } = lease.time().clone();
    let mut rest = terms.beat;
    loop {
        tokio::select! {
            () = lease.stopped() => break,
            () = clock.sleep(rest) => {}
        }
        if lease.lost().is_some() {
            // It is not held any more; where nobody took it, nobody need wait for it.
            lease.stopped().await;
            break;
        }
        let sent = clock.now();
        rest = match timeout(terms.patience(), record.write(note.clone())).await {
            Ok(Ok(Some(written))) => {
                lease.renew(sent);
                note = written;
                terms.beat
            }
            // Somebody wrote there: another holder, or a hand that touched it; or our own sign of life, whose answer got lost.
            Ok(Ok(None)) => match timeout(terms.patience(), record.read()).await {
                Ok(Ok(Some(stands))) if stands.holder.run == note.holder.run && !stands.released => {
                    note.version = stands.version;
                    Duration::ZERO
                }
                Ok(Ok(stands)) => {
                    lease.lose(match stands {
                        Some(stands) => format!("it was taken by {}", stands.holder),
                        None => "it was removed".to_owned(),
                    });
                    return;
                }
                _ => terms.again(),
            },
            _ => terms.again(),
        };
    }
    // Where it does not arrive the term ends it.
    drop(timeout(terms.patience(), record.write(LeaseNote { released: true, ..note })).await);
}

#[cfg(test)]
mod tests {
    use super::super::clock::by_hand::HandClock;
    use super::*;

    const TERMS: LeaseTerms = LeaseTerms { term: Duration::from_secs(15), beat: Duration::from_secs(5), valid: Duration::from_secs(10) };

    /// A record in memory.
    #[derive(Debug, Default)]
    struct Paper {
        note: Mutex<Option<LeaseNote>>,
        away: std::sync::atomic::AtomicBool,
    }

    impl Paper {
        fn stands(&self) -> LeaseNote {
            self.note.lock().unwrap().clone().unwrap()
        }

        fn is_away(&self) -> bool {
            self.away.load(std::sync::atomic::Ordering::SeqCst)
        }
    }

    impl LeaseRecord for Paper {
        fn place(&self) -> PathBuf {
            "paper".into()
        }

        fn read(&self) -> BoxFuture<'_, Result<Option<LeaseNote>, String>> {
            let read = if self.is_away() { Err("it is away".into()) } else { Ok(self.note.lock().unwrap().clone()) };
            Box::pin(std::future::ready(read))
        }

        fn write(&self, note: LeaseNote) -> BoxFuture<'_, Result<Option<LeaseNote>, String>> {
            let mut stands = self.note.lock().unwrap();
            let written = match stands.as_ref().and_then(|stands| stands.version.clone()) == note.version {
                _ if self.is_away() => Err("it is away".into()),
                false => Ok(None),
                true => {
                    let version = note.version.as_ref().and_then(|version| version.parse::<u64>().ok()).unwrap_or_default() + 1;
                    *stands = Some(LeaseNote { version: Some(version.to_string().into()), ..note });
                    Ok(stands.clone())
                }
            };
            Box::pin(std::future::ready(written))
        }
    }

    fn at(paper: &Arc<Paper>, clock: &Arc<HandClock>) -> Elsewhere {
        Elsewhere::by(paper.clone(), LeaseTime { clock: clock.clone(), terms: TERMS })
    }

    /// A second goes by, and everybody who slept does what they have to.
    async fn second(clock: &HandClock) {
        clock.advance(Duration::from_secs(1));
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn one_holds_it_until_they_let_go_and_each_has_another_number() {
        let (paper, clock) = (Arc::new(Paper::default()), HandClock::new());
        let one = at(&paper, &clock);
        let taken = one.take("ada").await.unwrap();
        assert_eq!((taken.from.is_none(), paper.stands().epoch, paper.stands().released), (true, 1, false));
        taken.let_go();
        one.released().await;
        assert!(paper.stands().released);
        let next = at(&paper, &clock).take("bob").await.unwrap();
        assert_eq!((next.from, paper.stands().epoch), (None, 2));
    }

    #[tokio::test]
    async fn a_holder_that_is_silent_for_a_term_has_stopped_before_somebody_else_begins() {
        let (paper, clock) = (Arc::new(Paper::default()), HandClock::new());
        let one = at(&paper, &clock);
        let taken = one.take("ada").await.unwrap();
        assert_eq!(taken.lease.lost(), None);
        // Frozen: no sign of life leaves it.
        one.beats.lock().unwrap().take().unwrap().abort();
        let sleeps = clock.sleeps();
        let other = at(&paper, &clock);
        let waits = tokio::spawn(async move { other.take("bob").await.map(|taken| taken.from) });
        clock.slept(sleeps + 1).await;
        clock.advance(Duration::from_secs(10));
        assert!(taken.lease.lost().unwrap().contains("no sign of life"), "it stops by its own clock");
        clock.slept(sleeps + 2).await;
        assert!(!waits.is_finished(), "nobody else holds it before the term is over");
        clock.advance(Duration::from_secs(5));
        let from = waits.await.unwrap().unwrap().unwrap();
        assert_eq!((from.from.who.as_str(), from.quiet), ("ada", Duration::from_secs(5)));
        assert_eq!(paper.stands().epoch, 2);
    }

    #[tokio::test]
    async fn a_holder_that_lives_is_left_alone_and_one_whose_record_is_another_s_stops() {
        let (paper, clock) = (Arc::new(Paper::default()), HandClock::new());
        let one = at(&paper, &clock);
        let taken = one.take("ada").await.unwrap();
        let other = at(&paper, &clock);
        let waits = tokio::spawn(async move { other.take("bob").await.map(|_| ()) });
        while !waits.is_finished() {
            second(&clock).await;
        }
        assert!(matches!(waits.await.unwrap(), Err(StateError::Busy { holder, .. }) if holder.who == "ada"));
        // A hand touched it: it is still ours.
        let touched = LeaseNote { version: Some("77".into()), ..paper.stands() };
        *paper.note.lock().unwrap() = Some(touched.clone());
        while paper.stands().version == touched.version {
            second(&clock).await;
        }
        assert_eq!(taken.lease.lost(), None);
        // Somebody took it.
        let theirs = LeaseNote { holder: Holder { run: Some("x".into()), ..Holder::this("eve") }, version: Some("99".into()), ..touched };
        *paper.note.lock().unwrap() = Some(theirs);
        while taken.lease.taken_away().is_none() {
            second(&clock).await;
        }
        assert!(taken.lease.lost().unwrap().contains("it was taken by eve"));
    }

    #[tokio::test]
    async fn where_it_is_kept_does_not_answer_nobody_begins() {
        let (paper, clock) = (Arc::new(Paper::default()), HandClock::new());
        paper.away.store(true, std::sync::atomic::Ordering::SeqCst);
        let told = at(&paper, &clock).take("ada").await.unwrap_err();
        assert!(told.to_string().contains("it is away") && !told.is_final(), "{told}");
    }
}
