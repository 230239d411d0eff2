//! One run at a time, whatever becomes of it, and revocations beside it. Time is moved by hand where a lock has to be kept alive.

use rstest::rstest;

use super::lines::{entries, intent, started};
use super::*;
use crate::journal::{Journal, close_dead_runs};
use crate::model::StandingRevocation;
use crate::state::clock::LeaseClock;

fn linked(key: &str) -> Vec<Fact> {
    vec![Fact::Linked(link(key, key))]
}

fn revoked(key: &str) -> Fact {
    let (key, at) = (key.into(), now());
    Fact::Revoked(StandingRevocation { key, reason: "stolen".into(), at, until: None, also: Vec::new(), receipts: Vec::new() })
}

async fn keys(store: &dyn Store) -> Vec<String> {
    let mut keys: Vec<_> = store.load().await.unwrap().links.iter().map(|link| link.key.to_string()).collect();
    keys.sort();
    keys
}

#[rstest]
#[tokio::test]
async fn a_second_run_is_refused_with_the_holders_name_and_has_its_turn_when_the_first_has_ended(
    #[values(Kind::File, Kind::Objects, Kind::S3, Kind::Postgres)] kind: Kind,
) {
    let Some(place) = Place::of(kind) else { return };
    let ((one, its_clock), (other, clock)) = (place.runner().await, place.runner().await);
    let held = one.lock("jane").await.unwrap();
    let mut waiting = std::pin::pin!(other.lock("joe"));
    let refused = if kind.keeps_alive() {
        its_clock.slept(1).await;
        tokio::select! {
            _ = &mut waiting => panic!("nothing is known yet"),
            () = clock.slept(1) => {}
        }
        // A sign of life arrives; whoever waits looks.
        its_clock.advance(kind.terms().beat);
        its_clock.slept(2).await;
        as_time_goes_by(&clock, kind.terms().look(), waiting).await.unwrap_err()
    } else {
        waiting.await.unwrap_err()
    };
    let StateError::Busy { holder, .. } = &refused else { panic!("{refused}") };
    assert_eq!((holder.who.as_str(), holder.pid), ("jane", std::process::id()), "{refused}");
    assert_eq!(holder.run.is_some(), kind.keeps_alive(), "the name by which it can be taken away, where it may outlive its process");
    assert_eq!(held.lost(), None);
    one.commit(linked("hr/1")).await.unwrap();
    one.release(held).await.unwrap();
    let held = other.lock("joe").await.unwrap();
    assert_eq!((keys(other.as_ref()).await, held.taken_over()), (vec!["hr/1".to_owned()], None), "what the first has done");
    other.commit(linked("hr/2")).await.unwrap();
    other.release(held).await.unwrap();
    assert_eq!(keys(one.as_ref()).await, ["hr/1", "hr/2"]);
}

#[rstest]
#[tokio::test]
async fn a_run_is_under_way_for_everybody_until_it_lets_go(#[values(Kind::File, Kind::Objects, Kind::S3, Kind::Postgres)] kind: Kind) {
    let Some(place) = Place::of(kind) else { return };
    let (store, other) = (place.open("acme").await.unwrap(), place.open("acme").await.unwrap());
    assert_eq!(other.under_way().await.unwrap(), UnderWay::default());
    let held = store.lock("jane").await.unwrap();
    assert!(!held.is_beside() && other.under_way().await.unwrap().run && store.under_way().await.unwrap().run);
    store.release(held).await.unwrap();
    assert_eq!(other.under_way().await.unwrap(), UnderWay::default());
    let held = other.lock("joe").await.unwrap();
    assert!(store.under_way().await.unwrap().run);
    other.release(held).await.unwrap();
}

