//! What is said of people is sealed wherever a state is, and whoever is erased is in none of its bytes.

use std::path::Path;

use jiff::Timestamp;
use rstest::rstest;

use super::tests::{Kind, Place, link, record};
use super::*;
use crate::journal::{Entry, Event, Intent, Journal, entry};
use crate::manifest::connection::SecretRef;
use crate::manifest::kinds::{StateEncryption, StateSpec};
use crate::model::{Approval, Decided};

const WORDS: [&str; 4] = ["hr/4711", "lovelace", "countess@example.org", "engine of steel"];

fn intent(change: u32, key: &str, name: &str, address: &str) -> Event {
    let json = format!(
        r#"{{"change": {change}, "attempt": 1, "target": "chat", "action": "create", "reason": "joiner",
            "object": {{"kind": "account", "key": "{key}", "id": "ID-{name}", "name": "{name}"}},
            "attributes": [{{"attribute": "userName", "after": "{name}"}}, {{"attribute": "emails", "before": "old {address}", "after": "{address}"}},
                {{"attribute": "password", "after": "hunter2"}}]}}"#
    );
    Event::Intent(serde_json::from_str::<Intent>(&json).unwrap())
}

fn members(change: u32, keys: &[&str]) -> Event {
    let json = format!(
        r#"{{"change": {change}, "attempt": 1, "target": "chat", "action": "addMembers", "reason": "joiner",
            "object": {{"kind": "group", "key": "group/sales", "id": "g1", "name": "Sales"}}, "members": {keys:?}}}"#
    );
    Event::Intent(serde_json::from_str::<Intent>(&json).unwrap())
}

/// One of each that says something of somebody.
fn events() -> Vec<Event> {
    let outcome = |key: &str, message: Option<&str>| Event::Outcome {
        change: crate::model::ChangeId(0),
        target: "chat".into(),
        key: key.into(),
        result: crate::journal::ResultWord::Failed,
        id: Some(if key == "group/sales" { "g1" } else { "ID-lovelace" }.into()),
        message: message.map(str::to_owned),
    };
    vec![
        intent(0, "hr/4711", "lovelace", "countess@example.org"),
        outcome("hr/4711", Some("lovelace has an engine of steel already")),
        members(1, &["hr/2", "hr/4711", "group/below"]),
        outcome("group/sales", Some("hr/4711 is no member")),
        outcome("group/sales", None),
        Event::Revoked { keys: vec!["hr/4711".into(), "hr/2".into()], reason: "lovelace left".into(), until: None, who: "jane".into() },
        Event::Receipt { key: "hr/4711".into(), target: "chat".into(), outcome: crate::model::ReceiptWord::Done, message: None },
        Event::Lifted { keys: vec!["hr/4711".into()], why: "lovelace is back".into() },
        intent(2, "hr/2", "babbage", "charles@example.org"),
    ]
}

fn lines(events: &[Event]) -> Vec<Fact> {
    events.iter().map(|event| entry(&"r1".into(), Timestamp::UNIX_EPOCH, event)).collect()
}

async fn told(store: &dyn Store) -> Vec<Event> {
    let mut told = Vec::new();
    Journal::new(store).each(None, |entry: Entry| told.push(entry.event)).await.unwrap();
    told
}

/// All that stands in the state: a copy of every table, and the files as they are.
async fn bytes(store: &dyn Store, place: &Place) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.db");
    store.copy_to(copy.clone()).await.unwrap();
    let mut all = std::fs::read(copy).unwrap();
    if let Place::File(folder) = place {
        all.extend(below(folder.path()));
    }
    all
}

fn below(folder: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for found in std::fs::read_dir(folder).unwrap() {
        let path = found.unwrap().path();
        all.extend(if path.is_dir() { below(&path) } else { std::fs::read(path).unwrap() });
    }
    all
}

fn holds(bytes: &[u8], word: &str) -> bool {
    bytes.to_ascii_lowercase().windows(word.len()).any(|part| part == word.as_bytes())
}

#[rstest]
#[tokio::test]
async fn what_the_journal_says_of_people_is_sealed_and_comes_back(
    #[values(Kind::File, Kind::Objects, Kind::S3, Kind::Postgres)] kind: Kind,
) {
    let Some(place) = Place::of(kind) else { return };
    let store = place.open("acme").await.unwrap();
    let lock = store.lock("jane").await.unwrap();
    store.commit(lines(&events())).await.unwrap();
    let found = format!("{:?}", told(store.as_ref()).await);
    assert_eq!(found, format!("{:?}", events()).replace("hunter2", "(secret)"));
    assert_eq!(Journal::new(store.as_ref()).verify().await.unwrap().entries, 9);
    let all = bytes(store.as_ref(), &place).await;
    for word in WORDS {
        assert!(!holds(&all, word), "{word}");
    }
    for word in ["group/sales", "emails", "joiner", "chat"] {
        assert!(holds(&all, word), "{word} may be found");
    }
    store.release(lock).await.unwrap();
    drop(store);
    let again = place.look("acme").await.unwrap().unwrap();
    assert_eq!(format!("{:?}", told(again.as_ref()).await), found);
}

