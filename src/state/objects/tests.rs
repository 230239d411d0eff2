//! What follows for a lock that is an object, and for what is written ahead: frozen runners, lost locks, and a service that does not keep its word. Time is moved by hand.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use object_store::memory::InMemory;
use object_store::{ObjectStore, ObjectStoreExt};
use tokio::task::JoinHandle;

use super::image::IMAGE;
use super::lease::LOCK;
use super::*;
use crate::model::{LinkOrigin, ObjectKind};
use crate::state::clock::by_hand::HandClock;
use crate::state::tests::{as_time_goes_by, bucket_at, s3::S3};

const TERMS: LeaseTerms = LeaseTerms { term: Duration::from_secs(60), beat: Duration::from_secs(15), valid: Duration::from_secs(45) };

/// A bucket in memory, and what stands in it.
struct Cellar {
    memory: Arc<InMemory>,
    bucket: Arc<Bucket>,
}

impl Cellar {
    fn new() -> Self {
        let memory = Arc::new(InMemory::new());
        Self { bucket: Arc::new(Bucket::within(memory.clone(), "acme")), memory }
    }

    /// A runner with a clock of its own.
    async fn runner(&self) -> (Arc<dyn Store>, Arc<HandClock>) {
        let clock = HandClock::new();
        (self.runner_by(&clock).await, clock)
    }

    async fn runner_by(&self, clock: &Arc<HandClock>) -> Arc<dyn Store> {
        let time = LeaseTime { clock: clock.clone(), terms: TERMS };
        crate::state::tests::seals(open_by(self.bucket.clone(), "acme", time).await.unwrap())
    }

    async fn object(&self, name: &str) -> Option<Bytes> {
        let found = self.memory.get(&object_store::path::Path::from(format!("acme/{name}"))).await.ok()?;
        found.bytes().await.ok()
    }

    async fn write(&self, name: &str, bytes: Bytes) {
        self.memory.put(&object_store::path::Path::from(format!("acme/{name}")), bytes.into()).await.unwrap();
    }

    async fn remove(&self, name: &str) {
        self.memory.delete(&object_store::path::Path::from(format!("acme/{name}"))).await.unwrap();
    }

    async fn names(&self) -> Vec<String> {
        let mut all: Vec<_> = self.memory.list(None).map(|meta| meta.unwrap().location.to_string()).collect().await;
        all.sort();
        all.into_iter().map(|name| name.trim_start_matches("acme/").to_owned()).collect()
    }
}

fn link(key: &str, id: &str) -> Link {
    let (target, key, id) = ("chat".into(), key.into(), id.into());
    let at = jiff::Timestamp::UNIX_EPOCH;
    Link { target, kind: ObjectKind::Account, key, id, origin: LinkOrigin::Created, system: 7, name: None, at }
}

fn linked(key: &str) -> Vec<Fact> {
    vec![Fact::Linked(link(key, key))]
}

async fn keys(store: &dyn Store) -> Vec<String> {
    let mut keys: Vec<_> = store.load().await.unwrap().links.iter().map(|link| link.key.to_string()).collect();
    keys.sort();
    keys
}

/// Another one wants the lock.
fn wants(store: &Arc<dyn Store>) -> JoinHandle<Result<RunLock, StateError>> {
    let store = store.clone();
    tokio::spawn(async move { store.lock("joe").await })
}

/// The fence that no clock can talk around: the stream of whoever was taken over is closed before anything is read.
#[tokio::test]
async fn a_frozen_runner_that_wakes_up_can_make_nothing_durable_though_its_own_clock_stood_still() {
    let cellar = Cellar::new();
    let (frozen, _still) = cellar.runner().await;
    let held = frozen.lock("jane").await.unwrap();
    frozen.commit(linked("hr/1")).await.unwrap();
    let (other, clock) = cellar.runner().await;
    let taken = as_time_goes_by(&clock, TERMS.look(), wants(&other)).await.unwrap().unwrap();
    assert_eq!(held.lost(), None, "its clock says that all is well");
    let refused = frozen.commit(linked("hr/2")).await.unwrap_err();
    assert!(matches!(refused, StateError::LostLock { .. }), "{refused}");
    assert!(held.lost().unwrap().contains("another run took it over"));
    assert!(matches!(frozen.commit(Vec::new()).await, Err(StateError::LostLock { .. })));
    assert!(matches!(frozen.release(held).await, Err(StateError::LostLock { .. })));
    assert_eq!(taken.lost(), None, "and does not take the lock along");
    assert_eq!(keys(other.as_ref()).await, ["hr/1"]);
    other.release(taken).await.unwrap();
    assert_eq!(keys(cellar.runner().await.0.as_ref()).await, ["hr/1"]);
}