#[rstest]
#[tokio::test]
async fn what_a_killed_run_did_and_meant_is_known_to_the_next_one(
    #[values(Kind::File, Kind::Objects, Kind::S3, Kind::Postgres)] kind: Kind,
) {
    let Some(place) = Place::of(kind) else { return };
    let (one, _still) = place.runner().await;
    let held = one.lock("jane").await.unwrap();
    one.commit(vec![started("r1")]).await.unwrap();
    one.commit([intent("r1", 0, "hr/1")].into_iter().chain(linked("hr/1")).collect()).await.unwrap();
    // It is gone with all that it had: a file's lock goes with it, any other one stays as it is, since who is killed lets nothing go.
    if kind.keeps_alive() {
        std::mem::forget((held, one));
    } else {
        drop((held, one));
    }
    let (other, clock) = place.runner().await;
    let began = clock.now();
    let held = as_time_goes_by(&clock, kind.terms().look(), other.lock("joe")).await.unwrap();
    if kind.keeps_alive() {
        let waited = clock.now().at_least_since(&began);
        assert!(waited >= kind.terms().term, "not before the term is over: {waited:?}");
        assert_eq!(held.taken_over().map(|over| over.from.who.as_str()), Some("jane"));
    }
    assert_eq!(keys(other.as_ref()).await, ["hr/1"]);
    let unfinished = Journal::new(other.as_ref()).unfinished().await.unwrap();
    assert_eq!(unfinished.iter().map(|(run, intent)| (run.as_str(), &*intent.object.key)).collect::<Vec<_>>(), [("r1", "hr/1")]);
    let dead = close_dead_runs(other.as_ref(), now()).await.unwrap();
    assert_eq!((dead.len(), dead[0].open), (1, 1));
    other.release(held).await.unwrap();
    assert_eq!(entries(other.as_ref()).await, 4);
}

/// Whoever was told that something is kept finds it at the end, whatever the others did meanwhile.
#[rstest]
#[tokio::test]
async fn of_many_runners_none_loses_what_it_was_told_is_kept(#[values(Kind::File, Kind::Objects, Kind::S3, Kind::Postgres)] kind: Kind) {
    const RUNNERS: usize = 6;
    let Some(place) = Place::of(kind) else { return };
    let clock = HandClock::new();
    let mut runners = Vec::new();
    for at in 0..RUNNERS {
        let store = place.runner_by(&clock).await;
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
    // Faster than a day, and no faster than a run that is on its way may be: a term takes 600 ms.
    let ticking = tokio::spawn(async move {
        let mut tick = tokio::time::interval(Duration::from_millis(10));
        loop {
            tick.tick().await;
            clock.advance(kind.terms().term / 60);
        }
    });
    let mut kept = Vec::new();
    for runner in runners {
        kept.extend(runner.await.unwrap());
    }
    ticking.abort();
    let found = keys(place.open("acme").await.unwrap().as_ref()).await;
    let lost: Vec<_> = kept.iter().filter(|key| !found.contains(key)).collect();
    assert!(lost.is_empty() && kept.len() >= RUNNERS * 3, "{lost:?} of {}", kept.len());
}

/// Either the run finds the revocation, or the revocation finds the intent.
#[rstest]
#[tokio::test]
async fn a_revocation_waits_for_no_run_and_the_run_knows_of_it_before_it_sends_what_it_means_next(
    #[values(Kind::File, Kind::Objects, Kind::S3, Kind::Postgres)] kind: Kind,
) {
    let Some(place) = Place::of(kind) else { return };
    let ((run, _still), (beside, _clock)) = (place.runner().await, place.runner().await);
    let held = run.lock("jane").await.unwrap();
    let watch = run.watch().await.unwrap();
    run.commit(vec![started("r1"), intent("r1", 0, "hr/1")]).await.unwrap();
    assert!(watch.revoked().await.unwrap().is_empty());
    let lock = beside.lock_beside().await.unwrap();
    assert!(lock.is_beside() && lock.lost().is_none());
    beside.commit(vec![revoked("hr/1")]).await.unwrap();
    assert!(beside.under_way().await.unwrap().run);
    let open = beside.open_runs().await.unwrap();
    assert_eq!(open[0].intents.len(), 1, "it finds what is under way");
    run.commit(vec![intent("r1", 1, "hr/2")]).await.unwrap();
    assert!(watch.revoked().await.unwrap().contains("hr/1"), "and the run finds it");
    run.release(held).await.unwrap();
    // Whoever takes the lock next may close what it writes to, and it goes on.
    let held = run.lock("jane").await.unwrap();
    assert!(run.under_way().await.unwrap().revocation);
    beside.commit(vec![revoked("hr/2")]).await.unwrap();
    beside.commit(vec![revoked("hr/3")]).await.unwrap();
    run.commit(vec![intent("r1", 2, "hr/4")]).await.unwrap();
    assert_eq!(watch.revoked().await.unwrap().len(), 3);
    run.release(held).await.unwrap();
    let looked = place.look("acme").await.unwrap().unwrap();
    for store in [&run, &beside, &looked] {
        assert_eq!(store.load().await.unwrap().revocations.len(), 3);
    }
    assert_eq!(entries(run.as_ref()).await, 4);
}
