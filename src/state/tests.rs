//! What is kept comes back, and what is not ours is refused.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::model::{Action, Baseline, Deactivation, Link, LinkOrigin, Memory, ObjectKind, RecordLink, WindowEntry};

fn now() -> Timestamp {
    "2026-11-22T10:00:00.123456789Z".parse().unwrap()
}

fn link(key: &str, id: &str) -> Link {
    Link {
        target: Arc::from("chat"),
        kind: ObjectKind::Account,
        key: Arc::from(key),
        id: Arc::from(id),
        origin: LinkOrigin::Created,
        system: u64::MAX,
        name: Some(Arc::from("ada")),
        at: now(),
    }
}

fn record(record: &str, identity: &str) -> RecordLink {
    RecordLink { source: Arc::from("ldap"), record: Arc::from(record), identity: Arc::from(identity) }
}

#[test]
fn what_is_recorded_is_remembered_and_what_is_forgotten_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/er/state.db");
    let store = Store::open(&path, "acme").unwrap();
    assert_eq!(store.load().unwrap(), Memory::default(), "a new state knows nothing");

    let deactivation = Deactivation { target: Arc::from("chat"), id: Arc::from("7"), at: now() };
    let baseline = Baseline { system: Arc::from("hr"), kind: ObjectKind::Account, scope: u64::MAX, count: 40, at: now() };
    let target = Arc::from("chat");
    let entry = |at| WindowEntry {
        target: Arc::clone(&target),
        kind: ObjectKind::Account,
        action: Action::Deactivate,
        weight: 3,
        leaver: true,
        at,
    };
    let other = WindowEntry { leaver: false, ..entry(now()) };
    store
        .write(|tx| {
            record_link(tx, &link("hr/1", "7"))?;
            record_link(tx, &link("hr/2", "8"))?;
            record_link(tx, &link("hr/2", "9"))?;
            record_deactivation(tx, &Deactivation { at: now() - SignedDuration::from_hours(1), ..deactivation.clone() })?;
            record_deactivation(tx, &deactivation)?;
            record_deactivation(tx, &Deactivation { id: Arc::from("8"), ..deactivation.clone() })?;
            record_window(tx, &WindowEntry { weight: 1, ..entry(now() - SignedDuration::from_millis(1)) })?;
            record_window(tx, &WindowEntry { weight: 2, ..entry(now()) })?;
            record_window(tx, &other)?;
            record_window(tx, &entry(now() - SignedDuration::from_hours(48)))?;
            record_completed_run(tx, now())
        })
        .unwrap();
    store.record_records(&[record("a", "hr/1"), record("c", "hr/2")]).unwrap();
    store.record_records(&[record("b", "hr/1"), record("c", "hr/3")]).unwrap();
    store.record_baselines(std::slice::from_ref(&baseline)).unwrap();
    store.forget_deactivations(&[("chat", "8")]).unwrap();
    assert_eq!(store.prune_windows(now() - SignedDuration::from_hours(24)).unwrap(), 1);
    drop(store);

    let store = Store::open(&path, "acme").unwrap();
    let expected = Memory {
        known: true,
        links: vec![link("hr/1", "7"), link("hr/2", "9")],
        records: vec![record("b", "hr/1"), record("c", "hr/3")],
        deactivations: vec![deactivation],
        baselines: vec![baseline],
        windows: vec![other, entry(now())],
        revocations: Vec::new(),
        cut_off: Vec::new(),
    };
    assert_eq!(store.load().unwrap(), expected);

    store
        .write(|tx| {
            forget_link(tx, "chat", ObjectKind::Account, "hr/1")?;
            forget_deactivation(tx, "chat", "7")
        })
        .unwrap();
    let memory = store.load().unwrap();
    assert_eq!((memory.links, memory.deactivations), (vec![link("hr/2", "9")], vec![]));
}

#[test]
fn a_state_of_another_workspace_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    drop(Store::open(&path, "acme").unwrap());
    let error = Store::open(&path, "umbrella").unwrap_err();
    assert!(error.to_string().contains(r#"belongs to workspace "acme", and this one is "umbrella""#), "{error}");
    assert!(Store::open_existing(&path).is_ok());
}

#[test]
fn files_that_are_no_state_are_refused_and_stay_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text");
    std::fs::write(&text, "employee_id,first,last\n".repeat(100)).unwrap();
    assert!(matches!(Store::open(&text, "acme"), Err(StateError::Foreign { .. })));
    assert!(std::fs::read_to_string(&text).unwrap().starts_with("employee_id"));

    let other = folder.path().join("other.db");
    rusqlite::Connection::open(&other).unwrap().execute_batch("CREATE TABLE auth_user (id INTEGER)").unwrap();
    assert!(matches!(Store::open(&other, "acme"), Err(StateError::Foreign { .. })));

    let newer = folder.path().join("newer.db");
    drop(Store::open(&newer, "acme").unwrap());
    rusqlite::Connection::open(&newer).unwrap().pragma_update(None, "user_version", 99).unwrap();
    assert!(matches!(Store::open(&newer, "acme"), Err(StateError::Version { found: 99, .. })));
    assert!(matches!(Store::open_existing(&folder.path().join("none")), Err(StateError::Missing { .. })));
}

#[test]
fn two_runs_do_not_overlap_and_the_message_names_the_holder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let (one, other) = (Store::open(&path, "acme").unwrap(), Store::open(&path, "acme").unwrap());
    let held = one.lock("jane").unwrap();
    let error = other.lock("joe").unwrap_err().to_string();
    assert!(error.contains(&format!("jane, process {} on ", std::process::id())), "{error}");
    drop(held);
    assert!(other.lock("joe").is_ok());
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let store = Store::open(&path, "acme").unwrap();
    let _lock = store.lock("jane").unwrap();
    for name in ["state.db", "state.db-wal", "state.db.lock"] {
        let mode = std::fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}
