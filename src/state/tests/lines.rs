//! The journal's lines, runs that never ended, and what whoever goes on is told.

use rstest::rstest;

use super::*;
use crate::journal::{Anchor, AnchorFile, Anchored, Entry, Event, Intent, Journal, close_dead_runs, entry, prune};

const DAY: SignedDuration = SignedDuration::from_hours(24);

pub(super) fn started(run: &str) -> Fact {
    let (workspace, plan, who, version) = ("acme".into(), "p".into(), "jane".into(), "1".into());
    entry(&run.into(), now(), &Event::Started { workspace, plan, as_of: jiff::civil::date(2026, 11, 22), who, version })
}

/// A change that is about to be sent.
pub(super) fn intent(run: &str, change: u32, key: &str) -> Fact {
    let json = format!(
        r#"{{"change": {change}, "attempt": 1, "target": "chat", "action": "create", "object": {{"kind": "account", "key": "{key}", "name": "ada"}}}}"#
    );
    entry(&run.into(), now(), &Event::Intent(serde_json::from_str::<Intent>(&json).unwrap()))
}

fn outcome(run: &str, change: u32, key: &str) -> Fact {
    let (change, result) = (crate::model::ChangeId(change), crate::journal::ResultWord::Done);
    entry(&run.into(), now(), &Event::Outcome { change, target: "chat".into(), key: key.into(), result, id: None, message: None })
}

fn said(run: &str, words: &str) -> Fact {
    said_at(run, words, now())
}

fn said_at(run: &str, words: &str, at: Timestamp) -> Fact {
    entry(&run.into(), at, &Event::Resumed { who: words.into() })
}

/// Waits for what was asked for before, and says whether the chain holds.
pub(super) async fn entries(store: &dyn Store) -> u64 {
    Journal::new(store).verify().await.unwrap().entries
}

#[rstest]
#[tokio::test]
async fn lines_come_in_their_order_after_any_and_of_one_run(#[values(Kind::File, Kind::Objects, Kind::S3, Kind::Postgres)] kind: Kind) {
    let Some(place) = Place::of(kind) else { return };
    let store = place.open("acme").await.unwrap();
    store.commit((0..600).map(|at| said(if at % 2 == 0 { "r1" } else { "r2" }, &at.to_string())).collect()).await.unwrap();
    store.commit((600..1200).map(|at| said("r3", &at.to_string())).collect()).await.unwrap();
    drop(store);
    let store = place.open("acme").await.unwrap();
    let all = async |run: Option<&str>| {
        let (mut after, mut found) = (0, Vec::new());
        loop {
            let lines = store.lines(after, run.map(Arc::from)).await.unwrap();
            let Some(last) = lines.last() else { return found };
            after = last.seq;
            found.extend(lines.into_iter().map(|line| line.seq));
        }
    };
    assert_eq!(all(None).await, (1..=1200).collect::<Vec<_>>(), "as many as come at once, and then the rest");
    assert_eq!(all(Some("r2")).await, (1..=300).map(|at| at * 2).collect::<Vec<_>>());
    assert_eq!(store.lines(1199, None).await.unwrap().iter().map(|line| line.run.as_str()).collect::<Vec<_>>(), ["r3"]);
    assert!(store.lines(1200, None).await.unwrap().is_empty() && store.lines(0, Some("r4".into())).await.unwrap().is_empty());
    assert_eq!(entries(store.as_ref()).await, 1200);
}

#[rstest]
#[tokio::test]
async fn a_run_that_never_ended_is_known_with_what_it_meant_and_had_no_answer_to(
    #[values(Kind::File, Kind::Objects, Kind::S3, Kind::Postgres)] kind: Kind,
) {
    let Some(place) = Place::of(kind) else { return };
    let store = place.open("acme").await.unwrap();
    let lock = store.lock("jane").await.unwrap();
    let ended = entry(&"r1".into(), now(), &Event::Finished { results: Default::default(), stopped: None });
    store.commit(vec![started("r1"), intent("r1", 0, "hr/9"), ended]).await.unwrap();
    store.commit(vec![started("r2"), intent("r2", 0, "hr/1"), intent("r2", 1, "hr/2"), outcome("r2", 0, "hr/1")]).await.unwrap();
    let open = store.open_runs().await.unwrap();
    assert_eq!(open.iter().map(|open| (&*open.run, open.intents.len())).collect::<Vec<_>>(), [("r2", 1)]);
    let unfinished = Journal::new(store.as_ref()).unfinished().await.unwrap();
    assert_eq!(unfinished.iter().map(|(run, intent)| (run.as_str(), &*intent.object.key)).collect::<Vec<_>>(), [("r2", "hr/2")]);
    let dead = close_dead_runs(store.as_ref(), now()).await.unwrap();
    assert_eq!(dead.iter().map(|dead| (&*dead.run, dead.open)).collect::<Vec<_>>(), [("r2", 1)]);
    assert!(store.open_runs().await.unwrap().is_empty() && close_dead_runs(store.as_ref(), now()).await.unwrap().is_empty());
    assert_eq!(entries(store.as_ref()).await, 3 + 4 + 2);
    store.release(lock).await.unwrap();
}