#[tokio::test]
async fn a_runner_whose_signs_of_life_do_not_arrive_stops_before_anybody_may_take_the_lock() {
    let cellar = Cellar::new();
    let (one, clock) = cellar.runner().await;
    let held = one.lock("jane").await.unwrap();
    clock.slept(1).await;
    clock.advance(TERMS.valid - Duration::from_secs(1));
    // It gives one, late, and all is well.
    clock.slept(2).await;
    assert_eq!(held.lost(), None);
    clock.advance(TERMS.valid);
    assert!(held.lost().unwrap().contains("no sign of life"), "{:?}", held.lost());
    assert!(matches!(one.commit(linked("hr/1")).await, Err(StateError::LostLock { .. })));
    const { assert!(TERMS.valid.as_secs() + TERMS.beat.as_secs() <= TERMS.term.as_secs()) };
}

/// A wall clock that somebody puts ahead ends a lock for its holder, and hands it to nobody: a machine that slept shows in no other clock, and a wrong one proves
/// nothing to whoever waits.
#[tokio::test]
async fn a_wall_clock_that_jumps_stops_the_holder_and_takes_no_lock() {
    let cellar = Cellar::new();
    let (one, clock) = cellar.runner().await;
    let held = one.lock("jane").await.unwrap();
    clock.put_ahead(TERMS.valid);
    assert!(held.lost().unwrap().contains("no sign of life"), "{:?}", held.lost());
    assert_eq!(held.fence().lost(), held.lost());

    let (other, clock) = cellar.runner().await;
    let waiting = wants(&other);
    clock.slept(1).await;
    clock.put_ahead(10 * TERMS.term);
    clock.advance(Duration::from_secs(5));
    clock.slept(2).await;
    assert!(!waiting.is_finished(), "only its wall clock says that the term is over");
    let taken = as_time_goes_by(&clock, TERMS.look(), waiting).await.unwrap().unwrap();
    other.release(taken).await.unwrap();
}

#[tokio::test]
async fn a_lock_knows_who_never_let_it_go() {
    let cellar = Cellar::new();
    let (one, _) = cellar.runner().await;
    let held = one.lock("jane").await.unwrap();
    assert_eq!(held.taken_over(), None, "it was nobody's");
    one.release(held).await.unwrap();
    let held = one.lock("jane").await.unwrap();
    assert_eq!(held.taken_over(), None, "it was let go");
    let run = holder(&cellar.bucket).await.unwrap().unwrap().run.unwrap();
    unlock(&cellar.bucket, &run).await.unwrap();
    let (other, _) = cellar.runner().await;
    let taken = other.lock("joe").await.unwrap();
    assert_eq!(
        taken.taken_over().map(|over| (over.from.who.as_str(), over.quiet.as_secs())),
        Some(("jane", 0)),
        "somebody took it away from a run that may be alive"
    );
    std::mem::forget(taken);
    drop(other);
    let (third, clock) = cellar.runner().await;
    let taken = as_time_goes_by(&clock, TERMS.look(), wants(&third)).await.unwrap().unwrap();
    assert_eq!(
        taken.taken_over().map(|over| (over.from.who.as_str(), over.quiet.as_secs())),
        Some(("joe", 15)),
        "it gave no sign of life for a term"
    );
    third.release(taken).await.unwrap();
    drop(held);
}

#[tokio::test]
async fn a_lock_is_taken_away_by_the_name_of_its_run_alone_and_its_holder_hears_of_it() {
    let cellar = Cellar::new();
    let (one, clock) = cellar.runner().await;
    assert!(unlock(&cellar.bucket, "r").await.unwrap_err().to_string().contains("no run ever held it"));
    let held = one.lock("jane").await.unwrap();
    let holder = holder(&cellar.bucket).await.unwrap().unwrap();
    let wrong = unlock(&cellar.bucket, "20261129T000000Z-00000000").await.unwrap_err();
    assert!(wrong.to_string().contains("jane"), "{wrong}");
    unlock(&cellar.bucket, holder.run.as_deref().unwrap()).await.unwrap();
    assert!(super::holder(&cellar.bucket).await.unwrap().is_none());
    let (other, _) = cellar.runner().await;
    let taken = other.lock("joe").await.unwrap();
    clock.slept(1).await;
    clock.advance(TERMS.beat);
    assert!(matches!(one.commit(linked("hr/1")).await, Err(StateError::LostLock { .. })));
    assert!(held.lost().is_some());
    other.release(taken).await.unwrap();
}

#[tokio::test]
async fn a_state_that_somebody_wrote_past_the_lock_is_kept_and_ours_beside_it() {
    let cellar = Cellar::new();
    let (one, _) = cellar.runner().await;
    let held = one.lock("jane").await.unwrap();
    one.commit(linked("hr/1")).await.unwrap();
    one.release(held).await.unwrap();
    let held = one.lock("jane").await.unwrap();
    one.commit(linked("hr/2")).await.unwrap();
    cellar.write(IMAGE, Bytes::from_static(b"somebody else's")).await;
    let conflict = one.release(held).await.unwrap_err();
    let StateError::Conflict { path, ours } = &conflict else { panic!("{conflict}") };
    assert!(conflict.to_string().contains(ours) && conflict.to_string().contains(path.to_str().unwrap()));
    assert_eq!(cellar.object(IMAGE).await.unwrap(), "somebody else's");
    let kept = cellar.names().await.into_iter().find(|name| name.starts_with("state.conflict-")).unwrap();
    assert!(ours.ends_with(&kept));
    let head = image::head(&cellar.object(&kept).await.unwrap()).unwrap();
    assert_eq!((head.workspace.as_str(), head.generation), ("acme", 2));
    assert!(super::holder(&cellar.bucket).await.unwrap().is_none(), "and the lock is free");
}

