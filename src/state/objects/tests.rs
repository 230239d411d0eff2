//! Two runners, killed ones, stale locks, lost ones, revocations beside runs, and a service that does not keep its word. Time is moved by hand.

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
use crate::journal::{Event, Journal, close_dead_runs, entry};
use crate::model::{ChangeId, LinkOrigin, ObjectKind, StandingRevocation};
use crate::state::clock::by_hand::HandClock;
use crate::state::tests::{bucket_at, s3::S3};

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

fn started(run: &str) -> Fact {
    let event = Event::Started {
        workspace: "acme".into(),
        plan: "p".into(),
        as_of: jiff::civil::date(2026, 11, 22),
        who: "jane".into(),
        version: "1".into(),
    };
    entry(&run.into(), jiff::Timestamp::UNIX_EPOCH, &event)
}

/// A change that is about to be sent.
fn intent(run: &str, key: &str) -> Fact {
    let json = format!(
        r#"{{"change": 0, "attempt": 1, "target": "chat", "action": "create", "object": {{"kind": "account", "key": "{key}", "name": "ada"}}}}"#
    );
    let intent: crate::journal::Intent = serde_json::from_str(&json).unwrap();
    assert_eq!(intent.change, ChangeId(0));
    entry(&run.into(), jiff::Timestamp::UNIX_EPOCH, &Event::Intent(intent))
}