#[rstest]
#[tokio::test]
async fn whoever_is_erased_is_in_no_byte_and_the_chain_is_whole(#[values(Kind::File, Kind::Objects, Kind::S3, Kind::Postgres)] kind: Kind) {
    let Some(place) = Place::of(kind) else { return };
    let store = place.open("acme").await.unwrap();
    let lock = store.lock("jane").await.unwrap();
    let plan = Approval {
        plan: "lovelace, countess@example.org".into(),
        decision: Decided::Approve,
        approver: "jane".into(),
        reason: None,
        at: Timestamp::UNIX_EPOCH,
        expires: None,
        targets: Vec::new(),
        document: None,
        used: None,
    };
    let mut facts = lines(&events());
    facts.extend([
        Fact::Linked(Link { name: Some("lovelace".into()), ..link("hr/4711", "ID-lovelace") }),
        Fact::Linked(Link { kind: ObjectKind::Entitlement, ..link("hr/4711#seat", "ID-lovelace") }),
        Fact::Linked(link("hr/4711x", "8")),
        Fact::Linked(link("hr/2", "9")),
        Fact::Record(record("lovelace", "hr/4711")),
        Shelf::Plans.put("abc", &plan),
    ]);
    store.commit(facts).await.unwrap();
    assert_eq!(Shelf::Plans.all::<Approval>(store.as_ref()).await.unwrap(), [("abc".into(), plan)]);
    let all = bytes(store.as_ref(), &place).await;
    assert!(!holds(&all, "countess@example.org"), "a plan that waits is sealed");

    let subjects = store.subjects_of(vec!["hr/4711".into()]).await.unwrap();
    assert_eq!(subjects.len(), 1);
    let gone = || vec![Fact::Erased(vec!["hr/4711".into()]), Fact::SubjectsGone(subjects.clone()), Shelf::Plans.take("abc")];
    store.commit(gone()).await.unwrap();
    let all = bytes(store.as_ref(), &place).await;
    for word in WORDS.into_iter().chain(["id-lovelace"]).filter(|word| *word != "hr/4711") {
        assert!(!holds(&all, word), "{word}");
    }
    let memory = store.load().await.unwrap();
    let keys: Vec<_> = memory.links.iter().map(|link| link.key.as_ref()).collect();
    assert_eq!((keys, memory.records), (vec!["hr/2", "hr/4711x"], Vec::new()), "nobody else's goes with it");
    assert!(Shelf::Plans.all::<Approval>(store.as_ref()).await.unwrap().is_empty());
    assert!(store.subjects_of(vec!["hr/4711".into()]).await.unwrap().is_empty());

    let erased = format!("erased/{}", subjects[0]);
    let told = told(store.as_ref()).await;
    assert!(matches!(&told[0], Event::Intent(intent) if *intent.object.key == *erased && &*intent.object.name == "(erased)"));
    assert!(matches!(&told[0], Event::Intent(intent) if intent.attributes.iter().all(|change| change.after.is_none())));
    assert!(matches!(&told[2], Event::Intent(intent) if intent.members.iter().map(AsRef::as_ref).eq(["hr/2", &erased, "group/below"])));
    assert!(
        matches!(&told[5], Event::Revoked { keys, reason, .. } if keys.iter().map(AsRef::as_ref).eq([erased.as_str(), "hr/2"]) && &**reason == "lovelace left")
    );
    assert_eq!(told[8], Event::clone(&events()[8]).secretless(), "others are readable");
    assert_eq!(Journal::new(store.as_ref()).verify().await.unwrap().entries, 9);

    // What is said later stands under another key; asked twice it is as well.
    store.commit(lines(&[intent(3, "hr/4711", "lovelace", "countess@example.org")])).await.unwrap();
    let again = store.subjects_of(vec!["hr/4711".into()]).await.unwrap();
    assert!(again.len() == 1 && again != subjects, "{again:?}");
    store.commit(gone()).await.unwrap();
    store.release(lock).await.unwrap();
}

fn place_wrapped_by(folder: &Path, file: Option<&str>) -> StatePlace {
    let encryption = file.map(|file| StateEncryption { secret: SecretRef::File(file.to_owned()) });
    StatePlace::of(&StateSpec { encryption, ..StateSpec::default() }, folder, "acme", "state.db")
}