#[tokio::test]
async fn whoever_looks_takes_no_lock_and_sees_what_a_run_has_done_so_far() {
    let cellar = Cellar::new();
    assert!(look(cellar.bucket.clone(), Some("acme")).await.unwrap().is_none());
    let (run, _) = cellar.runner().await;
    let held = run.lock("jane").await.unwrap();
    assert!(look(cellar.bucket.clone(), Some("acme")).await.unwrap().is_none(), "it did nothing yet");
    run.commit(linked("hr/1")).await.unwrap();
    let names = cellar.names().await;
    let looked = look(cellar.bucket.clone(), Some("acme")).await.unwrap().unwrap();
    assert_eq!(keys(looked.as_ref()).await, ["hr/1"]);
    run.commit(linked("hr/2")).await.unwrap();
    assert_eq!(keys(looked.as_ref()).await, ["hr/1"], "one view");
    assert!(matches!(looked.commit(linked("hr/3")).await, Err(StateError::OnlyLooked { .. })));
    assert_eq!(cellar.names().await.len(), names.len() + 1, "nothing but what the run wrote");
    run.release(held).await.unwrap();
    let names = cellar.names().await;
    let image = cellar.object(IMAGE).await;
    let held = run.lock("jane").await.unwrap();
    run.release(held).await.unwrap();
    assert_eq!(cellar.object(IMAGE).await, image, "a run that did nothing writes no image");
    assert_eq!(cellar.names().await.len(), names.len() + 2);
}

#[tokio::test]
async fn what_was_written_ahead_and_is_missing_or_changed_is_told_and_never_passed_over() {
    for damage in ["remove", "change", "add"] {
        let cellar = Cellar::new();
        let (run, _) = cellar.runner().await;
        let held = run.lock("jane").await.unwrap();
        for key in ["hr/1", "hr/2", "hr/3"] {
            run.commit(linked(key)).await.unwrap();
        }
        std::mem::forget(held);
        drop(run);
        let name = "journal/000000000001/00000002.ndjson";
        let text = String::from_utf8(cellar.object(name).await.unwrap().to_vec()).unwrap();
        assert!(text.contains("hr/2"), "{text}");
        match damage {
            "remove" => cellar.remove(name).await,
            "change" => cellar.write(name, text.replace("hr/2", "hr/9").into()).await,
            _ => cellar.write("journal/000000000001/00000009.ndjson", text.into()).await,
        }
        let error = look(cellar.bucket.clone(), Some("acme")).await.unwrap_err();
        assert!(matches!(error, StateError::Damaged { .. }) && error.to_string().contains("journal/000000000001"), "{damage}: {error}");
    }
    let cellar = Cellar::new();
    cellar.write(IMAGE, Bytes::from_static(b"no image")).await;
    let error = open(cellar.bucket.clone(), "acme", TERMS).await.unwrap_err();
    assert!(error.to_string().contains("memory://acme/state.db.gz can't be used"), "{error}");
    cellar.write(LOCK, Bytes::from_static(b"no lock")).await;
    assert!(super::holder(&cellar.bucket).await.is_err());
}

#[tokio::test]
async fn a_service_that_ignores_conditions_is_refused_before_anything_is_kept_there() {
    let s3 = S3::start();
    s3.ignore_conditions();
    let store = open(Arc::new(bucket_at(&s3)), "acme", TERMS).await.unwrap();
    let refused = store.lock("jane").await.unwrap_err();
    assert!(matches!(refused, StateError::NoConditions { .. }), "{refused}");
    assert_eq!(s3.names(), ["acme/lock"]);
}

#[tokio::test]
async fn a_write_whose_answer_got_lost_is_no_other_runners() {
    for place in ["acme/lock", "acme/journal", "acme/state.db.gz", "acme/head"] {
        let s3 = S3::start();
        let store = open(Arc::new(bucket_at(&s3)), "acme", TERMS).await.unwrap();
        s3.lose_an_answer(place);
        let held = store.lock("jane").await.unwrap_or_else(|error| panic!("{place}: {error}"));
        for key in ["hr/1", "hr/2"] {
            let line = Fact::Line(crate::state::EntryDraft {
                run: "r1".into(),
                event: "lifted".into(),
                change: None,
                rest: "\"a\":1}".into(),
                personal: Vec::new(),
            });
            store.commit(linked(key).into_iter().chain([line]).collect()).await.unwrap();
        }
        store.release(held).await.unwrap_or_else(|error| panic!("{place}: {error}"));
        let again = open(Arc::new(bucket_at(&s3)), "acme", TERMS).await.unwrap();
        assert_eq!((keys(again.as_ref()).await.len(), again.generation().await.unwrap()), (2, 2), "{place}");
    }
}