fn revoked(key: &str) -> Fact {
    let at = jiff::Timestamp::UNIX_EPOCH;
    Fact::Revoked(StandingRevocation { key: key.into(), reason: "stolen".into(), at, until: None, also: Vec::new(), receipts: Vec::new() })
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

/// Lets time go by while somebody waits for the lock, as often as they look.
async fn as_time_goes_by(clock: &HandClock, waiting: &mut JoinHandle<Result<RunLock, StateError>>) -> Result<RunLock, StateError> {
    let mut slept = 0;
    loop {
        tokio::select! {
            done = &mut *waiting => return done.unwrap(),
            () = clock.slept(slept + 1) => {
                slept = clock.sleeps();
                clock.advance(Duration::from_secs(5));
            }
        }
    }
}

#[tokio::test]
async fn a_second_runner_is_refused_once_the_first_gives_a_sign_of_life_and_takes_its_turn_when_that_has_ended() {
    let cellar = Cellar::new();
    let (one, clock) = cellar.runner().await;
    let other = cellar.runner_by(&clock).await;
    let held = one.lock("jane").await.unwrap();
    clock.slept(1).await;
    let mut waiting = wants(&other);
    clock.slept(2).await;
    // A sign of life arrives; whoever waits looks.
    let before = cellar.object("lock").await;
    clock.advance(TERMS.beat);
    while cellar.object("lock").await == before {
        tokio::task::yield_now().await;
    }
    let refused = as_time_goes_by(&clock, &mut waiting).await.unwrap_err();
    let StateError::Busy { holder, .. } = &refused else { panic!("{refused}") };
    assert!(holder.who == "jane" && holder.run.is_some(), "{refused}");
    assert_eq!(held.lost(), None);
    one.commit(linked("hr/1")).await.unwrap();
    one.release(held).await.unwrap();
    let held = other.lock("joe").await.unwrap();
    assert_eq!(keys(other.as_ref()).await, ["hr/1"], "what the first has done");
    other.commit(linked("hr/2")).await.unwrap();
    other.release(held).await.unwrap();
    assert_eq!(keys(one.as_ref()).await, ["hr/1", "hr/2"]);
}

#[tokio::test]
async fn a_killed_runners_lock_is_taken_after_a_whole_term_and_what_it_meant_is_known() {
    let cellar = Cellar::new();
    let (one, _) = cellar.runner().await;
    let held = one.lock("jane").await.unwrap();
    one.commit(vec![started("r1")]).await.unwrap();
    one.commit([intent("r1", "hr/1")].into_iter().chain(linked("hr/1")).collect()).await.unwrap();
    // It is gone with all that it had on its machine.
    std::mem::forget(held);
    drop(one);
    assert!(cellar.object(IMAGE).await.is_none(), "it never came to its end");
    let (other, clock) = cellar.runner().await;
    let mut waiting = wants(&other);
    clock.slept(1).await;
    clock.advance(TERMS.term - Duration::from_secs(1));
    clock.slept(2).await;
    assert!(!waiting.is_finished(), "not before the term is over");
    let held = as_time_goes_by(&clock, &mut waiting).await.unwrap();
    assert_eq!(keys(other.as_ref()).await, ["hr/1"]);
    let unfinished = Journal::new(other.as_ref()).unfinished().await.unwrap();
    assert_eq!(unfinished.iter().map(|(run, intent)| (run.as_str(), intent.object.key.as_ref())).collect::<Vec<_>>(), [("r1", "hr/1")]);
    let dead = close_dead_runs(other.as_ref(), jiff::Timestamp::UNIX_EPOCH).await.unwrap();
    assert_eq!((dead.len(), dead[0].open), (1, 1));
    other.release(held).await.unwrap();
    assert_eq!(Journal::new(other.as_ref()).verify().await.unwrap().entries, 4);
}

/// The fence that no clock can talk around: the stream of whoever was taken over is closed before anything is read.
#[tokio::test]
async fn a_frozen_runner_that_wakes_up_can_make_nothing_durable_though_its_own_clock_stood_still() {
    let cellar = Cellar::new();
    let (frozen, _still) = cellar.runner().await;
    let held = frozen.lock("jane").await.unwrap();
    frozen.commit(linked("hr/1")).await.unwrap();
    let (other, clock) = cellar.runner().await;
    let taken = as_time_goes_by(&clock, &mut wants(&other)).await.unwrap();
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
    let mut waiting = wants(&other);
    clock.slept(1).await;
    clock.put_ahead(10 * TERMS.term);
    clock.advance(Duration::from_secs(5));
    clock.slept(2).await;
    assert!(!waiting.is_finished(), "only its wall clock says that the term is over");
    let taken = as_time_goes_by(&clock, &mut waiting).await.unwrap();
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
    let taken = as_time_goes_by(&clock, &mut wants(&third)).await.unwrap();
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

/// Either the run finds the revocation, or the revocation finds the intent.
#[tokio::test]
async fn a_revocation_waits_for_no_run_and_the_run_knows_of_it_before_it_sends_what_it_means_next() {
    let cellar = Cellar::new();
    let (run, _) = cellar.runner().await;
    let (beside, _) = cellar.runner().await;
    let held = run.lock("jane").await.unwrap();
    let watch = run.watch().await.unwrap();
    run.commit(vec![started("r1"), intent("r1", "hr/1")]).await.unwrap();
    assert!(watch.revoked().await.unwrap().is_empty());
    let lock = beside.lock_beside().await.unwrap();
    assert!(lock.is_beside());
    beside.commit(vec![revoked("hr/1")]).await.unwrap();
    assert!(beside.under_way().await.unwrap().run);
    let open = beside.open_runs().await.unwrap();
    assert_eq!(open[0].intents.len(), 1, "it finds what is under way");
    run.commit(vec![intent("r1", "hr/2")]).await.unwrap();
    assert!(watch.revoked().await.unwrap().contains("hr/1"), "and the run finds it");
    run.release(held).await.unwrap();
    // Whoever takes the lock next closes what it writes to, and it goes on.
    let held = run.lock("jane").await.unwrap();
    assert!(run.under_way().await.unwrap().revocation);
    beside.commit(vec![revoked("hr/2")]).await.unwrap();
    beside.commit(vec![revoked("hr/3")]).await.unwrap();
    run.commit(vec![intent("r1", "hr/4")]).await.unwrap();
    assert_eq!(watch.revoked().await.unwrap().len(), 3);
    run.release(held).await.unwrap();
    for store in [&run, &beside, &cellar.runner().await.0] {
        assert_eq!(store.load().await.unwrap().revocations.len(), 3);
    }
    Journal::new(run.as_ref()).verify().await.unwrap();
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

/// Whoever was told that something is kept finds it at the end, whatever the others did meanwhile.
#[tokio::test]
async fn of_many_runners_none_loses_what_it_was_told_is_kept() {
    const RUNNERS: usize = 6;
    let cellar = Arc::new(Cellar::new());
    let clock = HandClock::new();
    let mut runners = Vec::new();
    for at in 0..RUNNERS {
        let store = cellar.runner_by(&clock).await;
        runners.push(tokio::spawn(async move {
            let mut kept = Vec::new();
            loop {
                let Ok(held) = store.lock(&format!("runner {at}")).await else { continue };
                for nth in 0..3 {
                    let key = format!("hr/{at}-{nth}-{}", fastrand::u32(..));
                    if store.commit(linked(&key)).await.is_ok() {
                        kept.push(key);
                    }
                }
                if store.release(held).await.is_ok() && kept.len() >= 3 {
                    return kept;
                }
            }
        }));
    }
    // Faster than a day, and no faster than a run that is on its way may be: a term takes 300 ms.
    let ticking = tokio::spawn(async move {
        let mut tick = tokio::time::interval(Duration::from_millis(5));
        loop {
            tick.tick().await;
            clock.advance(Duration::from_secs(1));
        }
    });
    let mut kept = Vec::new();
    for runner in runners {
        kept.extend(runner.await.unwrap());
    }
    ticking.abort();
    let found = keys(cellar.runner().await.0.as_ref()).await;
    let lost: Vec<_> = kept.iter().filter(|key| !found.contains(key)).collect();
    assert!(lost.is_empty() && kept.len() >= RUNNERS * 3, "{lost:?} of {}", kept.len());
}

#[tokio::test]
async fn a_file_that_is_put_in_the_place_of_a_state_is_what_the_next_run_finds() {
    let cellar = Cellar::new();
    let (run, _) = cellar.runner().await;
    let held = run.lock("jane").await.unwrap();
    run.commit(linked("hr/1")).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("copy.db");
    run.copy_to(file.clone()).await.unwrap();
    run.commit(linked("hr/2")).await.unwrap();
    run.release(held).await.unwrap();
    let older = Replacement { file: &file, workspace: "acme", who: "jane", force: false };
    let refused = put(cellar.bucket.clone(), older).await.unwrap_err();
    assert!(refused.to_string().contains("it has generation 2 with 0 journal entries, and the file generation 1"), "{refused}");
    put(cellar.bucket.clone(), Replacement { force: true, ..older }).await.unwrap();
    assert_eq!(keys(run.as_ref()).await, ["hr/1", "hr/2"], "whoever has it open goes on with that until it takes the lock");
    let held = run.lock("jane").await.unwrap();
    assert_eq!(keys(run.as_ref()).await, ["hr/1"]);
    run.release(held).await.unwrap();
    let other = folder.path().join("other.db");
    drop(crate::state::open(&other, "umbrella").await.unwrap());
    let refused = put(cellar.bucket.clone(), Replacement { file: &other, force: true, ..older }).await.unwrap_err();
    assert!(matches!(refused, StateError::OtherWorkspace { .. }), "{refused}");
    assert_eq!(keys(cellar.runner().await.0.as_ref()).await, ["hr/1"], "and nothing was written");
}