#[tokio::test]
async fn keys_are_wrapped_by_the_secret_that_the_workspace_names() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let state = |secret: Option<&str>| {
        let file = match secret {
            Some(secret) => {
                std::fs::write(folder.path().join(secret), format!("{secret}, and long")).unwrap();
                Some(secret)
            }
            None => None,
        };
        place_wrapped_by(folder.path(), file)
    };
    let ours = open(state(Some("ours")), "acme").await.unwrap();
    ours.commit(lines(&events()[..1])).await.unwrap();
    assert_eq!(told(ours.as_ref()).await.len(), 1);
    let kept = ours.subjects(Subjects::After("".into())).await.unwrap();
    assert!(!kept[0].wrapped_by.is_empty());
    drop(ours);
    for other in [state(Some("another")), state(None)] {
        let store = open(other, "acme").await.unwrap();
        let told = told(store.as_ref()).await;
        assert!(matches!(&told[0], Event::Intent(intent) if intent.object.key.starts_with("sealed/")), "{told:?}");
        assert!(matches!(store.subjects_of(vec!["hr/4711".into()]).await, Err(StateError::Locked { .. })), "nobody is erased in part");
    }
    let again = look_at(state(Some("ours")), "acme").await.unwrap().unwrap();
    assert!(matches!(&told(again.as_ref()).await[0], Event::Intent(intent) if &*intent.object.key == "hr/4711"));
    // Another secret takes its place, and nobody is needed any more who has the former one.
    let former = || Wrapping::of(&"ours, and long".to_owned().into());
    let renewed = open(state(Some("renewed")), "acme").await.unwrap();
    assert_eq!(renewed.wrap_keys(None).await.unwrap(), Wrapped { anew: 0, locked: 1 });
    assert_eq!(renewed.wrap_keys(former()).await.unwrap(), Wrapped { anew: 1, locked: 0 });
    assert_eq!(renewed.wrap_keys(former()).await.unwrap(), Wrapped::default());
    assert!(matches!(&told(renewed.as_ref()).await[0], Event::Intent(intent) if &*intent.object.key == "hr/4711"));
    drop(renewed);
    // Whoever only looks goes on without it, and whoever would write does not.
    let nowhere = place_wrapped_by(folder.path(), Some("none"));
    assert!(look_at(&nowhere, "acme").await.is_ok());
    let error = open(&nowhere, "acme").await.unwrap_err();
    assert!(error.to_string().contains("state.encryption"), "{error}");
    assert!(path.exists());
}

impl Event {
    /// As it is written: without secrets.
    fn secretless(mut self) -> Self {
        if let Self::Intent(intent) = &mut self {
            intent.attributes = intent.attributes.iter().map(crate::model::AttributeChange::as_written).collect();
        }
        self
    }
}

/// Another process erased somebody who comes back: the one that goes on tells of them under a key that is there.
#[rstest]
#[tokio::test]
async fn who_comes_back_after_being_erased_beside_a_process_is_told_of_again(#[values(Kind::File, Kind::Postgres)] kind: Kind) {
    let Some(place) = Place::of(kind) else { return };
    let store = place.open("acme").await.unwrap();
    let lock = store.lock("jane").await.unwrap();
    let told_in = |run: &str| vec![entry(&run.into(), Timestamp::UNIX_EPOCH, &intent(0, "hr/4711", "lovelace", "countess@example.org"))];
    store.commit(told_in("r1")).await.unwrap();
    let subjects = store.subjects_of(vec!["hr/4711".into()]).await.unwrap();
    let other = place.open("acme").await.unwrap();
    let beside = other.lock_beside().await.unwrap();
    other.commit(vec![Fact::SubjectsGone(subjects)]).await.unwrap();
    drop(beside);
    store.commit(told_in("r2")).await.unwrap();
    let names: Vec<bool> = told(store.as_ref()).await.iter().map(|event| format!("{event:?}").contains("lovelace")).collect();
    assert_eq!(names, [false, true]);
    store.release(lock).await.unwrap();
}

/// What waits, what others keep changing, what systems push.
#[rstest]
#[tokio::test]
async fn what_says_something_of_people_on_a_shelf_is_sealed_and_gone_with_the_thing(
    #[values(Kind::File, Kind::Objects, Kind::S3, Kind::Postgres)] kind: Kind,
) {
    let Some(place) = Place::of(kind) else { return };
    let store = place.open("acme").await.unwrap();
    let shelves = [Shelf::Plans, Shelf::Contested, Shelf::Inbox];
    store.commit(shelves.iter().map(|shelf| shelf.put("1", &WORDS)).collect()).await.unwrap();
    store.commit(vec![Shelf::Requests.put("1", &"anybody may see it")]).await.unwrap();
    let all = bytes(store.as_ref(), &place).await;
    assert!(WORDS.iter().all(|word| !holds(&all, word)) && holds(&all, "anybody may see it"));
    drop(store);
    let store = place.open("acme").await.unwrap();
    for shelf in shelves {
        assert_eq!(shelf.all::<Vec<String>>(store.as_ref()).await.unwrap(), [("1".into(), WORDS.map(str::to_owned).to_vec())]);
    }
    assert_eq!(store.subjects(Subjects::After("".into())).await.unwrap().len(), 3);
    store.commit(shelves.iter().map(|shelf| shelf.take("1")).collect()).await.unwrap();
    assert_eq!(store.subjects(Subjects::After("".into())).await.unwrap(), [], "and nobody opens a copy that is somewhere");
}
