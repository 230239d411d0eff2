//! Every version that ever existed is opened, becomes one of ours, and still says all that it said.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::Connection;
use tempfile::TempDir;

use super::*;
use crate::journal::{Event, Journal, close_dead_runs, entry};
use crate::model::{Guardrail, ObjectKind, ReceiptWord, UNKNOWN_SYSTEM};
use crate::state::Head;

/// By what it is called here: the version, as its last tables were, and the first ones that called themselves version 1.
const VERSIONS: [(&str, &str); 7] = [
    ("1, as it began", include_str!("fixtures/version-1-began.sql")),
    ("1", include_str!("fixtures/version-1.sql")),
    ("2", include_str!("fixtures/version-2.sql")),
    ("3", include_str!("fixtures/version-3.sql")),
    ("4", include_str!("fixtures/version-4.sql")),
    ("5", include_str!("fixtures/version-5.sql")),
    ("6", include_str!("fixtures/version-6.sql")),
];

fn file(sql: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let connection = Connection::open(&path).unwrap();
    connection.pragma_update(None, "journal_mode", "WAL").unwrap();
    connection.execute_batch(sql).unwrap();
    (folder, path)
}

fn version(path: &Path) -> i64 {
    Connection::open(path).unwrap().pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
}

/// What all versions had.
async fn is_all_there(store: &dyn Store, called: &str) {
    let memory = store.load().await.unwrap();
    assert!(memory.known, "{called}");
    let link = |key: &str| memory.links.iter().find(|link| link.key.as_ref() == key).unwrap();
    assert_eq!((link("hr/1").id.as_ref(), link("hr/2").id.as_ref(), link("group/sales").id.as_ref()), ("7", "8", "g1"), "{called}");
    assert_eq!((link("hr/1").origin, link("hr/2").origin), (crate::model::LinkOrigin::Created, crate::model::LinkOrigin::Adopted));
    let system = if ["3", "4", "5", "6"].contains(&called) { -5_i64 as u64 } else { UNKNOWN_SYSTEM };
    assert!(memory.links.iter().all(|link| link.system == system), "{called}");
    let at: Timestamp = "2026-11-20T08:00:01Z".parse().unwrap();
    let [off] = memory.deactivations.as_slice() else { panic!("{called}: {:?}", memory.deactivations) };
    assert_eq!((off.kind, off.id.as_ref(), off.at), (ObjectKind::Account, "8", at), "{called}");
    let [baseline] = memory.baselines.as_slice() else { panic!("{called}: {:?}", memory.baselines) };
    assert_eq!((baseline.system.as_ref(), baseline.scope, baseline.count), ("hr", 1_234_567_890_123, 40), "{called}");
    let used = |guardrail| memory.windows.iter().filter(|entry| entry.guardrail == guardrail).map(|entry| entry.weight).sum::<u64>();
    let deactivated = if called == "1, as it began" { 2 } else { 3 };
    assert_eq!((used(Guardrail::Create), used(Guardrail::Deactivate)), (1, deactivated), "{called}: {:?}", memory.windows);
    let last = memory.windows.iter().filter(|entry| entry.guardrail == Guardrail::Deactivate).map(|entry| entry.at).max();
    assert_eq!(last.unwrap().to_string(), "2026-11-20T08:00:03Z", "{called}: as young as its youngest part");
    let left: Vec<_> = store.left().await.unwrap().iter().map(|left| (left.what, left.of, left.print)).collect();
    let expected = [(crate::model::LeftWhat::Run, 0, 1_795_680_000), (crate::model::LeftWhat::Values, 12, -13_i64 as u64)];
    assert_eq!(left, if ["4", "5", "6"].contains(&called) { &expected[..] } else { &[] }, "{called}");
    if called != "1, as it began" {
        assert_eq!(used(Guardrail::Leavers), 2, "{called}");
        let [standing] = memory.revocations.as_slice() else { panic!("{called}: {:?}", memory.revocations) };
        assert_eq!((standing.key.as_ref(), standing.receipts[0].outcome), ("hr/2", ReceiptWord::Done), "{called}");
        assert_eq!((memory.cut_off[0].id.as_ref(), memory.cut_off[0].kind), ("8", ObjectKind::Account), "{called}");
        assert_eq!(memory.records[0].identity.as_ref(), "hr/1", "{called}");
        assert_eq!(link("hr/1#seat").id.as_ref(), "7", "{called}");
    }
}

/// How many lines it has, and that the chain holds.
async fn lines_of(store: &dyn Store, called: &str) -> u64 {
    let journal = Journal::new(store);
    let verified = journal.verify().await.unwrap_or_else(|error| panic!("{called}: {error}"));
    let mut people = Vec::new();
    let visit = |entry: crate::journal::Entry| {
        if let Event::Intent(intent) = entry.event {
            people.push(intent.object.key);
        }
    };
    journal.each(None, visit).await.unwrap();
    assert_eq!(people, [Arc::from("hr/1"), Arc::from("hr/2"), Arc::from("group/sales")], "{called}");
    verified.entries
}

