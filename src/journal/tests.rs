//! The chain holds, shows meddling, and holds no secret.

use std::sync::Arc;

use futures_util::future::join_all;
use jiff::Timestamp;

use super::*;
use crate::model::{Action, AttributeChange, Change, ChangeId, Mandate, ObjectKind, ObjectRef, Outcome, Plan, Reason, Value};
use crate::state::Store;

fn store() -> (tempfile::TempDir, Arc<Store>) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("state.db"), "acme").unwrap();
    (folder, Arc::new(store))
}

fn change(key: &str) -> Change {
    let attribute = |name: &str, after: &str| AttributeChange {
        attribute: Arc::from(name),
        before: None,
        after: Some(Value::text(after)),
        sensitive: false,
    };
    let object = ObjectRef { kind: ObjectKind::Account, key: Arc::from(key), id: None, name: Arc::from("jane") };
    Change {
        attributes: vec![attribute("password", "hunter2"), attribute("userName", "jane")],
        ..Change::new(&"chat".into(), Action::Create, object, Reason::Joiner)
    }
}

fn plan() -> Plan {
    let as_of = jiff::civil::date(2026, 11, 22);
    let changes = vec![change("hr/1"), Change { mandate: Mandate::Revocation, ..change("hr/2") }];
    Plan {
        format_version: 1,
        workspace: Arc::from("acme"),
        as_of,
        filter: Default::default(),
        changes,
        findings: Vec::new(),
        evidence: Vec::new(),
        upcoming: Default::default(),
    }
}

fn events() -> Vec<Event> {
    let plan = plan();
    let done = Outcome::Done { id: Some(Arc::from("7")) };
    vec![
        Event::started(&plan, "jane"),
        Event::planned(&plan),
        Event::intent(ChangeId(0), &plan.changes[0], 1),
        Event::intent(ChangeId(1), &plan.changes[1], 1),
        Event::outcome(ChangeId(0), &plan.changes[0], &done, Some(&Arc::from("7"))),
    ]
}

fn write(store: &Store) {
    let at: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
    store.write(|tx| append(tx, "r1", at, &events()[..2])).unwrap();
    store.write(|tx| append(tx, "r1", at, &events()[2..])).unwrap();
}

#[test]
fn entries_come_back_in_order_and_the_chain_holds() {
    let (_folder, store) = store();
    let journal = Journal::new(&store);
    assert_eq!(journal.verify().unwrap().entries, 0);
    write(&store);
    let mut found = Vec::new();
    journal.each(Some("r1"), |entry| found.push(entry.event)).unwrap();
    assert_eq!(format!("{found:?}"), format!("{:?}", events()).replace("hunter2", "(secret)"));
    assert_eq!(journal.verify().unwrap().entries, 5);
    journal.each(Some("other"), |_| panic!("no such run")).unwrap();
}

#[test]
fn a_secret_value_never_enters() {
    let (_folder, store) = store();
    write(&store);
    let mut lines = Vec::new();
    Journal::new(&store).export(&mut lines).unwrap();
    let text = String::from_utf8(lines).unwrap();
    assert!(!text.contains("hunter2") && text.contains("(secret)") && text.contains("jane"));
    assert_eq!(text.lines().count(), 5);
    assert!(text.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["hash"].as_str().unwrap().len() == 64));
}

#[test]
fn any_meddling_is_found_where_it_was_done() {
    let meddling = [
        ("UPDATE journal SET body = replace(body, 'jane', 'joan') WHERE seq = 3", 3),
        ("DELETE FROM journal WHERE seq = 2", 2),
        ("UPDATE journal SET run = 'r2' WHERE seq = 4", 4),
        ("UPDATE journal SET hash = zeroblob(32) WHERE seq = 5", 5),
        ("UPDATE journal SET seq = seq + 1 WHERE seq = 5", 5),
    ];
    for (statement, at) in meddling {
        let (_folder, store) = store();
        write(&store);
        store.write(|tx| tx.execute_batch(statement)).unwrap();
        let broken = Journal::new(&store).verify();
        assert!(matches!(broken, Err(JournalError::Broken { seq, .. }) if seq == at), "{statement}: {broken:?}");
    }
}

#[test]
fn a_killed_run_leaves_its_open_intents() {
    let (_folder, store) = store();
    write(&store);
    let journal = Journal::new(&store);
    let open: Vec<_> = journal.unfinished().unwrap().into_iter().map(|(run, intent)| (run, intent.object.key)).collect();
    assert_eq!(open, [("r1".to_owned(), Arc::from("hr/2"))]);
    store.write(|tx| close_dead_runs(tx, true, Timestamp::now())).unwrap();
    assert_eq!(journal.unfinished().unwrap(), []);
    let mut last = Vec::new();
    journal.each(Some("r1"), |entry| last.push(entry.event)).unwrap();
    assert!(matches!(&last[5], Event::Outcome { key, result: ResultWord::Uncertain, .. } if key.as_ref() == "hr/2"));
    assert!(matches!(&last[6], Event::Finished { stopped: Some(_), .. }));
    store.write(|tx| close_dead_runs(tx, true, Timestamp::now())).unwrap();
    assert_eq!(journal.verify().unwrap().entries, 7, "a run is closed once");
}

#[tokio::test]
async fn writes_that_wait_together_are_all_durable_and_the_chain_holds() {
    let (_folder, store) = store();
    let group = GroupCommit::start(store.clone()).unwrap();
    let writes = (0..200).map(|at| {
        let event = Event::intent(ChangeId(at), &change("hr/1"), 1);
        group.write(move |tx| append(tx, "r1", Timestamp::now(), &[event]))
    });
    assert!(join_all(writes).await.iter().all(Result::is_ok));
    assert_eq!(Journal::new(&store).verify().unwrap().entries, 200);
}

#[test]
fn an_end_that_was_cut_off_is_missed_and_so_is_another_that_was_put_in_its_place() {
    let cut = "DELETE FROM journal WHERE seq > 3";
    let (_folder, store) = store();
    write(&store);
    store.write(|tx| tx.execute_batch(&format!("{cut}; DELETE FROM meta WHERE name = 'journal_head'"))).unwrap();
    let broken = Journal::new(&store).verify();
    assert!(
        matches!(&broken, Err(JournalError::Broken { seq: 4, why }) if why.contains("5 entries were written, and the first 3 are there")),
        "{broken:?}"
    );
    assert!(Journal::new(&store).verify_chain().is_err(), "a run asks the same");

    let (_folder, store) = self::store();
    write(&store);
    std::fs::remove_file(store.head_path()).unwrap();
    assert!(!Journal::new(&store).verify().unwrap().apart);
    store.write(|tx| tx.execute_batch(cut)).unwrap();
    assert!(Journal::new(&store).verify().is_err(), "the state itself says how many there were");

    // An older copy of the state, and a run after it: other entries under the same numbers.
    let (_folder, store) = self::store();
    write(&store);
    let file = std::fs::read(store.head_path()).unwrap();
    store.write(|tx| tx.execute_batch("DELETE FROM journal; DELETE FROM meta WHERE name = 'journal_head'")).unwrap();
    store.write(|tx| append(tx, "r2", Timestamp::UNIX_EPOCH, &events())).unwrap();
    assert!(Journal::new(&store).verify().is_ok());
    std::fs::write(store.head_path(), file).unwrap();
    assert!(matches!(Journal::new(&store).verify(), Err(JournalError::Broken { seq: 5, .. })));
    std::fs::remove_file(store.head_path()).unwrap();
    assert!(Journal::new(&store).verify_chain().is_ok(), "what the message says helps");
}
