//! The chain holds, shows meddling, and holds no secret.

use std::sync::Arc;

use jiff::Timestamp;

use super::*;
use crate::model::{Action, AttributeChange, Change, ChangeId, Mandate, MemberChange, ObjectKind, ObjectRef, Outcome, Plan, Reason, Value};
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
        privileged: false,
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
    assert_eq!(bodies[..2], described[..2], "what is about nobody stands in the clear");
    let clear = r#"{"seq":3,"at":"2026-11-22T10:00:00.123Z","run":"r \"1\"","event":"intent","change":0,"attempt":1,"target":"chat","action":"create","reason":"joiner","object":{"kind":"account","key":"","name":""},"attributes":[{"attribute":"password"},{"attribute":"userName"}],"sealed":[[""#;
    assert!(bodies[2].starts_with(clear), "{}", bodies[2]);
    assert!(
        bodies.iter().all(|body| serde_json::from_str::<Entry>(body).is_ok()),
        "each is one JSON, in the form that it has without people"
    );
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
    assert!(!text.contains("hunter2") && !text.contains("hr/1"), "{text}");
    assert_eq!(text.lines().count(), 5);
    assert!(text.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["hash"].as_str().unwrap().len() == 64));
}

#[tokio::test]
async fn any_meddling_is_found_where_it_was_done() {
    let meddling = [
        ("UPDATE journal SET body = replace(body, 'chat', 'shop') WHERE seq = 3", 3),
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

/// So many entries, the older ones a year before the others.
async fn aged(store: &dyn Store, old: usize, new: usize) -> Timestamp {
    let (then, now): (Timestamp, Timestamp) = ("2025-11-22T10:00:00Z".parse().unwrap(), "2026-11-22T10:00:00Z".parse().unwrap());
    let event = |key: &str| Event::intent(ChangeId(0), &change(key), 1);
    let facts = (0..old).map(|at| (then, format!("hr/old{at}"))).chain((0..new).map(|at| (now, format!("hr/new{at}"))));
    store.commit(facts.flat_map(|(at, key)| entries("r1", at, &[event(&key)])).collect()).await.unwrap();
    now
}

#[tokio::test]
async fn what_is_old_goes_into_a_file_and_the_chain_begins_behind_it() {
    let (folder, store) = store().await;
    let now = aged(store.as_ref(), 1500, 3).await;
    let journal = Journal::new(store.as_ref());
    let mut before = Vec::new();
    journal.export(&mut before).await.unwrap();
    let archive = folder.path().join("deep/archive");
    let pruned = prune(store.as_ref(), now, &archive, &"r2".into()).await.unwrap().unwrap();
    assert_eq!((pruned.entries, pruned.last, pruned.keys), (1500, 1500, 0), "keys that are new stay");
    let file = std::fs::read_to_string(&pruned.file).unwrap();
    let whole = String::from_utf8(before).unwrap();
    assert!(whole.starts_with(&file) && file.lines().count() == 1500, "as they were written");
    assert_eq!(std::fs::read_dir(&archive).unwrap().count(), 1, "nothing half is left");
    let verified = journal.verify().await.unwrap();
    assert_eq!((verified.entries, verified.since), (1504, Some(1501)), "three and the line that tells of it");
    let mut last = None;
    journal.each(None, |entry| last = Some(entry.event)).await.unwrap();
    assert!(
        matches!(&last, Some(Event::Archived { entries: 1500, last: 1500, file }) if file == "journal-000000000001-000000001500.jsonl"),
        "{last:?}"
    );
    assert_eq!(prune(store.as_ref(), now, &archive, &"r3".into()).await.unwrap(), None, "once is enough");
    store.commit(entries("r4", now, &[Event::started(&plan(), "jane")])).await.unwrap();
    assert_eq!(journal.verify().await.unwrap().entries, 1505, "it goes on");
    // A chain that begins elsewhere than its checkpoint is broken.
    meddle(&folder, "DELETE FROM journal WHERE seq = 1501");
    assert!(matches!(journal.verify().await, Err(JournalError::Broken { seq: 1501, .. })));
    meddle(&folder, "UPDATE meta SET value = replace(value, '1500 ', '1501 ') WHERE name = 'journal_checkpoint'");
    assert!(matches!(journal.verify().await, Err(JournalError::Broken { seq: 1502, .. })));
}

#[tokio::test]
async fn neither_an_open_run_nor_the_last_line_is_cut_off_and_keys_go_with_what_they_seal() {
    let (folder, store) = store().await;
    let old: Timestamp = "2025-11-22T10:00:00Z".parse().unwrap();
    store.commit(entries("r0", old, &[Event::intent(ChangeId(0), &change("hr/gone"), 1)])).await.unwrap();
    store.commit(entries("r1", old, &events())).await.unwrap();
    let now = Timestamp::now();
    let later = now + jiff::SignedDuration::from_hours(1);
    let pruned = prune(store.as_ref(), later, folder.path(), &"r2".into()).await.unwrap().unwrap();
    assert_eq!((pruned.entries, pruned.keys), (1, 1), "the run that was killed still has to be closed");
    close_dead_runs(store.as_ref(), old).await.unwrap();
    let pruned = prune(store.as_ref(), later, folder.path(), &"r3".into()).await.unwrap().unwrap();
    assert_eq!(Journal::new(store.as_ref()).verify().await.unwrap().since, Some(pruned.last + 1));
    assert!(store.subjects(crate::state::Subjects::After("".into())).await.unwrap().is_empty());
    let (_other, empty) = self::store().await;
    assert_eq!(prune(empty.as_ref(), later, folder.path(), &"r".into()).await.unwrap(), None);
}

#[tokio::test]
async fn only_what_came_is_looked_at_again_and_what_was_there_is_missed() {
    let (folder, store) = store().await;
    write(store.as_ref()).await;
    let journal = Journal::new(store.as_ref());
    let whole = journal.verify().await.unwrap();
    let known = crate::state::Head { seq: whole.entries, hash: whole.head };
    store.commit(entries("r2", Timestamp::now(), &events())).await.unwrap();
    assert_eq!(journal.verify_behind(&known).await.unwrap().entries, 10);
    meddle(&folder, "UPDATE journal SET body = replace(body, 'chat', 'shop') WHERE seq = 3");
    assert!(journal.verify_behind(&known).await.is_ok(), "that was looked at before");
    meddle(&folder, "UPDATE journal SET body = replace(body, 'chat', 'shop') WHERE seq = 8");
    assert!(matches!(journal.verify_behind(&known).await, Err(JournalError::Broken { seq: 8, .. })));
    meddle(&folder, "DELETE FROM journal WHERE seq > 4; UPDATE meta SET value = '4 ab' WHERE name = 'journal_head'");
    assert!(matches!(journal.verify_behind(&known).await, Err(JournalError::Broken { seq: 5, .. })));
}

#[tokio::test]
async fn a_state_that_is_behind_its_anchor_or_beside_it_was_restored() {
    let (folder, store) = store().await;
    let file = AnchorFile::new(folder.path().join("elsewhere/anchor"));
    assert_eq!(file.look(store.as_ref()).await.unwrap(), Anchored::Fits, "nothing was noted");
    write(store.as_ref()).await;
    let note = async |store: &dyn Store| {
        let head = store.heads().await.unwrap().written.unwrap();
        file.note(&Anchor { workspace: "acme".into(), seq: head.seq, hash: head.hash, at: Timestamp::UNIX_EPOCH }).await.unwrap();
    };
    note(store.as_ref()).await;
    assert_eq!(file.look(store.as_ref()).await.unwrap(), Anchored::Fits);
    store.commit(entries("r2", Timestamp::now(), &events())).await.unwrap();
    assert_eq!(file.look(store.as_ref()).await.unwrap(), Anchored::Fits, "it goes on");
    let (_other, younger) = self::store().await;
    let behind = file.look(younger.as_ref()).await.unwrap();
    assert_eq!(behind, Anchored::Restored("its journal ends with entry 0, and on 1970-01-01 00:00 UTC it had 5".into()));
    younger.commit(entries("r9", Timestamp::now(), &[events(), events()].concat())).await.unwrap();
    let beside = file.look(younger.as_ref()).await.unwrap();
    assert_eq!(beside, Anchored::Restored("its entry 5 is another one than it was on 1970-01-01 00:00 UTC".into()));
    // What is cut off proves nothing, and the checkpoint does.
    close_dead_runs(store.as_ref(), Timestamp::now()).await.unwrap();
    note(store.as_ref()).await;
    store.commit(entries("r3", Timestamp::now(), &[Event::Resumed { who: "jane".into() }])).await.unwrap();
    let noted = file.read().await.unwrap().unwrap();
    let pruned = prune(store.as_ref(), Timestamp::MAX, folder.path(), &"r4".into()).await.unwrap().unwrap();
    assert_eq!(pruned.last, noted.seq);
    assert_eq!(file.look(store.as_ref()).await.unwrap(), Anchored::Fits);

    file.note_erased(&["a".into(), "b".into()]).await.unwrap();
    file.note_erased(&["b".into(), "c".into()]).await.unwrap();
    assert_eq!(file.erased().await.unwrap(), ["a", "b", "c"].map(Arc::from));
    std::fs::write(file.path(), "nonsense").unwrap();
    assert!(matches!(file.look(store.as_ref()).await, Err(JournalError::Anchor { .. })));
}

#[tokio::test]
async fn what_came_of_a_group_s_change_is_told_of_each_who_is_in_it() {
    let (_folder, store) = store().await;
    let group = |name: &str, members: &[&str]| {
        let object = |kind, key: &str| ObjectRef { kind, key: key.into(), id: None, name: name.into() };
        let member = |key: &&str| MemberChange { member: object(ObjectKind::Account, key), people: 1 };
        let of = object(ObjectKind::Group, &format!("group/{name}"));
        Change { members: members.iter().map(member).collect(), ..Change::new(&"chat".into(), Action::AddMembers, of, Reason::Joiner) }
    };
    let (sales, support) = (group("sales", &["hr/1", "hr/2"]), group("support", &["hr/1"]));
    let refused = Outcome::Failed(crate::model::SystemError::Rejected("hr/1 is no member there".into()));
    let events = [
        Event::started(&plan(), "jane"),
        Event::intent(ChangeId(0), &sales, 1),
        Event::intent(ChangeId(1), &support, 1),
        Event::outcome(ChangeId(0), &sales, &Outcome::Done { id: None }, None),
        Event::outcome(ChangeId(1), &support, &refused, None),
    ];
    store.commit(entries("r1", Timestamp::UNIX_EPOCH, &events)).await.unwrap();
    let journal = Journal::new(store.as_ref());
    let mut whose = history::KnownSubjects::default();
    let mut told = async |key: &str| -> Vec<(String, Option<ResultWord>)> {
        let found = history::RecordedChanges::within(&journal, (0, u64::MAX), Some(&[key.into()].into()), &Default::default(), &mut whose)
            .await
            .unwrap();
        found.changes.iter().map(|one| (one.words(), one.result)).collect()
    };
    let gets = |name: &str, key: &str, result| (format!("group {name} gets {key}"), Some(result));
    assert_eq!(told("hr/1").await, [gets("sales", "hr/1", ResultWord::Done), gets("support", "hr/1", ResultWord::Failed)]);
    assert_eq!(told("hr/2").await, [gets("sales", "hr/2", ResultWord::Done)]);
    assert_eq!(told("hr/3").await, []);
}

#[tokio::test]
async fn the_last_entry_of_a_time_is_found_wherever_the_journal_begins() {
    let (_folder, store) = store().await;
    let journal = Journal::new(store.as_ref());
    let at = |second| Timestamp::from_second(second).unwrap();
    assert_eq!(journal.last_until(at(0)).await.unwrap(), 0, "there is none");
    let resumed = |second| entries("r", at(second), &[Event::Resumed { who: "jane".into() }]);
    // Entry n is of second 10 n, and the last two are of one second.
    store.commit((1..=7).chain([7]).flat_map(|number| resumed(number * 10)).collect()).await.unwrap();
    for (second, found) in [(9, 0), (10, 1), (39, 3), (40, 4), (69, 6), (70, 8), (999, 8)] {
        assert_eq!(journal.last_until(at(second)).await.unwrap(), found, "{second}");
    }
    let third = store.lines(2, None).await.unwrap().remove(0);
    store.commit(vec![Fact::Cut(crate::state::Head { seq: 3, hash: crate::state::hex(&third.hash) })]).await.unwrap();
    for (second, found) in [(10, 0), (39, 0), (40, 4), (55, 5), (999, 8)] {
        assert_eq!(journal.last_until(at(second)).await.unwrap(), found, "{second}, cut off");
    }
    assert_eq!((journal.at(5).await.unwrap(), journal.at(2).await.unwrap(), journal.at(9).await.unwrap()), (Some(at(50)), None, None));
}