#[tokio::test]
async fn a_state_of_every_version_that_ever_was_becomes_one_of_ours_with_all_that_it_says() {
    for (called, sql) in VERSIONS {
        let (_folder, path) = file(sql);
        let store = open(&path, "acme").await.unwrap_or_else(|error| panic!("{called}: {error}"));
        is_all_there(store.as_ref(), called).await;
        let before = lines_of(store.as_ref(), called).await;

        // It goes on as one of ours: what a killed run left open is closed, and the chain with it.
        let dead = close_dead_runs(store.as_ref(), Timestamp::UNIX_EPOCH).await.unwrap();
        let [killed] = dead.as_slice() else { panic!("{called}: {dead:?}") };
        assert_eq!((killed.run.as_ref(), killed.open), ("20261121T080000Z-1b2c3d4e", 1), "{called}");
        let more = Event::Lifted { keys: vec!["hr/2".into()], why: "a test".into() };
        store.commit(vec![entry(&"r1".into(), Timestamp::UNIX_EPOCH, &more)]).await.unwrap();
        assert_eq!(lines_of(store.as_ref(), called).await, before + 3, "{called}");
        drop(store);
        assert_eq!(version(&path), SCHEMA_VERSION, "{called}");

        let again = open(&path, "acme").await.unwrap();
        is_all_there(again.as_ref(), called).await;
        drop(again);
        assert_eq!(tables(&path), tables(&fresh().1), "{called}: the same tables as those of a new one");
    }
}

#[tokio::test]
async fn a_state_of_an_older_version_is_looked_at_as_it_would_be_and_stays_as_it_is() {
    for (called, sql) in VERSIONS {
        let (folder, path) = file(sql);
        let before = std::fs::read(&path).unwrap();
        let own = version(&path);
        let store = look_at(&path, "acme").await.unwrap().unwrap();
        is_all_there(store.as_ref(), called).await;
        lines_of(store.as_ref(), called).await;
        assert!(store.commit(vec![Fact::Lifted("hr/2".into())]).await.is_err(), "{called}");
        drop(store);
        assert_eq!(version(&path), own, "{called}");
        assert!(std::fs::read(&path).unwrap() == before, "{called}");
        assert!(!folder.path().join("state.db.lock").exists(), "{called}: whoever looks takes no lock");
        assert!(matches!(look_at(&path, "umbrella").await, Err(StateError::OtherWorkspace { .. })), "{called}");
        let passing = passing(&path, "acme", true).await.unwrap().load().await.unwrap();
        assert!(passing.links.iter().any(|link| link.key.as_ref() == "hr/2"), "{called}: a revocation finds whom it is about");
    }
}

#[tokio::test]
async fn a_state_that_somebody_works_on_is_left_to_them() {
    for (called, sql) in VERSIONS.into_iter().filter(|(called, _)| *called != "6") {
        let (_folder, path) = file(sql);
        let run = RunLock::take(&path, "jane, with the version before").unwrap();
        let busy = open(&path, "acme").await.unwrap_err();
        assert!(busy.to_string().contains("jane, with the version before"), "{called}: {busy}");
        drop(run);
        let revocation = RunLock::beside(&path).unwrap();
        assert!(matches!(open(&path, "acme").await, Err(StateError::Busy { .. })), "{called}");
        drop(revocation);
        let store = open(&path, "acme").await.unwrap();
        assert!(store.lock("jane").await.is_ok(), "{called}: the lock is let go");
    }
}

#[tokio::test]
async fn what_two_links_of_version_2_say_of_one_account_neither_of_them_proves() {
    let (_folder, path) = file(VERSIONS[2].1);
    let memory = open(&path, "acme").await.unwrap().load().await.unwrap();
    let mut keys: Vec<_> = memory.links.iter().map(|link| link.key.as_ref()).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["group/sales", "hr/1", "hr/1#seat", "hr/2"]);
}

#[tokio::test]
async fn a_state_that_another_process_migrated_meanwhile_is_taken_as_it_is() {
    let (_folder, path) = file(VERSIONS[1].1);
    let (one, other) = tokio::join!(open(&path, "acme"), open(&path, "acme"));
    // One of them may find that the other is at it; nobody finds half of it.
    assert!(one.is_ok() || other.is_ok(), "{one:?} {other:?}");
    drop((one, other));
    is_all_there(open(&path, "acme").await.unwrap().as_ref(), "1").await;
}

#[tokio::test]
async fn a_state_of_a_newer_version_is_refused_with_words_and_stays_as_it_is() {
    let (_folder, path) = file(VERSIONS[6].1);
    Connection::open(&path).unwrap().pragma_update(None, "user_version", SCHEMA_VERSION + 1).unwrap();
    let before = std::fs::read(&path).unwrap();
    for refused in [open(&path, "acme").await.err(), look(&path).await.err()] {
        insta::allow_duplicates! {
            insta::assert_snapshot!(refused.unwrap().to_string().replace(&path.display().to_string(), "PATH"), @"the state PATH has version 7, and this headcount knows versions up to 6: a newer one has worked on it, so use that one");
        }
    }
    assert!(std::fs::read(&path).unwrap() == before);
    let passing = passing(&path, "acme", true).await.unwrap().load().await.unwrap();
    assert!(passing.links.iter().any(|link| link.key.as_ref() == "hr/2"), "a revocation finds whom it is about");
}

fn fresh() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    schema::prepare(&mut Connection::open(&path).unwrap()).unwrap();
    (folder, path)
}

/// The tables and indexes of a file, whatever blanks and quotes were written.
fn tables(path: &Path) -> Vec<String> {
    let connection = Connection::open(path).unwrap();
    let mut query = connection.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name").unwrap();
    let all = query.query_map([], |row| row.get::<_, String>(0)).unwrap();
    all.map(|sql| sql.unwrap().replace('"', "").split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn the_last_entry_is_kept_apart_at_once_and_then_once_for_many() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state.db");
    let (apart, head) = (head::Apart::of(&state), |seq| Head { seq, hash: "ab".into() });
    let told = || head::read(&state).unwrap().map(|head| head.seq);
    assert_eq!((apart.lags_for(), told()), (None, None));
    apart.keep(head(1));
    assert_eq!((apart.lags_for(), told()), (None, Some(1)));
    (2..9).for_each(|seq| apart.keep(head(seq)));
    apart.settle();
    assert_eq!((apart.lags_for(), told()), (None, Some(8)));
}