#[rstest]
#[tokio::test]
async fn what_is_older_than_it_has_to_be_kept_is_written_out_and_the_chain_begins_behind_it(
    #[values(Kind::File, Kind::Objects, Kind::S3, Kind::Postgres)] kind: Kind,
) {
    let Some(place) = Place::of(kind) else { return };
    let (store, archive) = (place.open("acme").await.unwrap(), tempfile::tempdir().unwrap());
    let lock = store.lock("jane").await.unwrap();
    let old = now() - 40 * DAY;
    store.commit(vec![said_at("r1", "a", old), said_at("r1", "b", old), said("r2", "c"), said("r2", "d")]).await.unwrap();
    let line = store.lines(1, None).await.unwrap().remove(0);
    let pruned = prune(store.as_ref(), now() - 30 * DAY, archive.path(), &"r3".into()).await.unwrap().unwrap();
    assert_eq!((pruned.entries, pruned.last), (2, 2));
    assert_eq!(std::fs::read_to_string(pruned.file).unwrap().lines().count(), 2);
    store.release(lock).await.unwrap();
    drop(store);
    let store = place.open("acme").await.unwrap();
    let heads = store.heads().await.unwrap();
    assert_eq!(heads.checkpoint, Some(Head { seq: 2, hash: hex(&line.hash) }));
    assert_eq!((heads.written.map(|head| head.seq), heads.apart.map(|head| head.seq)), (Some(5), Some(5)));
    let mut told = Vec::new();
    Journal::new(store.as_ref()).each(None, |entry: Entry| told.push(entry.seq)).await.unwrap();
    assert_eq!(told, [3, 4, 5]);
    assert_eq!(entries(store.as_ref()).await, 5, "by the number of the last one");
    assert_eq!(prune(store.as_ref(), now() - 30 * DAY, archive.path(), &"r4".into()).await.unwrap(), None, "nothing is left that may go");
}

#[rstest]
#[tokio::test]
async fn a_state_that_goes_on_fits_its_anchor_and_one_that_was_restored_does_not(
    #[values(Kind::File, Kind::Objects, Kind::S3, Kind::Postgres)] kind: Kind,
) {
    let (Some(place), Some(restored)) = (Place::of(kind), Place::of(kind)) else { return };
    let folder = tempfile::tempdir().unwrap();
    let anchors = AnchorFile::new(folder.path().join("anchor"));
    let store = place.open("acme").await.unwrap();
    store.commit(vec![said("r1", "a"), said("r1", "b")]).await.unwrap();
    assert_eq!(anchors.look(store.as_ref()).await.unwrap(), Anchored::Fits, "nothing was noted");
    let head = store.heads().await.unwrap().written.unwrap();
    anchors.note(&Anchor { workspace: "acme".into(), seq: head.seq, hash: head.hash, at: now() }).await.unwrap();
    store.commit(vec![said("r2", "c")]).await.unwrap();
    assert_eq!(anchors.look(store.as_ref()).await.unwrap(), Anchored::Fits);
    let other = restored.open("acme").await.unwrap();
    other.commit(vec![said("r1", "a")]).await.unwrap();
    assert!(matches!(anchors.look(other.as_ref()).await.unwrap(), Anchored::Restored(why) if why.contains("ends with entry 1")));
    other.commit(vec![said("r1", "x"), said("r1", "y")]).await.unwrap();
    assert!(matches!(anchors.look(other.as_ref()).await.unwrap(), Anchored::Restored(why) if why.contains("entry 2 is another one")));
}

#[rstest]
#[tokio::test]
async fn whoever_knows_what_was_remembered_is_told_what_may_be_otherwise(
    #[values(Kind::File, Kind::Objects, Kind::S3, Kind::Postgres)] kind: Kind,
) {
    let Some(place) = Place::of(kind) else { return };
    let store = place.open("acme").await.unwrap();
    store.commit(vec![Fact::Linked(link("hr/1", "7"))]).await.unwrap();
    let first = store.recollect(None).await.unwrap();
    assert_eq!((first.of.is_none(), first.memory.links), (true, vec![link("hr/1", "7")]), "who knows nothing is told all");
    store.commit(vec![Fact::Linked(link("hr/2", "8"))]).await.unwrap();
    store.commit(Vec::new()).await.unwrap();
    let then = store.recollect(Some(first.generation)).await.unwrap();
    assert_eq!(then.generation, first.generation + 1, "a commit of nothing is none");
    let expected = match &then.of {
        Some(_) => vec![link("hr/2", "8")],
        None => vec![link("hr/1", "7"), link("hr/2", "8")],
    };
    assert_eq!(then.memory.links, expected);
    // Another key of a link says so of whatever hangs on it.
    store.commit(vec![Fact::Carried(link("hr/3", "8"))]).await.unwrap();
    let last = store.recollect(Some(then.generation)).await.unwrap();
    assert_eq!((last.of.is_none(), last.memory), (true, store.load().await.unwrap()));
}

/// Whoever stops waits for nobody: what was asked for is done all the same.
#[rstest]
#[tokio::test]
async fn a_store_that_is_let_go_has_done_what_it_was_asked_for(#[values(Kind::File, Kind::Objects, Kind::S3, Kind::Postgres)] kind: Kind) {
    let Some(place) = Place::of(kind) else { return };
    let store = place.open("acme").await.unwrap();
    drop(store.commit(vec![said("r", "one"), Fact::Linked(link("hr/1", "7"))]));
    drop(store);
    let again = place.open("acme").await.unwrap();
    while again.heads().await.unwrap().written.is_none() {}
    assert_eq!((again.load().await.unwrap().links.len(), entries(again.as_ref()).await), (1, 1));
}
