//! The chain holds, shows meddling, and holds no secret.

use std::sync::Arc;

use jiff::Timestamp;

use super::*;
use crate::model::{Action, AttributeChange, Change, ChangeId, Mandate, ObjectKind, ObjectRef, Outcome, Plan, Reason, Value};
use crate::state::{self, Fact, Store};

async fn store() -> (tempfile::TempDir, Arc<dyn Store>) {
    let folder = tempfile::tempdir().unwrap();
    let store = state::open(&folder.path().join("state.db"), "acme").await.unwrap();
    (folder, store)
}

fn entries(run: &str, at: Timestamp, events: &[Event]) -> Vec<Fact> {
    events.iter().map(|event| entry(&run.into(), at, event)).collect()
}

/// Meddles with the file.
fn meddle(folder: &tempfile::TempDir, statements: &str) {
    rusqlite::Connection::open(folder.path().join("state.db")).unwrap().execute_batch(statements).unwrap();
}

fn head_of(folder: &tempfile::TempDir) -> std::path::PathBuf {
    folder.path().join("state.db.head")
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
        limits: Vec::new(),
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

async fn write(store: &dyn Store) {
    let at: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
    store.commit(entries("r1", at, &events()[..2])).await.unwrap();
    store.commit(entries("r1", at, &events()[2..])).await.unwrap();
    // Whoever asks brings the file beside it up to date.
    store.heads().await.unwrap();
}

#[tokio::test]
async fn entries_come_back_in_order_and_the_chain_holds() {
    let (_folder, store) = store().await;
    let journal = Journal::new(store.as_ref());
    assert_eq!(journal.verify().await.unwrap().entries, 0);
    write(store.as_ref()).await;
    let mut found = Vec::new();
    journal.each(Some("r1"), |entry| found.push(entry.event)).await.unwrap();
    assert_eq!(format!("{found:?}"), format!("{:?}", events()).replace("hunter2", "(secret)"));
    assert_eq!(journal.verify().await.unwrap().entries, 5);
    journal.each(Some("other"), |_| panic!("no such run")).await.unwrap();
}

#[tokio::test]
async fn an_entry_is_written_as_it_is_described() {
    let (_folder, store) = store().await;
    let name = "r \"1\"";
    let at: Timestamp = "2026-11-22T10:00:00.123Z".parse().unwrap();
    store.commit(entries(name, at, &events())).await.unwrap();
    let bodies: Vec<_> = store.lines(0, None).await.unwrap().into_iter().map(|line| line.body).collect();
    let described = events().into_iter().zip(1..).map(|(event, seq)| Entry { seq, at, run: name.to_owned(), event });
    let described: Vec<_> = described.map(|entry| serde_json::to_string(&entry).unwrap()).collect();
    assert_eq!(bodies, described);
}

#[tokio::test]
async fn a_journal_that_is_longer_than_what_comes_at_once_is_read_to_its_end() {
    let (_folder, store) = store().await;
    let intent = |at| Event::intent(ChangeId(at), &change("hr/1"), 1);
    let all: Vec<_> = (0..2500).map(intent).collect();
    store.commit(entries("r1", Timestamp::UNIX_EPOCH, &all)).await.unwrap();
    store.commit(entries("r2", Timestamp::UNIX_EPOCH, &[intent(7)])).await.unwrap();
    let journal = Journal::new(store.as_ref());
    assert_eq!(journal.verify().await.unwrap().entries, 2501);
    let mut found = Vec::new();
    journal.each(Some("r1"), |entry| found.extend(entry.event.change())).await.unwrap();
    assert_eq!(found, (0..2500).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_secret_value_never_enters() {
    let (_folder, store) = store().await;
    write(store.as_ref()).await;
    let mut lines = Vec::new();
    Journal::new(store.as_ref()).export(&mut lines).await.unwrap();
    let text = String::from_utf8(lines).unwrap();
    assert!(!text.contains("hunter2") && text.contains("(secret)") && text.contains("jane"));
    assert_eq!(text.lines().count(), 5);
    assert!(text.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["hash"].as_str().unwrap().len() == 64));
}

#[tokio::test]
async fn any_meddling_is_found_where_it_was_done() {
    let meddling = [
        ("UPDATE journal SET body = replace(body, 'jane', 'joan') WHERE seq = 3", 3),
        ("DELETE FROM journal WHERE seq = 2", 2),
        ("UPDATE journal SET run = 'r2' WHERE seq = 4", 4),
        ("UPDATE journal SET hash = zeroblob(32) WHERE seq = 5", 5),
        ("UPDATE journal SET seq = seq + 1 WHERE seq = 5", 5),
    ];
    for (statement, at) in meddling {
        let (folder, store) = store().await;
        write(store.as_ref()).await;
        meddle(&folder, statement);
        let broken = Journal::new(store.as_ref()).verify().await;
        assert!(matches!(broken, Err(JournalError::Broken { seq, .. }) if seq == at), "{statement}: {broken:?}");
    }
}

#[tokio::test]
async fn a_killed_run_leaves_its_open_intents() {
    let (_folder, store) = store().await;
    write(store.as_ref()).await;
    let journal = Journal::new(store.as_ref());
    let open: Vec<_> = journal.unfinished().await.unwrap().into_iter().map(|(run, intent)| (run, intent.object.key)).collect();
    assert_eq!(open, [("r1".to_owned(), Arc::from("hr/2"))]);
    close_dead_runs(store.as_ref(), Timestamp::now()).await.unwrap();
    assert_eq!(journal.unfinished().await.unwrap(), []);
    let mut last = Vec::new();
    journal.each(Some("r1"), |entry| last.push(entry.event)).await.unwrap();
    assert!(matches!(&last[5], Event::Outcome { key, result: ResultWord::Uncertain, .. } if key.as_ref() == "hr/2"));
    assert!(matches!(&last[6], Event::Finished { stopped: Some(_), .. }));
    close_dead_runs(store.as_ref(), Timestamp::now()).await.unwrap();
    assert_eq!(journal.verify().await.unwrap().entries, 7, "a run is closed once");
}

fn intent(at: u32) -> Vec<Fact> {
    entries("r1", Timestamp::UNIX_EPOCH, &[Event::intent(ChangeId(at), &change("hr/1"), 1)])
}

async fn changes(store: &dyn Store) -> Vec<u32> {
    let mut found = Vec::new();
    Journal::new(store).each(None, |entry| found.extend(entry.event.change())).await.unwrap();
    found
}

#[tokio::test]
async fn what_is_handed_over_together_is_durable_in_order_and_the_chain_holds() {
    let (_folder, store) = store().await;
    let group = GroupCommit::start(store.clone(), |error| panic!("{error}"));
    let tickets: Vec<_> = (0..3000).map(|at| group.submit(intent(at))).collect();
    assert!(tickets.is_sorted() && tickets[0] == Ticket::FIRST && !group.is_settled(tickets[2999]));
    group.durable(tickets[1]).await.unwrap();
    assert!(changes(store.as_ref()).await.len() >= 2, "it is there when it is said to be");
    group.flush().await;
    assert!(group.is_settled(tickets[2999]));
    assert_eq!(changes(store.as_ref()).await, (0..3000).collect::<Vec<_>>());
    Journal::new(store.as_ref()).verify().await.unwrap();
}

#[tokio::test]
async fn a_record_that_can_not_be_written_is_told_to_who_asks_and_to_who_listens() {
    let (folder, store) = store().await;
    let (tell, told) = std::sync::mpsc::channel();
    let group = GroupCommit::start(store.clone(), move |error| tell.send(error.to_string()).unwrap());
    let good = group.submit(intent(0));
    group.durable(good).await.unwrap();
    meddle(&folder, "ALTER TABLE journal RENAME TO elsewhere");
    let bad = group.submit(intent(1));
    assert!(group.durable(bad).await.is_err());
    assert!(told.try_recv().is_ok());
    meddle(&folder, "ALTER TABLE elsewhere RENAME TO journal");
    let after = group.submit(intent(2));
    group.durable(after).await.unwrap();
    group.durable(good).await.unwrap();
    assert_eq!(changes(store.as_ref()).await, [0, 2]);
}

#[tokio::test]
async fn an_end_that_was_cut_off_is_missed_and_so_is_another_that_was_put_in_its_place() {
    let cut = "DELETE FROM journal WHERE seq > 3";
    let (folder, store) = store().await;
    write(store.as_ref()).await;
    meddle(&folder, &format!("{cut}; DELETE FROM meta WHERE name = 'journal_head'"));
    let broken = Journal::new(store.as_ref()).verify().await;
    assert!(
        matches!(&broken, Err(JournalError::Broken { seq: 4, why }) if why.contains("5 entries were written, and the first 3 are there")),
        "{broken:?}"
    );
    assert!(Journal::new(store.as_ref()).verify_chain().await.is_err(), "a run asks the same");

    let (folder, store) = self::store().await;
    write(store.as_ref()).await;
    std::fs::remove_file(head_of(&folder)).unwrap();
    assert!(!Journal::new(store.as_ref()).verify().await.unwrap().apart);
    meddle(&folder, cut);
    assert!(Journal::new(store.as_ref()).verify().await.is_err(), "the state itself says how many there were");

    // An older copy of the state, and a run after it: other entries under the same numbers.
    let (folder, store) = self::store().await;
    write(store.as_ref()).await;
    let file = std::fs::read(head_of(&folder)).unwrap();
    meddle(&folder, "DELETE FROM journal; DELETE FROM meta WHERE name = 'journal_head'");
    store.commit(entries("r2", Timestamp::UNIX_EPOCH, &events())).await.unwrap();
    assert!(Journal::new(store.as_ref()).verify().await.is_ok());
    std::fs::write(head_of(&folder), file).unwrap();
    assert!(matches!(Journal::new(store.as_ref()).verify().await, Err(JournalError::Broken { seq: 5, .. })));
    std::fs::remove_file(head_of(&folder)).unwrap();
    assert!(Journal::new(store.as_ref()).verify_chain().await.is_ok(), "what the message says helps");
}
